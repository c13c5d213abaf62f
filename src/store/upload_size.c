/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: a walk over the pages of ListParts. */
#include "vers3/store/upload_size.h"

#include <errno.h>

int upload_size(struct store *store, const char *key, const char *upload_id,
		uint64_t *ret_bytes)
{
	uint64_t bytes = 0;
	unsigned after = 0;
	bool more = true;
	int rc = 0;

	while (!rc && more) {
		struct store_request r;

		store_request_init(&r, STORE_LIST_PARTS);
		r.key = key;
		r.upload_id = upload_id;
		r.part_number = after;
		rc = store_call(store, &r);
		more = r.reply.truncated;
		/* Numbers of parts are bounded, and so are the pages. */
		if (!rc && more && r.reply.next_part <= after)
			rc = -EIO;
		bytes += r.reply.parts_bytes;
		after = r.reply.next_part;
		store_request_release(&r);
	}
	if (!rc)
		*ret_bytes = bytes;
	return rc;
}
