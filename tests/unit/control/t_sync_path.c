/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths can be waited for: what is there, was there, and never was. */
#include "../vfs_fixture.h"
#include "../control_rig.h"

#include <errno.h>

#define TEXT_MAX 4096

/* What was changed below a path, it being there or not, and what never was. */
static void test_paths(void **state)
{
	static const struct {
		const char *line;
		int rc;
	} unsent[] = {
		{"sync made\n", 0},	 {"sync made/sub\n", -ENOENT},
		{"sync mad\n", -ENOENT}, {"sync gone\n", 0},
		{"sync dir\n", 0},	 {"sync dir/gone\n", 0},
		{"sync .versions\n", 0},
	};
	struct vfs_fixture *f = *state;
	struct vfs_entry dir;
	char answer[TEXT_MAX];

	vfs_fixture_write(f, "gone", "text");
	assert_int_equal(vfs_mkdir(f->v, META_ROOT_INO, "dir", 0755,
				   &vfs_fixture_caller, &dir),
			 0);
	vfs_fixture_write(f, "dir/gone", "text");
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(vfs_unlink(f->v, META_ROOT_INO, "gone"), 0);
	assert_int_equal(vfs_unlink(f->v, dir.ino, "gone"), 0);
	assert_int_equal(vfs_rmdir(f->v, META_ROOT_INO, "dir"), 0);
	vfs_fixture_write(f, "made", "text");
	/* The first time they may be dirty, the second they are not. */
	for (int sent = 0; sent < 2; sent++) {
		for (size_t i = 0; i < sizeof(unsent) / sizeof(*unsent); i++)
			if (control_run(f->v, unsent[i].line, answer,
					sizeof(answer)) != unsent[i].rc)
				fail_msg("%s: %s", unsent[i].line, answer);
		assert_int_equal(vfs_drain(f->v), 0);
	}
	/* Without versions nothing tells what was there. */
	f->v->mount->config.versioned = false;
	assert_int_equal(
		control_run(f->v, "sync nothing\n", answer, sizeof(answer)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VFS_FIXTURE_TEST(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
