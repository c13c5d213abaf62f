/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives an inode the mode of one that must not be read, decides by a list and
 * by its age when it is asked again, and drops its base when it is replaced.
 */
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

int refused_take(struct tree *tree, struct meta_inode *inode, int64_t asked_ns)
{
	inode->mode = S_ISDIR(inode->mode) ? S_IFDIR | 0700 : S_IFREG;
	inode->flags |= META_I_REFUSED | META_I_LACKS_UID | META_I_LACKS_GID;
	inode->flags &= ~(uint32_t)META_I_LACKS_MODE;
	meta_fill_in(tree->meta, inode->flags, &inode->mode, &inode->uid,
		     &inode->gid);
	if (!S_ISDIR(inode->mode))
		inode->listed_ns = asked_ns;
	return clear(tree, inode->ino);
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

bool refused_lately(struct tree *tree, const struct meta_inode *inode)
{
	int64_t age = clock_real_ns() - inode->listed_ns;

	if (!(inode->flags & META_I_REFUSED))
		return false;
	/* Each list of a directory makes it asked again. */
	if (S_ISDIR(inode->mode))
		return dir_is_fresh(tree, inode);
	return age >= 0 && age < tree->mount->config.ttl_ns;
}

int refused_replace(struct tree *tree, struct meta_inode *inode)
{
	int rc = clear(tree, inode->ino);

	if (rc)
		return rc;
	inode->mode = S_IFREG;
	inode->flags |= META_I_LACKS;
	meta_fill_in(tree->meta, inode->flags, &inode->mode, &inode->uid,
		     &inode->gid);
	/* None of its bytes are seen; nothing is copied from it. */
	memset(&inode->base, 0, sizeof(inode->base));
	inode->base_bytes = 0;
	inode->flags &= ~(uint32_t)(META_I_REFUSED | META_I_RENAMED);
	inode->flags |= META_I_ATTRS | META_I_ATTR_DIRTY;
	return 0;
}
