/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "vers3/core/version.h"
#include "vers3/journal/reconcile.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define STAGED META_I_STAGED
#define ATTRS  META_I_ATTR_DIRTY

/* "key version etag", "-" for an empty word; NULL: nothing there. */
static void version_of(const char *words, uint64_t size,
		       struct meta_version *ret)
{
	char key[16], id[16], etag[16];

	memset(ret, 0, sizeof(*ret));
	if (!words)
		return;
	assert_int_equal(sscanf(words, "%15s %15s %15s", key, id, etag), 3);
	snprintf(ret->key, sizeof(ret->key), "%s", key);
	if (strcmp(id, "-") != 0)
		snprintf(ret->version_id, sizeof(ret->version_id), "%s", id);
	if (strcmp(etag, "-") != 0)
		snprintf(ret->etag, sizeof(ret->etag), "%s", etag);
	ret->size_bytes = size;
}

struct row {
	const char *what;
	const char *known; /* as version_of() */
	uint32_t mode; /* 0: nothing is wanted */
	unsigned flags;
	const char *base;
	uint64_t base_size, base_bytes, size;
	bool unversioned;
	enum reconcile_action want;
};

/* The key is "f" in all of them. */
static const struct row rows[] = {
	{"nothing, nothing", NULL, 0, 0, NULL, 0, 0, 0, false, RECONCILE_DROP},
	{"removed", "f 1 e", 0, 0, NULL, 0, 0, 0, false, RECONCILE_DELETE},
	{"removed, no versions", "f - e", 0, 0, NULL, 0, 0, 0, true,
	 RECONCILE_DELETE},

	{"in place", "f 1 e", S_IFREG, 0, "f 1 e", 9, 9, 9, false,
	 RECONCILE_DROP},
	{"in place, by ETag", "f - e", S_IFREG, 0, "f 1 e", 9, 9, 9, false,
	 RECONCILE_DROP},
	{"in place, no versions", "f - e", S_IFREG, 0, "f - e", 9, 9, 9, true,
	 RECONCILE_DROP},
	{"in place, the empty file", "f 1 e", S_IFREG, 0, "f 1 e", 0, 0, 0,
	 false, RECONCILE_DROP},
	{"in place, large", "f 1 e", S_IFREG, 0, "f 1 e", 9 * GIB, 9 * GIB,
	 9 * GIB, false, RECONCILE_DROP},

	{"new, empty", NULL, S_IFREG, 0, NULL, 0, 0, 0, false, RECONCILE_PUT},
	{"new, small", NULL, S_IFREG, STAGED, NULL, 0, 0, 8 * MIB, false,
	 RECONCILE_PUT},
	{"new, large", NULL, S_IFREG, STAGED, NULL, 0, 0, 8 * MIB + 1, false,
	 RECONCILE_UPLOAD},
	{"new, a large hole", NULL, S_IFREG, 0, NULL, 0, 0, GIB, false,
	 RECONCILE_UPLOAD},
	{"new over another", "f 2 x", S_IFREG, STAGED, NULL, 0, 0, 9, false,
	 RECONCILE_PUT},

	{"chmod", "f 1 e", S_IFREG, ATTRS, "f 1 e", 9, 9, 9, false,
	 RECONCILE_COPY},
	{"chmod, no versions", "f - e", S_IFREG, ATTRS, "f - e", 9, 9, 9, true,
	 RECONCILE_COPY},
	{"chmod, at the limit", "f 1 e", S_IFREG, ATTRS, "f 1 e", 5 * GIB,
	 5 * GIB, 5 * GIB, false, RECONCILE_COPY},
	{"chmod, over the limit", "f 1 e", S_IFREG, ATTRS, "f 1 e", 5 * GIB + 1,
	 5 * GIB + 1, 5 * GIB + 1, false, RECONCILE_UPLOAD},

	{"renamed", NULL, S_IFREG, 0, "g 1 e", 9, 9, 9, false, RECONCILE_COPY},
	{"renamed, no versions", NULL, S_IFREG, 0, "g - e", 9, 9, 9, true,
	 RECONCILE_COPY},
	{"renamed over another", "f 2 x", S_IFREG, 0, "g 1 e", 9, 9, 9, false,
	 RECONCILE_COPY},
	{"renamed over its equal", "f 2 e", S_IFREG, 0, "g 1 e", 9, 9, 9, false,
	 RECONCILE_COPY},
	{"renamed, large", NULL, S_IFREG, 0, "g 1 e", 6 * GIB, 6 * GIB, 6 * GIB,
	 false, RECONCILE_UPLOAD},
	{"renamed and written", NULL, S_IFREG, STAGED, "g 1 e", 9, 9, 9, false,
	 RECONCILE_PUT},

	{"removed by others", NULL, S_IFREG, 0, "f 1 e", 9, 9, 9, false,
	 RECONCILE_COPY},
	{"changed by others", "f 2 x", S_IFREG, 0, "f 1 e", 9, 9, 9, false,
	 RECONCILE_COPY},
	{"changed by others and back", "f 2 e", S_IFREG, 0, "f 1 e", 9, 9, 9,
	 false, RECONCILE_COPY},
	{"changed by others, no versions", "f - x", S_IFREG, 0, "f - e", 9, 9,
	 9, true, RECONCILE_PUT},
	{"changed by others, no versions, large", "f - x", S_IFREG, 0, "f - e",
	 GIB, GIB, GIB, true, RECONCILE_UPLOAD},
	{"a base that nothing names", "f - -", S_IFREG, 0, "f - -", 9, 9, 9,
	 false, RECONCILE_PUT},

	{"written", "f 1 e", S_IFREG, STAGED, "f 1 e", 9, 9, 9, false,
	 RECONCILE_PUT},
	{"written, large", "f 1 e", S_IFREG, STAGED, "f 1 e", GIB, GIB, GIB,
	 false, RECONCILE_UPLOAD},
	{"cut", "f 1 e", S_IFREG, 0, "f 1 e", 9, 5, 5, false, RECONCILE_PUT},
	{"cut to nothing", "f 1 e", S_IFREG, 0, "f 1 e", 9, 0, 0, false,
	 RECONCILE_PUT},
	{"cut, large", "f 1 e", S_IFREG, 0, "f 1 e", GIB, GIB / 2, GIB / 2,
	 false, RECONCILE_UPLOAD},
	{"extended", "f 1 e", S_IFREG, 0, "f 1 e", 9, 9, 12, false,
	 RECONCILE_PUT},
	{"extended, large", "f 1 e", S_IFREG, 0, "f 1 e", 9, 9, GIB, false,
	 RECONCILE_UPLOAD},
	{"cut and extended back", "f 1 e", S_IFREG, 0, "f 1 e", 9, 5, 9, false,
	 RECONCILE_PUT},

	{"mkdir", NULL, S_IFDIR, 0, NULL, 0, 0, 0, false, RECONCILE_PUT},
	{"a directory in place", "f 1 e", S_IFDIR, 0, "f 1 e", 0, 0, 4096,
	 false, RECONCILE_DROP},
	{"chmod of a directory", "f 1 e", S_IFDIR, ATTRS, "f 1 e", 0, 0, 0,
	 false, RECONCILE_PUT},
	{"a directory renamed", NULL, S_IFDIR, 0, "g 1 e", 0, 0, 0, false,
	 RECONCILE_PUT},
	{"symlink", NULL, S_IFLNK, 0, NULL, 0, 0, 7, false, RECONCILE_PUT},
	{"a staged symlink", "f 1 e", S_IFLNK, STAGED, "f 1 e", 7, 7, 7, false,
	 RECONCILE_PUT},
	{"a symlink in place", "f 1 e", S_IFLNK, 0, "f 1 e", 7, 7, 7, false,
	 RECONCILE_DROP},
	{"a symlink renamed", NULL, S_IFLNK, 0, "g 1 e", 7, 7, 7, false,
	 RECONCILE_PUT},
	{"a fifo", NULL, S_IFIFO, 0, NULL, 0, 0, 0, false, RECONCILE_PUT},
	{"a device in place", "f 1 e", S_IFBLK, 0, "f 1 e", 0, 0, 0, false,
	 RECONCILE_DROP},
	{"a device, chmod", "f 1 e", S_IFCHR, ATTRS, "f 1 e", 0, 0, 0, false,
	 RECONCILE_PUT},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct meta_version known;
		struct meta_inode inode = {
			.mode = row->mode | 0644,
			.flags = META_I_ATTRS | row->flags,
			.size_bytes = row->size,
			.base_bytes = row->base_bytes,
		};
		struct reconcile_in in = {
			.key = "f",
			.known = &known,
			.inode = row->mode ? &inode : NULL,
			.versioned = !row->unversioned,
		};
		enum reconcile_action got;

		version_of(row->known, 1, &known);
		version_of(row->base, row->base_size, &inode.base);
		got = reconcile(&in);
		if (got != row->want)
			fail_msg("%s: %s instead of %s", row->what,
				 reconcile_action_name(got),
				 reconcile_action_name(row->want));
	}
}

