/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The S3 store against a real gateway. The environment gives
 * VERS3_TEST_ENDPOINT, VERS3_TEST_BUCKET (versioned, with nothing in it that
 * matters) and the keys; without an endpoint the test is skipped. The suite
 * for all stores runs elsewhere; here is what only a network can break.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "../store_suite.h"
#include "vers3/s3/s3.h"

#define MIB ((size_t)1 << 20)

static struct store *store;
static char prefix[64];

/* Keys that something on the way may trip over, each without the prefix. */
static const char *const odd_keys[] = {
	"plain",
	"with space and  two",
	"a+b",
	"a%2Bb%",
	"100%",
	"a&b=c?d#e;f",
	"quote'\"<tag>&amp;",
	"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
	"line\nbreak",
	"carriage\rreturn\ttab",
	"bytes\x01\x1b\x7f",
	"//double//slash/",
	"./dot/../dots",
	"~tilde*star(paren)!$,:@[]|\\^`{}",
	"trailing ",
};

#define ODD_COUNT (sizeof(odd_keys) / sizeof(*odd_keys))

static void make_key(char *key, size_t size, const char *dir, size_t i)
{
	snprintf(key, size, "%s%s/%s", prefix, dir, odd_keys[i]);
}

static void check(const struct store_request *r, const char *key, int ret)
{
	if (ret)
		fail_msg("%s of %s: %s, status %d, %s: %s",
			 store_op_name(r->op), key, strerror(-ret),
			 r->reply.status, r->reply.code, r->reply.message);
}

static void put(const char *key, const char *text, char *ret_version)
{
	if (suite_put(store, key, text, ret_version))
		fail_msg("put of %s", key);
}

struct found {
	size_t seen[ODD_COUNT];
	size_t count, others;
	const char *dir;
};

static int on_entry(void *ctx, const struct store_entry *entry)
{
	struct found *f = ctx;
	char key[1100];

	assert_int_equal(strlen(entry->key), entry->key_len);
	for (size_t i = 0; i < ODD_COUNT; i++) {
		make_key(key, sizeof(key), f->dir, i);
		if (!strcmp(key, entry->key)) {
			f->seen[i]++;
			f->count++;
			return 0;
		}
	}
	f->others++;
	return 0;
}

/* Lists page by page; each odd key must come `times` times, and no other. */
static void check_list(enum store_op op, const char *dir, unsigned max_keys,
		       size_t times)
{
	char token[1100] = "", version[2048] = "", list_prefix[128];
	struct found f = {.dir = dir};
	bool more = true;

	snprintf(list_prefix, sizeof(list_prefix), "%s%s/", prefix, dir);
	for (unsigned pages = 0; more; pages++) {
		struct store_request r;
		const char *next;

		assert_true(pages < 1000);
		store_request_init(&r, op);
		r.prefix = list_prefix;
		r.max_keys = max_keys;
		r.on_entry = on_entry;
		r.entry_ctx = &f;
		if (op == STORE_LIST) {
			r.token = *token ? token : NULL;
		} else {
			r.key_marker = *token ? token : NULL;
			r.version_marker = *version ? version : NULL;
		}
		check(&r, list_prefix, store_call(store, &r));
		assert_int_equal(r.reply.skipped, 0);
		more = r.reply.truncated;
		next = op == STORE_LIST ? r.reply.next_token
					: r.reply.next_key_marker;
		snprintf(token, sizeof(token), "%s", next ? next : "");
		next = r.reply.next_version_marker;
		snprintf(version, sizeof(version), "%s", next ? next : "");
		store_request_release(&r);
	}
	assert_int_equal(f.others, 0);
	for (size_t i = 0; i < ODD_COUNT; i++)
		if (f.seen[i] != times)
			fail_msg("%s listed %zu times by %s, pages of %u",
				 odd_keys[i], f.seen[i], store_op_name(op),
				 max_keys);
}

