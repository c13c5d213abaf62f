/* SPDX-License-Identifier: Apache-2.0 */
/* The coding of records; owns nothing. */
#include "vers3/meta/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum version_flag {
	VERSION_SOME = 1 << 0, /* the fields follow */
	VERSION_IMPLIED = 1 << 1, /* the key does not: it is the implied one */
};

void record_put_bytes(struct record_writer *w, const void *p, size_t size)
{
	if (w->bad || size > sizeof(w->data) - w->len) {
		w->bad = true;
		return;
	}
	memcpy(w->data + w->len, p, size);
	w->len += size;
}

void record_put_u32(struct record_writer *w, uint32_t v)
{
	unsigned char be[8];

	meta_be64(be, v);
	record_put_bytes(w, be + 4, 4);
}

void record_put_u64(struct record_writer *w, uint64_t v)
{
	unsigned char be[8];

	meta_be64(be, v);
	record_put_bytes(w, be, sizeof(be));
}

void record_put_str(struct record_writer *w, const char *s, size_t size)
{
	size_t len = strnlen(s, size);
	unsigned char be[2] = {(unsigned char)(len >> 8), (unsigned char)len};

	if (len == size || len > UINT16_MAX) {
		w->bad = true;
		return;
	}
	record_put_bytes(w, be, sizeof(be));
	record_put_bytes(w, s, len);
}

static bool version_is_none(const struct meta_version *v)
{
	static const unsigned char zero[META_ID_SIZE];

	return !v->key[0] && !v->version_id[0] && !v->etag[0] &&
	       !v->size_bytes && !v->last_modified_ns &&
	       !memcmp(v->id, zero, sizeof(zero));
}

void record_put_version(struct record_writer *w, const struct meta_version *v,
			const char *implied)
{
	bool same = implied && !strcmp(v->key, implied);
	unsigned char flags = VERSION_SOME | (same ? VERSION_IMPLIED : 0);

	if (version_is_none(v)) {
		record_put_bytes(w, "", 1);
		return;
	}
	record_put_bytes(w, &flags, 1);
	if (!same)
		record_put_str(w, v->key, sizeof(v->key));
	record_put_str(w, v->version_id, sizeof(v->version_id));
	record_put_str(w, v->etag, sizeof(v->etag));
	record_put_u64(w, v->size_bytes);
	record_put_u64(w, (uint64_t)v->last_modified_ns);
	record_put_bytes(w, v->id, sizeof(v->id));
}

void record_get_str(struct record_reader *r, char *s, size_t size)
{
	unsigned char be[2];
	size_t len;

	s[0] = '\0';
	record_get_bytes(r, be, sizeof(be));
	len = (size_t)be[0] << 8 | be[1];
	if (r->bad || len >= size || len > r->left ||
	    memchr(r->at, '\0', len)) {
		r->bad = true;
		return;
	}
	record_get_bytes(r, s, len);
	s[len] = '\0';
}

void record_get_version(struct record_reader *r, struct meta_version *v,
			const char *implied)
{
	unsigned char flags;

	memset(v, 0, sizeof(*v));
	record_get_bytes(r, &flags, 1);
	if (!flags)
		return;
	if (flags & ~(VERSION_SOME | VERSION_IMPLIED))
		r->bad = true;
	if (!(flags & VERSION_IMPLIED))
		record_get_str(r, v->key, sizeof(v->key));
	else if (implied)
		snprintf(v->key, sizeof(v->key), "%s", implied);
	else
		r->bad = true;
	record_get_str(r, v->version_id, sizeof(v->version_id));
	record_get_str(r, v->etag, sizeof(v->etag));
	v->size_bytes = record_get_u64(r);
	v->last_modified_ns = (int64_t)record_get_u64(r);
	record_get_bytes(r, v->id, sizeof(v->id));
}

int record_end(const struct record_reader *r)
{
	return r->bad || r->left ? -EIO : 0;
}

int record_encode_pairs(const struct kvlist *list, struct buf *b)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < list->count; i++) {
		const struct kv *kv = &list->items[i];

		rc = buf_add(b, kv->name, strlen(kv->name) + 1);
		if (!rc)
			rc = buf_add(b, kv->value, strlen(kv->value) + 1);
	}
	return rc;
}

/* The string at *at, which moves past it; NULL when no NUL ends it. */
static const char *next_str(const char **at, const char *end)
{
	const char *s = *at;
	const char *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	if (!nul)
		return NULL;
	*at = nul + 1;
	return s;
}

int record_decode_pairs(const struct meta_val *val, struct kvlist *list)
{
	const char *at = val->data, *end = at + val->size;

	while (at < end) {
		const char *name = next_str(&at, end);
		const char *value = name ? next_str(&at, end) : NULL;
		int rc;

		if (!value)
			return -EIO;
		rc = kvlist_add(list, name, value);
		if (rc)
			return rc == -E2BIG ? -EIO : rc;
	}
	return 0;
}
