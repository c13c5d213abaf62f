/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes with an object fits: what a call has accepted can be sent, and
 * content is sent whatever others have written beside it.
 */
#include "../vfs_rig.h"

#include "vers3/object/objattr.h"

#define BUSY_OWNER 4000000000u

static int set_xattr(struct rig *r, const char *path, const char *name,
		     size_t size)
{
	static const char value[OBJATTR_META_LIMIT];

	return vfs_setxattr(r->f.v, vfs_fixture_find(&r->f, path), name, value,
			    size, 0);
}

static int set_owner(struct rig *r, const char *path, uint32_t id)
{
	struct stat st = {.st_uid = id, .st_gid = id};

	return vfs_setattr(r->f.v, vfs_fixture_find(&r->f, path), &st,
			   VFS_SET_UID | VFS_SET_GID, &st);
}

static int set_mode(struct rig *r, const char *path, mode_t mode)
{
	struct stat st = {.st_mode = mode};

	return vfs_setattr(r->f.v, vfs_fixture_find(&r->f, path), &st,
			   VFS_SET_MODE, &st);
}

static int set_time(struct rig *r, const char *path, int64_t sec)
{
	struct stat st = {.st_mtim = {.tv_sec = sec, .tv_nsec = 999999999}};

	return vfs_setattr(r->f.v, vfs_fixture_find(&r->f, path), &st,
			   VFS_SET_MTIME, &st);
}

static int add_link(struct rig *r, const char *path, const char *name)
{
	struct vfs_entry e;

	return vfs_link(r->f.v, vfs_fixture_find(&r->f, path), META_ROOT_INO,
			name, &e);
}

static int try_truncate(struct rig *r, const char *path, off_t size)
{
	struct stat st = {.st_size = size};

	/* As truncate(2) has it. */
	return vfs_setattr(r->f.v, vfs_fixture_find(&r->f, path), &st,
			   VFS_SET_SIZE | VFS_SET_MTIME_NOW, &st);
}

/* An object of others whose metadata has so many bytes in all. */
static void put_full(struct rig *r, const char *key, const char *name,
		     const char *first, size_t bytes)
{
	char value[OBJATTR_META_LIMIT + 1];
	struct kvlist meta;

	kvlist_init(&meta);
	assert_int_equal(kvlist_add(&meta, name, first), 0);
	bytes -= objattr_bytes(&meta) + strlen("theirs");
	memset(value, 'x', bytes);
	value[bytes] = '\0';
	assert_int_equal(kvlist_add(&meta, "theirs", value), 0);
	rig_put_meta(r, key, "text", 4, &meta);
	kvlist_release(&meta);
}

/* Whether an object's attributes are all with it. */
static bool is_whole(struct rig *r, const char *key)
{
	char *ref = rig_meta(r, key, "vers3-xattrs");
	bool whole = !ref;

	free(ref);
	return whole;
}

/* All that may follow an attribute that is with the object has room. */
static void test_reserved(void **state)
{
	struct rig *r = *state;
	size_t most = OBJATTR_META_MAX;

	rig_write(r, "f", "text");
	do {
		assert_int_equal(set_xattr(r, "f", "user.a", --most), 0);
		rig_sync(r);
	} while (!is_whole(r, "f"));
	assert_in_range(most, 1200, 1500);
	assert_int_equal(set_owner(r, "f", BUSY_OWNER), 0);
	assert_int_equal(set_mode(r, "f", 07777), 0);
	assert_int_equal(set_time(r, "f", -9000000000), 0);
	assert_int_equal(add_link(r, "f", "g"), 0);
	rig_sync(r);
	assert_true(is_whole(r, "f"));
	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "g%d", i);
		assert_int_equal(add_link(r, "f", name), 0);
	}
	rig_sync(r);
	rig_forget(r);
	rig_is(r, "g", "text");
	rig_is(r, "f", "text");
}

/* s3fs's and s3cmd's sets grow as ours does. */
static void test_foreign_sets(void **state)
{
	static const char *const sets[][2] = {
		{"mtime", "1"},
		{"ctime", "1"},
		{"s3cmd-attrs", "gid:1/gname:a/mode:33184/mtime:1/uid:1"},
	};
	struct rig *r = *state;

	for (size_t bytes = 1700; bytes <= OBJATTR_META_LIMIT; bytes += 6) {
		char key[32];

		for (size_t i = 0; i < 3; i++) {
			snprintf(key, sizeof(key), "f%zu-%zu", bytes, i);
			put_full(r, key, sets[i][0], sets[i][1], bytes);
			if (!set_owner(r, key, 3)) {
				assert_int_equal(set_time(r, key, -9000000000),
						 0);
				assert_int_equal(set_time(r, key, 9000000000),
						 0);
				assert_int_equal(set_owner(r, key, BUSY_OWNER),
						 0);
			}
		}
	}
	rig_sync(r);
}

/*
 * Where others have left no room, a call that changes attributes says so; one
 * that changes content does not, and theirs stays.
 */
