/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../../../src/read/guess.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

static const unsigned char *id_of(unsigned i)
{
	static unsigned char id[BLOCK_ID_SIZE];

	memset(id, 0, sizeof(id));
	memcpy(id, &i, sizeof(i));
	return id;
}

static void test_bytes_max(void **state)
{
	static const struct {
		uint64_t cache, wanted;
	} rows[] = {
		{0, 0},
		{7, 0},
		{8 * MIB, MIB},
		{128 * MIB, 16 * MIB},
		{129 * MIB, GUESS_BYTES_MAX},
		{UINT64_MAX, GUESS_BYTES_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(guess_bytes_max(rows[i].cache),
				 rows[i].wanted);
}

static void test_use(void **state)
{
	struct reader_stats st = {.gets = 7};
	struct guesses g;

	(void)state;
	assert_int_equal(guesses_init(&g), 0);
	assert_int_equal(guess_add(&g, id_of(1), 10, 25, 0), 1);
	assert_int_equal(guess_add(&g, id_of(1), 10, 25, 0), 0);
	assert_int_equal(guess_add(&g, id_of(2), 10, 25, 0), 1);
	assert_int_equal(guess_add(&g, id_of(3), 10, 25, 0), -ENOSPC);
	assert_false(guess_use(&g, id_of(3)));
	assert_true(guess_use(&g, id_of(1)));
	assert_false(guess_use(&g, id_of(1)));
	assert_int_equal(guess_add(&g, id_of(3), 10, 25, 0), 1);
	/* It was not fetched: it never was one. */
	guess_drop(&g, id_of(3));
	guess_drop(&g, id_of(3));
	assert_int_equal(guess_add(&g, id_of(4), 15, 25, 0), 1);
	guesses_read_stats(&g, GUESS_AGE_NS, &st);
	assert_int_equal(st.gets, 7);
	assert_int_equal(st.ahead_files, 3);
	assert_int_equal(st.ahead_used, 1);
	assert_int_equal(st.ahead_wasted, 0);
	guesses_release(&g);
	guesses_release(&g);
}

/* What nobody reads gives its room back after a while, and is wasted. */
static void test_old(void **state)
{
	struct reader_stats st = {0};
	struct guesses g;

	(void)state;
	assert_int_equal(guesses_init(&g), 0);
	for (unsigned i = 0; i < GUESS_FILES_MAX; i++)
		assert_int_equal(guess_add(&g, id_of(i), 2, MIB, i), 1);
	assert_int_equal(guess_add(&g, id_of(GUESS_FILES_MAX), 2, MIB,
				   GUESS_AGE_NS),
			 -ENOSPC);
	assert_int_equal(guess_add(&g, id_of(GUESS_FILES_MAX), 2, MIB,
				   GUESS_AGE_NS + 3),
			 1);
	guesses_read_stats(&g, GUESS_AGE_NS + 3, &st);
	assert_int_equal(st.ahead_wasted, 3);
	assert_int_equal(st.ahead_wasted_bytes, 6);
	/* Also where nothing is guessed any more. */
	guesses_read_stats(&g, GUESS_AGE_NS + 5, &st);
	assert_int_equal(st.ahead_wasted, 5);
	assert_int_equal(st.ahead_wasted_bytes, 10);
	assert_false(guess_use(&g, id_of(4)));
	assert_true(guess_use(&g, id_of(5)));
	guesses_release(&g);
}

static bool spend(struct guesses *g)
{
	return guess_spend(g, 1, MIB, 0);
}

static void prove(struct guesses *g)
{
	for (unsigned i = 0; i < GUESS_PROOF; i++)
		guess_missed(g);
}

/* What may come whole, and when. */
static void test_credit(void **state)
{
	struct guesses g;
	unsigned left;

	(void)state;
	assert_int_equal(guesses_init(&g), 0);
	for (unsigned i = 1; i < GUESS_PROOF; i++)
		guess_missed(&g);
	assert_false(spend(&g));
	/* One that is read pays for two. */
	assert_int_equal(guess_add(&g, id_of(1), 1, MIB, 0), 1);
	assert_true(guess_use(&g, id_of(1)));
	for (left = GUESS_CREDIT + 2 * GUESS_PROOF; left; left--)
		assert_true(spend(&g));
	assert_false(spend(&g));
	/* So does one that ought to have been. */
	guess_missed(&g);
	assert_true(spend(&g));
	assert_true(spend(&g));
	assert_false(spend(&g));
	/* After one that was not read it is to be proved again. */
	guess_missed(&g);
	assert_int_equal(guess_add(&g, id_of(2), 1, MIB, 0), 1);
	assert_int_equal(guess_add(&g, id_of(3), 1, MIB, GUESS_AGE_NS + 1), 1);
	assert_false(spend(&g));
	for (unsigned i = 0; i < GUESS_CREDIT_MAX; i++)
		guess_missed(&g);
	for (unsigned i = 0; i < GUESS_CREDIT_MAX; i++)
		assert_true(spend(&g));
	assert_false(spend(&g));
	guesses_release(&g);
}

/* What does not fit among those that are unread stays away. */
static void test_room(void **state)
{
	struct guesses g;

	(void)state;
	assert_int_equal(guesses_init(&g), 0);
	prove(&g);
	assert_false(guess_spend(&g, 2, 1, 0));
	assert_true(guess_spend(&g, 2, 2, 0));
	assert_int_equal(guess_add(&g, id_of(1), 2, 4, 0), 1);
	assert_true(guess_spend(&g, 2, 4, GUESS_AGE_NS));
	assert_false(guess_spend(&g, 3, 4, GUESS_AGE_NS));
	/* It was not wanted: there is room, and no proof. */
	assert_false(guess_spend(&g, 3, 4, GUESS_AGE_NS + 1));
	prove(&g);
	assert_true(guess_spend(&g, 3, 4, GUESS_AGE_NS + 1));
	for (unsigned i = 0; i < GUESS_FILES_MAX; i++)
		assert_int_equal(guess_add(&g, id_of(i), 1, MIB, 0), 1);
	assert_false(spend(&g));
	guesses_release(&g);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_max), cmocka_unit_test(test_use),
		cmocka_unit_test(test_old),	  cmocka_unit_test(test_credit),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
