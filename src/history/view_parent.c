/* SPDX-License-Identifier: Apache-2.0 */
/* Where the directories of the versions view hang. */
#include <errno.h>
#include <string.h>

#include "vers3/history/view.h"
#include "vers3/util/path.h"
#include "view_node.h"

/* It hangs in the live directory at that path. */
static int live_at(char *live, const char *path)
{
	strcpy(live, path);
	return 1;
}

/* Of a directory of an instant. */
static int snapshot_parent(struct view *view, const struct view_node *n,
			   struct vfs_entry *ret, char *live)
{
	struct past_entry e = {.dir = true};
	char path[META_KEY_MAX + 1];
	struct view_node up;
	int rc = 0;

	if (strlen(n->path) == n->root_len) { /* the instant's own */
		if (n->root == MOUNT_AT_INO)
			return live_at(live, "");
		memset(&up, 0, sizeof(up));
		up.kind = VIEW_NAME;
		up.dir = true;
		up.root_len = n->root_len;
		strcpy(up.path, n->path);
		return view_node_entry(view, &up, ret);
	}
	strcpy(path, n->path);
	path_to_parent(path);
	if (!*path && n->root == MOUNT_AT_INO)
		return live_at(live, "");
	if (*path)
		rc = snapshot_find(view, view->snapshot, n->at_ns, path, &e);
	if (rc)
		return rc;
	view_node_of_snapshot(n, path, &e, &up);
	return view_node_entry(view, &up, ret);
}

int view_parent(struct view *view, uint64_t ino, struct vfs_entry *ret,
		char *live)
{
	struct view_node n;
	int rc = view_node_read(view, ino, &n);

	if (rc)
		return rc;
	if (n.kind == VIEW_PAST_DIR)
		return snapshot_parent(view, &n, ret, live);
	if (n.kind == VIEW_GMT) {
		memset(&n, 0, sizeof(n));
		n.kind = VIEW_NAME;
		return view_node_entry(view, &n, ret);
	}
	if (n.kind != VIEW_NAME)
		return -ENOTDIR;
	if (strlen(n.path) == n.root_len)
		return live_at(live, n.path);
	path_to_parent(n.path);
	n.dir = true;
	n.known = false;
	return view_node_entry(view, &n, ret);
}
