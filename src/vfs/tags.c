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

int tags_put(struct store *store, const char *key, const char *version_id,
	     const struct kvlist *tags)
{
	struct store_request r;
	struct buf doc;
	int rc;

	buf_init(&doc, DOC_MAX);
	store_request_init(&r, STORE_PUT_TAGGING);
	rc = tagging_write(tags, &doc);
	if (rc)
		goto out;
	r.key = key;
	r.version_id = version_id;
	r.body.mem = doc.data;
	r.body.length = doc.len;
	rc = store_call(store, &r);
out:
	store_request_release(&r);
	buf_release(&doc);
	return rc;
}

int tags_without(const struct kvlist *tags, const char *name,
		 struct kvlist *ret)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < tags->count; i++)
		if (strcmp(tags->items[i].name, name) != 0)
			rc = kvlist_add(ret, tags->items[i].name,
					tags->items[i].value);
	return rc;
}

int tags_carry(struct vfs *v, const struct meta_inode *in,
	       const struct conflict *c, const char *source, const char *key,
	       const struct meta_version *to, struct dress *d)
{
	const char *id = in->base.version_id;
	struct kvlist tags, others;
	int rc;

	/*
	 * What is known of the object tells, if it is of the base: a file
	 * that was given another version's content has not asked.
	 */
	if (!d->tag_count &&
	    ((in->flags & META_I_RENAMED) || is_in_place(in, c)))
		return 0;
	kvlist_init(&tags);
	kvlist_init(&others);
	rc = tags_get(v->store, source, id[0] ? id : NULL, &tags);
	/* That one is for the metadata that was replaced. */
	if (!rc)
		rc = tags_without(&tags, LATE_TAG, &others);
	id = to->version_id;
	if (!rc && others.count)
		rc = tags_put(v->store, key, id[0] ? id : NULL, &others);
	d->tag_count = rc ? 0 : others.count;
	kvlist_release(&others);
	kvlist_release(&tags);
	/* Who may not, or where the source is gone, copies without. */
	return rc == -EACCES || rc == -EOPNOTSUPP || rc == -ENOENT ? 0 : rc;
}
