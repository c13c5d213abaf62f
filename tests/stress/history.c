/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "vers3/util/kv.h"

struct version {
	char *key, *id; /* owned */
	char etag[80];
	uint64_t size_bytes;
	bool marker;
};

struct list {
	struct version *items; /* owned; newest first within a key */
	size_t count, size;
};

static int add_entry(void *ctx, const struct store_entry *e)
{
	struct list *l = ctx;
	struct version *v;

	if (e->kind != STORE_ENTRY_VERSION && e->kind != STORE_ENTRY_MARKER)
		return 0;
	if (l->count == l->size) {
		size_t size = l->size ? l->size * 2 : 1024;
		struct version *p = realloc(l->items, size * sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->items = p;
		l->size = size;
	}
	v = &l->items[l->count++];
	memset(v, 0, sizeof(*v));
	v->key = strndup(e->key, e->key_len);
	v->id = strdup(e->version_id);
	snprintf(v->etag, sizeof(v->etag), "%s", e->etag);
	v->size_bytes = e->size_bytes;
	v->marker = e->kind == STORE_ENTRY_MARKER;
	return v->key && v->id ? 0 : -ENOMEM;
}

static int read_list(struct store *s, struct list *l)
{
	char *key = NULL, *id = NULL;
	bool more = true;
	int rc = 0;

	while (!rc && more) {
		struct store_request r;

		store_request_init(&r, STORE_LIST_VERSIONS);
		r.prefix = "";
		r.key_marker = key;
		r.version_marker = id;
		r.on_entry = add_entry;
		r.entry_ctx = l;
		rc = store_call(s, &r);
		more = r.reply.truncated;
		free(key);
		free(id);
		key = r.reply.next_key_marker;
		id = r.reply.next_version_marker;
		r.reply.next_key_marker = r.reply.next_version_marker = NULL;
		store_request_release(&r);
	}
	free(key);
	free(id);
	return rc;
}

static void list_release(struct list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].key);
		free(l->items[i].id);
	}
	free(l->items);
}

static int sum_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	EVP_MD_CTX *sum = ctx;

	if (offset == 0)
		EVP_DigestInit_ex(sum, EVP_md5(), NULL);
	EVP_DigestUpdate(sum, data, len);
	return 0;
}

/* The MD5 of what is in the bucket: its ETag, or of the bytes. */
static int version_md5(struct store *s, const struct version *v,
		       unsigned char *md5)
{
	struct store_request r;
	EVP_MD_CTX *sum;
	unsigned byte;
	int rc;

	if (strlen(v->etag) == 2 * MODEL_MD5) {
		for (unsigned i = 0; i < MODEL_MD5; i++) {
			if (sscanf(v->etag + 2 * i, "%2x", &byte) != 1)
				return -EINVAL;
			md5[i] = (unsigned char)byte;
		}
		return 0;
	}
	sum = EVP_MD_CTX_new();
	EVP_DigestInit_ex(sum, EVP_md5(), NULL);
	store_request_init(&r, STORE_GET);
	r.key = v->key;
	r.version_id = v->id;
	r.sink = sum_sink;
	r.sink_ctx = sum;
	rc = store_call(s, &r);
	store_request_release(&r);
	EVP_DigestFinal_ex(sum, md5, NULL);
	EVP_MD_CTX_free(sum);
	return rc;
}

static bool is_known(struct rig *r, const struct version *v)
{
	size_t len = strlen(v->key);
	unsigned char md5[MODEL_MD5];

	if (v->marker || (len && v->key[len - 1] == '/'))
		return true;
	if (version_md5(r->store, v, md5))
		return false;
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		if (model_knows(&r->models[i], v->key, v->size_bytes, md5))
			return true;
	return false;
}

static int head(struct store *s, const struct version *v,
		struct store_request *r)
{
	store_request_init(r, STORE_HEAD);
	r->key = v->key;
	r->version_id = v->id;
	return store_call(s, r);
}

static bool same_meta(const struct kvlist *a, const struct kvlist *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const char *value = kvlist_get(b, a->items[i].name);

		if (!value || strcmp(value, a->items[i].value))
			return false;
	}
	return true;
}

/* Whether a version says nothing that the one before it did not say. */
static bool repeats(struct store *s, const struct version *v,
		    const struct version *before)
{
	struct store_request a, b;
	bool same;

	if (strcmp(v->key, before->key) || v->marker != before->marker)
		return false;
	if (v->marker)
		return true;
	if (strcmp(v->etag, before->etag) ||
	    v->size_bytes != before->size_bytes)
		return false;
	same = !head(s, v, &a);
	same = !head(s, before, &b) && same;
	same = same && same_meta(&a.reply.object.meta, &b.reply.object.meta);
	store_request_release(&a);
	store_request_release(&b);
	return same;
}

static int judge(struct rig *r, const struct list *l, size_t i)
{
	const struct version *v = &l->items[i];
	const struct version *before = i + 1 < l->count ? v + 1 : NULL;
	char name[1200];
	int n = snprintf(name, sizeof(name), "%s\n%s", v->key, v->id);

	if (map_get(r->seen, name, (size_t)n))
		return 0;
	if (map_put(r->seen, name, (size_t)n, r))
		return -ENOMEM;
	r->versions++;
	if (before && repeats(r->store, v, before)) {
		if (v->marker)
			r->extra_markers++;
		else
			r->extra_versions++;
		fprintf(stderr, "twice: %s %s (%s)\n", v->key, v->id,
			v->marker ? "marker" : v->etag);
	}
	if (is_known(r, v))
		return 0;
	fprintf(stderr, "%s has version %s, %llu bytes, ETag %s: never saved\n",
		v->key, v->id, (unsigned long long)v->size_bytes, v->etag);
	return -EUCLEAN;
}

int history_verify(struct rig *r)
{
	struct list l = {0};
	int rc = read_list(r->store, &l);

	if (rc)
		fprintf(stderr, "the versions cannot be listed: %s\n",
			strerror(-rc));
	for (size_t i = 0; i < l.count; i++) {
		int one = judge(r, &l, i);

		rc = rc ? rc : one;
	}
	list_release(&l);
	return rc;
}
