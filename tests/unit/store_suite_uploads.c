/* SPDX-License-Identifier: Apache-2.0 */
/* The store suite's cases of multipart uploads and mass deletion. */
#include "store_suite_int.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The least size of a part that is not the last. */
#define PART_MIN ((size_t)5 << 20)

static void create_upload(const struct suite *s, const char *key,
			  const struct kvlist *meta, char *ret_id)
{
	struct store_request r;

	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = key;
	r.meta = meta;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_non_null(r.reply.upload_id);
	snprintf(ret_id, TEXT_SIZE, "%s", r.reply.upload_id);
	store_request_release(&r);
}

static int upload_part(const struct suite *s, const char *key, const char *id,
		       unsigned number, const void *data, size_t len,
		       char *ret_etag)
{
	struct store_request r;
	int err;

	store_request_init(&r, STORE_UPLOAD_PART);
	r.key = key;
	r.upload_id = id;
	r.part_number = number;
	r.body.mem = data;
	r.body.length = len;
	err = store_call(s->store, &r);
	if (!err)
		snprintf(ret_etag, VERSION_SIZE, "%s", r.reply.object.etag);
	store_request_release(&r);
	return err;
}

static int complete(const struct suite *s, const char *key, const char *id,
		    const struct store_part *parts, size_t count,
		    char *ret_etag)
{
	struct store_request r;
	int err;

	store_request_init(&r, STORE_COMPLETE_UPLOAD);
	r.key = key;
	r.upload_id = id;
	r.parts = parts;
	r.part_count = count;
	err = store_call(s->store, &r);
	if (!err && ret_etag)
		snprintf(ret_etag, VERSION_SIZE, "%s", r.reply.object.etag);
	store_request_release(&r);
	return err;
}

static void multipart(const struct suite *s, const char *prefix)
{
	char id[TEXT_SIZE], etags[2][VERSION_SIZE], etag[VERSION_SIZE];
	char *big = malloc(PART_MIN);
	struct kvlist meta;
	struct store_part parts[2] = {{1, etags[0]}, {3, etags[1]}};
	struct store_request r;
	char text[TEXT_SIZE];
	size_t len;

	KEY(from);
	KEY(to);
	assert_non_null(big);
	memset(big, 'b', PART_MIN);
	kvlist_init(&meta);
	assert_int_equal(kvlist_add(&meta, "color", "red"), 0);
	assert_int_equal(suite_put(s->store, from_key, "0123456789", NULL), 0);

	create_upload(s, to_key, &meta, id);
	assert_int_equal(upload_part(s, to_key, id, 1, "old", 3, etags[0]), 0);
	assert_int_equal(upload_part(s, to_key, id, 1, big, PART_MIN, etags[0]),
			 0);
	store_request_init(&r, STORE_COPY_PART);
	r.key = to_key;
	r.upload_id = id;
	r.part_number = 3;
	r.source_key = from_key;
	r.range_offset = 2;
	r.range_length = 4;
	assert_int_equal(store_call(s->store, &r), 0);
	snprintf(etags[1], VERSION_SIZE, "%s", r.reply.object.etag);
	store_request_release(&r);
	/* Nothing is there before it is complete. */
	assert_int_equal(suite_get(s->store, to_key, NULL, text, sizeof(text)),
			 -ENOENT);
	assert_int_equal(complete(s, to_key, id, parts, 2, etag), 0);
	assert_string_equal(etag + 32, "-2");
	suite_assert_meta(s->store, to_key, "color", "red");

	store_request_init(&r, STORE_GET);
	r.key = to_key;
	r.range_offset = PART_MIN - 2;
	assert_int_equal(
		suite_get_range(s->store, &r, text, sizeof(text), &len), 0);
	assert_string_equal(text, "bb2345");
	assert_string_equal(r.reply.object.etag, etag);
	store_request_release(&r);
	kvlist_release(&meta);
	free(big);
}

static void upload_errors(const struct suite *s, const char *prefix)
{
	char id[TEXT_SIZE], etags[2][VERSION_SIZE], text[TEXT_SIZE];
	struct store_part wrong_order[2] = {{2, etags[1]}, {1, etags[0]}};
	struct store_part wrong_part[1] = {{7, etags[0]}};
	struct store_part wrong_etag[1] = {
		{1, "00000000000000000000000000000000"}};
	struct store_request r;

	KEY(file);
	create_upload(s, file_key, NULL, id);
	assert_int_equal(upload_part(s, file_key, id, 1, "a", 1, etags[0]), 0);
	assert_int_equal(upload_part(s, file_key, id, 2, "b", 1, etags[1]), 0);
	assert_int_equal(complete(s, file_key, id, wrong_order, 2, NULL),
			 -EINVAL);
	assert_int_equal(complete(s, file_key, id, wrong_part, 1, NULL),
			 -EINVAL);
	assert_int_equal(complete(s, file_key, id, wrong_etag, 1, NULL),
			 -EINVAL);
	suite_list(s->store, STORE_LIST_UPLOADS, prefix, NULL, 0, text,
		   sizeof(text), NULL);
	assert_string_equal(text, "file+");

	for (int i = 0; i < 2; i++) {
		store_request_init(&r, STORE_ABORT_UPLOAD);
		r.key = file_key;
		r.upload_id = id;
		assert_int_equal(store_call(s->store, &r), i ? -ENOENT : 0);
		store_request_release(&r);
	}
	suite_list(s->store, STORE_LIST_UPLOADS, prefix, NULL, 0, text,
		   sizeof(text), NULL);
	assert_string_equal(text, "");
	assert_int_equal(upload_part(s, file_key, id, 1, "a", 1, etags[0]),
			 -ENOENT);
}

