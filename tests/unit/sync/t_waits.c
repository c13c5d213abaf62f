/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever fails for ever: each waiter ends, with the error of what failed,
 * and what does not fail is saved.
 */
#include "../vfs_rig.h"

#include <signal.h>
#include <sys/resource.h>

#include "../../../src/sync/syncer_impl.h"
#include "vers3/history/named_snapshots.h"

#define LIMIT_S 30 /* in which nothing is saved, for what takes a second */
#define FOREVER 1000000

enum kind {
	FSYNC,
	FSYNC_DIR,
	SYNC,
	DRAIN, /* how many keys are left, or an error */
	POINT,
};

struct wait {
	struct rig *r;
	enum kind kind;
	const char *path;
	struct vfs_file *file; /* of FSYNC */
	uint64_t ino; /* of FSYNC_DIR */
	int rc;
	uint64_t left;
	pthread_t thread;
};

static void *wait_thread(void *arg)
{
	struct wait *w = arg;
	struct vfs *v = w->r->f.v;

	switch (w->kind) {
	case FSYNC:
		w->rc = vfs_fsync(v, w->file);
		vfs_release(v, w->file);
		break;
	case FSYNC_DIR:
		w->rc = vfs_fsyncdir(v, w->ino);
		break;
	case SYNC:
		w->rc = syncer_sync_all(v->syncer, w->path, &w->left);
		break;
	case DRAIN:
		w->rc = vfs_drain(v);
		break;
	case POINT:
		w->rc = named_snapshots_make(v->view, w->path);
		break;
	}
	return NULL;
}

/*
 * What is waited for is opened here: the thread may begin when nothing can be
 * opened any more, and it must not assert.
 */
static void begin(struct wait *w)
{
	if (w->kind == FSYNC)
		w->file = rig_open(w->r, w->path, O_RDWR);
	if (w->kind == FSYNC_DIR)
		w->ino = vfs_fixture_find(&w->r->f, w->path);
	assert_int_equal(pthread_create(&w->thread, NULL, wait_thread, w), 0);
}

/*
 * Thousands of keys take their time on a busy machine, and more so under
 * sanitizers: what counts is that none of them has been saved for so long.
 */
static int end(struct wait *w)
{
	uint64_t left = UINT64_MAX, now;
	int idle_s = 0;

	for (;;) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		if (!pthread_timedjoin_np(w->thread, NULL, &until))
			return w->rc;
		now = rig_dirty(w->r);
		idle_s = now < left ? 0 : idle_s + 1;
		left = now < left ? now : left;
		if (idle_s == LIMIT_S)
			fail_msg("waits for ever: kind %d of '%s'", w->kind,
				 w->path);
	}
}

static int outcome(struct rig *r, enum kind kind, const char *path)
{
	struct wait w = {.r = r, .kind = kind, .path = path};

	begin(&w);
	return end(&w);
}

static int restart(struct rig *r)
{
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	return 0;
}

static int setup(void **state)
{
	return rig_setup(state) || restart(*state);
}

static int setup_unversioned(void **state)
{
	return rig_setup_unversioned(state) || restart(*state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)
#define TEST_UNVERSIONED(fn)                                                   \
	cmocka_unit_test_setup_teardown(fn, setup_unversioned, rig_teardown)

/* One key that the bucket never takes. */
static void test_refused(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "d");
	rig_write(r, "d/f", "one");
	rig_write(r, "d/g", "two");
	rig_write(r, "h", "three");
	rig_fail(r, "PutObject d/f", RIG_BEFORE, -EACCES, FOREVER);
	assert_int_equal(outcome(r, FSYNC, "d/f"), -EACCES);
	assert_int_equal(outcome(r, FSYNC_DIR, "d"), -EACCES);
	rig_holds(r, "d/g", "two");
	assert_int_equal(outcome(r, SYNC, "d"), -EACCES);
	assert_int_equal(outcome(r, POINT, "p"), -EACCES);
	rig_holds(r, "h", "three");
	assert_int_equal(outcome(r, SYNC, "h"), 0);
	assert_int_equal(outcome(r, DRAIN, ""), 1);
	/* And when it is taken again: */
	rig_fail(r, "PutObject d/f", RIG_BEFORE, 0, 0);
	assert_int_equal(outcome(r, POINT, "p"), 0);
	rig_holds(r, "d/f", "one");
}

