/* SPDX-License-Identifier: Apache-2.0 */
/* What others, or a rule of the bucket, remove while it is in use here. */
#include "../vfs_rig.h"

#include "vers3/cache/blocks.h"
#include "vers3/tree/gone.h"

static struct vfs_file *open_saved(struct rig *r, const char *path)
{
	struct vfs_file *file = rig_open(r, path, O_CREAT | O_RDWR);

	rig_pwrite(r, file, 0, "text", 4);
	rig_sync(r);
	/* Without versions nothing else has the bytes once others remove it. */
	blocks_flush(r->f.v->mount->blocks);
	return file;
}

/* A file that is open for writing, and unchanged when others delete it. */
static void test_deleted(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = open_saved(r, "f");
	char buf[8];

	rig_remove(r, "f");
	rig_lists(r, "", "");
	rig_pwrite(r, file, 4, " more", 5);
	rig_lists(r, "", "f");
	rig_is(r, "f", "text more");
	rig_pread(r, file, 0, buf, 4);
	assert_memory_equal(buf, "text", 4);
	assert_int_equal(vfs_fsync(r->f.v, file), 0);
	rig_holds(r, "f", "text more");
	/* Again and again, as a log is. */
	rig_remove(r, "f");
	rig_lists(r, "", "");
	rig_pwrite(r, file, 9, "!", 1);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", "text more!");
	assert_int_equal(rig_conflicts(r), 2);
	rig_unlink(r, "f");
	rig_sync(r);
	rig_lists(r, "", "");
}

/* With the directories that it was in. */
static void test_deleted_tree(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	rig_mkdir(r, "a");
	rig_mkdir(r, "a/b");
	file = open_saved(r, "a/b/f");
	rig_remove(r, "a/b/f");
	rig_remove(r, "a/b/");
	rig_remove(r, "a/");
	rig_lists(r, "", "");
	rig_pwrite(r, file, 0, "T", 1);
	rig_is(r, "a/b/f", "Text");
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "a/b/f", "Text");
	rig_lists(r, "a", "b/");
	rig_lists(r, "", "a/");
}

/* Changes of a directory on the way that leave it where it is do not count. */
static void test_deleted_tree_changed(void **state)
{
	struct rig *r = *state;
	struct vfs_file *f, *g;
	struct vfs_entry a;

	rig_mkdir(r, "a");
	rig_mkdir(r, "a/b");
	f = open_saved(r, "a/b/f");
	g = open_saved(r, "a/b/g");
	rig_remove(r, "a/b/f");
	rig_remove(r, "a/b/g");
	rig_remove(r, "a/b/");
	rig_lists(r, "", "a/");
	rig_lists(r, "a", "");
	rig_chmod(r, "a", 0711);
	assert_int_equal(rig_lookup(r, "a", &a), 0);
	rig_pwrite(r, f, 0, "F", 1);
	rig_sync(r);
	rig_chmod(r, "a/b", 0700);
	rig_pwrite(r, g, 0, "G", 1);
	vfs_release(r->f.v, f);
	vfs_release(r->f.v, g);
	rig_sync(r);
	rig_holds(r, "a/b/f", "Fext");
	rig_holds(r, "a/b/g", "Gext");
}

/* What is not changed stays deleted. */
static void test_unchanged(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = open_saved(r, "f");

	rig_remove(r, "f");
	rig_lists(r, "", "");
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_lists(r, "", "");
	rig_holds(r, "f", NULL);
	assert_int_equal(rig_conflicts(r), 0);
}

static void test_truncated(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = open_saved(r, "f");
	struct vfs_entry e;
	struct stat st = {.st_size = 2};

	assert_int_equal(rig_lookup(r, "f", &e), 0);
	rig_remove(r, "f");
	rig_lists(r, "", "");
	assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_SIZE, &st), 0);
	rig_is(r, "f", "te");
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", "te");
}

