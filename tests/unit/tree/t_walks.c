/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees that are gone through: the same as a list a directory shows, and how
 * few requests that takes.
 */
#include "../rig_tree.h"

#include <pthread.h>
#include <unistd.h>

#include "../../../src/tree/dir_impl.h"
#include "../../../src/tree/flat.h"
#include "../../../src/tree/tree_impl.h"
#include "vers3/meta/dentry.h"
#include "vers3/tree/dir.h"
#include "vers3/util/urgency.h"

static void begin(struct rig *r, int64_t ttl_ns)
{
	r->f.config.ttl_ns = ttl_ns;
	rig_forget(r);
	rig_forget_requests(r);
}

/* The tree by flat lists, which is the same as by a list a directory. */
static void is_the_same(struct rig *r)
{
	char *flat, *single;
	uint64_t hidden;

	begin(r, 600 * NS_PER_S);
	flat = rig_tree(r, "");
	hidden = dir_hidden(r->f.v->tree);
	begin(r, 0);
	single = rig_tree(r, "");
	assert_string_equal(flat, single);
	assert_int_equal(hidden, dir_hidden(r->f.v->tree));
	free(flat);
	free(single);
}

static void test_keys(void **state)
{
	static const char *const scripts[] = {
		"f",
		"a a-b a/b a/c/d a.b a0",
		"a/ a/b b/ c/d/ c/d/e/f/g/h/i",
		"a//b a//c a/d/ c/./d c/../e f/g g/h//i g/h/j",
		"a a/b b/c b/c/d",
		".versions/x .vers3/y a/.versions/z",
		"a/b/c/d a/b/e a/f g/a g/a/b g/a/b/c",
		"z/y/x z/y-x z/y.x z/y0x z/y",
		"d/\xff d/\xc3\xa4 e/\xff/x e/y",
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct rig *r;

		print_message("%s\n", scripts[i]);
		rig_setup(state);
		r = *state;
		rig_run_keys(r, scripts[i]);
		is_the_same(r);
		rig_teardown(state);
	}
}

/* Random trees, some in pages. */
static void test_random(void **state)
{
	struct rig *r = *state;
	uint64_t seed = 5;

	for (int i = 0; i < 2500; i++) {
		char key[64];
		uint64_t n = rig_random(&seed);

		snprintf(key, sizeof(key), "%c/%c%sf%d", (int)('a' + n / 3 % 7),
			 (int)('a' + n / 21 % 9), n % 3 ? "/" : "",
			 (int)(n / 200 % 90));
		rig_put_text(r, key, "x");
	}
	is_the_same(r);
}

static void put_dirs(struct rig *r, int dirs, int files)
{
	char key[32];

	for (int i = 0; i < dirs; i++)
		for (int j = 0; j < files; j++) {
			snprintf(key, sizeof(key), "d%02d/f%02d", i, j);
			rig_put_text(r, key, "x");
		}
}

static void test_requests(void **state)
{
	struct rig *r = *state;

	put_dirs(r, 30, 10);
	begin(r, 600 * NS_PER_S);
	free(rig_tree(r, ""));
	/* The root's own, and one of all that is below. */
	assert_int_equal(rig_count(r, "ListObjectsV2"), 2);
	/* Nothing is asked for twice: of a directory, whether it has one. */
	assert_int_equal(rig_count(r, "HeadObject"), 30 + 300);
	rig_forget_requests(r);
	free(rig_tree(r, ""));
	rig_asked(r, "");
}

