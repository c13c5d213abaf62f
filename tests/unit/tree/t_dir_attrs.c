/* SPDX-License-Identifier: Apache-2.0 */
/* What lists and look-ups ask of files: attributes, or all of them. */
#include "../vfs_rig.h"

#include "vers3/cache/blocks.h"
#include "vers3/read/reader.h"

#define FILES 300
/* As in guess.h: files that come whole at first, after three were read. */
#define CREDIT (256 + 3 * 2)

static void list(struct rig *r, const char *path)
{
	char names[FILES * 8];

	assert_int_equal(rig_list(r, path, true, names, sizeof(names)), 0);
}

static struct reader_stats stats_of(struct rig *r)
{
	struct reader_stats st;

	reader_read_stats(r->f.v->reader, &st);
	return st;
}

/* Puts small files, each alone in its directory, which are read later on. */
static void put_read(struct rig *r)
{
	rig_put_text(r, "x/1", "read");
	rig_put_text(r, "y/1", "read");
	rig_put_text(r, "z/1", "read");
}

static void read_them(struct rig *r)
{
	rig_is(r, "x/1", "read");
	rig_is(r, "y/1", "read");
	rig_is(r, "z/1", "read");
	rig_forget_requests(r);
}

/* One GET brings both, and nothing is asked for when it is read. */
static void test_whole(void **state)
{
	struct vfs_entry e;
	struct rig *r = *state;

	put_read(r);
	read_them(r);
	rig_put_mode(r, "a", "text", "0100640");
	rig_put_mode(r, "s", "target", "0120777");
	rig_put_text(r, "empty", "");
	list(r, "");
	rig_asked(r, "ListObjectsV2 ; GetObject a; GetObject s; "
		     "HeadObject empty");
	r->f.v->mount->config.ttl_ns = 600 * NS_PER_S;
	rig_is(r, "a", "text");
	assert_int_equal(rig_lookup(r, "a", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG | 0640);
	assert_int_equal(rig_lookup(r, "s", &e), 0);
	assert_true(S_ISLNK(e.st.st_mode));
	assert_int_equal(rig_count(r, "GetObject"), 0);
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	assert_int_equal(stats_of(r).ahead_files, 2);
	assert_int_equal(stats_of(r).ahead_used, 1);
}

/* What a HEAD has to tell, or knows better. */
static void test_not_whole(void **state)
{
	static char large[READER_SMALL_MAX + 1];
	struct rig *r = *state;
	struct vfs_entry e;
	char names[64];

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	for (const char *key = "abcd"; *key; key++)
		rig_put_text(r, (char[]){*key, '\0'}, "text");
	put_read(r);
	read_them(r);
	assert_int_equal(rig_list(r, "", false, names, sizeof(names)), 0);
	assert_string_equal(names, "a b c d x/ y/ z/");
	/* Since then it has grown, was emptied, is gone, or is archived. */
	rig_put(r, "a", large, sizeof(large));
	rig_put_text(r, "b", "");
	rig_remove(r, "c");
	rig_fail(r, "GetObject d", RIG_BEFORE, -EREMOTE, 1);
	rig_forget_requests(r);
	list(r, "");
	rig_asked(r, "GetObject a; HeadObject a; GetObject b; GetObject c; "
		     "HeadObject c; GetObject d; HeadObject d");
	assert_int_equal(stats_of(r).ahead_files, 0);
	assert_int_equal(rig_lookup(r, "a", &e), 0);
	assert_int_equal(e.st.st_size, sizeof(large));
	assert_int_equal(rig_lookup(r, "b", &e), 0);
	assert_int_equal(e.st.st_size, 0);
	rig_is(r, "b", "");
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	assert_int_equal(e.st.st_size, 4);
	rig_is(r, "d", "text");
}

/* One whose bytes are lost has attributes; in an outage nothing is. */
static void test_fails(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_put_text(r, "a", "text");
	rig_put_text(r, "d/b", "text");
	put_read(r);
	read_them(r);
	rig_fail(r, "GetObject a", RIG_BEFORE, -EIO, 1);
	list(r, "");
	assert_int_equal(rig_count(r, "GetObject a"), 1);
	assert_int_equal(rig_count(r, "HeadObject a"), 1);
	assert_int_equal(rig_lookup(r, "a", &e), 0);
	assert_int_equal(e.st.st_size, 4);
	rig_fail(r, "GetObject d/b", RIG_BEFORE, -ETIMEDOUT, 1);
	list(r, "d");
	assert_int_equal(rig_count(r, "GetObject d/b"), 1);
	assert_int_equal(rig_count(r, "HeadObject d/b"), 0);
}

/* Where the cache has no room for what comes. */
static void test_no_room(void **state)
{
	struct rig *r = *state;

	put_read(r);
	read_them(r);
	rig_put_text(r, "a", "text");
	blocks_set_limit(r->f.blocks, 0);
	list(r, "");
	rig_asked(r, "ListObjectsV2 ; HeadObject a");
}

/* Who only looks at attributes soon asks for no more than those. */
static void test_only_looks(void **state)
{
	struct rig *r = *state;
	char key[32];

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	for (int i = 0; i < FILES; i++) {
		snprintf(key, sizeof(key), "d/f%03d", i);
		rig_put_text(r, key, key);
	}
	rig_put_text(r, "e/a", "x");
	rig_put_text(r, "g/a", "x");
	rig_put_text(r, "g/b", "x");
	rig_put_text(r, "g/c", "x");
	rig_put_text(r, "h/a", "x");
	put_read(r);
	list(r, "h");
	assert_int_equal(rig_count(r, "GetObject"), 0);
	read_them(r);
	list(r, "d");
	assert_int_equal(rig_count(r, "GetObject"), CREDIT);
	assert_int_equal(rig_count(r, "HeadObject d/f"), FILES - CREDIT);
	rig_forget_requests(r);
	list(r, "e");
	assert_int_equal(rig_count(r, "GetObject"), 0);
	assert_int_equal(rig_count(r, "HeadObject e/a"), 1);
	/* What is read after all brings the credit back. */
	rig_is(r, "d/f000", "d/f000");
	rig_forget_requests(r);
	list(r, "g");
	assert_int_equal(rig_count(r, "GetObject"), 2);
	/* One of them of the directory. */
	assert_int_equal(rig_count(r, "HeadObject g/"), 2);
}

/* Who looks names up alone has them whole once it is known that he reads. */
static void test_looked_up(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	put_read(r);
	rig_put_text(r, "b", "text");
	assert_int_equal(rig_lookup(r, "x/1", &e), 0);
	assert_int_equal(rig_count(r, "HeadObject x/1"), 1);
	read_them(r);
	rig_is(r, "b", "text");
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	assert_int_equal(rig_count(r, "GetObject"), 1);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_whole),
		RIG_TEST(test_not_whole),
		RIG_TEST(test_fails),
		RIG_TEST(test_no_room),
		RIG_TEST(test_only_looks),
		RIG_TEST(test_looked_up),
		RIG_TEST_UNVERSIONED(test_whole),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
