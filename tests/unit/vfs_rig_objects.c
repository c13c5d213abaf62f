/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rig's bucket as others see it: what they put there and take away, and
 * what it holds. None of it is noted as a request of the mount.
 */
#include "vfs_rig.h"

#define BYTES_MAX (UINT64_C(256) << 20)

static void object_key(const char *key, char *buf, size_t size)
{
	snprintf(buf, size, VFS_FIXTURE_PREFIX "%s", key);
}

void rig_put_meta(struct rig *r, const char *key, const void *data, size_t size,
		  const struct kvlist *meta)
{
	char full[META_KEY_MAX + 64];
	struct store_request q;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_PUT);
	q.key = full;
	q.meta = meta;
	q.body.mem = size ? data : "";
	q.body.length = size;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}

void rig_put(struct rig *r, const char *key, const void *data, size_t size)
{
	rig_put_meta(r, key, data, size, NULL);
}

void rig_put_text(struct rig *r, const char *key, const char *text)
{
	rig_put_meta(r, key, text, strlen(text), NULL);
}

void rig_put_mode(struct rig *r, const char *key, const char *text,
		  const char *permissions)
{
	struct kvlist meta;

	kvlist_init(&meta);
	assert_int_equal(kvlist_add(&meta, "file-permissions", permissions), 0);
	rig_put_meta(r, key, text, strlen(text), &meta);
	kvlist_release(&meta);
}

void rig_put_class(struct rig *r, const char *key, const char *text,
		   const char *class, const char *tier)
{
	char full[META_KEY_MAX + 64];
	struct kvlist headers;
	struct store_request q;

	object_key(key, full, sizeof(full));
	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&headers, "x-amz-storage-class", class), 0);
	if (tier)
		assert_int_equal(
			kvlist_add(&headers, "x-amz-archive-status", tier), 0);
	store_request_init(&q, STORE_PUT);
	q.key = full;
	q.headers = &headers;
	q.body = (struct store_body){.mem = text, .length = strlen(text)};
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
	kvlist_release(&headers);
}

void rig_put_upload(struct rig *r, const char *whole_key, const char *words)
{
	char *copy = strdup(words), *rest = NULL, *word;
	struct store_request q, part;
	unsigned number = 0;

	assert_non_null(copy);
	store_request_init(&q, STORE_CREATE_UPLOAD);
	q.key = whole_key;
	assert_int_equal(store_call(r->bucket, &q), 0);
	for (word = strtok_r(copy, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		store_request_init(&part, STORE_UPLOAD_PART);
		part.key = whole_key;
		part.upload_id = q.reply.upload_id;
		part.part_number = ++number;
		part.body = (struct store_body){.mem = word,
						.length = strlen(word)};
		assert_int_equal(store_call(r->bucket, &part), 0);
		store_request_release(&part);
	}
	store_request_release(&q);
	free(copy);
}

void rig_set_rules(struct rig *r, const char *document)
{
	struct store_request q;

	store_request_init(&q, STORE_PUT_LIFECYCLE);
	q.body.mem = document;
	q.body.length = strlen(document);
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}

void rig_remove(struct rig *r, const char *key)
{
	char full[META_KEY_MAX + 64];
	struct store_request q;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_DELETE);
	q.key = full;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}

static int take_body(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct buf *b = ctx;

	return offset == b->len ? buf_add(b, data, len) : -EIO;
}

/* What the bucket holds at a key: 0 or -ENOENT. */
static int get_body(struct rig *r, const char *key, struct buf *body)
{
	char full[META_KEY_MAX + 64];
	struct store_request q;
	int rc;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_GET);
	q.key = full;
	q.sink = take_body;
	q.sink_ctx = body;
	rc = store_call(r->bucket, &q);
	store_request_release(&q);
	return rc;
}