/* A directory by itself, or the first below one, is no tree that is read. */
static void test_alone(void **state)
{
	struct rig *r = *state;
	char names[1024];

	put_dirs(r, 30, 10);
	for (int i = 0; i < 1200; i++) {
		char key[32];

		snprintf(key, sizeof(key), "e/deep/f%04d", i);
		rig_put_text(r, key, "x");
	}
	rig_put_text(r, "e/other/x", "x");
	begin(r, 600 * NS_PER_S);
	rig_lists(r, "d03", "f00 f01 f02 f03 f04 f05 f06 f07 f08 f09");
	assert_int_equal(rig_count(r, "ListObjectsV2 d03/"), 1);
	/* Of the root one page, in which d03 was looked up. */
	assert_int_equal(rig_count(r, "ListObjectsV2"), 2);
	assert_int_equal(rig_list(r, "", false, names, sizeof(names)), 0);
	rig_forget_requests(r);
	/* Below it is more than a page: its own list says what is in it. */
	rig_lists(r, "e", "deep/ other/");
	assert_int_equal(rig_count(r, "ListObjectsV2"), 2);
	assert_int_equal(rig_count(r, "ListObjectsV2 e/"), 1);
	assert_int_equal(rig_count(r, "HeadObject"), 1);
}

/* Pages are only asked for while somebody reads on. */
static void test_stops(void **state)
{
	struct rig *r = *state;
	char key[32], names[8192];

	for (int i = 0; i < 9000; i++) {
		snprintf(key, sizeof(key), "d%03d/f%02d", i / 50, i % 50);
		rig_put_text(r, key, "x");
	}
	begin(r, 600 * NS_PER_S);
	assert_int_equal(rig_list(r, "", false, names, sizeof(names)), 0);
	rig_forget_requests(r);
	assert_int_equal(rig_list(r, "d000", false, names, sizeof(names)), 0);
	assert_int_equal(rig_count(r, "ListObjectsV2"), 1);
	assert_int_equal(rig_list(r, "d001", false, names, sizeof(names)), 0);
	assert_int_equal(rig_list(r, "d002", false, names, sizeof(names)), 0);
	/* Some pages ahead, and attributes of some files. */
	assert_true(rig_count(r, "ListObjectsV2") <= 6);
	assert_true(rig_count(r, "HeadObject") <= 160);
	for (int i = 3; i < 180; i++) {
		snprintf(key, sizeof(key), "d%03d", i);
		assert_int_equal(rig_list(r, key, false, names, sizeof(names)),
				 0);
	}
	/* No page is asked for twice. */
	assert_true(rig_count(r, "ListObjectsV2") <= 10);
}

/* What was changed here and not sent yet stays, in whatever directory. */
static void test_dirty(void **state)
{
	struct rig *r = *state;
	char *tree;

	put_dirs(r, 3, 2);
	begin(r, 600 * NS_PER_S);
	rig_write(r, "d01/new", "x");
	rig_unlink(r, "d01/f00");
	rig_rename(r, "d02/f00", "d00/moved");
	rig_mkdir(r, "d01/made");
	rig_write(r, "d01/made/in", "x");
	tree = rig_tree(r, "");
	assert_string_equal(tree, "d00/ d00/f00 d00/f01 d00/moved d01/ "
				  "d01/f01 d01/made/ d01/made/in d01/new "
				  "d02/ d02/f01 ");
	free(tree);
	rig_sync(r);
}

/* What others do between is seen after ttl, as by a directory's own list. */
static void test_again(void **state)
{
	struct rig *r = *state;
	char *tree;

	put_dirs(r, 20, 3);
	begin(r, NS_PER_S / 5);
	free(rig_tree(r, ""));
	rig_remove(r, "d07/f01");
	rig_put_text(r, "d07/g", "x");
	rig_run_keys(r, "-d09/f00 -d09/f01 -d09/f02");
	usleep(300000);
	tree = rig_tree(r, "");
	assert_non_null(strstr(tree, "d07/f00 d07/f02 d07/g d08/"));
	assert_null(strstr(tree, "d09"));
	free(tree);
}

