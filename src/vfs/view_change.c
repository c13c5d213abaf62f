/* SPDX-License-Identifier: Apache-2.0 */
/* What can be changed in the versions view: very little. */
#include <errno.h>

#include "undelete.h"
#include "vers3/util/log.h"
#include "view_node.h"

int view_unlink(struct vfs *v, uint64_t parent, const char *name)
{
	struct history_entry e;
	struct view_node dir;
	int rc = view_node_read(v, parent, &dir);

	if (!rc && dir.kind != VIEW_NAME)
		rc = -EROFS;
	if (!rc)
		rc = view_find_version(v, dir.path, name, &e);
	if (rc)
		return rc == -ENOENT ? -EPERM : rc;
	if (e.marker && e.latest)
		return undelete_remove(v, dir.path, e.version_id);
	log_info("%s: a version is not removed without -o versions=purge",
		 dir.path);
	return -EPERM;
}
