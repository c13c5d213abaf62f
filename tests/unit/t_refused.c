/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that are listed and must not be read: of another account, or under
 * a key that is not ours.
 */
#include "vfs_rig.h"

#include <linux/fs.h>

#include "vers3/vfs/dir.h"

#define ALWAYS 100000

static const int refusals[] = {-EACCES, -EINVAL}; /* 403, 400 */
#define REFUSALS (sizeof(refusals) / sizeof(*refusals))

/* From now on nobody may read d/no (not even look), nor copy it. */
static void refuse(struct rig *r, const char *match, int error)
{
	rig_fail(r, match, RIG_BEFORE, error, ALWAYS);
}

static void allow(struct rig *r)
{
	rig_fail(r, "none", RIG_BEFORE, 0, 0);
}

static void put_some(struct rig *r)
{
	rig_put_text(r, "d/a", "some");
	rig_put_mode(r, "d/no", "theirs", "0100640");
	rig_put_text(r, "d/z", "more");
}

static void test_stat(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	struct vfs_file *file;
	struct vfs_open how;
	struct stat st = {.st_mode = 0600, .st_size = 1};
	struct buf buf;
	char names[64];

	put_some(r);
	for (size_t i = 0; i < REFUSALS; i++) {
		rig_put_text(r, "d/no", i ? "theirs" : "THEIRS");
		refuse(r, "HeadObject d/no", refusals[i]);
		assert_int_equal(rig_list(r, "d", true, names, sizeof(names)),
				 0);
		assert_string_equal(names, "a no z");
		assert_int_equal(rig_lookup(r, "d/no", &e), 0);
		assert_int_equal(e.st.st_mode, S_IFREG);
		assert_int_equal(e.st.st_size, 6);
		assert_int_equal(e.st.st_uid, 1);
		assert_int_equal(vfs_getattr(r->f.v, e.ino, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG);
		/* It can be neither read nor changed. */
		assert_int_equal(vfs_open(r->f.v, e.ino, O_RDONLY, &file, &how),
				 -EACCES);
		assert_int_equal(vfs_open(r->f.v, e.ino, O_WRONLY, &file, &how),
				 -EACCES);
		assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_MODE,
					     &st),
				 -EACCES);
		st.st_size = 1;
		assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_SIZE,
					     &st),
				 -EACCES);
		assert_int_equal(vfs_setxattr(r->f.v, e.ino, "user.a", "b", 1,
					      0),
				 -EACCES);
		assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "l",
					  &e),
				 -EACCES);
		assert_int_equal(rig_try_rename(r, "d/no", "d/yes", 0),
				 -EACCES);
		assert_int_equal(rig_lookup(r, "d/no", &e), 0);
		buf_init(&buf, 1024);
		assert_int_equal(vfs_listxattr(r->f.v, e.ino, &buf), 0);
		assert_int_equal(buf.len, 0);
		assert_int_equal(vfs_getxattr(r->f.v, e.ino, "user.a", &buf),
				 -ENODATA);
		buf_release(&buf);
		assert_int_equal(rig_dirty(r), 0);
		/* As soon as it may be read it is. */
		allow(r);
		rig_is(r, "d/no", i ? "theirs" : "THEIRS");
	}
	assert_int_equal(rig_lookup(r, "d/no", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG | 0644);
}

/* Who goes through the directory does not ask for it again and again. */
static void test_asked_once(void **state)
{
	struct rig *r = *state;
	char names[64];
	struct vfs_entry e;

	put_some(r);
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	refuse(r, "HeadObject d/no", -EACCES);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rig_list(r, "d", true, names, sizeof(names)),
				 0);
		assert_int_equal(rig_lookup(r, "d/no", &e), 0);
		assert_int_equal(vfs_getattr(r->f.v, e.ino, &e.st), 0);
	}
	assert_int_equal(rig_count(r, "HeadObject d/no"), 1);
}

