/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The S3 store against scripted answers: what it sends, what it repairs, and
 * answers that no server at hand gives, after those of AWS's documentation.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/s3/s3.h"
#include "vers3/util/clock.h"
#include "../wire.h"

#include "wire_rig.h"

static void not_asked(struct wire *w, size_t step, const char *text)
{
	if (strcasestr(wire_asked(w, step), text))
		fail_msg("%s in:\n%s", text, wire_asked(w, step));
}

static void test_requests(void **state)
{
	static const struct wire_step steps[] = {OK_STEP, OK_STEP, OK_STEP,
						 OK_STEP, OK_STEP};
	struct wire *w = wire_new(STEPS(steps));
	struct store *s = store_at(wire_url(w));
	struct kvlist meta, headers;
	struct store_request r;

	(void)state;
	kvlist_init(&meta);
	kvlist_init(&headers);
	kvlist_add(&meta, "mtime", "1.5");
	kvlist_add(&headers, "Content-Type", "text/x");
	store_request_init(&r, STORE_PUT);
	r.key = "/a b/../\xc3\xa4+";
	r.meta = &meta;
	r.headers = &headers;
	r.if_none_match = "*";
	r.body.mem = "hello";
	r.body.length = 5;
	assert_int_equal(store_call(s, &r), 0);
	asked(w, 0, "PUT /bucket//a%20b/../%C3%A4%2B HTTP/1.1\r\n");
	asked(w, 0, "\r\nx-amz-meta-mtime: 1.5\r\n");
	asked(w, 0, "\r\ncontent-type: text/x\r\n");
	asked(w, 0, "\r\nif-none-match: *\r\n");
	asked(w, 0, "\r\nx-amz-content-sha256: 2cf24dba5fb0a30e");
	asked(w, 0, "Credential=KEY/");
	asked(w, 0,
	      "/us-east-1/s3/aws4_request,SignedHeaders=content-type;"
	      "host;if-none-match;x-amz-content-sha256;x-amz-date;"
	      "x-amz-meta-mtime,Signature=");
	asked(w, 0, "\r\n\r\nhello");
	not_asked(w, 0, "hush");
	store_request_release(&r);

	store_request_init(&r, STORE_HEAD);
	r.key = "k";
	r.version_id = "v+/1";
	r.if_match = "etag";
	assert_int_equal(store_call(s, &r), 0);
	asked(w, 1, "HEAD /bucket/k?versionId=v%2B%2F1 HTTP/1.1\r\n");
	asked(w, 1, "\r\nif-match: \"etag\"\r\n");
	store_request_release(&r);

	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = "k";
	assert_int_equal(store_call(s, &r), -EIO);
	asked(w, 2, "POST /bucket/k?uploads= HTTP/1.1\r\n");
	asked(w, 2, "\r\nContent-Length: 0\r\n");
	store_request_release(&r);

	store_request_init(&r, STORE_PUT_LIFECYCLE);
	r.body.mem = "<x/>";
	r.body.length = 4;
	assert_int_equal(store_call(s, &r), 0);
	asked(w, 3, "PUT /bucket?lifecycle= HTTP/1.1\r\n");
	asked(w, 3, "\r\ncontent-md5: ");
	store_request_release(&r);

	store_request_init(&r, STORE_RESTORE);
	r.key = "k";
	r.version_id = "v";
	r.body.mem = "<x/>";
	r.body.length = 4;
	assert_int_equal(store_call(s, &r), 0);
	asked(w, 4, "POST /bucket/k?restore=&versionId=v HTTP/1.1\r\n");
	asked(w, 4, "\r\ncontent-type: application/xml\r\n");
	asked(w, 4, "\r\n\r\n<x/>");
	store_request_release(&r);
	kvlist_release(&headers);
	kvlist_release(&meta);
	store_free(s);
	wire_free(w);
}

