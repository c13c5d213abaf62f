/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which headers of encryption go with which request: one table, after the S3
 * API reference; and in which order keys are tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/s3/sse.h"
#include "vers3/util/kv.h"

#define KEY_1 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define MD5_1 "hRasmdxgYDKV3nvbahU1MA=="
#define KEY_2 "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="

static char path[] = "/tmp/t_sse.XXXXXX";
static struct digest *digest;

static int setup(void **state)
{
	static const char text[] = "# two\n" KEY_1 "\n\n" KEY_2 "\n";
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0)
		return -1;
	close(fd);
	return digest_new(&digest);
}

static int teardown(void **state)
{
	(void)state;
	digest_free(digest);
	return unlink(path);
}

static struct sse *make(const struct sse_config *config)
{
	struct sse *sse = NULL;
	char reason[256] = "";

	if (sse_new(config, digest, true, reason, sizeof(reason), &sse))
		fail_msg("%s", reason);
	return sse;
}

/* What of the headers goes with a request, one letter each. */
static const struct {
	char letter;
	const char *name;
} letters[] = {
	{'e', "x-amz-server-side-encryption"},
	{'k', "x-amz-server-side-encryption-aws-kms-key-id"},
	{'b', "x-amz-server-side-encryption-bucket-key-enabled"},
	{'A', "x-amz-server-side-encryption-customer-algorithm"},
	{'K', "x-amz-server-side-encryption-customer-key"},
	{'M', "x-amz-server-side-encryption-customer-key-md5"},
	{'a', "x-amz-copy-source-server-side-encryption-customer-algorithm"},
	{'c', "x-amz-copy-source-server-side-encryption-customer-key"},
	{'m', "x-amz-copy-source-server-side-encryption-customer-key-md5"},
};

static void read_letters(const struct kvlist *headers, char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		if (kvlist_get(headers, letters[i].name))
			text[n++] = letters[i].letter;
	assert_int_equal(n, headers->count);
	text[n] = '\0';
}

struct row {
	enum store_op op;
	const char *s3, *kms, *c; /* letters */
};

static const struct row rows[] = {
	{STORE_PUT, "e", "ekb", "AKM"},
	{STORE_CREATE_UPLOAD, "e", "ekb", "AKM"},
	{STORE_COPY, "e", "ekb", "AKMacm"},
	{STORE_UPLOAD_PART, "", "", "AKM"},
	{STORE_COPY_PART, "", "", "AKMacm"},
	{STORE_COMPLETE_UPLOAD, "", "", "AKM"},
	{STORE_LIST_PARTS, "", "", "AKM"},
	{STORE_GET, "", "", "AKM"},
	{STORE_HEAD, "", "", "AKM"},
};

static const struct row *row_of(enum store_op op)
{
	static const struct row none = {STORE_OP_COUNT, "", "", ""};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].op == op)
			return &rows[i];
	return &none;
}

static void check_op(const struct sse *sse, enum store_op op, const char *want)
{
	struct kvlist headers;
	struct store_request r;
	char got[16];

	kvlist_init(&headers);
	store_request_init(&r, op);
	r.key = r.source_key = "k";
	assert_int_equal(sse_put(sse, &r, 0, &headers), 0);
	read_letters(&headers, got);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, not %s", store_op_name(op), got, want);
	store_request_release(&r);
	kvlist_release(&headers);
}

static void test_headers(void **state)
{
	const struct sse_config s3 = {.mode = SSE_S3};
	const struct sse_config kms = {
		.mode = SSE_KMS, .kms_key = "alias/x", .bucket_key = true};
	const struct sse_config c = {.mode = SSE_C, .key_file = path};
	const struct sse_config nothing = {.mode = SSE_BUCKET};
	struct sse *of[] = {make(&s3), make(&kms), make(&c), make(&nothing)};

	(void)state;
	for (int op = 0; op < STORE_OP_COUNT; op++) {
		const struct row *row = row_of((enum store_op)op);

		check_op(of[0], (enum store_op)op, row->s3);
		check_op(of[1], (enum store_op)op, row->kms);
		check_op(of[2], (enum store_op)op, row->c);
		check_op(of[3], (enum store_op)op, "");
		check_op(NULL, (enum store_op)op, "");
	}
	for (size_t i = 0; i < 4; i++)
		sse_free(of[i]);
}