static void test_delete_refused(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "one");
	rig_write(r, "g", "two");
	rig_sync(r);
	rig_unlink(r, "f");
	rig_write(r, "g", "three");
	rig_fail(r, "DeleteObject f", RIG_BEFORE, -EACCES, FOREVER);
	assert_int_equal(outcome(r, SYNC, ""), -EACCES);
	assert_int_equal(outcome(r, FSYNC, "g"), 0);
	assert_int_equal(outcome(r, SYNC, "f"), -EACCES);
	assert_int_equal(outcome(r, POINT, "p"), -EACCES);
	assert_int_equal(outcome(r, DRAIN, ""), 1);
	rig_holds(r, "g", "three");
}

/*
 * As logrotate does it where sources of copies cannot be named by a version:
 * each key waits for the next, and the last is refused.
 */
static void test_chain(void **state)
{
	struct rig *r = *state;
	struct wait w = {.r = r, .kind = FSYNC, .path = "log"};

	rig_write(r, "log", "new");
	rig_write(r, "log.1", "older");
	rig_write(r, "log.2", "oldest");
	rig_sync(r);
	rig_rename(r, "log.2", "log.3");
	rig_rename(r, "log.1", "log.2");
	rig_rename(r, "log", "log.1");
	rig_write(r, "log", "newest");
	rig_write(r, "other", "one");
	rig_fail(r, "CopyObject log.3", RIG_BEFORE, -EACCES, FOREVER);
	assert_int_equal(outcome(r, FSYNC, "log"), -EACCES);
	assert_int_equal(outcome(r, FSYNC, "log.1"), -EACCES);
	assert_int_equal(outcome(r, FSYNC, "log.3"), -EACCES);
	assert_int_equal(outcome(r, SYNC, "log"), -EACCES);
	assert_int_equal(outcome(r, SYNC, "other"), 0);
	assert_int_equal(outcome(r, SYNC, ""), -EACCES);
	assert_int_equal(outcome(r, DRAIN, ""), 4);
	rig_holds(r, "other", "one");
	rig_holds(r, "log", "new");
	rig_holds(r, "log.1", "older");
	rig_holds(r, "log.2", "oldest");
	/* One who waits for the first has all of them sent. */
	rig_fail(r, "CopyObject log.3", RIG_BEFORE, 0, 0);
	begin(&w);
	assert_int_equal(end(&w), 0);
	rig_holds(r, "log", "newest");
	rig_holds(r, "log.1", "new");
	rig_holds(r, "log.2", "older");
	rig_holds(r, "log.3", "oldest");
	assert_int_equal(outcome(r, SYNC, ""), 0);
}

/* Whoever waits for the old place has the new one sent, wherever that is. */
static void test_elsewhere(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "a");
	rig_mkdir(r, "b");
	rig_write(r, "a/x", "one");
	rig_sync(r);
	rig_rename(r, "a/x", "b/x");
	assert_int_equal(outcome(r, SYNC, "a"), 0);
	rig_holds(r, "a/x", NULL);
	rig_holds(r, "b/x", "one");
}

/* The children of renamed directories, in a row. */
static void test_directories(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "d");
	rig_mkdir(r, "e");
	rig_write(r, "d/x", "1");
	rig_write(r, "d/y", "2");
	rig_write(r, "e/x", "3");
	rig_write(r, "e/y", "4");
	rig_sync(r);
	rig_rename(r, "e", "f");
	rig_rename(r, "d", "e");
	rig_fail(r, "CopyObject f/x", RIG_BEFORE, -EACCES, FOREVER);
	assert_int_equal(outcome(r, FSYNC, "e/x"), -EACCES);
	assert_int_equal(outcome(r, SYNC, "d"), -EACCES);
	assert_int_equal(outcome(r, FSYNC_DIR, "e"), -EACCES);
	assert_int_equal(outcome(r, SYNC, ""), -EACCES);
	assert_int_equal(outcome(r, DRAIN, ""), 3);
	rig_holds(r, "f/y", "4");
	rig_holds(r, "e/y", "2");
	rig_holds(r, "d/y", NULL);
	rig_holds(r, "e/x", "3");
	rig_holds(r, "d/x", "1");
	rig_fail(r, "CopyObject f/x", RIG_BEFORE, 0, 0);
	assert_int_equal(outcome(r, SYNC, ""), 0);
	rig_holds(r, "f/x", "3");
	rig_holds(r, "e/x", "1");
	rig_holds(r, "d/x", NULL);
}