static void test_copy_max(void **state)
{
	struct meta_version known;
	struct meta_inode inode = {
		.mode = S_IFREG | 0644, .size_bytes = 9, .base_bytes = 9};
	struct reconcile_in in = {.key = "f",
				  .known = &known,
				  .inode = &inode,
				  .versioned = true,
				  .copy_max = 9};

	(void)state;
	version_of(NULL, 0, &known);
	version_of("g 1 e", 9, &inode.base);
	assert_int_equal(reconcile(&in), RECONCILE_COPY);
	in.copy_max = 8;
	assert_int_equal(reconcile(&in), RECONCILE_PUT);
}

static void test_same_version(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"f 1 e", "f 1 e", true},  {"f 1 e", "f 1 x", true},
		{"f 1 e", "f 2 e", false}, {"f 1 e", "f - e", true},
		{"f 1 e", "f - x", false}, {"f - -", "f - -", false},
		{"f 1 e", "g 1 e", false}, {NULL, NULL, false},
		{NULL, "f 1 e", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct meta_version a, b;

		version_of(cases[i].a, 1, &a);
		version_of(cases[i].b, 1, &b);
		assert_int_equal(version_is_same(&a, &b), cases[i].same);
		assert_int_equal(version_is_same(&b, &a), cases[i].same);
	}
}

