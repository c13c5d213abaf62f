/* SPDX-License-Identifier: Apache-2.0 */
#include "../meta_fixture.h"
#include "vers3/tree/runs.h"

#include <sys/stat.h>

#define INO   7
#define U     HOLES_UNIT
#define NO_AT META_HOLE_AT

/* Files of 10 units, over a base that has a hole in units 2 and 3. */
static const struct row {
	uint64_t base_bytes;
	struct meta_extent extents[4]; /* without a length: no more */
	const char *holes; /* unit by unit: '-' a hole, '#' data */
} rows[] = {
	{10 * U, {{0, 0, 0}}, "##--######"},
	{3 * U, {{0, 0, 0}}, "##--------"},
	{0, {{0, 0, 0}}, "----------"},
	{0, {{0, 10 * U, 0}}, "##########"},
	/* Staged over the hole, a hole over what the base has. */
	{10 * U, {{2 * U, U, 0}}, "###-######"},
	{10 * U, {{5 * U, 2 * U, NO_AT + 5 * U}}, "##--#--###"},
	{10 * U, {{4 * U, U, NO_AT + 4 * U}}, "##---#####"},
	/* One byte of data makes a unit of it. */
	{0, {{4 * U + 1, 1, 0}}, "----#-----"},
	{0, {{U, 1, 0}, {3 * U - 1, 2, 9}}, "-###------"},
	/* Past the size. */
	{10 * U, {{9 * U, 4 * U, NO_AT + 9 * U}}, "##--#####-"},
	/* One after the other. */
	{0,
	 {{0, U, 0}, {U, U, NO_AT + U}, {2 * U, U, 5 * U}, {6 * U, U, 0}},
	 "#-#---#---"},
};

static void make(const struct row *row, struct meta_inode *inode,
		 struct file_snapshot *snap)
{
	memset(inode, 0, sizeof(*inode));
	inode->ino = INO;
	inode->mode = S_IFREG | 0644;
	inode->size_bytes = 10 * U;
	inode->base_bytes = row->base_bytes;
	*snap = (struct file_snapshot){
		.inode = inode,
		.extents = (struct meta_extent *)row->extents,
	};
	while (snap->count < 4 && row->extents[snap->count].length)
		snap->count++;
	holes_add(&snap->holes, 2 * U, 4 * U, 10 * U);
}

/* What a snapshot tells, and what is told of the tables, are the same. */
static void test_runs(void **state)
{
	struct fixture *f = *state;
	struct meta_inode inode;
	struct file_snapshot snap;
	struct holes holes;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char by_snapshot[11], by_table[11] = "";
		uint64_t end;
		bool hole;

		make(&rows[i], &inode, &snap);
		runs_of_snapshot(&snap, &holes);
		memset(by_snapshot, '#', 10);
		by_snapshot[10] = '\0';
		for (size_t j = 0; j < holes.count; j++)
			memset(by_snapshot + holes.items[j].offset / U, '-',
			       holes.items[j].length / U);
		assert_string_equal(by_snapshot, rows[i].holes);

		assert_int_equal(meta_extent_clear(f->m, INO), 0);
		for (size_t j = 0; j < snap.count; j++)
			assert_int_equal(meta_extent_add(f->m, INO,
							 snap.extents[j].offset,
							 snap.extents[j].length,
							 snap.extents[j].place),
					 0);
		for (uint64_t at = 0; at < 10 * U; at = end) {
			assert_int_equal(runs_at(f->m, &inode, &snap.holes, at,
						 &hole, &end),
					 0);
			assert_true(end > at && end <= 10 * U);
			memset(by_table + at / U, hole ? '-' : '#',
			       (end - at) / U);
		}
		by_table[10] = '\0';
		assert_string_equal(by_table, rows[i].holes);
	}
}

/* What is no file has no bytes, and no holes. */
static void test_no_file(void **state)
{
	struct meta_inode inode;
	struct file_snapshot snap;
	struct holes holes;

	(void)state;
	make(&rows[0], &inode, &snap);
	inode.mode = S_IFLNK | 0777;
	runs_of_snapshot(&snap, &holes);
	assert_int_equal(holes.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_LOCKED_TEST(test_runs),
		FIXTURE_LOCKED_TEST(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
