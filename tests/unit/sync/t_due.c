/* SPDX-License-Identifier: Apache-2.0 */
/* When a key is sent, and who is waited for. */
#include "../vfs_rig.h"

#include "vers3/journal/journal.h"
#include "vers3/meta/dirty.h"

#include "syncer_rig.h"

/* An fsync that follows another closely is not told of the earlier save. */
static void test_fsync(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);

	for (int i = 0; i < 300; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%06d", i);
		rig_pwrite(r, file, 0, text, 6);
		assert_int_equal(vfs_fsync(r->f.v, file), 0);
		rig_holds(r, "f", text);
	}
	assert_int_equal(rig_versions(r, "f"), 300);
	vfs_release(r->f.v, file);
}

/* What was done before an fsync is on disk after it, of a clean file too. */
static void test_fsync_commits(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	rig_write(r, "f", "1");
	rig_write(r, "g", "1");
	rig_sync(r);
	file = rig_open(r, "f", O_RDWR);
	rig_unlink(r, "g");
	assert_int_equal(vfs_fsync(r->f.v, file), 0);
	assert_int_equal(meta_lock(r->f.v->mount->meta), 0);
	assert_int_equal(meta_pending_ns(r->f.v->mount->meta), 0);
	meta_unlock(r->f.v->mount->meta);
	vfs_release(r->f.v, file);
}

/* Whatever was changed, and however long nothing was: it goes by itself. */
static void test_wakes(void **state)
{
	static const char *const acts[] = {"xattr", "no xattr", "link",
					   "chmod"};
	struct rig *r = *state;
	struct vfs *v;

	r->f.config.commit_ns = 50 * NS_PER_MS;
	rig_restart(r);
	v = r->f.v;
	rig_write(r, "f", "one");
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		struct vfs_entry e;

		print_message("%s\n", acts[i]);
		wait_clean(r);
		/* The scheduler has seen that there is nothing, and sleeps. */
		while (!rig_idle(r))
			usleep(1000);
		assert_int_equal(rig_lookup(r, "f", &e), 0);
		if (i == 0)
			assert_int_equal(
				vfs_setxattr(v, e.ino, "user.a", "1", 1, 0), 0);
		else if (i == 1)
			assert_int_equal(vfs_removexattr(v, e.ino, "user.a"),
					 0);
		else if (i == 2)
			assert_int_equal(
				vfs_link(v, e.ino, META_ROOT_INO, "g", &e), 0);
		else
			rig_chmod(r, "f", 0600);
		assert_true(rig_dirty(r) > 0);
		wait_clean(r);
	}
}

static bool is_pending_below(struct rig *r, const char *prefix, uint64_t since)
{
	bool is;

	assert_int_equal(meta_lock(r->f.v->mount->meta), 0);
	is = journal_pending_below(r->f.v->journal, prefix, since);
	meta_unlock(r->f.v->mount->meta);
	return is;
}

/* What is remembered for lists does not grow while there always is one. */
static void test_settled(void **state)
{
	struct rig *r = *state;
	struct journal *j = r->f.v->journal;
	uint64_t older = journal_list_begin(j), newer;
	char key[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "d/%d", i);
		journal_note_commit(j, key);
		newer = journal_list_begin(j);
		snprintf(key, sizeof(key), "e/%d", i);
		journal_note_commit(j, key);
		assert_true(journal_committed_after(j, key, older));
		assert_true(journal_committed_after(j, key, newer));
		assert_true(is_pending_below(r, "e/", newer));
		snprintf(key, sizeof(key), "d/%d", i);
		assert_true(journal_committed_after(j, key, older));
		assert_false(journal_committed_after(j, key, newer));
		assert_false(is_pending_below(r, "d/", newer));
		journal_list_end(j, older);
		assert_true(journal_commit_count(j) < 10);
		assert_false(journal_committed_after(j, key, newer));
		older = newer;
	}
	journal_list_end(j, older);
	assert_int_equal(journal_commit_count(j), 0);
}

/* A directory's own object waits for the files of its tree, and no others. */
static void test_directory_last(void **state)
{
	struct rig *r = *state;

	r->f.config.commit_ns = 50 * NS_PER_MS;
	rig_restart(r);
	rig_gate(r, "PutObject d/f", RIG_BEFORE);
	rig_mkdir(r, "d");
	rig_write(r, "d/f", "one");
	rig_wait_held(r);
	rig_mkdir(r, "d/sub");
	rig_mkdir(r, "e");
	/* Made later, so it is due later. */
	rig_write(r, "z", "two");
	while (!rig_count(r, "PutObject z") || !rig_count(r, "PutObject e/"))
		usleep(1000);
	assert_int_equal(rig_count(r, "PutObject d/sub/"), 0);
	assert_int_equal(rig_count(r, "PutObject d/"), 1);
	rig_gate(r, NULL, RIG_BEFORE);
	wait_clean(r);
	rig_changed(r, "PutObject d/; PutObject d/f; PutObject d/sub/; "
		       "PutObject e/; PutObject z");
}

/* As if its first change that is not saved had been so long ago. */
static void wait_longer(struct rig *r, const char *key, int64_t ns)
{
	struct meta *m = r->f.v->mount->meta;
	struct meta_dirty dirty;

	assert_int_equal(meta_lock(m), 0);
	assert_int_equal(meta_dirty_get(m, key, &dirty), 0);
	dirty.since_ns -= ns;
	assert_int_equal(meta_dirty_put(m, &dirty), 0);
	meta_unlock(m);
}

static void append(struct rig *r, const char *path, uint64_t at)
{
	struct vfs_file *file = rig_open(r, path, O_WRONLY);

	rig_pwrite(r, file, at, "line\n", 5);
	vfs_release(r->f.v, file);
}

/* A log that is opened for each line is never quiet: it goes all the same. */
static void test_closed_again(void **state)
{
	struct rig *r = *state;
	uint64_t lines = 1;

	r->f.config.commit_ns = 2 * NS_PER_S;
	rig_restart(r);
	rig_write(r, "log", "line\n");
	rig_sync(r);
	rig_forget_requests(r);
	append(r, "log", 5 * lines++);
	wait_longer(r, "log", 60 * NS_PER_S);
	alarm(60);
	while (!rig_count(r, "PutObject log")) {
		append(r, "log", 5 * lines++);
		usleep(300000);
	}
	alarm(0);
	assert_true(lines < 15);
	rig_sync(r);
}

static void test_sync_mode(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	r->f.config.sync = true;
	rig_restart(r);
	file = rig_open(r, "f", O_CREAT | O_RDWR);
	rig_pwrite(r, file, 0, "one", 3);
	rig_fail(r, "PutObject f", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(vfs_flush(r->f.v, file), -EACCES);
	assert_int_equal(vfs_flush(r->f.v, file), 0);
	rig_holds(r, "f", "one");
	vfs_release(r->f.v, file);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_fsync),	   TEST(test_fsync_commits),
		TEST(test_wakes),	   TEST(test_settled),
		TEST(test_directory_last), TEST(test_closed_again),
		TEST(test_sync_mode),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
