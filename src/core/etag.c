/* SPDX-License-Identifier: Apache-2.0 */
/* Decides by form and encryption headers whether an ETag is an MD5. */
#include "vers3/core/etag.h"

#include <string.h>

#include "vers3/util/hex.h"

#define SSE "x-amz-server-side-encryption"

bool etag_md5(const char *etag, const struct kvlist *headers,
	      unsigned char ret_md5[ETAG_MD5_BYTES])
{
	const char *sse = kvlist_get(headers, SSE);

	if (sse && strncmp(sse, "aws:", 4) == 0)
		return false;
	return !kvlist_get(headers, SSE "-customer-algorithm") &&
	       hex_read(etag, ETAG_MD5_BYTES, ret_md5);
}