static void test_replace(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	struct stat st = {.st_size = 0};

	for (size_t i = 0; i < REFUSALS; i++) {
		put_some(r);
		rig_put_text(r, "d/no2", "");
		rig_put_text(r, "d/no3", "x");
		rig_put_text(r, "d/no4", "x");
		refuse(r, "HeadObject d/no", refusals[i]);
		rig_unlink(r, "d/no");
		rig_write(r, "d/no2", "ours");
		rig_rename(r, "d/a", "d/no3");
		assert_int_equal(rig_lookup(r, "d/no4", &e), 0);
		assert_int_equal(
			vfs_setattr(r->f.v, e.ino, &st, VFS_SET_SIZE, &st), 0);
		assert_int_equal(rig_lookup(r, "d/no2", &e), 0);
		assert_int_equal(e.st.st_mode, S_IFREG | 0644);
		rig_sync(r);
		rig_holds(r, "d/no", NULL);
		rig_holds(r, "d/no2", "ours");
		rig_holds(r, "d/no3", "some");
		rig_holds(r, "d/no4", "");
		rig_lists(r, "d", "no2 no3 no4 z");
		allow(r);
		rig_is(r, "d/no2", "ours");
		rig_unlink(r, "d/no2");
		rig_unlink(r, "d/no3");
		rig_unlink(r, "d/no4");
		rig_unlink(r, "d/z");
		assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
		rig_sync(r);
		rig_lists(r, "", "");
	}
}

/* The old name stays until the server has made the new one. */
static void test_move_directory(void **state)
{
	struct rig *r = *state;
	uint64_t left;

	put_some(r);
	refuse(r, "CopyObject e/no", -EACCES);
	rig_rename(r, "d", "e");
	assert_int_equal(rig_try_sync(r, &left), -EACCES);
	rig_holds(r, "d/a", NULL);
	rig_holds(r, "e/a", "some");
	rig_holds(r, "d/no", "theirs");
	rig_kill(r);
	assert_int_equal(rig_try_sync(r, &left), -EACCES);
	rig_holds(r, "d/no", "theirs");
	allow(r);
	rig_sync(r);
	rig_holds(r, "d/no", NULL);
	rig_holds(r, "e/no", "theirs");
}

/* A directory's own object. */
static void test_directory(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	rig_put_mode(r, "d/", "", "040755");
	put_some(r);
	refuse(r, "HeadObject d/", -EACCES);
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFDIR | 0700);
	rig_lists(r, "d", "a no z");
	rig_unlink(r, "d/a");
	rig_unlink(r, "d/no");
	rig_unlink(r, "d/z");
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
	rig_sync(r);
	rig_lists(r, "", "");
	rig_holds(r, "d/", NULL);
}

/* One of a large directory, whose names are asked for alone. */
static void test_large(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	char key[32];

	for (int i = 0; i < 2500; i++) {
		snprintf(key, sizeof(key), "d/f%04d", i);
		rig_put(r, key, "x", 1);
	}
	refuse(r, "HeadObject d/f2", -EACCES);
	assert_int_equal(rig_lookup(r, "d/f2000", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG);
	assert_int_equal(e.st.st_size, 1);
	assert_int_equal(rig_there(r, "d/f2"), -ENOENT);
	assert_int_equal(rig_there(r, "d/f200"), -ENOENT);
	rig_unlink(r, "d/f2000");
	rig_sync(r);
	rig_holds(r, "d/f2000", NULL);
}

static bool is_conditional(const struct store_request *r)
{
	for (size_t i = 0; i < r->delete_count; i++)
		if (r->deletes[i].if_match)
			return true;
	return r->if_match;
}

static struct fault_decision no_looks(void *ctx, const struct store_request *r)
{
	struct fault_decision d = {.kind = FAULT_NONE};

	(void)ctx;
	if (r->op == STORE_HEAD || is_conditional(r))
		d = (struct fault_decision){.kind = FAULT_STATUS,
					    .status = 403,
					    .code = "AccessDenied"};
	return d;
}

/* Where the right to read is wanted for a condition, too. */
static void test_conditions(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "a", "theirs");
	rig_put_text(r, "b", "theirs");
	rig_put_text(r, "c", "theirs");
	assert_int_equal(
		fault_store_new(no_looks, NULL, &r->f.store, &r->f.store), 0);
	rig_restart(r);
	rig_unlink(r, "a");
	rig_sync(r);
	rig_holds(r, "a", NULL);
	rig_unlink(r, "b");
	rig_write(r, "c", "ours");
	rig_sync(r);
	rig_holds(r, "b", NULL);
	rig_holds(r, "c", "ours");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_stat),
		RIG_TEST(test_asked_once),
		RIG_TEST(test_replace),
		RIG_TEST(test_move_directory),
		RIG_TEST(test_directory),
		RIG_TEST(test_large),
		RIG_TEST(test_conditions),
		RIG_TEST_UNVERSIONED(test_replace),
		RIG_TEST_UNVERSIONED(test_move_directory),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
