/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes that the metadata of an object has no room for: they
 * stay with each version of the file, whatever becomes of it.
 */
#include "../overflow_rig.h"
#include "../control_rig.h"

/* Saved in one object before the file's, and read when it is asked for. */
static void test_cold(void **state)
{
	struct rig *r = *state;
	char key[256];

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	assert_int_equal(set(r, "f", "user.small", 'b', 10), 0);
	rig_forget_requests(r);
	rig_sync(r);
	assert_int_equal(rig_count(r, "PutObject " PLACE), 1);
	assert_int_equal(rig_count(r, "PutObject "), 2);
	overflow_of(r, "f", key, sizeof(key));
	assert_int_equal(rig_versions(r, key), 1);
	rig_forget(r);
	rig_forget_requests(r);
	rig_is(r, "f", "text");
	rig_lists(r, "", "f");
	assert_int_equal(rig_count(r, "HeadObject"), 1);
	assert_int_equal(rig_count(r, "GetObject " PLACE), 0);
	assert_int_equal(try_get(r, "f", XATTR_NAME_POSIX_ACL_ACCESS),
			 -ENODATA);
	assert_int_equal(try_get(r, "f", XATTR_NAME_CAPS), -ENODATA);
	assert_int_equal(rig_count(r, "GetObject " PLACE), 0);
	has(r, "f", "user.big", 'a', LARGE);
	has(r, "f", "user.small", 'b', 10);
	lists(r, "f", "user.big user.small ");
	assert_int_equal(rig_count(r, "GetObject " PLACE), 1);
}

/* What fits is with the object, as ever; what no longer overflows comes back.
 */
static void test_back(void **state)
{
	struct rig *r = *state;

	save_big(r, "f");
	assert_int_equal(set(r, "f", "user.big", 'a', 8), 0);
	rig_sync(r);
	rig_meta_is(r, "f", REF, NULL);
	rig_forget(r);
	rig_forget_requests(r);
	has(r, "f", "user.big", 'a', 8);
	assert_int_equal(rig_count(r, "GetObject " PLACE), 0);
}

/* An older version has what it had. */
static void test_versions(void **state)
{
	struct rig *r = *state;
	char path[512];

	rig_write(r, "f", "one");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_sync(r);
	rig_write(r, "f", "two");
	assert_int_equal(set(r, "f", "user.big", 'b', 4 * KIB), 0);
	rig_sync(r);
	rig_write(r, "f", "three");
	assert_int_equal(vfs_removexattr(r->f.v, vfs_fixture_find(&r->f, "f"),
					 "user.big"),
			 0);
	rig_sync(r);
	rig_forget(r);
	version(r, "f", 0, path, sizeof(path));
	has(r, path, "user.big", 'a', LARGE);
	lists(r, path, "user.big ");
	version(r, "f", 1, path, sizeof(path));
	has(r, path, "user.big", 'b', 4 * KIB);
	version(r, "f", 2, path, sizeof(path));
	assert_int_equal(try_get(r, path, "user.big"), -ENODATA);
	lists(r, "f", "");
}

/* Changes of all else carry it, read or not, and send nothing of it. */
static void carried(struct rig *r, bool cold)
{
	struct vfs_entry e;

	rig_mkdir(r, "d");
	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	assert_int_equal(set(r, "d", "user.dir", 'd', LARGE), 0);
	rig_sync(r);
	if (cold)
		rig_forget(r);
	rig_forget_requests(r);
	rig_chmod(r, "f", 0600);
	rig_chmod(r, "d", 0700);
	rig_sync(r);
	if (cold)
		rig_forget(r);
	rig_rename(r, "f", "d/g");
	rig_sync(r);
	if (cold)
		rig_forget(r);
	assert_int_equal(vfs_link(r->f.v, vfs_fixture_find(&r->f, "d/g"),
				  META_ROOT_INO, "h", &e),
			 0);
	rig_sync(r);
	if (cold)
		rig_forget(r);
	rig_write(r, "h", "other");
	rig_sync(r);
	assert_int_equal(rig_count(r, "PutObject " PLACE), 0);
	has_big_cold(r, "h");
	has(r, "d/g", "user.big", 'a', LARGE);
	has(r, "d", "user.dir", 'd', LARGE);
	rig_is(r, "h", "other");
}

