/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes in an object beside, and what others do meanwhile, where
 * they look, and where they have it from.
 */
#include "../overflow_rig.h"

static void others_write(struct rig *r)
{
	static const char *const pairs[] = {"file-permissions", "0100640",
					    "vers3-xattr-0",
					    "user.theirs=Yg==", NULL};

	put_with(r, "f", "text", pairs);
	rig_lists(r, "", "f");
}

/* While it is read another mount saves the file: a change is made on that. */
static void test_meanwhile(void **state)
{
	struct rig *r = *state;
	char names[256];
	struct stat st;

	for (int round = 0; round < 2; round++) {
		rig_write(r, "f", "ours");
		assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
		rig_sync(r);
		rig_forget(r);
		assert_int_equal(vfs_getattr(r->f.v,
					     vfs_fixture_find(&r->f, "f"), &st),
				 0);
		rig_hook(r, "GetObject " PLACE, others_write, 1);
		if (!round) {
			assert_int_equal(set(r, "f", "user.new", 'n', 1), 0);
			rig_sync(r);
			rig_forget(r);
			has(r, "f", "user.new", 'n', 1);
		} else {
			assert_int_equal(try_list(r, "f", names, sizeof(names)),
					 0);
			assert_string_equal(names, "user.theirs ");
			rig_forget(r);
		}
		has(r, "f", "user.theirs", 'b', 1);
		assert_int_equal(try_get(r, "f", "user.big"), -ENODATA);
		rig_is(r, "f", "text");
		assert_int_equal(vfs_getattr(r->f.v,
					     vfs_fixture_find(&r->f, "f"), &st),
				 0);
		assert_int_equal(st.st_mode, 0100640);
	}
}

#define SAVES 9

static char *saves[SAVES]; /* references that others save, the last first */
static size_t saves_left;

static void others_save(struct rig *r)
{
	const char *pairs[] = {REF, saves[--saves_left], NULL};
	char text[24];

	snprintf(text, sizeof(text), "text %zu", saves_left);
	put_with(r, "f", text, pairs);
	rig_lists(r, "", "f g");
}

/* Others save it faster than it is read, for a while. */
static void test_often(void **state)
{
	struct rig *r = *state;
	struct stat st;

	rig_write(r, "f", "text");
	rig_write(r, "g", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	for (saves_left = 0; saves_left < SAVES; saves_left++) {
		assert_int_equal(
			set(r, "g", "user.big", 'b', LARGE - saves_left), 0);
		rig_sync(r);
		saves[saves_left] = rig_meta(r, "g", REF);
		assert_non_null(saves[saves_left]);
	}
	rig_forget(r);
	assert_int_equal(vfs_getattr(r->f.v, vfs_fixture_find(&r->f, "f"), &st),
			 0);
	rig_hook(r, "GetObject " PLACE, others_save, SAVES);
	lists(r, "f", "user.big ");
	has(r, "f", "user.big", 'b', LARGE);
	assert_int_equal(saves_left, 0);
	for (size_t i = 0; i < SAVES; i++)
		free(saves[i]);
}

/* Who mounts more of the bucket sees a file there: its owner alone reads it. */
static void test_private(void **state)
{
	struct rig *r = *state;
	char key[256];

	rig_write(r, "f", "text");
	rig_chmod(r, "f", 0600);
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_sync(r);
	overflow_of(r, "f", key, sizeof(key));
	rig_meta_is(r, key, "file-permissions", "0100600");
}

/* From a place with longer names: the reference leaves room for a list. */
static void test_long(void **state)
{
	char key[256], ref[1024], far[600];
	const char *pairs[] = {REF, ref, NULL};
	struct rig *r = *state;
	struct acl acl;
	size_t size;

	save_big(r, "f");
	overflow_of(r, "f", key, sizeof(key));
	memset(far, 'x', sizeof(far));
	snprintf(ref, sizeof(ref), "%.*s/%s", (int)sizeof(far), far, key);
	put_with(r, "copy", "text", pairs);
	has_big_cold(r, "copy");
	size = make_acl(&acl, 130);
	assert_int_equal(vfs_setxattr(r->f.v, vfs_fixture_find(&r->f, "copy"),
				      XATTR_NAME_POSIX_ACL_ACCESS, &acl, size,
				      0),
			 0);
	rig_sync(r);
	rig_forget(r);
	assert_int_equal(try_get(r, "copy", XATTR_NAME_POSIX_ACL_ACCESS), 0);
	has(r, "copy", "user.big", 'a', LARGE);
}

/* Where no key can be made of it, it is refused, and not accepted and kept. */
static void test_far_down(void **state)
{
	const char *before;
	struct rig *r = *state;
	char prefix[960];

	memset(prefix, 'x', sizeof(prefix));
	strcpy(prefix + sizeof(prefix) - 2, "/");
	before = r->f.config.prefix;
	r->f.config.prefix = prefix;
	rig_restart(r);
	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), -ENOSPC);
	assert_int_equal(set(r, "f", "user.small", 'b', 100), 0);
	rig_sync(r);
	has(r, "f", "user.small", 'b', 100);
	r->f.config.prefix = before;
	rig_restart(r);
}

