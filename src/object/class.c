/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of classes in the heads of inodes. */
#include "vers3/object/class.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/s3/archive.h"

#define HEADER	"x-amz-storage-class"
#define OF_DIR	"x-amz-meta-" CLASS_META
#define DEFAULT "STANDARD" /* HEAD leaves it out */

bool class_is_name(const char *text, size_t size)
{
	if (!size || size > CLASS_NAME_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_' &&
		    text[i] != '-')
			return false;
	return true;
}

static int read_head(struct mount *mount, uint64_t ino, struct kvlist *head)
{
	int rc = meta_head_get(mount->meta, ino, head);

	return rc == -ENOENT ? 0 : rc;
}

/* What the object has of it, or hands down; NULL: nothing. */
static const char *carried(uint32_t mode, const struct kvlist *head)
{
	const char *class = kvlist_get(head, S_ISDIR(mode) ? OF_DIR : HEADER);

	return class || S_ISDIR(mode) ? class : DEFAULT;
}

/* The same with what is to come. */
static const char *class_of(const struct meta_inode *inode,
			    const struct kvlist *head)
{
	const char *named = kvlist_get(head, CLASS_WANTED);

	if (named)
		return *named ? named : NULL;
	return inode->base.key[0] || S_ISDIR(inode->mode)
		       ? carried(inode->mode, head)
		       : NULL;
}

int class_set(struct mount *mount, const struct meta_inode *inode,
	      const char *class, bool *ret_same)
{
	const char *now;
	struct kvlist head;
	bool same = false;
	int rc;

	kvlist_init(&head);
	rc = read_head(mount, inode->ino, &head);
	if (rc)
		goto out;
	now = class_of(inode, &head);
	same = class ? now && !strcmp(now, class) : !now;
	if (same)
		goto out;
	if (!S_ISDIR(inode->mode) && archive_is_closed(&head)) {
		rc = -EREMOTE;
		goto out;
	}
	rc = kvlist_set(&head, CLASS_WANTED, class ? class : "");
	if (!rc)
		rc = meta_head_put(mount->meta, inode->ino, &head);
out:
	kvlist_release(&head);
	if (!rc)
		*ret_same = same;
	return rc;
}

int class_get(struct mount *mount, const struct meta_inode *inode,
	      struct buf *value)
{
	const char *named;
	struct kvlist head;
	int rc;

	kvlist_init(&head);
	rc = read_head(mount, inode->ino, &head);
	named = rc ? NULL : class_of(inode, &head);
	if (!rc)
		rc = named ? buf_puts(value, named) : -ENODATA;
	kvlist_release(&head);
	return rc;
}

int class_inherit(struct mount *mount, const struct meta_inode *dir,
		  const struct meta_inode *inode)
{
	struct kvlist head, own;
	const char *class;
	int rc;

	if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
		return 0;
	kvlist_init(&head);
	kvlist_init(&own);
	rc = read_head(mount, dir->ino, &head);
	class = rc ? NULL : class_of(dir, &head);
	if (class)
		rc = read_head(mount, inode->ino, &own);
	if (!rc && class)
		rc = kvlist_set(&own, CLASS_WANTED, class);
	if (!rc && class)
		rc = meta_head_put(mount->meta, inode->ino, &own);
	kvlist_release(&own);
	kvlist_release(&head);
	return rc;
}

const char *class_to_come(uint32_t mode, const struct kvlist *old,
			  const struct kvlist *head)
{
	const char *wanted = kvlist_get(old, CLASS_WANTED);
	const char *now = carried(mode, head);

	return wanted && strcmp(wanted, now ? now : "") ? wanted : NULL;
}
