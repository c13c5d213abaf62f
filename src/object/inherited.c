/* SPDX-License-Identifier: Apache-2.0 */
/* Words of directories, in heads, for what is made in them. */
#include "vers3/object/inherited.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

#include "vers3/core/mount.h"

static const struct {
	const char *wanted; /* the note's name */
	const char *carried; /* the header's, of a directory's object */
} words[] = {
	[INHERITED_CLASS] = {CLASS_WANTED, "x-amz-meta-" CLASS_META},
	[INHERITED_EXPIRE] = {EXPIRE_WANTED, "x-amz-meta-" EXPIRE_META},
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

const char *inherited_carried(enum inherited word, const struct kvlist *head)
{
	return kvlist_get(head, words[word].carried);
}

const char *inherited_known(enum inherited word, uint32_t mode,
			    const struct kvlist *head)
{
	const char *wanted = kvlist_get(head, words[word].wanted);

	return wanted || !S_ISDIR(mode) ? wanted
					: inherited_carried(word, head);
}

int inherited_head(struct mount *mount, uint64_t ino, struct kvlist *ret_head)
{
	int rc = meta_head_get(mount->meta, ino, ret_head);

	return rc == -ENOENT ? 0 : rc;
}

int inherited_give(struct mount *mount, uint64_t dir,
		   const struct meta_inode *inode)
{
	struct kvlist head, own;
	int rc;

	if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
		return 0;
	kvlist_init(&head);
	kvlist_init(&own);
	rc = inherited_head(mount, dir, &head);
	for (size_t i = 0; !rc && i < WORD_COUNT; i++) {
		const char *text =
			inherited_known((enum inherited)i, S_IFDIR, &head);

		if (text && *text)
			rc = kvlist_add(&own, words[i].wanted, text);
	}
	if (!rc && own.count)
		rc = meta_head_put(mount->meta, inode->ino, &own);
	kvlist_release(&own);
	kvlist_release(&head);
	return rc;
}
