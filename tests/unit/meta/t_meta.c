/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../meta_fixture.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

static void test_get_put_del(void **state)
{
	struct fixture *f = *state;
	unsigned char big[501] = {1};
	struct meta_val val;

	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_get(f->m, META_VIEW, "a", 1, &val), -ENOENT);
	fixture_put(f->m, "a", "1");
	fixture_put(f->m, "a", "2");
	assert_int_equal(meta_count(f->m, META_VIEW), 1);
	assert_int_equal(meta_get(f->m, META_VIEW, "a", 1, &val), 0);
	assert_int_equal(val.size, 1);
	assert_memory_equal(val.data, "2", 1);
	assert_int_equal(meta_put(f->m, META_VIEW, big, 500, "", 0), 0);
	assert_int_equal(meta_put(f->m, META_VIEW, big, 501, "", 0), -EINVAL);
	assert_int_equal(meta_put(f->m, META_VIEW, big, 0, "", 0), -EINVAL);
	assert_int_equal(meta_del(f->m, META_VIEW, "a", 1), 0);
	assert_int_equal(meta_del(f->m, META_VIEW, "a", 1), -ENOENT);
	assert_int_equal(meta_sys_put_u64(f->m, "n", UINT64_MAX - 1), 0);
	meta_unlock(f->m);
	fixture_reopen(f);
	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_get(f->m, META_VIEW, big, 500, &val), 0);
	uint64_t n = 0;
	assert_int_equal(meta_sys_get_u64(f->m, "n", &n), 0);
	assert_true(n == UINT64_MAX - 1);
	assert_int_equal(meta_sys_get_u64(f->m, "other", &n), -ENOENT);
	meta_unlock(f->m);
}

static void test_seek(void **state)
{
	static const struct {
		const char *key;
		size_t prefix_len;
		bool after;
		bool before; /* meta_seek_before() */
		const char *found; /* NULL: -ENOENT */
	} cases[] = {
		{"", 0, false, false, "aa"},   {"", 0, true, false, "aa"},
		{"aa", 0, false, false, "aa"}, {"aa", 0, true, false, "ab"},
		{"ab", 1, true, false, "abc"}, {"abc", 1, true, false, NULL},
		{"abc", 0, true, false, "c"},  {"b", 1, false, false, NULL},
		{"c", 0, true, false, NULL},   {"d", 0, false, false, NULL},
		{"a", 0, false, true, NULL},   {"aa", 0, false, true, NULL},
		{"ab", 0, false, true, "aa"},  {"ab", 2, false, true, NULL},
		{"az", 1, false, true, "abc"}, {"b", 1, false, true, NULL},
		{"z", 0, false, true, "c"},
	};
	struct fixture *f = *state;

	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_seek(f->m, META_VIEW, "", 0, 0, false, NULL, NULL,
				   NULL),
			 -ENOENT);
	fixture_put(f->m, "aa", "1");
	fixture_put(f->m, "ab", "2");
	fixture_put(f->m, "abc", "3");
	fixture_put(f->m, "c", "4");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char key[META_KEY_BUF];
		size_t len = strlen(cases[i].key);
		struct meta_val val;
		int rc;

		memcpy(key, cases[i].key, len);
		if (cases[i].before)
			rc = meta_seek_before(f->m, META_VIEW, key, len,
					      cases[i].prefix_len, key, &len,
					      &val);
		else
			rc = meta_seek(f->m, META_VIEW, key, len,
				       cases[i].prefix_len, cases[i].after, key,
				       &len, &val);
		assert_int_equal(rc, cases[i].found ? 0 : -ENOENT);
		if (rc)
			continue;
		key[len] = '\0';
		assert_string_equal(key, cases[i].found);
	}
	assert_int_equal(meta_del_prefix(f->m, META_VIEW, "ab", 2), 0);
	assert_int_equal(meta_count(f->m, META_VIEW), 2);
	meta_unlock(f->m);
}

/* Closes f, and expects that opening it for identity is refused. */
static void assert_refused(struct fixture *f, const char *identity, int error,
			   const char *word)
{
	struct meta *m = NULL;
	char reason[512] = "";

	meta_close(f->m);
	f->m = NULL;
	assert_int_equal(
		meta_open(f->dir, identity, reason, sizeof(reason), &m), error);
	assert_null(m);
	if (!strstr(reason, word))
		fail_msg("%s", reason);
	assert_null(strchr(reason, '\n'));
}

static void test_identity_refused(void **state)
{
	struct fixture *f = *state;

	assert_refused(f, "http://localhost other", -EXDEV, FIXTURE_IDENTITY);
	fixture_reopen(f);
}

/* The beginning of the environment's file: its heads and first pages. */
static void read_file(struct fixture *f, unsigned char *buf, size_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/meta/data.mdb", f->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, size), size);
	close(fd);
}

