/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of an instant, gone through: the same as the live one was, and how
 * few requests that takes. */
#include "../vfs_rig.h"

#include <limits.h>

#include "../../../src/history/view_node.h"

#define LIST_MAX (1 << 20)

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

/* All paths below one, depth first, each with a blank after it. */
static void add_tree(struct rig *r, const char *top, const char *path,
		     char *tree)
{
	char *names = malloc(LIST_MAX), *save = NULL, whole[512], below[256];
	int rc;

	assert_non_null(names);
	snprintf(whole, sizeof(whole), "%s%s%s", top, *top && *path ? "/" : "",
		 path);
	rc = rig_list(r, whole, true, names, LIST_MAX);
	assert_int_equal(rc, 0);
	for (char *n = strtok_r(names, " ", &save); n;
	     n = strtok_r(NULL, " ", &save)) {
		size_t len = strlen(n);
		bool dir = n[len - 1] == '/';

		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "",
			 n);
		assert_true(strlen(tree) + strlen(below) + 2 < LIST_MAX);
		strcat(tree, below);
		strcat(tree, " ");
		below[strlen(below) - (dir ? 1 : 0)] = '\0';
		if (dir)
			add_tree(r, top, below, tree);
	}
	free(names);
}

static char *tree_of(struct rig *r, const char *top)
{
	char *tree = calloc(1, LIST_MAX);

	assert_non_null(tree);
	add_tree(r, top, "", tree);
	return tree;
}

/* The live tree, then the point's, and the point's from DIR/.versions. */
static void is_the_same(struct rig *r)
{
	char *now = tree_of(r, ""), *then = tree_of(r, ".versions/@p");

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
		free(tree_of(r, ".versions/@p"));
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
	before = tree_of(r, "");
	for (int i = 0; i < 500; i++) {
		char key[64];

		snprintf(key, sizeof(key), "a/b/g%d", i);
		rig_put_text(r, key, "y");
	}
	then = tree_of(r, ".versions/@p");
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
	tree = tree_of(r, ".versions/@p");
	/* 4 pages; what there was of each directory, asked beside them. */
	assert_true(rig_count(r, "ListObjectVersions") <= 4 + 1 + DIRS);
	/* What each file is, its size says. */
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	rig_forget_requests(r);
	free(tree);
	/* All is known. */
	free(tree_of(r, ".versions/@p"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), RIG_TEST(test_random),
		RIG_TEST(test_pages),	     RIG_TEST(test_one),
		RIG_TEST(test_failure),	     RIG_TEST(test_row),
		RIG_TEST(test_long_row),     RIG_TEST(test_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