/* To execute an old version nothing is read that says nothing about that. */
static void test_old_program(void **state)
{
	struct rig *r = *state;
	char path[512];

	save_big(r, "f");
	rig_forget(r);
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -ENOENT, 100);
	version(r, "f", 0, path, sizeof(path));
	assert_int_equal(try_get(r, path, XATTR_NAME_CAPS), -ENODATA);
	assert_int_equal(try_get(r, path, "user.big"), -EIO);
}

/* Removed by others while it is known here: the next save brings it back. */
static void test_again(void **state)
{
	struct rig *r = *state;
	char key[256];

	save_big(r, "f");
	overflow_of(r, "f", key, sizeof(key));
	rig_forget_requests(r);
	rig_chmod(r, "f", 0640);
	rig_sync(r);
	assert_int_equal(rig_count(r, "PutObject " PLACE), 0);
	rig_remove(r, key);
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	has_big_cold(r, "f");
}

/* The way out, where a list that refuses everybody is gone for good. */
static void test_given_up(void **state)
{
	const char *name = XATTR_NAME_POSIX_ACL_DEFAULT;
	struct rig *r = *state;
	struct vfs_entry e;
	struct acl acl;
	size_t size = make_acl(&acl, USERS);
	char key[256];
	uint64_t ino;

	rig_mkdir(r, "d");
	ino = vfs_fixture_find(&r->f, "d");
	assert_int_equal(vfs_setxattr(r->f.v, ino, name, &acl, size, 0), 0);
	rig_sync(r);
	overflow_of(r, "d/", key, sizeof(key));
	rig_forget(r);
	/* It is there, and may be read some day. */
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -EACCES, 100);
	ino = vfs_fixture_find(&r->f, "d");
	assert_int_equal(vfs_removexattr(r->f.v, ino, name), -EIO);
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -EACCES, 0);
	rig_remove(r, key);
	assert_int_equal(vfs_mkdir(r->f.v, ino, "x", 0755, &vfs_fixture_caller,
				   &e),
			 -EIO);
	assert_int_equal(vfs_removexattr(r->f.v, ino, name), 0);
	rig_mkdir(r, "d/x");
	rig_sync(r);
	rig_meta_is(r, "d/", REF, NULL);
	rig_forget(r);
	rig_mkdir(r, "d/y");
	assert_int_equal(try_get(r, "d", name), -ENODATA);
}

