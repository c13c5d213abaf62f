/* SPDX-License-Identifier: Apache-2.0 */
/* Large directories, gone through name by name: what it costs. */
#include "../vfs_rig.h"

#include <limits.h>

#define NAMES 600
#define AHEAD 256 /* as in dir_row.c */

static uint64_t put_names(struct rig *r)
{
	char key[32];

	r->f.config.ttl_ns = 600 * NS_PER_S;
	r->f.config.list_names_max = 100;
	rig_restart(r);
	for (int i = 0; i < NAMES; i++) {
		snprintf(key, sizeof(key), "d/f%04d", i);
		rig_put_text(r, key, "x");
	}
	return vfs_fixture_find(&r->f, "d");
}

/* Its list, or what a file's own question said, is as old as can be. */
static void grow_old(struct rig *r, uint64_t ino)
{
	struct meta_inode inode;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_inode_get(r->f.meta, ino, &inode), 0);
	inode.listed_ns = 0;
	assert_int_equal(meta_inode_put(r->f.meta, &inode), 0);
	meta_unlock(r->f.meta);
}

static void list_once(struct rig *r, uint64_t d)
{
	char names[NAMES * 8];

	assert_int_equal(rig_list(r, "d", false, names, sizeof(names)), 0);
	grow_old(r, d);
	rig_forget_requests(r);
}

static void remove_one(struct rig *r, uint64_t d, int i, bool look)
{
	struct vfs_entry e;
	char name[16];

	snprintf(name, sizeof(name), "f%04d", i);
	if (look)
		assert_int_equal(vfs_lookup(r->f.v, d, name, &e), 0);
	assert_int_equal(vfs_unlink(r->f.v, d, name), 0);
}

/* As rm -r does: each name is looked up, and it goes. */
static void test_remove(void **state)
{
	struct rig *r = *state;
	uint64_t d = put_names(r);

	list_once(r, d);
	for (int i = 0; i < 3; i++)
		remove_one(r, d, i, true);
	/* After some in a row the next are asked for together. */
	assert_int_equal(rig_count(r, "HeadObject"), 2 + AHEAD);
	for (int i = 3; i < NAMES; i++)
		remove_one(r, d, i, true);
	/* One question for each, and the directory is not listed again. */
	assert_int_equal(rig_count(r, "HeadObject"), NAMES);
	assert_int_equal(rig_count(r, ""), NAMES);
	rig_sync(r);
	rig_lists(r, "d", "");
	rig_holds(r, "d/f0599", NULL);
}

/* The removal itself asks nothing. */
static void test_remove_known(void **state)
{
	struct rig *r = *state;
	uint64_t d = put_names(r);

	list_once(r, d);
	rig_put_text(r, "d/f0007", "theirs");
	rig_remove(r, "d/f0008");
	for (int i = 0; i < NAMES; i++)
		remove_one(r, d, i, false);
	rig_asked(r, "");
	rig_sync(r);
	/* What others have changed meanwhile stays. */
	rig_holds(r, "d/f0007", "theirs");
	rig_holds(r, "d/f0006", NULL);
	rig_lists(r, "d", "f0007");
}

/* Names in no order are asked for alone. */
static void test_no_row(void **state)
{
	struct rig *r = *state;
	uint64_t d = put_names(r);
	struct vfs_entry e;
	char name[16];

	list_once(r, d);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%04d", (i * 211) % NAMES);
		assert_int_equal(vfs_lookup(r->f.v, d, name, &e), 0);
	}
	assert_int_equal(rig_count(r, ""), 20);
}

/* What was asked ahead is no older than ttl for whoever comes to it. */
static void test_no_older(void **state)
{
	struct rig *r = *state;
	uint64_t d = put_names(r);
	struct vfs_entry e;
	char name[16];

	list_once(r, d);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "f%04d", i);
		assert_int_equal(vfs_lookup(r->f.v, d, name, &e), 0);
	}
	rig_put_text(r, "d/f0009", "longer");
	rig_put_text(r, "d/f0010/x", "x");
	rig_remove(r, "d/f0010");
	rig_put_text(r, "d/f0500/x", "x");
	rig_remove(r, "d/f0500");
	assert_int_equal(vfs_lookup(r->f.v, d, "f0009", &e), 0);
	assert_int_equal(e.st.st_size, 1);
	assert_true(e.ttl_ns < 600 * NS_PER_S);
	grow_old(r, e.ino);
	assert_int_equal(vfs_lookup(r->f.v, d, "f0009", &e), 0);
	assert_int_equal(e.st.st_size, 6);
	assert_int_equal(vfs_lookup(r->f.v, d, "f0010", &e), 0);
	grow_old(r, e.ino);
	assert_int_equal(vfs_lookup(r->f.v, d, "f0010", &e), 0);
	assert_true(S_ISDIR(e.st.st_mode));
	/* The same of a name that was not asked about. */
	assert_int_equal(vfs_lookup(r->f.v, d, "f0500", &e), 0);
	assert_true(S_ISDIR(e.st.st_mode));
}

/*
 * Who reads names wants to know what they are, which the size of most says.
 * Attributes are asked for with the names when a row has shown that they are
 * wanted.
 */
static void test_types(void **state)
{
	static char bytes[PATH_MAX];
	struct rig *r = *state;
	char key[32], names[NAMES * 8];
	struct vfs_entry e;
	uint64_t d;

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	for (int i = 0; i < 40; i++) {
		snprintf(key, sizeof(key), "%c/f%02d", "de"[i / 20], i % 20);
		rig_put(r, key, bytes, i % 20 ? sizeof(bytes) : 10);
	}
	d = vfs_fixture_find(&r->f, "d");
	assert_int_equal(rig_list(r, "d", true, names, sizeof(names)), 0);
	assert_int_equal(rig_count(r, "HeadObject d/f"), 1);
	for (int i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "f%02d", i);
		assert_int_equal(vfs_lookup(r->f.v, d, key, &e), 0);
	}
	assert_int_equal(rig_count(r, "HeadObject d/f"), 20);
	assert_int_equal(rig_list(r, "e", true, names, sizeof(names)), 0);
	assert_int_equal(rig_count(r, "HeadObject e/f"), 20);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_remove), RIG_TEST(test_remove_known),
		RIG_TEST(test_no_row), RIG_TEST(test_no_older),
		RIG_TEST(test_types),  RIG_TEST_UNVERSIONED(test_remove),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
