/* SPDX-License-Identifier: Apache-2.0 */
/* How a version becomes a record and comes back; owns nothing. */
#include "filed.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct packed {
	uint64_t size_bytes;
	int64_t last_modified_ns;
	uint8_t marks[FILED_MARKS];
};
static_assert(sizeof(struct packed) == FILED_HEAD, "records stay as they are");

size_t filed_pack(const struct history_entry *e,
		  const uint8_t marks[FILED_MARKS], char *val)
{
	size_t vid = strlen(e->version_id) + 1, etag = strlen(e->etag) + 1;
	struct packed p;

	memset(&p, 0, sizeof(p));
	p.size_bytes = e->size_bytes;
	p.last_modified_ns = e->last_modified_ns;
	memcpy(p.marks, marks, sizeof(p.marks));
	memcpy(val, &p, sizeof(p));
	memcpy(val + sizeof(p), e->version_id, vid);
	memcpy(val + sizeof(p) + vid, e->etag, etag);
	return sizeof(p) + vid + etag;
}

int filed_unpack(const struct meta_val *val, struct history_entry *ret,
		 uint8_t ret_marks[FILED_MARKS])
{
	const char *vid, *etag, *end = (const char *)val->data + val->size;
	struct packed p;

	if (val->size < sizeof(p) + 2 || end[-1])
		return -EIO;
	memcpy(&p, val->data, sizeof(p));
	vid = (const char *)val->data + sizeof(p);
	etag = vid + strlen(vid) + 1;
	if (etag >= end || strlen(vid) > META_VERSION_MAX ||
	    strlen(etag) > META_ETAG_MAX)
		return -EIO;
	ret->size_bytes = p.size_bytes;
	ret->last_modified_ns = p.last_modified_ns;
	memcpy(ret_marks, p.marks, sizeof(p.marks));
	strcpy(ret->version_id, vid);
	strcpy(ret->etag, etag);
	return 0;
}
