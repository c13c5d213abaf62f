/* SPDX-License-Identifier: Apache-2.0 */
#include "refused.h"

#include <string.h>
#include <sys/stat.h>

#include "dir_impl.h"
#include "vers3/store/list.h"
#include "vers3/util/clock.h"

/* What an earlier version said of itself is not this one's. */
static int clear(struct vfs *v, uint64_t ino)
{
	int rc = meta_xattr_clear(v->meta, ino);

	if (!rc)
		rc = meta_head_del(v->meta, ino);
	return rc == -ENOENT ? 0 : rc;
}

int refused_take(struct vfs *v, struct meta_inode *in, int64_t asked_ns)
{
	in->mode = S_ISDIR(in->mode) ? S_IFDIR | 0700 : S_IFREG;
	in->flags |= META_I_REFUSED | META_I_LACKS_UID | META_I_LACKS_GID;
	in->flags &= ~(uint32_t)META_I_LACKS_MODE;
	meta_fill_in(v->meta, in->flags, &in->mode, &in->uid, &in->gid);
	if (!S_ISDIR(in->mode))
		in->listed_ns = asked_ns;
	return clear(v, in->ino);
}

bool refused_surely(struct vfs *v, const char *key)
{
	struct store_list list;
	int rc;

	store_list_init(&list, STORE_LIST, key, NULL);
	list.max_keys = 1;
	rc = store_list_page(v->store, &list);
	store_list_release(&list);
	return !rc;
}

bool refused_lately(struct vfs *v, const struct meta_inode *in)
{
	int64_t age = clock_real_ns() - in->listed_ns;

	if (!(in->flags & META_I_REFUSED))
		return false;
	/* Each list of a directory makes it asked again. */
	if (S_ISDIR(in->mode))
		return dir_is_fresh(v, in);
	return age >= 0 && age < v->config.ttl_ns;
}

int refused_replace(struct vfs *v, struct meta_inode *in)
{
	int rc = clear(v, in->ino);

	if (rc)
		return rc;
	in->mode = S_IFREG;
	in->flags |= META_I_LACKS;
	meta_fill_in(v->meta, in->flags, &in->mode, &in->uid, &in->gid);
	/* None of its bytes are seen; nothing is copied from it. */
	memset(&in->base, 0, sizeof(in->base));
	in->base_bytes = 0;
	in->flags &= ~(uint32_t)(META_I_REFUSED | META_I_RENAMED);
	in->flags |= META_I_ATTRS | META_I_ATTR_DIRTY;
	return 0;
}
