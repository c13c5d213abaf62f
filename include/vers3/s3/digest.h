/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests for signing and for Content-MD5, from OpenSSL. The algorithms are
 * fetched once: a fetch costs more than hashing a request.
 */
#ifndef VERS3_S3_DIGEST_H
#define VERS3_S3_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/util/crc.h"

#define DIGEST_BYTES	   32 /* of SHA-256 */
#define DIGEST_HEX_SIZE	   65 /* in hexadecimal, with its NUL */
#define DIGEST_BASE64_SIZE 25 /* MD5 in base64, with its NUL */

/* Constant after digest_new(): any thread may use it. */
struct digest;

/* 0, -ENOMEM, or -ENOTSUP when OpenSSL lacks SHA-256. */
int digest_new(struct digest **ret_digest);
/* NULL is fine. */
void digest_free(struct digest *d);

/* The SHA-256 of memory in lower-case hexadecimal. 0 or -ENOMEM. */
int digest_sha256(const struct digest *d, const void *data, size_t len,
		  char hex[DIGEST_HEX_SIZE]);
/* What is wanted of a body, which is read once for all of it. */
enum digest_want {
	DIGEST_SHA256 = 1 << 0,
	DIGEST_MD5 = 1 << 1,
	DIGEST_CRC64NVME = 1 << 2,
};

struct digests {
	char sha256[DIGEST_HEX_SIZE];
	char md5[DIGEST_BASE64_SIZE]; /* "" where FIPS rules it out */
	char crc64nvme[CRC_TEXT_SIZE];
};

/*
 * Of length bytes at mem, or when that is NULL of fd from offset. 0, -ENOMEM,
 * -errno of pread, or -EIO when the file ends before.
 */
int digest_body(const struct digest *d, unsigned want, const void *mem, int fd,
		uint64_t offset, uint64_t length, struct digests *ret);
/* As Content-MD5 has it. 0, -ENOMEM, or -ENOTSUP where FIPS rules MD5 out. */
int digest_md5(const struct digest *d, const void *data, size_t len,
	       char base64[DIGEST_BASE64_SIZE]);
/* HMAC-SHA-256 of a text. 0 or -ENOMEM. mac may be key. */
int digest_hmac(const struct digest *d, const void *key, size_t key_len,
		const char *text, uint8_t mac[DIGEST_BYTES]);
/* An MD5 in hexadecimal, as Content-MD5 has it. 0, -EINVAL. */
int digest_md5_of_hex(const char *hex, char base64[DIGEST_BASE64_SIZE]);

#endif