/* More old names than one look takes come before the new ones. */
static void test_many(void **state)
{
	struct rig *r = *state;
	char path[32];

	rig_mkdir(r, "d");
	for (int i = 0; i < 4500; i++) {
		snprintf(path, sizeof(path), "d/%d", i);
		rig_write(r, path, "");
		if (i % 5)
			continue;
		rig_write(r, path, "x");
	}
	rig_sync(r);
	rig_rename(r, "d", "e");
	assert_int_equal(outcome(r, SYNC, ""), 0);
	rig_holds(r, "e/4495", "x");
	rig_holds(r, "d/4495", NULL);
}

/* Nothing can be sent: not every key has to find that out for itself. */
static void test_outage(void **state)
{
	struct rig *r = *state;
	struct wait one = {.r = r, .kind = FSYNC, .path = "f1999"};
	static const int errors[] = {-ETIMEDOUT, -EPROTO};
	char path[16];

	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		rig_write(r, path, path);
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		rig_forget_requests(r);
		rig_fail(r, "PutObject", RIG_BEFORE, errors[i], FOREVER);
		assert_int_equal(outcome(r, SYNC, ""), errors[i]);
		assert_int_equal(outcome(r, POINT, "p"), errors[i]);
		assert_int_equal(outcome(r, DRAIN, ""), 2000);
		assert_true(rig_count(r, "PutObject") < 2000);
	}
	/* One key that breaks each connection holds up no other one. */
	rig_fail(r, "PutObject f1", RIG_BEFORE, 0, 0);
	rig_fail(r, "PutObject f1999", RIG_BEFORE, -ETIMEDOUT, FOREVER);
	assert_int_equal(outcome(r, SYNC, ""), -ETIMEDOUT);
	assert_int_equal(outcome(r, DRAIN, ""), 1);
	rig_holds(r, "f0", "f0");
	rig_holds(r, "f1998", "f1998");
	begin(&one);
	assert_int_equal(end(&one), -ETIMEDOUT);
}

/* Nor all that is to be deleted, if each key has to be asked for. */
static void test_outage_deletes(void **state)
{
	struct rig *r = *state;
	char path[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		rig_write(r, path, path);
	}
	rig_sync(r);
	rig_fail(r, "Delete", RIG_BEFORE, -ETIMEDOUT, FOREVER);
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		rig_unlink(r, path);
	}
	assert_int_equal(outcome(r, SYNC, ""), -ETIMEDOUT);
	rig_forget_requests(r);
	assert_int_equal(outcome(r, SYNC, ""), -ETIMEDOUT);
	assert_in_range(rig_count(r, "DeleteObjects 8"), 3, 100);
	assert_int_equal(outcome(r, DRAIN, ""), 1000);
	rig_fail(r, "Delete", RIG_BEFORE, 0, 0);
	assert_int_equal(outcome(r, SYNC, ""), 0);
	rig_holds(r, "f999", NULL);
}

/* The name is gone or another file's: nobody waits for what comes of it. */
static void test_renamed(void **state)
{
	struct rig *r = *state;
	struct wait w = {.r = r, .kind = FSYNC, .path = "f"};

	rig_write(r, "f", "one");
	rig_gate(r, "PutObject f", RIG_BEFORE);
	begin(&w);
	rig_wait_held(r);
	rig_rename(r, "f", "a");
	/* Its new name stands before the old one. */
	for (int i = 0; !rig_versions(r, "a") && i < LIMIT_S * 100; i++)
		usleep(10000);
	assert_int_equal(end(&w), 0);
	rig_holds(r, "a", "one");
	rig_gate(r, NULL, RIG_BEFORE);
}

