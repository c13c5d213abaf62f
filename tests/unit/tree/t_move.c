/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of many names that are renamed: their keys are marked ahead, in
 * short holds; whatever happens until the name changes, or if it never does,
 * the bucket comes to hold what the namespace has, and nothing else is sent.
 */
#include "../vfs_rig.h"

#include "../../../src/tree/move.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dirty.h"
#include "vers3/tree/dir.h"

#define NAMES (MOVE_AHEAD_MIN + 44)

static const struct move_way way = {.parent = META_ROOT_INO,
				    .name = "d",
				    .new_parent = META_ROOT_INO,
				    .new_name = "e"};

static void name_of(char *path, const char *dir, unsigned i)
{
	snprintf(path, 64, "%s/f%03u", dir, i);
}

/* Or each look-up would list the directory. */
static void keep_lists(struct rig *r)
{
	r->f.config.ttl_ns = r->f.v->mount->config.ttl_ns = 600 * NS_PER_S;
}

/* All that a directory can have: ours, others', linked, special. */
static void fill(struct rig *r)
{
	struct vfs_entry e, made;
	char path[64];

	keep_lists(r);
	for (unsigned i = 100; i < NAMES; i++) {
		name_of(path, "d", i);
		rig_put_text(r, path, path);
	}
	rig_put_text(r, "d/other/x", "x");
	rig_mkdir(r, "d/sub");
	rig_mkdir(r, "d/sub/deep");
	for (unsigned i = 0; i < 100; i++) {
		name_of(path, i < 80 ? "d" : "d/sub/deep", i);
		rig_write(r, path, path);
	}
	assert_int_equal(rig_lookup(r, "d/f001", &e), 0);
	assert_int_equal(
		vfs_link(r->f.v, e.ino, META_ROOT_INO, "linked", &made), 0);
	assert_int_equal(rig_lookup(r, "d/sub", &e), 0);
	assert_int_equal(vfs_symlink(r->f.v, e.ino, "link", "there",
				     &vfs_fixture_caller, &made),
			 0);
	rig_sync(r);
	rig_forget_requests(r);
}

static void dump_dir(struct rig *r, const char *top, const char *dir,
		     struct buf *to);

static void dump_name(struct rig *r, const char *top, const char *dir,
		      char *name, struct buf *to)
{
	size_t len = strlen(name);
	char path[256], text[256];
	struct vfs_entry e;

	snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
	if (name[len - 1] == '/') {
		path[strlen(path) - 1] = '\0';
		dump_dir(r, top, path, to);
		return;
	}
	assert_int_equal(rig_lookup(r, path, &e), 0);
	memset(text, 0, sizeof(text));
	assert_in_range(e.st.st_size, 0, sizeof(text) - 1);
	if (S_ISREG(e.st.st_mode)) {
		struct vfs_file *file = rig_open(r, path, O_RDONLY);

		rig_pread(r, file, 0, text, (size_t)e.st.st_size);
		vfs_release(r->f.v, file);
	}
	assert_int_equal(buf_printf(to, "%s %o %s\n", path + strlen(top),
				    e.st.st_mode, text),
			 0);
}

static void dump_dir(struct rig *r, const char *top, const char *dir,
		     struct buf *to)
{
	char *names = malloc(1 << 16), *rest = NULL;

	assert_non_null(names);
	assert_int_equal(buf_printf(to, "%s/\n", dir + strlen(top)), 0);
	assert_int_equal(rig_list(r, dir, false, names, 1 << 16), 0);
	for (char *n = strtok_r(names, " ", &rest); n;
	     n = strtok_r(NULL, " ", &rest))
		dump_name(r, top, dir, n, to);
	free(names);
}

/* Names below a directory, modes and contents; malloc'd. */
static char *dump(struct rig *r, const char *top)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	dump_dir(r, top, top, &text);
	return buf_detach(&text);
}

/* Names the first line that differs: all of them would fill a screen. */
static void same(const char *got, const char *want)
{
	size_t at = 0;

	for (size_t i = 0; got[i] && got[i] == want[i]; i++)
		at = got[i] == '\n' ? i + 1 : at;
	if (strcmp(got, want))
		fail_msg("got %.*s, wanted %.*s", (int)strcspn(got + at, "\n"),
			 got + at, (int)strcspn(want + at, "\n"), want + at);
}

