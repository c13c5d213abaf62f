/* SPDX-License-Identifier: Apache-2.0 */
/* Whose requests are the child's; its work is in tests/mount/killable.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../src/fs/writeback.h"

/* The number by which the kernel might know the child. */
#define ELSEWHERE 77

/* A directory that has none of its files. */
static int begin(void **state)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/t_writeback.XXXXXX");
	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int end(void **state)
{
	return rmdir(*state);
}

static void await(struct writeback *w)
{
	while (!writeback_is_over(w))
		;
}

static uint64_t look_up(struct writeback *w, const char *secret, uint64_t ino)
{
	char name[128];

	snprintf(name, sizeof(name), ".vers3-writeback-%s-%016" PRIx64, secret,
		 ino);
	return writeback_ino(w, name, ELSEWHERE);
}

/* In another pid namespace its own number may be anybody's. */
static void test_secret(void **state)
{
	const uint64_t ino = 42;
	struct writeback w = {.until_ns = 0};
	char secret[sizeof(w.secret)], wrong[sizeof(w.secret)];
	pid_t pid;

	writeback_start(&w, *state, &ino, 1);
	pid = atomic_load(&w.pid);
	assert_true(pid > 0);
	snprintf(secret, sizeof(secret), "%s", w.secret);
	snprintf(wrong, sizeof(wrong), "%s", w.secret);
	wrong[5] = wrong[5] == '0' ? '1' : '0';
	assert_false(writeback_is_child(&w, pid));
	assert_int_equal(look_up(&w, wrong, ino), 0);
	assert_int_equal(look_up(&w, "", ino), 0);
	assert_int_equal(writeback_ino(&w, "file", ELSEWHERE), 0);
	assert_false(writeback_is_child(&w, ELSEWHERE));
	assert_int_equal(look_up(&w, secret, ino), ino);
	assert_true(writeback_is_child(&w, ELSEWHERE));
	assert_false(writeback_is_child(&w, pid));
	assert_false(writeback_is_child(&w, 0));
	await(&w);
	assert_false(writeback_is_child(&w, ELSEWHERE));
	assert_int_equal(look_up(&w, secret, ino), 0);
}

/* The next child has another. */
static void test_again(void **state)
{
	const uint64_t ino = 42;
	struct writeback w = {.until_ns = 0};
	char secret[sizeof(w.secret)];

	writeback_start(&w, *state, &ino, 1);
	snprintf(secret, sizeof(secret), "%s", w.secret);
	await(&w);
	writeback_start(&w, *state, &ino, 1);
	assert_int_equal(look_up(&w, secret, ino), 0);
	writeback_end(&w);
	assert_int_equal(atomic_load(&w.pid), 0);
}

/* Where nothing is open for writing nothing is mapped, either. */
static void test_nothing(void **state)
{
	struct writeback w = {.until_ns = 0};

	writeback_start(&w, *state, NULL, 0);
	assert_int_equal(atomic_load(&w.pid), 0);
	assert_true(writeback_is_over(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
