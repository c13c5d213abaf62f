/* SPDX-License-Identifier: Apache-2.0 */
#include "tags.h"

#include <errno.h>
#include <string.h>

#include "late.h"
#include "vers3/s3/tagging.h"

#define DOC_MAX 65536 /* 10 tags of 128 + 256 characters */

int tags_get(struct store *store, const char *key, const char *version_id,
	     struct kvlist *tags)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET_TAGGING);
	r.key = key;
	r.version_id = version_id;
	rc = store_call(store, &r);
	if (!rc)
		rc = tagging_parse(r.reply.body.data, r.reply.body.len, tags);
	store_request_release(&r);
	return rc;
}

/* Whether the copy is of what the key holds itself. */
static bool is_in_place(const struct meta_inode *in, const struct conflict *c)
{
	const struct meta_version *base = &in->base;

	if (!c->held || strcmp(base->key, c->path) != 0)
		return false;
	if (base->version_id[0] && c->version_id[0])
		return !strcmp(base->version_id, c->version_id);
	return !strcmp(base->etag, c->etag);
}

/*
 * What is known of the object tells, if it is of the base: a file that was
 * given another version's content has not asked.
 */
static int may_have_some(struct vfs *v, const struct meta_inode *in,
			 const struct conflict *c, bool *ret_some)
{
	struct kvlist head;
	const char *count;
	int rc;

	kvlist_init(&head);
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_head_get(v->meta, in->ino, &head);
	meta_unlock(v->meta);
	count = rc ? NULL : kvlist_get(&head, TAGS_HEADER);
	*ret_some = (count && strcmp(count, "0") != 0) ||
		    (!(in->flags & META_I_RENAMED) && !is_in_place(in, c));
	kvlist_release(&head);
	return rc == -ENOENT ? 0 : rc;
}

/* All but the one that is for the metadata that was replaced. */
static int write_others(const struct kvlist *tags, struct buf *doc,
			size_t *ret_count)
{
	struct kvlist others;
	int rc = 0;

	kvlist_init(&others);
	for (size_t i = 0; !rc && i < tags->count; i++)
		if (strcmp(tags->items[i].name, LATE_TAG) != 0)
			rc = kvlist_add(&others, tags->items[i].name,
					tags->items[i].value);
	*ret_count = others.count;
	if (!rc && others.count)
		rc = tagging_write(&others, doc);
	kvlist_release(&others);
	return rc;
}

static int put(struct vfs *v, const char *key, const char *version_id,
	       const struct buf *doc)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_PUT_TAGGING);
	r.key = key;
	r.version_id = version_id;
	r.body.mem = doc->data;
	r.body.length = doc->len;
	rc = store_call(v->store, &r);
	store_request_release(&r);
	return rc;
}

int tags_carry(struct vfs *v, const struct meta_inode *in,
	       const struct conflict *c, const char *source, const char *key,
	       const struct meta_version *to, size_t *ret_count)
{
	const char *id = in->base.version_id;
	struct kvlist tags;
	struct buf doc;
	size_t count = 0;
	bool some = false;
	int rc = may_have_some(v, in, c, &some);

	if (rc || !some)
		return rc;
	kvlist_init(&tags);
	buf_init(&doc, DOC_MAX);
	rc = tags_get(v->store, source, id[0] ? id : NULL, &tags);
	if (!rc)
		rc = write_others(&tags, &doc, &count);
	id = to->version_id;
	if (!rc && count)
		rc = put(v, key, id[0] ? id : NULL, &doc);
	if (!rc)
		*ret_count = count;
	buf_release(&doc);
	kvlist_release(&tags);
	/* Who may not, or where the source is gone, copies without. */
	return rc == -EACCES || rc == -EOPNOTSUPP || rc == -ENOENT ? 0 : rc;
}
