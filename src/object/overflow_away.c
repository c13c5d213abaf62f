/* SPDX-License-Identifier: Apache-2.0 */
/* Overflows that an inode names and that were not read yet. */
#include <errno.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/object/objattr.h"
#include "vers3/object/overflow.h"
#include "vers3/util/log.h"

int overflow_away_ref(struct mount *mount, uint64_t ino, char **ret_ref)
{
	struct meta_val val;
	int rc = meta_xattr_get(mount->meta, ino, OVERFLOW_XATTR, &val);
	char *ref = NULL;

	if (rc && rc != -ENODATA)
		return rc;
	if (!rc) {
		ref = strndup(val.data, val.size);
		if (!ref)
			return -ENOMEM;
	}
	*ret_ref = ref;
	return 0;
}

int overflow_is_away(struct mount *mount, uint64_t ino, enum overflow_part part)
{
	char *ref;
	int rc = overflow_away_ref(mount, ino, &ref);

	if (rc)
		return rc;
	rc = ref && (part == OVERFLOW_ANY || overflow_has_rights(ref));
	free(ref);
	return rc;
}

static bool is_still(struct mount *mount, uint64_t ino, const char *text)
{
	struct meta_val val;

	return !meta_xattr_get(mount->meta, ino, OVERFLOW_XATTR, &val) &&
	       val.size == strlen(text) && !memcmp(val.data, text, val.size);
}

/* With meta_lock() held. What is here already came with the object, or later.
 */
static int bring(struct mount *mount, uint64_t ino,
		 const struct objattr_xattrs *x)
{
	struct meta_inode inode;
	struct meta_val val;
	int rc = meta_inode_get(mount->meta, ino, &inode);

	if (rc)
		return rc;
	inode.flags &= ~(uint32_t)META_I_CAPABLE;
	for (size_t i = 0; !rc && i < x->count; i++) {
		const struct objattr_xattr *one = &x->items[i];

		rc = meta_xattr_get(mount->meta, ino, one->name, &val);
		if (rc == -ENODATA)
			rc = meta_xattr_set(mount->meta, ino, one->name,
					    one->value, one->size);
	}
	if (!rc && !meta_xattr_get(mount->meta, ino, XATTR_NAME_CAPS, &val))
		inode.flags |= META_I_CAPABLE;
	if (!rc)
		rc = meta_inode_put(mount->meta, &inode);
	return rc ? rc : meta_xattr_del(mount->meta, ino, OVERFLOW_XATTR);
}

/* As overflow_away_ref(), without a lock. */
static int read_away(struct mount *mount, uint64_t ino, char **ret_ref)
{
	int rc = meta_lock(mount->meta);

	if (rc)
		return rc;
	rc = overflow_away_ref(mount, ino, ret_ref);
	meta_unlock(mount->meta);
	return rc;
}

/* Brings x in if that is still what is away. */
static int bring_still(struct mount *mount, uint64_t ino, const char *text,
		       const struct objattr_xattrs *x)
{
	int rc = meta_lock(mount->meta);

	if (rc)
		return rc;
	if (is_still(mount, ino, text))
		rc = bring(mount, ino, x);
	meta_unlock(mount->meta);
	return rc;
}

int overflow_load(struct mount *mount, uint64_t ino)
{
	struct objattr_xattrs x = {0};
	char *text;
	int rc = read_away(mount, ino, &text);

	if (rc || !text)
		return rc;
	rc = overflow_read(mount, text, &x);
	if (!rc)
		rc = bring_still(mount, ino, text, &x);
	objattr_xattrs_release(&x);
	free(text);
	return rc;
}

int overflow_give_up(struct mount *mount, uint64_t ino)
{
	struct objattr_xattrs none = {0};
	char *text;
	int rc = read_away(mount, ino, &text);

	if (rc || !text)
		return rc;
	/* No byte goes by this: the bucket has none of them any more. */
	rc = overflow_is_gone(mount, text)
		     ? bring_still(mount, ino, text, &none)
		     : -EIO;
	if (!rc)
		log_warning("the object %s is gone: what a file had there is "
			    "given up, as its access control list was removed",
			    text);
	free(text);
	return rc;
}
