/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-memory store's lists. A page is put together under the mutex and
 * handed over without it, since callbacks may do as they like. As on AWS, a
 * page tells its keys first and its common prefixes after them, while the two
 * count, and continue, in their common order.
 */
#include "memory_bucket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000

struct item {
	struct store_entry entry; /* its strings lie in text */
	char text[];
};

struct page {
	struct store_request *r;
	const char *prefix, *delimiter; /* "" if not given */
	struct item **items; /* owned */
	size_t count, max;
};

/* What page_put() says when the page has no room for one that exists. */
#define PAGE_FULL 1

static int page_init(struct page *p, struct store_request *r)
{
	p->r = r;
	p->prefix = r->prefix ? r->prefix : "";
	p->delimiter = r->delimiter ? r->delimiter : "";
	p->count = 0;
	p->max = r->max_keys && r->max_keys < PAGE_MAX ? r->max_keys : PAGE_MAX;
	p->items = calloc(p->max, sizeof(struct item *));
	return p->items ? 0 : -ENOMEM;
}

static void page_release(struct page *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i]);
	free(p->items);
}

static const char *item_add(char **text, const char *s, size_t len)
{
	char *start = *text;

	memcpy(start, s, len);
	start[len] = '\0';
	*text += len + 1;
	return start;
}

/* Copies an entry into the page. 0, PAGE_FULL or -ENOMEM. */
static int page_put(struct page *p, const struct store_entry *e)
{
	size_t size = e->key_len + strlen(e->version_id) + strlen(e->etag) +
		      strlen(e->storage_class) + 4;
	struct item *item;
	char *text;

	if (p->count == p->max) {
		p->r->reply.truncated = true;
		return PAGE_FULL;
	}
	item = malloc(sizeof(*item) + size);
	if (!item)
		return -ENOMEM;
	text = item->text;
	item->entry = *e;
	item->entry.key = item_add(&text, e->key, e->key_len);
	item->entry.version_id =
		item_add(&text, e->version_id, strlen(e->version_id));
	item->entry.etag = item_add(&text, e->etag, strlen(e->etag));
	item->entry.storage_class =
		item_add(&text, e->storage_class, strlen(e->storage_class));
	p->items[p->count++] = item;
	return 0;
}

/* The length of the common prefix that stands for a key; 0 if none does. */
static size_t rolled_len(const struct page *p, const char *key)
{
	const char *at;

	if (!p->delimiter[0])
		return 0;
	at = strstr(key + strlen(p->prefix), p->delimiter);
	return at ? (size_t)(at - key) + strlen(p->delimiter) : 0;
}

static int page_put_prefix(struct page *p, const char *key, size_t len)
{
	const struct store_entry e = {
		.kind = STORE_ENTRY_PREFIX,
		.key = key,
		.key_len = len,
		.version_id = "",
		.etag = "",
		.storage_class = "",
	};
	const struct store_entry *last =
		p->count ? &p->items[p->count - 1]->entry : NULL;

	if (last && last->kind == STORE_ENTRY_PREFIX && last->key_len == len &&
	    !memcmp(last->key, key, len))
		return 0;
	return page_put(p, &e);
}

static int page_put_version(struct page *p, enum store_entry_kind kind,
			    const struct mem_key *k,
			    const struct mem_version *v)
{
	const char *class = kvlist_get(&v->headers, "x-amz-storage-class");
	const struct store_entry e = {
		.kind = v->marker ? STORE_ENTRY_MARKER : kind,
		.key = k->name,
		.key_len = strlen(k->name),
		.version_id = kind == STORE_ENTRY_OBJECT ? "" : v->id,
		.etag = v->etag,
		.storage_class = v->marker ? ""
				 : class   ? class
					   : "STANDARD",
		.size_bytes = v->marker ? 0 : v->blob->size,
		.last_modified_ns = v->modified_ns,
		.latest = v == k->versions[0],
	};

	return page_put(p, &e);
}

