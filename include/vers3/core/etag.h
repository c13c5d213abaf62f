/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ETag says of the bytes (docs: API_Object, "ETag").
 *
 * Pure; any thread.
 */
#ifndef VERS3_CORE_ETAG_H
#define VERS3_CORE_ETAG_H

#include <stdbool.h>

#include "vers3/util/kv.h"

#define ETAG_MD5_BYTES 16

/*
 * Whether an ETag (NULL: none) is the MD5 of the object's bytes, and which, as
 * far as its headers tell: not of what was put together of parts, nor under
 * KMS and customer keys.
 */
bool etag_md5(const char *etag, const struct kvlist *headers,
	      unsigned char ret_md5[ETAG_MD5_BYTES]);

#endif
