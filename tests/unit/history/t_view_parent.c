/* SPDX-License-Identifier: Apache-2.0 */
/* Where the directories of the versions view hang. */
#include "../vfs_rig.h"

static uint64_t parent_of(struct rig *r, const char *path)
{
	struct vfs_entry e;

	assert_int_equal(vfs_parent(r->f.v, rig_ino(r, path), &e), 0);
	assert_true(S_ISDIR(e.st.st_mode));
	return e.ino;
}

static void save(struct rig *r)
{
	struct vfs_entry e;

	rig_mkdir(r, "d");
	rig_mkdir(r, "d/sub");
	rig_write(r, "d/sub/f", "one");
	rig_sync(r);
	assert_int_equal(vfs_mkdir(r->f.v, MOUNT_VERSIONS_INO, "@p", 0755,
				   &vfs_fixture_caller, &e),
			 0);
}

static void test_names(void **state)
{
	static const struct {
		const char *path, *parent;
	} cases[] = {
		{".versions", ""},
		{".versions/d", ".versions"},
		{".versions/d/sub", ".versions/d"},
		/* A file's history is a directory. */
		{".versions/d/sub/f", ".versions/d/sub"},
		{"d/.versions", "d"},
		{"d/.versions/sub", "d/.versions"},
		{"d/sub/.versions", "d/sub"},
		{"d/sub/.versions/f", "d/sub/.versions"},
		{".versions/@p", ".versions"},
		{".versions/@p/d", ".versions/@p"},
		{".versions/@p/d/sub", ".versions/@p/d"},
		{"d/.versions/@p", "d/.versions"},
		{"d/.versions/@p/sub", "d/.versions/@p"},
		{".versions/@GMT", ".versions"},
	};
	struct rig *r = *state;

	save(r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(parent_of(r, cases[i].path),
				 rig_ino(r, cases[i].parent));
}

/* What is no directory hangs nowhere. */
static void test_files(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	save(r);
	assert_int_equal(vfs_parent(r->f.v, rig_ino(r, ".versions/@p/d/sub/f"),
				    &e),
			 -ENOTDIR);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_names),
		RIG_TEST(test_files),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
