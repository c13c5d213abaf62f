/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the two digests of each size that is tried. */
#include "part_sizes.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "vers3/util/hex.h"

#define MD5_BYTES 16
#define PARTS_MAX 10000u
#define MIB(n)	  (UINT64_C(n) << 20)

/* vers3's and awscli's, of the SDKs, rclone's, s3cmd's; what people set. */
static const uint64_t usual[] = {MIB(8),   MIB(5),   MIB(16),  MIB(15),
				 MIB(10),  MIB(64),  MIB(32),  MIB(6),
				 MIB(12),  MIB(20),  MIB(24),  MIB(25),
				 MIB(48),  MIB(50),  MIB(100), MIB(128),
				 MIB(256), MIB(512), MIB(1024)};

struct tried_size {
	uint64_t part_bytes;
	uint64_t done; /* of the part that is under way */
	EVP_MD_CTX *part, *whole; /* owned; whole: of the parts' digests */
};

struct part_sizes {
	unsigned parts; /* as the ETag says */
	size_t count;
	struct tried_size tried[PART_SIZES_MAX];
};

unsigned part_sizes_count_of(const char *etag)
{
	char digest[2 * MD5_BYTES + 1];
	unsigned char bytes[MD5_BYTES];
	unsigned long parts;
	char *end;

	if (!etag || strlen(etag) < 2 * MD5_BYTES + 2 ||
	    etag[2 * MD5_BYTES] != '-' ||
	    !isdigit((unsigned char)etag[2 * MD5_BYTES + 1]))
		return 0;
	memcpy(digest, etag, 2 * MD5_BYTES);
	digest[2 * MD5_BYTES] = '\0';
	if (!hex_read(digest, MD5_BYTES, bytes))
		return 0;
	errno = 0;
	parts = strtoul(etag + 2 * MD5_BYTES + 1, &end, 10);
	return errno || *end || parts > PARTS_MAX ? 0 : (unsigned)parts;
}

size_t part_sizes_that_fit(uint64_t size_bytes, unsigned parts, uint64_t *sizes,
			   size_t count)
{
	size_t found = 0;

	if (!parts || !size_bytes)
		return 0;
	/* One part is of the object's size, whatever was set. */
	if (parts == 1 && count) {
		sizes[0] = size_bytes;
		return 1;
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (found < count &&
		    (size_bytes - 1) / usual[i] + 1 == (uint64_t)parts)
			sizes[found++] = usual[i];
	return found;
}

static int begin_digest(EVP_MD_CTX **ret)
{
	*ret = EVP_MD_CTX_new();
	return *ret && EVP_DigestInit_ex2(*ret, EVP_md5(), NULL) ? 0 : -ENOMEM;
}

int part_sizes_new(uint64_t size_bytes, const char *etag,
		   struct part_sizes **ret_sizes)
{
	uint64_t sizes[PART_SIZES_MAX];
	unsigned parts = part_sizes_count_of(etag);
	size_t count =
		part_sizes_that_fit(size_bytes, parts, sizes, PART_SIZES_MAX);
	struct part_sizes *p;
	int rc = 0;

	*ret_sizes = NULL;
	if (!count || EVP_default_properties_is_fips_enabled(NULL))
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->parts = parts;
	p->count = count;
	for (size_t i = 0; !rc && i < count; i++) {
		p->tried[i].part_bytes = sizes[i];
		rc = begin_digest(&p->tried[i].part);
		if (!rc)
			rc = begin_digest(&p->tried[i].whole);
	}
	if (rc)
		part_sizes_free(p);
	else
		*ret_sizes = p;
	return rc;
}

void part_sizes_free(struct part_sizes *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		EVP_MD_CTX_free(p->tried[i].part);
		EVP_MD_CTX_free(p->tried[i].whole);
	}
	free(p);
}

static int end_part(struct tried_size *t)
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	t->done = 0;
	return EVP_DigestFinal_ex(t->part, md5, &len) &&
			       EVP_DigestUpdate(t->whole, md5, len) &&
			       EVP_DigestInit_ex2(t->part, EVP_md5(), NULL)
		       ? 0
		       : -ENOMEM;
}

static int add_to(struct tried_size *t, const unsigned char *data, size_t size)
{
	int rc = 0;

	while (!rc && size) {
		uint64_t left = t->part_bytes - t->done;
		size_t n = left < size ? (size_t)left : size;

		if (!EVP_DigestUpdate(t->part, data, n))
			return -ENOMEM;
		t->done += n;
		data += n;
		size -= n;
		if (t->done == t->part_bytes)
			rc = end_part(t);
	}
	return rc;
}

int part_sizes_add(struct part_sizes *p, const void *data, size_t size)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->count; i++)
		rc = add_to(&p->tried[i], data, size);
	return rc;
}

int part_sizes_end(struct part_sizes *p, const char *etag, bool *ret_found,
		   uint64_t *ret_part_bytes)
{
	bool found = false;

	for (size_t i = 0; i < p->count; i++) {
		struct tried_size *t = &p->tried[i];
		unsigned char md5[EVP_MAX_MD_SIZE];
		char text[2 * EVP_MAX_MD_SIZE + 16];
		unsigned len = 0;

		if ((t->done && end_part(t)) ||
		    !EVP_DigestFinal_ex(t->whole, md5, &len))
			return -ENOMEM;
		hex_write(md5, len, text);
		snprintf(text + strlen(text), 16, "-%u", p->parts);
		if (!found && !strcasecmp(text, etag)) {
			found = true;
			*ret_part_bytes = t->part_bytes;
		}
	}
	*ret_found = found;
	return 0;
}
