/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archived objects: what their headers say of how they can be read, and the
 * document that asks for it. S3 API: HeadObject (x-amz-restore,
 * x-amz-archive-status), RestoreObject. Pure, any thread.
 */
#ifndef VERS3_S3_ARCHIVE_H
#define VERS3_S3_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

#define ARCHIVE_DAYS_MAX 36500

enum archive_state {
	ARCHIVE_NONE, /* it can be read, and always could */
	/* Of a class by a name that S3 has not: the server knows. */
	ARCHIVE_MAYBE,
	ARCHIVE_FROZEN, /* it has to be restored first */
	ARCHIVE_UNDER_WAY, /* which is being done */
	ARCHIVE_RESTORED, /* it can be read for a time */
};

struct archive {
	enum archive_state state;
	/* RESTORED: since the epoch; 0: no end was told. */
	int64_t until_ns;
	/* A tier of its class: it is restored for good, not for days. */
	bool for_good;
};

enum archive_tier {
	ARCHIVE_TIER_DEFAULT, /* the server's */
	ARCHIVE_TIER_STANDARD,
	ARCHIVE_TIER_BULK,
	ARCHIVE_TIER_EXPEDITED,
};

/* The headers of a HEAD or GET, names in lower case. */
void archive_read(const struct kvlist *headers, struct archive *ret);
/* Whether an object of these headers cannot be read now. */
bool archive_is_closed(const struct kvlist *headers);
/*
 * Whether a list's storage class leaves it open that the object is archived:
 * its HEAD tells. "" is STANDARD.
 */
bool archive_may_be(const char *storage_class);

/* "standard", "bulk" or "expedited", in any case. 0 or -EINVAL. */
int archive_tier_parse(const char *text, enum archive_tier *ret_tier);
/* Appends a RestoreRequest; days 0: for good. 0 or -ENOMEM. */
int archive_write_request(unsigned days, enum archive_tier tier,
			  struct buf *doc);

#endif