static void value_is(const struct sse *sse, enum store_op op, unsigned way,
		     const char *name, const char *want)
{
	struct kvlist headers;
	struct store_request r;
	const char *got;

	kvlist_init(&headers);
	store_request_init(&r, op);
	assert_int_equal(sse_put(sse, &r, way, &headers), 0);
	got = kvlist_get(&headers, name);
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got, want);
	store_request_release(&r);
	kvlist_release(&headers);
}

static void test_values(void **state)
{
	const struct sse_config kms = {.mode = SSE_KMS};
	const struct sse_config c = {.mode = SSE_C, .key_file = path};
	struct sse *sse = make(&kms);

	(void)state;
	value_is(sse, STORE_PUT, 0, letters[0].name, "aws:kms");
	value_is(sse, STORE_PUT, 0, letters[1].name, NULL);
	sse_free(sse);
	sse = make(&c);
	value_is(sse, STORE_PUT, 0, letters[3].name, "AES256");
	value_is(sse, STORE_PUT, 1, letters[4].name, KEY_1);
	value_is(sse, STORE_PUT, 1, letters[5].name, MD5_1);
	value_is(sse, STORE_GET, 1, letters[4].name, KEY_2);
	value_is(sse, STORE_GET, 2, letters[4].name, NULL);
	value_is(sse, STORE_COPY, 1, letters[4].name, KEY_1);
	value_is(sse, STORE_COPY, 1, letters[7].name, KEY_2);
	value_is(sse, STORE_COPY, 2, letters[7].name, NULL);
	assert_int_equal(sse_setting(sse)->count, 1);
	assert_string_equal(kvlist_get(sse_setting(sse), letters[5].name),
			    MD5_1);
	sse_free(sse);
}

static void ways_are(struct sse *sse, const struct store_request *r, unsigned a,
		     unsigned b, unsigned c)
{
	unsigned first = sse_first(sse, r);

	assert_int_equal(sse_ways(sse, r), 3);
	assert_int_equal(sse_way(first, 0), a);
	assert_int_equal(sse_way(first, 1), b);
	assert_int_equal(sse_way(first, 2), c);
}

static void test_ways(void **state)
{
	const struct sse_config c = {.mode = SSE_C, .key_file = path};
	const struct sse_config reads = {.key_file = path};
	struct store_request get, copy, put;
	struct sse *sse = make(&c);
	unsigned first;

	(void)state;
	store_request_init(&get, STORE_GET);
	store_request_init(&copy, STORE_COPY);
	store_request_init(&put, STORE_PUT);
	get.key = copy.source_key = "k";
	get.version_id = copy.source_version = "v";
	copy.key = put.key = "other";
	assert_int_equal(sse_ways(NULL, &get), 1);
	assert_int_equal(sse_ways(sse, &put), 1);
	ways_are(sse, &get, 0, 1, 2);
	sse_note(sse, &get, 1);
	ways_are(sse, &get, 1, 0, 2);
	/* The same version, as the source of a copy. */
	ways_are(sse, &copy, 1, 0, 2);
	sse_note(sse, &copy, 2);
	ways_are(sse, &get, 2, 0, 1);
	/* What another finds out meanwhile leaves no way out. */
	first = sse_first(sse, &get);
	sse_note(sse, &get, 0);
	assert_int_equal(sse_way(first, 1), 0);
	assert_int_equal(sse_way(first, 2), 1);
	get.version_id = NULL;
	ways_are(sse, &get, 0, 1, 2);
	sse_free(sse);
	/* Keys to read old versions with alone. */
	sse = make(&reads);
	ways_are(sse, &get, 2, 0, 1);
	sse_free(sse);
	store_request_release(&get);
	store_request_release(&copy);
	store_request_release(&put);
}