static void test_odd_keys(void **state)
{
	char key[1100], text[1200], got[1200], version[64];

	(void)state;
	for (size_t i = 0; i < ODD_COUNT; i++) {
		make_key(key, sizeof(key), "odd", i);
		snprintf(text, sizeof(text), "content of %s", odd_keys[i]);
		put(key, "older", version);
		put(key, text, NULL);
		assert_int_equal(suite_get(store, key, NULL, got, sizeof(got)),
				 0);
		assert_string_equal(got, text);
		assert_int_equal(
			suite_get(store, key, version, got, sizeof(got)), 0);
		assert_string_equal(got, "older");
	}
	for (unsigned pages = 0; pages <= 3; pages++) {
		check_list(STORE_LIST, "odd", pages, 1);
		check_list(STORE_LIST_VERSIONS, "odd", pages, 2);
	}
}

static void test_odd_copies(void **state)
{
	char key[1100], to[1100], got[64], version[64];

	(void)state;
	for (size_t i = 0; i < ODD_COUNT; i++) {
		struct store_request r;

		make_key(key, sizeof(key), "from", i);
		make_key(to, sizeof(to), "to", i);
		put(key, "first", version);
		put(key, "second", NULL);
		store_request_init(&r, STORE_COPY);
		r.key = to;
		r.source_key = key;
		r.source_version = version;
		check(&r, key, store_call(store, &r));
		assert_non_null(r.reply.object.etag);
		store_request_release(&r);
		assert_int_equal(suite_get(store, to, NULL, got, sizeof(got)),
				 0);
		assert_string_equal(got, "first");
	}
}

static void upload_part(const char *key, const char *id, unsigned number,
			const char *source, char *ret_etag)
{
	struct store_request r;

	store_request_init(&r, source ? STORE_COPY_PART : STORE_UPLOAD_PART);
	r.key = key;
	r.upload_id = id;
	r.part_number = number;
	r.source_key = source;
	if (!source) {
		r.body.mem = "last";
		r.body.length = 4;
	}
	check(&r, key, store_call(store, &r));
	assert_non_null(r.reply.object.etag);
	snprintf(ret_etag, 64, "%s", r.reply.object.etag);
	store_request_release(&r);
}

static void create_upload(const char *key, char *ret_id, size_t size)
{
	struct store_request r;

	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = key;
	check(&r, key, store_call(store, &r));
	assert_non_null(r.reply.upload_id);
	snprintf(ret_id, size, "%s", r.reply.upload_id);
	store_request_release(&r);
}

static void test_odd_uploads(void **state)
{
	static char big[5 * MIB];
	struct store_request r;
	char source[1100], key[1100], id[2048], etags[2][64];
	struct store_part parts[2] = {{1, etags[0]}, {2, etags[1]}};

	(void)state;
	for (size_t i = 0; i < ODD_COUNT; i++) {
		make_key(key, sizeof(key), "up", i);
		create_upload(key, id, sizeof(id));
	}
	for (unsigned pages = 0; pages <= 2; pages++)
		check_list(STORE_LIST_UPLOADS, "up", pages, 1);
	/* One from its beginning to its end, by the oddest of the keys. */
	make_key(source, sizeof(source), "part", 6);
	store_request_init(&r, STORE_PUT);
	r.key = source;
	r.body.mem = big;
	r.body.length = sizeof(big);
	check(&r, source, store_call(store, &r));
	store_request_release(&r);
	make_key(key, sizeof(key), "part", 10);
	create_upload(key, id, sizeof(id));
	upload_part(key, id, 1, source, etags[0]);
	upload_part(key, id, 2, NULL, etags[1]);
	store_request_init(&r, STORE_COMPLETE_UPLOAD);
	r.key = key;
	r.upload_id = id;
	r.parts = parts;
	r.part_count = 2;
	check(&r, key, store_call(store, &r));
	store_request_release(&r);
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	check(&r, key, store_call(store, &r));
	assert_int_equal(r.reply.object.size_bytes, sizeof(big) + 4);
	store_request_release(&r);
}

struct upload_list {
	char *keys[64], *ids[64];
	size_t count;
};