/* One line says what to do, and the tables are left to who can read them. */
static void assert_format_refused(struct fixture *f, unsigned format)
{
	static unsigned char before[1 << 18], after[1 << 18];
	char word[32];

	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_sys_put_u64(f->m, "meta.format", format), 0);
	meta_unlock(f->m);
	meta_close(f->m);
	f->m = NULL;
	read_file(f, before, sizeof(before));
	snprintf(word, sizeof(word), "has format %u and", format);
	assert_refused(f, FIXTURE_IDENTITY, -EPROTO, word);
	assert_refused(f, FIXTURE_IDENTITY, -EPROTO, "cache_dir=");
	read_file(f, after, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
}

static void test_older_format_refused(void **state)
{
	assert_format_refused(*state, META_FORMAT - 1);
}

static void test_newer_format_refused(void **state)
{
	assert_format_refused(*state, META_FORMAT_OPEN + 1);
}

static void test_damage_refused(void **state)
{
	struct fixture *f = *state;
	char path[128], junk[16384];
	int fd;

	fixture_put_locked(f->m, "a", "1");
	meta_close(f->m);
	f->m = NULL;
	snprintf(path, sizeof(path), "%s/meta/data.mdb", f->dir);
	assert_int_equal(truncate(path, 3 * 4096), 0);
	assert_refused(f, FIXTURE_IDENTITY, -EIO, "damaged");
	memset(junk, 'x', sizeof(junk));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	close(fd);
	assert_refused(f, FIXTURE_IDENTITY, -EIO, "damaged");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(f, FIXTURE_IDENTITY, -EISDIR, "Is a directory");
	assert_int_equal(rmdir(path), 0);
}

static void test_no_dir(void **state)
{
	struct meta *m = NULL;
	char reason[256] = "";

	(void)state;
	assert_int_equal(meta_open("/nonexistent", "x", reason, sizeof(reason),
				   &m),
			 -ENOENT);
	assert_non_null(strstr(reason, "/nonexistent/meta"));
	assert_null(m);
	meta_close(NULL);
}

static int count_call(void *ctx)
{
	atomic_fetch_add((atomic_uint *)ctx, 1);
	return 0;
}

/* A hundred changes in a burst are a commit or a few, not a hundred. */
static void test_group_commit(void **state)
{
	struct fixture *f = *state;
	struct timespec tick = clock_timespec(NS_PER_MS);
	int64_t start = clock_mono_ns(), end = start + 30 * NS_PER_S, took;
	atomic_uint hooks = 0;

	meta_set_precommit(f->m, count_call, &hooks);
	for (int i = 0; i < 100; i++)
		fixture_put_locked(f->m, "a", "1");
	while (!atomic_load(&hooks) && clock_mono_ns() < end)
		nanosleep(&tick, NULL);
	assert_true(atomic_load(&hooks) >= 1);
	/* At most one each time: a busy machine may need many for them. */
	took = clock_mono_ns() - start;
	assert_true(atomic_load(&hooks) <= 1 + took / META_COMMIT_NS);
	assert_int_equal(meta_sync(f->m), 0);
	/* Nothing to commit: nothing is done, reading or syncing. */
	unsigned before = atomic_load(&hooks);
	fixture_has(f->m, "a", "1");
	assert_int_equal(meta_sync(f->m), 0);
	assert_int_equal(atomic_load(&hooks), before);
	meta_set_precommit(f->m, NULL, NULL);
}

/* A hook that ends when others have changed something, or have waited long. */
struct beside {
	atomic_uint changes, hooks, waits;
};

static int look_beside(void *ctx)
{
	struct timespec tick = clock_timespec(NS_PER_MS);
	struct beside *b = ctx;
	unsigned before = atomic_load(&b->changes);
	int i;

	for (i = 0; i < 500 && atomic_load(&b->changes) == before; i++)
		nanosleep(&tick, NULL);
	atomic_fetch_add(&b->waits, i == 500);
	atomic_fetch_add(&b->hooks, 1);
	return 0;
}

/* Data takes its time to be durable: those who change something do not wait. */
static void test_nobody_waits(void **state)
{
	struct fixture *f = *state;
	struct timespec pause = clock_timespec(NS_PER_MS / 5);
	struct beside b = {0, 0, 0};
	int64_t start = clock_mono_ns();

	meta_set_precommit(f->m, look_beside, &b);
	while (atomic_load(&b.hooks) < 8) {
		fixture_put_locked(f->m, "a", "1");
		atomic_fetch_add(&b.changes, 1);
		/* Not so many that a commit is due. */
		nanosleep(&pause, NULL);
	}
	/* A busy machine may have needed so long that a commit was due. */
	if (clock_mono_ns() - start < NS_PER_S)
		assert_int_equal(atomic_load(&b.waits), 0);
	meta_set_precommit(f->m, NULL, NULL);
	assert_int_equal(meta_sync(f->m), 0);
}

