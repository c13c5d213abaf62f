/* SPDX-License-Identifier: Apache-2.0 */
/* What a server can do: known by its name, or tried out and cleared away. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_probe),
		cmocka_unit_test_setup_teardown(test_class_once, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_class_not_learnt, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