static int on_upload(void *ctx, const struct store_entry *entry)
{
	struct upload_list *l = ctx;

	assert_true(l->count < 64);
	l->keys[l->count] = strdup(entry->key);
	l->ids[l->count++] = strdup(entry->version_id);
	return 0;
}

static void test_abort_uploads(void **state)
{
	struct upload_list l = {.count = 0};
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_LIST_UPLOADS);
	r.prefix = prefix;
	r.on_entry = on_upload;
	r.entry_ctx = &l;
	check(&r, prefix, store_call(store, &r));
	store_request_release(&r);
	assert_true(l.count >= ODD_COUNT);
	for (size_t i = 0; i < l.count; i++) {
		store_request_init(&r, STORE_ABORT_UPLOAD);
		r.key = l.keys[i];
		r.upload_id = l.ids[i];
		check(&r, l.keys[i], store_call(store, &r));
		store_request_release(&r);
		free(l.keys[i]);
		free(l.ids[i]);
	}
}

static void test_odd_deletes(void **state)
{
	char keys[ODD_COUNT][1100], got[64];
	struct store_delete deletes[ODD_COUNT];
	struct store_request r;

	(void)state;
	memset(deletes, 0, sizeof(deletes));
	for (size_t i = 0; i < ODD_COUNT; i++) {
		make_key(keys[i], sizeof(keys[i]), "del", i);
		put(keys[i], "x", NULL);
		deletes[i].key = keys[i];
	}
	store_request_init(&r, STORE_DELETE_MANY);
	r.deletes = deletes;
	r.delete_count = ODD_COUNT;
	check(&r, prefix, store_call(store, &r));
	store_request_release(&r);
	for (size_t i = 0; i < ODD_COUNT; i++) {
		if (deletes[i].result)
			fail_msg("%s: %d", keys[i], deletes[i].result);
		assert_int_equal(suite_get(store, keys[i], NULL, got,
					   sizeof(got)),
				 -ENOENT);
		if (!deletes[i].marker_version)
			fail_msg("%s has no marker", keys[i]);
		/* The marker goes, the object is back. */
		assert_int_equal(suite_delete(store, keys[i],
					      deletes[i].marker_version, NULL),
				 0);
		assert_int_equal(
			suite_get(store, keys[i], NULL, got, sizeof(got)), 0);
		free(deletes[i].marker_version);
	}
	check_list(STORE_LIST, "del", 0, 1);
}

static void test_meta(void **state)
{
	struct kvlist meta, headers;
	struct store_request r;
	char key[128];

	(void)state;
	kvlist_init(&meta);
	kvlist_init(&headers);
	snprintf(key, sizeof(key), "%smeta", prefix);
	kvlist_add(&meta, "mtime", "1732233008.123456789");
	kvlist_add(&meta, "two", "a  b,c;d=\"e\"");
	kvlist_add(&meta, "vers3-xattr-user.x%20y", "YWJj");
	kvlist_add(&headers, "content-type", "text/x-test; charset=utf-8");
	kvlist_add(&headers, "cache-control", "max-age=1");
	store_request_init(&r, STORE_PUT);
	r.key = key;
	r.meta = &meta;
	r.headers = &headers;
	check(&r, key, store_call(store, &r));
	store_request_release(&r);
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	check(&r, key, store_call(store, &r));
	assert_int_equal(r.reply.object.meta.count, 3);
	for (size_t i = 0; i < meta.count; i++)
		assert_string_equal(kvlist_get(&r.reply.object.meta,
					       meta.items[i].name),
				    meta.items[i].value);
	for (size_t i = 0; i < headers.count; i++)
		assert_string_equal(kvlist_get(&r.reply.object.headers,
					       headers.items[i].name),
				    headers.items[i].value);
	assert_int_equal(r.reply.object.size_bytes, 0);
	assert_true(r.reply.object.last_modified_ns > 0);
	assert_true(r.reply.date_ns > 0);
	assert_true(r.reply.request_id[0]);
	store_request_release(&r);
	kvlist_release(&headers);
	kvlist_release(&meta);
}

