/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a store, as the suite's cases make them. */
#include "store_suite_int.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void suite_copy_version(const struct store_request *r, char *ret_version)
{
	const char *id = r->reply.object.version_id;

	if (ret_version)
		snprintf(ret_version, VERSION_SIZE, "%s", id ? id : "");
}

int suite_put(struct store *s, const char *key, const char *text,
	      char *ret_version)
{
	struct store_request r;
	int err;

	store_request_init(&r, STORE_PUT);
	r.key = key;
	r.body.mem = text;
	r.body.length = strlen(text);
	err = store_call(s, &r);
	suite_copy_version(&r, ret_version);
	store_request_release(&r);
	return err;
}

struct sink_buf {
	char *buf;
	size_t size, len;
};

static int to_buf(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct sink_buf *b = ctx;

	if (offset + len >= b->size)
		return -EFBIG;
	memcpy(b->buf + offset, data, len);
	b->len = offset + len;
	return 0;
}

int suite_get_range(struct store *s, struct store_request *r, char *buf,
		    size_t size, size_t *ret_len)
{
	struct sink_buf b = {buf, size, 0};
	int err;

	r->sink = to_buf;
	r->sink_ctx = &b;
	err = store_call(s, r);
	buf[b.len] = '\0';
	*ret_len = b.len;
	return err;
}

int suite_get(struct store *s, const char *key, const char *version_id,
	      char *buf, size_t size)
{
	struct store_request r;
	size_t len;
	int err;

	store_request_init(&r, STORE_GET);
	r.key = key;
	r.version_id = version_id;
	err = suite_get_range(s, &r, buf, size, &len);
	store_request_release(&r);
	return err;
}

int suite_delete(struct store *s, const char *key, const char *version_id,
		 char *ret_version)
{
	struct store_request r;
	int err;

	store_request_init(&r, STORE_DELETE);
	r.key = key;
	r.version_id = version_id;
	err = store_call(s, &r);
	suite_copy_version(&r, ret_version);
	store_request_release(&r);
	return err;
}

int suite_to_line(void *ctx, const struct store_entry *e)
{
	static const char *const kinds[] = {
		[STORE_ENTRY_OBJECT] = "",  [STORE_ENTRY_VERSION] = "=",
		[STORE_ENTRY_MARKER] = "-", [STORE_ENTRY_PREFIX] = "*",
		[STORE_ENTRY_UPLOAD] = "+",
	};
	bool marks =
		e->kind == STORE_ENTRY_VERSION || e->kind == STORE_ENTRY_MARKER;
	struct suite_line *l = ctx;
	bool rolled = e->kind == STORE_ENTRY_PREFIX;
	char *buf = rolled ? l->prefixes : l->buf;
	size_t size = rolled ? sizeof(l->prefixes) : l->size;
	size_t len = strlen(buf);

	assert_int_equal(strlen(e->key), e->key_len);
	snprintf(buf + len, size - len, "%s%s%s%s", len || rolled ? " " : "",
		 e->key + l->skip, kinds[e->kind],
		 marks && e->latest ? "^" : "");
	return 0;
}

/* Points the request behind the page that its reply ends. */
static void next_page(struct store_request *r, char *token, char *key_marker,
		      char *version_marker)
{
	const struct store_reply *reply = &r->reply;

	if (reply->next_token) {
		snprintf(token, TEXT_SIZE, "%s", reply->next_token);
		r->token = token;
	}
	if (reply->next_key_marker) {
		snprintf(key_marker, KEY_SIZE, "%s", reply->next_key_marker);
		r->key_marker = key_marker;
	}
	r->version_marker = NULL;
	if (reply->next_version_marker && reply->next_version_marker[0]) {
		snprintf(version_marker, TEXT_SIZE, "%s",
			 reply->next_version_marker);
		r->version_marker = version_marker;
	}
}

void suite_list(struct store *s, enum store_op op, const char *prefix,
		const char *delimiter, unsigned max_keys, char *buf,
		size_t size, unsigned *ret_pages)
{
	const char *slash = strrchr(prefix, '/');
	struct suite_line line = {buf, size, 0, ""};
	char token[TEXT_SIZE], key_marker[KEY_SIZE], version_marker[TEXT_SIZE];
	struct store_request r;
	unsigned pages = 0;
	bool more;

	if (slash)
		line.skip = (size_t)(slash - prefix) + 1;
	buf[0] = '\0';
	store_request_init(&r, op);
	r.prefix = prefix;
	r.delimiter = delimiter;
	r.max_keys = max_keys;
	r.on_entry = suite_to_line;
	r.entry_ctx = &line;
	do {
		assert_int_equal(store_call(s, &r), 0);
		pages++;
		assert_true(pages < 1000);
		more = r.reply.truncated;
		next_page(&r, token, key_marker, version_marker);
	} while (more);
	store_request_release(&r);
	snprintf(buf + strlen(buf), size - strlen(buf), "%s", line.prefixes);
	if (ret_pages)
		*ret_pages = pages;
}

struct doomed {
	struct store_delete items[1000];
	size_t count;
};

static int to_doomed(void *ctx, const struct store_entry *e)
{
	struct doomed *d = ctx;

	if (d->count == ARRAY_SIZE(d->items))
		return -E2BIG;
	d->items[d->count].key = strdup(e->key);
	d->items[d->count++].version_id = strdup(e->version_id);
	return 0;
}

void suite_sweep(struct store *store, const char *prefix)
{
	struct doomed *d = calloc(1, sizeof(*d));
	struct store_request r;

	assert_non_null(d);
	do {
		d->count = 0;
		store_request_init(&r, STORE_LIST_VERSIONS);
		r.prefix = prefix;
		r.on_entry = to_doomed;
		r.entry_ctx = d;
		assert_int_equal(store_call(store, &r), 0);
		store_request_release(&r);
		store_request_init(&r, STORE_DELETE_MANY);
		r.deletes = d->items;
		r.delete_count = d->count;
		if (d->count)
			assert_int_equal(store_call(store, &r), 0);
		store_request_release(&r);
		for (size_t i = 0; i < d->count; i++) {
			free((char *)d->items[i].key);
			free((char *)d->items[i].version_id);
			free(d->items[i].marker_version);
		}
		memset(d->items, 0, sizeof(d->items));
	} while (d->count);
	free(d);
}

int suite_copy(struct store *s, const char *key, const char *source,
	       const char *source_version, const struct kvlist *meta)
{
	struct store_request r;
	int err;

	store_request_init(&r, STORE_COPY);
	r.key = key;
	r.source_key = source;
	r.source_version = source_version;
	r.meta = meta;
	r.replace_meta = meta != NULL;
	err = store_call(s, &r);
	if (!err)
		assert_non_null(r.reply.object.etag);
	store_request_release(&r);
	return err;
}

void suite_assert_meta(struct store *s, const char *key, const char *name,
		       const char *want)
{
	struct store_request r;
	const char *got;

	store_request_init(&r, STORE_HEAD);
	r.key = key;
	assert_int_equal(store_call(s, &r), 0);
	got = kvlist_get(&r.reply.object.meta, name);
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	store_request_release(&r);
}