static void put_after(struct rig *r, const char *key, const char *after)
{
	struct meta_dirty dirty;

	assert_int_equal(meta_dirty_get(r->f.meta, key, &dirty), 0);
	strcpy(dirty.depends_on, after);
	assert_int_equal(meta_dirty_put(r->f.meta, &dirty), 0);
}

/* Notes that have lost their reason hold nothing, whatever they come to. */
static void test_stale_notes(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "one");
	rig_write(r, "g", "two");
	rig_write(r, "h", "three");
	rig_fail(r, "PutObject h", RIG_BEFORE, -EACCES, FOREVER);
	assert_int_equal(outcome(r, SYNC, "h"), -EACCES);
	assert_int_equal(meta_lock(r->f.meta), 0);
	put_after(r, "f", "g");
	put_after(r, "g", "f");
	meta_unlock(r->f.meta);
	assert_int_equal(outcome(r, SYNC, "f"), 0);
	assert_int_equal(outcome(r, SYNC, "g"), 0);
	rig_write(r, "f", "four");
	assert_int_equal(meta_lock(r->f.meta), 0);
	put_after(r, "f", "h");
	meta_unlock(r->f.meta);
	assert_int_equal(outcome(r, SYNC, "f"), 0);
	rig_holds(r, "f", "four");
	rig_holds(r, "g", "two");
}

static void set_file_limit(struct rlimit *old, rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	*old = limit;
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A namespace that takes no more changes, as after an error of its disk. */
static void fail_meta(struct rig *r)
{
	struct rlimit old, now;
	int rc = 0;

	signal(SIGXFSZ, SIG_IGN);
	set_file_limit(&old, 0);
	for (int i = 0; !rc && i < LIMIT_S * 100; i++) {
		rc = meta_lock(r->f.meta);
		if (rc)
			break;
		meta_sys_put_u64(r->f.meta, "test", (uint64_t)i);
		meta_unlock(r->f.meta);
		usleep(10000);
	}
	set_file_limit(&now, old.rlim_cur);
	assert_int_equal(rc, -EIO);
}

static void test_meta_failed(void **state)
{
	struct rig *r = *state;
	struct wait waits[] = {
		{.r = r, .kind = FSYNC, .path = "f"},
		{.r = r, .kind = FSYNC, .path = "g"},
		{.r = r, .kind = SYNC, .path = "f"},
		{.r = r, .kind = SYNC, .path = ""},
		{.r = r, .kind = POINT, .path = "p"},
	};
	size_t count = sizeof(waits) / sizeof(*waits);

	rig_write(r, "f", "one");
	rig_write(r, "g", "two");
	rig_gate(r, "PutObject", RIG_BEFORE);
	for (size_t i = 0; i < count; i++)
		begin(&waits[i]);
	rig_wait_held(r);
	fail_meta(r);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(end(&waits[i]), -EIO);
	/* Those that come later, and while it goes on. */
	assert_int_equal(outcome(r, SYNC, ""), -EIO);
	rig_gate(r, NULL, RIG_BEFORE);
	assert_int_equal(outcome(r, POINT, "p"), -EIO);
}

/* The syncer ends while somebody waits, as when a mount breaks off. */
static void test_shutdown(void **state)
{
	struct rig *r = *state;
	struct wait one = {.r = r, .kind = SYNC, .path = "f"};
	struct wait all = {.r = r, .kind = SYNC, .path = ""};
	struct syncer_stats st;

	rig_write(r, "f", "one");
	rig_write(r, "g", "two");
	rig_gate(r, "PutObject", RIG_BEFORE);
	begin(&one);
	begin(&all);
	rig_wait_held(r);
	do
		syncer_read_stats(r->f.v->syncer, &st);
	while (st.in_flight < 2);
	rig_fail(r, "PutObject", RIG_BEFORE, -EAGAIN, FOREVER);
	rig_gate(r, NULL, RIG_BEFORE);
	rig_restart(r);
	assert_int_equal(end(&one), -ESHUTDOWN);
	assert_int_equal(end(&all), -ESHUTDOWN);
	rig_fail(r, "PutObject", RIG_BEFORE, 0, 0);
	rig_sync(r);
}

/* Servers without tags, in all their words: what needs none is saved. */
static void test_no_tags(void **state)
{
	static const int errors[] = {-ENODATA, -EINVAL, -EOPNOTSUPP, -EACCES};
	struct rig *r = *state;

	rig_mkdir(r, "d");
	rig_sync(r);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		rig_forget_requests(r);
		rig_fail(r, "GetObjectTagging", RIG_BEFORE, errors[i], FOREVER);
		rig_chmod(r, "d", 0700 + (uint32_t)i);
		assert_int_equal(outcome(r, SYNC, ""), 0);
		assert_int_equal(rig_count(r, "GetObjectTagging d/"), 1);
	}
	rig_fail(r, "", RIG_BEFORE, 0, 0);
}