/* Bodies from a file, above and below what is read into memory first. */
static void test_fd_bodies(void **state)
{
	static const size_t sizes[] = {0, 1, 65536, 65537, 3 * MIB + 17};
	char path[] = "/tmp/t_s3live.XXXXXX", key[128];
	char *data = malloc(4 * MIB), *got = malloc(4 * MIB);
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && data && got);
	unlink(path);
	for (size_t i = 0; i < 4 * MIB; i++)
		data[i] = (char)(i * 2654435761u >> 11);
	assert_int_equal(pwrite(fd, data, 4 * MIB, 0), 4 * MIB);
	snprintf(key, sizeof(key), "%sfd", prefix);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct store_request r;

		store_request_init(&r, STORE_PUT);
		r.key = key;
		r.body.fd = fd;
		r.body.offset = 11;
		r.body.length = sizes[i];
		check(&r, key, store_call(store, &r));
		store_request_release(&r);
		memset(got, 0, 4 * MIB);
		assert_int_equal(suite_get(store, key, NULL, got, 4 * MIB), 0);
		assert_memory_equal(got, data + 11, sizes[i]);
	}
	close(fd);
	free(got);
	free(data);
}

static void test_documents(void **state)
{
	static const char lifecycle[] =
		"<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled"
		"</Status><Filter><Prefix>tmp/</Prefix></Filter><Expiration>"
		"<Days>7</Days></Expiration></Rule></LifecycleConfiguration>";
	static const char tags[] =
		"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag>"
		"</TagSet></Tagging>";
	struct store_request r;
	char key[128];

	(void)state;
	store_request_init(&r, STORE_GET_REPLICATION);
	assert_int_equal(store_call(store, &r), -ENODATA);
	store_request_release(&r);
	store_request_init(&r, STORE_PUT_LIFECYCLE);
	r.body.mem = lifecycle;
	r.body.length = sizeof(lifecycle) - 1;
	check(&r, "lifecycle", store_call(store, &r));
	store_request_release(&r);
	store_request_init(&r, STORE_GET_LIFECYCLE);
	check(&r, "lifecycle", store_call(store, &r));
	assert_non_null(strstr(r.reply.body.data, "<Prefix>tmp/</Prefix>"));
	store_request_release(&r);
	store_request_init(&r, STORE_DELETE_LIFECYCLE);
	check(&r, "lifecycle", store_call(store, &r));
	store_request_release(&r);
	store_request_init(&r, STORE_GET_LIFECYCLE);
	assert_int_equal(store_call(store, &r), -ENODATA);
	store_request_release(&r);

	make_key(key, sizeof(key), "tags", 7);
	put(key, "x", NULL);
	store_request_init(&r, STORE_PUT_TAGGING);
	r.key = key;
	r.body.mem = tags;
	r.body.length = sizeof(tags) - 1;
	check(&r, key, store_call(store, &r));
	store_request_release(&r);
	store_request_init(&r, STORE_GET_TAGGING);
	r.key = key;
	check(&r, key, store_call(store, &r));
	assert_non_null(strstr(r.reply.body.data, "<Value>v</Value>"));
	store_request_release(&r);
}

static void test_versioning(void **state)
{
	static const char enabled[] =
		"<VersioningConfiguration><Status>Enabled</Status>"
		"</VersioningConfiguration>";
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_HEAD_BUCKET);
	check(&r, "bucket", store_call(store, &r));
	store_request_release(&r);
	store_request_init(&r, STORE_PUT_VERSIONING);
	r.body.mem = enabled;
	r.body.length = sizeof(enabled) - 1;
	check(&r, "versioning", store_call(store, &r));
	store_request_release(&r);
	store_request_init(&r, STORE_GET_VERSIONING);
	check(&r, "versioning", store_call(store, &r));
	assert_non_null(strstr(r.reply.body.data, "<Status>Enabled</Status>"));
	store_request_release(&r);
}

static size_t drop(char *data, size_t size, size_t n, void *ctx)
{
	size_t *total = ctx;

	(void)data;
	*total += size * n;
	return size * n;
}

