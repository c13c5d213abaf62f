/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of SSE-C, out of a file that nobody else may read. See "Using
 * server-side encryption with customer-provided keys" of the Amazon S3 User
 * Guide.
 *
 * Read once; constant then, for any thread. No function here logs a key, nor
 * puts one into a reason.
 */
#ifndef VERS3_S3_SSE_KEYS_H
#define VERS3_S3_SSE_KEYS_H

#include <stddef.h>

#include "vers3/s3/digest.h"

#define SSE_KEY_BYTES	    32 /* AES-256 */
#define SSE_KEY_BASE64_SIZE 45 /* with its NUL */
#define SSE_KEYS_MAX	    16

struct sse_key {
	char base64[SSE_KEY_BASE64_SIZE]; /* as headers have it */
	char md5[DIGEST_BASE64_SIZE]; /* of its bytes, likewise */
};

struct sse_keys {
	struct sse_key at[SSE_KEYS_MAX];
	size_t count;
};

/*
 * Reads the file: 32 bytes, or a line for each key with its base64; blank
 * lines and those that begin with # are passed over. It must be a plain file
 * of this user or root with no permission for others. 0; -EINVAL, -ENOTSUP
 * where FIPS rules MD5 out, or what open() fails with, and then reason (size
 * bytes) says it in one line. Wipe it in any case.
 */
int sse_keys_read(const char *path, const struct digest *digest,
		  struct sse_keys *ret, char *reason, size_t size);
void sse_keys_wipe(struct sse_keys *keys);

#endif
