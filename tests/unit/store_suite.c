/* SPDX-License-Identifier: Apache-2.0 */
/* The store suite's cases of single objects and documents; its runner. */
#include "store_suite_int.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* More than there are cases. */
#define CASES_MAX 64

static void put_and_get(const struct suite *s, const char *prefix)
{
	struct store_request r;
	struct kvlist meta, headers;
	char text[TEXT_SIZE];

	KEY(file);
	kvlist_init(&meta);
	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&meta, "file-mtime", "12ns"), 0);
	assert_int_equal(kvlist_add(&headers, "content-type", "text/x-me"), 0);
	store_request_init(&r, STORE_PUT);
	r.key = file_key;
	r.body.mem = "hello";
	r.body.length = 5;
	r.meta = &meta;
	r.headers = &headers;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_int_equal(r.reply.status, 200);
	assert_string_equal(r.reply.object.etag,
			    "5d41402abc4b2a76b9719d911017c592");
	assert_non_null(r.reply.object.version_id);
	store_request_release(&r);

	store_request_init(&r, STORE_HEAD);
	r.key = file_key;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_int_equal(r.reply.object.size_bytes, 5);
	assert_string_equal(r.reply.object.etag,
			    "5d41402abc4b2a76b9719d911017c592");
	assert_string_equal(kvlist_get(&r.reply.object.meta, "file-mtime"),
			    "12ns");
	assert_string_equal(kvlist_get(&r.reply.object.headers, "content-type"),
			    "text/x-me");
	assert_true(r.reply.object.last_modified_ns > 0);
	assert_true(r.reply.date_ns > 0);
	assert_false(r.reply.object.delete_marker);
	store_request_release(&r);

	assert_int_equal(
		suite_get(s->store, file_key, NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "hello");
	kvlist_release(&meta);
	kvlist_release(&headers);
}

static void body_from_fd(const struct suite *s, const char *prefix)
{
	struct store_request r;
	char text[TEXT_SIZE];
	int fd = memfd_create("body", MFD_CLOEXEC);

	KEY(file);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "0123456789", 10, 0), 10);
	store_request_init(&r, STORE_PUT);
	r.key = file_key;
	r.body.fd = fd;
	r.body.offset = 2;
	r.body.length = 5;
	assert_int_equal(store_call(s->store, &r), 0);
	store_request_release(&r);
	assert_int_equal(
		suite_get(s->store, file_key, NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "23456");
	close(fd);
}

static void ranges(const struct suite *s, const char *prefix)
{
	static const struct {
		const char *body;
		uint64_t offset, length;
		int err;
		const char *want;
	} table[] = {
		{"0123456789", 0, 0, 0, "0123456789"},
		{"0123456789", 0, 1, 0, "0"},
		{"0123456789", 3, 4, 0, "3456"},
		{"0123456789", 8, 10, 0, "89"},
		{"0123456789", 9, 0, 0, "9"},
		{"0123456789", 10, 1, -ERANGE, ""},
		{"0123456789", 99, 0, -ERANGE, ""},
		{"", 0, 0, 0, ""},
		{"", 0, 10, -ERANGE, ""},
	};
	char text[TEXT_SIZE];

	KEY(file);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct store_request r;
		size_t len;

		assert_int_equal(
			suite_put(s->store, file_key, table[i].body, NULL), 0);
		store_request_init(&r, STORE_GET);
		r.key = file_key;
		r.range_offset = table[i].offset;
		r.range_length = table[i].length;
		assert_int_equal(suite_get_range(s->store, &r, text,
						 sizeof(text), &len),
				 table[i].err);
		if (!table[i].err) {
			assert_string_equal(text, table[i].want);
			assert_int_equal(r.reply.object.size_bytes,
					 strlen(table[i].body));
		}
		store_request_release(&r);
	}
}

/* What the answer says of itself, when the first byte comes. */
struct headed {
	bool head, byte_first;
	char etag[64], version_id[VERSION_SIZE];
};

