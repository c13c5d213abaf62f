/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that are gone from the bucket. */
#include "../vfs_rig.h"

#include <unistd.h>

#include "../../../src/tree/tree_impl.h"
#include "vers3/tree/gone.h"

#include "dir_rig.h"

static int try_records(struct rig *r, enum meta_table t, uint64_t *ret_n)
{
	int rc = meta_lock(r->f.meta);

	if (rc)
		return rc;
	*ret_n = meta_count(r->f.meta, t);
	meta_unlock(r->f.meta);
	return 0;
}

static uint64_t records(struct rig *r, enum meta_table t)
{
	uint64_t n = 0;

	assert_int_equal(try_records(r, t, &n), 0);
	return n;
}

#define WIDE_DIRS  20
#define WIDE_FILES 100

static void put_wide(struct rig *r, bool there)
{
	char key[32];

	for (int i = 0; i < WIDE_DIRS * WIDE_FILES; i++) {
		snprintf(key, sizeof(key), "d/s/%d/%d", i % WIDE_DIRS,
			 i / WIDE_DIRS);
		if (there)
			rig_put_text(r, key, "x");
		else
			rig_remove(r, key);
	}
}

static void look_wide(struct rig *r)
{
	char path[32], names[WIDE_FILES * 8];

	for (int i = 0; i < WIDE_DIRS; i++) {
		snprintf(path, sizeof(path), "d/s/%d", i);
		assert_int_equal(rig_list(r, path, false, names, sizeof(names)),
				 0);
	}
	assert_true(records(r, META_INODE) > WIDE_DIRS * WIDE_FILES);
}

struct passer {
	struct rig *r;
	atomic_bool stop;
	unsigned seen; /* times that part of what goes was gone */
	int rc;
};

static void *pass(void *arg)
{
	struct passer *p = arg;

	while (!p->rc && !atomic_load(&p->stop)) {
		uint64_t n = 0;

		p->rc = try_records(p->r, META_INODE, &n);
		p->seen += n > 1 && n <= WIDE_DIRS * WIDE_FILES;
		usleep(20);
	}
	return NULL;
}

static void vanish(struct rig *r, struct passer *p)
{
	pthread_t t;

	put_wide(r, true);
	look_wide(r);
	put_wide(r, false);
	atomic_store(&p->stop, false);
	assert_int_equal(pthread_create(&t, NULL, pass, p), 0);
	rig_lists(r, "", "");
	atomic_store(&p->stop, true);
	pthread_join(t, NULL);
	assert_int_equal(p->rc, 0);
}

/*
 * A directory that others have removed goes, and nobody waits for all of it.
 * When the passer runs is up to the scheduler of a busy machine: one round in
 * which it came between is enough, since the lock of a single hold lets nobody
 * in, ever.
 */
static void test_vanished_tree(void **state)
{
	struct passer p = {.r = *state};
	struct rig *r = p.r;

	for (int round = 0; round < 20 && !p.seen; round++)
		vanish(r, &p);
	print_message("others came between %u times\n", p.seen);
	assert_true(p.seen > 0);
	assert_int_equal(records(r, META_INODE), 1);
	assert_int_equal(records(r, META_DENTRY), 0);
	assert_int_equal(records(r, META_NAME), 0);
	assert_int_equal(records(r, META_GONE), 0);
}

