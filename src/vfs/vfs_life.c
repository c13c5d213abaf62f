/* SPDX-License-Identifier: Apache-2.0 */
/* The façade's life: the rooms are made and ended in their order. */
#include "vers3/vfs/vfs.h"

#include <errno.h>
#include <stdlib.h>

#include "export.h"
#include "vers3/control/control.h"
#include "vers3/core/bucket_config.h"
#include "vers3/core/mount.h"
#include "vers3/history/view.h"
#include "vers3/journal/journal.h"
#include "vers3/read/reader.h"
#include "vers3/sync/between.h"
#include "vers3/sync/syncer.h"
#include "vers3/tree/tree.h"
#include "vfs_impl.h"

static int precommit(void *ctx)
{
	return staging_sync_all(ctx);
}

int vfs_new(const struct mount_config *config, const struct mount_parts *parts,
	    struct vfs **ret_vfs)
{
	struct vfs *v = calloc(1, sizeof(*v));
	struct mount *mount;
	int rc;

	if (!v)
		return -ENOMEM;
	rc = mount_new(config, parts, &v->mount);
	if (rc)
		goto out;
	mount = v->mount;
	meta_set_defaults(mount->meta, &mount->config.defaults);
	rc = journal_new(mount->meta, mount->pins, &v->journal);
	if (!rc)
		rc = reader_new(mount->store, mount->blocks,
				mount->config.prefix, &v->reader);
	if (!rc)
		rc = export_generation(mount->meta, &v->generation);
	if (!rc)
		rc = tree_new(mount, v->journal, v->reader, &v->tree);
	if (!rc) {
		/* Also for the last commit: meta is closed before staging. */
		meta_set_precommit(mount->meta, precommit, mount->staging);
		rc = syncer_new(mount, v->journal, v->reader, v->tree,
				&v->syncer);
	}
	if (!rc)
		rc = view_new(mount, v->journal, v->reader, v->tree, v->syncer,
			      &v->view);
	if (!rc)
		rc = control_new(mount, v->reader, v->tree, v->syncer, v->view,
				 &v->control);
	if (!rc)
		rc = tree_begin(v->tree);
out:
	if (rc) {
		vfs_free(v);
		return rc;
	}
	*ret_vfs = v;
	return 0;
}

void vfs_set_notify(struct vfs *v, const struct mount_notify *notify)
{
	v->mount->notify = *notify;
}

uint64_t vfs_generation(const struct vfs *v)
{
	return v->generation;
}

int vfs_drain(struct vfs *v)
{
	uint64_t left = 0;
	int rc, failed;

	if (v->mount->config.read_only)
		return 0;
	rc = syncer_sync_all(v->syncer, "", &left);
	if (!rc)
		between_look(v->syncer);
	/* A namespace that has failed cannot tell what is left. */
	failed = meta_sync(v->mount->meta);
	if (failed)
		return failed;
	/* Given up: how much is left was not looked at to the end. */
	if (rc == -EINTR)
		return -ETIMEDOUT;
	if (!left)
		return rc;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

void vfs_end(struct vfs *v)
{
	tree_end(v->tree);
	control_free(v->control);
	view_free(v->view);
	/* All reads have been answered: what is queued has ended, too. */
	tree_end_reads(v->tree);
	syncer_end(v->syncer);
}

void vfs_drop(struct vfs *v)
{
	syncer_free(v->syncer);
	reader_free(v->reader);
	if (v->mount)
		meta_sync(v->mount->meta);
	tree_free(v->tree);
	journal_free(v->journal);
	mount_free(v->mount);
	free(v);
}

void vfs_free(struct vfs *v)
{
	if (!v)
		return;
	vfs_end(v);
	vfs_drop(v);
}
