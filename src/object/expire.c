/* SPDX-License-Identifier: Apache-2.0 */
/* The tag of versions, and notes of it in the heads of inodes. */
#include "vers3/object/expire.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vers3/core/bucket_config.h"
#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/object/inherited.h"
#include "vers3/util/clock.h"
#include "vers3/util/duration.h"

#define DAY_NS	     (INT64_C(86400) * NS_PER_S)
#define TAGS_MAX     10 /* of a version */
#define DOCUMENT_MAX (4 << 20)

int expire_parse(const char *text, size_t size, char *ret_text)
{
	char word[EXPIRE_TEXT_MAX] = "";
	int64_t ns;

	if (!size || size >= sizeof(word) || memchr(text, 0, size))
		return -EINVAL;
	memcpy(word, text, size);
	if (!strcmp(word, "never")) {
		*ret_text = '\0';
		return 0;
	}
	if (duration_parse(word, &ns) || !ns || ns % DAY_NS ||
	    ns / DAY_NS > EXPIRE_DAYS_MAX)
		return -EINVAL;
	snprintf(ret_text, EXPIRE_TEXT_MAX, "%dd", (int)(ns / DAY_NS));
	return 0;
}

unsigned expire_days(const char *text)
{
	unsigned long n;
	char *end;

	if (*text < '1' || *text > '9' || strlen(text) >= EXPIRE_TEXT_MAX)
		return 0;
	n = strtoul(text, &end, 10);
	return strcmp(end, "d") || n > EXPIRE_DAYS_MAX ? 0 : (unsigned)n;
}

/* ---- lists of tags, whose names are as they are spelled ---- */

/* A copy of the list with other tags, or without them; then it is the list. */
static int filter(struct kvlist *tags, bool others, const char *text)
{
	struct kvlist all;
	int rc = 0;

	kvlist_init(&all);
	for (size_t i = 0; !rc && others && i < tags->count; i++)
		if (strcmp(tags->items[i].name, EXPIRE_TAG) != 0)
			rc = kvlist_add(&all, tags->items[i].name,
					tags->items[i].value);
	if (!rc && text && *text)
		rc = kvlist_add(&all, EXPIRE_TAG, text);
	if (rc) {
		kvlist_release(&all);
		return rc;
	}
	kvlist_release(tags);
	*tags = all;
	return 0;
}

int expire_put(struct kvlist *tags, const char *text)
{
	return text ? filter(tags, true, text) : 0;
}

int expire_keep_only(struct kvlist *tags)
{
	const char *text = kvlist_get_exact(tags, EXPIRE_TAG);
	char *copy = text ? strdup(text) : NULL;
	int rc = text && !copy ? -ENOMEM : filter(tags, false, copy);

	free(copy);
	return rc;
}

/* ---- versions ---- */

static const char *id_of(const struct meta_version *v)
{
	return v->version_id[0] ? v->version_id : NULL;
}

int expire_set_version(struct mount *mount, const struct meta_version *version,
		       const char *text)
{
	char key[META_KEY_MAX + 1];
	struct kvlist tags;
	const char *now;
	int rc = version->key[0] ? mount_key(mount, version->key, key)
				 : -ENODATA;

	if (rc)
		return rc;
	kvlist_init(&tags);
	rc = tagset_get(mount->store, key, id_of(version), &tags);
	now = kvlist_get_exact(&tags, EXPIRE_TAG);
	if (!rc && strcmp(now ? now : "", text) != 0) {
		rc = expire_put(&tags, text);
		if (!rc && tags.count > TAGS_MAX)
			rc = -ENOSPC;
		if (!rc)
			rc = tagset_put(mount->store, key, id_of(version),
					&tags);
	}
	kvlist_release(&tags);
	return rc;
}

int expire_get_version(struct mount *mount, const struct meta_version *version,
		       struct buf *value)
{
	char key[META_KEY_MAX + 1];
	struct kvlist tags;
	const char *now;
	int rc = version->key[0] ? mount_key(mount, version->key, key)
				 : -ENODATA;

	if (rc)
		return rc;
	kvlist_init(&tags);
	rc = tagset_get(mount->store, key, id_of(version), &tags);
	now = rc ? NULL : kvlist_get_exact(&tags, EXPIRE_TAG);
	if (!rc)
		rc = now && *now ? buf_puts(value, now) : -ENODATA;
	kvlist_release(&tags);
	return rc == -ENOENT ? -ENODATA : rc;
}

bool expire_is_used(struct mount *mount)
{
	struct buf doc;
	bool used;

	buf_init(&doc, DOCUMENT_MAX);
	used = !bucket_config_peek(mount->bucket, BUCKET_LIFECYCLE, &doc) &&
	       doc.len && strstr(doc.data, EXPIRE_TAG);
	buf_release(&doc);
	return used;
}

/* ---- notes ---- */

int expire_note(struct mount *mount, const struct meta_inode *inode,
		const char *text, bool *ret_same)
{
	struct kvlist head;
	const char *now;
	bool same = false;
	int rc;

	kvlist_init(&head);
	rc = inherited_head(mount, inode->ino, &head);
	now = rc ? NULL : inherited_known(INHERITED_EXPIRE, inode->mode, &head);
	/* What a file's version has is not known here. */
	if (now || S_ISDIR(inode->mode))
		same = !strcmp(now ? now : "", text);
	if (!rc && !same)
		rc = kvlist_set(&head, EXPIRE_WANTED, text);
	if (!rc && !same)
		rc = meta_head_put(mount->meta, inode->ino, &head);
	kvlist_release(&head);
	if (!rc)
		*ret_same = same;
	return rc;
}

int expire_known(struct mount *mount, const struct meta_inode *inode,
		 struct buf *value)
{
	struct kvlist head;
	const char *now;
	int rc;

	kvlist_init(&head);
	rc = inherited_head(mount, inode->ino, &head);
	now = rc ? NULL : inherited_known(INHERITED_EXPIRE, inode->mode, &head);
	if (!rc)
		rc = now ? buf_puts(value, now) : -ENODATA;
	kvlist_release(&head);
	return rc;
}

const char *expire_to_come(uint32_t mode, const struct kvlist *old,
			   const struct kvlist *head)
{
	const char *wanted = kvlist_get(old, EXPIRE_WANTED);
	const char *given = S_ISDIR(mode)
				    ? inherited_carried(INHERITED_EXPIRE, head)
				    : kvlist_get(head, EXPIRE_GIVEN);

	if (!given && S_ISDIR(mode))
		given = "";
	return wanted && (!given || strcmp(wanted, given) != 0) ? wanted : NULL;
}
