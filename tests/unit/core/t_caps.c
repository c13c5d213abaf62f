/* SPDX-License-Identifier: Apache-2.0 */
/* What a server can do: known by its name, or tried out and cleared away. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../meta_fixture.h"
#include "../store_count.h"
#include "vers3/core/caps.h"
#include "vers3/core/mount.h"
#include "vers3/store/memory.h"
#include "vers3/store/metrics.h"

static void test_known(void **state)
{
	static const struct {
		const char *url;
		bool known;
	} rows[] = {
		{"https://b.s3.eu-central-1.amazonaws.com", true},
		{"https://s3.us-east-1.amazonaws.com/b", true},
		{"https://b.s3.cn-north-1.amazonaws.com.cn", true},
		{"https://b.s3.dualstack.us-west-2.AMAZONAWS.COM", true},
		{"http://127.0.0.1:7480/b", false},
		{"https://amazonaws.com.example.org/b", false},
		{"https://notamazonaws.com/b", false},
		{"https://s3.example.org/amazonaws.com", false},
		{"nonsense", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct caps caps = {0};

		if (caps_known(rows[i].url, &caps) != rows[i].known)
			fail_msg("%s", rows[i].url);
		assert_int_equal(caps.if_match, rows[i].known);
		assert_int_equal(caps.if_none_match, rows[i].known);
		assert_int_equal(caps.remove, rows[i].known);
		assert_false(caps.copy); /* Amazon's answers 501 */
	}
}

/* The in-memory store knows every condition; the trial leaves nothing. */
static void test_probe(void **state)
{
	struct store *s = NULL;
	struct caps caps;

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	assert_int_equal(caps_probe(s, "p/", MOUNT_VERSIONS_NAME, &caps), 0);
	assert_true(caps.if_none_match);
	assert_true(caps.if_match);
	assert_true(caps.copy);
	assert_true(caps.remove);
	assert_true(caps.keeps_tags);
	assert_int_equal(store_count(s, STORE_LIST_VERSIONS), 0);
	store_free(s);
}

static uint64_t uploads_begun(struct store *s)
{
	struct metrics_snapshot m;

	metrics_store_read(s, &m);
	return m.ops[STORE_CREATE_UPLOAD].calls;
}

/* A class that the server has taken is not tried at each mount. */
static void test_class_once(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;

	assert_int_equal(memory_store_new(true, &s), 0);
	assert_int_equal(metrics_store_new(&s, &s), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(caps_class(f->m, s, "p/", "GLACIER_IR"), 0);
		assert_int_equal(uploads_begun(s), 1);
		fixture_reopen(f);
	}
	assert_int_equal(caps_class(f->m, s, "p/", "STANDARD_IA"), 0);
	assert_int_equal(uploads_begun(s), 2);
	store_free(s);
}

static int refuse_all(struct store *s, struct store_request *r)
{
	++*(unsigned *)(s + 1);
	store_reply_reset(&r->reply);
	return -ECONNREFUSED;
}

/* What could not be asked is asked at the next. */
static void test_class_not_learnt(void **state)
{
	static const struct store_ops ops = {"refuse", refuse_all, NULL};
	struct fixture *f = *state;
	struct {
		struct store store;
		unsigned calls;
	} s = {.store = {.ops = &ops}};

	assert_int_equal(caps_class(f->m, &s.store, "", "STANDARD_IA"), 0);
	assert_int_equal(caps_class(f->m, &s.store, "", "STANDARD_IA"), 0);
	assert_int_equal(s.calls, 2);
}

struct begin {
	int rc, status;
	const char *code, *message, *header; /* of the answer */
	int want;
};

struct begin_store {
	struct store store;
	const struct begin *answer;
	unsigned aborts;
};

static int answer_begin(struct store *s, struct store_request *r)
{
	struct begin_store *b = (struct begin_store *)s;
	struct store_reply *reply = &r->reply;

	store_reply_reset(reply);
	if (r->op == STORE_ABORT_UPLOAD) {
		b->aborts++;
		return 0;
	}
	if (r->op != STORE_CREATE_UPLOAD)
		return -EIO;
	reply->status = b->answer->status;
	snprintf(reply->code, sizeof(reply->code), "%s", b->answer->code);
	snprintf(reply->message, sizeof(reply->message), "%s",
		 b->answer->message);
	if (b->answer->rc)
		return b->answer->rc;
	reply->upload_id = strdup("u");
	return b->answer->header ? kvlist_add(&reply->object.headers,
					      b->answer->header, "x")
				 : 0;
}

static void test_encryption(void **state)
{
	static const struct store_ops ops = {"begin", answer_begin, NULL};
	static const struct begin cases[] = {
		{0, 200, "", "", "x-amz-server-side-encryption", 0},
		{0, 200, "", "",
		 "x-amz-server-side-encryption-customer-algorithm", 0},
		{0, 200, "", "", NULL, -EINVAL}, /* overlooked */
		{-EINVAL, 400, "KMS.NotFoundException", "no", NULL, -EINVAL},
		{-EOPNOTSUPP, 501, "NotImplemented", "", NULL, -EINVAL},
		{-EACCES, 403, "AccessDenied",
		 "not authorized to perform: kms:GenerateDataKey", NULL,
		 -EINVAL},
		/* No right to write is of no encryption. */
		{-EACCES, 403, "AccessDenied", "Access Denied", NULL, 0},
		{-EIO, 503, "SlowDown", "", NULL, 0},
		{-ECONNREFUSED, 0, "", "", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct begin_store s = {.store = {.ops = &ops},
					.answer = &cases[i]};
		char why[512] = "";

		assert_int_equal(caps_encryption(&s.store, "p/", why,
						 sizeof(why)),
				 cases[i].want);
		assert_int_equal(s.aborts, !cases[i].rc);
		assert_int_equal(why[0] != '\0', cases[i].want != 0);
		assert_non_null(
			strstr(why, cases[i].want ? cases[i].code : ""));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_encryption),
		cmocka_unit_test_setup_teardown(test_class_once, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_class_not_learnt, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