/* Ours on top of theirs, as when they change it while ours is not saved. */
static void test_replaced(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = open_saved(r, "f");

	rig_put_text(r, "f", "theirs");
	rig_is(r, "f", "theirs");
	rig_pwrite(r, file, 4, "!", 1);
	rig_is(r, "f", "text!");
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", "text!");
	assert_int_equal(rig_versions(r, "f"), 3);
	assert_int_equal(rig_conflicts(r), 1);
	rig_lists(r, "", "f");
}

/* Not where something else is wanted by now. */
static void test_wanted_else(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = open_saved(r, "f"), *other;
	char buf[8];

	rig_remove(r, "f");
	rig_lists(r, "", "");
	rig_write(r, "f", "mine");
	rig_pwrite(r, file, 0, "T", 1);
	rig_is(r, "f", "mine");
	rig_sync(r);
	rig_holds(r, "f", "mine");
	/* Who writes to the new one keeps it. */
	other = rig_open(r, "f", O_RDWR);
	rig_pwrite(r, file, 1, "E", 1);
	rig_is(r, "f", "mine");
	rig_pread(r, file, 0, buf, 4);
	assert_memory_equal(buf, "TExt", 4);
	vfs_release(r->f.v, other);
	rig_unlink(r, "f");
	rig_pwrite(r, file, 2, "X", 1);
	assert_int_equal(rig_there(r, "f"), -ENOENT);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", NULL);
	/* What we have removed ourselves is gone. */
	file = open_saved(r, "g");
	rig_unlink(r, "g");
	rig_pwrite(r, file, 0, "T", 1);
	assert_int_equal(rig_there(r, "g"), -ENOENT);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "g", NULL);
}

/* So that nothing is needed of what the bucket had. */
static void cut(struct rig *r, uint64_t ino)
{
	struct stat st = {.st_size = 0};

	assert_int_equal(vfs_setattr(r->f.v, ino, &st, VFS_SET_SIZE, &st), 0);
}

/* Nor where that was saved: it is ours. */
static void test_saved_else(void **state)
{
	struct rig *r = *state;

	for (int early = 0; early < 2; early++) {
		struct vfs_file *file = open_saved(r, "f");
		uint64_t ino = rig_ino(r, "f");

		rig_remove(r, "f");
		rig_lists(r, "", "");
		rig_write(r, "f", "mine");
		if (early)
			cut(r, ino);
		rig_sync(r);
		cut(r, ino);
		rig_pwrite(r, file, 0, "old", 3);
		rig_is(r, "f", "mine");
		vfs_release(r->f.v, file);
		rig_sync(r);
		rig_holds(r, "f", "mine");
		/* Nor on top of theirs that was changed here and saved. */
		file = rig_open(r, "f", O_RDWR);
		ino = rig_ino(r, "f");
		rig_put_text(r, "f", "theirs");
		rig_is(r, "f", "theirs");
		rig_write(r, "f", "ours");
		rig_sync(r);
		cut(r, ino);
		rig_is(r, "f", "ours");
		vfs_release(r->f.v, file);
		rig_sync(r);
		rig_holds(r, "f", "ours");
		rig_unlink(r, "f");
		rig_sync(r);
	}
}

/* Nor where it was removed, and that is saved. */
static void test_removed_else(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = open_saved(r, "f");
	uint64_t ino = rig_ino(r, "f");

	rig_remove(r, "f");
	rig_lists(r, "", "");
	rig_write(r, "f", "mine");
	rig_sync(r);
	rig_unlink(r, "f");
	rig_sync(r);
	cut(r, ino);
	assert_int_equal(rig_there(r, "f"), -ENOENT);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", NULL);
}