static void test_carried(void **state)
{
	carried(*state, false);
}

static void test_carried_cold(void **state)
{
	carried(*state, true);
}

/*
 * Names of one file that are saved at once tell the same: one has it sent, and
 * whoever comes meanwhile waits for that.
 */
static void test_links(void **state)
{
	struct rig *r = *state;
	char name[16], key[256], *first;
	struct vfs_entry e;
	pthread_t thread;
	void *rc;

	rig_write(r, "f", "text");
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		assert_int_equal(vfs_link(r->f.v, vfs_fixture_find(&r->f, "f"),
					  META_ROOT_INO, name, &e),
				 0);
	}
	rig_sync(r);
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_gate(r, "PutObject " PLACE, RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	usleep(100000); /* so that they do come */
	rig_gate(r, NULL, RIG_BEFORE);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_int_equal((intptr_t)rc, 0);
	overflow_of(r, "f", key, sizeof(key));
	assert_int_equal(rig_versions(r, key), 1);
	first = rig_meta(r, "f", REF);
	assert_non_null(first);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		rig_meta_is(r, name, REF, first);
	}
	free(first);
	has_big_cold(r, "l3");
}

/*
 * A list that metadata has no room for: it is handed down, also when nobody has
 * asked for it, and where it cannot be read nothing is.
 */
static void test_lists(void **state)
{
	struct rig *r = *state;
	struct acl acl;
	struct vfs_entry e;
	size_t size = make_acl(&acl, USERS);
	int rc;

	rig_mkdir(r, "d");
	assert_int_equal(vfs_setxattr(r->f.v, vfs_fixture_find(&r->f, "d"),
				      XATTR_NAME_POSIX_ACL_DEFAULT, &acl, size,
				      0),
			 0);
	rig_sync(r);
	for (int round = 0; round < 2; round++) {
		char path[16];
		struct buf value;

		rig_forget(r);
		snprintf(path, sizeof(path), "d/f%d", round);
		if (round) {
			rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -EACCES,
				 100);
			rc = vfs_mkdir(r->f.v, vfs_fixture_find(&r->f, "d"),
				       "f1", 0755, &vfs_fixture_caller, &e);
			assert_int_equal(rc, -EIO);
			assert_int_equal(rig_there(r, path), -ENOENT);
			/* To a link nothing is handed down. */
			rig_forget_requests(r);
			rc = vfs_symlink(r->f.v, vfs_fixture_find(&r->f, "d"),
					 "l", "f0", &vfs_fixture_caller, &e);
			assert_int_equal(rc, 0);
			assert_int_equal(rig_count(r, "GetObject " PLACE), 0);
			break;
		}
		rig_write(r, path, "text");
		assert_int_equal(
			get(r, path, XATTR_NAME_POSIX_ACL_ACCESS, &value), 0);
		assert_int_equal(value.len, size);
		buf_release(&value);
		rig_sync(r);
	}
}

/* Nobody sees where it is. */
static void test_hidden(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	char names[256];

	save_big(r, "f");
	for (int round = 0; round < 2; round++) {
		rig_lists(r, "", "f");
		assert_int_equal(rig_there(r, ".vers3"), -ENOENT);
		assert_int_equal(rig_list(r, ".versions", false, names,
					  sizeof(names)),
				 0);
		assert_string_equal(names, "f/");
		assert_int_equal(rig_there(r, ".versions/.vers3"), -ENOENT);
		assert_int_equal(vfs_mkdir(r->f.v, META_ROOT_INO, ".vers3",
					   0755, &vfs_fixture_caller, &e),
				 -EPERM);
		assert_int_equal(rig_try_rename(r, "f", ".vers3", 0), -EPERM);
		rig_forget(r);
	}
}

/* A limit as ext4 has it, and nothing that was accepted cannot be sent. */
static void test_limits(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.most", 'a', 64 * KIB), 0);
	assert_int_equal(set(r, "f", "user.more", 'b', 1), -ENOSPC);
	assert_int_equal(set(r, "f", "user.most", 'a', 64 * KIB + 1), -E2BIG);
	has(r, "f", "user.most", 'a', 64 * KIB);
	rig_sync(r);
	rig_forget(r);
	has(r, "f", "user.most", 'a', 64 * KIB);
	assert_int_equal(set(r, "f", "user.more", 'b', 1), -ENOSPC);
	lists(r, "f", "user.most ");
}

