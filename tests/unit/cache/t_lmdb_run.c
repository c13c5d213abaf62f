/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "../../../src/cache/lmdb_run.h"

#define PAGE	    ((size_t)4096)
#define RUN_PAGES   ((size_t)200)
#define VALUE_BYTES (RUN_PAGES * PAGE - LMDB_PAGE_HEAD)
#define CUT	    ((size_t)256 << 10)
#define MARK	    'x'

/* A run as LMDB has it in memory, from page `number` on. */
static char *make_run(uint64_t number, uint16_t flags, uint32_t pages,
		      MDB_val *ret_value)
{
	char *run = calloc(RUN_PAGES, PAGE);

	assert_non_null(run);
	memcpy(run, &number, sizeof(number));
	memcpy(run + 10, &flags, sizeof(flags));
	memcpy(run + 12, &pages, sizeof(pages));
	*ret_value = (MDB_val){VALUE_BYTES, run + LMDB_PAGE_HEAD};
	return run;
}

/* A file of so many bytes, all of them MARK. */
static int make_file(size_t size)
{
	char path[] = "/tmp/t_lmdb_run.XXXXXX", *bytes = malloc(size);
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_non_null(bytes);
	unlink(path);
	memset(bytes, MARK, size);
	assert_int_equal(write(fd, bytes, size), size);
	free(bytes);
	return fd;
}

/* Only bytes of the run are written, and none where it is no run. */
static void test_cut(void **state)
{
	static const struct {
		uint64_t number; /* its first page */
		uint16_t flags;
		uint32_t pages;
		size_t cuts;
	} rows[] = {
		{64, 0x14, RUN_PAGES, 4}, /* from 256 KiB on */
		{65, 0x04, RUN_PAGES, 3},
		{2, 0x14, RUN_PAGES, 3},
		/* The heads of another format. */
		{64, 0x02, RUN_PAGES, 0},
		{64, 0x14, RUN_PAGES + 1, 0},
	};
	const size_t size = 512 * PAGE;
	char *bytes = malloc(size);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t from = rows[i].number * PAGE, cuts = 0;
		int fd = make_file(size);
		struct stat st;
		MDB_val value;
		char *run = make_run(rows[i].number, rows[i].flags,
				     rows[i].pages, &value);

		lmdb_run_cut(fd, &value, PAGE);
		assert_int_equal(pread(fd, bytes, size, 0), size);
		for (size_t at = 0; at < size; at++) {
			if (bytes[at] == MARK)
				continue;
			cuts++;
			assert_int_equal(at % CUT, 0);
			assert_in_range(at, from, from + RUN_PAGES * PAGE - 1);
		}
		assert_int_equal(cuts, rows[i].cuts);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, size);
		close(fd);
		free(run);
	}
	free(bytes);
}

static void test_whole(void **state)
{
	static const struct {
		size_t wanted;
		uint16_t flags;
		uint32_t pages;
		bool whole;
	} rows[] = {
		{VALUE_BYTES, 0x04, RUN_PAGES, true},
		{VALUE_BYTES, 0x14, RUN_PAGES, true},
		{VALUE_BYTES, 0x02, RUN_PAGES, false},
		{VALUE_BYTES, 0x04, RUN_PAGES - 1, false},
		{VALUE_BYTES - PAGE, 0x04, RUN_PAGES, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		MDB_val value;
		char *run = make_run(7, rows[i].flags, rows[i].pages, &value);

		assert_int_equal(lmdb_run_is_whole(&value, rows[i].wanted,
						   PAGE),
				 rows[i].whole);
		free(run);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
