/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that are listed and must not be read: of another account, or under
 * a key that is not ours.
 */
#include "../vfs_rig.h"

#include <linux/fs.h>
#include <stdatomic.h>

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
		assert_int_equal(vfs_removexattr(r->f.v, e.ino, "user.a"),
				 -EACCES);
		assert_int_equal(vfs_removexattr(r->f.v, e.ino,
						 "system.posix_acl_access"),
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

/* Whose credentials have ended is refused all: that says nothing of a file. */
static void test_all_refused(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	put_some(r);
	r->f.config.ttl_ns = 600 * NS_PER_S;
	for (size_t i = 0; i < REFUSALS; i++) {
		rig_forget(r);
		rig_lists(r, "d", "a no z");
		refuse(r, "", refusals[i]);
		assert_int_equal(rig_lookup(r, "d/no", &e), refusals[i]);
		allow(r);
		assert_int_equal(rig_lookup(r, "d/no", &e), 0);
		assert_int_equal(e.st.st_mode, S_IFREG | 0640);
	}
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

/* Who must not read is told all the same that it is another one. */
static struct fault_decision no_match(void *ctx, const struct store_request *r)
{
	struct fault_decision d = no_looks(ctx, r);

	if (r->op != STORE_HEAD && is_conditional(r))
		d = (struct fault_decision){.kind = FAULT_STATUS,
					    .status = 412,
					    .code = "PreconditionFailed"};
	return d;
}

static struct fault_decision when_wanted(void *ctx,
					 const struct store_request *r)
{
	fault_fn fn = atomic_load((_Atomic(fault_fn) *)ctx);

	return fn ? fn(NULL, r) : (struct fault_decision){.kind = FAULT_NONE};
}

static _Atomic(fault_fn) wanted_fault;

/* The bucket holds these, and nothing is refused before wanted_fault is set. */
static void begin_others(struct rig *r, const char *keys)
{
	char key[2] = "";

	atomic_store(&wanted_fault, NULL);
	assert_int_equal(fault_store_new(when_wanted, &wanted_fault,
					 &r->f.store, &r->f.store),
			 0);
	rig_restart(r);
	for (; *keys; keys++) {
		*key = *keys;
		rig_put_text(r, key, "known");
	}
}

/* What its user has never seen is not deleted, whoever may see it. */
static void delete_others(struct rig *r, fault_fn fn, bool listed)
{
	begin_others(r, "abc");
	rig_lists(r, "", "a b c");
	rig_unlink(r, "a");
	rig_unlink(r, "b");
	rig_unlink(r, "c");
	rig_put_text(r, "a", "theirs");
	rig_put_text(r, "b", "theirs");
	atomic_store(&wanted_fault, fn);
	/* Which makes them suspect. */
	if (listed)
		rig_lists(r, "", "");
	rig_sync(r);
	rig_holds(r, "a", "theirs");
	rig_holds(r, "b", "theirs");
	rig_holds(r, "c", NULL);
	assert_int_equal(rig_conflicts(r), 2);
}

static void test_delete_others(void **state)
{
	delete_others(*state, no_match, false);
}

static void test_delete_others_listed(void **state)
{
	delete_others(*state, no_looks, true);
}

static void test_delete_others_denied(void **state)
{
	delete_others(*state, no_looks, false);
}

/* A save of ours whose answer was lost is ours, though it must not be read. */
static void test_delete_own(void **state)
{
	struct rig *r = *state;
	uint64_t left;

	begin_others(r, "");
	rig_write(r, "e", "ours");
	atomic_store(&wanted_fault, no_looks);
	r->tells_unsure = true;
	rig_fail(r, "PutObject e", RIG_AFTER, -ECONNRESET, ALWAYS);
	assert_int_not_equal(rig_try_sync(r, &left), 0);
	rig_holds(r, "e", "ours");
	rig_unlink(r, "e");
	rig_sync(r);
	rig_holds(r, "e", NULL);
	rig_lists(r, "", "");
	assert_int_equal(rig_conflicts(r), 0);
}

/* Ours on top of theirs is listed where the server says that it is there. */
static void test_write_others(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	r->f.config.ttl_ns = 3600 * NS_PER_S; /* nothing lists it first */
	begin_others(r, "d");
	rig_lists(r, "", "d");
	file = rig_open(r, "d", O_WRONLY);
	rig_pwrite(r, file, 0, "KNOWN", 5);
	vfs_release(r->f.v, file);
	rig_put_text(r, "d", "theirs");
	atomic_store(&wanted_fault, no_match);
	rig_sync(r);
	rig_holds(r, "d", "KNOWN");
	assert_int_equal(rig_conflicts(r), 1);
}

/* That nothing is there needs no right to read. */
static void test_make_others(void **state)
{
	struct rig *r = *state;

	begin_others(r, "");
	rig_write(r, "e", "ours");
	rig_put_text(r, "e", "theirs");
	atomic_store(&wanted_fault, no_looks);
	/* Which makes it suspect. */
	rig_lists(r, "", "e");
	rig_sync(r);
	rig_holds(r, "e", "ours");
	assert_int_equal(rig_conflicts(r), 1);
}

/* Who must not delete does not ask for each key again and again. */
static void test_no_deletes(void **state)
{
	struct rig *r = *state;
	char names[64], key[8];
	uint64_t left;

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "d/%d", i);
		rig_put_text(r, key, "x");
	}
	rig_put_text(r, "d/z", "x");
	assert_int_equal(rig_there(r, "d/z"), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "d/%d", i);
		rig_unlink(r, key);
	}
	rig_fail(r, "DeleteObject", RIG_BEFORE, -EACCES, ALWAYS);
	rig_forget_requests(r);
	assert_int_equal(rig_try_sync(r, &left), -EACCES);
	assert_int_equal(left, 100);
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	allow(r);
	rig_sync(r);
	assert_int_equal(rig_list(r, "d", false, names, sizeof(names)), 0);
	assert_string_equal(names, "z");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_stat),
		RIG_TEST(test_asked_once),
		RIG_TEST(test_all_refused),
		RIG_TEST(test_replace),
		RIG_TEST(test_move_directory),
		RIG_TEST(test_directory),
		RIG_TEST(test_large),
		RIG_TEST(test_conditions),
		RIG_TEST(test_delete_others),
		RIG_TEST(test_delete_others_listed),
		RIG_TEST(test_delete_others_denied),
		RIG_TEST(test_delete_own),
		RIG_TEST(test_write_others),
		RIG_TEST(test_make_others),
		RIG_TEST(test_no_deletes),
		RIG_TEST_UNVERSIONED(test_replace),
		RIG_TEST_UNVERSIONED(test_delete_others),
		RIG_TEST_UNVERSIONED(test_delete_others_listed),
		RIG_TEST_UNVERSIONED(test_delete_others_denied),
		RIG_TEST_UNVERSIONED(test_write_others),
		RIG_TEST_UNVERSIONED(test_make_others),
		RIG_TEST_UNVERSIONED(test_no_deletes),
		RIG_TEST_UNVERSIONED(test_move_directory),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