struct failing {
	atomic_bool fails;
	atomic_uint calls;
};

static int fail_hook(void *ctx)
{
	struct failing *h = ctx;

	atomic_fetch_add(&h->calls, 1);
	return atomic_load(&h->fails) ? -ENOSPC : 0;
}

static void test_hook_failure(void **state)
{
	struct fixture *f = *state;
	struct failing h = {true, 0};
	char reason[256];

	log_set_level(LOG_LEVEL_ERROR);
	fixture_put_locked(f->m, "a", "1");
	assert_int_equal(meta_sync(f->m), 0);
	meta_set_precommit(f->m, fail_hook, &h);
	fixture_put_locked(f->m, "a", "2");
	assert_int_equal(meta_sync(f->m), -EIO);
	/* Put off, not failed: it goes on, and succeeds later. */
	fixture_has(f->m, "a", "2");
	atomic_store(&h.fails, false);
	assert_int_equal(meta_sync(f->m), 0);
	fixture_reopen(f);
	fixture_has(f->m, "a", "2");
	/* Never without its data, also not at the end. */
	atomic_store(&h.fails, true);
	meta_set_precommit(f->m, fail_hook, &h);
	fixture_put_locked(f->m, "a", "3");
	meta_close(f->m);
	f->m = NULL;
	assert_int_equal(meta_open(f->dir, FIXTURE_IDENTITY, reason,
				   sizeof(reason), &f->m),
			 0);
	fixture_has(f->m, "a", "2");
}

/*
 * Data and the change that speaks of it: `written` goes up first, the number
 * is put next. `synced` is what the hook found. A commit must never hold a
 * number above it.
 */
struct journal {
	struct meta *m;
	atomic_ullong written, synced;
	atomic_bool stop;
};

static int journal_hook(void *ctx)
{
	struct journal *j = ctx;
	struct timespec slow = clock_timespec(2 * NS_PER_MS);
	uint64_t n = atomic_load(&j->written);

	nanosleep(&slow, NULL);
	atomic_store(&j->synced, n);
	return 0;
}

static void *journal_writer(void *arg)
{
	struct journal *j = arg;

	while (!atomic_load(&j->stop)) {
		uint64_t n;

		if (meta_lock(j->m))
			break;
		n = atomic_fetch_add(&j->written, 1) + 1;
		meta_sys_put_u64(j->m, "n", n);
		meta_unlock(j->m);
	}
	return NULL;
}

#define MANY 50000 /* three commits' worth (meta.c) */

/*
 * A child runs the writer and is killed; what its last commit holds is at most
 * what it had synced, which it tells through the pipe after each hook.
 */
struct telltale {
	struct journal j;
	int fd;
};

static int telltale_hook(void *ctx)
{
	struct telltale *t = ctx;
	uint64_t n;
	int rc = journal_hook(&t->j);

	n = atomic_load(&t->j.synced);
	if (write(t->fd, &n, sizeof(n)) != sizeof(n))
		return -EIO;
	return rc;
}

static void run_child(const char *dir, int fd)
{
	struct timespec tick = clock_timespec(NS_PER_MS);
	static struct telltale t;
	char reason[256];
	pthread_t thread;

	alarm(60);
	t.fd = fd;
	if (meta_open(dir, FIXTURE_IDENTITY, reason, sizeof(reason), &t.j.m))
		_exit(1);
	meta_set_precommit(t.j.m, telltale_hook, &t);
	if (pthread_create(&thread, NULL, journal_writer, &t.j))
		_exit(1);
	while (!atomic_load(&t.j.synced))
		nanosleep(&tick, NULL);
	/* So many changes that some have come into the tables. */
	for (int i = 0; i < 20 || atomic_load(&t.j.written) < MANY; i++)
		if (meta_sync(t.j.m))
			_exit(1);
	kill(getpid(), SIGKILL);
}

static void test_data_before_commit(void **state)
{
	struct fixture *f = *state;
	uint64_t synced = 0, n, committed = 0;
	char path[128];
	int fds[2], status;
	pid_t pid;

	meta_close(f->m);
	f->m = NULL;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		run_child(f->dir, fds[1]);
		_exit(1);
	}
	close(fds[1]);
	while (read(fds[0], &n, sizeof(n)) == sizeof(n))
		synced = n;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* What a loss of power would leave: the commits alone. */
	snprintf(path, sizeof(path), "%s/meta/redo", f->dir);
	assert_int_equal(unlink(path), 0);
	fixture_reopen(f);
	assert_int_equal(meta_lock(f->m), 0);
	meta_sys_get_u64(f->m, "n", &committed);
	meta_unlock(f->m);
	assert_true(committed > 0);
	assert_true(committed <= synced);
}

