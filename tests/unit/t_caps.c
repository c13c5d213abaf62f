/* SPDX-License-Identifier: Apache-2.0 */
/* What a server can do: known by its name, or tried out and cleared away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store_count.h"
#include "vers3/store/memory.h"
#include "vers3/vfs/caps.h"
#include "vers3/vfs/vfs.h"

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
	assert_int_equal(caps_probe(s, "p/", VFS_VERSIONS_NAME, &caps), 0);
	assert_true(caps.if_none_match);
	assert_true(caps.if_match);
	assert_true(caps.copy);
	assert_true(caps.remove);
	assert_true(caps.keeps_tags);
	assert_int_equal(store_count(s, STORE_LIST_VERSIONS), 0);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
