/* SPDX-License-Identifier: Apache-2.0 */
/* log, as the control file answers, over a bucket in memory. */
#include "answer_rig.h"

static void fill(struct rig *r)
{
	rig_put_text(r, "a", "1");
	rig_put_text(r, "a", "22");
	rig_put_text(r, "a/b", "333");
	rig_put_text(r, "aa", "4444");
	rig_put_text(r, "gone", "55555");
	rig_remove(r, "gone");
	rig_put_text(r, "gone", "again");
	rig_put_text(r, MOUNT_VERSIONS_NAME "/@point", "");
}

/* In the order of keys, each key's newest first. */
static void test_events(void **state)
{
	struct rig *r = *state;

	fill(r);
	SAYS(r, "log", "[log]\n\titems = \"20", "Z changed ", " a\"\n\titems",
	     "Z created ", " a\"\n\titems", "Z created ", " a/b\"\n",
	     "Z created ", " aa\"\n\titems", "Z created ", " gone\"\n",
	     "Z deleted ", " gone\"\n", "Z created ", " gone\"\n\tcount = 7\n");
	/* A key and what is below it, not what begins with the same letters. */
	SAYS(r, "log a", "Z changed ", " a\"\n", "Z created ", " a\"\n",
	     "Z created ", " a/b\"\n\tcount = 3\n");
	SAYS(r, "log a/b/", " a/b\"\n\tcount = 1\n");
	SAYS(r, "log /", "\tcount = 7\n");
}

/* A directory's own object is told of where it has bytes. */
static void test_own_objects(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "d/", "");
	rig_put_text(r, "e/", "text");
	rig_put_text(r, "e/", "");
	rig_put_text(r, "f/", "text");
	rig_remove(r, "f/");
	SAYS(r, "log", "Z created ", " e/.object\"\n", "Z deleted ",
	     " f/.object\"\n", "Z created ", " f/.object\"\n\tcount = 3\n");
	/* Nothing of it can be told, but it was there. */
	SAYS(r, "log d", "[log]\n\tcount = 0\n");
}

/* Names that no tree shows, and vers3's own. */
static void test_hidden(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "a//b", "1");
	rig_put_text(r, "a/../b", "1");
	rig_put_text(r, MOUNT_OWN_NAME "/x/1", "1");
	SAYS(r, "log", "[log]\n\tcount = 0\n");
}

static void test_nothing(void **state)
{
	struct rig *r = *state;

	SAYS(r, "log", "[log]\n\tcount = 0\n");
	fill(r);
	fails(r, "log none\n", -ENOENT, "log: none: nothing ever was there\n");
	rig_write(r, "unsent", "x");
	fails(r, "log unsent\n", -ENOENT, "nothing ever was there\n");
	fails(r, "log .versions/a\n", -EINVAL,
	      ".versions/a: is no path of a file or directory\n");
	fails(r, "log a b\n", -EINVAL, "usage: log [PATH]\n");
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EACCES, 1);
	fails(r, "log a\n", -EACCES, "log: a: ");
}

/* More than is given at once, and more than a page. */
static void test_many(void **state)
{
	struct rig *r = *state;
	char key[32];

	for (int i = 0; i < 2500; i++) {
		snprintf(key, sizeof(key), "many/%d", i / 2);
		rig_put_text(r, key, i % 2 ? "1" : "2");
	}
	SAYS(r, "log many", " changed ", " many/0\"\n", " created ",
	     " many/0\"\n", " many/999\"\n\tcount = 2500\n");
	assert_int_equal(rig_count(r, "HeadObject"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_events), RIG_TEST(test_own_objects),
		RIG_TEST(test_hidden), RIG_TEST(test_nothing),
		RIG_TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
