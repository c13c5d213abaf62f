/* SPDX-License-Identifier: Apache-2.0 */
/* An assertion that fails in the wrong thread is not silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *fail_here(void *arg)
{
	(void)arg;
	assert_int_equal(17, 39);
	return NULL;
}

/* A child, in which it happens; its words go to fd. */
static void be_child(int fd)
{
	const struct rlimit none = {0, 0};
	pthread_t thread;

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGABRT, SIG_DFL);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (!pthread_create(&thread, NULL, fail_here, NULL))
		pthread_join(thread, NULL);
	_exit(0);
}

static void test_other_thread(void **state)
{
	char said[4096] = "";
	size_t len = 0;
	ssize_t n;
	pid_t child;
	int fds[2], status;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	child = fork();
	assert_int_not_equal(child, -1);
	if (!child)
		be_child(fds[1]);
	close(fds[1]);
	while ((n = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	said[len] = '\0';
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(said, "0x11 != 0x27"));
	assert_non_null(strstr(said, "t_outcry.c:"));
	assert_non_null(strstr(said, "other than the test's"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