static void test_copy(void **state)
{
	static const char answer[] =
		"%D200 OK\r\nConnection: close\r\n"
		"x-amz-version-id: v2%E"
		"<CopyObjectResult><LastModified>2026-11-21T23:50:08.000Z"
		"</LastModified><ETag>&quot;e&quot;</ETag>"
		"</CopyObjectResult>";
	static const struct wire_step steps[] = {{answer, WIRE_CLOSE}};
	struct wire *w = wire_new(STEPS(steps));
	struct store *s = store_at(wire_url(w));
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_COPY);
	r.key = "to";
	r.source_key = "fr om/%?";
	r.source_version = "v/1";
	r.source_if_match = "e";
	assert_int_equal(store_call(s, &r), 0);
	assert_string_equal(r.reply.object.etag, "e");
	assert_string_equal(r.reply.object.version_id, "v2");
	assert_int_equal(r.reply.object.last_modified_ns, DATE_NS);
	asked(w, 0,
	      "\r\nx-amz-copy-source: "
	      "bucket/fr%20om/%25%3F?versionId=v%2F1\r\n");
	asked(w, 0, "\r\nx-amz-copy-source-if-match: \"e\"\r\n");
	asked(w, 0, "\r\nx-amz-metadata-directive: COPY\r\n");
	store_request_release(&r);
	store_free(s);
	wire_free(w);
}

/* A 200 that turns into an error, with blanks that kept the line open. */
static void test_late_errors(void **state)
{
	static const char answer[] =
		"%D200 OK\r\nConnection: close%E<?xml version=\"1.0\"?>\n  \n "
		"<Error><Code>InternalError</Code><Message>sorry</Message>"
		"</Error>";
	static const enum store_op ops[] = {STORE_COPY, STORE_COPY_PART,
					    STORE_COMPLETE_UPLOAD};

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		static const struct wire_step steps[] = {{answer, WIRE_CLOSE}};
		const struct store_part part = {1, "e"};
		struct wire *w = wire_new(STEPS(steps));
		struct store *s = store_at(wire_url(w));
		struct store_request r;

		store_request_init(&r, ops[i]);
		r.key = "k";
		r.source_key = "k2";
		r.upload_id = "u";
		r.part_number = 1;
		r.parts = &part;
		r.part_count = 1;
		assert_int_equal(store_call(s, &r), -EIO);
		assert_int_equal(r.reply.status, 500);
		assert_string_equal(r.reply.code, "InternalError");
		assert_string_equal(r.reply.message, "sorry");
		store_request_release(&r);
		store_free(s);
		wire_free(w);
	}
}

struct head_case {
	const char *answer;
	const char *version_id;
	int err;
	bool marker;
};

