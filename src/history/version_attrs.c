/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: a node of the view for each, as if it were looked up. */
#include "vers3/history/version_attrs.h"

#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/util/pool.h"
#include "view_node.h"

#define SPELLING "@" /* no instant's that has a name */

struct asking {
	struct view *view;
	struct version_attrs *items;
};

static int ask_one(void *ctx, unsigned i)
{
	const struct asking *a = ctx;
	struct version_attrs *it = &a->items[i];
	const struct past_entry e = {it->dir, it->bare, it->version};
	struct view_node n, root = {.at_ns = it->at_ns};
	struct stat st;
	uint64_t ino;

	/* A directory's is filed by its version, if it has one. */
	root.root = *it->version.version_id
			    ? view_node_root_number(MOUNT_VERSIONS_INO,
						    it->version.version_id, 0)
			    : view_node_root_number(MOUNT_VERSIONS_INO,
						    SPELLING, it->at_ns);
	view_node_of_snapshot(&root, it->path, &e, &n);
	it->result = view_node_file(a->view, &n, &ino);
	if (!it->result)
		it->result = view_node_attrs(a->view, ino, &n);
	if (it->result)
		return it->result;
	view_node_stat(a->view, ino, &n, &st);
	it->mode = st.st_mode;
	it->uid = st.st_uid;
	it->gid = st.st_gid;
	it->rdev = st.st_rdev;
	it->mtime_ns = n.mtime_ns;
	return 0;
}

void version_attrs_ask(struct view *view, struct pool *pool, unsigned width,
		       struct version_attrs *items, unsigned count)
{
	struct asking a = {view, items};

	pool_each(pool, width, count, ask_one, &a);
}
