/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that go while somebody is at what they stand for, and what directories
 * tell of themselves.
 */
#include "../vfs_rig.h"

#include <sys/stat.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

static int setup(void **state)
{
	int rc = rig_setup(state);
	struct rig *r = *state;

	/* As with a kernel, which says what it forgets. */
	if (!rc)
		r->f.v->mount->notify.forgets = true;
	return rc;
}

#define NAMES_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

static uint64_t records(struct rig *r, enum meta_table t)
{
	uint64_t n;

	assert_int_equal(meta_lock(r->f.meta), 0);
	n = meta_count(r->f.meta, t);
	meta_unlock(r->f.meta);
	return n;
}

static void reads(struct rig *r, uint64_t ino, const char *text)
{
	struct vfs_file *file;
	struct vfs_open how;
	char buf[64];

	assert_int_equal(vfs_open(r->f.v, ino, O_RDONLY, &file, &how), 0);
	assert_int_equal(vfs_fixture_pread(&r->f, file, 0, buf, sizeof(buf)),
			 0);
	assert_string_equal(buf, text);
	vfs_release(r->f.v, file);
}

/* Who has looked a name up and opens it then finds what was there. */
static void test_replaced(void **state)
{
	struct rig *r = *state;
	struct stat st;
	uint64_t ino;

	for (int saved = 0; saved < 2; saved++) {
		rig_write(r, "f", "old");
		if (saved)
			rig_sync(r);
		ino = rig_ino(r, "f");
		rig_write(r, "g", "new");
		rig_rename(r, "g", "f");
		reads(r, ino, "old");
		if (saved)
			rig_sync(r);
		reads(r, ino, "old");
		rig_is(r, "f", "new");
		assert_int_equal(vfs_getattr(r->f.v, ino, &st), 0);
		assert_int_equal(st.st_nlink, 0);
		vfs_forget(r->f.v, &ino, 1);
		assert_int_equal(vfs_getattr(r->f.v, ino, &st), -ESTALE);
		rig_is(r, "f", "new");
		assert_int_equal(records(r, META_ORPHAN), 0);
		assert_int_equal(records(r, META_INODE), 2);
	}
}

/* The last close and the kernel's word come in any order. */
static void test_forgotten_open(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	struct stat st;
	uint64_t ino;
	char buf[4];

	rig_write(r, "f", "text");
	ino = rig_ino(r, "f");
	vfs_forget(r->f.v, &ino, 1);
	rig_is(r, "f", "text"); /* it has a name */
	file = rig_open(r, "f", O_RDWR);
	rig_unlink(r, "f");
	vfs_forget(r->f.v, &ino, 1);
	rig_pread(r, file, 0, buf, 4);
	assert_memory_equal(buf, "text", 4);
	vfs_release(r->f.v, file);
	assert_int_equal(vfs_getattr(r->f.v, ino, &st), -ESTALE);
	assert_int_equal(records(r, META_INODE), 1);
	/* What the kernel never said goes at the next mount. */
	rig_write(r, "f", "text");
	rig_unlink(r, "f");
	assert_int_equal(records(r, META_INODE), 2);
	rig_restart(r);
	assert_int_equal(records(r, META_INODE), 1);
	assert_int_equal(records(r, META_ORPHAN), 0);
}

/* A process may be in it. */
static void test_removed_directory(void **state)
{
	struct stat st = {.st_mode = 0700};
	struct rig *r = *state;
	struct vfs_dir *dir;
	struct vfs_entry e;
	unsigned count = 0;
	uint64_t ino;

	rig_mkdir(r, "d");
	rig_write(r, "f", "text");
	ino = rig_ino(r, "d");
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
	assert_int_equal(vfs_setattr(r->f.v, ino, &st, VFS_SET_MODE, &st), 0);
	assert_int_equal(vfs_getattr(r->f.v, ino, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(vfs_lookup(r->f.v, ino, "x", &e), -ENOENT);
	assert_int_equal(vfs_mkdir(r->f.v, ino, "x", 0755, &vfs_fixture_caller,
				   &e),
			 -ENOENT);
	assert_int_equal(vfs_link(r->f.v, rig_ino(r, "f"), ino, "x", &e),
			 -ENOENT);
	assert_int_equal(vfs_rename(r->f.v, META_ROOT_INO, "f", ino, "x", 0),
			 -ENOENT);
	assert_int_equal(vfs_opendir(r->f.v, ino, &dir), 0);
	assert_int_equal(
		vfs_readdir(r->f.v, dir, 0, true, rig_count_name, &count), 0);
	assert_int_equal(count, 2);
	vfs_releasedir(r->f.v, dir);
	/* The name is free. */
	rig_mkdir(r, "d");
	assert_int_not_equal(rig_ino(r, "d"), ino);
	vfs_forget(r->f.v, &ino, 1);
	assert_int_equal(vfs_getattr(r->f.v, ino, &st), -ESTALE);
	assert_int_equal(vfs_opendir(r->f.v, ino, &dir), -ESTALE);
	rig_sync(r);
	rig_lists(r, "", "d/ f");
}

static void links(struct rig *r, const char *path, unsigned count)
{
	struct stat st;

	assert_int_equal(vfs_getattr(r->f.v, rig_ino(r, path), &st), 0);
	if (st.st_nlink != count)
		fail_msg("%s has %u links, not %u", path, (unsigned)st.st_nlink,
			 count);
}

static void test_links(void **state)
{
	static const char *const names[] = {"a/1", "a/2", "a/3"};
	struct rig *r = *state;

	r->f.config.ttl_ns = 0;
	rig_mkdir(r, "a");
	rig_mkdir(r, "b");
	links(r, "", 4);
	for (int i = 0; i < 3; i++)
		rig_mkdir(r, names[i]);
	links(r, "a", 5);
	rig_rename(r, "a/1", "b/1");
	links(r, "a", 4);
	links(r, "b", 3);
	rig_rename(r, "a/2", "a/3"); /* over an empty one */
	links(r, "a", 3);
	rig_rename(r, "a/3", "b/1");
	links(r, "a", 2);
	links(r, "b", 3);
	rig_write(r, "a/f", "text");
	assert_int_equal(rig_try_rename(r, "a/f", "b/1", RENAME_EXCHANGE), 0);
	links(r, "a", 3);
	links(r, "b", 2);
	rig_rename(r, "a", "b/a");
	links(r, "", 3);
	links(r, "b", 3);
	rig_sync(r);
	/* Others make some, and remove some. */
	rig_put_text(r, "c/1/x", "x");
	rig_put_text(r, "c/2/x", "x");
	rig_put_text(r, "c/f", "x");
	rig_lists(r, "", "b/ c/");
	links(r, "", 4);
	links(r, "c", 1); /* nobody has looked */
	rig_lists(r, "c", "1/ 2/ f");
	links(r, "c", 4);
	rig_remove(r, "c/1/x");
	rig_lists(r, "c", "2/ f");
	links(r, "c", 3);
	/* With an empty cache. */
	rig_forget(r);
	rig_lists(r, "c", "2/ f");
	links(r, "c", 3);
	rig_lists(r, "b", "1 a/");
	links(r, "b", 3);
	links(r, "", 4);
}

/* Who has never listed a directory does not count what goes from it. */
static void test_links_unlisted(void **state)
{
	static const char *const names[] = {"1", "2", "3"};
	struct rig *r = *state;
	char path[16];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "a/%s/", names[i]);
		rig_put(r, path, "", 0);
	}
	links(r, "a", 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vfs_rmdir(r->f.v, rig_ino(r, "a"), names[i]),
				 0);
	rig_lists(r, "a", "");
	links(r, "a", 2);
}