static void test_heads(void **state)
{
	static const struct head_case cases[] = {
		{"%D404 Not Found%E", NULL, -ENOENT, false},
		{"%D404 Not Found\r\nx-amz-delete-marker: true\r\n"
		 "x-amz-version-id: m%E",
		 NULL, -ENOENT, true},
		{"%D405 Method Not Allowed\r\nx-amz-delete-marker: true%E", "m",
		 -ENOENT, true},
		{"%D405 Method Not Allowed%E", "m", -ENOENT, true},
		{"%D405 Method Not Allowed%E", NULL, -EOPNOTSUPP, false},
		{"%D403 Forbidden%E", NULL, -EACCES, false},
		{"%D304 Not Modified%E", NULL, -EBUSY, false},
		{"%D412 Precondition Failed%E", NULL, -EBUSY, false},
		{"%D200 OK%E", NULL, -EIO, false}, /* of what size? */
		{"%D200 OK\r\nContent-Length: -1%E", NULL, -EIO, false},
		{"%D503 Slow Down\r\nRetry-After: 7%E", NULL, -EIO, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct wire_step step = {cases[i].answer, WIRE_CLOSE};
		struct wire *w = wire_new(&step, 1);
		struct store *s = store_at(wire_url(w));
		struct store_request r;

		store_request_init(&r, STORE_HEAD);
		r.key = "k";
		r.version_id = cases[i].version_id;
		if (store_call(s, &r) != cases[i].err)
			fail_msg("%s", cases[i].answer);
		assert_int_equal(r.reply.object.delete_marker, cases[i].marker);
		assert_true(r.reply.message[0]);
		if (r.reply.status == 503)
			assert_int_equal(r.reply.retry_after_ns, 7 * NS_PER_S);
		store_request_release(&r);
		store_free(s);
		wire_free(w);
	}
}

static void test_object(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\n" DATE "Content-Length: 3\r\nETag: \"e-2\"\r\n"
		 "Last-Modified: Sat, 21 Nov 2026 23:50:08 GMT\r\n"
		 "x-amz-version-id: v\r\nX-Amz-Meta-MTime: 1.5\r\n"
		 "x-amz-request-id: R\r\nServer: AmazonS3\r\n"
		 "Content-Type: text/x\r\nx-amz-storage-class: GLACIER\r\n"
		 "x-amz-checksum-crc32c: abcd==\r\n"
		 "x-amz-server-side-encryption-aws-kms-key-id: k\r\n"
		 "x-amz-restore: ongoing-request=\"true\"%E",
		 WIRE_CLOSE},
	};
	struct wire *w = wire_new(STEPS(steps));
	struct store *s = store_at(wire_url(w));
	const struct store_object *o;
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_HEAD);
	r.key = "k";
	o = &r.reply.object;
	assert_int_equal(store_call(s, &r), 0);
	assert_string_equal(o->etag, "e-2");
	assert_string_equal(o->version_id, "v");
	assert_int_equal(o->size_bytes, 3);
	assert_int_equal(o->last_modified_ns, DATE_NS);
	assert_int_equal(r.reply.date_ns, DATE_NS);
	assert_string_equal(r.reply.request_id, "R");
	assert_int_equal(r.reply.tries, 1);
	assert_int_equal(o->meta.count, 1);
	assert_string_equal(kvlist_get(&o->meta, "mtime"), "1.5");
	assert_int_equal(o->headers.count, 5);
	assert_string_equal(kvlist_get(&o->headers, "x-amz-checksum-crc32c"),
			    "abcd==");
	assert_null(kvlist_get(&o->headers, "server"));
	store_request_release(&r);
	store_free(s);
	wire_free(w);
}

static int count_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	uint64_t *total = ctx;

	(void)data;
	assert_int_equal(offset, *total);
	*total += len;
	return 0;
}