static void test_refusals(void **state)
{
	static const struct {
		int status;
		const char *code, *message;
		bool refusal, told;
	} cases[] = {
		{400, "", "", true, false},
		{403, "", "", true, false},
		{404, "", "", false, false},
		{403, "AccessDenied", "Access Denied", true, false},
		{403, "SignatureDoesNotMatch", "", false, false},
		{400, "ExpiredToken", "", false, false},
		{400, "InvalidArgument",
		 "The calculated MD5 hash of the key did not match the hash "
		 "that was provided.",
		 true, true},
		{400, "InvalidRequest",
		 "The object was stored using a form of Server Side "
		 "Encryption. The correct parameters must be provided to "
		 "retrieve the object.",
		 true, true},
		{400, "InvalidRequest",
		 "The encryption parameters are not applicable to this "
		 "object.",
		 true, true},
		{503, "SlowDown", "", false, false},
	};
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_GET);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		r.reply.status = cases[i].status;
		strcpy(r.reply.code, cases[i].code);
		strcpy(r.reply.message, cases[i].message);
		assert_int_equal(sse_is_refusal(&r.reply), cases[i].refusal);
		assert_int_equal(sse_is_told(&r.reply), cases[i].told);
	}
	store_request_release(&r);
}

static void test_bad(void **state)
{
	const struct {
		struct sse_config config;
		bool tls;
		const char *word;
	} cases[] = {
		{{.mode = SSE_C, .key_file = path}, false, "https://"},
		{{.key_file = path}, false, "https://"},
		{{.mode = SSE_C}, true, "sse_c_key_file="},
		{{.mode = SSE_S3, .kms_key = "k"}, true, "sse_kms_key="},
		{{.mode = SSE_C, .bucket_key = true}, true, "sse_bucket_key"},
		{{.mode = SSE_KMS, .kms_key = "a\nb"}, true, "sse_kms_key="},
		{{.mode = SSE_C, .key_file = "/nowhere"}, true, "/nowhere"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sse *sse = NULL;
		char reason[256] = "";

		assert_int_not_equal(sse_new(&cases[i].config, digest,
					     cases[i].tls, reason,
					     sizeof(reason), &sse),
				     0);
		assert_null(sse);
		if (!strstr(reason, cases[i].word))
			fail_msg("%s: %s", cases[i].word, reason);
	}
}

static void test_kms(void **state)
{
	static const struct {
		int status;
		const char *code, *message;
		bool kms;
	} cases[] = {
		{400, "KMS.DisabledException", "", true},
		{403, "InvalidAccessKeyId",
		 "Failed to retrieve the actual key, kms-keyid: k", true},
		{403, "InvalidAccessKeyId", "", false},
		{500, "KMS.InternalException", "", false},
	};
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_GET);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		r.reply.status = cases[i].status;
		strcpy(r.reply.code, cases[i].code);
		strcpy(r.reply.message, cases[i].message);
		assert_int_equal(sse_is_kms(&r.reply), cases[i].kms);
	}
	store_request_release(&r);
}

/* An answer that says nothing of it is told of once. */
static void test_overlooked(void **state)
{
	const struct sse_config s3 = {.mode = SSE_S3};
	const struct sse_config nothing = {.mode = SSE_BUCKET};
	struct sse *sse = make(&s3), *bucket = make(&nothing);
	struct store_request put, part;

	(void)state;
	store_request_init(&put, STORE_PUT);
	store_request_init(&part, STORE_UPLOAD_PART);
	assert_false(sse_is_overlooked(NULL, &put));
	assert_false(sse_is_overlooked(bucket, &put));
	assert_false(sse_is_overlooked(sse, &part));
	kvlist_add(&put.reply.object.headers, letters[0].name, "AES256");
	assert_false(sse_is_overlooked(sse, &put));
	kvlist_del(&put.reply.object.headers, letters[0].name);
	kvlist_add(&put.reply.object.headers, letters[3].name, "AES256");
	assert_false(sse_is_overlooked(sse, &put));
	kvlist_del(&put.reply.object.headers, letters[3].name);
	assert_true(sse_is_overlooked(sse, &put));
	assert_false(sse_is_overlooked(sse, &put));
	store_request_release(&put);
	store_request_release(&part);
	sse_free(sse);
	sse_free(bucket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_kms),
		cmocka_unit_test(test_overlooked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
