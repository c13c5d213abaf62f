/* SPDX-License-Identifier: Apache-2.0 */
/* Each invariant of the namespace is broken once, and found. */
#include "../meta_fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/meta/extent.h"

#define DIR_INO	 UINT64_C(2000)
#define FILE_INO UINT64_C(2001)

static struct meta_inode inode_of(uint64_t ino)
{
	return (struct meta_inode){
		.ino = ino,
		.mode = ino == FILE_INO ? S_IFREG | 0644 : S_IFDIR | 0755,
		.nlink = ino == FILE_INO ? 1 : 2,
	};
}

static void put_inode(struct meta *m, const struct meta_inode *inode)
{
	assert_int_equal(meta_inode_put(m, inode), 0);
}

static void put_dirty(struct meta *m, const char *key, const char *after)
{
	struct meta_dirty d = {.due_ns = 5, .since_ns = 5};

	strcpy(d.key, key);
	strcpy(d.depends_on, after);
	assert_int_equal(meta_dirty_put(m, &d), 0);
}

/* d/f, with staged bytes, to be sent. */
static void fill(struct meta *m)
{
	struct meta_inode root = inode_of(META_ROOT_INO), d = inode_of(DIR_INO),
			  f = inode_of(FILE_INO);

	f.flags = META_I_STAGED;
	f.size_bytes = 30;
	put_inode(m, &root);
	put_inode(m, &d);
	put_inode(m, &f);
	assert_int_equal(meta_dentry_add(m, META_ROOT_INO, "d", DIR_INO), 0);
	assert_int_equal(meta_dentry_add(m, DIR_INO, "f", FILE_INO), 0);
	assert_int_equal(meta_extent_add(m, FILE_INO, 0, 10, 0), 0);
	assert_int_equal(meta_extent_add(m, FILE_INO, 20, 10, 10), 0);
	put_dirty(m, "d/f", "");
}

static void due_twice(struct meta *m)
{
	assert_int_equal(meta_put(m, META_DUE, "12345678d/f", 11, "", 0), 0);
}

static void no_order(struct meta *m)
{
	struct meta_dentry d;
	unsigned char key[16];

	assert_int_equal(meta_dentry_get(m, DIR_INO, "f", &d), 0);
	meta_be64(key, DIR_INO);
	meta_be64(key + 8, d.cookie);
	assert_int_equal(meta_del(m, META_ORDER, key, 16), 0);
}

static void put_extent(struct meta *m, uint64_t at, uint64_t length,
		       uint64_t place)
{
	unsigned char key[16], val[16];

	meta_be64(key, FILE_INO);
	meta_be64(key + 8, at);
	meta_be64(val, length);
	meta_be64(val + 8, place);
	assert_int_equal(meta_put(m, META_EXTENT, key, 16, val, 16), 0);
}

static void overlap(struct meta *m)
{
	put_extent(m, 5, 10, 100);
}

static void cut_in_two(struct meta *m)
{
	put_extent(m, 10, 5, 10);
}

static void no_inode(struct meta *m)
{
	assert_int_equal(meta_dentry_add(m, DIR_INO, "g", FILE_INO + 1), 0);
}

static void no_directory(struct meta *m)
{
	assert_int_equal(meta_dentry_set(m, DIR_INO, "f", DIR_INO), 0);
	assert_int_equal(meta_dentry_add(m, FILE_INO, "f", FILE_INO), 0);
}

static void one_name_more(struct meta *m)
{
	assert_int_equal(meta_dentry_add(m, DIR_INO, "g", FILE_INO), 0);
}

static void two_directories(struct meta *m)
{
	assert_int_equal(meta_dentry_add(m, META_ROOT_INO, "e", DIR_INO), 0);
}

static void no_name(struct meta *m)
{
	struct meta_inode d = inode_of(DIR_INO + 2);

	put_inode(m, &d);
}

static void orphan_with_name(struct meta *m)
{
	assert_int_equal(meta_orphan_add(m, FILE_INO), 0);
}

