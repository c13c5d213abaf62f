/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/tree/merge_verdict.h"
#include "vers3/util/clock.h"

#define S(n) ((n)*NS_PER_S)

/* What one side says of a version; times in seconds. */
struct side {
	const char *etag, *id;
	uint64_t size_bytes;
	int64_t modified_ns;
};

/* etag NULL: that nothing is there. */
static struct meta_version version(const struct side *s)
{
	struct meta_version v = {.size_bytes = s->size_bytes,
				 .last_modified_ns = s->modified_ns};

	if (s->etag) {
		strcpy(v.key, "f");
		strcpy(v.etag, s->etag);
		strcpy(v.version_id, s->id);
	}
	return v;
}

static struct merge_item item(const struct side *s, bool others)
{
	struct merge_item it = {.name = "f",
				.size_bytes = s->size_bytes,
				.last_modified_ns = s->modified_ns,
				.others = others};

	if (s->etag) {
		strcpy(it.etag, s->etag);
		strcpy(it.version_id, s->id);
	}
	return it;
}

#define CLEAN 1
#define BLANK 2 /* the list says nothing of the key */

struct local {
	const char *what;
	unsigned flags;
	struct side known, listed;
	enum merge_local want;
};

static const struct local locals[] = {
	{"clean", CLEAN, {0}, {"a", "", 1, S(1)}, MERGE_LOCAL_FOLLOWS},
	{"clean, nothing said", CLEAN | BLANK, {0}, {0}, MERGE_LOCAL_FOLLOWS},
	{"dirty, nothing said",
	 BLANK,
	 {"a", "", 1, 0},
	 {0},
	 MERGE_LOCAL_STANDS},
	{"as known",
	 0,
	 {"a", "", 1, S(1)},
	 {"a", "", 1, S(1)},
	 MERGE_LOCAL_STANDS},
	{"as known, within its second",
	 0,
	 {"a", "", 1, S(1) + 7},
	 {"a", "", 1, S(1)},
	 MERGE_LOCAL_STANDS},
	{"as known, later",
	 0,
	 {"a", "", 1, S(1)},
	 {"a", "", 1, S(2)},
	 MERGE_LOCAL_SUSPECT},
	{"as known, its time not told",
	 0,
	 {"a", "", 1, S(1)},
	 {"a", "", 1, 0},
	 MERGE_LOCAL_STANDS},
	{"our save, first seen",
	 0,
	 {"a", "", 1, 0},
	 {"a", "", 1, S(1)},
	 MERGE_LOCAL_DATED},
	{"our save, first seen, its version",
	 0,
	 {"a", "v1", 1, 0},
	 {"a", "v1", 1, S(1)},
	 MERGE_LOCAL_DATED},
	{"the same bytes, another version",
	 0,
	 {"a", "v1", 1, 0},
	 {"a", "v2", 1, S(1)},
	 MERGE_LOCAL_SUSPECT},
	{"another",
	 0,
	 {"a", "", 1, S(1)},
	 {"b", "", 1, S(1)},
	 MERGE_LOCAL_SUSPECT},
	{"new by others", 0, {0}, {"b", "", 1, S(1)}, MERGE_LOCAL_SUSPECT},
	{"gone by others", 0, {"a", "", 1, S(1)}, {0}, MERGE_LOCAL_SUSPECT},
	{"not there, as known", 0, {0}, {0}, MERGE_LOCAL_STANDS},
};

static void test_local(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
		const struct local *t = &locals[i];
		struct meta_version known = version(&t->known);
		struct merge_item it = item(&t->listed, false);

		if (merge_local(t->flags & CLEAN ? NULL : &known,
				t->flags & BLANK ? NULL : &it) != t->want)
			fail_msg("%s", t->what);
	}
}

#define ABSENT	1
#define DIR	2
#define UNKNOWN 4
#define OTHERS	8

struct file {
	const char *what;
	unsigned flags;
	struct side known, listed;
	enum merge_file want;
};

static const struct file files[] = {
	{"new", ABSENT, {0}, {"a", "", 1, S(1)}, MERGE_FILE_ADD},
	{"a directory's name",
	 DIR | UNKNOWN,
	 {0},
	 {"a", "", 1, S(1)},
	 MERGE_FILE_HIDE},
	{"nothing is known of the bucket",
	 UNKNOWN,
	 {0},
	 {"a", "", 1, S(1)},
	 MERGE_FILE_TAKE},
	{"as known",
	 0,
	 {"a", "", 1, S(1)},
	 {"a", "", 1, S(1)},
	 MERGE_FILE_KEEP},
	{"as known, none of our saves",
	 OTHERS,
	 {"a", "", 1, S(1)},
	 {"a", "", 1, S(1)},
	 MERGE_FILE_KEEP},
	{"as known, its version not told",
	 0,
	 {"a", "v1", 1, S(1)},
	 {"a", "", 1, S(1)},
	 MERGE_FILE_KEEP},
	{"the same bytes, later",
	 0,
	 {"a", "", 1, S(1)},
	 {"a", "", 1, S(2)},
	 MERGE_FILE_TAKE},
	{"the same bytes, another version",
	 0,
	 {"a", "v1", 1, S(1)},
	 {"a", "v2", 1, S(1)},
	 MERGE_FILE_TAKE},
	{"another", 0, {"a", "", 1, S(1)}, {"b", "", 1, S(1)}, MERGE_FILE_TAKE},
	{"another size",
	 0,
	 {"a", "", 1, S(1)},
	 {"a", "", 2, S(1)},
	 MERGE_FILE_TAKE},
	{"our save, first seen",
	 0,
	 {"a", "", 1, 0},
	 {"a", "", 1, S(1)},
	 MERGE_FILE_DATE},
	{"our save's bytes, but others'",
	 OTHERS,
	 {"a", "", 1, 0},
	 {"a", "", 1, S(1)},
	 MERGE_FILE_TAKE},
};

static void test_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct file *t = &files[i];
		struct meta_version known = version(&t->known);
		struct merge_item it = item(&t->listed, t->flags & OTHERS);
		struct merge_file_facts f = {
			.there = !(t->flags & ABSENT),
			.dir = t->flags & DIR,
			.known = t->flags & (ABSENT | UNKNOWN) ? NULL : &known,
		};

		if (merge_file(&f, &it) != t->want)
			fail_msg("%s", t->what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
