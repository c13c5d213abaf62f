/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, MD5 and HMAC over OpenSSL's EVP interface. */
#include "vers3/s3/digest.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/util/hex.h"

#define READ_BYTES ((size_t)256 << 10)
#define MD5_BYTES  16

struct digest {
	EVP_MD *sha256; /* owned */
	EVP_MD *md5; /* owned; NULL where FIPS rules it out */
	EVP_MAC *hmac; /* owned */
	EVP_MAC_CTX *hmac_sha256; /* owned: never used, only copied */
};

int digest_new(struct digest **ret_digest)
{
	static char name[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name,
						 0),
		OSSL_PARAM_construct_end(),
	};
	struct digest *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	d->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	d->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (d->hmac)
		d->hmac_sha256 = EVP_MAC_CTX_new(d->hmac);
	if (!d->sha256 || !d->hmac_sha256 ||
	    !EVP_MAC_CTX_set_params(d->hmac_sha256, params)) {
		digest_free(d);
		return -ENOTSUP;
	}
	*ret_digest = d;
	return 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MAC_CTX_free(d->hmac_sha256);
	EVP_MAC_free(d->hmac);
	EVP_MD_free(d->md5);
	EVP_MD_free(d->sha256);
	free(d);
}

int digest_sha256(const struct digest *d, const void *data, size_t len,
		  char hex[DIGEST_HEX_SIZE])
{
	uint8_t out[DIGEST_BYTES];

	if (!EVP_Digest(data, len, out, NULL, d->sha256, NULL))
		return -ENOMEM;
	hex_write(out, sizeof(out), hex);
	return 0;
}

/* What a body is run through, a piece at a time. */
struct running {
	EVP_MD_CTX *sha256, *md5; /* owned; NULL where not wanted */
	bool sums; /* the check is wanted */
	uint64_t crc;
};

static int start_one(const EVP_MD *md, EVP_MD_CTX **ret)
{
	*ret = EVP_MD_CTX_new();
	return *ret && EVP_DigestInit_ex2(*ret, md, NULL) ? 0 : -ENOMEM;
}

static int start(const struct digest *d, unsigned want, struct running *r)
{
	int ret = 0;

	memset(r, 0, sizeof(*r));
	r->sums = want & DIGEST_CRC64NVME;
	if (want & DIGEST_SHA256)
		ret = start_one(d->sha256, &r->sha256);
	if (!ret && (want & DIGEST_MD5) && d->md5)
		ret = start_one(d->md5, &r->md5);
	return ret;
}

static int add(struct running *r, const void *data, size_t size)
{
	if ((r->sha256 && !EVP_DigestUpdate(r->sha256, data, size)) ||
	    (r->md5 && !EVP_DigestUpdate(r->md5, data, size)))
		return -ENOMEM;
	if (r->sums)
		r->crc = crc_add(CRC_64NVME, r->crc, data, size);
	return 0;
}

static int finish(struct running *r, struct digests *ret)
{
	uint8_t out[EVP_MAX_MD_SIZE];

	memset(ret, 0, sizeof(*ret));
	if (r->sha256) {
		if (!EVP_DigestFinal_ex(r->sha256, out, NULL))
			return -ENOMEM;
		hex_write(out, DIGEST_BYTES, ret->sha256);
	}
	if (r->md5) {
		if (!EVP_DigestFinal_ex(r->md5, out, NULL))
			return -ENOMEM;
		EVP_EncodeBlock((unsigned char *)ret->md5, out, MD5_BYTES);
	}
	if (r->sums)
		crc_text(CRC_64NVME, r->crc, ret->crc64nvme);
	return 0;
}

/* Adds up to READ_BYTES of fd. The number, 0 at the end, or -errno. */
static ssize_t add_fd(struct running *r, int fd, uint64_t offset, uint64_t left,
		      uint8_t *room)
{
	size_t len = left < READ_BYTES ? (size_t)left : READ_BYTES;
	ssize_t got;

	do
		got = pread(fd, room, len, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return add(r, room, (size_t)got) ? -ENOMEM : got;
}

static int add_file(struct running *r, int fd, uint64_t offset, uint64_t length)
{
	uint8_t *room = malloc(READ_BYTES);
	ssize_t got = room ? 0 : -ENOMEM;

	for (uint64_t done = 0; got >= 0 && done < length;
	     done += (uint64_t)got) {
		got = add_fd(r, fd, offset + done, length - done, room);
		if (!got)
			got = -EIO;
	}
	free(room);
	return got < 0 ? (int)got : 0;
}

/* Pieces, so that the second looks at them where the first has left them. */
static int add_memory(struct running *r, const uint8_t *mem, uint64_t length)
{
	int ret = 0;

	for (uint64_t done = 0; !ret && done < length; done += READ_BYTES) {
		uint64_t left = length - done;

		ret = add(r, mem + done,
			  left < READ_BYTES ? (size_t)left : READ_BYTES);
	}
	return ret;
}

int digest_body(const struct digest *d, unsigned want, const void *mem, int fd,
		uint64_t offset, uint64_t length, struct digests *ret)
{
	struct running r;
	int rc = start(d, want, &r);

	if (!rc && want)
		rc = mem ? add_memory(&r, mem, length)
			 : add_file(&r, fd, offset, length);
	if (!rc)
		rc = finish(&r, ret);
	EVP_MD_CTX_free(r.sha256);
	EVP_MD_CTX_free(r.md5);
	return rc;
}

int digest_md5_of_hex(const char *hex, char base64[DIGEST_BASE64_SIZE])
{
	uint8_t out[MD5_BYTES];

	if (!hex_read(hex, sizeof(out), out))
		return -EINVAL;
	EVP_EncodeBlock((unsigned char *)base64, out, MD5_BYTES);
	return 0;
}

int digest_md5(const struct digest *d, const void *data, size_t len,
	       char base64[DIGEST_BASE64_SIZE])
{
	uint8_t out[MD5_BYTES];

	if (!d->md5)
		return -ENOTSUP;
	if (!EVP_Digest(data, len, out, NULL, d->md5, NULL))
		return -ENOMEM;
	EVP_EncodeBlock((unsigned char *)base64, out, sizeof(out));
	return 0;
}

int digest_hmac(const struct digest *d, const void *key, size_t key_len,
		const char *text, uint8_t mac[DIGEST_BYTES])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(d->hmac_sha256);
	size_t len = 0;
	int ok;

	ok = ctx && EVP_MAC_init(ctx, key, key_len, NULL) &&
	     EVP_MAC_update(ctx, (const unsigned char *)text, strlen(text)) &&
	     EVP_MAC_final(ctx, mac, &len, DIGEST_BYTES);
	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}