void rig_holds_bytes(struct rig *r, const char *key, const void *data,
		     size_t size)
{
	struct buf body;

	buf_init(&body, BYTES_MAX);
	assert_int_equal(get_body(r, key, &body), data ? 0 : -ENOENT);
	assert_int_equal(body.len, size);
	if (size)
		assert_memory_equal(body.data, data, size);
	buf_release(&body);
}

void rig_get_bytes(struct rig *r, const char *key, unsigned char **ret_data,
		   size_t *ret_size)
{
	struct buf body;

	buf_init(&body, BYTES_MAX);
	assert_int_equal(get_body(r, key, &body), 0);
	*ret_data = malloc(body.len + 1);
	assert_non_null(*ret_data);
	memcpy(*ret_data, body.data, body.len);
	*ret_size = body.len;
	buf_release(&body);
}

void rig_holds(struct rig *r, const char *key, const char *text)
{
	rig_holds_bytes(r, key, text, text ? strlen(text) : 0);
}

char *rig_meta(struct rig *r, const char *key, const char *name)
{
	char full[META_KEY_MAX + 64], *copy = NULL;
	struct store_request q;
	const char *value;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_HEAD);
	q.key = full;
	assert_int_equal(store_call(r->bucket, &q), 0);
	value = kvlist_get(&q.reply.object.meta, name);
	if (value)
		copy = strdup(value);
	store_request_release(&q);
	return copy;
}

void rig_meta_is(struct rig *r, const char *key, const char *name,
		 const char *value)
{
	char *got = rig_meta(r, key, name);

	if (!got || !value)
		assert_ptr_equal(got, value);
	else
		assert_string_equal(got, value);
	free(got);
}

void rig_mode_is(struct rig *r, const char *key, const char *mode)
{
	rig_meta_is(r, key, "file-permissions", mode);
}

struct tally {
	const char *key;
	unsigned versions, markers, all;
};

static int count_entry(void *ctx, const struct store_entry *e)
{
	struct tally *t = ctx;

	t->all++;
	if (t->key && strcmp(e->key, t->key))
		return 0;
	t->versions += e->kind == STORE_ENTRY_VERSION;
	t->markers += e->kind == STORE_ENTRY_MARKER;
	return 0;
}

static struct tally tally(struct rig *r, enum store_op op, const char *key)
{
	char full[META_KEY_MAX + 64];
	struct tally t = {.key = key ? full : NULL};
	struct store_request q;

	object_key(key ? key : "", full, sizeof(full));
	store_request_init(&q, op);
	q.prefix = full;
	q.on_entry = count_entry;
	q.entry_ctx = &t;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
	return t;
}

unsigned rig_versions(struct rig *r, const char *key)
{
	return tally(r, STORE_LIST_VERSIONS, key).versions;
}

unsigned rig_markers(struct rig *r, const char *key)
{
	return tally(r, STORE_LIST_VERSIONS, key).markers;
}

unsigned rig_uploads(struct rig *r)
{
	return tally(r, STORE_LIST_UPLOADS, NULL).all;
}

static int abort_entry(void *ctx, const struct store_entry *entry)
{
	struct store_request q;
	struct rig *r = ctx;

	store_request_init(&q, STORE_ABORT_UPLOAD);
	q.key = entry->key;
	q.upload_id = entry->version_id;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
	return 0;
}

void rig_run_keys(struct rig *r, const char *script)
{
	char *copy = strdup(script), *rest = NULL, *key;

	assert_non_null(copy);
	for (key = strtok_r(copy, " ", &rest); key;
	     key = strtok_r(NULL, " ", &rest)) {
		if (*key == '-')
			rig_remove(r, key + 1);
		else
			rig_put_text(r, key, key);
	}
	free(copy);
}

void rig_abort_uploads(struct rig *r)
{
	struct store_request q;

	store_request_init(&q, STORE_LIST_UPLOADS);
	q.on_entry = abort_entry;
	q.entry_ctx = r;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}
