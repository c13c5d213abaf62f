/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of directories, DIR/, that have bytes: others put them there,
 * and nothing here may take them away.
 */
#include "../vfs_rig.h"

static void put_tree(struct rig *r)
{
	rig_put_mode(r, "d/", "of d", "0040750");
	rig_put_mode(r, "d/s/", "of s", "0040710");
	rig_put_mode(r, "d/empty/", "", "0040711");
	rig_put_text(r, "d/f", "file");
}

/* chmod, times and attributes make a new version of the same bytes. */
static void test_attributes(void **state)
{
	struct rig *r = *state;
	uint64_t ino;

	put_tree(r);
	rig_chmod(r, "d", 0700);
	rig_sync(r);
	rig_holds(r, "d/", "of d");
	rig_mode_is(r, "d/", "0040700");
	rig_utimens(r, "d", 5 * NS_PER_S);
	rig_sync(r);
	rig_holds(r, "d/", "of d");
	ino = vfs_fixture_find(&r->f, "d");
	assert_int_equal(vfs_setxattr(r->f.v, ino, "user.a", "1", 1, 0), 0);
	rig_sync(r);
	rig_holds(r, "d/", "of d");
	rig_forget(r);
	rig_chmod(r, "d", 0711);
	rig_sync(r);
	rig_holds(r, "d/", "of d");
	rig_mode_is(r, "d/", "0040711");
	rig_lists(r, "d", "empty/ f s/");
}

/* With all that is in it, whether anybody has asked for that before or not. */
static void test_rename(void **state)
{
	struct rig *r = *state;

	put_tree(r);
	rig_lists(r, "d", "empty/ f s/");
	rig_lists(r, "d/s", "");
	rig_lists(r, "d/empty", "");
	rig_rename(r, "d", "e");
	rig_sync(r);
	rig_holds(r, "e/", "of d");
	rig_holds(r, "e/s/", "of s");
	rig_holds(r, "e/f", "file");
	rig_mode_is(r, "e/", "0040750");
	rig_mode_is(r, "e/s/", "0040710");
	rig_mode_is(r, "e/empty/", "0040711");
	rig_holds(r, "d/", NULL);
	rig_holds(r, "d/s/", NULL);
	rig_rename(r, "e", "d");
	rig_chmod(r, "d", 0700);
	rig_rename(r, "d", "g");
	rig_sync(r);
	rig_holds(r, "g/", "of d");
	rig_holds(r, "g/s/", "of s");
	rig_mode_is(r, "g/", "0040700");
	rig_holds(r, "e/", NULL);
	rig_forget(r);
	rig_lists(r, "g", "empty/ f s/");
}

/* The same when nothing in it was ever looked at. */
static void test_rename_cold(void **state)
{
	struct rig *r = *state;

	put_tree(r);
	rig_rename(r, "d", "e");
	rig_sync(r);
	rig_holds(r, "e/", "of d");
	rig_holds(r, "e/s/", "of s");
	rig_holds(r, "e/f", "file");
	rig_mode_is(r, "e/s/", "0040710");
	rig_mode_is(r, "e/empty/", "0040711");
	rig_forget(r);
	rig_lists(r, "", "e/");
}

/* Others have written it anew, or deleted it, since it was looked at. */
static void test_others(void **state)
{
	struct rig *r = *state;

	put_tree(r);
	rig_chmod(r, "d", 0700);
	rig_put_text(r, "d/", "of others");
	rig_sync(r);
	if (r->f.config.versioned)
		assert_int_equal(rig_versions(r, "d/"), 3);
	rig_holds(r, "d/", "of others");
	rig_mode_is(r, "d/", "0040700");
	rig_chmod(r, "d/s", 0700);
	rig_remove(r, "d/s/");
	rig_sync(r);
	rig_holds(r, "d/s/", "");
	rig_mode_is(r, "d/s/", "0040700");
}

/* The same before it is moved; nothing that was never asked for is made up. */
static void test_others_moved(void **state)
{
	struct rig *r = *state;

	put_tree(r);
	rig_lists(r, "d", "empty/ f s/");
	rig_rename(r, "d", "e");
	rig_put_mode(r, "d/s/", "", "0040700");
	rig_put_mode(r, "d/empty/", "of others", "0040710");
	rig_sync(r);
	rig_holds(r, "e/s/", "");
	rig_mode_is(r, "e/s/", "0040700");
	rig_holds(r, "e/empty/", "of others");
	rig_mode_is(r, "e/empty/", "0040710");
}

/* All that was ever in it is in .versions, to be read and copied. */
static void test_versions(void **state)
{
	struct rig *r = *state;
	char names[1024], path[1200], *rest = NULL, *name;
	struct vfs_entry e;
	int count = 0;

	put_tree(r);
	rig_put_mode(r, "d/", "of others", "0040750");
	rig_lists(r, "", "d/");
	rig_list(r, ".versions/d/.object", false, names, sizeof(names));
	for (name = strtok_r(names, " ", &rest); name;
	     name = strtok_r(NULL, " ", &rest)) {
		snprintf(path, sizeof(path), ".versions/d/.object/%s", name);
		assert_int_equal(rig_lookup(r, path, &e), 0);
		assert_int_equal(e.st.st_mode, S_IFREG | 0440);
		rig_is(r, path, count++ ? "of others" : "of d");
	}
	assert_int_equal(count, 2);
	assert_int_equal(rig_lookup(r, ".versions/d/.object/f", &e), -ENOENT);
	assert_int_equal(rig_lookup(r, ".versions/.object", &e), -ENOENT);
	assert_int_equal(rig_lookup(r, ".versions/d/f/.object", &e), -ENOENT);
}

/* What is neither file nor directory, with bytes. */
static void test_special(void **state)
{
	struct rig *r = *state;

	rig_put_mode(r, "p", "bytes", "0010644");
	rig_chmod(r, "p", 0600);
	rig_sync(r);
	rig_holds(r, "p", "bytes");
	rig_mode_is(r, "p", "0010600");
	rig_rename(r, "p", "q");
	rig_sync(r);
	rig_holds(r, "q", "bytes");
	rig_holds(r, "p", NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_attributes),
		RIG_TEST_UNVERSIONED(test_attributes),
		RIG_TEST(test_rename),
		RIG_TEST_UNVERSIONED(test_rename),
		RIG_TEST(test_rename_cold),
		RIG_TEST_UNVERSIONED(test_rename_cold),
		RIG_TEST(test_others),
		RIG_TEST_UNVERSIONED(test_others),
		RIG_TEST(test_others_moved),
		RIG_TEST_UNVERSIONED(test_others_moved),
		RIG_TEST(test_versions),
		RIG_TEST(test_special),
		RIG_TEST_UNVERSIONED(test_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