static void test_ranges(void **state)
{
	static const struct {
		const char *answer;
		uint64_t offset, length;
		int err;
		uint64_t size;
	} cases[] = {
		{"%D206 P\r\nContent-Length: 3\r\n"
		 "Content-Range: bytes 2-4/9%Eabc",
		 2, 3, 0, 9},
		/* the end of the object comes first */
		{"%D206 P\r\nContent-Length: 3\r\n"
		 "Content-Range: bytes 6-8/9%Eabc",
		 6, 100, 0, 9},
		{"%D206 P\r\nContent-Length: 3\r\n"
		 "Content-Range: bytes 6-8/9%Eabc",
		 6, 0, 0, 9},
		/* the whole object is the range */
		{"%D200 OK\r\nContent-Length: 3%Eabc", 0, 3, 0, 3},
		{"%D200 OK\r\nContent-Length: 3%Eabc", 0, 0, 0, 3},
		/* the range was ignored */
		{"%D200 OK\r\nContent-Length: 5%Eabcde", 2, 3, -EIO, 0},
		{"%D200 OK\r\nContent-Length: 5%Eabcde", 0, 3, -EIO, 0},
		/* another range */
		{"%D206 P\r\nContent-Length: 3\r\n"
		 "Content-Range: bytes 0-2/9%Eabc",
		 2, 3, -EIO, 0},
		{"%D206 P\r\nContent-Length: 2\r\n"
		 "Content-Range: bytes 2-3/9%Eab",
		 2, 3, -EIO, 0},
		{"%D206 P\r\nContent-Length: 4\r\n"
		 "Content-Range: bytes 2-5/9%Eabcd",
		 2, 3, -EIO, 0},
		{"%D206 P\r\nContent-Length: 3%Eabc", 2, 3, -EIO, 0},
		{"%D206 P\r\nContent-Length: 3\r\nContent-Range: x%Eabc", 2, 3,
		 -EIO, 0},
		/* cut */
		{"%D206 P\r\nContent-Length: 3\r\n"
		 "Content-Range: bytes 2-4/9%Eab",
		 2, 3, -ECONNRESET, 0},
		{"%D200 OK%Eab", 0, 0, -EIO, 0},
		{"%D416 No\r\nContent-Length: 0%E", 9, 3, -ERANGE, 0},
		/* an error's page is no data */
		{"%D500 No\r\nContent-Length: 4%Eoops", 0, 4, -EIO, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct wire_step step = {cases[i].answer, WIRE_CLOSE};
		struct wire *w = wire_new(&step, 1);
		struct store *s = store_at(wire_url(w));
		struct store_request r;
		uint64_t total = 0;
		int ret;

		store_request_init(&r, STORE_GET);
		r.key = "k";
		r.range_offset = cases[i].offset;
		r.range_length = cases[i].length;
		r.sink = count_sink;
		r.sink_ctx = &total;
		ret = store_call(s, &r);
		if (ret != cases[i].err)
			fail_msg("case %zu: %d, %s", i, ret, r.reply.message);
		if (!ret)
			assert_int_equal(r.reply.object.size_bytes,
					 cases[i].size);
		if (cases[i].length)
			assert_true(total <= cases[i].length);
		if (r.reply.status >= 300)
			assert_int_equal(total, 0);
		store_request_release(&r);
		store_free(s);
		wire_free(w);
	}
}

/* Answers that no server gives, but one that means ill. */
static void test_lies(void **state)
{
	static char long_id[4096];
	static const struct {
		enum store_op op;
		const char *head, *body;
		enum wire_then then;
		int result;
	} cases[] = {
		/* Half of an endless page tells enough. */
		{STORE_HEAD_BUCKET, "403 No", "x", WIRE_FLOOD, -EACCES},
		{STORE_GET_VERSIONING, "403 No", "x", WIRE_FLOOD, -EACCES},
		{STORE_LIST, "500 No", "x", WIRE_FLOOD, -EIO},
		{STORE_LIST, "200 OK", "<ListBucketResult>x", WIRE_FLOOD, -EIO},
		{STORE_GET_VERSIONING, "200 OK", "x", WIRE_FLOOD, -EIO},
		{STORE_PUT, "200 OK", "x", WIRE_FLOOD, -EIO},
		{STORE_LIST, "200 OK", "x", WIRE_DRIP, -ETIMEDOUT},
		{STORE_HEAD, "200 OK\r\nContent-Length: -1", "", WIRE_CLOSE,
		 -EIO},
		{STORE_HEAD,
		 "200 OK\r\nContent-Length: 3\r\nETag: a b\r\n"
		 "x-amz-version-id: a b",
		 "", WIRE_CLOSE, -EIO},
		{STORE_HEAD, long_id, "", WIRE_CLOSE, -EIO},
		{STORE_LIST, "302 Found\r\nLocation: http://127.0.0.1:9/", "",
		 WIRE_CLOSE, -EIO},
	};

	(void)state;
	snprintf(long_id, sizeof(long_id),
		 "200 OK\r\nContent-Length: 3\r\nx-amz-version-id: %02000d", 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire_step step = {.then = cases[i].then};
		char answer[8192];
		struct store_request r;
		struct store *s;
		struct wire *w;
		int ret;

		snprintf(answer, sizeof(answer),
			 "%%D%s\r\nConnection: close%%E%s", cases[i].head,
			 cases[i].body);
		step.answer = answer;
		w = wire_new(&step, 1);
		s = store_at(wire_url(w));
		store_request_init(&r, cases[i].op);
		r.key = "k";
		ret = store_call(s, &r);
		if (ret != cases[i].result)
			fail_msg("case %zu: %d, want %d", i, ret,
				 cases[i].result);
		store_request_release(&r);
		store_free(s);
		wire_free(w);
	}
}

static void test_reasons(void **state)
{
	static const struct {
		struct s3_config config;
		int err;
		const char *says;
	} cases[] = {
		{{.bucket = "b"}, -ENOKEY, "aws configure"},
		{{.bucket = "b", .profile = "nobody"}, -ENOKEY, "nobody"},
		{{.bucket = "b/c", .no_sign_request = true}, -EINVAL, "b/c"},
		{{.bucket = "", .no_sign_request = true}, -EINVAL, "bucket"},
		{{.bucket = "b", .endpoint = "host", .no_sign_request = true},
		 -EINVAL,
		 "endpoint"},
		{{.bucket = "b", .region = "a/b", .no_sign_request = true},
		 -EINVAL,
		 "region"},
		{{.bucket = "b",
		  .ca_file = "/nowhere",
		  .no_sign_request = true},
		 -EINVAL,
		 "/nowhere"},
	};

	(void)state;
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	unlink(getenv("AWS_CONFIG_FILE"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store *s = NULL;
		char reason[512];

		assert_int_equal(s3_store_new(&cases[i].config, reason,
					      sizeof(reason), &s),
				 cases[i].err);
		if (!strstr(reason, cases[i].says))
			fail_msg("%s", reason);
		assert_null(strchr(reason, '\n'));
	}
}

static void test_anonymous(void **state)
{
	static const struct wire_step steps[] = {OK_STEP};
	struct wire *w = wire_new(STEPS(steps));
	const struct s3_config config = {
		.bucket = "bucket",
		.endpoint = wire_url(w),
		.no_sign_request = true,
		.requester_pays = true,
	};
	struct store_request r;
	struct store *s = NULL;
	char reason[256];

	(void)state;
	assert_int_equal(s3_store_new(&config, reason, sizeof(reason), &s), 0);
	store_request_init(&r, STORE_GET_VERSIONING);
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
	not_asked(w, 0, "\r\nauthorization:");
	not_asked(w, 0, "\r\nx-amz-date:");
	asked(w, 0, "\r\nx-amz-request-payer: requester\r\n");
	store_free(s);
	wire_free(w);
}

static void test_bad_inputs(void **state)
{
	struct store *s = store_at("http://127.0.0.1:1");
	static const struct {
		enum store_op op;
		const char *key;
	} cases[] = {
		{STORE_GET, NULL},	   {STORE_PUT, ""},
		{STORE_UPLOAD_PART, "k"},  {STORE_COPY, "k"},
		{STORE_ABORT_UPLOAD, "k"}, {STORE_COMPLETE_UPLOAD, "k"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_request r;

		store_request_init(&r, cases[i].op);
		r.key = cases[i].key;
		assert_int_equal(store_call(s, &r), -EINVAL);
		store_request_release(&r);
	}
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_requests, each_setup),
		cmocka_unit_test_setup(test_copy, each_setup),
		cmocka_unit_test_setup(test_late_errors, each_setup),
		cmocka_unit_test_setup(test_heads, each_setup),
		cmocka_unit_test_setup(test_object, each_setup),
		cmocka_unit_test_setup(test_ranges, each_setup),
		cmocka_unit_test_setup(test_lies, each_setup),
		cmocka_unit_test_setup(test_reasons, each_setup),
		cmocka_unit_test_setup(test_anonymous, each_setup),
		cmocka_unit_test_setup(test_bad_inputs, each_setup),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
