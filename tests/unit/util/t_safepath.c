/* SPDX-License-Identifier: Apache-2.0 */
/* Whose directories and links a path may go through. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/util/safepath.h"

#define OTHER 65534

static char work[PATH_MAX];

static int setup(void **state)
{
	char dir[] = "/tmp/t_safepath.XXXXXX";

	(void)state;
	if (!mkdtemp(dir) || !realpath(dir, work))
		return -1;
	return chdir(work);
}

static int teardown(void **state)
{
	char command[PATH_MAX + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", work);
	return chdir("/") || system(command);
}

/* tests: path below the work directory, and what becomes of it. */
static void leads(const char *path, const char *to)
{
	char reason[256] = "", expected[PATH_MAX + 64], *real = NULL;
	int rc = safepath_resolve(path, reason, sizeof(reason), &real);

	if (rc)
		print_message("%s: %s\n", path, reason);
	assert_int_equal(rc, 0);
	snprintf(expected, sizeof(expected), "%s%s%s", *to == '/' ? "" : work,
		 *to && *to != '/' ? "/" : "", to);
	assert_string_equal(real, expected);
	free(real);
}

static void refused(const char *path, int rc, const char *word)
{
	char reason[256] = "", *real = NULL;

	assert_int_equal(safepath_resolve(path, reason, sizeof(reason), &real),
			 rc);
	assert_null(real);
	assert_non_null(strstr(reason, word));
	assert_null(strchr(reason, '\n'));
}

static void test_paths(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("d", "rel"), 0);
	assert_int_equal(symlink("../rel/x", "d/up"), 0);
	assert_int_equal(symlink("/", "root"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(symlink("d/not/there", "dangling"), 0);
	leads(".", "");
	leads("d", "d");
	leads("./d//../d/", "d");
	leads("rel", "d");
	leads("rel/a/b", "d/a/b");
	leads("d/up", "d/x");
	leads("dangling/y", "d/not/there/y");
	leads("root", "/");
	leads("root/../..", "/");
	leads("/", "/");
	leads("/dev/null", "/dev/null");
	refused("loop", -ELOOP, "loop");
	refused("loop/x", -ELOOP, "loop");
	assert_int_equal(close(open("f", O_CREAT | O_WRONLY, 0600)), 0);
	leads("f", "f");
	refused("f/x", -ENOTDIR, "not a directory");
}

static void test_others(void **state)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		gid_t gid;
		bool good;
	} rows[] = {
		{0700, 0, 0, true},	 {0755, 0, OTHER, true},
		{0775, 0, 0, true},	 {0775, 0, OTHER, false},
		{0777, 0, 0, false},	 {01777, 0, 0, true},
		{01775, 0, OTHER, true}, {0757, 0, 0, false},
		{0700, OTHER, 0, false}, {01777, OTHER, 0, false},
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("d", 0700), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		print_message("%o of %u:%u\n", (unsigned)rows[i].mode,
			      (unsigned)rows[i].uid, (unsigned)rows[i].gid);
		assert_int_equal(chown("d", rows[i].uid, rows[i].gid), 0);
		assert_int_equal(chmod("d", rows[i].mode), 0);
		if (rows[i].good)
			leads("d/x", "d/x");
		else
			refused("d/x", -EPERM, "elsewhere");
		leads("d", "d"); /* the caller's to look at */
	}
	assert_int_equal(chown("d", 0, 0), 0);
	assert_int_equal(chmod("d", 0755), 0);
	assert_int_equal(symlink("d", "link"), 0);
	leads("link/x", "d/x");
	assert_int_equal(lchown("link", OTHER, OTHER), 0);
	refused("link", -EPERM, "belongs to uid 65534");
	refused("link/x", -EPERM, "belongs to uid 65534");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