/*
 * The child changes two records together until it dies: both are found as
 * they were last.
 */
#define ROUNDS_BEFORE 2000

static void crash_child(const char *dir, int fd)
{
	char reason[256], val[32];
	uint64_t id = 0;
	struct meta *m;

	alarm(60);
	if (meta_open(dir, FIXTURE_IDENTITY, reason, sizeof(reason), &m))
		_exit(1);
	for (int round = 1; round <= ROUNDS_BEFORE; round++) {
		snprintf(val, sizeof(val), "%d", round);
		if (meta_lock(m))
			_exit(1);
		fixture_put(m, "left", val);
		fixture_put(m, "right", val);
		if (meta_next_id(m, &id))
			_exit(1);
		meta_unlock(m);
	}
	if (write(fd, &id, sizeof(id)) != sizeof(id))
		_exit(1);
	kill(getpid(), SIGKILL);
}

static void test_crash(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0, id;
	char left[32], right[32];

	for (int run = 0; run < 5; run++) {
		int fds[2], status;
		pid_t pid;

		meta_close(f->m);
		f->m = NULL;
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			close(fds[0]);
			crash_child(f->dir, fds[1]);
			_exit(1);
		}
		close(fds[1]);
		assert_int_equal(read(fds[0], &id, sizeof(id)), sizeof(id));
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_true(id > last);
		last = id;
		fixture_reopen(f);
		fixture_get_locked(f->m, "left", left, sizeof(left));
		fixture_get_locked(f->m, "right", right, sizeof(right));
		assert_string_equal(left, right);
		assert_int_equal(atoi(left), ROUNDS_BEFORE);
		assert_int_equal(meta_lock(f->m), 0);
		assert_int_equal(meta_next_id(f->m, &id), 0);
		meta_unlock(f->m);
		assert_true(id > last);
		last = id;
	}
}

/* More numbers than a range holds, with commits between them. */
static void test_ids(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0, id = 0;
	int rc = 0;

	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_next_id(f->m, &id), 0);
	assert_true(id >= META_FIRST_INO);
	for (last = id; !(rc = meta_next_id(f->m, &id)); last = id)
		assert_true(id == last + 1);
	assert_int_equal(rc, -EAGAIN);
	meta_unlock(f->m);
	assert_int_equal(meta_sync(f->m), 0);
	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_next_id(f->m, &id), 0);
	assert_true(id == last + 1);
	meta_unlock(f->m);
	fixture_reopen(f);
	last = id;
	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_next_id(f->m, &id), 0);
	assert_true(id > last);
	meta_unlock(f->m);
}

#define THREADS 8
#define ROUNDS	200

struct worker {
	struct meta *m;
	unsigned nr;
	int rc;
};

/* Adds one to a shared counter, and gives each number a record. */
static int work_once(struct worker *w, unsigned round)
{
	unsigned char key[8];
	uint64_t n = 0, id;
	int rc;

	rc = meta_lock(w->m);
	if (rc)
		return rc;
	rc = meta_sys_get_u64(w->m, "n", &n);
	if (!rc || rc == -ENOENT)
		rc = meta_sys_put_u64(w->m, "n", n + 1);
	if (!rc)
		rc = meta_next_id(w->m, &id);
	if (!rc) {
		meta_be64(key, id);
		rc = meta_put(w->m, META_ORPHAN, key, sizeof(key), "", 0);
	}
	meta_unlock(w->m);
	if (!rc && round % 50 == w->nr)
		rc = meta_sync(w->m);
	return rc;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < ROUNDS && !w->rc; i++)
		w->rc = work_once(w, i);
	return NULL;
}

static void test_threads(void **state)
{
	struct fixture *f = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	atomic_uint hooks = 0;
	uint64_t n = 0;

	meta_set_precommit(f->m, count_call, &hooks);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){f->m, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, work,
						&workers[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].rc, 0);
	}
	fixture_reopen(f);
	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_sys_get_u64(f->m, "n", &n), 0);
	assert_int_equal(n, THREADS * ROUNDS);
	assert_int_equal(meta_count(f->m, META_ORPHAN), THREADS * ROUNDS);
	meta_unlock(f->m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_get_put_del),
		FIXTURE_TEST(test_seek),
		FIXTURE_TEST(test_identity_refused),
		FIXTURE_TEST(test_older_format_refused),
		FIXTURE_TEST(test_newer_format_refused),
		FIXTURE_TEST(test_damage_refused),
		cmocka_unit_test(test_no_dir),
		FIXTURE_TEST(test_group_commit),
		FIXTURE_TEST(test_nobody_waits),
		FIXTURE_TEST(test_hook_failure),
		FIXTURE_TEST(test_data_before_commit),
		FIXTURE_TEST(test_crash),
		FIXTURE_TEST(test_ids),
		FIXTURE_TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
