/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing; see diff_verdict.h. */
#include "diff_verdict.h"

#include <string.h>
#include <sys/stat.h>

#include "vers3/meta/inode.h"

/* Equal content may have two: of one upload, and of parts. */
static bool tells(const struct history_entry *v)
{
	return *v->etag && !strchr(v->etag, '-');
}

/* Without an id of its own a version is known by its ETag and date. */
static bool is_version(const struct history_entry *a,
		       const struct history_entry *b)
{
	if (strcmp(a->version_id, b->version_id) != 0)
		return false;
	return meta_is_version_id(a->version_id) ||
	       (!strcmp(a->etag, b->etag) &&
		a->last_modified_ns == b->last_modified_ns);
}

enum diff_verdict diff_by_lists(const struct diff_side *then,
				const struct diff_side *now)
{
	const struct history_entry *a = &then->version, *b = &now->version;

	if (then->kind == DIFF_NONE)
		return now->kind == DIFF_NONE ? DIFF_SAME : DIFF_ADDED;
	if (now->kind == DIFF_NONE)
		return DIFF_REMOVED;
	if (then->kind != now->kind)
		return DIFF_CHANGED;
	if (!now->unsent && is_version(a, b))
		return DIFF_SAME;
	if (then->kind == DIFF_DIR)
		return DIFF_ASK;
	if (a->size_bytes != b->size_bytes)
		return DIFF_CHANGED;
	return tells(a) && tells(b) && strcmp(a->etag, b->etag) != 0
		       ? DIFF_CHANGED
		       : DIFF_ASK;
}

enum diff_verdict diff_by_attrs(const struct diff_side *then,
				const struct diff_side *now)
{
	if (then->mode != now->mode || then->uid != now->uid ||
	    then->gid != now->gid || then->rdev != now->rdev)
		return DIFF_CHANGED;
	if (then->kind == DIFF_DIR)
		return DIFF_SAME;
	/* Links may share a size and a time, and are no upload in parts. */
	if (S_ISLNK(then->mode) &&
	    strcmp(then->version.etag, now->version.etag) != 0)
		return DIFF_CHANGED;
	return then->mtime_ns == now->mtime_ns ? DIFF_SAME : DIFF_CHANGED;
}
