/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of an instant, gone through: the same as the live one was, and how
 * few requests that takes. */
#include "../rig_tree.h"

#include <limits.h>

#include "../../../src/history/past_walk.h"
#include "../../../src/history/view_node.h"

static void make_point(struct rig *r)
{
	struct vfs_entry e;

	assert_int_equal(vfs_mkdir(r->f.v, MOUNT_VERSIONS_INO, "@p", 0755,
				   &vfs_fixture_caller, &e),
			 0);
}

static void begin(struct rig *r)
{
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
}

/* The live tree, then the point's, and the point's from DIR/.versions. */
static void is_the_same(struct rig *r)
{
	char *now = rig_tree(r, ""), *then = rig_tree(r, ".versions/@p");

	assert_string_equal(now, then);
	free(now);
	free(then);
}

/* Keys of all kinds: scripts of rig_run_keys(), "-KEY" deletes. */
static void test_keys(void **state)
{
	static const char *const scripts[] = {
		"f",
		"a a-b a/b a/c/d a.b a0",
		"a/ a/b b/ c/d/ c/d/e/f/g/h/i",
		"a//b c/./d c/../e f/g",
		"a/b a/c -a/b",
		"a/b/c -a/b/c b",
		"a/b/ -a/b/ a/b/c",
		"a a/b -a",
		"a a/b -a/b",
		"a/b -a/b a",
		".versions/x .vers3/y a/.versions/z",
		"a/b/c/d a/b/e a/f g/a g/a/b g/a/b/c",
		"z/y/x z/y-x z/y.x z/y0x z/y",
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct rig *r;

		rig_setup(state);
		r = *state;
		begin(r);
		rig_run_keys(r, scripts[i]);
		make_point(r);
		rig_forget_requests(r);
		free(rig_tree(r, ".versions/@p"));
		/* One list, and one of a directory's own object, now gone. */
		assert_true(rig_count(r, "ListObjectVersions") <= 2);
		is_the_same(r);
		/* What comes later is in no way there. */
		rig_run_keys(r, "later/x");
		assert_int_equal(rig_there(r, ".versions/@p/later"), -ENOENT);
		rig_teardown(state);
	}
}

/* Random trees that change after the point was made, some in pages. */
static void test_random(void **state)
{
	struct rig *r = *state;
	uint64_t seed = 11;
	char *before, *then;

	begin(r);
	for (int i = 0; i < 2500; i++) {
		char key[64];
		uint64_t n = rig_random(&seed);

		snprintf(key, sizeof(key), "%c/%c%sf%d", (int)('a' + n / 3 % 7),
			 (int)('a' + n / 21 % 9), n % 3 ? "/" : "",
			 (int)(n / 200 % 90));
		rig_put_text(r, key, "x");
		if (n / 20000 % 5 == 0)
			rig_remove(r, key);
	}
	make_point(r);
	before = rig_tree(r, "");
	for (int i = 0; i < 500; i++) {
		char key[64];

		snprintf(key, sizeof(key), "a/b/g%d", i);
		rig_put_text(r, key, "y");
	}
	then = rig_tree(r, ".versions/@p");
	assert_string_equal(before, then);
	free(before);
	free(then);
}

#define DIRS  60
#define FILES 50

static void put_tree(struct rig *r, size_t size)
{
	char *bytes = calloc(1, size), key[64];

	assert_non_null(bytes);
	for (int d = 0; d < DIRS; d++)
		for (int f = 0; f < FILES; f++) {
			snprintf(key, sizeof(key), "d%02d/f%02d", d, f);
			rig_put(r, key, bytes, size);
		}
	free(bytes);
}

/* A tree of several pages: about as many requests as pages. */
static void test_pages(void **state)
{
	struct rig *r = *state;
	char *tree;

	begin(r);
	put_tree(r, PATH_MAX);
	make_point(r);
	rig_forget_requests(r);
	tree = rig_tree(r, ".versions/@p");
	/* 4 pages; what there was of each directory, asked beside them. */
	assert_true(rig_count(r, "ListObjectVersions") <= 4 + 1 + DIRS);
	/* What each file is, its size says. */
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	rig_forget_requests(r);
	free(tree);
	/* All is known. */
	free(rig_tree(r, ".versions/@p"));
	rig_asked(r, "");
}

static unsigned count_names(struct rig *r, uint64_t ino, bool plus)
{
	struct vfs_dir *d;
	unsigned count = 0;

	assert_int_equal(vfs_opendir(r->f.v, ino, &d), 0);
	assert_int_equal(
		vfs_readdir(r->f.v, d, 0, plus, rig_count_name, &count), 0);
	vfs_releasedir(r->f.v, d);
	return count;
}

/* A directory alone is one list, and a second look none. */
static void test_one(void **state)
{
	struct rig *r = *state;
	uint64_t d30;

	begin(r);
	put_tree(r, 1);
	make_point(r);
	d30 = rig_ino(r, ".versions/@p/d30");
	rig_forget_requests(r);
	assert_int_equal(count_names(r, d30, false), 2 + FILES);
	rig_asked(r, "ListObjectVersions d30/");
	/* Those that may be symlinks are asked what they are, all at once. */
	assert_int_equal(count_names(r, d30, true), 2 + FILES);
	assert_int_equal(rig_count(r, "HeadObject d30/"), FILES);
	assert_int_equal(rig_count(r, ""), FILES);
	rig_forget_requests(r);
	assert_int_equal(count_names(r, d30, true), 2 + FILES);
	rig_asked(r, "");
}

