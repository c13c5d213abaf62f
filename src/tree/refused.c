/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/tree/refused.h"

#include <string.h>
#include <sys/stat.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/store/list.h"
#include "vers3/util/clock.h"

/* What an earlier version said of itself is not this one's. */
static int clear(struct tree *tree, uint64_t ino)
{
	int rc = meta_xattr_clear(tree->meta, ino);

	if (!rc)
		rc = meta_head_del(tree->meta, ino);
	return rc == -ENOENT ? 0 : rc;
}

int refused_take(struct tree *tree, struct meta_inode *in, int64_t asked_ns)
{
	in->mode = S_ISDIR(in->mode) ? S_IFDIR | 0700 : S_IFREG;
	in->flags |= META_I_REFUSED | META_I_LACKS_UID | META_I_LACKS_GID;
	in->flags &= ~(uint32_t)META_I_LACKS_MODE;
	meta_fill_in(tree->meta, in->flags, &in->mode, &in->uid, &in->gid);
	if (!S_ISDIR(in->mode))
		in->listed_ns = asked_ns;
	return clear(tree, in->ino);
}

bool refused_surely(struct tree *tree, const char *key)
{
	struct store_list list;
	int rc;

	store_list_init(&list, STORE_LIST, key, NULL);
	list.max_keys = 1;
	rc = store_list_page(tree->mount->store, &list);
	store_list_release(&list);
	return !rc;
}

bool refused_lately(struct tree *tree, const struct meta_inode *in)
{
	int64_t age = clock_real_ns() - in->listed_ns;

	if (!(in->flags & META_I_REFUSED))
		return false;
	/* Each list of a directory makes it asked again. */
	if (S_ISDIR(in->mode))
		return dir_is_fresh(tree, in);
	return age >= 0 && age < tree->mount->config.ttl_ns;
}

int refused_replace(struct tree *tree, struct meta_inode *in)
{
	int rc = clear(tree, in->ino);

	if (rc)
		return rc;
	in->mode = S_IFREG;
	in->flags |= META_I_LACKS;
	meta_fill_in(tree->meta, in->flags, &in->mode, &in->uid, &in->gid);
	/* None of its bytes are seen; nothing is copied from it. */
	memset(&in->base, 0, sizeof(in->base));
	in->base_bytes = 0;
	in->flags &= ~(uint32_t)(META_I_REFUSED | META_I_RENAMED);
	in->flags |= META_I_ATTRS | META_I_ATTR_DIRTY;
	return 0;
}