/* Saved, the bucket has what the namespace has. */
static void check_bucket(struct rig *r)
{
	char *here, *there;

	rig_sync(r);
	here = dump(r, "");
	rig_forget(r);
	there = dump(r, "");
	same(there, here);
	free(here);
	free(there);
}

static bool ahead(struct rig *r, unsigned holds, struct move_due *due)
{
	struct vfs_entry e;

	/* As tree_rename() does before. */
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	assert_int_equal(dir_load_tree(r->f.v->tree, e.ino), 0);
	due->ns = journal_due(r->f.v->mount->config.commit_ns);
	due->ahead = false;
	move_ahead(r->f.v->tree, &way, holds, due);
	return due->ahead;
}

/* How many keys below a prefix are dirty. */
static unsigned dirty_below(struct rig *r, const char *prefix)
{
	struct meta_dirty_cursor at = META_DIRTY_START;
	struct meta_dirty dirty;
	unsigned count = 0;

	assert_int_equal(meta_lock(r->f.meta), 0);
	while (!meta_dirty_next(r->f.meta, &at, &dirty))
		count += !strncmp(dirty.key, prefix, strlen(prefix));
	meta_unlock(r->f.meta);
	return count;
}

enum never {
	NEVER_SYNC,
	NEVER_KILL,
	NEVER_POWER,
	NEVER_ENDS
};

/* Marks whose rename never came: nothing is sent, and they go. */
static void check_never(struct rig *r, unsigned holds, enum never how)
{
	struct move_due due;
	char *before, *after;

	fill(r);
	before = dump(r, "");
	assert_true(ahead(r, holds, &due));
	assert_true(dirty_below(r, "e/") > 0);
	assert_true(dirty_below(r, "d/") > 0);
	r->power_lost = how == NEVER_POWER;
	if (how != NEVER_SYNC)
		rig_kill(r);
	rig_forget_requests(r);
	rig_sync(r);
	rig_changed(r, "");
	assert_int_equal(rig_dirty(r), 0);
	after = dump(r, "");
	same(after, before);
	free(before);
	free(after);
	/* And the next one is as the first. */
	rig_rename(r, "d", "e");
	check_bucket(r);
	assert_int_equal(rig_there(r, "d"), -ENOENT);
	rig_holds(r, "e/f200", "d/f200");
}

static void test_never(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * NEVER_ENDS; i++) {
		void *own = NULL;

		rig_setup(&own);
		check_never(own, i % 2, (enum never)(i / 2));
		rig_teardown(&own);
	}
}

static void test_few(void **state)
{
	struct move_due due;

	rig_mkdir(*state, "d");
	rig_write(*state, "d/a", "a");
	assert_false(ahead(*state, 0, &due));
}

/* Nor is anything where the keys wait for each other: without versions. */
static void test_unversioned(void **state)
{
	struct rig *r = *state;
	struct move_due due;

	fill(r);
	assert_false(ahead(r, 0, &due));
	assert_int_equal(rig_dirty(r), 0);
	rig_rename(r, "d", "e");
	check_bucket(r);
	rig_holds(r, "d/f200", NULL);
	rig_holds(r, "e/f200", "d/f200");
}

/* Nor what may be another version than was listed. */
static void test_unasked(void **state)
{
	struct rig *r = *state;
	struct move_due due;

	fill(r);
	assert_true(ahead(r, 0, &due));
	assert_int_equal(dirty_below(r, "e/f2"), 0);
	assert_int_equal(dirty_below(r, "e/f02"), 10);
	assert_int_equal(move_switch(r->f.v->tree, &way, 0, &due), 0);
	assert_int_equal(dirty_below(r, "e/f2"), 100);
	check_bucket(r);
	rig_holds(r, "d/f200", NULL);
	rig_holds(r, "e/f200", "d/f200");
}

