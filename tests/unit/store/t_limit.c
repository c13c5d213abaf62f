/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for his turn, and who gets it; over a store that holds calls up. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/store/limit.h"
#include "vers3/store/memory.h"
#include "vers3/store/retry.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/urgency.h"

#define MANY 60

/* Holds what comes until so many may go. */
struct gate {
	struct store store;
	atomic_uint inside, most, came, may_go;
	atomic_int order[MANY]; /* part numbers, as they came */
};

static int gate_call(struct store *s, struct store_request *r)
{
	struct gate *g = (struct gate *)s;
	unsigned inside = atomic_fetch_add(&g->inside, 1) + 1;
	unsigned most = atomic_load(&g->most), n;

	while (inside > most &&
	       !atomic_compare_exchange_weak(&g->most, &most, inside))
		;
	n = atomic_fetch_add(&g->came, 1);
	if (n < MANY)
		atomic_store(&g->order[n], (int)r->part_number);
	while (n >= atomic_load(&g->may_go))
		cancel_sleep(NS_PER_MS);
	atomic_fetch_sub(&g->inside, 1);
	store_reply_reset(&r->reply);
	r->reply.status = 200;
	return 0;
}

static void gate_free(struct store *s)
{
	(void)s;
}

static const struct store_ops gate_ops = {"gate", gate_call, gate_free};

struct caller {
	pthread_t thread;
	struct store *store;
	struct cancel *cancel;
	enum urgency urgency;
	struct urgency_cause *cause;
	unsigned number;
	int rc;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	struct store_request r;

	cancel_enter(c->cancel);
	urgency_enter(c->urgency);
	urgency_cause_enter(c->cause);
	store_request_init(&r, STORE_HEAD);
	r.key = "k";
	r.part_number = c->number;
	c->rc = store_call(c->store, &r);
	store_request_release(&r);
	return NULL;
}

static void run(struct caller *c)
{
	assert_int_equal(pthread_create(&c->thread, NULL, call, c), 0);
}

static void start(struct caller *c, struct store *s, enum urgency u,
		  unsigned number, struct cancel *cancel)
{
	*c = (struct caller){
		.store = s, .urgency = u, .number = number, .cancel = cancel};
	run(c);
}

/* One of a work that somebody may come to wait for. */
static void start_for(struct caller *c, struct store *s,
		      struct urgency_cause *cause, unsigned number)
{
	*c = (struct caller){.store = s,
			     .urgency = URGENCY_BACKGROUND,
			     .cause = cause,
			     .number = number};
	run(c);
}

static void wait_state(struct store *s, unsigned in_flight, unsigned waiting)
{
	struct limit_snapshot now;

	do {
		cancel_sleep(NS_PER_MS);
		limit_store_read(s, &now);
	} while (now.in_flight != in_flight || now.waiting != waiting);
}

static struct store *limit_over(struct store *below)
{
	struct store *s;

	assert_int_equal(limit_store_new(&below, &s), 0);
	assert_null(below);
	return s;
}

static void test_no_more_than_that(void **state)
{
	struct gate g = {.store.ops = &gate_ops};
	struct store *s = limit_over(&g.store);
	struct caller c[MANY];

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		start(&c[i], s, URGENCY_WANTED, i, NULL);
	wait_state(s, LIMIT_START, MANY - LIMIT_START);
	assert_int_equal(atomic_load(&g.inside), LIMIT_START);
	atomic_store(&g.may_go, UINT32_MAX);
	for (unsigned i = 0; i < MANY; i++) {
		pthread_join(c[i].thread, NULL);
		assert_int_equal(c[i].rc, 0);
	}
	wait_state(s, 0, 0);
	store_free(s);
}