/* Where flat lists are refused each directory is listed alone. */
static void test_refused(void **state)
{
	struct rig *r = *state;
	char *tree;

	put_dirs(r, 5, 1);
	begin(r, 600 * NS_PER_S);
	rig_lists(r, "", "d00/ d01/ d02/ d03/ d04/");
	rig_forget_requests(r);
	rig_fail(r, "ListObjectsV2", RIG_BEFORE, -EACCES, 1);
	tree = rig_tree(r, "");
	assert_string_equal(tree, "d00/ d00/f00 d01/ d01/f00 d02/ d02/f00 "
				  "d03/ d03/f00 d04/ d04/f00 ");
	free(tree);
	assert_int_equal(rig_count(r, "ListObjectsV2"), 6);
}

static int64_t listed_ns(struct rig *r, uint64_t ino)
{
	struct meta_inode inode;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_inode_get(r->f.meta, ino, &inode), 0);
	meta_unlock(r->f.meta);
	return inode.listed_ns;
}

/* The inode of a name of the root, with nothing asked for. */
static uint64_t known_ino(struct rig *r, const char *name)
{
	struct meta_dentry dentry;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(
		meta_dentry_get(r->f.meta, META_ROOT_INO, name, &dentry), 0);
	meta_unlock(r->f.meta);
	return dentry.ino;
}

static void take_page(struct flat *f, bool last)
{
	bool more;

	assert_int_equal(flat_page(f, &more), 0);
	assert_int_equal(more, !last);
}

/*
 * Two lists of one directory, page about: the older one takes away what it has
 * not seen, and the younger one does not say then that it is not there.
 */
static void test_two(void **state)
{
	struct rig *r = *state;
	struct flat *older, *younger;
	struct tree *tree;
	char key[32];
	int64_t put_ns;

	for (int i = 0; i < 1500; i++) {
		snprintf(key, sizeof(key), "d/f%04d", i);
		rig_put_text(r, key, "x");
	}
	begin(r, 600 * NS_PER_S);
	rig_lists(r, "", "d/");
	tree = r->f.v->tree;
	assert_int_equal(flat_new(tree, "", "d", true, &older), 0);
	take_page(older, false);
	put_ns = clock_real_ns();
	rig_put_text(r, "d/f0000a", "x");
	assert_int_equal(flat_new(tree, "", "d", true, &younger), 0);
	take_page(younger, false);
	take_page(older, true);
	take_page(younger, true);
	assert_int_equal(flat_known(older), 1);
	flat_free(older);
	flat_free(younger);
	assert_true(!rig_there(r, "d/f0000a") ||
		    listed_ns(r, known_ino(r, "d")) < put_ns);
}

/* One that stays in a directory for long keeps nothing for its sake. */
static void test_kept(void **state)
{
	struct rig *r = *state;
	struct journal *journal;
	struct flat *f;
	char key[32];

	rig_put_text(r, "d/f", "x");
	for (int i = 0; i < 4000; i++) {
		snprintf(key, sizeof(key), "d/c/e%02d/f%02d", i / 100, i % 100);
		rig_put_text(r, key, "x");
	}
	begin(r, 600 * NS_PER_S);
	rig_lists(r, "", "d/");
	journal = r->f.v->journal;
	assert_int_equal(flat_new(r->f.v->tree, "", "d", true, &f), 0);
	take_page(f, false);
	/* Others list what the list is in. */
	assert_int_equal(dir_refresh(r->f.v->tree, known_ino(r, "d")), 0);
	assert_int_equal(dir_refresh(r->f.v->tree, rig_ino(r, "d/c")), 0);
	rig_write(r, "k", "x");
	rig_sync(r);
	assert_int_equal(journal_commit_count(journal), 1);
	for (int i = 0; i < 3; i++)
		take_page(f, false);
	assert_int_equal(journal_commit_count(journal), 0);
	take_page(f, true);
	flat_free(f);
}

static atomic_bool asked, hurried;