static void nobodys_xattr(struct meta *m)
{
	assert_int_equal(meta_xattr_set(m, FILE_INO + 1, "user.a", "b", 1), 0);
}

static void change_file(struct meta *m, uint64_t size, uint64_t base_bytes,
			uint32_t flags)
{
	struct meta_inode f = inode_of(FILE_INO);

	f.size_bytes = size;
	f.base_bytes = base_bytes;
	f.base.size_bytes = 20;
	f.flags = flags;
	put_inode(m, &f);
}

static void beyond_size(struct meta *m)
{
	change_file(m, 29, 0, META_I_STAGED);
}

static void beyond_base(struct meta *m)
{
	change_file(m, 30, 21, META_I_STAGED);
}

static void not_staged(struct meta *m)
{
	change_file(m, 30, 0, 0);
}

static void never_sent(struct meta *m)
{
	assert_int_equal(meta_dirty_del(m, "d/f"), 0);
}

static void never_chmod(struct meta *m)
{
	never_sent(m);
	assert_int_equal(meta_extent_clear(m, FILE_INO), 0);
	change_file(m, 30, 0, META_I_ATTR_DIRTY);
}

static void waits_for_itself(struct meta *m)
{
	put_dirty(m, "d/f", "d/f");
}

static void nothing(struct meta *m)
{
	(void)m;
}

/* What is below a directory that is gone has no path, and is not sent. */
static void gone(struct meta *m)
{
	struct meta_inode d = inode_of(DIR_INO);

	never_sent(m);
	assert_int_equal(meta_dentry_del(m, META_ROOT_INO, "d"), 0);
	d.nlink = 0;
	put_inode(m, &d);
	assert_int_equal(meta_gone_add(m, DIR_INO, "d"), 0);
}

static void orphan(struct meta *m)
{
	struct meta_inode f = inode_of(FILE_INO);

	never_sent(m);
	assert_int_equal(meta_dentry_del(m, DIR_INO, "f"), 0);
	f.nlink = 0;
	f.size_bytes = 30;
	f.flags = META_I_STAGED;
	put_inode(m, &f);
	assert_int_equal(meta_orphan_add(m, FILE_INO), 0);
}

static const struct {
	const char *what;
	void (*breaks)(struct meta *m);
	int want; /* the invariant's number */
} rows[] = {
	{"nothing", nothing, 0},
	{"gone", gone, 0},
	{"orphan", orphan, 0},
	{"due twice", due_twice, 1},
	{"no order", no_order, 2},
	{"overlap", overlap, 3},
	{"cut in two", cut_in_two, 3},
	{"no inode", no_inode, 4},
	{"no directory", no_directory, 4},
	{"one name more", one_name_more, 5},
	{"two directories", two_directories, 5},
	{"no name", no_name, 6},
	{"orphan with a name", orphan_with_name, 6},
	{"nobody's attribute", nobodys_xattr, 7},
	{"beyond the size", beyond_size, 8},
	{"beyond the base", beyond_base, 8},
	{"not staged", not_staged, 8},
	{"never sent", never_sent, 9},
	{"chmod never sent", never_chmod, 9},
	{"waits for itself", waits_for_itself, 10},
};

/* One row: fixture_setup() gives each a namespace of its own. */
static void check_row(size_t i)
{
	char words[1200], number[8];
	void *state;
	struct fixture *f;
	int tables = rows[i].want <= 3 ? rows[i].want : 0;

	fixture_setup(&state);
	f = state;
	assert_int_equal(meta_lock(f->m), 0);
	fill(f->m);
	rows[i].breaks(f->m);
	meta_unlock(f->m);
	if (meta_check(f->m, words, sizeof(words)) != rows[i].want)
		fail_msg("%s", rows[i].what);
	snprintf(number, sizeof(number), "I%d: ", rows[i].want);
	if (rows[i].want)
		assert_int_equal(strncmp(words, number, strlen(number)), 0);
	assert_int_equal(meta_check_tables(f->m, words, sizeof(words)), tables);
	f->damaged = true;
	fixture_teardown(&state);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
