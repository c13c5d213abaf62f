/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of classes in the heads of inodes. */
#include "vers3/object/class.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/object/inherited.h"
#include "vers3/s3/archive.h"

#define HEADER	"x-amz-storage-class"
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

/* What the object has of it, or hands down; NULL: nothing. */
static const char *carried(uint32_t mode, const struct kvlist *head)
{
	const char *class;

	if (S_ISDIR(mode))
		return inherited_carried(INHERITED_CLASS, head);
	class = kvlist_get(head, HEADER);
	return class ? class : DEFAULT;
}

const char *class_known(const struct meta_inode *inode,
			const struct kvlist *head)
{
	const char *named = inherited_known(INHERITED_CLASS, inode->mode, head);

	if (named)
		return *named ? named : NULL;
	return inode->base.key[0] && !S_ISDIR(inode->mode)
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
	rc = inherited_head(mount, inode->ino, &head);
	if (rc)
		goto out;
	now = class_known(inode, &head);
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

const char *class_to_come(uint32_t mode, const struct kvlist *old,
			  const struct kvlist *head)
{
	const char *wanted = kvlist_get(old, CLASS_WANTED);
	const char *now = carried(mode, head);

	return wanted && strcmp(wanted, now ? now : "") ? wanted : NULL;
}
