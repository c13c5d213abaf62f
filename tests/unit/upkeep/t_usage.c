/* SPDX-License-Identifier: Apache-2.0 */
#include "../vfs_rig.h"

#include "../control_rig.h"

#define TEXT_MAX (64 << 10)

/* The answer to a command is exactly this. */
static void says(struct rig *r, const char *line, const char *want)
{
	char *answer = malloc(TEXT_MAX);

	assert_non_null(answer);
	assert_int_equal(control_run(r->f.v, line, answer, TEXT_MAX), 0);
	assert_string_equal(answer, want);
	free(answer);
}

static void test_counts(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "a", "1");
	rig_put_text(r, "a", "22");
	rig_put_text(r, "a/b", "333");
	rig_put_text(r, "aa", "4444");
	rig_put_text(r, "gone", "55555");
	rig_remove(r, "gone");
	says(r, "usage",
	     "[usage]\n"
	     "\tpath = /\n"
	     "\tobjects = 3\n"
	     "\tbytes = 9\n"
	     "\tnoncurrent = 2\n"
	     "\tnoncurrentBytes = 6\n"
	     "\tmarkers = 1\n");
	/* A key and what is below it, not what begins with the same letters. */
	says(r, "usage a",
	     "[usage]\n"
	     "\tpath = a\n"
	     "\tobjects = 2\n"
	     "\tbytes = 5\n"
	     "\tnoncurrent = 1\n"
	     "\tnoncurrentBytes = 1\n"
	     "\tmarkers = 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
