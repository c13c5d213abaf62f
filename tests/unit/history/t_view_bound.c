/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the versions view is kept: what its numbers stand for. */
#include "../vfs_rig.h"

/* What numbers stand for does not grow without end. */
static void test_nodes_bound(void **state)
{
	struct rig *r = *state;
	struct meta *m;
	unsigned char key[8];

	rig_put_text(r, "f", "x");
	rig_ino(r, ".versions/f");
	rig_restart(r);
	m = r->f.v->mount->meta;
	assert_int_equal(meta_lock(m), 0);
	assert_true(meta_count(m, META_VIEW) > 0); /* kept */
	for (uint64_t i = 0; i <= 100000; i++) {
		meta_be64(key, MOUNT_VIEW_BIT | i);
		assert_int_equal(meta_put(m, META_VIEW, key, 8, key, 8), 0);
	}
	meta_unlock(m);
	rig_restart(r);
	m = r->f.v->mount->meta;
	assert_int_equal(meta_lock(m), 0);
	assert_int_equal(meta_count(m, META_VIEW), 0);
	meta_unlock(m);
	rig_ino(r, ".versions/f");
}

#define BOUND	  1000
#define NAMES	  9000 /* looked up */
#define LATELY	  4096 /* as many look-ups protect what they found */
#define PATH_SIZE 64

static void view_path(unsigned i, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, ".versions/d/f%u", i);
}

static uint64_t filed(struct rig *r)
{
	struct meta *m = r->f.v->mount->meta;
	uint64_t count;

	assert_int_equal(meta_lock(m), 0);
	count = meta_count(m, META_VIEW);
	meta_unlock(m);
	return count;
}

static void make_names(struct rig *r)
{
	char key[32];

	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(key, sizeof(key), "d/f%u", i);
		rig_put_text(r, key, "x");
	}
	r->f.config.ttl_ns = 600 * NS_PER_S;
	r->f.config.view_nodes_max = BOUND;
	rig_restart(r);
}

/* A name that is not known any more is found again, with its number. */
static void is_found_again(struct rig *r, unsigned i, uint64_t number)
{
	char path[PATH_SIZE];
	struct vfs_entry e;
	struct stat st;

	assert_int_equal(vfs_getattr(r->f.v, number, &st), -ESTALE);
	assert_int_equal(vfs_lookup(r->f.v, number, "x", &e), -ESTALE);
	view_path(i, path);
	assert_int_equal(rig_ino(r, path), number);
	assert_int_equal(vfs_getattr(r->f.v, number, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

/* Looks all names up; *ret_open is a version that stays open, of the first. */
static void walk_names(struct rig *r, uint64_t *numbers,
		       struct vfs_file **ret_open)
{
	char path[PATH_SIZE], version[1024], name[512];

	assert_int_equal(
		rig_list(r, ".versions/d/f0", false, name, sizeof(name)), 0);
	snprintf(version, sizeof(version), ".versions/d/f0/%s", name);
	*ret_open = rig_open(r, version, O_RDONLY);
	for (unsigned i = 0; i < NAMES; i++) {
		view_path(i, path);
		numbers[i] = rig_ino(r, path);
		assert_true(filed(r) < 2 * BOUND + 3 * LATELY / 2);
	}
}

/* A mount that looks at very much knows no more of it than so much. */
static void test_nodes_bound_mounted(void **state)
{
	uint64_t *numbers = calloc(NAMES, sizeof(*numbers)), dir;
	unsigned stale = 0, again = NAMES;
	struct rig *r = *state;
	struct vfs_file *file;
	unsigned count = 0;
	char text[8];
	struct vfs_dir *d;
	struct stat st;

	assert_non_null(numbers);
	make_names(r);
	dir = rig_ino(r, ".versions/d");
	assert_int_equal(vfs_opendir(r->f.v, dir, &d), 0);
	walk_names(r, numbers, &file);
	for (unsigned i = 0; i < NAMES; i++) {
		if (!vfs_getattr(r->f.v, numbers[i], &st))
			continue;
		stale++;
		if (again == NAMES)
			again = i;
	}
	assert_true(stale >= NAMES - 2 * BOUND - 3 * LATELY / 2);
	is_found_again(r, again, numbers[again]);
	/* What is open is not lost. */
	assert_int_equal(vfs_getattr(r->f.v, dir, &st), 0);
	assert_int_equal(
		vfs_readdir(r->f.v, d, 0, false, rig_count_name, &count), 0);
	assert_int_equal(count, NAMES + 2);
	vfs_releasedir(r->f.v, d);
	assert_int_equal(vfs_fixture_pread(&r->f, file, 0, text, sizeof(text)),
			 0);
	assert_string_equal(text, "x");
	vfs_release(r->f.v, file);
	free(numbers);
}

/* What the kernel has forgotten goes before all else, and alone. */
static void test_nodes_forgotten(void **state)
{
	uint64_t numbers[BOUND], kept, back;
	struct rig *r = *state;
	char path[PATH_SIZE];
	struct stat st;

	make_names(r);
	for (unsigned i = 0; i < BOUND; i++) {
		view_path(i, path);
		numbers[i] = rig_ino(r, path);
	}
	kept = numbers[0];
	back = numbers[1];
	vfs_forget(r->f.v, numbers + 1, BOUND - 1);
	assert_int_equal(vfs_getattr(r->f.v, numbers[2], &st), 0);
	view_path(1, path);
	assert_int_equal(rig_ino(r, path), back);
	for (unsigned i = BOUND; i < BOUND + BOUND / 2; i++) {
		view_path(i, path);
		rig_ino(r, path);
		assert_true(filed(r) <= BOUND + 2);
	}
	assert_int_equal(vfs_getattr(r->f.v, kept, &st), 0);
	assert_int_equal(vfs_getattr(r->f.v, back, &st), 0);
	is_found_again(r, 2, numbers[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_nodes_bound),
		RIG_TEST(test_nodes_bound_mounted),
		RIG_TEST(test_nodes_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