/* curl(1)'s way in, without a signature of its own. */
static void test_presign(void **state)
{
	char key[1100], version[64];

	(void)state;
	for (size_t i = 0; i < ODD_COUNT; i++) {
		CURL *easy = curl_easy_init();
		struct s3_presign what = {.key = key, .seconds = 60};
		struct s3_presigned made = {.url = NULL};
		size_t total = 0;
		long status = 0;

		make_key(key, sizeof(key), "url", i);
		put(key, "12345", version);
		what.version_id = i % 2 ? version : NULL;
		assert_int_equal(s3_store_presign(store, &what, &made), 0);
		curl_easy_setopt(easy, CURLOPT_URL, made.url);
		curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
		if (getenv("AWS_CA_BUNDLE"))
			curl_easy_setopt(easy, CURLOPT_CAINFO,
					 getenv("AWS_CA_BUNDLE"));
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, &total);
		assert_int_equal(curl_easy_perform(easy), CURLE_OK);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_cleanup(easy);
		if (status != 200)
			fail_msg("%s: %ld", made.url, status);
		assert_int_equal(total, 5);
		free(made.url);
	}
}

static void *many_main(void *arg)
{
	char key[128], got[64], *base = arg;

	for (unsigned i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "%s%u", base, i);
		if (suite_put(store, key, key, NULL) ||
		    suite_get(store, key, NULL, got, sizeof(got)) ||
		    strcmp(got, key) != 0)
			return arg;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[16];
	char bases[16][96];
	void *failed;

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		snprintf(bases[i], sizeof(bases[i]), "%st%zu/", prefix, i);
		assert_int_equal(pthread_create(&threads[i], NULL, many_main,
						bases[i]),
				 0);
	}
	for (size_t i = 0; i < 16; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void test_refused(void **state)
{
	struct s3_config config = {
		.bucket = getenv("VERS3_TEST_BUCKET"),
		.endpoint = getenv("VERS3_TEST_ENDPOINT"),
		.no_sign_request = true,
	};
	struct store_request r;
	struct store *other;
	const struct s3_presign what = {.key = "k", .seconds = 9};
	struct s3_presigned made;
	char reason[256];

	(void)state;
	assert_int_equal(s3_store_new(&config, reason, sizeof(reason), &other),
			 0);
	store_request_init(&r, STORE_LIST);
	assert_int_equal(store_call(other, &r), -EACCES);
	assert_string_equal(r.reply.code, "AccessDenied");
	store_request_release(&r);
	assert_int_equal(s3_store_presign(other, &what, &made), -EACCES);
	store_free(other);
	config.no_sign_request = false;
	config.bucket = "no-such-bucket-here";
	assert_int_equal(s3_store_new(&config, reason, sizeof(reason), &other),
			 0);
	store_request_init(&r, STORE_LIST);
	assert_int_equal(store_call(other, &r), -ENOENT);
	assert_string_equal(r.reply.code, "NoSuchBucket");
	store_request_release(&r);
	store_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versioning),
		cmocka_unit_test(test_odd_keys),
		cmocka_unit_test(test_odd_copies),
		cmocka_unit_test(test_odd_uploads),
		cmocka_unit_test(test_abort_uploads),
		cmocka_unit_test(test_odd_deletes),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_fd_bodies),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_presign),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_refused),
	};
	struct s3_config config = {
		.bucket = getenv("VERS3_TEST_BUCKET"),
		.endpoint = getenv("VERS3_TEST_ENDPOINT"),
	};
	char reason[256];
	int failed;

	if (!config.endpoint || !config.bucket) {
		fprintf(stderr, "VERS3_TEST_ENDPOINT and VERS3_TEST_BUCKET "
				"are not set: skipped\n");
		return 77;
	}
	if (s3_store_new(&config, reason, sizeof(reason), &store)) {
		fprintf(stderr, "%s\n", reason);
		return 1;
	}
	snprintf(prefix, sizeof(prefix), "live %d/", (int)getpid());
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	suite_sweep(store, prefix);
	store_free(store);
	return failed ? 1 : 0;
}
