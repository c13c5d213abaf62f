/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "vers3/read/whole_get.h"

/* Of "abc". */
#define MD5    "900150983cd24fb0d6963f7d28e17f72"
#define OTHER  "000150983cd24fb0d6963f7d28e17f72"
#define CRC32C "Nks/tw=="

/* What is believed, by what the answer says of its body. */
static void test_agrees(void **state)
{
	static const struct {
		const char *etag, *crc, *type, *kms;
		bool wanted;
	} rows[] = {
		{MD5, NULL, NULL, NULL, true},
		{OTHER, NULL, NULL, NULL, false},
		{NULL, NULL, NULL, NULL, true},
		{"of-parts-2", NULL, NULL, NULL, true},
		{OTHER, NULL, NULL, "aws:kms", true},
		{OTHER, CRC32C, NULL, NULL, true},
		{OTHER, "AAAAAA==", NULL, NULL, false},
		/* The ETag counts where the two contradict each other. */
		{MD5, "AAAAAA==", NULL, NULL, true},
		{NULL, "AAAAAA==", NULL, NULL, false},
		/* A check of checks is none of the body. */
		{MD5, "AAAAAA==-2", "COMPOSITE", NULL, true},
		{OTHER, CRC32C, "COMPOSITE", NULL, false},
		{"of-parts-2", CRC32C, "FULL_OBJECT", NULL, true},
		{"of-parts-2", "AAAAAA==", "FULL_OBJECT", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char etag[64] = "";
		struct store_request r;
		struct store_object o;
		struct whole_get w;

		store_object_init(&o);
		store_request_init(&r, STORE_GET);
		whole_get_init(&w, 3);
		whole_get_begin(&w, &r);
		assert_int_equal(r.sink(r.sink_ctx, 0, "abc", 3), 0);
		o.size_bytes = 3;
		if (rows[i].etag) {
			strcpy(etag, rows[i].etag);
			o.etag = etag;
		}
		if (rows[i].crc)
			assert_int_equal(kvlist_add(&o.headers,
						    "x-amz-checksum-crc32c",
						    rows[i].crc),
					 0);
		if (rows[i].type)
			assert_int_equal(kvlist_add(&o.headers,
						    "x-amz-checksum-type",
						    rows[i].type),
					 0);
		if (rows[i].kms)
			assert_int_equal(
				kvlist_add(&o.headers,
					   "x-amz-server-side-encryption",
					   rows[i].kms),
				0);
		assert_int_equal(whole_get_agrees(&w, &o), rows[i].wanted);
		o.size_bytes = 4;
		assert_false(whole_get_agrees(&w, &o));
		o.etag = NULL;
		store_object_release(&o);
		store_request_release(&r);
		whole_get_release(&w);
	}
}

/* After a retry all comes again; no gap, and no more than was wanted. */
static void test_bytes(void **state)
{
	struct store_request r;
	struct whole_get w;

	(void)state;
	store_request_init(&r, STORE_GET);
	whole_get_init(&w, 4);
	whole_get_begin(&w, &r);
	assert_int_equal(r.sink(r.sink_ctx, 0, "ab", 2), 0);
	assert_int_equal(r.sink(r.sink_ctx, 1, "cd", 2), -EIO);
	assert_int_equal(r.sink(r.sink_ctx, 0, "ab", 2), 0);
	assert_int_equal(r.sink(r.sink_ctx, 2, "cd", 2), 0);
	assert_int_equal(r.sink(r.sink_ctx, 4, "e", 1), -ECANCELED);
	assert_int_equal(w.body.len, 4);
	assert_memory_equal(w.body.data, "abcd", 4);
	store_request_release(&r);
	whole_get_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
