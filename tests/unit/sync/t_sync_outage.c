/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "../../../src/sync/sync_outage.h"

#define T0   (100 * NS_PER_S)
#define LONG (SYNC_OUTAGE_MIN_NS + 1)

/* An outage from then on for so long; whether its end counts. */
static bool outage(struct sync_outage *o, int64_t from_ns, int64_t ns)
{
	sync_outage_set(o, true, from_ns);
	sync_outage_set(o, true, from_ns + ns / 2); /* since the first */
	sync_outage_set(o, false, from_ns + ns);
	return sync_outage_take_over(o);
}

static void test_over(void **state)
{
	struct sync_outage o = {0};

	(void)state;
	sync_outage_set(&o, false, T0);
	assert_false(sync_outage_take_over(&o));
	assert_false(outage(&o, T0, SYNC_OUTAGE_MIN_NS));
	assert_true(outage(&o, T0, LONG));
	assert_false(sync_outage_take_over(&o)); /* once */
	/* One that comes back at once is a key's, not the bucket's. */
	assert_false(outage(&o, T0 + LONG, LONG));
	assert_true(outage(&o, T0 + LONG + SYNC_OUTAGE_AGAIN_NS, LONG));
}

static void test_lasts(void **state)
{
	struct sync_outage o = {0};

	(void)state;
	assert_false(sync_outage_lasts(&o, 5, T0));
	sync_outage_set(&o, true, T0);
	assert_false(sync_outage_lasts(&o, 5, T0 + 5));
	assert_true(sync_outage_lasts(&o, 5, T0 + 6));
	sync_outage_set(&o, false, T0 + 7);
	assert_false(sync_outage_lasts(&o, 5, T0 + 8));
}

static void test_probes(void **state)
{
	struct sync_outage o = {0};
	unsigned from = 0, late;

	(void)state;
	/* Without an outage, or beside others, it is no probe. */
	assert_false(sync_outage_probed(&o, -ETIMEDOUT, true));
	sync_outage_set(&o, true, T0);
	assert_false(sync_outage_probed(&o, -ETIMEDOUT, false));
	assert_int_equal(o.probes, 0);
	assert_true(sync_outage_probed(&o, -ECONNREFUSED, true));
	assert_int_equal(sync_outage_error(&o, &from, 2), 0);
	late = o.probes;
	assert_false(sync_outage_probed(&o, -EAGAIN, true)); /* says nothing */
	assert_true(sync_outage_probed(&o, -ETIMEDOUT, true));
	assert_int_equal(sync_outage_error(&o, &from, 2), -ETIMEDOUT);
	assert_int_equal(sync_outage_error(&o, &late, 2), 0);
	/* An answer, whatever it is, begins the row anew for all. */
	assert_false(sync_outage_probed(&o, -EACCES, true));
	assert_int_equal(sync_outage_error(&o, &late, 2), 0);
	assert_int_equal(late, 0);
	sync_outage_probed(&o, -ETIMEDOUT, true);
	sync_outage_probed(&o, -ETIMEDOUT, true);
	assert_int_equal(sync_outage_error(&o, &late, 2), -ETIMEDOUT);
	sync_outage_set(&o, false, T0 + 1);
	assert_int_equal(sync_outage_error(&o, &late, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_lasts),
		cmocka_unit_test(test_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
