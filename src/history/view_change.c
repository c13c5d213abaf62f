/* SPDX-License-Identifier: Apache-2.0 */
/* What can be changed in the versions view: very little. */
#include <errno.h>
#include <string.h>

#include "vers3/history/named_snapshots.h"
#include "vers3/history/purge.h"
#include "vers3/history/undelete.h"
#include "vers3/util/log.h"
#include "view_node.h"

int view_unlink(struct view *view, uint64_t parent, const char *name)
{
	struct history_entry e;
	struct view_node dir;
	int rc = view_node_read(view, parent, &dir);

	if (!rc && dir.kind != VIEW_NAME)
		rc = -EROFS;
	if (!rc)
		rc = view_find_version(view, dir.path, name, &e);
	if (rc)
		return rc == -ENOENT ? -EPERM : rc;
	if (e.marker && e.latest)
		return undelete_remove(view, dir.path, e.version_id);
	if (view->mount->config.versions == MOUNT_VERSIONS_PURGE &&
	    !view_path_is_own(dir.path))
		return purge_one(view, dir.path, &e);
	log_info("%s: a version is not removed without -o versions=purge",
		 dir.path);
	return -EPERM;
}

/* Whether a name can be a named point's, in the root's .versions. */
static int check_point(struct view *view, uint64_t parent, const char *name)
{
	struct view_node dir;
	int rc = view_node_read(view, parent, &dir);

	if (rc)
		return rc;
	if (dir.kind != VIEW_NAME || name[0] != '@' ||
	    strlen(dir.path) != dir.root_len)
		return -EROFS;
	if (!dir.path[0])
		return 0;
	log_info("named points are made and removed in the root's %s",
		 view->mount->config.versions_name);
	return -EPERM;
}

int view_mkdir(struct view *view, uint64_t parent, const char *name,
	       struct vfs_entry *ret)
{
	int rc = check_point(view, parent, name);

	if (!rc)
		rc = named_snapshots_make(view, name + 1);
	return rc ? rc : view_lookup(view, parent, name, ret);
}

int view_rmdir(struct view *view, uint64_t parent, const char *name)
{
	int rc = check_point(view, parent, name);

	if (!rc)
		rc = named_snapshots_remove(view, name + 1);
	/* What has no point's name may be there, as a time or a history. */
	return rc == -EINVAL ? -EROFS : rc;
}
