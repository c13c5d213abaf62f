/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, page after page, with a look at what the server says. */
#include "vers3/store/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/log.h"

#define KEY_MAX	   ((size_t)16 << 10)
#define BARREN_MAX 1000 /* delete markers can make some pages empty */

/* Orders within a page are kept apart: servers do not agree on their mix. */
enum kind {
	KIND_KEY, /* objects, versions, uploads */
	KIND_MARKER,
	KIND_PREFIX,
};

static enum kind kind_of(const struct store_entry *e)
{
	switch (e->kind) {
	case STORE_ENTRY_PREFIX:
		return KIND_PREFIX;
	case STORE_ENTRY_MARKER:
		return KIND_MARKER;
	default:
		return KIND_KEY;
	}
}

void store_list_init(struct store_list *l, enum store_op op, const char *prefix,
		     const char *delimiter)
{
	memset(l, 0, sizeof(*l));
	l->op = op;
	l->prefix = prefix;
	l->delimiter = delimiter;
	l->mark_at = 1;
	buf_init(&l->last, KEY_MAX);
	for (int i = 0; i < STORE_LIST_KINDS; i++)
		buf_init(&l->page_last[i], KEY_MAX);
}

void store_list_release(struct store_list *l)
{
	free(l->token);
	free(l->key_marker);
	free(l->version_marker);
	free(l->mark_key);
	free(l->mark_version);
	buf_release(&l->last);
	for (int i = 0; i < STORE_LIST_KINDS; i++)
		buf_release(&l->page_last[i]);
}

static int refuse(const struct store_list *l, const char *why)
{
	log_warning("%s of '%s': %s; the list is not used",
		    store_op_name(l->op), l->prefix ? l->prefix : "", why);
	return -EIO;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

/* Is this an entry of what was asked for? */
static bool is_meant(const struct store_list *l, const struct store_entry *e)
{
	size_t len = l->prefix ? strlen(l->prefix) : 0;
	const char *cut;

	if (e->key_len < len || (len && memcmp(e->key, l->prefix, len)))
		return false;
	if (!l->delimiter)
		return e->kind != STORE_ENTRY_PREFIX;
	cut = strstr(e->key + len, l->delimiter);
	if (e->kind != STORE_ENTRY_PREFIX)
		return !cut;
	return cut && !cut[strlen(l->delimiter)];
}

/*
 * Does it come behind what came before? One key has many versions, and may
 * have many uploads. A page may begin with the prefix that the last one ended
 * with.
 */
static bool is_behind(const struct store_list *l, const struct store_entry *e)
{
	const struct buf *page = &l->page_last[kind_of(e)];
	const struct buf *last = page->len ? page : &l->last;
	int order = compare(e->key, e->key_len, last->data, last->len);

	if (!last->len || order > 0)
		return true;
	if (order < 0 || e->kind == STORE_ENTRY_OBJECT)
		return false;
	return e->kind != STORE_ENTRY_PREFIX || !page->len;
}

static int check_entry(void *ctx, const struct store_entry *e)
{
	struct store_list *l = ctx;
	struct buf *page = &l->page_last[kind_of(e)];
	int rc;

	if (!is_meant(l, e))
		return refuse(l, "it holds what was not asked for");
	if (!is_behind(l, e))
		return refuse(l, "its names do not increase");
	buf_reset(page);
	rc = buf_add(page, e->key, e->key_len);
	if (rc)
		return rc == -EFBIG ? -EIO : rc;
	return l->on_entry ? l->on_entry(l->ctx, e) : 0;
}

/* The greatest of the page becomes the greatest of all. */
static int end_page(struct store_list *l, bool *ret_new)
{
	*ret_new = false;
	for (int i = 0; i < STORE_LIST_KINDS; i++) {
		struct buf *p = &l->page_last[i];
		int order = compare(p->data, p->len, l->last.data, l->last.len);
		int rc = 0;

		/* Further versions of a key are new as well. */
		if (p->len && (order > 0 || (!order && i != KIND_PREFIX)))
			*ret_new = true;
		if (order > 0) {
			buf_reset(&l->last);
			rc = buf_add(&l->last, p->data, p->len);
		}
		if (rc)
			return rc;
	}
	return 0;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static int keep(char **to, const char *from)
{
	char *copy = from ? strdup(from) : NULL;

	if (from && !copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

/*
 * A place that was passed before is met again (Brent: the one of page 1, 2,
 * 4, 8... is remembered).
 */
static int check_mark(struct store_list *l, const char *key,
		      const char *version)
{
	int rc;

	if (l->pages > 1 && same(key, l->mark_key) &&
	    same(version, l->mark_version))
		return refuse(l, "a marker comes again");
	if (l->pages < l->mark_at)
		return 0;
	l->mark_at = 2 * l->pages;
	rc = keep(&l->mark_key, key);
	return rc ? rc : keep(&l->mark_version, version);
}

/* Where the next page begins. */
static int go_on(struct store_list *l, const struct store_reply *reply)
{
	const char *key = reply->next_key_marker;
	const char *version = reply->next_version_marker;
	const char *before = l->key_marker;
	int rc;

	if (l->op == STORE_LIST) {
		if (!reply->next_token || same(reply->next_token, l->token))
			return refuse(l, "its token comes again");
		rc = check_mark(l, reply->next_token, NULL);
		return rc ? rc : keep(&l->token, reply->next_token);
	}
	if (!key ||
	    (before && compare(key, strlen(key), before, strlen(before)) < 0))
		return refuse(l, "its marker goes back");
	if (before && same(key, before) &&
	    (!version || same(version, l->version_marker)))
		return refuse(l, "its marker comes again");
	rc = check_mark(l, key, version);
	if (!rc)
		rc = keep(&l->key_marker, key);
	return rc ? rc : keep(&l->version_marker, version);
}

int store_list_page(struct store *s, struct store_list *l)
{
	struct store_request r;
	bool brought;
	int rc;

	store_request_init(&r, l->op);
	r.prefix = l->prefix;
	r.delimiter = l->delimiter;
	r.start_after = l->token ? NULL : l->start_after;
	r.token = l->token;
	r.key_marker = l->key_marker;
	r.version_marker = l->version_marker;
	r.max_keys = l->max_keys;
	r.on_entry = check_entry;
	r.entry_ctx = l;
	r.trial = l->trial;
	for (int i = 0; i < STORE_LIST_KINDS; i++)
		buf_reset(&l->page_last[i]);
	l->more = false;
	rc = store_call(s, &r);
	if (rc && l->on_failure)
		l->on_failure(l->ctx, &r.reply, rc);
	l->skipped = r.reply.skipped;
	l->pages++;
	if (!rc)
		rc = end_page(l, &brought);
	if (rc || !r.reply.truncated)
		goto out;
	l->barren = brought ? 0 : l->barren + 1;
	rc = l->barren > BARREN_MAX ? refuse(l, "its pages bring nothing")
				    : go_on(l, &r.reply);
	l->more = !rc;
out:
	store_request_release(&r);
	return rc;
}