/* What nobody waits for leaves room, and the last comes first if wanted. */
static void test_wanted_first(void **state)
{
	const unsigned room = LIMIT_START - LIMIT_START / 8;
	struct gate g = {.store.ops = &gate_ops};
	struct store *s = limit_over(&g.store);
	struct caller c[MANY];
	unsigned n = 0;

	(void)state;
	while (n < room + 10) {
		start(&c[n], s, URGENCY_BACKGROUND, 0, NULL);
		n++;
	}
	wait_state(s, room, 10);
	/* What is kept free for it, */
	while (n < LIMIT_START + 10) {
		start(&c[n], s, URGENCY_WANTED, 1, NULL);
		n++;
	}
	wait_state(s, LIMIT_START, 10);
	/* and then before the others. */
	start(&c[n++], s, URGENCY_WANTED, 2, NULL);
	wait_state(s, LIMIT_START, 11);
	atomic_store(&g.may_go, 1);
	while (atomic_load(&g.came) <= LIMIT_START)
		cancel_sleep(NS_PER_MS);
	assert_int_equal(atomic_load(&g.order[LIMIT_START]), 2);
	atomic_store(&g.may_go, UINT32_MAX);
	for (unsigned i = 0; i < n; i++)
		pthread_join(c[i].thread, NULL);
	store_free(s);
}

/*
 * What is waited for later leaves the second row: it takes what is kept free,
 * at once, and then its turn before the others. What comes after finds the
 * first row.
 */
static void test_wanted_later(void **state)
{
	const unsigned room = LIMIT_START - LIMIT_START / 8;
	const unsigned kept = LIMIT_START / 8;
	struct urgency_cause work, outer;
	struct gate g = {.store.ops = &gate_ops};
	struct store *s = limit_over(&g.store);
	struct caller c[MANY];
	unsigned n = 0, behind;

	(void)state;
	urgency_cause_init(&work);
	urgency_cause_init(&outer);
	while (n < room + 5) {
		start(&c[n], s, URGENCY_BACKGROUND, 0, NULL);
		n++;
	}
	wait_state(s, room, 5);
	for (unsigned i = 0; i < kept + 2; i++)
		start_for(&c[n++], s, &work, 1);
	wait_state(s, room, 5 + kept + 2);
	/* Nothing is wanted: nothing changes. */
	limit_store_hurry(s);
	wait_state(s, room, 5 + kept + 2);
	/* Who waits for another thing that this one is needed for. */
	urgency_cause_serve(&work, &outer);
	urgency_cause_want(&outer);
	assert_true(urgency_cause_is_wanted(&work));
	limit_store_hurry(s);
	wait_state(s, LIMIT_START, 5 + 2);
	behind = atomic_load(&g.came);
	start_for(&c[n++], s, &work, 1);
	wait_state(s, LIMIT_START, 5 + 3);
	/* Two end: two that are wanted come, none of the five. */
	atomic_store(&g.may_go, 2);
	while (atomic_load(&g.came) < behind + 2)
		cancel_sleep(NS_PER_MS);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(atomic_load(&g.order[behind + i]), 1);
	atomic_store(&g.may_go, UINT32_MAX);
	for (unsigned i = 0; i < n; i++)
		pthread_join(c[i].thread, NULL);
	store_free(s);
}

static void test_given_up(void **state)
{
	struct gate g = {.store.ops = &gate_ops};
	struct store *s = limit_over(&g.store);
	struct caller c[LIMIT_START], late;
	struct cancel cancel;

	(void)state;
	for (unsigned i = 0; i < LIMIT_START; i++)
		start(&c[i], s, URGENCY_WANTED, i, NULL);
	wait_state(s, LIMIT_START, 0);
	cancel_init(&cancel, NULL);
	start(&late, s, URGENCY_WANTED, 0, &cancel);
	wait_state(s, LIMIT_START, 1);
	cancel_set(&cancel);
	pthread_join(late.thread, NULL);
	assert_int_equal(late.rc, -EINTR);
	wait_state(s, LIMIT_START, 0);
	assert_int_equal(atomic_load(&g.came), LIMIT_START);
	atomic_store(&g.may_go, UINT32_MAX);
	for (unsigned i = 0; i < LIMIT_START; i++)
		pthread_join(c[i].thread, NULL);
	store_free(s);
}