/* Many are all marked before the name changes. */
static void test_marks(void **state)
{
	struct rig *r = *state;
	struct move_due due;

	fill(r);
	/* What others made is asked for: then its version is known. */
	free(dump(r, ""));
	assert_true(ahead(r, 0, &due));
	/* All but the name that is linked, and the directory's own. */
	assert_int_equal(dirty_below(r, "e/"), NAMES - 1 + 2 + 1 + 1);
	assert_int_equal(dirty_below(r, "d/"), NAMES - 1 + 2 + 1 + 1);
	assert_int_equal(move_switch(r->f.v->tree, &way, 0, &due), 0);
	assert_int_equal(dirty_below(r, "e/"), NAMES + 2 + 1 + 1);
	check_bucket(r);
	assert_int_equal(rig_versions(r, "e/f200"), 1);
	assert_int_equal(rig_versions(r, "d/f200"), 1);
	assert_int_equal(rig_markers(r, "d/f200"), 1);
	assert_int_equal(rig_markers(r, "d/f001"), 1);
}

/* What was never saved is marked ahead, too. */
static void test_unsaved(void **state)
{
	struct rig *r = *state;
	struct move_due due;
	char path[64];

	keep_lists(r);
	rig_mkdir(r, "d");
	for (unsigned i = 0; i < NAMES; i++) {
		name_of(path, "d", i);
		rig_write(r, path, path);
	}
	assert_true(ahead(r, 0, &due));
	assert_int_equal(dirty_below(r, "e/"), NAMES);
	assert_int_equal(move_switch(r->f.v->tree, &way, 0, &due), 0);
	check_bucket(r);
	assert_int_equal(rig_versions(r, "e/f200"), 1);
	assert_int_equal(rig_versions(r, "d/f200"), 0);
	assert_int_equal(rig_markers(r, "d/f200"), 0);
}

static void do_make(struct rig *r)
{
	rig_write(r, "d/new", "new");
	rig_mkdir(r, "d/sub/more");
	rig_write(r, "d/sub/more/x", "x");
}

static void do_write(struct rig *r)
{
	rig_write(r, "d/f002", "other");
	rig_write(r, "d/f150", "other");
	rig_chmod(r, "d/f003", 0600);
	rig_chmod(r, "d/other", 0700);
}

static void do_remove(struct rig *r)
{
	rig_unlink(r, "d/f002");
	rig_unlink(r, "d/f150");
	rig_unlink(r, "d/f151");
	rig_write(r, "d/f151", "again");
}

static void do_rename(struct rig *r)
{
	rig_rename(r, "d/f002", "d/g002");
	rig_rename(r, "d/f004", "out");
	rig_rename(r, "d/f005", "d/f006");
	rig_rename(r, "d/f160", "d/sub/f160");
	rig_rename(r, "d/sub", "d/bus");
	rig_rename(r, "linked", "d/in");
}

static void do_link(struct rig *r)
{
	struct vfs_entry e, made;

	assert_int_equal(rig_lookup(r, "d/f007", &e), 0);
	assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "two", &made),
			 0);
	rig_unlink(r, "linked");
}

static void do_sync(struct rig *r)
{
	rig_sync(r);
}

static void do_both(struct rig *r)
{
	do_write(r);
	rig_sync(r);
	do_make(r);
}

static void list_anew(struct rig *r)
{
	char names[1 << 14];

	r->f.v->mount->config.ttl_ns = 0;
	assert_int_equal(rig_list(r, "d", false, names, sizeof(names)), 0);
	keep_lists(r);
}

/*
 * Others change what has no mark, and a list shows it. (What has one keeps the
 * local state, so that theirs would stay under the old name, as a conflict.)
 */
static void do_others(struct rig *r)
{
	rig_put_text(r, "d/f150", "theirs");
	rig_put_text(r, "d/theirs", "theirs");
	rig_remove(r, "d/f151");
	list_anew(r);
}

/* And what has lost it. */
static void do_others_later(struct rig *r)
{
	rig_sync(r);
	rig_put_text(r, "d/f008", "theirs");
	rig_remove(r, "d/f009");
	list_anew(r);
}

static void do_there(struct rig *r)
{
	rig_mkdir(r, "e");
}

static void do_kill(struct rig *r)
{
	rig_kill(r);
}