static int page_hand_over(const struct page *p)
{
	const struct store_request *r = p->r;

	if (!r->on_entry)
		return 0;
	for (int prefixes = 0; prefixes < 2; prefixes++)
		for (size_t i = 0; i < p->count; i++) {
			const struct store_entry *e = &p->items[i]->entry;
			int err;

			if ((e->kind == STORE_ENTRY_PREFIX) != prefixes)
				continue;
			err = r->on_entry(r->entry_ctx, e);
			if (err < 0)
				return err;
		}
	return 0;
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* Whether a key of that name comes at or before a place in the list. */
static bool passed(const char *name, const char *at, bool at_is_prefix)
{
	return strcmp(name, at) <= 0 || (at_is_prefix && starts_with(name, at));
}

/*
 * Continuation tokens are "k" or "p" and the key or common prefix that came
 * last: after a prefix, all that it stands for is passed.
 */
static int list_token(struct page *p)
{
	const struct store_entry *last = &p->items[p->count - 1]->entry;

	if (asprintf(&p->r->reply.next_token, "%c%s",
		     last->kind == STORE_ENTRY_PREFIX ? 'p' : 'k',
		     last->key) < 0) {
		p->r->reply.next_token = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int list_keys(struct memory_store *ms, struct page *p)
{
	const struct store_request *r = p->r;
	const char *after = r->start_after ? r->start_after : "";
	bool after_prefix = false;
	int err = 0;

	if (r->token) {
		if (r->token[0] != 'k' && r->token[0] != 'p')
			return mem_fail(p->r, -EINVAL, 400, "InvalidArgument");
		after_prefix = r->token[0] == 'p';
		after = r->token + 1;
	}
	for (size_t i = mem_key_index(ms, p->prefix); !err && i < ms->key_count;
	     i++) {
		const struct mem_key *k = ms->keys[i];
		size_t len;

		if (!starts_with(k->name, p->prefix))
			break;
		if (!mem_key_current(k) || passed(k->name, after, after_prefix))
			continue;
		len = rolled_len(p, k->name);
		if (len)
			err = page_put_prefix(p, k->name, len);
		else
			err = page_put_version(p, STORE_ENTRY_OBJECT, k,
					       k->versions[0]);
	}
	return err == PAGE_FULL ? list_token(p) : err;
}

/* A marker that is a common prefix of this list passes what it stands for. */
static bool is_rolled(const struct page *p, const char *marker)
{
	return marker[0] && starts_with(marker, p->prefix) &&
	       rolled_len(p, marker) == strlen(marker);
}

static int list_markers(struct page *p)
{
	const struct store_entry *last = &p->items[p->count - 1]->entry;
	struct store_reply *reply = &p->r->reply;

	reply->next_key_marker = strdup(last->key);
	if (!reply->next_key_marker)
		return -ENOMEM;
	if (last->kind == STORE_ENTRY_PREFIX)
		return 0;
	reply->next_version_marker = strdup(last->version_id);
	return reply->next_version_marker ? 0 : -ENOMEM;
}

/*
 * The versions of one key, from below the version marker when the page goes
 * on in the middle of them. That version may be gone by now, so its number
 * counts and not its presence.
 */
static int list_key_versions(struct page *p, const struct mem_key *k)
{
	const struct store_request *r = p->r;
	uint64_t below = UINT64_MAX;
	int err = 0;

	if (r->version_marker && !strcmp(k->name, r->key_marker)) {
		const struct mem_version *v =
			mem_key_version(k, r->version_marker);

		if (v)
			below = v->seq;
		else if (!mem_id_parse(r->version_marker, &below))
			return 0;
	}
	for (size_t i = 0; !err && i < k->count; i++)
		if (k->versions[i]->seq < below)
			err = page_put_version(p, STORE_ENTRY_VERSION, k,
					       k->versions[i]);
	return err;
}

static int list_all_versions(struct memory_store *ms, struct page *p)
{
	struct store_request *r = p->r;
	const char *after = r->key_marker ? r->key_marker : "";
	bool after_prefix = is_rolled(p, after);
	int err = 0;

	if (r->version_marker && !r->key_marker)
		return mem_fail(r, -EINVAL, 400, "InvalidArgument");
	for (size_t i = mem_key_index(ms, p->prefix); !err && i < ms->key_count;
	     i++) {
		const struct mem_key *k = ms->keys[i];
		bool middle = r->version_marker && !strcmp(k->name, after);
		size_t len;

		if (!starts_with(k->name, p->prefix))
			break;
		if (!middle && passed(k->name, after, after_prefix))
			continue;
		len = rolled_len(p, k->name);
		if (len)
			err = page_put_prefix(p, k->name, len);
		else
			err = list_key_versions(p, k);
	}
	return err == PAGE_FULL ? list_markers(p) : err;
}

static bool upload_passed(const struct memory_store *ms,
			  const struct store_request *r, size_t index)
{
	const struct mem_upload *u = ms->uploads[index];
	uint64_t seq, after;

	if (!r->key_marker)
		return false;
	if (strcmp(u->key, r->key_marker) || !r->version_marker)
		return strcmp(u->key, r->key_marker) <= 0;
	if (!mem_id_parse(r->version_marker, &after) ||
	    !mem_id_parse(u->id, &seq))
		return true;
	return seq <= after;
}

static int list_all_uploads(struct memory_store *ms, struct page *p)
{
	struct store_request *r = p->r;
	const char *after = r->key_marker ? r->key_marker : "";
	bool after_prefix = is_rolled(p, after);
	int err = 0;

	for (size_t i = 0; !err && i < ms->upload_count; i++) {
		const struct mem_upload *u = ms->uploads[i];
		const struct store_entry e = {
			.kind = STORE_ENTRY_UPLOAD,
			.key = u->key,
			.key_len = strlen(u->key),
			.version_id = u->id,
			.etag = "",
			.storage_class = "STANDARD",
			.last_modified_ns = u->initiated_ns,
		};
		size_t len;

		if (!starts_with(u->key, p->prefix) ||
		    upload_passed(ms, r, i) ||
		    (after_prefix && starts_with(u->key, after)))
			continue;
		len = rolled_len(p, u->key);
		err = len ? page_put_prefix(p, u->key, len) : page_put(p, &e);
	}
	return err == PAGE_FULL ? list_markers(p) : err;
}

static int list(struct memory_store *ms, struct store_request *r,
		int (*fill)(struct memory_store *ms, struct page *p))
{
	struct page p;
	int err = page_init(&p, r);

	if (err)
		return err;
	pthread_mutex_lock(&ms->mutex);
	err = fill(ms, &p);
	pthread_mutex_unlock(&ms->mutex);
	if (!err) {
		r->reply.status = 200;
		err = page_hand_over(&p);
	}
	page_release(&p);
	return err;
}

int mem_list(struct memory_store *ms, struct store_request *r,
	     struct mem_blob *body)
{
	(void)body;
	return list(ms, r, list_keys);
}

int mem_list_versions(struct memory_store *ms, struct store_request *r,
		      struct mem_blob *body)
{
	(void)body;
	return list(ms, r, list_all_versions);
}

int mem_list_uploads(struct memory_store *ms, struct store_request *r,
		     struct mem_blob *body)
{
	(void)body;
	return list(ms, r, list_all_uploads);
}
