/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turns of a committer, on a transaction and a log that are counters: when
 * it commits, and that those who change something do not wait for a disk that
 * takes long for their data.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "vers3/meta/committer.h"
#include "vers3/util/clock.h"

#define DURABLE_NS     NS_PER_MS
#define COMMIT_NS      (10 * NS_PER_MS)
#define SLOW_DISK_NS   (30 * NS_PER_MS) /* for the data */
#define WAIT_NS	       (10 * NS_PER_S) /* longer than anything takes */
#define COMMIT_CHANGES 1000

struct bench {
	struct committer *c;
	atomic_bool large; /* the log */
	atomic_uint commits, marks;
	atomic_uint hooks; /* begun */
	atomic_uint changed; /* by the writer */
	atomic_uint stuck; /* hooks in which the writer could change nothing */
	atomic_bool end;
	pthread_t writer;
};

static int bench_begin(void *ctx)
{
	(void)ctx;
	return 0;
}

static int bench_commit(void *ctx, bool *ret_durable)
{
	struct bench *b = ctx;

	*ret_durable = true;
	atomic_fetch_add(&b->commits, 1);
	return 0;
}

static bool bench_log_begin(void *ctx)
{
	(void)ctx;
	return true;
}

static bool bench_log_is_large(void *ctx, unsigned patience)
{
	struct bench *b = ctx;

	return patience == 1 && atomic_load(&b->large);
}

static int bench_log_mark(void *ctx)
{
	struct bench *b = ctx;

	atomic_fetch_add(&b->marks, 1);
	return 0;
}

static int bench_log_sync(void *ctx)
{
	(void)ctx;
	return 0;
}

static void bench_nothing(void *ctx)
{
	(void)ctx;
}

static const struct committer_ops bench_ops = {
	.begin = bench_begin,
	.commit = bench_commit,
	.log_begin = bench_log_begin,
	.log_is_large = bench_log_is_large,
	.log_mark = bench_log_mark,
	.log_sync = bench_log_sync,
	.log_end = bench_nothing,
	.put_off = bench_nothing,
	.abort = bench_nothing,
};

static void pause_ns(int64_t ns)
{
	struct timespec t = clock_timespec(ns);

	nanosleep(&t, NULL);
}

/* Waits until a count is more than it was; false: it did not come to that. */
static bool grows(atomic_uint *count, unsigned than)
{
	int64_t until = clock_mono_ns() + WAIT_NS;

	while (atomic_load(count) <= than && clock_mono_ns() < until)
		pause_ns(NS_PER_MS / 10);
	return atomic_load(count) > than;
}

static int change(struct bench *b)
{
	int rc = committer_lock(b->c);

	if (rc)
		return rc;
	committer_changed(b->c);
	committer_unlock(b->c);
	atomic_fetch_add(&b->changed, 1);
	return 0;
}

static void *write_on(void *arg)
{
	struct bench *b = arg;

	while (!atomic_load(&b->end) && !change(b))
		pause_ns(NS_PER_MS);
	return NULL;
}

/* A disk that takes long, beside a writer that goes on. */
static int slow_hook(void *ctx)
{
	struct bench *b = ctx;
	unsigned before = atomic_load(&b->changed);

	atomic_fetch_add(&b->hooks, 1);
	pause_ns(SLOW_DISK_NS);
	if (!atomic_load(&b->end) && !grows(&b->changed, before))
		atomic_fetch_add(&b->stuck, 1);
	return 0;
}

static int quick_hook(void *ctx)
{
	struct bench *b = ctx;

	atomic_fetch_add(&b->hooks, 1);
	return 0;
}

static void begin(struct bench *b, int64_t commit_ns, int (*hook)(void *ctx))
{
	assert_int_equal(committer_new("test", &bench_ops, b, DURABLE_NS,
				       commit_ns, COMMIT_CHANGES, &b->c),
			 0);
	committer_set_hook(b->c, hook, b);
}

static void start_writer(struct bench *b)
{
	assert_int_equal(pthread_create(&b->writer, NULL, write_on, b), 0);
}

static void stop_writer(struct bench *b)
{
	atomic_store(&b->end, true);
	pthread_join(b->writer, NULL);
}

/* The log is large from the first change on; no time runs out. */
static void test_slow_disk(void **state)
{
	struct bench b = {.large = true};

	(void)state;
	begin(&b, WAIT_NS * 10, slow_hook);
	start_writer(&b);
	/* More often than a commit would try before it bars the writer. */
	assert_true(grows(&b.hooks, 8));
	assert_int_equal(atomic_load(&b.stuck), 0);
	assert_int_equal(atomic_load(&b.commits), 0);
	assert_true(atomic_load(&b.marks) >= 7);
	stop_writer(&b);
	/* As soon as nobody has to wait. */
	assert_true(grows(&b.commits, 0));
	committer_free(b.c);
}

/* It is not put off for ever. */
static void test_patience_ends(void **state)
{
	struct bench b = {.large = false};
	unsigned hooks;

	(void)state;
	begin(&b, COMMIT_NS, slow_hook);
	hooks = atomic_load(&b.hooks);
	/* The hook that bars the writer is not to wait for him. */
	atomic_store(&b.end, true);
	for (int i = 0; i < 100000 && !atomic_load(&b.commits); i++) {
		assert_int_equal(change(&b), 0);
		pause_ns(NS_PER_MS);
	}
	assert_true(atomic_load(&b.commits) > 0);
	assert_true(atomic_load(&b.hooks) > hooks);
	committer_free(b.c);
}

static void test_quick_disk(void **state)
{
	struct bench b = {.large = true};

	(void)state;
	begin(&b, WAIT_NS * 10, quick_hook);
	start_writer(&b);
	assert_true(grows(&b.commits, 2));
	stop_writer(&b);
	committer_free(b.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_disk),
		cmocka_unit_test(test_patience_ends),
		cmocka_unit_test(test_quick_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
