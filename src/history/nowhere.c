/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: asks the dirty table, the namespace and the versions. */
#include "vers3/history/nowhere.h"

#include <errno.h>
#include <stdio.h>

#include "vers3/history/named_object.h"
#include "vers3/history/nothing.h"
#include "vers3/meta/dirty.h"
#include "view_node.h"

/* Whether anything at a path, or below it, is to be sent yet. */
static bool is_pending(struct view *view, const char *path)
{
	char below[META_KEY_MAX + 2];
	struct meta_dirty dirty;
	bool pending;

	if (snprintf(below, sizeof(below), "%s/", path) >= (int)sizeof(below) ||
	    meta_lock(view->meta))
		return false;
	pending = !meta_dirty_get(view->meta, path, &dirty) ||
		  meta_dirty_any_below(view->meta, below);
	meta_unlock(view->meta);
	return pending;
}

bool is_nowhere(struct view *view, const char *path)
{
	struct named_object what;
	struct buf unused;
	bool never = false;
	int rc;

	if (!*path || is_pending(view, path))
		return false;
	buf_init(&unused, 4 * META_KEY_MAX);
	rc = named_object_find(view, path, &what, &unused);
	buf_release(&unused);
	if (rc != -ENOENT && rc != -ENOTDIR)
		return false;
	return !nothing_ever(view, path, &never) && never;
}
