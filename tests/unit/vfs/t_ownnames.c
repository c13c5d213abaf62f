/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .versions and .control under other names, or none: then those are names as
 * all others, also of what an earlier mount has listed.
 */
#include "../vfs_rig.h"

#include "vers3/util/control_ioctl.h"

static void mount_again(struct rig *r, const char *versions,
			const char *control)
{
	r->f.config.versions_name = versions;
	r->f.config.control_name = control;
	rig_restart(r);
}

static bool is_control(struct rig *r, const char *name)
{
	struct vfs_entry e;

	return !rig_lookup(r, name, &e) && e.ino == MOUNT_CONTROL_INO;
}

static bool is_history(struct rig *r, const char *name)
{
	struct vfs_entry e;

	return !rig_lookup(r, name, &e) && e.ino == MOUNT_VERSIONS_INO;
}

/* What vers3ctl is told. */
static void tells(struct rig *r, const char *name)
{
	struct buf value;
	int rc;

	buf_init(&value, 4096);
	rc = vfs_getxattr(r->f.v, META_ROOT_INO, CONTROL_VERSIONS_XATTR,
			  &value);
	assert_int_equal(rc, name ? 0 : -ENODATA);
	if (name)
		assert_string_equal(value.data, name);
	buf_release(&value);
	/* Under this name it is always there. */
	assert_true(is_control(r, CONTROL_ANY_NAME));
}

static int try_mkdir(struct rig *r, const char *path)
{
	const char *name;
	uint64_t parent = vfs_fixture_parent(&r->f, path, &name);
	struct vfs_entry e;

	return vfs_mkdir(r->f.v, parent, name, 0755, &vfs_fixture_caller, &e);
}

static void test_usual(void **state)
{
	struct rig *r = *state;

	rig_run_keys(r, ".versions/a .control d/.versions/x d/f f");
	rig_lists(r, "", "d/ f");
	assert_true(is_history(r, ".versions"));
	assert_true(is_control(r, ".control"));
	rig_is(r, "d/.versions/x", "d/.versions/x");
	tells(r, ".versions");
	assert_int_equal(try_mkdir(r, ".versions"), -EPERM);
	assert_int_equal(try_mkdir(r, ".control"), -EPERM);
	r->f.config.versions = MOUNT_VERSIONS_OFF;
	rig_restart(r);
	tells(r, NULL);
	assert_int_equal(rig_there(r, ".versions"), -ENOENT);
}

static void test_others(void **state)
{
	struct rig *r = *state;

	/* What is in the bucket, and was listed by a mount that hid it. */
	rig_run_keys(r, ".versions/a .control d/f history/x state f");
	rig_lists(r, "", "d/ f history/ state");
	r->f.config.ttl_ns = 3600 * NS_PER_S;
	mount_again(r, "history", "state");
	rig_lists(r, "", ".control .versions/ d/ f");
	rig_is(r, ".versions/a", ".versions/a");
	rig_is(r, ".control", ".control");
	assert_true(is_history(r, "history"));
	assert_true(is_control(r, "state"));
	tells(r, "history");
	assert_int_equal(try_mkdir(r, "history"), -EPERM);
	assert_int_equal(rig_try_rename(r, "f", "state", 0), -EPERM);
	assert_int_equal(rig_there(r, "d/history/f"), 0);

	/* A tree that has such names is copied in. */
	rig_mkdir(r, "d/.versions");
	rig_write(r, "d/.versions/y", "y");
	rig_write(r, ".versions/b", "b");
	rig_write(r, ".control", "written");
	rig_write(r, "d/.control", "too");
	rig_sync(r);
	rig_holds(r, "d/.versions/y", "y");
	rig_holds(r, ".versions/b", "b");
	rig_holds(r, ".control", "written");
	rig_lists(r, "history", ".control/ .versions/ d/ f/ state/");
	rig_lists(r, "history/.versions", "a/ b/");
	rig_lists(r, "d", ".control .versions/ f");
	rig_lists(r, "d/history", ".control/ .versions/ f/");
	rig_rename(r, ".versions", "d/old");
	rig_sync(r);
	rig_lists(r, "", ".control d/ f");

	/* Back again: nothing is lost, and nothing of it is seen. */
	mount_again(r, NULL, NULL);
	rig_lists(r, "", "d/ f history/ state");
	rig_is(r, "history/x", "history/x");
	assert_true(is_control(r, ".control"));
}

static void test_points(void **state)
{
	struct rig *r = *state;

	rig_run_keys(r, ".versions/@p f");
	mount_again(r, "history", NULL);
	assert_int_equal(try_mkdir(r, "history/@q"), 0);
	rig_lists(r, "history", ".versions/ @q/ f/");
	rig_is(r, "history/@q/f", "f");
	rig_lists(r, "history/@q", ".versions/ f");
	rig_lists(r, "", ".versions/ f");
	rig_holds(r, "history/@q", "");
	assert_int_equal(vfs_rmdir(r->f.v, MOUNT_VERSIONS_INO, "@q"), 0);
	rig_holds(r, "history/@q", NULL);
	rig_holds(r, ".versions/@p", ".versions/@p");
	/* One by its name at the mount. */
	mount_again(r, "history", NULL);
	assert_int_equal(rig_there(r, "history/@p"), -ENOENT);
}

static void test_none(void **state)
{
	struct rig *r = *state;

	mount_again(r, "", "");
	rig_lists(r, "", "");
	assert_int_equal(rig_there(r, ".versions"), -ENOENT);
	assert_int_equal(rig_there(r, ".control"), -ENOENT);
	tells(r, NULL);
	rig_mkdir(r, ".versions");
	rig_mkdir(r, ".versions/@2026-01-01");
	rig_write(r, ".versions/@x", "x");
	rig_write(r, ".control", "text");
	rig_sync(r);
	rig_lists(r, "", ".control .versions/");
	rig_lists(r, ".versions", "@2026-01-01/ @x");
	rig_holds(r, ".control", "text");
	rig_forget(r);
	rig_is(r, ".versions/@x", "x");
	rig_unlink(r, ".control");
	rig_sync(r);
	rig_holds(r, ".control", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_usual),
		RIG_TEST(test_others),
		RIG_TEST(test_points),
		RIG_TEST(test_none),
		RIG_TEST_UNVERSIONED(test_none),
	};

	return cmocka_run_group_tests_name("ownnames", tests, NULL, NULL);
}
