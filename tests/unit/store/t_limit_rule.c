/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of the limit, and whose turn it is: played through, without time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/store/limit_rule.h"
#include "vers3/util/clock.h"

#define MS NS_PER_MS

struct play {
	struct limit_rule rule;
	int64_t now;
};

static void begin(struct play *p)
{
	limit_rule_init(&p->rule);
	p->now = 1000 * NS_PER_S;
}

static void answer(struct play *p, enum store_op op, int64_t took_ns, bool full)
{
	struct limit_answer a = {
		.op = op,
		.sent_ns = p->now - took_ns,
		.now_ns = p->now,
		.answered = true,
		.full = full,
		.in_flight = limit_rule_now(&p->rule),
	};

	limit_rule_answer(&p->rule, &a);
}

static void refuse(struct play *p, int64_t took_ns)
{
	struct limit_answer a = {
		.op = STORE_PUT,
		.sent_ns = p->now - took_ns,
		.now_ns = p->now,
		.refused = true,
		.full = true,
		.in_flight = limit_rule_now(&p->rule),
	};

	limit_rule_answer(&p->rule, &a);
}

/* Rounds in which as many answers as may be on their way take so long each. */
static void rounds(struct play *p, int n, int64_t took_ns, bool full)
{
	for (int i = 0; i < n; i++) {
		unsigned answers = limit_rule_now(&p->rule);

		for (unsigned j = 0; j < answers; j++) {
			p->now += took_ns / answers;
			answer(p, STORE_PUT, took_ns, full);
		}
	}
}

static unsigned now(const struct play *p)
{
	return limit_rule_now(&p->rule);
}

static void test_a_distant_server(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	assert_int_equal(now(&p), LIMIT_START);
	rounds(&p, 1, 50 * MS, true);
	assert_int_equal(now(&p), 2 * LIMIT_START);
	rounds(&p, 1, 50 * MS, true);
	assert_int_equal(now(&p), 4 * LIMIT_START);
	rounds(&p, 2, 50 * MS, true);
	assert_int_equal(now(&p), LIMIT_MAX);
	assert_int_equal(limit_rule_least_ns(&p.rule), 50 * MS);
}

static void test_a_near_server(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	answer(&p, STORE_HEAD, MS, false);
	rounds(&p, 50, 2 * MS, true);
	assert_int_equal(now(&p), LIMIT_START);
	rounds(&p, 50, 40 * MS, true);
	assert_int_equal(now(&p), LIMIT_START);
}

/* Nobody asks for more: it says nothing of how it would be answered. */
static void test_no_need(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	rounds(&p, 20, 50 * MS, false);
	assert_int_equal(now(&p), LIMIT_START);
}

/* So many a second, and no more: what is beyond waits over there. */
static void test_a_busy_server(void **state)
{
	const int rate = 600;
	unsigned least = LIMIT_MAX, most = 0;
	struct play p;

	(void)state;
	begin(&p);
	answer(&p, STORE_PUT, 50 * MS, false);
	for (int i = 0; i < 200; i++) {
		int64_t ns = now(&p) * NS_PER_S / rate;

		rounds(&p, 1, ns > 50 * MS ? ns : 50 * MS, true);
		if (i < 20)
			continue;
		least = now(&p) < least ? now(&p) : least;
		most = now(&p) > most ? now(&p) : most;
	}
	/* It is kept busy, and no request takes much longer than twice. */
	assert_in_range(least, rate / 20, LIMIT_MAX);
	assert_in_range(most, 0, rate / 20 * 5 / 2);
}