/* The directories that it was in, too, may be removed here, or moved. */
static void test_removed_way(void **state)
{
	enum {
		EARLY = 1,
		MOVED = 2,
		ANEW = 4,
		ALL = 8
	};
	struct rig *r = *state;
	uint64_t a, ino;

	for (int how = 0; how < ALL; how++) {
		struct vfs_file *file;
		char moved[8], last[8];

		snprintf(moved, sizeof(moved), "c%d", how);
		snprintf(last, sizeof(last), "d%d", how);
		rig_mkdir(r, "a");
		rig_mkdir(r, "a/b");
		file = open_saved(r, "a/b/f");
		ino = rig_ino(r, "a/b/f");
		a = rig_ino(r, "a");
		rig_remove(r, "a/b/f");
		rig_lists(r, "a/b", "");
		if (how & MOVED) {
			rig_rename(r, "a", moved);
		} else {
			assert_int_equal(vfs_rmdir(r->f.v, a, "b"), 0);
			assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "a"),
					 0);
		}
		if (how & EARLY)
			cut(r, ino);
		rig_sync(r);
		if (how & ANEW) {
			rig_mkdir(r, "a");
			rig_mkdir(r, "a/b");
			rig_sync(r);
		}
		cut(r, ino);
		rig_pwrite(r, file, 0, "T", 1);
		assert_int_equal(rig_there(r, "a/b/f"), -ENOENT);
		vfs_release(r->f.v, file);
		rig_sync(r);
		rig_holds(r, "a/b/f", NULL);
		assert_int_equal(rig_there(r, "a"), how & ANEW ? 0 : -ENOENT);
		if (how & ANEW)
			rig_rename(r, "a", last);
	}
}

/* What else goes on in its directory does not matter. */
static void test_siblings(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	uint64_t ino;

	rig_put_text(r, "a/b/g", "x");
	file = open_saved(r, "a/b/f");
	ino = rig_ino(r, "a/b/f");
	rig_remove(r, "a/b/f");
	rig_lists(r, "a/b", "g");
	rig_unlink(r, "a/b/g");
	rig_chmod(r, "a", 0711);
	rig_sync(r);
	cut(r, ino);
	rig_pwrite(r, file, 0, "T", 1);
	rig_is(r, "a/b/f", "T");
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "a/b/f", "T");
}

/* Where nothing has the bytes any more that it needs, it could not be saved. */
static void test_unversioned(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = open_saved(r, "f");
	uint64_t ino = rig_ino(r, "f");

	rig_remove(r, "f");
	rig_lists(r, "", "");
	assert_int_equal(vfs_write(r->f.v, file, 4, " more", 5), -EIO);
	rig_sync(r);
	assert_int_equal(rig_dirty(r), 0);
	rig_lists(r, "", "");
	vfs_release(r->f.v, file);
	/* One that needs none comes back. */
	file = open_saved(r, "f");
	ino = rig_ino(r, "f");
	rig_remove(r, "f");
	rig_lists(r, "", "");
	cut(r, ino);
	rig_pwrite(r, file, 0, "new", 3);
	rig_is(r, "f", "new");
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", "new");
}

static void with_kernel(struct rig *r)
{
	r->f.v->mount->notify.forgets = true;
}

static int make_in(struct rig *r, uint64_t dir, const char *name)
{
	struct vfs_entry e;

	return vfs_mknod(r->f.v, dir, name, S_IFREG | 0600, 0,
			 &vfs_fixture_caller, &e);
}

static void remove_directory(struct rig *r, const char *path)
{
	char key[64];

	snprintf(key, sizeof(key), "%s/", path);
	rig_remove(r, key);
	rig_lists(r, "", "");
}

/* A directory in which files are to be made, by who has it open or is in it. */
static void test_directory(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e, f;

	with_kernel(r);
	rig_mkdir(r, "d");
	rig_chmod(r, "d", 0711);
	rig_sync(r);
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	remove_directory(r, "d");
	assert_int_equal(make_in(r, e.ino, "x"), 0);
	rig_lists(r, "d", "x");
	rig_sync(r);
	rig_holds(r, "d/", "");
	rig_holds(r, "d/x", "");
	rig_lists(r, "", "d/");
	assert_int_equal(rig_lookup(r, "d", &f), 0);
	assert_int_equal(f.ino, e.ino);
	assert_int_equal(f.st.st_mode, S_IFDIR | 0711);

	/* The same by a rename, and by a link. */
	rig_write(r, "g", "text");
	rig_unlink(r, "d/x");
	rig_sync(r);
	rig_remove(r, "d/");
	rig_lists(r, "", "g");
	assert_int_equal(vfs_rename(r->f.v, META_ROOT_INO, "g", e.ino, "h", 0),
			 0);
	rig_is(r, "d/h", "text");
	rig_rename(r, "d/h", "g");
	rig_sync(r);
	rig_remove(r, "d/");
	rig_lists(r, "", "g");
	assert_int_equal(rig_lookup(r, "g", &f), 0);
	assert_int_equal(vfs_link(r->f.v, f.ino, e.ino, "h", &f), 0);
	rig_is(r, "d/h", "text");
}

