/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the user's: what they get, and how long they may take. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/util/clock.h"
#include "vers3/util/command.h"

#define LONG_NS (60 * NS_PER_S)

/* Its output, as a string, with blanks for line feeds. */
static void run(const char *command, char *text, size_t size)
{
	size_t len;
	int status;

	assert_int_equal(command_read(command, LONG_NS, text, size - 1, &len,
				      &status),
			 0);
	assert_int_equal(status, 0);
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

/* Nothing of this process goes to it. */
static void test_inherits(void **state)
{
	char text[4096], path[] = "/tmp/t_command.XXXXXX";
	int fd = mkstemp(path), loose = dup(fd);
	mode_t before = umask(0);
	sigset_t term;

	(void)state;
	assert_true(fd >= 0 && loose >= 0);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	signal(SIGPIPE, SIG_IGN);
	run("ls /proc/self/fd", text, sizeof(text));
	assert_string_equal(text, "0 1 2 3"); /* the last one is of ls */
	run("umask", text, sizeof(text));
	assert_string_equal(text, "0077");
	run("cat", text, sizeof(text));
	assert_string_equal(text, "");
	run("sed -n 's/^SigBlk:\t0*/blocked /p' /proc/self/status", text,
	    sizeof(text));
	assert_string_equal(text, "blocked ");
	run("echo $((0x$(sed -n 's/^SigIgn:\t//p' /proc/self/status)"
	    " & 0x1000))",
	    text, sizeof(text));
	assert_string_equal(text, "0"); /* SIGPIPE */
	run("echo one; echo two", text, sizeof(text));
	assert_string_equal(text, "one two");
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	umask(before);
	close(loose);
	close(fd);
	unlink(path);
}

static void test_ends(void **state)
{
	char text[16];
	size_t len;
	int status;

	(void)state;
	assert_int_equal(command_read("exit 3", LONG_NS, text, sizeof(text),
				      &len, &status),
			 0);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(command_read("printf 0123456789abcdef", LONG_NS, text,
				      sizeof(text), &len, &status),
			 0);
	assert_int_equal(len, sizeof(text));
	assert_int_equal(command_read("printf 0123456789abcdefg", LONG_NS, text,
				      sizeof(text), &len, &status),
			 -EMSGSIZE);
	assert_int_equal(command_read("yes", LONG_NS, text, sizeof(text), &len,
				      &status),
			 -EMSGSIZE);
}

/* It is ended in time, and so is what it has started. */
static void test_limit(void **state)
{
	int64_t begin = clock_mono_ns();
	char command[128], path[] = "/tmp/t_command.XXXXXX", text[64];
	int fd = mkstemp(path), status;
	size_t len;
	long pid;
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	snprintf(command, sizeof(command), "sleep 1000 & echo $! >%s; wait",
		 path);
	assert_int_equal(command_read(command, NS_PER_S, text, sizeof(text),
				      &len, &status),
			 -ETIMEDOUT);
	assert_true(clock_mono_ns() - begin < LONG_NS);
	f = fdopen(fd, "r");
	assert_int_equal(fscanf(f, "%ld", &pid), 1);
	fclose(f);
	unlink(path);
	/* The one that adopts it may not have reaped it yet. */
	snprintf(command, sizeof(command),
		 "while grep -qs '^State:.[^ZX]' /proc/%ld/status; "
		 "do sleep 0.1; done",
		 pid);
	run(command, text, sizeof(text));
}

/* One that stays behind with our pipe is not waited for. */
static void test_leaves_behind(void **state)
{
	int64_t begin = clock_mono_ns();
	char text[64];
	long pid;

	(void)state;
	run("sleep 1000 & echo $!", text, sizeof(text));
	assert_true(clock_mono_ns() - begin < LONG_NS);
	pid = strtol(text, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

static int setup(void **state)
{
	int null = open("/dev/null", O_RDONLY);

	(void)state;
	/* No terminal, wherever this runs. */
	dup2(null, STDIN_FILENO);
	close(null);
	return 0;
}

/* A program of the system's: with what it is given, and nothing else. */
static void test_tool(void **state)
{
	const char *const good[] = {
		"/bin/sh",
		"-c",
		"[ $(umask) = 0022 ] && [ -z \"$HOME\" ] && "
		"[ \"$1\" = 'a b' ] && exit 7",
		"sh",
		"a b",
		NULL};
	const char *const none[] = {"/nonexistent/tool", NULL};
	const char *const slow[] = {"/bin/sleep", "1000", NULL};
	mode_t before = umask(077);
	int64_t begin;
	int status;

	(void)state;
	setenv("HOME", "/somewhere", 1);
	assert_int_equal(command_tool(good, LONG_NS, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(command_tool(none, LONG_NS, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 127);
	begin = clock_mono_ns();
	assert_int_equal(command_tool(slow, NS_PER_S / 10, &status),
			 -ETIMEDOUT);
	assert_true(clock_mono_ns() - begin < LONG_NS);
	umask(before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inherits),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_leaves_behind),
		cmocka_unit_test(test_tool),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