/* Many small ones, more than metadata has names for. */
static void test_many(void **state)
{
	struct rig *r = *state;
	char name[32];

	rig_write(r, "f", "text");
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "user.%d", i);
		assert_int_equal(set(r, "f", name, 'a', 1), 0);
	}
	rig_sync(r);
	rig_forget(r);
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "user.%d", i);
		has(r, "f", name, 'a', 1);
	}
}

/* Killed between the two requests: both are there when it goes on. */
static void test_killed(void **state)
{
	struct rig *r = *state;
	char key[256];

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_fail(r, "PutObject f", RIG_BEFORE, -EIO, 1);
	assert_int_not_equal(rig_try_sync(r, NULL), 0);
	rig_holds(r, "f", NULL);
	rig_kill(r);
	has(r, "f", "user.big", 'a', LARGE);
	rig_forget_requests(r);
	rig_sync(r);
	/* It was there already. */
	assert_int_equal(rig_count(r, "PutObject " PLACE), 0);
	overflow_of(r, "f", key, sizeof(key));
	assert_int_equal(rig_versions(r, key), 1);
	has_big_cold(r, "f");
	rig_is(r, "f", "text");
}

/* Killed before anything was sent. */
static void test_killed_early(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_kill(r);
	has(r, "f", "user.big", 'a', LARGE);
	rig_sync(r);
	has_big_cold(r, "f");
}

/* Refused, it is no reference to nothing: the file is unsent, and says so. */
static void test_refused(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_fail(r, "PutObject " PLACE, RIG_BEFORE, -EACCES, 1);
	assert_int_equal(rig_try_sync(r, NULL), -EACCES);
	rig_holds(r, "f", NULL);
	has(r, "f", "user.big", 'a', LARGE);
	rig_sync(r);
	has_big_cold(r, "f");
}

/*
 * Taken away by others: where a version was named it is found for good;
 * purged, the file is of use without, and names it still. Put back it is read.
 */
static void test_gone(void **state)
{
	struct rig *r = *state;
	char key[256], names[256], *ref;
	bool versioned = r->f.config.versioned;
	unsigned char *data;
	size_t size;

	save_big(r, "f");
	overflow_of(r, "f", key, sizeof(key));
	ref = rig_meta(r, "f", REF);
	rig_get_bytes(r, key, &data, &size);
	rig_remove(r, key);
	rig_forget(r);
	if (versioned) {
		has(r, "f", "user.big", 'a', LARGE);
		rig_forget(r);
	}
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -ENOENT, 100);
	assert_int_equal(try_get(r, "f", "user.big"), -EIO);
	assert_int_equal(try_get(r, "f", "user.none"), -EIO);
	assert_int_equal(try_list(r, "f", names, sizeof(names)), -EIO);
	assert_int_equal(set(r, "f", "user.new", 'b', 1), -EIO);
	assert_int_equal(try_get(r, "f", XATTR_NAME_POSIX_ACL_ACCESS),
			 -ENODATA);
	rig_is(r, "f", "text");
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	rig_rename(r, "f", "g");
	rig_write(r, "g", "new");
	rig_sync(r);
	rig_meta_is(r, "g", REF, ref);
	free(ref);
	rig_fail(r, "GetObject " PLACE, RIG_BEFORE, -ENOENT, 0);
	rig_put(r, key, data, size);
	free(data);
	has_big_cold(r, "g");
}

/* One that goes up in parts has them with its only version. */
static void test_parts(void **state)
{
	size_t size = (size_t)20 << 20;
	unsigned char *bytes = rig_bytes(5, size);
	struct rig *r = *state;

	rig_write_bytes(r, "f", bytes, size);
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_sync(r);
	has_big_cold(r, "f");
	/* And when a part of it changes, and it moves. */
	rig_rename(r, "f", "g");
	rig_sync(r);
	rig_forget(r);
	bytes[0]++;
	rig_write_bytes(r, "g", bytes, size);
	rig_sync(r);
	has_big_cold(r, "g");
	rig_holds_bytes(r, "g", bytes, size);
	free(bytes);
}