static int note_head(void *ctx, int status, const struct store_object *o)
{
	struct headed *h = ctx;

	h->head = status == 200;
	snprintf(h->etag, sizeof(h->etag), "%s", o->etag ? o->etag : "");
	snprintf(h->version_id, sizeof(h->version_id), "%s",
		 o->version_id ? o->version_id : "");
	return 0;
}

static int note_byte(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct headed *h = ctx;

	(void)offset;
	(void)data;
	(void)len;
	h->byte_first = h->byte_first || !h->head;
	return 0;
}

/* Whose bytes they are is told before the first of them. */
static void head_comes_first(const struct suite *s, const char *prefix)
{
	struct headed h = {.head = false};
	char version[VERSION_SIZE];
	struct store_request r;

	KEY(file);
	assert_int_equal(suite_put(s->store, file_key, "hello", version), 0);
	store_request_init(&r, STORE_GET);
	r.key = file_key;
	r.sink = note_byte;
	r.sink_ctx = &h;
	r.head = note_head;
	r.head_ctx = &h;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_true(h.head);
	assert_false(h.byte_first);
	assert_string_equal(h.etag, "5d41402abc4b2a76b9719d911017c592");
	assert_string_equal(h.version_id, version);
	store_request_release(&r);
}

static void versions(const struct suite *s, const char *prefix)
{
	char v1[VERSION_SIZE], v2[VERSION_SIZE];
	char text[TEXT_SIZE];

	KEY(file);
	assert_int_equal(suite_put(s->store, file_key, "one", v1), 0);
	assert_int_equal(suite_put(s->store, file_key, "two", v2), 0);
	assert_string_not_equal(v1, v2);
	assert_int_equal(suite_get(s->store, file_key, v1, text, sizeof(text)),
			 0);
	assert_string_equal(text, "one");
	assert_int_equal(
		suite_get(s->store, file_key, NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "two");
	suite_list(s->store, STORE_LIST_VERSIONS, prefix, NULL, 0, text,
		   sizeof(text), NULL);
	assert_string_equal(text, "file=^ file=");
}

static void delete_and_undelete(const struct suite *s, const char *prefix)
{
	char v1[VERSION_SIZE], marker[VERSION_SIZE];
	char text[TEXT_SIZE];

	KEY(file);
	assert_int_equal(suite_put(s->store, file_key, "one", v1), 0);
	assert_int_equal(suite_delete(s->store, file_key, NULL, marker), 0);
	assert_string_not_equal(marker, "");
	assert_int_equal(suite_get(s->store, file_key, NULL, text,
				   sizeof(text)),
			 -ENOENT);
	assert_int_equal(suite_get(s->store, file_key, v1, text, sizeof(text)),
			 0);
	suite_list(s->store, STORE_LIST, prefix, NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "");
	suite_list(s->store, STORE_LIST_VERSIONS, prefix, NULL, 0, text,
		   sizeof(text), NULL);
	assert_string_equal(text, "file-^ file=");
	assert_int_equal(suite_get(s->store, file_key, marker, text,
				   sizeof(text)),
			 -ENOENT);

	assert_int_equal(suite_delete(s->store, file_key, marker, NULL), 0);
	assert_int_equal(
		suite_get(s->store, file_key, NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "one");
	assert_int_equal(suite_delete(s->store, file_key, v1, NULL), 0);
	suite_list(s->store, STORE_LIST_VERSIONS, prefix, NULL, 0, text,
		   sizeof(text), NULL);
	assert_string_equal(text, "");
	/* Once more: deleting what is not there is no error. */
	assert_int_equal(suite_delete(s->store, file_key, v1, NULL), 0);
}

static void marker_is_told(const struct suite *s, const char *prefix)
{
	char marker[VERSION_SIZE];
	struct store_request r;

	KEY(file);
	assert_int_equal(suite_put(s->store, file_key, "one", NULL), 0);
	assert_int_equal(suite_delete(s->store, file_key, NULL, marker), 0);
	for (int by_id = 0; by_id < 2; by_id++) {
		store_request_init(&r, STORE_HEAD);
		r.key = file_key;
		r.version_id = by_id ? marker : NULL;
		assert_int_equal(store_call(s->store, &r), -ENOENT);
		/* By id 405, but for Ceph: 404. */
		assert_true(r.reply.status == 404 ||
			    (by_id && r.reply.status == 405));
		assert_true(r.reply.object.delete_marker);
		store_request_release(&r);
	}
}

static void missing(const struct suite *s, const char *prefix)
{
	static const enum store_op ops[] = {STORE_HEAD, STORE_GET,
					    STORE_GET_TAGGING};
	struct store_request r;

	KEY(nothing);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		store_request_init(&r, ops[i]);
		r.key = nothing_key;
		assert_int_equal(store_call(s->store, &r), -ENOENT);
		assert_false(r.reply.object.delete_marker);
		store_request_release(&r);
	}
	store_request_init(&r, STORE_COPY);
	r.key = nothing_key;
	r.source_key = nothing_key;
	r.replace_meta = true;
	assert_int_equal(store_call(s->store, &r), -ENOENT);
	store_request_release(&r);
}

static void if_none_match(const struct suite *s, const char *prefix)
{
	struct store_request r;

	KEY(file);
	for (int i = 0; i < 3; i++) {
		/* New; taken; free again behind a delete marker. */
		static const int want[] = {0, -EBUSY, 0};

		if (i == 2)
			assert_int_equal(suite_delete(s->store, file_key, NULL,
						      NULL),
					 0);
		store_request_init(&r, STORE_PUT);
		r.key = file_key;
		r.if_none_match = "*";
		r.body.mem = "x";
		r.body.length = 1;
		assert_int_equal(store_call(s->store, &r), want[i]);
		store_request_release(&r);
	}
}

static void if_match(const struct suite *s, const char *prefix)
{
	static const struct {
		const char *etag;
		int err;
	} table[] = {
		{"5d41402abc4b2a76b9719d911017c592", 0}, /* "hello" */
		{"5d41402abc4b2a76b9719d911017c592", -EBUSY},
		{"00000000000000000000000000000000", -EBUSY},
		{"*", 0},
	};
	struct store_request r;

	KEY(file);
	assert_int_equal(suite_put(s->store, file_key, "hello", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		store_request_init(&r, STORE_PUT);
		r.key = file_key;
		r.if_match = table[i].etag;
		r.body.mem = "x";
		r.body.length = 1;
		assert_int_equal(store_call(s->store, &r), table[i].err);
		store_request_release(&r);
	}
}

static void conditional_reads(const struct suite *s, const char *prefix)
{
	static const struct {
		const char *match, *none_match;
		int status;
	} table[] = {
		{"5d41402abc4b2a76b9719d911017c592", NULL, 200},
		{"00000000000000000000000000000000", NULL, 412},
		{NULL, "5d41402abc4b2a76b9719d911017c592", 304},
		{NULL, "00000000000000000000000000000000", 200},
	};
	struct store_request r;

	KEY(file);
	assert_int_equal(suite_put(s->store, file_key, "hello", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		store_request_init(&r, STORE_GET);
		r.key = file_key;
		r.if_match = table[i].match;
		r.if_none_match = table[i].none_match;
		assert_int_equal(store_call(s->store, &r),
				 table[i].status == 200 ? 0 : -EBUSY);
		assert_int_equal(r.reply.status, table[i].status);
		store_request_release(&r);
	}
}

static void copies(const struct suite *s, const char *prefix)
{
	struct kvlist old_meta, new_meta;
	char v1[VERSION_SIZE], text[TEXT_SIZE];
	struct store_request r;

	KEY(from);
	KEY(to);
	kvlist_init(&old_meta);
	kvlist_init(&new_meta);
	assert_int_equal(kvlist_add(&old_meta, "color", "red"), 0);
	assert_int_equal(kvlist_add(&new_meta, "shape", "round"), 0);
	store_request_init(&r, STORE_PUT);
	r.key = from_key;
	r.meta = &old_meta;
	r.body.mem = "one";
	r.body.length = 3;
	assert_int_equal(store_call(s->store, &r), 0);
	suite_copy_version(&r, v1);
	store_request_release(&r);

	assert_int_equal(suite_copy(s->store, to_key, from_key, NULL, NULL), 0);
	suite_assert_meta(s->store, to_key, "color", "red");
	assert_int_equal(
		suite_copy(s->store, to_key, from_key, NULL, &new_meta), 0);
	suite_assert_meta(s->store, to_key, "color", NULL);
	suite_assert_meta(s->store, to_key, "shape", "round");

	/* A version stays a source whatever became of its name. */
	assert_int_equal(suite_put(s->store, from_key, "two", NULL), 0);
	assert_int_equal(suite_delete(s->store, from_key, NULL, NULL), 0);
	assert_int_equal(suite_copy(s->store, to_key, from_key, NULL, NULL),
			 -ENOENT);
	assert_int_equal(suite_copy(s->store, to_key, from_key, v1, NULL), 0);
	assert_int_equal(suite_get(s->store, to_key, NULL, text, sizeof(text)),
			 0);
	assert_string_equal(text, "one");

	store_request_init(&r, STORE_COPY);
	r.key = from_key;
	r.source_key = to_key;
	r.source_if_match = "00000000000000000000000000000000";
	assert_int_equal(store_call(s->store, &r), -EBUSY);
	store_request_release(&r);
	kvlist_release(&old_meta);
	kvlist_release(&new_meta);
}

static void copy_tells_versions(const struct suite *s, const char *prefix)
{
	char v1[VERSION_SIZE];
	struct store_request r;

	KEY(from);
	KEY(to);
	assert_int_equal(suite_put(s->store, from_key, "one", v1), 0);
	store_request_init(&r, STORE_COPY);
	r.key = to_key;
	r.source_key = from_key;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_non_null(r.reply.object.version_id);
	store_request_release(&r);
}

static void limits(const struct suite *s, const char *prefix)
{
	char big[2100], key[1100];
	struct kvlist meta;
	struct store_request r;

	KEY(file);
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	kvlist_init(&meta);
	assert_int_equal(kvlist_add(&meta, "big", big), 0);
	store_request_init(&r, STORE_PUT);
	r.key = file_key;
	r.meta = &meta;
	assert_int_equal(store_call(s->store, &r), -EINVAL);
	assert_string_equal(r.reply.code, "MetadataTooLarge");
	store_request_release(&r);
	kvlist_release(&meta);

	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(suite_put(s->store, key, "", NULL), -EINVAL);

	assert_int_equal(suite_put(s->store, file_key, "one", NULL), 0);
	assert_int_equal(suite_copy(s->store, file_key, file_key, NULL, NULL),
			 -EINVAL);
}

static void get_document(const struct suite *s, enum store_op op,
			 const char *key, const char *want)
{
	struct store_request r;

	store_request_init(&r, op);
	r.key = key;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_non_null(strstr(r.reply.body.data, want));
	store_request_release(&r);
}

static void tagging(const struct suite *s, const char *prefix)
{
	static const char document[] =
		"<Tagging><TagSet><Tag><Key>k2</Key><Value>v2</Value></Tag>"
		"</TagSet></Tagging>";
	struct kvlist headers;
	struct store_request r;

	KEY(file);
	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&headers, "x-amz-tagging", "k1=v%2F1&k=x"),
			 0);
	store_request_init(&r, STORE_PUT);
	r.key = file_key;
	r.headers = &headers;
	assert_int_equal(store_call(s->store, &r), 0);
	store_request_release(&r);
	get_document(s, STORE_GET_TAGGING, file_key,
		     "<Key>k1</Key><Value>v/1</Value>");

	store_request_init(&r, STORE_PUT_TAGGING);
	r.key = file_key;
	r.body.mem = document;
	r.body.length = strlen(document);
	assert_int_equal(store_call(s->store, &r), 0);
	store_request_release(&r);
	get_document(s, STORE_GET_TAGGING, file_key,
		     "<Key>k2</Key><Value>v2</Value>");
	kvlist_release(&headers);
}

static void lifecycle(const struct suite *s, const char *prefix)
{
	static const char document[] =
		"<LifecycleConfiguration><Rule><ID>suite</ID>"
		"<Status>Enabled</Status><Filter><Prefix>none/</Prefix>"
		"</Filter><Expiration><Days>900</Days></Expiration></Rule>"
		"</LifecycleConfiguration>";
	struct store_request r;

	(void)prefix;
	store_request_init(&r, STORE_PUT_LIFECYCLE);
	r.body.mem = document;
	r.body.length = strlen(document);
	assert_int_equal(store_call(s->store, &r), 0);
	store_request_release(&r);
	get_document(s, STORE_GET_LIFECYCLE, NULL, "<ID>suite</ID>");
	store_request_init(&r, STORE_DELETE_LIFECYCLE);
	assert_int_equal(store_call(s->store, &r), 0);
	store_request_release(&r);
	store_request_init(&r, STORE_GET_LIFECYCLE);
	assert_int_equal(store_call(s->store, &r), -ENODATA);
	store_request_release(&r);
	store_request_init(&r, STORE_GET_REPLICATION);
	assert_int_equal(store_call(s->store, &r), -ENODATA);
	store_request_release(&r);
}

static void bucket(const struct suite *s, const char *prefix)
{
	struct store_request r;

	(void)prefix;
	store_request_init(&r, STORE_HEAD_BUCKET);
	assert_int_equal(store_call(s->store, &r), 0);
	store_request_release(&r);
	get_document(s, STORE_GET_VERSIONING, NULL, "<Status>Enabled</Status>");
}

const struct suite_case suite_object_cases[] = {
	{"bucket", bucket, 0},
	{"put and get", put_and_get, 0},
	{"body from a descriptor", body_from_fd, 0},
	{"ranges", ranges, 0},
	{"the head comes first", head_comes_first, 0},
	{"versions", versions, 0},
	{"delete and undelete", delete_and_undelete, 0},
	{"a marker is told", marker_is_told, SUITE_MARKER_TOLD},
	{"what is missing", missing, 0},
	{"If-None-Match", if_none_match, SUITE_IF_NONE_MATCH},
	{"If-Match", if_match, SUITE_IF_MATCH},
	{"conditional reads", conditional_reads, 0},
	{"copies", copies, 0},
	{"a copy tells its versions", copy_tells_versions, SUITE_COPY_VERSION},
	{"limits", limits, SUITE_LIMITS},
	{"tags", tagging, 0},
	{"lifecycle document", lifecycle, 0},
	{NULL, NULL, 0},
};

struct suite_run_arg {
	const struct suite *suite;
	const struct suite_case *c;
};

static void run_case(void **state)
{
	static unsigned number; /* no two cases share a key */
	const struct suite_run_arg *arg = *state;
	char prefix[KEY_SIZE / 2];

	if (arg->c->needs & arg->suite->lacks) {
		skip();
		return;
	}
	snprintf(prefix, sizeof(prefix), "%s%u/", arg->suite->prefix, ++number);
	arg->c->run(arg->suite, prefix);
	suite_sweep(arg->suite->store, prefix);
}

int suite_run(const char *name, const struct suite *s)
{
	static const struct suite_case *const groups[] = {
		suite_object_cases,
		suite_list_cases,
		suite_upload_cases,
	};
	struct CMUnitTest tests[CASES_MAX];
	struct suite_run_arg args[CASES_MAX];
	size_t count = 0;

	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		for (const struct suite_case *c = groups[i]; c->name; c++) {
			if (count == CASES_MAX)
				return 1;
			args[count] = (struct suite_run_arg){s, c};
			tests[count].name = c->name;
			tests[count].test_func = run_case;
			tests[count].initial_state = &args[count];
			count++;
		}
	return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}