/* Both: who is in it makes a file, and then one that was open is written. */
static void test_directory_and_file(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	struct vfs_entry e;

	with_kernel(r);
	rig_mkdir(r, "d");
	file = open_saved(r, "d/f");
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	rig_remove(r, "d/f");
	rig_remove(r, "d/");
	rig_lists(r, "", "");
	assert_int_equal(make_in(r, e.ino, "x"), 0);
	rig_pwrite(r, file, 0, "T", 1);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_lists(r, "d", "f x");
	rig_holds(r, "d/f", "Text");
}

static void test_directory_deep(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	with_kernel(r);
	rig_put_text(r, "a/b/c/x", "x");
	assert_int_equal(rig_lookup(r, "a/b/c", &e), 0);
	assert_int_equal(rig_there(r, "a/b/c/x"), 0);
	rig_remove(r, "a/b/c/x");
	rig_lists(r, "", "");
	assert_int_equal(make_in(r, e.ino, "y"), 0);
	rig_lists(r, "a/b/c", "y");
	rig_sync(r);
	rig_holds(r, "a/b/c/y", "");
	rig_lists(r, "a", "b/");
	rig_lists(r, "a/b", "c/");
}

/* The same while what was in it is still going. */
static void test_directory_going(void **state)
{
	struct rig *r = *state;

	with_kernel(r);
	rig_put_text(r, "d/x", "x");
	assert_int_equal(rig_there(r, "d/x"), 0);
	rig_remove(r, "d/x");
	assert_int_equal(make_in(r, rig_detach(r, "d"), "y"), 0);
	rig_lists(r, "d", "y");
	rig_sync(r);
	rig_holds(r, "d/y", "");
}

/* A file that is written to just then. */
static void test_written_going(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	rig_put_text(r, "d/f", "text");
	file = rig_open(r, "d/f", O_RDWR);
	rig_remove(r, "d/f");
	rig_detach(r, "d");
	rig_pwrite(r, file, 0, "T", 1);
	vfs_release(r->f.v, file);
	assert_int_equal(gone_sweep(r->f.v->tree), 0);
	rig_is(r, "d/f", "Text");
	rig_sync(r);
	rig_holds(r, "d/f", "Text");
}

static void test_directory_else(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	with_kernel(r);
	rig_mkdir(r, "d");
	rig_sync(r);
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	remove_directory(r, "d");
	/* The kernel is to look it up anew. */
	rig_mkdir(r, "d");
	assert_int_equal(make_in(r, e.ino, "x"), -ESTALE);
	/* What we have removed ourselves is gone. */
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
	assert_int_equal(make_in(r, e.ino, "x"), -ESTALE);
	rig_sync(r);
	assert_int_equal(make_in(r, e.ino, "x"), -ESTALE);
	assert_int_equal(rig_there(r, "d"), -ENOENT);
	rig_mkdir(r, "e");
	assert_int_equal(rig_lookup(r, "e", &e), 0);
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "e"), 0);
	assert_int_equal(make_in(r, e.ino, "x"), -ENOENT);
	vfs_forget(r->f.v, &e.ino, 1);
}

#define DAY_NS (86400 * NS_PER_S)

/* A directory's object is so much older than it was. */
static void make_old(struct rig *r, const char *path, int64_t days)
{
	uint64_t ino = vfs_fixture_find(&r->f, path);
	struct meta_inode inode;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_inode_get(r->f.meta, ino, &inode), 0);
	assert_true(inode.base.last_modified_ns != 0);
	inode.base.last_modified_ns -= days * DAY_NS;
	assert_int_equal(meta_inode_put(r->f.meta, &inode), 0);
	meta_unlock(r->f.meta);
}