struct renamer {
	struct rig *r;
	char name[32];
	uint64_t offset;
};

static int take_one(void *ctx, const struct vfs_dirent *d)
{
	struct renamer *n = ctx;

	if (n->name[0])
		return 1;
	snprintf(n->name, sizeof(n->name), "%s", d->name);
	n->offset = d->offset;
	return 0;
}

/* Who renames each name that he reads comes to an end, also the next time. */
static void test_rename_all(void **state)
{
	struct renamer n = {.r = *state};
	struct rig *r = n.r;
	struct vfs_dir *dir;
	char path[64], to[64];

	rig_mkdir(r, "d");
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "d/%d", i);
		rig_write(r, path, "x");
	}
	assert_int_equal(vfs_opendir(r->f.v, rig_ino(r, "d"), &dir), 0);
	for (int turn = 0; turn < 2; turn++) {
		unsigned count = 0;

		n.offset = 0;
		do {
			n.name[0] = '\0';
			assert_int_equal(vfs_readdir(r->f.v, dir, n.offset,
						     false, take_one, &n),
					 0);
			if (!n.name[0] || *n.name == '.')
				continue;
			snprintf(path, sizeof(path), "d/%s", n.name);
			snprintf(to, sizeof(to), "d/%sx", n.name);
			rig_rename(r, path, to);
			assert_in_range(++count, 1, 100);
		} while (n.name[0]);
		assert_int_equal(count, 100);
	}
	vfs_releasedir(r->f.v, dir);
}

static int64_t ctime_of(struct rig *r, uint64_t ino)
{
	struct stat st;

	assert_int_equal(vfs_getattr(r->f.v, ino, &st), 0);
	return st.st_ctim.tv_sec * NS_PER_S + st.st_ctim.tv_nsec;
}

/* The time of change, of what the user sets to what it was, too. */
static void test_ctime(void **state)
{
	static const unsigned sets[] = {VFS_SET_MODE, VFS_SET_UID, VFS_SET_GID,
					VFS_SET_MTIME, VFS_SET_ATIME};
	struct rig *r = *state;
	struct vfs_entry e;
	struct stat st;
	int64_t before;
	uint64_t ino;

	rig_write(r, "f", "text");
	rig_sync(r);
	ino = rig_ino(r, "f");
	assert_int_equal(vfs_getattr(r->f.v, ino, &st), 0);
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		before = ctime_of(r, ino);
		assert_int_equal(vfs_setattr(r->f.v, ino, &st, sets[i], &st),
				 0);
		assert_true(ctime_of(r, ino) > before);
	}
	/* Nothing of that is to be sent. */
	assert_int_equal(rig_dirty(r), 0);
	/* A file that loses one of its names to another. */
	assert_int_equal(vfs_link(r->f.v, ino, META_ROOT_INO, "l", &e), 0);
	before = ctime_of(r, ino);
	rig_write(r, "g", "other");
	rig_rename(r, "g", "l");
	assert_true(ctime_of(r, ino) > before);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		NAMES_TEST(test_replaced),
		NAMES_TEST(test_forgotten_open),
		NAMES_TEST(test_removed_directory),
		NAMES_TEST(test_links),
		NAMES_TEST(test_links_unlisted),
		NAMES_TEST(test_rename_all),
		NAMES_TEST(test_ctime),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