/* Asked for all the time, it is asked for once in ttl, where it was refused. */
static void test_broken(void **state)
{
	struct rig *r = *state;
	int64_t ttl_ns = r->f.config.ttl_ns;
	char names[256];

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_sync(r);
	r->f.config.ttl_ns = 3600 * NS_PER_S;
	rig_forget(r);
	/* That there is no answer says nothing. */
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -ETIMEDOUT, 100);
	assert_int_equal(try_get(r, "f", "user.big"), -EIO);
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -EACCES, 100);
	rig_forget_requests(r);
	assert_int_equal(try_get(r, "f", "user.big"), -EIO);
	assert_true(rig_count(r, "GetObject " PLACE) > 0);
	rig_forget_requests(r);
	assert_int_equal(try_get(r, "f", "user.big"), -EIO);
	assert_int_equal(try_list(r, "f", names, sizeof(names)), -EIO);
	assert_int_equal(rig_count(r, "GetObject " PLACE), 0);
	/* And where ttl is over it is found. */
	r->f.config.ttl_ns = ttl_ns;
	rig_forget(r);
	assert_int_equal(try_get(r, "f", "user.big"), -EIO);
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -EACCES, 0);
	has(r, "f", "user.big", 'a', LARGE);
}

/* What was not read stays where the namespace says, whatever the head says. */
static void test_one_word(void **state)
{
	struct rig *r = *state;
	char *ref, *later;
	struct kvlist head;
	struct stat st;
	uint64_t ino;

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_sync(r);
	ref = rig_meta(r, "f", REF);
	rig_forget(r);
	ino = vfs_fixture_find(&r->f, "f");
	assert_int_equal(vfs_getattr(r->f.v, ino, &st), 0);
	kvlist_init(&head);
	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_head_get(r->f.meta, ino, &head), 0);
	assert_int_equal(kvlist_set(&head, "x-amz-meta-" REF, "other"), 0);
	assert_int_equal(meta_head_put(r->f.meta, ino, &head), 0);
	meta_unlock(r->f.meta);
	kvlist_release(&head);
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	later = rig_meta(r, "f", REF);
	assert_non_null(later);
	assert_string_equal(later, ref);
	free(later);
	free(ref);
	rig_forget(r);
	has(r, "f", "user.big", 'a', LARGE);
}

static void refuse_next(struct rig *r)
{
	rig_fail(r, "HeadObject " PLACE, RIG_BEFORE, -EINVAL, 1);
}

/* In a copy of the bucket, whose versions have other ids: that is one, too. */
static void test_given_up_copy(void **state)
{
	const char *name = XATTR_NAME_POSIX_ACL_DEFAULT;
	struct rig *r = *state;
	struct acl acl;
	size_t size = make_acl(&acl, USERS);
	char key[256];
	uint64_t ino;

	rig_mkdir(r, "d");
	ino = vfs_fixture_find(&r->f, "d");
	assert_int_equal(vfs_setxattr(r->f.v, ino, name, &acl, size, 0), 0);
	rig_sync(r);
	overflow_of(r, "d/", key, sizeof(key));
	rig_remove(r, key);
	rig_forget(r);
	ino = vfs_fixture_find(&r->f, "d");
	/* Where everything is refused it says nothing of the id. */
	rig_fail(r, "", RIG_BEFORE, -EINVAL, 100);
	assert_int_equal(vfs_removexattr(r->f.v, ino, name), -EIO);
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -EINVAL, 100);
	rig_hook(r, "HeadObject " PLACE, refuse_next, 1);
	assert_int_equal(vfs_removexattr(r->f.v, ino, name), 0);
	rig_mkdir(r, "d/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_meanwhile),
		RIG_TEST_UNVERSIONED(test_meanwhile),
		RIG_TEST(test_often),
		RIG_TEST(test_private),
		RIG_TEST(test_long),
		RIG_TEST_UNVERSIONED(test_long),
		RIG_TEST(test_far_down),
		RIG_TEST(test_old_program),
		RIG_TEST_UNVERSIONED(test_given_up),
		RIG_TEST(test_given_up_copy),
		RIG_TEST(test_broken),
		RIG_TEST(test_one_word),
		RIG_TEST(test_again),
		RIG_TEST_UNVERSIONED(test_again),
	};

	return cmocka_run_group_tests_name("overflow_others", tests, NULL,
					   NULL);
}
