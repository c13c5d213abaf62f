/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as calls: the hook, what is attached, the default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vers3/fs/signals.h"

struct seen {
	sem_t arrived;
	int signals[16];
	int count;
	int again; /* how often to ask for a repetition */
};

static bool take(void *ctx, int sig)
{
	struct seen *s = ctx;

	if (s->count < 16)
		s->signals[s->count++] = sig;
	sem_post(&s->arrived);
	return s->again-- > 0;
}

static void hang_up(void *ctx)
{
	take(ctx, SIGHUP);
}

static void wait_for(struct seen *s, int count)
{
	while (count--)
		assert_int_equal(sem_wait(&s->arrived), 0);
}

static void test_calls(void **state)
{
	struct seen ended = {.again = 2}, hung = {.again = 0};
	struct signals *s = NULL;

	(void)state;
	sem_init(&ended.arrived, 0, 0);
	sem_init(&hung.arrived, 0, 0);
	assert_int_equal(signals_new(&s), 0);
	kill(getpid(), SIGHUP); /* nothing is to happen */
	signals_attach(s, take, &ended);
	signals_on_hangup(s, hang_up, &hung);
	kill(getpid(), SIGTERM);
	wait_for(&ended, 3);
	kill(getpid(), SIGHUP);
	wait_for(&hung, 1);
	kill(getpid(), SIGINT);
	wait_for(&ended, 1);
	signals_free(s);
	assert_int_equal(ended.count, 4);
	assert_int_equal(ended.signals[0], SIGTERM);
	assert_int_equal(ended.signals[1], 0);
	assert_int_equal(ended.signals[2], 0);
	assert_int_equal(ended.signals[3], SIGINT);
	assert_int_equal(hung.signals[0], SIGHUP);
	sem_destroy(&ended.arrived);
	sem_destroy(&hung.arrived);
}

/* With nothing attached a signal ends the process. */
static void test_default(void **state)
{
	int status = 0;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		struct signals *s = NULL;

		if (signals_new(&s))
			_exit(9);
		kill(getpid(), SIGTERM);
		sleep(30);
		_exit(8);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_calls),
	};

	signals_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
