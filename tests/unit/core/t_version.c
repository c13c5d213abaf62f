/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/core/version.h"

/* Ids that fit are taken whole, others not at all. */
static void test_ids(void **state)
{
	static const struct {
		int etag, version_id; /* how long; -1: there is none */
		size_t got_etag, got_version_id;
	} rows[] = {
		{-1, -1, 0, 0},
		{0, 0, 0, 0},
		{32, 4, 32, 4},
		{META_ETAG_MAX, META_VERSION_MAX, META_ETAG_MAX,
		 META_VERSION_MAX},
		{META_ETAG_MAX + 1, META_VERSION_MAX + 1, 0, 0},
		{-1, 32, 0, 32},
		{200, 32, 0, 32},
	};
	char etag[META_ETAG_MAX + 1], version_id[META_VERSION_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char a[256] = "", b[256] = "";
		const struct store_object o = {
			.etag = rows[i].etag < 0 ? NULL : a,
			.version_id = rows[i].version_id < 0 ? NULL : b,
		};

		memset(etag, 'x', sizeof(etag));
		memset(version_id, 'x', sizeof(version_id));
		if (o.etag)
			memset(a, 'e', (size_t)rows[i].etag);
		if (o.version_id)
			memset(b, 'v', (size_t)rows[i].version_id);
		version_ids(&o, etag, version_id);
		assert_int_equal(strlen(etag), rows[i].got_etag);
		assert_int_equal(strspn(etag, "e"), rows[i].got_etag);
		assert_int_equal(strlen(version_id), rows[i].got_version_id);
		assert_int_equal(strspn(version_id, "v"),
				 rows[i].got_version_id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