static void test_full(void **state)
{
	struct rig *r = *state;
	char *theirs;

	for (size_t bytes = 1750; bytes <= OBJATTR_META_LIMIT; bytes += 9) {
		char key[32];

		snprintf(key, sizeof(key), "f%zu", bytes);
		put_full(r, key, "mode", "33152", bytes);
	}
	put_full(r, "full", "mode", "33152", OBJATTR_META_LIMIT);
	assert_int_equal(set_owner(r, "full", 3), -ENOSPC);
	assert_int_equal(set_mode(r, "full", 0666), -ENOSPC);
	assert_int_equal(set_time(r, "full", 3), -ENOSPC);
	assert_int_equal(set_xattr(r, "full", "user.a", 1), -ENOSPC);
	assert_int_equal(add_link(r, "full", "name"), -ENOSPC);
	assert_int_equal(rig_there(r, "name"), -ENOENT);
	for (size_t bytes = 1750; bytes <= OBJATTR_META_LIMIT; bytes += 9) {
		char key[32];

		snprintf(key, sizeof(key), "f%zu", bytes);
		rig_write(r, key, "new");
	}
	rig_write(r, "full", "new text");
	assert_int_equal(try_truncate(r, "full", 3), 0);
	rig_sync(r);
	rig_holds(r, "full", "new");
	theirs = rig_meta(r, "full", "theirs");
	assert_non_null(theirs);
	assert_true(strlen(theirs) > 2000);
	free(theirs);
	rig_rename(r, "full", "moved");
	rig_sync(r);
	rig_holds(r, "moved", "new");
	rig_forget(r);
	rig_is(r, "moved", "new");
}

/* A large one goes up in parts, which carry a mark. */
static void test_parts(void **state)
{
	size_t size = (size_t)9 << 20;
	unsigned char *bytes = rig_bytes(3, size);
	struct rig *r = *state;
	size_t most = OBJATTR_META_MAX;

	put_full(r, "full", "mode", "33152", OBJATTR_META_LIMIT);
	rig_write_bytes(r, "full", bytes, size);
	rig_write_bytes(r, "ours", bytes, size);
	while (most && set_xattr(r, "ours", "user.a", most) == -ENOSPC)
		most--;
	assert_int_equal(set_owner(r, "ours", BUSY_OWNER), 0);
	rig_sync(r);
	rig_holds_bytes(r, "full", bytes, size);
	rig_holds_bytes(r, "ours", bytes, size);
	rig_rename(r, "full", "moved");
	rig_rename(r, "ours", "mine");
	rig_sync(r);
	rig_holds_bytes(r, "moved", bytes, size);
	rig_holds_bytes(r, "mine", bytes, size);
	free(bytes);
}

#define FILES 4

static void random_call(struct rig *r, uint64_t *seed)
{
	uint64_t n = rig_random(seed);
	char path[8], other[8], name[16];

	snprintf(path, sizeof(path), "f%u", (unsigned)(n % FILES));
	snprintf(other, sizeof(other), "f%u", (unsigned)(n / 16 % FILES));
	snprintf(name, sizeof(name), "user.%u", (unsigned)(n / 256 % 3));
	if (rig_there(r, path))
		rig_write(r, path, "text");
	/* Each may be refused; what is not has to be sent. */
	switch (n / 4096 % 9) {
	case 0:
	case 1:
		set_xattr(r, path, name, n / 65536 % OBJATTR_META_MAX);
		break;
	case 2:
		vfs_removexattr(r->f.v, vfs_fixture_find(&r->f, path), name);
		break;
	case 3:
		set_owner(r, path, n & 1 ? UINT32_MAX - 1 : 0);
		break;
	case 4:
		set_time(r, path, n & 1 ? -9000000000 : 0);
		break;
	case 5:
		add_link(r, path, other);
		break;
	case 6:
		rig_try_rename(r, path, other, 0);
		break;
	case 7:
		rig_write(r, path, "other");
		break;
	default:
		rig_unlink(r, path);
	}
}

static void test_random(void **state)
{
	struct rig *r = *state;
	uint64_t seed = 1;

	for (int round = 0; round < 60; round++) {
		/* Without versions theirs may take what a link is made of. */
		if (round % 10 == 0 && r->f.config.versioned)
			put_full(r, "f0", "s3cmd-attrs", "uid:1/mtime:1",
				 1500 + rig_random(&seed) % 549);
		for (int i = 0; i < 20; i++)
			random_call(r, &seed);
		rig_sync(r);
		if (round % 5 == 4)
			rig_forget(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_reserved),
		RIG_TEST(test_foreign_sets),
		RIG_TEST(test_full),
		RIG_TEST_UNVERSIONED(test_full),
		RIG_TEST(test_parts),
		RIG_TEST(test_random),
		RIG_TEST_UNVERSIONED(test_random),
	};

	return cmocka_run_group_tests_name("object_meta", tests, NULL, NULL);
}
