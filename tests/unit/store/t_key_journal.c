/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of keys: what it says after a kill at any byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../remove_tree.h"
#include "vers3/store/key_journal.h"

#define PLACE "http://there/bucket"

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/t_key_journal.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/failover", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove_tree(dir);
	return 0;
}

static struct key_journal *open_journal(void)
{
	struct key_journal *j = NULL;

	assert_int_equal(key_journal_open(path, PLACE, &j), 0);
	return j;
}

static off_t file_size(void)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

/* Takes all, and says how many of those named were among them. */
static size_t take_all(struct key_journal *j, const char *const *keys,
		       size_t count)
{
	char key[KEY_JOURNAL_KEY_MAX + 1];
	size_t found = 0;

	while (key_journal_take(j, key))
		for (size_t i = 0; i < count; i++)
			found += !strcmp(key, keys[i]);
	return found;
}

static void test_life(void **state)
{
	static const char *const keys[] = {"a", "dir/b \n\x01", "\xc3\xa4"};
	char longest[KEY_JOURNAL_KEY_MAX + 2], key[KEY_JOURNAL_KEY_MAX + 1];
	struct key_journal *j = open_journal();

	(void)state;
	memset(longest, 'k', sizeof(longest) - 1);
	longest[KEY_JOURNAL_KEY_MAX + 1] = '\0';
	assert_false(key_journal_is_begun(j));
	assert_int_equal(file_size(), -1);
	assert_int_equal(key_journal_note(j, "a"), -EINVAL);
	assert_int_equal(key_journal_begin(j), 0);
	assert_int_equal(key_journal_begin(j), -EALREADY);
	assert_true(key_journal_is_begun(j));
	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(key_journal_note(j, keys[k]), 0);
	assert_int_equal(key_journal_note(j, longest), -EINVAL);
	assert_int_equal(key_journal_note(j, ""), -EINVAL);
	assert_int_equal(key_journal_note(j, longest + 1), 0);
	assert_int_equal(key_journal_count(j), 4);
	assert_int_equal(key_journal_end(j), -EBUSY);

	/* What is changed once it was taken is there once more. */
	assert_true(key_journal_take(j, key));
	assert_string_equal(key, longest + 1);
	assert_int_equal(key_journal_note(j, longest + 1), 0);
	assert_true(key_journal_take(j, key));
	assert_string_equal(key, longest + 1);
	key_journal_free(j);

	/* Another mount has all of them, also what was taken. */
	j = open_journal();
	assert_true(key_journal_is_begun(j));
	assert_int_equal(key_journal_count(j), 4);
	assert_int_equal(take_all(j, keys, 3), 3);
	assert_int_equal(key_journal_end(j), 0);
	assert_false(key_journal_is_begun(j));
	assert_int_equal(file_size(), -1);
	key_journal_free(j);
	j = open_journal();
	assert_false(key_journal_is_begun(j));
	key_journal_free(j);
}

/* Of a file that ends anywhere, whole lines count and the rest does not. */
static void test_cut(void **state)
{
	static const char *const keys[] = {"first", "second", "third"};
	off_t ends[4];
	struct key_journal *j = open_journal();
	char text[512];
	size_t whole;
	FILE *f;

	(void)state;
	assert_int_equal(key_journal_begin(j), 0);
	ends[0] = file_size();
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(key_journal_note(j, keys[i]), 0);
		ends[i + 1] = file_size();
	}
	key_journal_free(j);
	f = fopen(path, "r");
	assert_true(ends[3] < (off_t)sizeof(text));
	assert_int_equal(fread(text, 1, sizeof(text), f), ends[3]);
	fclose(f);
	for (off_t size = ends[3]; size >= 0; size--) {
		f = fopen(path, "w");
		assert_int_equal(fwrite(text, 1, (size_t)size, f), size);
		fclose(f);
		for (whole = 0; whole < 3 && ends[whole + 1] <= size;)
			whole++;
		j = open_journal();
		assert_int_equal(key_journal_is_begun(j), size >= ends[0]);
		assert_int_equal(key_journal_count(j), whole);
		assert_int_equal(take_all(j, keys, whole), whole);
		/* And it goes on behind it. */
		if (size >= ends[0]) {
			assert_int_equal(key_journal_note(j, "next"), 0);
			key_journal_free(j);
			j = open_journal();
			assert_int_equal(key_journal_count(j), whole + 1);
		} else {
			assert_int_equal(key_journal_begin(j), 0);
			assert_true(key_journal_is_begun(j));
		}
		key_journal_free(j);
	}
}

