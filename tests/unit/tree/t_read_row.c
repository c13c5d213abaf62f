/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a directory, read one after the other: what is fetched ahead. */
#include "../vfs_rig.h"

#include "../../../src/tree/read_row_verdict.h"
#include "vers3/read/reader.h"
#include "vers3/util/clock.h"

#define FILES 60 /* d/f00 to d/f59; the upper half was there first */
#define HALF  (FILES / 2)
#define FIRST READ_ROW_FIRST
#define MOST  READ_ROW_MAX

/* How far to go on, from how it went. */
static void test_window(void **state)
{
	static const struct {
		unsigned window;
		bool next;
		unsigned passed, wanted;
	} rows[] = {
		/* The second in turn begins; then it doubles. */
		{0, true, 0, FIRST},
		{FIRST, true, 0, 2 * FIRST},
		{MOST / 2, true, 0, MOST},
		{MOST, true, 0, MOST},
		{MOST - 1, true, 0, MOST},
		/* Several read it, or what lies between is known to them. */
		{16, true, 1, 16},
		{16, true, READ_ROW_FEW, 16},
		{0, true, 1, 0},
		/* What was fetched is passed over: down to none. */
		{16, true, READ_ROW_FEW + 1, 8},
		{2, true, 9, 1},
		{1, true, 9, 0},
		{0, true, 9, 0},
		/* Elsewhere. */
		{0, false, 0, 0},
		{MOST, false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(read_row_window(rows[i].window, rows[i].next,
						 rows[i].passed),
				 rows[i].wanted);
}

static void test_more(void **state)
{
	static const struct {
		unsigned window, ahead, wanted;
	} rows[] = {
		{0, 0, 0},    {8, 0, 8},   {1, 0, 1},	 {1, 1, 0},
		{8, 6, 2},    {8, 7, 0},   {8, 8, 0},	 {8, 9, 0},
		{64, 48, 16}, {64, 49, 0}, {64, 32, 32}, {0, 5, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(read_row_more(rows[i].window, rows[i].ahead),
				 rows[i].wanted);
}

static void name_of(char *path, unsigned i)
{
	sprintf(path, "d/f%02u", i);
}

static void list(struct rig *r)
{
	char names[FILES * 8];

	assert_int_equal(rig_list(r, "d", false, names, sizeof(names)), 0);
}

/* All are known, with attributes, and none is cached. */
static void make_files(struct rig *r)
{
	struct vfs_entry e;
	char path[16];

	for (unsigned i = HALF; i < FILES; i++) {
		name_of(path, i);
		rig_put_text(r, path, path);
	}
	name_of(path, HALF);
	assert_int_equal(rig_lookup(r, path, &e), 0);
	for (unsigned i = 0; i < HALF; i++) {
		name_of(path, i);
		rig_put_text(r, path, path);
	}
	for (unsigned i = 0; i < FILES; i++) {
		name_of(path, i);
		assert_int_equal(rig_lookup(r, path, &e), 0);
	}
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	list(r);
	rig_forget_requests(r);
}

/* Others have changed f03 and what else there is: all is known again. */
static void know_anew(struct rig *r)
{
	struct vfs_entry e;

	rig_restart(r);
	r->f.v->mount->config.ttl_ns = 0;
	list(r);
	assert_int_equal(rig_lookup(r, "d/f03", &e), 0);
}

static void read_one(struct rig *r, unsigned i)
{
	char path[16];

	name_of(path, i);
	rig_is(r, path, path);
}

static struct reader_stats stats_of(struct rig *r)
{
	struct reader_stats st;

	reader_read_stats(r->f.v->reader, &st);
	return st;
}

/* Within a time that is long for everybody. */
static void wait_gets(struct rig *r, unsigned count)
{
	for (unsigned i = 0; i < 3000 && rig_count(r, "GetObject") < count; i++)
		usleep(10000);
	assert_int_equal(rig_count(r, "GetObject"), count);
}

/* The row begins, and all that is fetched for it has come. */
static void begin_row(struct rig *r)
{
	rig_forget_requests(r);
	read_one(r, 0);
	read_one(r, 1);
	wait_gets(r, 2 + FIRST);
}

static void test_by_name(void **state)
{
	struct rig *r = *state;

	make_files(r);
	read_one(r, 0);
	wait_gets(r, 1);
	read_one(r, 1);
	wait_gets(r, 2 + FIRST);
	for (unsigned i = 2; i < FILES; i++)
		read_one(r, i);
	/*
	 * Each once, and all but the first two before they were asked for; and
	 * but for the one at which it turns out that it is not readdir's order.
	 */
	assert_int_equal(rig_count(r, "GetObject"), FILES);
	assert_int_equal(stats_of(r).ahead_files, FILES - 3);
	assert_int_equal(stats_of(r).ahead_used, FILES - 3);
}

static void test_by_readdir(void **state)
{
	struct rig *r = *state;

	make_files(r);
	for (unsigned i = 0; i < FILES; i++)
		read_one(r, (i + HALF) % FILES);
	assert_int_equal(rig_count(r, "GetObject"), FILES);
	assert_int_equal(stats_of(r).ahead_used, FILES - 2);
}

/* Two at a time go through it, the one a little behind the other. */
static void test_two_readers(void **state)
{
	struct rig *r = *state;

	make_files(r);
	read_one(r, 0);
	for (unsigned i = 1; i + 1 < FILES; i += 2) {
		read_one(r, i + 1);
		read_one(r, i);
	}
	assert_int_equal(rig_count(r, "GetObject"), FILES - 1);
}

/* In no order, nothing is guessed. */
static void test_no_row(void **state)
{
	struct rig *r = *state;

	make_files(r);
	for (unsigned i = 0; i < FILES; i++)
		read_one(r, i * 23 % FILES);
	assert_int_equal(rig_count(r, "GetObject"), FILES);
	assert_int_equal(stats_of(r).ahead_files, 0);
}

/* Who stops costs no more than was ahead of him. */
static void test_stops(void **state)
{
	struct rig *r = *state;

	make_files(r);
	read_one(r, 0);
	read_one(r, 1);
	wait_gets(r, 2 + FIRST);
	read_one(r, 40);
	read_one(r, 5);
	read_one(r, 50);
	read_one(r, 20);
	assert_int_equal(stats_of(r).ahead_files, FIRST);
	assert_int_equal(stats_of(r).ahead_used, 1);
}

/* What has to be restored first is asked for by nobody but its reader. */
static void test_archived(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	make_files(r);
	rig_put_class(r, "d/f03", "frozen", "GLACIER", NULL);
	rig_put_class(r, "d/f05", "cold, and yet to be read", "GLACIER_IR",
		      NULL);
	know_anew(r);
	assert_int_equal(rig_lookup(r, "d/f05", &e), 0);
	begin_row(r);
	assert_int_equal(rig_count(r, "GetObject d/f03"), 0);
	assert_int_equal(rig_count(r, "GetObject d/f05"), 1);
	assert_int_equal(rig_count(r, "GetObject d/f10"), 1);
	assert_int_equal(rig_count(r, "GetObject d/f11"), 0);
	/* Who comes past it is in turn yet. */
	read_one(r, 2);
	read_one(r, 4);
	assert_int_equal(stats_of(r).ahead_used, 2);
}

/*
 * Of the first nothing is known, as where a list has asked for the others
 * alone: they are not passed over for these.
 */
static void test_unknown(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	char path[16];

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	for (unsigned i = 0; i < FILES; i++) {
		name_of(path, i);
		rig_put_text(r, path, path);
	}
	list(r);
	for (unsigned i = FILES - 1; i >= FIRST; i--) {
		name_of(path, i);
		assert_int_equal(rig_lookup(r, path, &e), 0);
	}
	read_one(r, 0);
	read_one(r, 1);
	assert_int_equal(stats_of(r).ahead_files, 0);
	for (unsigned i = 2; i < FILES; i++)
		read_one(r, i);
	assert_int_equal(rig_count(r, "GetObject"), FILES);
	assert_int_equal(stats_of(r).ahead_used, FILES - 3);
}

/* What is written is not fetched, nor what is large, or no file. */
static void test_others(void **state)
{
	struct rig *r = *state;
	unsigned char *large = rig_bytes(1, READER_WHOLE_MAX + 1);

	make_files(r);
	rig_put(r, "d/f03", large, READER_WHOLE_MAX + 1);
	rig_put_text(r, "d/f04x/in", "x");
	know_anew(r);
	rig_write(r, "d/f05", "mine");
	begin_row(r);
	assert_int_equal(rig_count(r, "GetObject d/f03"), 0);
	assert_int_equal(rig_count(r, "GetObject d/f05"), 0);
	assert_int_equal(rig_count(r, "GetObject d/f11"), 1);
	assert_int_equal(rig_count(r, "GetObject d/f12"), 0);
	free(large);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_more),
		RIG_TEST(test_by_name),
		RIG_TEST(test_by_readdir),
		RIG_TEST(test_two_readers),
		RIG_TEST(test_no_row),
		RIG_TEST(test_stops),
		RIG_TEST(test_archived),
		RIG_TEST(test_unknown),
		RIG_TEST(test_others),
		RIG_TEST_UNVERSIONED(test_by_name),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
