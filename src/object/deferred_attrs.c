/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides what may come late, writes and reads the tag that brings it, and
 * joins it with a head.
 */
#include "vers3/object/deferred_attrs.h"

#include <errno.h>
#include <string.h>

#include "vers3/core/tagset.h"
#include "vers3/object/sparse.h"
#include "vers3/object/tags.h"

#define TAG_MAX	 256 /* S3's limit of a value */
#define TAGS_MAX 10 /* of a version */

static const char *const names[] = {
	"file-permissions", "file-owner", "file-group", "file-mtime", "mtime",
};
#define NAMES (sizeof(names) / sizeof(*names))

static bool is_late(const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strcmp(name, LATE_MARK) || !strcmp(name, SPARSE_META);
}

/* Whether a tag of that name is one of these. */
bool deferred_is_tag(const char *name)
{
	return !strcmp(name, LATE_TAG) || !strcmp(name, SPARSE_META);
}

/* Whether every pair of a that is never late is in b. */
static bool has_all(const struct kvlist *a, const struct kvlist *b)
{
	for (size_t i = 0; i < a->count; i++) {
		const char *other = kvlist_get(b, a->items[i].name);

		if (is_late(a->items[i].name))
			continue;
		if (!other || strcmp(other, a->items[i].value) != 0)
			return false;
	}
	return true;
}

static bool has_names(const struct kvlist *meta)
{
	for (size_t i = 0; i < NAMES; i++)
		if (!kvlist_get(meta, names[i]))
			return false;
	return true;
}

/*
 * Holes come late where nothing was known of them. What is in the metadata has
 * to stay true for those, too, who may not read tags.
 */
static bool holes_can(const struct kvlist *began, const struct kvlist *want,
		      bool *needed)
{
	const char *a = kvlist_get(began, SPARSE_META);
	const char *b = kvlist_get(want, SPARSE_META);

	if (a)
		return sparse_same(a, b);
	if (b && kvlist_get(began, LATE_MARK) && has_names(want))
		*needed = true;
	return true;
}

bool deferred_can(const struct kvlist *began, const struct kvlist *want,
		  bool *ret_needed)
{
	bool needed = false;

	if (!has_all(began, want) || !has_all(want, began))
		return false;
	for (size_t i = 0; i < NAMES; i++) {
		const char *a = kvlist_get(began, names[i]);
		const char *b = kvlist_get(want, names[i]);

		/* Cut short, for there was no room (object_meta.c). */
		if (!a && !b)
			continue;
		if (!a || !b)
			return false;
		needed = needed || strcmp(a, b) != 0;
	}
	if (!holes_can(began, want, &needed))
		return false;
	if (needed && (!kvlist_get(began, LATE_MARK) || !has_names(want)))
		return false;
	*ret_needed = needed;
	return true;
}

static int make_value(const struct kvlist *want, struct buf *value)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < NAMES; i++) {
		const char *text = kvlist_get(want, names[i]);

		rc = text ? buf_printf(value, "%s%s", i ? " " : "", text)
			  : -EINVAL;
	}
	return rc;
}

/* A value that is not of this form changes nothing. */
static int take_value(const char *value, struct kvlist *meta)
{
	char text[TAG_MAX + 1], *fields[NAMES], *at = text;
	size_t count = 0;
	int rc = 0;

	if (strlen(value) > TAG_MAX)
		return 0;
	strcpy(text, value);
	while (count < NAMES && (fields[count] = strsep(&at, " ")))
		count++;
	if (count != NAMES || at)
		return 0;
	for (size_t i = 0; !rc && i < NAMES; i++)
		rc = kvlist_set(meta, names[i], fields[i]);
	return rc;
}

int deferred_head(struct store *store, struct store_request *head)
{
	struct store_object *o = &head->reply.object;
	const char *count, *value, *holes;
	struct kvlist tags;
	int rc = store_call(store, head);

	if (rc || !kvlist_get(&o->meta, LATE_MARK))
		return rc;
	/* Absent too for those who may not read tags. */
	count = kvlist_get(&o->headers, TAGS_HEADER);
	if (!count || !strcmp(count, "0"))
		return 0;
	kvlist_init(&tags);
	rc = tagset_get(store, head->key,
			o->version_id ? o->version_id : head->version_id,
			&tags);
	value = rc ? NULL : kvlist_get_exact(&tags, LATE_TAG);
	holes = value ? kvlist_get_exact(&tags, SPARSE_META) : NULL;
	if (value)
		rc = take_value(value, &o->meta);
	if (!rc && holes)
		rc = kvlist_set(&o->meta, SPARSE_META, holes);
	kvlist_release(&tags);
	/* Who may not read the tag sees what the upload began with. */
	return rc == -EACCES || rc == -EOPNOTSUPP ? 0 : rc;
}

int deferred_put(struct store *store, const char *key, const char *version_id,
		 const struct kvlist *want, bool found)
{
	const char *holes = kvlist_get(want, SPARSE_META);
	struct kvlist old, tags;
	struct buf value;
	int rc = 0;

	kvlist_init(&old);
	kvlist_init(&tags);
	buf_init(&value, TAG_MAX);
	if (found)
		rc = tagset_get(store, key, version_id, &old);
	if (!rc)
		rc = deferred_without(&old, &tags);
	if (!rc)
		rc = make_value(want, &value);
	if (!rc)
		rc = kvlist_add(&tags, LATE_TAG, value.data);
	if (!rc && holes && tags.count < TAGS_MAX)
		rc = kvlist_add(&tags, SPARSE_META, holes);
	if (!rc)
		rc = tagset_put(store, key, version_id, &tags);
	buf_release(&value);
	kvlist_release(&tags);
	kvlist_release(&old);
	return rc;
}

int deferred_without(const struct kvlist *tags, struct kvlist *ret)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < tags->count; i++)
		if (!deferred_is_tag(tags->items[i].name))
			rc = kvlist_add(ret, tags->items[i].name,
					tags->items[i].value);
	return rc;
}