/* What copies a bucket copies names and bytes; versions have other ids there.
 */
static void test_copied(void **state)
{
	static const char *const odd[][2] = {
		{"pre/", "?versionId=none"},
		{"elsewhere/", "?versionId=none"},
		{"elsewhere/", ""},
	};
	struct rig *r = *state;
	char key[256];

	save_big(r, "f");
	overflow_of(r, "f", key, sizeof(key));
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		char ref[512];
		const char *const pairs[] = {REF, ref, NULL};

		snprintf(ref, sizeof(ref), "%s%s%s", odd[i][0], key, odd[i][1]);
		put_with(r, "copy", "text", pairs);
		has_big_cold(r, "copy");
	}
}

/* What removes old versions leaves what kept ones need. */
static void test_purged(void **state)
{
	struct rig *r = *state;
	char path[512], key[256], answer[512];

	r->f.config.versions = MOUNT_VERSIONS_PURGE;
	rig_restart(r);
	rig_write(r, "f", "one");
	assert_int_equal(set(r, "f", "user.big", 'a', LARGE), 0);
	rig_sync(r);
	overflow_of(r, "f", key, sizeof(key));
	rig_write(r, "f", "two");
	rig_sync(r);
	/* As old as it can be: others have deleted it. */
	rig_remove(r, key);
	assert_int_equal(rig_versions(r, key), 1);
	assert_int_equal(control_run(r->f.v, "purge / keep=0", answer,
				     sizeof(answer)),
			 0);
	assert_int_equal(rig_versions(r, "f"), 1);
	assert_int_equal(rig_versions(r, key), 1);
	rig_forget(r);
	version(r, "f", 0, path, sizeof(path));
	has(r, path, "user.big", 'a', LARGE);
	has(r, "f", "user.big", 'a', LARGE);
	rig_is(r, "f", "two");
}

/* Others' references lead to nothing but what they tell. */
static void test_forged(void **state)
{
	static const char *const refs[] = {
		"",
		"pre/secret",
		"pre/secret?versionId=x",
		"pre/" PLACE "../../secret",
		"?versionId=;rights",
		"pre/" PLACE "0000000000000000000000000000000000000000000000000"
		"00000000000000Z",
		"pre/" PLACE "0000000000000000000000000000000000000000000000000"
		"000000000000000",
		"%00pre/" PLACE "0000000000000000000000000000000000000000000000"
		"000000000000000000",
	};
	struct rig *r = *state;
	char key[32];

	rig_put_text(r, "secret", "user.big=c2VjcmV0\n");
	for (size_t i = 0; i < sizeof(refs) / sizeof(*refs); i++) {
		const char *const pairs[] = {REF, refs[i], NULL};

		snprintf(key, sizeof(key), "f%zu", i);
		put_with(r, key, "text", pairs);
		assert_int_not_equal(try_get(r, key, "user.big"), 0);
		rig_is(r, key, "text");
		rig_chmod(r, key, 0600);
	}
	rig_sync(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_cold),
		RIG_TEST_UNVERSIONED(test_cold),
		RIG_TEST(test_back),
		RIG_TEST(test_versions),
		RIG_TEST(test_carried),
		RIG_TEST_UNVERSIONED(test_carried),
		RIG_TEST(test_carried_cold),
		RIG_TEST_UNVERSIONED(test_carried_cold),
		RIG_TEST(test_links),
		RIG_TEST_UNVERSIONED(test_links),
		RIG_TEST(test_lists),
		RIG_TEST(test_hidden),
		RIG_TEST(test_limits),
		RIG_TEST(test_many),
		RIG_TEST(test_killed),
		RIG_TEST_UNVERSIONED(test_killed),
		RIG_TEST(test_killed_early),
		RIG_TEST(test_refused),
		RIG_TEST(test_gone),
		RIG_TEST_UNVERSIONED(test_gone),
		RIG_TEST(test_parts),
		RIG_TEST_UNVERSIONED(test_parts),
		RIG_TEST(test_copied),
		RIG_TEST_UNVERSIONED(test_copied),
		RIG_TEST(test_purged),
		RIG_TEST(test_forged),
	};

	return cmocka_run_group_tests_name("overflow", tests, NULL, NULL);
}