static void test_refusals(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	rounds(&p, 2, 50 * MS, true);
	assert_int_equal(now(&p), 80);
	/* All that were on their way then count once. */
	for (int i = 0; i < 30; i++)
		refuse(&p, 50 * MS);
	assert_int_equal(now(&p), 40);
	assert_int_equal(p.rule.halvings, 1);
	/* And no second time so soon. */
	p.now += 900 * MS;
	refuse(&p, 50 * MS);
	assert_int_equal(now(&p), 40);
	for (int i = 0; i < 10; i++) {
		p.now += NS_PER_S;
		refuse(&p, 50 * MS);
	}
	assert_int_equal(now(&p), 1);
	assert_int_equal(p.rule.halvings, 6);
	/* For a while it stays; then it comes back by one a round. */
	rounds(&p, 9, 50 * MS, true);
	assert_int_equal(now(&p), 1);
	rounds(&p, 12, 50 * MS, true);
	assert_in_range(now(&p), 8, 14);
	/* Also where all has become slower than it ever was. */
	rounds(&p, 15, 400 * MS, true);
	assert_int_equal(now(&p), LIMIT_START);
	/* After a rest it doubles. */
	p.now += 20 * NS_PER_S;
	rounds(&p, 1, 50 * MS, true);
	assert_in_range(now(&p), 2 * LIMIT_START - 2, 2 * LIMIT_START);
}

/* What takes its time by itself neither counts as slow nor as prompt. */
static void test_what_says_nothing(void **state)
{
	static const enum store_op ops[] = {STORE_LIST, STORE_DELETE_MANY,
					    STORE_COMPLETE_UPLOAD};
	struct play p;

	(void)state;
	begin(&p);
	rounds(&p, 1, 50 * MS, true);
	for (int i = 0; i < 300; i++) {
		p.now += 10 * MS;
		answer(&p, ops[i % 3], NS_PER_S, true);
	}
	assert_int_equal(now(&p), 2 * LIMIT_START);
}

/* Who only lists and deletes is not kept at one by a refusal of long ago. */
static void test_back_without_a_word(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	for (int i = 0; i < 10; i++) {
		p.now += NS_PER_S;
		refuse(&p, 50 * MS);
	}
	assert_int_equal(now(&p), 1);
	for (int i = 0; i < 20; i++) {
		p.now += 200 * MS;
		answer(&p, STORE_DELETE_MANY, 200 * MS, true);
	}
	assert_in_range(now(&p), 3, 8);
	for (int i = 0; i < 300; i++) {
		p.now += 200 * MS;
		answer(&p, i % 2 ? STORE_LIST : STORE_DELETE_MANY, 200 * MS,
		       true);
	}
	assert_int_equal(now(&p), LIMIT_START);
}

/* A route that has become longer is no busy server for ever. */
static void test_another_route(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	rounds(&p, 4, 20 * MS, true);
	assert_int_equal(now(&p), 80);
	rounds(&p, 20, 100 * MS, true);
	assert_int_equal(now(&p), LIMIT_START);
	p.now += 61 * NS_PER_S;
	rounds(&p, 1, 100 * MS, true);
	p.now += 61 * NS_PER_S;
	rounds(&p, 4, 100 * MS, true);
	assert_int_equal(now(&p), LIMIT_MAX);
}

static void test_turns(void **state)
{
	static const struct {
		struct limit_turn t;
		enum limit_verdict is;
	} cases[] = {
		{{20, 0, false, false, 0}, LIMIT_NOBODY},
		{{20, 0, true, false, 0}, LIMIT_WANTED},
		{{20, 0, false, true, 0}, LIMIT_BACKGROUND},
		{{20, 20, true, true, 0}, LIMIT_NOBODY},
		{{20, 19, true, true, 6}, LIMIT_WANTED},
		{{20, 19, true, true, 7}, LIMIT_BACKGROUND},
		{{20, 19, true, false, 7}, LIMIT_WANTED},
		{{20, 17, false, true, 0}, LIMIT_BACKGROUND},
		{{20, 18, false, true, 0}, LIMIT_NOBODY},
		{{20, 19, false, true, 0}, LIMIT_NOBODY},
		{{1, 0, true, true, 0}, LIMIT_WANTED},
		{{1, 0, false, true, 0}, LIMIT_BACKGROUND},
		{{1, 1, true, true, 9}, LIMIT_NOBODY},
		/* It was lowered while more were on their way. */
		{{2, 9, true, true, 0}, LIMIT_NOBODY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(limit_turn(&cases[i].t), cases[i].is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_distant_server),
		cmocka_unit_test(test_a_near_server),
		cmocka_unit_test(test_no_need),
		cmocka_unit_test(test_a_busy_server),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_what_says_nothing),
		cmocka_unit_test(test_back_without_a_word),
		cmocka_unit_test(test_another_route),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
