/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/env.h"

/* So often does a variable, "NAME=value", stand there. */
static unsigned count_of(char **env, const char *var)
{
	unsigned count = 0;

	for (; *env; env++)
		count += !strcmp(*env, var);
	return count;
}

static int setup(void **state)
{
	(void)state;
	return clearenv() || setenv("PATH", "/bin", 1) ||
	       setenv("AWS_SECRET_ACCESS_KEY", "secret", 1) ||
	       setenv("AWS_ACCESS_KEY_ID", "id", 1) || setenv("AWS", "a", 1) ||
	       setenv("MY_AWS_KEY", "mine", 1) || setenv("NAMES", "n", 1);
}

static void test_keys(void **state)
{
	char **env = env_without_keys(NULL);

	(void)state;
	assert_non_null(env);
	assert_int_equal(count_of(env, "PATH=/bin"), 1);
	assert_int_equal(count_of(env, "AWS=a"), 1);
	assert_int_equal(count_of(env, "MY_AWS_KEY=mine"), 1);
	assert_int_equal(count_of(env, "NAMES=n"), 1);
	assert_null(env[4]);
	free(env);
}

/* It takes the place of what has its name, and of that alone. */
static void test_extra(void **state)
{
	char name[] = "NAME=new", path[] = "PATH=/sbin";
	char **env = env_without_keys(name);

	(void)state;
	assert_non_null(env);
	assert_int_equal(count_of(env, name), 1);
	assert_int_equal(count_of(env, "NAMES=n"), 1);
	assert_null(env[5]);
	free(env);
	env = env_without_keys(path);
	assert_non_null(env);
	assert_int_equal(count_of(env, path), 1);
	assert_int_equal(count_of(env, "PATH=/bin"), 0);
	assert_null(env[4]);
	free(env);
}

static void test_empty(void **state)
{
	char **env;

	(void)state;
	assert_int_equal(clearenv(), 0);
	assert_int_equal(setenv("AWS_PROFILE", "p", 1), 0);
	env = env_without_keys(NULL);
	assert_non_null(env);
	assert_null(env[0]);
	free(env);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_keys, setup),
		cmocka_unit_test_setup(test_extra, setup),
		cmocka_unit_test_setup(test_empty, setup),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
