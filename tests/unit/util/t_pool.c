/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/util/pool.h"

#define MANY 2000

static void count_up(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_drain_and_free(void **state)
{
	struct pool *p = NULL;
	atomic_int n = 0;

	(void)state;
	assert_int_equal(pool_new("t-drain", 4, &p), 0);
	pool_drain(p);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(pool_submit(p, count_up, &n), 0);
	pool_drain(p);
	assert_int_equal(atomic_load(&n), MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(pool_submit(p, count_up, &n), 0);
	pool_free(p);
	assert_int_equal(atomic_load(&n), 2 * MANY);
	pool_free(NULL);
}

/* Who has nothing to do for a while ends, and comes back when needed. */
static void test_idle(void **state)
{
	struct pool *p = NULL;
	atomic_int n = 0;

	(void)state;
	assert_int_equal(pool_new("t-idle", 8, &p), 0);
	pool_set_idle(p, 1000000);
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < MANY; i++)
			assert_int_equal(pool_submit(p, count_up, &n), 0);
		pool_drain(p);
		assert_int_equal(atomic_load(&n), round * MANY);
		while (pool_threads(p))
			usleep(1000);
	}
	pool_free(p);
}

/* Jobs of one thread run in the order they came. */
struct order {
	int last; /* one worker only: no lock */
	int wrong;
};

struct step {
	struct order *order;
	int number;
};

static void take_step(void *arg)
{
	struct step *s = arg;

	if (s->number != s->order->last + 1)
		s->order->wrong++;
	s->order->last = s->number;
}

static void test_order(void **state)
{
	static struct step steps[100];
	struct order order = {.last = -1};
	struct pool *p = NULL;

	(void)state;
	assert_int_equal(pool_new("a name far too long", 1, &p), 0);
	for (int i = 0; i < 100; i++) {
		steps[i].order = &order;
		steps[i].number = i;
		assert_int_equal(pool_submit(p, take_step, &steps[i]), 0);
	}
	pool_free(p);
	assert_int_equal(order.wrong, 0);
	assert_int_equal(order.last, 99);
}

/* Jobs that wait for one another: as many threads as jobs must run. */
static void meet(void *arg)
{
	pthread_barrier_wait(arg);
}

static void test_grows(void **state)
{
	pthread_barrier_t barrier;
	struct pool *p = NULL;

	(void)state;
	pthread_barrier_init(&barrier, NULL, 5);
	assert_int_equal(pool_new("t-grow", 4, &p), 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 4; i++)
			assert_int_equal(pool_submit(p, meet, &barrier), 0);
		pthread_barrier_wait(&barrier);
	}
	pool_free(p);
	pthread_barrier_destroy(&barrier);
}

/* A job that tries to queue another while the pool ends. */
struct deferred {
	struct pool *pool;
	pthread_barrier_t started;
	atomic_int rc, ran;
};

static void submit_late(void *arg)
{
	struct deferred *l = arg;
	int rc = 0;

	pthread_barrier_wait(&l->started);
	for (int i = 0; i < 2000 && rc == 0; i++) {
		rc = pool_submit(l->pool, count_up, &l->ran);
		usleep(1000);
	}
	atomic_store(&l->rc, rc);
}

static void test_shutdown(void **state)
{
	struct deferred l = {.rc = 0};

	(void)state;
	assert_int_equal(pool_new("t-late", 2, &l.pool), 0);
	pthread_barrier_init(&l.started, NULL, 2);
	assert_int_equal(pool_submit(l.pool, submit_late, &l), 0);
	pthread_barrier_wait(&l.started);
	pool_free(l.pool);
	assert_int_equal(atomic_load(&l.rc), -ESHUTDOWN);
	pthread_barrier_destroy(&l.started);
}

struct each_run {
	struct pool *pool;
	atomic_int hits[MANY];
	atomic_int inside, peak;
	unsigned fail_at[2];
};

static int hit(void *ctx, unsigned i)
{
	struct each_run *run = ctx;
	int inside = atomic_fetch_add(&run->inside, 1) + 1;
	int peak = atomic_load(&run->peak);

	while (inside > peak &&
	       !atomic_compare_exchange_weak(&run->peak, &peak, inside))
		;
	atomic_fetch_add(&run->hits[i], 1);
	atomic_fetch_sub(&run->inside, 1);
	if (i == run->fail_at[0])
		return -EIO;
	return i == run->fail_at[1] ? -ENOENT : 0;
}

static void test_each(void **state)
{
	static const struct {
		unsigned width, n, fail_at[2];
		int rc;
	} cases[] = {
		{1, 0, {MANY, MANY}, 0},	{1, 10, {MANY, MANY}, 0},
		{0, 3, {MANY, MANY}, 0},	{3, MANY, {MANY, MANY}, 0},
		{100, MANY, {MANY, MANY}, 0},	{100, 2, {MANY, MANY}, 0},
		{8, MANY, {700, 300}, -ENOENT}, /* the lower index counts */
		{8, MANY, {300, 700}, -EIO},
	};
	struct pool *p = NULL;

	(void)state;
	assert_int_equal(pool_new("t-each", 6, &p), 0);
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		struct each_run run = {
			.fail_at = {cases[c].fail_at[0], cases[c].fail_at[1]}};

		assert_int_equal(pool_each(p, cases[c].width, cases[c].n, hit,
					   &run),
				 cases[c].rc);
		for (unsigned i = 0; i < MANY; i++)
			assert_int_equal(atomic_load(&run.hits[i]),
					 i < cases[c].n);
		assert_true(atomic_load(&run.peak) <=
			    (cases[c].width ? (int)cases[c].width : 1));
	}
	pool_free(p);
}

/* pool_each inside the jobs of a pool that is full of such jobs. */
static int nested(void *ctx, unsigned i)
{
	struct each_run *run = ctx;
	struct each_run *inner = &run[1 + i];

	inner->fail_at[0] = inner->fail_at[1] = MANY;
	return pool_each(run->pool, 4, 50, hit, inner);
}

static void test_each_nested(void **state)
{
	static struct each_run runs[1 + 20];

	(void)state;
	assert_int_equal(pool_new("t-nest", 2, &runs[0].pool), 0);
	assert_int_equal(pool_each(runs[0].pool, 8, 20, nested, runs), 0);
	for (int r = 1; r <= 20; r++) {
		for (int i = 0; i < 50; i++)
			assert_int_equal(atomic_load(&runs[r].hits[i]), 1);
	}
	pool_free(runs[0].pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain_and_free),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_each_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