/* Until so many wait, each for what it has made due. */
static void wait_for_waiters(struct rig *r, unsigned want)
{
	struct syncer *s = r->f.v->syncer;
	struct waiter *waiter;
	unsigned count = 0;

	for (int i = 0; count < want && i < LIMIT_S * 1000; i++) {
		usleep(1000);
		count = 0;
		pthread_mutex_lock(&s->mutex);
		LIST_FOREACH(waiter, &s->waiters, entry)
			count++;
		pthread_mutex_unlock(&s->mutex);
	}
	assert_true(count >= want);
}

/*
 * The try that is under way when somebody comes fails: it began before, as the
 * last one of an outage may. It says nothing to whoever has come since.
 */
static void earlier_try(struct rig *r, const char *request, enum kind kind,
			const char *path)
{
	struct wait first = {.r = r, .kind = SYNC, .path = ""};
	struct wait later = {.r = r, .kind = kind, .path = path};

	rig_gate(r, request, RIG_BEFORE);
	begin(&first);
	rig_wait_held(r);
	begin(&later);
	wait_for_waiters(r, 2);
	rig_fail(r, request, RIG_BEFORE, -ECONNRESET, 1);
	rig_gate(r, NULL, RIG_BEFORE);
	assert_int_equal(end(&later), 0);
	assert_int_equal(end(&first), 0);
}

static void test_earlier_try(void **state)
{
	static const struct {
		enum kind kind;
		const char *path;
	} kinds[] = {{FSYNC, "f"},
		     {SYNC, "f"},
		     {SYNC, ""},
		     {DRAIN, ""},
		     {POINT, "p"}};
	struct rig *r = *state;
	char text[16];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		snprintf(text, sizeof(text), "%zu", i);
		rig_write(r, "f", text);
		earlier_try(r, "PutObject f", kinds[i].kind, kinds[i].path);
		rig_holds(r, "f", text);
	}
	rig_write(r, "g", "one");
	rig_sync(r);
	rig_unlink(r, "g");
	earlier_try(r, "DeleteObject g", DRAIN, "");
	rig_holds(r, "g", NULL);
}

/* The same, of a key that the one that is waited for has to wait for. */
static void test_earlier_try_held(void **state)
{
	struct rig *r = *state;

	rig_write(r, "log", "new");
	rig_sync(r);
	rig_rename(r, "log", "log.1");
	rig_write(r, "log", "newest");
	earlier_try(r, "CopyObject log.1", FSYNC, "log");
	rig_holds(r, "log", "newest");
	rig_holds(r, "log.1", "new");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_refused),
		TEST(test_delete_refused),
		TEST_UNVERSIONED(test_chain),
		TEST_UNVERSIONED(test_elsewhere),
		TEST_UNVERSIONED(test_directories),
		TEST_UNVERSIONED(test_many),
		TEST(test_outage),
		TEST(test_outage_deletes),
		TEST(test_renamed),
		TEST_UNVERSIONED(test_stale_notes),
		TEST(test_meta_failed),
		TEST(test_no_tags),
		TEST(test_earlier_try),
		TEST_UNVERSIONED(test_earlier_try_held),
		TEST(test_shutdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