static void await_hurry(struct rig *r)
{
	(void)r;
	atomic_store(&asked, true);
	for (int i = 0; i < 1000 && urgency_current() != URGENCY_WANTED; i++)
		usleep(10000);
	atomic_store(&hurried, urgency_current() == URGENCY_WANTED);
}

struct question {
	struct tree *tree;
	uint64_t ino;
};

static void *ask_thread(void *arg)
{
	struct question *q = arg;

	urgency_enter(URGENCY_BACKGROUND);
	return dir_fetch_attrs(q->tree, q->ino, NULL) ? arg : NULL;
}

/* What was asked ahead goes first when somebody waits for it. */
static void test_hurried(void **state)
{
	struct rig *r = *state;
	struct question q;
	pthread_t thread;
	void *failed;

	rig_put_text(r, "f", "x");
	begin(r, 600 * NS_PER_S);
	rig_lists(r, "", "f");
	q = (struct question){r->f.v->tree, known_ino(r, "f")};
	rig_forget_requests(r);
	rig_hook(r, "HeadObject f", await_hurry, 1);
	assert_int_equal(pthread_create(&thread, NULL, ask_thread, &q), 0);
	while (!atomic_load(&asked))
		usleep(1000);
	assert_int_equal(dir_fetch_attrs(q.tree, q.ino, NULL), 0);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_true(atomic_load(&hurried));
	assert_int_equal(rig_count(r, "HeadObject"), 1);
}

/* Of a large directory not all names are looked at for this. */
static void test_large(void **state)
{
	static const char bytes[4096];
	static char names[1 << 16];
	char key[32];
	struct rig *r = *state;
	struct tree *tree;

	for (int i = 0; i < 4500; i++) {
		snprintf(key, sizeof(key), "%c/f%04d", i < 300 ? 's' : 't', i);
		rig_put(r, key, bytes, sizeof(bytes));
	}
	rig_put_text(r, "s/z", "x");
	rig_put_text(r, "t/z", "x");
	begin(r, 600 * NS_PER_S);
	tree = r->f.v->tree;
	assert_int_equal(rig_list(r, "s", false, names, sizeof(names)), 0);
	assert_int_equal(rig_list(r, "t", false, names, sizeof(names)), 0);
	assert_int_equal(dir_ask_ahead(tree, known_ino(r, "s"), 10), 1);
	assert_int_equal(dir_ask_ahead(tree, known_ino(r, "t"), 10), 0);
}

static atomic_bool over;

/* So that a reader who waits for too long ends, too. */
static void *open_gate(void *arg)
{
	for (int i = 0; i < 500 && !atomic_load(&over); i++)
		usleep(10000);
	rig_gate(arg, NULL, RIG_BEFORE);
	return NULL;
}

/* Whose an item is may not be told: older names do, as with any list. */
static void test_patience(void **state)
{
	struct rig *r = *state;
	pthread_t thread;
	int64_t began_ns;

	r->f.config.patience_ns = NS_PER_S / 10;
	put_dirs(r, 3, 2);
	begin(r, NS_PER_S / 5);
	free(rig_tree(r, ""));
	rig_write(r, "d00/new", "x");
	rig_sync(r);
	usleep(300000);
	rig_lists(r, "", "d00/ d01/ d02/");
	rig_gate(r, "HeadObject d00/new", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, open_gate, r), 0);
	began_ns = clock_mono_ns();
	rig_lists(r, "d00", "f00 f01 new");
	began_ns = clock_mono_ns() - began_ns;
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	assert_true(began_ns < 3 * NS_PER_S);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), RIG_TEST(test_random),
		RIG_TEST(test_requests),     RIG_TEST(test_alone),
		RIG_TEST(test_stops),	     RIG_TEST(test_dirty),
		RIG_TEST(test_again),	     RIG_TEST(test_refused),
		RIG_TEST(test_two),	     RIG_TEST(test_kept),
		RIG_TEST(test_hurried),	     RIG_TEST(test_large),
		RIG_TEST(test_patience),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
