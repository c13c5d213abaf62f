/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include "../../../src/upkeep/throttle.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

static void test_unbounded(void **state)
{
	int64_t began = clock_mono_ns();
	struct throttle t;

	(void)state;
	throttle_init(&t, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(throttle_take(&t, UINT64_C(1) << 40), 0);
	assert_true(clock_mono_ns() - began < 10 * NS_PER_S);
	throttle_release(&t);
}

/* The first goes at once, and each waits for those before it. */
static void test_bounded(void **state)
{
	int64_t began = clock_mono_ns();
	struct throttle t;

	(void)state;
	throttle_init(&t, 1000);
	for (int i = 0; i < 4; i++)
		assert_int_equal(throttle_take(&t, 100), 0);
	assert_true(clock_mono_ns() - began >= 300 * NS_PER_MS);
	throttle_release(&t);
}

static void *take_some(void *arg)
{
	for (int i = 0; i < 5; i++)
		if (throttle_take(arg, 20))
			return arg;
	return NULL;
}

/* Together they are no faster than one is. */
static void test_shared(void **state)
{
	int64_t began = clock_mono_ns();
	pthread_t threads[4];
	struct throttle t;
	void *failed;

	(void)state;
	throttle_init(&t, 1000);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, take_some, &t), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_true(clock_mono_ns() - began >= 380 * NS_PER_MS);
	throttle_release(&t);
}

static void test_given_up(void **state)
{
	struct throttle t;
	struct cancel c;

	(void)state;
	throttle_init(&t, 1);
	assert_int_equal(throttle_take(&t, 1000000), 0);
	cancel_init(&c, NULL);
	cancel_set(&c);
	cancel_enter(&c);
	assert_int_equal(throttle_take(&t, 1), -EINTR);
	throttle_release(&t);
	throttle_init(&t, 0);
	assert_int_equal(throttle_take(&t, 1), -EINTR);
	throttle_release(&t);
	cancel_enter(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unbounded),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
