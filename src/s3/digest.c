/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, MD5 and HMAC over OpenSSL's EVP interface. */
#include "vers3/s3/digest.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES ((size_t)256 << 10)

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

void digest_hex(const uint8_t *bytes, char hex[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * DIGEST_BYTES] = '\0';
}

int digest_sha256(const struct digest *d, const void *data, size_t len,
		  char hex[DIGEST_HEX_SIZE])
{
	uint8_t out[DIGEST_BYTES];

	if (!EVP_Digest(data, len, out, NULL, d->sha256, NULL))
		return -ENOMEM;
	digest_hex(out, hex);
	return 0;
}

/* Adds up to READ_BYTES of fd. The number, 0 at the end, or -errno. */
static ssize_t digest_add_fd(EVP_MD_CTX *ctx, int fd, uint64_t offset,
			     size_t len, uint8_t *room)
{
	ssize_t got;

	if (len > READ_BYTES)
		len = READ_BYTES;
	do
		got = pread(fd, room, len, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (!EVP_DigestUpdate(ctx, room, (size_t)got))
		return -ENOMEM;
	return got;
}

int digest_sha256_fd(const struct digest *d, int fd, uint64_t offset,
		     uint64_t length, char hex[DIGEST_HEX_SIZE])
{
	uint8_t out[DIGEST_BYTES];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *room = malloc(READ_BYTES);
	ssize_t got = 0;
	int ret = -ENOMEM;

	if (!ctx || !room || !EVP_DigestInit_ex2(ctx, d->sha256, NULL))
		goto out;
	for (uint64_t done = 0; done < length; done += (uint64_t)got) {
		uint64_t left = length - done;

		got = digest_add_fd(
			ctx, fd, offset + done,
			left < READ_BYTES ? (size_t)left : READ_BYTES, room);
		if (got <= 0) {
			ret = got ? (int)got : -EIO;
			goto out;
		}
	}
	if (!EVP_DigestFinal_ex(ctx, out, NULL))
		goto out;
	digest_hex(out, hex);
	ret = 0;
out:
	free(room);
	EVP_MD_CTX_free(ctx);
	return ret;
}

int digest_md5(const struct digest *d, const void *data, size_t len,
	       char base64[DIGEST_BASE64_SIZE])
{
	uint8_t out[16];

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