/* A server that bears four requests at once, and refuses what is more. */
struct narrow {
	struct store store;
	atomic_uint inside, refusals;
	atomic_bool is; /* else it bears all */
};

static int narrow_call(struct store *s, struct store_request *r)
{
	struct narrow *n = (struct narrow *)s;
	bool full = atomic_fetch_add(&n->inside, 1) >= 4;
	bool refused = atomic_load(&n->is) && full;

	store_reply_reset(&r->reply);
	cancel_sleep(5 * NS_PER_MS);
	atomic_fetch_sub(&n->inside, 1);
	r->reply.status = refused ? 503 : 200;
	if (!refused)
		return 0;
	atomic_fetch_add(&n->refusals, 1);
	snprintf(r->reply.code, sizeof(r->reply.code), "SlowDown");
	return -EIO;
}

static const struct store_ops narrow_ops = {"narrow", narrow_call, gate_free};

static void no_sleep(void *ctx, int64_t ns)
{
	(void)ctx;
	cancel_sleep(ns < NS_PER_MS ? ns : NS_PER_MS);
}

struct crowd {
	pthread_t thread;
	struct store *store;
	int failures;
};

static void *press(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 30; i++) {
		struct store_request r;

		store_request_init(&r, STORE_HEAD);
		r.key = "k";
		c->failures += store_call(c->store, &r) != 0;
		store_request_release(&r);
	}
	return NULL;
}

static int press_all(struct store *s, unsigned count)
{
	struct crowd c[MANY];
	int failures = 0;

	for (unsigned i = 0; i < count; i++) {
		c[i] = (struct crowd){.store = s};
		assert_int_equal(
			pthread_create(&c[i].thread, NULL, press, &c[i]), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(c[i].thread, NULL);
		failures += c[i].failures;
	}
	return failures;
}

/* It is halved as often as it takes, and comes back when that is over. */
static void test_refusals(void **state)
{
	const struct retry_config config = {.retries = 2000, .sleep = no_sleep};
	struct narrow n = {.store.ops = &narrow_ops, .is = true};
	struct store *s = limit_over(&n.store);
	struct limit_snapshot low, high;
	int64_t until;

	(void)state;
	assert_int_equal(retry_store_new(&config, &s, &s), 0);
	until = clock_mono_ns() + 60 * NS_PER_S;
	do {
		assert_int_equal(press_all(s, 30), 0);
		limit_store_read(s, &low);
	} while (low.halvings < 2 && clock_mono_ns() < until);
	assert_true(low.halvings >= 2);
	assert_in_range(low.limit, 1, LIMIT_START - 2);
	assert_true(atomic_load(&n.refusals) > 0);
	/* Work is handed out all the same: some of it may take long. */
	assert_in_range(limit_store_width(s), LIMIT_START, LIMIT_START * 3 / 2);
	atomic_store(&n.is, false);
	until = clock_mono_ns() + 60 * NS_PER_S;
	do {
		assert_int_equal(press_all(s, 30), 0);
		limit_store_read(s, &high);
	} while (high.limit < LIMIT_START && clock_mono_ns() < until);
	assert_int_equal(high.limit, LIMIT_START);
	assert_int_equal(high.in_flight + high.waiting, 0);
	store_free(s);
}

static void test_without_one(void **state)
{
	struct limit_snapshot now;
	struct store *s;

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	limit_store_read(s, &now);
	assert_int_equal(now.limit, 0);
	assert_int_equal(limit_store_width(s), LIMIT_START);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_more_than_that),
		cmocka_unit_test(test_wanted_first),
		cmocka_unit_test(test_wanted_later),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_without_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