/* A walk that fails leaves the question to who asks. */
static void test_failure(void **state)
{
	struct rig *r = *state;

	begin(r);
	rig_run_keys(r, "a/b a/c d");
	make_point(r);
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EIO, 1);
	rig_lists(r, ".versions/@p", "a/ d");
	rig_lists(r, ".versions/@p/a", "b c");
}

/* Attributes that are wanted of one after the other are asked for at once. */
static void test_row(void **state)
{
	struct rig *r = *state;
	struct vfs_entry dir, e;
	char name[16];

	begin(r);
	put_tree(r, PATH_MAX);
	make_point(r);
	rig_list(r, ".versions/@p/d07", true, (char[8192]){0}, 8192);
	rig_forget_requests(r);
	assert_int_equal(rig_lookup(r, ".versions/@p/d07", &dir), 0);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "f%02d", i);
		assert_int_equal(vfs_lookup(r->f.v, dir.ino, name, &e), 0);
	}
	assert_int_equal(rig_count(r, "HeadObject d07/"), FILES);
	for (int i = 3; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%02d", i);
		assert_int_equal(vfs_lookup(r->f.v, dir.ino, name, &e), 0);
	}
	assert_int_equal(rig_count(r, "HeadObject d07/"), FILES);
	/* So are those of the next directory. */
	rig_forget_requests(r);
	rig_list(r, ".versions/@p/d08", true, (char[8192]){0}, 8192);
	assert_int_equal(rig_count(r, "HeadObject d08/"), FILES);
}

#define ROW_FILES 300

/* Those that come behind them are asked for at once, too. */
static void test_long_row(void **state)
{
	struct rig *r = *state;
	struct vfs_entry dir, e;
	char *bytes = calloc(1, PATH_MAX), name[32];

	assert_non_null(bytes);
	begin(r);
	for (int i = 0; i < ROW_FILES; i++) {
		snprintf(name, sizeof(name), "d/f%03d", i);
		rig_put(r, name, bytes, PATH_MAX);
	}
	free(bytes);
	make_point(r);
	rig_list(r, ".versions/@p/d", true, (char[8192]){0}, 8192);
	assert_int_equal(rig_lookup(r, ".versions/@p/d", &dir), 0);
	rig_forget_requests(r);
	for (int i = 0; i <= 3 + VIEW_AHEAD; i++) {
		snprintf(name, sizeof(name), "f%03d", i);
		assert_int_equal(vfs_lookup(r->f.v, dir.ino, name, &e), 0);
	}
	assert_int_equal(rig_count(r, "HeadObject d/"), 4 + 2 * VIEW_AHEAD);
}

/* A name is not searched for among those between it and what is below it. */
static void test_between(void **state)
{
	struct rig *r = *state;
	char key[32];

	begin(r);
	make_point(r);
	rig_put_text(r, "a", "x");
	for (int i = 0; i < 1200; i++) {
		snprintf(key, sizeof(key), "a-%04d", i);
		rig_put_text(r, key, "x");
		if (i > 150)
			continue;
		snprintf(key, sizeof(key), "b\303\251%04d", i);
		rig_put_text(r, key, "x");
	}
	rig_forget_requests(r);
	assert_int_equal(rig_there(r, ".versions/@p/a"), -ENOENT);
	assert_int_equal(rig_count(r, "ListObjectVersions a"), 2);
	rig_forget_requests(r);
	assert_int_equal(rig_there(r, ".versions/@p/b"), -ENOENT);
	assert_int_equal(rig_count(r, "ListObjectVersions b"), 1);
}

/* The server's clock goes forward: the point becomes one that is over. */
static atomic_int_fast64_t ahead_ns;

static int clock_call(struct store *s, struct store_request *q)
{
	int64_t ns = atomic_load(&ahead_ns);
	int rc = store_call(s->below, q);

	if (ns)
		q->reply.date_ns = clock_real_ns() + ns;
	return rc;
}

static const struct store_ops clock_ops = {
	.name = "clock",
	.call = clock_call,
	.free = vfs_fixture_free_layer,
};

static void begin_with_clock(struct rig *r)
{
	struct store *clock = calloc(1, sizeof(*clock));

	assert_non_null(clock);
	atomic_store(&ahead_ns, 0);
	r->f.config.ttl_ns = 600 * NS_PER_S;
	vfs_fixture_cover(&r->f, clock, &clock_ops);
}

static void go_forward(struct rig *r)
{
	struct store_request q;

	atomic_store(&ahead_ns, 60 * NS_PER_S);
	assert_int_equal(store_head(r->f.store, &q, "nothing", NULL), -ENOENT);
	store_request_release(&q);
}