static const struct {
	const char *label;
	void (*fn)(struct rig *r);
} changes[] = {
	{"names are made", do_make},
	{"files are changed", do_write},
	{"names are removed", do_remove},
	{"names are moved", do_rename},
	{"names are linked", do_link},
	{"all is saved", do_sync},
	{"changed, saved, made", do_both},
	{"others are at it", do_others},
	{"saved, and others are at it", do_others_later},
	{"an empty directory is there", do_there},
	{"killed", do_kill},
};

/* What happens between the marks and the change of the name. */
static void check_between(struct rig *r, size_t n, bool dirty)
{
	struct move_due due;
	char *before, *after;

	fill(r);
	if (dirty)
		rig_write(r, "d/f010", "dirty");
	assert_true(ahead(r, 0, &due));
	changes[n].fn(r);
	before = dump(r, "d");
	assert_int_equal(move_switch(r->f.v->tree, &way, 0, &due), 0);
	assert_int_equal(rig_there(r, "d"), -ENOENT);
	after = dump(r, "e");
	same(after, before);
	free(before);
	free(after);
	check_bucket(r);
	/* Nothing is left of the old name. */
	rig_holds(r, "d/f200", NULL);
	rig_holds(r, "d/f020", NULL);
	rig_holds(r, "e/f020", "d/f020");
	if (dirty)
		rig_holds(r, "e/f010", "dirty");
}

static void test_between(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		for (int dirty = 0; dirty < 2; dirty++) {
			void *own = NULL;

			print_message("%s, %d\n", changes[i].label, dirty);
			rig_setup(&own);
			check_between(own, i, dirty);
			rig_teardown(&own);
		}
}

/* Something comes to where it goes: it is refused, and nothing is sent. */
static void test_refused(void **state)
{
	struct rig *r = *state;
	struct move_due due;

	fill(r);
	assert_true(ahead(r, 0, &due));
	rig_mkdir(r, "e");
	rig_write(r, "e/f020", "there");
	assert_int_equal(move_switch(r->f.v->tree, &way, 0, &due), -ENOTEMPTY);
	rig_sync(r);
	rig_changed(r, "PutObject e/; PutObject e/f020");
	assert_false(ahead(r, 0, &due));
	check_bucket(r);
	rig_holds(r, "d/f020", "d/f020");
}

/* Others at work while a directory goes to and fro; no asserting in here. */
struct worker {
	struct rig *r;
	pthread_t thread;
	uint64_t seed;
	atomic_bool *stop;
	atomic_uint done;
	atomic_int error;
};

static int dir_of(struct rig *r, uint64_t seed, uint64_t *ret_ino)
{
	struct vfs_entry e;
	int rc = vfs_lookup(r->f.v, META_ROOT_INO, "top", &e);

	if (!rc)
		rc = vfs_lookup(r->f.v, e.ino, seed & 1 ? "d" : "e", &e);
	if (!rc && !(seed & 6))
		rc = vfs_lookup(r->f.v, e.ino, "sub", &e);
	*ret_ino = e.ino;
	return rc;
}

static int write_at(struct rig *r, uint64_t dir, const char *name,
		    uint64_t seed)
{
	struct vfs_file *file;
	struct vfs_open how;
	struct vfs_entry e;
	char text[32];
	int rc = vfs_create(r->f.v, dir, name, 0640, O_WRONLY | O_TRUNC,
			    &vfs_fixture_caller, &e, &file, &how);

	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%08x", (unsigned)seed);
	rc = vfs_write(r->f.v, file, 0, text, 8);
	vfs_release(r->f.v, file);
	return rc;
}

static int work_once(struct worker *w)
{
	struct rig *r = w->r;
	uint64_t n = rig_random(&w->seed), dir, to;
	char name[32], other[32];
	struct vfs_entry e;
	int rc = dir_of(r, n, &dir);

	if (rc)
		return rc;
	snprintf(name, sizeof(name), "f%03u", (unsigned)(n >> 8) % NAMES);
	snprintf(other, sizeof(other), "f%03u", (unsigned)(n >> 24) % NAMES);
	switch ((n >> 40) % 6) {
	case 0:
		return vfs_unlink(r->f.v, dir, name);
	case 1:
		rc = dir_of(r, n >> 4, &to);
		return rc ? rc : vfs_rename(r->f.v, dir, name, to, other, 0);
	case 2:
		rc = vfs_lookup(r->f.v, dir, name, &e);
		return rc ? rc : vfs_link(r->f.v, e.ino, dir, other, &e);
	case 3:
		return n >> 60 ? 0
			       : vfs_rename(r->f.v, dir, "sub", dir, "bus", 0);
	case 4:
		return n >> 61 ? 0
			       : vfs_rename(r->f.v, dir, "bus", dir, "sub", 0);
	default:
		return write_at(r, dir, name, n);
	}
}