/* What is dirty in it stays, and what leads there; all else goes. */
static void test_vanished_partly(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	char buf[1];

	put_wide(r, true);
	look_wide(r);
	rig_write(r, "d/s/3/mine", "mine");
	file = rig_open(r, "d/s/5/7", O_RDWR);
	put_wide(r, false);
	rig_lists(r, "", "d/");
	rig_lists(r, "d", "s/");
	rig_lists(r, "d/s", "3/");
	rig_lists(r, "d/s/3", "mine");
	/* Who has one of them open goes on, and brings back what it changes. */
	rig_pread(r, file, 0, buf, 1);
	assert_int_equal(*buf, 'x');
	rig_pwrite(r, file, 0, "y", 1);
	rig_pread(r, file, 0, buf, 1);
	assert_int_equal(*buf, 'y');
	vfs_release(r->f.v, file);
	rig_lists(r, "d/s", "3/ 5/");
	rig_sync(r);
	rig_holds(r, "d/s/3/mine", "mine");
	rig_holds(r, "d/s/5/7", "y");
	/* The root, d, s, 3, 5 and two files. */
	assert_int_equal(records(r, META_INODE), 7);
	rig_remove(r, "d/s/3/mine");
	rig_remove(r, "d/s/5/7");
	rig_lists(r, "", "");
	assert_int_equal(records(r, META_INODE), 1);
}

/* What a crash has left of it goes at the next mount. */
static void test_vanished_crash(void **state)
{
	struct rig *r = *state;

	put_wide(r, true);
	look_wide(r);
	rig_detach(r, "d");
	/* The name is free for what the bucket has there. */
	assert_int_equal(rig_there(r, "d/s"), 0);
	rig_restart(r);
	assert_int_equal(records(r, META_GONE), 0);
	put_wide(r, false);
	rig_lists(r, "", "");
	assert_int_equal(records(r, META_INODE), 1);
	assert_int_equal(records(r, META_NAME), 0);
}

/* Who has something of it open goes on with it, also before it is swept. */
static void test_vanished_fsync(void **state)
{
	struct rig *r = *state;
	struct vfs_file *f, *g;
	struct vfs_entry e;
	uint64_t d;

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_mkdir(r, "d");
	rig_write(r, "d/f", "one");
	rig_write(r, "d/g", "one");
	assert_int_equal(rig_lookup(r, "d/g", &e), 0);
	assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "h", &e), 0);
	rig_sync(r);
	f = rig_open(r, "d/f", O_RDWR);
	g = rig_open(r, "d/g", O_RDWR);
	d = vfs_fixture_find(&r->f, "d");
	rig_detach(r, "d");
	rig_pwrite(r, f, 0, "two", 3);
	rig_pwrite(r, g, 0, "two", 3);
	assert_int_equal(vfs_fsync(r->f.v, f), 0);
	assert_int_equal(vfs_fsync(r->f.v, g), 0);
	rig_holds(r, "h", "two");
	assert_int_equal(vfs_fsyncdir(r->f.v, d), 0);
	vfs_release(r->f.v, f);
	vfs_release(r->f.v, g);
	assert_int_equal(gone_sweep(r->f.v->tree), 0);
}

/* A directory that we have removed, and that is open yet. */
static void test_removed_fsync(void **state)
{
	struct rig *r = *state;
	struct vfs_dir *dir;
	uint64_t d;

	rig_mkdir(r, "d");
	rig_sync(r);
	d = vfs_fixture_find(&r->f, "d");
	assert_int_equal(vfs_opendir(r->f.v, d, &dir), 0);
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
	assert_int_equal(vfs_fsyncdir(r->f.v, d), 0);
	vfs_releasedir(r->f.v, dir);
}

/* As deep as a key can be. */
static void test_vanished_deep(void **state)
{
	char key[META_KEY_MAX] = "d", names[64];
	struct rig *r = *state;

	for (int i = 0; i < 500; i++)
		strcat(key, "/d");
	rig_put_text(r, key, "x");
	key[strlen(key) - 2] = '\0';
	assert_int_equal(rig_list(r, key, false, names, sizeof(names)), 0);
	assert_string_equal(names, "d");
	rig_remove(r, strcat(key, "/d"));
	rig_lists(r, "", "");
	assert_int_equal(records(r, META_INODE), 1);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_vanished_tree),  RIG_TEST(test_vanished_partly),
		RIG_TEST(test_vanished_crash), RIG_TEST(test_vanished_fsync),
		RIG_TEST(test_removed_fsync),  RIG_TEST(test_vanished_deep),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