static void refused(const char *text, int want)
{
	struct key_journal *j = NULL;
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	assert_int_equal(key_journal_open(path, PLACE, &j), want);
	/* It is left as it was. */
	assert_int_equal(file_size(), strlen(text));
}

/* What is not of this replica, or no journal at all, is not written over. */
static void test_others(void **state)
{
	(void)state;
	refused("vers3-failover 1 5 http://elsewhere/bucket\n", -EXDEV);
	refused("vers3-failover 2 5 " PLACE "\n", -EILSEQ);
	refused("something\n", -EILSEQ);
	refused("vers3-failover 1 5 " PLACE "\nkey 6\n", -EILSEQ);
	refused("vers3-failover 1 5 " PLACE "\nkey \n", -EILSEQ);
	refused("vers3-failover 1 5 " PLACE "\nelse 61\n", -EILSEQ);
	assert_int_equal(truncate(path, 0), 0);
}

static struct key_journal *open_text(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	return open_journal();
}

/* A name that cannot go, or comes back after a crash, says that it is over. */
static void test_ended(void **state)
{
	struct key_journal *j;
	char key[KEY_JOURNAL_KEY_MAX + 1], copy[96 + 8];

	(void)state;
	j = open_journal();
	assert_int_equal(key_journal_begin(j), 0);
	assert_int_equal(key_journal_note(j, "a"), 0);
	assert_true(key_journal_take(j, key));
	/* It has two names, one of which stays. */
	snprintf(copy, sizeof(copy), "%s.copy", path);
	assert_int_equal(link(path, copy), 0);
	assert_int_equal(key_journal_end(j), 0);
	key_journal_free(j);
	assert_int_equal(rename(copy, path), 0);
	j = open_journal();
	assert_false(key_journal_is_begun(j));
	assert_int_equal(key_journal_count(j), 0);
	/* And another begins with nothing of it. */
	assert_int_equal(key_journal_begin(j), 0);
	key_journal_free(j);
	j = open_journal();
	assert_true(key_journal_is_begun(j));
	assert_int_equal(key_journal_count(j), 0);
	assert_int_equal(key_journal_end(j), 0);
	key_journal_free(j);
	refused("vers3-failover 1 5 " PLACE "\nend\nkey 61\n", -EILSEQ);
	/* Whoever was written to. */
	j = open_text("vers3-failover 1 5 http://elsewhere/bucket\nend\n");
	assert_false(key_journal_is_begun(j));
	key_journal_free(j);
	assert_int_equal(truncate(path, 0), 0);
}

/* What was taken and could not be brought is taken again, unwritten. */
static void test_again(void **state)
{
	struct key_journal *j = open_journal();
	char key[KEY_JOURNAL_KEY_MAX + 1];
	off_t size;

	(void)state;
	assert_int_equal(key_journal_begin(j), 0);
	assert_int_equal(key_journal_note(j, "a"), 0);
	size = file_size();
	assert_true(key_journal_take(j, key));
	key_journal_again(j, "a");
	key_journal_again(j, "a");
	assert_int_equal(key_journal_count(j), 1);
	assert_int_equal(file_size(), size);
	assert_int_equal(key_journal_end(j), -EBUSY);
	assert_true(key_journal_take(j, key));
	assert_int_equal(key_journal_end(j), 0);
	key_journal_again(j, "a");
	assert_int_equal(key_journal_count(j), 0);
	key_journal_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
	};

	return cmocka_run_group_tests_name("key_journal", tests, NULL, NULL);
}