static bool is_fine(int rc)
{
	switch (rc) {
	case 0:
	case -ENOENT:
	case -EEXIST:
	case -ENOTEMPTY:
	case -EISDIR:
	case -ENOTDIR:
	case -ESTALE:
	case -EBUSY:
		return true;
	default:
		return false;
	}
}

static void *run_worker(void *arg)
{
	struct timespec pause = {.tv_nsec = NS_PER_MS / 5};
	struct worker *w = arg;

	while (!w->error && !atomic_load(w->stop)) {
		int rc = work_once(w);

		if (!is_fine(rc))
			w->error = rc;
		w->done += !rc;
		/* A mutex is not fair. */
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static bool all_worked(struct worker *w, unsigned count)
{
	for (int i = 0; i < 3; i++)
		if (atomic_load(&w[i].done) < count && !w[i].error)
			return false;
	return true;
}

static void check_busy(struct rig *r, uint64_t seed, int64_t commit_ns)
{
	struct worker w[3];
	atomic_bool stop = false;
	char path[64];

	keep_lists(r);
	r->f.v->mount->config.commit_ns = commit_ns;
	rig_mkdir(r, "top");
	rig_mkdir(r, "top/d");
	rig_mkdir(r, "top/d/sub");
	for (unsigned i = 0; i < NAMES; i++) {
		name_of(path, "top/d", i);
		rig_write(r, path, path);
	}
	for (int i = 0; i < 3; i++) {
		w[i] = (struct worker){
			.r = r, .seed = seed * 3 + (uint64_t)i, .stop = &stop};
		assert_int_equal(pthread_create(&w[i].thread, NULL, run_worker,
						&w[i]),
				 0);
	}
	for (int i = 0; i < 6 || !all_worked(w, 50); i++) {
		rig_rename(r, i & 1 ? "top/e" : "top/d",
			   i & 1 ? "top/d" : "top/e");
		assert_in_range(i, 0, 5000);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].error, 0);
		assert_true(w[i].done > 0);
	}
	if (seed & 1)
		rig_kill(r);
	check_bucket(r);
}

static void test_busy(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		void *own = NULL;

		print_message("%d\n", (int)seed);
		rig_setup(&own);
		check_busy(own, seed,
			   seed == 3 ? 600 * NS_PER_S : 2 * NS_PER_MS);
		rig_teardown(&own);
	}
}

/* As deep as a key can be: no walk goes deeper into the stack for it. */
static void test_deep(void **state)
{
	char from[META_KEY_MAX] = "d", to[META_KEY_MAX], names[64];
	struct rig *r = *state;

	keep_lists(r);
	for (int i = 0; i < 500; i++)
		strcat(from, "/d");
	strcpy(to, from);
	to[0] = 'e';
	rig_put_text(r, from, "x");
	rig_rename(r, "d", "e");
	rig_sync(r);
	rig_holds(r, from, NULL);
	rig_holds(r, to, "x");
	rig_is(r, to, "x");
	/* The key would have a byte too many: nothing of it was moved. */
	assert_int_equal(rig_try_rename(r, "e", "eeeeeeeeeeeeeeeeeeee", 0),
			 -ENAMETOOLONG);
	to[strlen(to) - 2] = '\0';
	assert_int_equal(rig_list(r, to, false, names, sizeof(names)), 0);
	assert_string_equal(names, "d");
	rig_sync(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_few),
		RIG_TEST(test_marks),
		RIG_TEST_UNVERSIONED(test_unversioned),
		RIG_TEST(test_unasked),
		RIG_TEST(test_unsaved),
		RIG_TEST(test_refused),
		RIG_TEST(test_deep),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