/* When a file that is changed each `every` seconds, and open, is saved. */
static void test_due(void **state)
{
	static const struct {
		int64_t every, save_after;
		bool written;
		unsigned least, most; /* saves in an hour */
	} cases[] = {
		{1, 300, true, 11, 12},	    {29, 300, true, 11, 12},
		{1, 60, true, 58, 60},	    {1, 1, true, 1200, 1800},
		{1, 0, true, 0, 0},	    {600, 300, true, 6, 6},
		{600, 0, true, 6, 6},	    {1, 300, false, 105, 113},
		{10, 300, false, 360, 360},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct reconcile_due_in in = {
			.commit_ns = 2 * NS_PER_S,
			.save_after_ns = cases[i].save_after * NS_PER_S,
			.written = cases[i].written,
		};
		unsigned saves = 0;
		bool dirty = false;

		for (int64_t now = 0; now < 3600; now++) {
			if (now % cases[i].every == 0) {
				in.changed_ns = now * NS_PER_S;
				if (!dirty)
					in.since_ns = in.changed_ns;
				dirty = true;
			}
			if (dirty && reconcile_due(&in) <= now * NS_PER_S) {
				saves++;
				dirty = false;
			}
		}
		if (saves < cases[i].least || saves > cases[i].most)
			fail_msg("case %zu: %u saves", i, saves);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_copy_max),
		cmocka_unit_test(test_same_version),
		cmocka_unit_test(test_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
