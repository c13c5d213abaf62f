/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mode, owner and times of versions, for many of them at once. No list has
 * them: each costs a HEAD, and is kept with its version (META_VIEW), which
 * never changes.
 *
 * Any thread, no lock held. S3 API: HeadObject.
 */
#ifndef VERS3_HISTORY_VERSION_ATTRS_H
#define VERS3_HISTORY_VERSION_ATTRS_H

#include <stdbool.h>

#include "vers3/history/history.h"

struct pool;
struct view;

struct version_attrs {
	const char *path; /* borrowed */
	/*
	 * A directory as it was at at_ns, with the version of its own object;
	 * or without, id "", and then bare where that never had any.
	 */
	bool dir, bare;
	int64_t at_ns;
	struct history_entry version;
	/* out, if result is 0 */
	uint32_t mode, uid, gid;
	uint64_t rdev;
	int64_t mtime_ns;
	int result; /* out: 0; -ENOENT: it is gone; -errno */
};

/* Asks for those that are not known, `width` of them at once. Blocks. */
void version_attrs_ask(struct view *view, struct pool *pool, unsigned width,
		       struct version_attrs *items, unsigned count);

#endif
