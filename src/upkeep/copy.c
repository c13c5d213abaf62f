/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the answer to the HEAD, and a piece of the bytes at a time. */
#include "copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/meta/inode.h"
#include "vers3/util/errtext.h"

void copy_init(struct copy *c, struct store *store, const char *key,
	       const char *version_id)
{
	*c = (struct copy){.store = store, .key = key};
	c->version_id = meta_is_version_id(version_id) ? version_id : NULL;
	store_request_init(&c->head, STORE_HEAD);
}

void copy_release(struct copy *c)
{
	store_request_release(&c->head);
}

void copy_explain(const struct store_request *r, int rc, char *text,
		  size_t size)
{
	const struct store_reply *reply = &r->reply;

	if (!reply->status)
		snprintf(text, size, "%s: %s", store_op_name(r->op),
			 errtext(rc));
	else
		snprintf(text, size, "%s: %d %s%s%.160s (request %s)",
			 store_op_name(r->op), reply->status,
			 *reply->code ? reply->code : errtext(rc),
			 *reply->message ? ": " : "", reply->message,
			 *reply->request_id ? reply->request_id : "unknown");
}

int copy_look(struct copy *c)
{
	const struct store_object *o;
	int rc;

	store_request_release(&c->head);
	rc = store_head(c->store, &c->head, c->key, c->version_id);
	c->fact = (struct fact){.there = false};
	if (rc == -ENOENT)
		return 0;
	if (rc) {
		copy_explain(&c->head, rc, c->why, sizeof(c->why));
		return rc;
	}
	o = &c->head.reply.object;
	c->fact = (struct fact){.there = true,
				.size_bytes = o->size_bytes,
				.etag = o->etag ? o->etag : "",
				.headers = &o->headers,
				.meta = &o->meta};
	return 0;
}

const char *copy_version(const struct copy *c)
{
	const char *id = c->head.reply.object.version_id;

	return meta_is_version_id(id) ? id : NULL;
}

bool copy_is_as_before(const struct copy *before, const struct copy *now)
{
	const char *was = copy_version(before), *is = copy_version(now);

	if (before->fact.there != now->fact.there)
		return false;
	if (!now->fact.there)
		return true;
	if (was && is)
		return !strcmp(was, is);
	return !strcmp(before->fact.etag, now->fact.etag) &&
	       before->head.reply.object.last_modified_ns ==
		       now->head.reply.object.last_modified_ns;
}

/* What one GET brings. */
struct piece {
	char *data; /* owned */
	size_t size, len;
};

/* A retry begins again. */
static int take_bytes(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct piece *p = ctx;

	if (offset > p->size || len > p->size - offset)
		return -EIO;
	memcpy(p->data + offset, data, len);
	p->len = (size_t)offset + len;
	return 0;
}

static int get_piece(struct copy *c, uint64_t offset, struct piece *p)
{
	struct store_request r;
	int rc;

	p->len = 0;
	store_request_init(&r, STORE_GET);
	r.key = c->key;
	r.version_id = copy_version(c);
	r.if_match = *c->fact.etag ? c->fact.etag : NULL;
	r.range_offset = offset;
	r.range_length = p->size;
	r.sink = take_bytes;
	r.sink_ctx = p;
	rc = store_call(c->store, &r);
	if (rc)
		copy_explain(&r, rc, c->why, sizeof(c->why));
	if (!rc && p->len != p->size) {
		snprintf(c->why, sizeof(c->why), "GetObject: it ends early");
		rc = -ESTALE;
	}
	store_request_release(&r);
	return rc == -ENOENT || rc == -EBUSY || rc == -ERANGE ? -ESTALE : rc;
}

int copy_read(struct copy *c, struct throttle *t, uint64_t offset,
	      uint64_t length, copy_bytes_fn fn, void *ctx)
{
	struct piece p = {.data = NULL};
	int rc = 0;

	if (!length)
		return 0;
	p.data = malloc(length < COPY_READ_BYTES ? (size_t)length
						 : (size_t)COPY_READ_BYTES);
	if (!p.data)
		return -ENOMEM;
	for (uint64_t done = 0; !rc && done < length; done += p.size) {
		uint64_t left = length - done;

		p.size = left < COPY_READ_BYTES ? (size_t)left
						: (size_t)COPY_READ_BYTES;
		rc = throttle_take(t, p.size);
		if (!rc)
			rc = get_piece(c, offset + done, &p);
		if (!rc)
			rc = fn(ctx, offset + done, p.data, p.size);
	}
	free(p.data);
	return rc;
}