/* A directory whose object is so old. */
static void old_directory(struct rig *r, const char *path, int64_t days)
{
	if (rig_there(r, path)) {
		rig_mkdir(r, path);
		rig_chmod(r, path, 0711);
	}
	rig_sync(r);
	rig_lists(r, path, "");
	make_old(r, path, days);
}

/* A rule for what is in a directory leaves the directory. */
static void test_rule(void **state)
{
	static const char rules[] =
		"<LifecycleConfiguration><Rule><ID>tmp</ID>"
		"<Filter><Prefix>pre/tmp/</Prefix></Filter>"
		"<Status>Enabled</Status><Expiration><Days>7</Days>"
		"</Expiration></Rule></LifecycleConfiguration>";
	struct rig *r = *state;
	struct vfs_entry e;

	rig_set_rules(r, rules);
	rig_mkdir(r, "tmp");
	rig_chmod(r, "tmp", 0711);
	old_directory(r, "tmp/sub", 9);
	rig_remove(r, "tmp/sub/");
	old_directory(r, "tmp", 9);
	rig_remove(r, "tmp/");
	rig_lists(r, "", "tmp/");
	rig_lists(r, "tmp", "");
	assert_int_equal(rig_lookup(r, "tmp", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFDIR | 0711);
	rig_write(r, "tmp/x", "text");
	rig_sync(r);
	rig_holds(r, "tmp/", "");
	rig_holds(r, "tmp/x", "text");
	/* The object alone. */
	rig_utimens(r, "tmp", NS_PER_S);
	rig_sync(r);
	rig_lists(r, "tmp", "x");
	make_old(r, "tmp", 9);
	rig_remove(r, "tmp/");
	rig_lists(r, "tmp", "x");
	rig_sync(r);
	rig_holds(r, "tmp/", "");
	rig_unlink(r, "tmp/x");
	rig_sync(r);
	rig_forget_requests(r);
	/* What others remove before its time goes. */
	rig_remove(r, "tmp/");
	rig_lists(r, "", "");
	assert_int_equal(rig_count(r, "GetBucketLifecycle"), 1);
	/* So does another one, and all where the rules end. */
	old_directory(r, "tmp", 9);
	old_directory(r, "other", 9);
	rig_remove(r, "other/");
	rig_lists(r, "", "tmp/");
	rig_set_rules(r, "<LifecycleConfiguration><Rule><ID>a</ID>"
			 "<Filter><Prefix>pre/tmp/</Prefix></Filter>"
			 "<Status>Disabled</Status><Expiration><Days>7</Days>"
			 "</Expiration></Rule></LifecycleConfiguration>");
	rig_remove(r, "tmp/");
	rig_lists(r, "", "");
	rig_sync(r);
	rig_lists(r, "", "");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_deleted),
		RIG_TEST(test_deleted_tree),
		RIG_TEST(test_deleted_tree_changed),
		RIG_TEST(test_unchanged),
		RIG_TEST(test_truncated),
		RIG_TEST(test_replaced),
		RIG_TEST(test_wanted_else),
		RIG_TEST(test_saved_else),
		RIG_TEST(test_removed_else),
		RIG_TEST(test_removed_way),
		RIG_TEST(test_siblings),
		RIG_TEST(test_directory),
		RIG_TEST(test_directory_and_file),
		RIG_TEST(test_directory_deep),
		RIG_TEST(test_directory_else),
		RIG_TEST(test_directory_going),
		RIG_TEST(test_written_going),
		RIG_TEST(test_rule),
		RIG_TEST_UNVERSIONED(test_rule),
		RIG_TEST_UNVERSIONED(test_directory),
		RIG_TEST_UNVERSIONED(test_wanted_else),
		RIG_TEST_UNVERSIONED(test_unversioned),
		RIG_TEST_UNVERSIONED(test_saved_else),
		RIG_TEST_UNVERSIONED(test_removed_else),
		RIG_TEST_UNVERSIONED(test_removed_way),
		RIG_TEST_UNVERSIONED(test_siblings),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