/* More than is kept: names are there all the same, all of them. */
static void test_limit(void **state)
{
	static const unsigned limits[] = {100, 1100, 2500};
	struct rig *r = *state;
	char key[64], *now;

	begin_with_clock(r);
	put_tree(r, PATH_MAX);
	for (int i = 0; i < 1100; i++) {
		snprintf(key, sizeof(key), "d20/s%04d/f", i);
		rig_put_text(r, key, "x");
	}
	make_point(r);
	go_forward(r);
	now = rig_tree(r, "");
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct view *view = r->f.v->view;
		char *then;

		snapshot_set_max(view->snapshot, limits[i]);
		snapshot_forget(view->snapshot);
		then = rig_tree(r, ".versions/@p");
		assert_string_equal(now, then);
		free(then);
	}
	free(now);
}

/* A walk of its own that waits before its second page. */
struct walker {
	struct past_records records;
	struct past_walks *walks;
	struct past_walk *walk;
	int64_t at_ns;
};

static void hold_second(struct rig *r)
{
	rig_gate(r, "ListObjectVersions", RIG_BEFORE);
}

static void walk_first_page(struct rig *r, uint64_t max, struct walker *w)
{
	struct past_wait wait = {0};
	struct view *view;
	char key[64];

	begin_with_clock(r);
	rig_put_text(r, "c/s/f", "x");
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "d/f%04d", i);
		rig_put_text(r, key, "x");
	}
	w->at_ns = clock_real_ns();
	go_forward(r);
	view = r->f.v->view;
	assert_int_equal(past_records_init(view, &w->records), 0);
	atomic_store(&w->records.max, max);
	assert_int_equal(past_walks_new(view, &w->records, &w->walks), 0);
	rig_hook(r, "ListObjectVersions", hold_second, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(past_walks_wait(w->walks, w->at_ns, "", &wait),
				 0);
	w->walk = past_walks_join(w->walks, w->at_ns, "");
	assert_non_null(w->walk);
	rig_wait_held(r);
}

static void end_walk(struct rig *r, struct walker *w)
{
	past_walks_leave(w->walks, w->walk);
	rig_gate(r, NULL, RIG_BEFORE);
	past_walks_free(w->walks);
	past_records_release(&w->records);
}

/* What has gone is not told of as if it had not been there. */
static void test_tell(void **state)
{
	struct past_stamp other = {.walk = 99};
	struct rig *r = *state;
	struct past_entry e;
	uint64_t old = 0;
	struct walker w;

	walk_first_page(r, 100000, &w);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "", "c", &e), 0);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "c", "s", &e), 0);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "c", "t", &e),
			 -ENOENT);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "", "d", &e),
			 -EAGAIN);
	/* Another walk makes it known, and removes what this one has filed. */
	other.mark = atomic_load(&w.records.mark);
	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(
		past_put_stamp(r->f.v->view, w.at_ns, "c", &other, &old), 0);
	meta_unlock(r->f.meta);
	past_drop_names(r->f.v->view, w.at_ns, "c", old);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "c", "s", &e),
			 -EAGAIN);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "", "c", &e), 0);
	end_walk(r, &w);
}

static void test_tell_torn(void **state)
{
	struct rig *r = *state;
	struct past_entry e;
	struct walker w;

	walk_first_page(r, 100, &w);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "", "c", &e),
			 -EAGAIN);
	assert_int_equal(past_walks_tell(w.walks, w.walk, "", "d", &e),
			 -EAGAIN);
	end_walk(r, &w);
}

/*
 * Large directories that are opened one by one: each has a walk of its own, as
 * the one that nobody has followed for the longest time makes room.
 */
static void test_room(void **state)
{
	enum {
		LARGE_DIRS = 10,
		LARGE_FILES = 2500
	};
	struct past_records records;
	struct past_walks *walks;
	struct rig *r = *state;
	char key[64], path[16];
	int64_t at_ns;

	begin_with_clock(r);
	for (int i = 0; i < LARGE_DIRS * LARGE_FILES; i++) {
		snprintf(key, sizeof(key), "l%d/f%04d", i / LARGE_FILES,
			 i % LARGE_FILES);
		rig_put_text(r, key, "x");
	}
	at_ns = clock_real_ns();
	go_forward(r);
	assert_int_equal(past_records_init(r->f.v->view, &records), 0);
	assert_int_equal(past_walks_new(r->f.v->view, &records, &walks), 0);
	for (int i = 0; i < LARGE_DIRS; i++) {
		struct past_wait wait = {0};

		snprintf(path, sizeof(path), "l%d", i);
		while (!past_walks_wait(walks, at_ns, path, &wait))
			;
		assert_int_not_equal(wait.walk, 0);
	}
	past_walks_free(walks);
	past_records_release(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), RIG_TEST(test_random),
		RIG_TEST(test_pages),	     RIG_TEST(test_one),
		RIG_TEST(test_failure),	     RIG_TEST(test_row),
		RIG_TEST(test_long_row),     RIG_TEST(test_between),
		RIG_TEST(test_limit),	     RIG_TEST(test_tell),
		RIG_TEST(test_tell_torn),    RIG_TEST(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
