/* SPDX-License-Identifier: Apache-2.0 */
/* Which process a line of mount(8)'s notes is of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/util/utab.h"

static const struct {
	const char *text, *mountpoint;
	long pid;
} cases[] = {
	{"", "/mnt", 0},
	{"SRC=b TARGET=/mnt ROOT=/ OPTS=_netdev,x-vers3=7\n", "/mnt", 7},
	{"SRC=b TARGET=/mnt ROOT=/ OPTS=x-vers3=7,_netdev\n", "/mnt", 7},
	{"ID=5 SRC=b TARGET=/mnt ROOT=/ ATTRS=a OPTS=x-vers3=7", "/mnt", 7},
	{"SRC=b TARGET=/mnt ROOT=/ OPTS=_netdev,x-vers3=7\n", "/mn", 0},
	{"SRC=b TARGET=/mnt ROOT=/ OPTS=_netdev,x-vers3=7\n", "/mnt/a", 0},
	{"SRC=b TARGET=/mnt ROOT=/ OPTS=_netdev\n", "/mnt", 0},
	{"SRC=b TARGET=/mnt ROOT=/ OPTS=user=x-vers3=7\n", "/mnt", 0},
	{"SRC=x-vers3=7 TARGET=/mnt ROOT=/ OPTS=user=a\n", "/mnt", 0},
	{"SRC=b TARGET=/a\\040b\\134 ROOT=/ OPTS=x-vers3=7\n", "/a b\\", 7},
	{"SRC=b TARGET=/a\\04 ROOT=/ OPTS=x-vers3=7\n", "/a\\04", 7},
	/* The last one is on top. */
	{"SRC=b TARGET=/mnt OPTS=x-vers3=7\nSRC=b TARGET=/mnt OPTS=x-vers3=8\n",
	 "/mnt", 8},
	{"SRC=b TARGET=/mnt OPTS=x-vers3=7\nSRC=b TARGET=/mnt OPTS=user=a\n",
	 "/mnt", 0},
	{"SRC=b TARGET=/mnt OPTS=x-vers3=7\nSRC=b TARGET=/b OPTS=x-vers3=8\n",
	 "/mnt", 7},
	{"nonsense\n\nTARGET\n", "/mnt", 0},
};

static void test_lines(void **state)
{
	char path[] = "/tmp/t_utab.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = strlen(cases[i].text);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, cases[i].text, len, 0), len);
		if (utab_pid(path, cases[i].mountpoint) != cases[i].pid)
			fail_msg("case %zu: %s", i, cases[i].text);
	}
	close(fd);
	unlink(path);
	assert_int_equal(utab_pid(path, "/mnt"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
