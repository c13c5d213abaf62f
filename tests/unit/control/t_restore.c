/* SPDX-License-Identifier: Apache-2.0 */
/* A restore while others write; t_control.c has what it does without them. */
#include "../upkeep/answer_rig.h"

static void write_over(struct rig *r)
{
	rig_write(r, "file", "unsent");
}

/* What was written since the sync is in no version, and stays. */
static void test_written_meanwhile(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	assert_int_equal(vfs_symlink(r->f.v, META_ROOT_INO, "link", "target",
				     &vfs_fixture_caller, &e),
			 0);
	rig_write(r, "file", "one");
	rig_write(r, "same", "two");
	rig_sync(r);
	rig_hook(r, "HeadObject same", write_over, 1);
	fails(r, "restore same @0s file\n", -EBUSY, "file: ");
	rig_is(r, "file", "unsent");
	rig_sync(r);
	/* Another kind of file would take its place. */
	rig_hook(r, "HeadObject link", write_over, 1);
	fails(r, "restore link @0s file\n", -EBUSY, "file: ");
	rig_is(r, "file", "unsent");
	rig_sync(r);
	rig_holds(r, "file", "unsent");
	SAYS(r, "restore link @0s file", "file: restored version ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_written_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