static void upload_lists(const struct suite *s, const char *prefix)
{
	char ids[4][TEXT_SIZE], text[TEXT_SIZE];
	const char *keys[4];
	struct store_request r;

	KEY(a);
	KEY(b);
	keys[0] = b_key;
	keys[1] = a_key;
	keys[2] = b_key;
	keys[3] = b_key;
	for (size_t i = 0; i < 4; i++)
		create_upload(s, keys[i], NULL, ids[i]);
	for (unsigned max = 0; max < 5; max++) {
		suite_list(s->store, STORE_LIST_UPLOADS, prefix, NULL, max,
			   text, sizeof(text), NULL);
		assert_string_equal(text, "a+ b+ b+ b+");
	}
	for (size_t i = 0; i < 4; i++) {
		store_request_init(&r, STORE_ABORT_UPLOAD);
		r.key = keys[i];
		r.upload_id = ids[i];
		assert_int_equal(store_call(s->store, &r), 0);
		store_request_release(&r);
	}
}

/* What the parts after one have, page by page. */
static uint64_t parts_bytes(const struct suite *s, const char *key,
			    const char *id, unsigned after, unsigned max)
{
	uint64_t bytes = 0;
	bool more = true;

	for (int pages = 0; more && pages < 10; pages++) {
		struct store_request r;

		store_request_init(&r, STORE_LIST_PARTS);
		r.key = key;
		r.upload_id = id;
		r.part_number = after;
		r.max_keys = max;
		assert_int_equal(store_call(s->store, &r), 0);
		bytes += r.reply.parts_bytes;
		more = r.reply.truncated;
		after = r.reply.next_part;
		store_request_release(&r);
	}
	assert_false(more);
	return bytes;
}

static void upload_parts(const struct suite *s, const char *prefix)
{
	static const unsigned numbers[] = {1, 2, 5};
	char id[TEXT_SIZE], etag[VERSION_SIZE];
	struct store_request r;

	KEY(file);
	create_upload(s, file_key, NULL, id);
	assert_int_equal(parts_bytes(s, file_key, id, 0, 0), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(upload_part(s, file_key, id, numbers[i],
					     "0123456789", numbers[i], etag),
				 0);
	for (unsigned max = 0; max < 5; max++)
		assert_int_equal(parts_bytes(s, file_key, id, 0, max), 8);
	assert_int_equal(parts_bytes(s, file_key, id, 2, 0), 5);
	store_request_init(&r, STORE_ABORT_UPLOAD);
	r.key = file_key;
	r.upload_id = id;
	assert_int_equal(store_call(s->store, &r), 0);
	store_request_release(&r);
	store_request_init(&r, STORE_LIST_PARTS);
	r.key = file_key;
	r.upload_id = id;
	assert_int_equal(store_call(s->store, &r), -ENOENT);
	store_request_release(&r);
}

static void delete_many(const struct suite *s, const char *prefix)
{
	char v1[VERSION_SIZE], text[TEXT_SIZE];
	struct store_request r;

	KEY(a);
	KEY(b);
	struct store_delete deletes[2] = {
		{.key = a_key},
		{.key = b_key, .version_id = v1},
	};

	assert_int_equal(suite_put(s->store, a_key, "a", NULL), 0);
	assert_int_equal(suite_put(s->store, b_key, "b1", v1), 0);
	assert_int_equal(suite_put(s->store, b_key, "b2", NULL), 0);
	store_request_init(&r, STORE_DELETE_MANY);
	r.deletes = deletes;
	r.delete_count = 2;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_int_equal(deletes[0].result, 0);
	assert_int_equal(deletes[1].result, 0);
	assert_non_null(deletes[0].marker_version);
	assert_null(deletes[1].marker_version);
	store_request_release(&r);
	free(deletes[0].marker_version);
	suite_list(s->store, STORE_LIST_VERSIONS, prefix, NULL, 0, text,
		   sizeof(text), NULL);
	assert_string_equal(text, "a-^ a= b=^");
}

/* One delete with DeleteObject, one with DeleteObjects; both carry an ETag. */
static int delete_if(struct store *store, const char *key, const char *etag,
		     bool many)
{
	struct store_delete item = {.key = key, .if_match = etag};
	struct store_request r;
	int err;

	store_request_init(&r, many ? STORE_DELETE_MANY : STORE_DELETE);
	r.key = many ? NULL : key;
	r.if_match = many ? NULL : etag;
	r.deletes = &item;
	r.delete_count = 1;
	err = store_call(store, &r);
	store_request_release(&r);
	free(item.marker_version);
	return err ? err : item.result;
}

static void delete_if_match(const struct suite *s, const char *prefix)
{
	static const char hello[] = "5d41402abc4b2a76b9719d911017c592";
	static const char other[] = "00000000000000000000000000000000";
	char text[TEXT_SIZE];

	KEY(file);
	for (int many = 0; many < 2; many++) {
		assert_int_equal(suite_put(s->store, file_key, "hello", NULL),
				 0);
		assert_int_equal(delete_if(s->store, file_key, other, many),
				 -EBUSY);
		assert_int_equal(delete_if(s->store, file_key, hello, many), 0);
	}
	suite_list(s->store, STORE_LIST_VERSIONS, prefix, NULL, 0, text,
		   sizeof(text), NULL);
	assert_string_equal(text, "file-^ file= file- file=");
}

const struct suite_case suite_upload_cases[] = {
	{"multipart", multipart, 0},
	{"errors of uploads", upload_errors, 0},
	{"lists of uploads", upload_lists, 0},
	{"lists of parts", upload_parts, 0},
	{"delete many", delete_many, 0},
	{"delete if it matches", delete_if_match, SUITE_DELETE_IF_MATCH},
	{NULL, NULL, 0},
};
