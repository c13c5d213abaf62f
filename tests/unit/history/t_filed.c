/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../../../src/history/filed.h"

#define HEAD FILED_HEAD

static void test_round_trip(void **state)
{
	struct {
		struct history_entry e;
		uint8_t marks[FILED_MARKS];
	} rows[] = {
		{{.size_bytes = 0}, {0, 0}},
		{{.size_bytes = 5,
		  .last_modified_ns = -1,
		  .version_id = "v",
		  .etag = "e"},
		 {1, 0}},
		{{.size_bytes = UINT64_MAX,
		  .last_modified_ns = INT64_MIN,
		  .version_id = "null"},
		 {0, 255}},
		{{.last_modified_ns = INT64_MAX}, {1, 1}},
	};
	const size_t last = sizeof(rows) / sizeof(*rows) - 1;
	char val[FILED_MAX];
	struct history_entry got = {.order = 9};
	uint8_t marks[FILED_MARKS];

	(void)state;
	memset(rows[last].e.version_id, 'v', META_VERSION_MAX);
	memset(rows[last].e.etag, 'e', META_ETAG_MAX);
	for (size_t i = 0; i <= last; i++) {
		const struct meta_val v = {val, filed_pack(&rows[i].e,
							   rows[i].marks, val)};

		assert_true(v.size <= sizeof(val));
		assert_int_equal(v.size, HEAD + strlen(rows[i].e.version_id) +
						 strlen(rows[i].e.etag) + 2);
		assert_int_equal(filed_unpack(&v, &got, marks), 0);
		assert_true(got.size_bytes == rows[i].e.size_bytes &&
			    got.last_modified_ns == rows[i].e.last_modified_ns);
		assert_memory_equal(marks, rows[i].marks, FILED_MARKS);
		assert_int_equal(got.order, 9);
		assert_string_equal(got.version_id, rows[i].e.version_id);
		assert_string_equal(got.etag, rows[i].e.etag);
	}
}

/* What the disk has is not trusted; the outcome stays as it was. */
static void test_damaged(void **state)
{
	const struct history_entry e = {.version_id = "vid", .etag = "etag"};
	uint8_t marks[FILED_MARKS] = {1, 0};
	char val[HEAD + META_VERSION_MAX + META_ETAG_MAX + 8];
	const size_t size = filed_pack(&e, marks, val);
	struct meta_val v = {val, 0};
	struct history_entry got = {.size_bytes = 42};

	(void)state;
	for (; v.size < size; v.size++)
		assert_int_equal(filed_unpack(&v, &got, marks), -EIO);
	/* Too long an id, too long an ETag, no ETag. */
	memset(val + HEAD, 'x', META_VERSION_MAX + 1);
	memcpy(val + HEAD + META_VERSION_MAX + 1, "\0e", 3);
	v.size = HEAD + META_VERSION_MAX + 4;
	assert_int_equal(filed_unpack(&v, &got, marks), -EIO);
	memcpy(val + HEAD, "v", 2);
	memset(val + HEAD + 2, 'e', META_ETAG_MAX + 1);
	val[HEAD + 2 + META_ETAG_MAX + 1] = '\0';
	v.size = HEAD + 2 + META_ETAG_MAX + 2;
	assert_int_equal(filed_unpack(&v, &got, marks), -EIO);
	v.size = HEAD + 2;
	assert_int_equal(filed_unpack(&v, &got, marks), -EIO);
	assert_int_equal(got.size_bytes, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
