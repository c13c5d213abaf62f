/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vers3/journal/commit_wait.h"

#define MS	NS_PER_MS
#define LEAST	COMMIT_WAIT_LEAST_NS
#define MIB	(UINT64_C(1) << 20)
#define SINCE	(1000000 * MS)
#define N(rows) (sizeof(rows) / sizeof(*(rows)))

static const struct {
	const char *what, *path;
	bool file, content;
	int64_t took_ns; /* from its first change to its last */
	int64_t saved_ns; /* before the first; 0: not known */
	uint64_t size_bytes;
	int64_t commit_ns, want_ns;
} waits[] = {
	{"a small file", "d/a", true, true, MS, 0, 5, 2000 * MS, LEAST},
	{"made and not written", "a", true, true, 0, 0, 0, 2000 * MS, LEAST},
	{"no file", "a", false, true, 0, 0, 0, 2000 * MS, 2000 * MS},
	{"attributes", "a", true, false, 0, 0, 5, 2000 * MS, 2000 * MS},
	{"temporary", "d/.a.Xy12Zz", true, true, MS, 0, 5, 2000 * MS,
	 2000 * MS},
	{"a busy machine", "a", true, true, 100 * MS, 0, 5, 2000 * MS,
	 800 * MS},
	{"a busier one", "a", true, true, 300 * MS, 0, 5, 2000 * MS, 2000 * MS},
	{"a large file", "a", true, true, 1000 * MS, 0, 99 * MIB, 2000 * MS,
	 LEAST},
	{"a slow large file", "a", true, true, 10000 * MS, 0, 99 * MIB,
	 2000 * MS, 800 * MS},
	{"a line a second", "a", true, true, 60000 * MS, 0, MIB, 2000 * MS,
	 2000 * MS},
	{"the clock was set", "a", true, true, -MS, 0, 5, 2000 * MS, 2000 * MS},
	{"saved just before", "a", true, true, MS, 200 * MS, 5, 2000 * MS,
	 2000 * MS},
	{"saved before", "a", true, true, MS, 3999 * MS, 5, 2000 * MS,
	 2000 * MS},
	{"saved long before", "a", true, true, MS, 4000 * MS, 5, 2000 * MS,
	 LEAST},
	{"saved later, by a clock", "a", true, true, MS, -MS, 5, 2000 * MS,
	 2000 * MS},
	{"at once", "a", true, true, 0, 0, 5, 0, 0},
	{"soon", "a", true, true, MS, 0, 5, 50 * MS, 50 * MS},
	{"a second", "a", true, true, MS, 0, 5, 1000 * MS, LEAST},
	{"late as asked for", "a", true, true, MS, 0, 5, 60000 * MS,
	 60000 * MS},
};

static void test_wait(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(waits); i++) {
		struct commit_wait_in in = {
			.path = waits[i].path,
			.file = waits[i].file,
			.content = waits[i].content,
			.since_ns = SINCE,
			.changed_ns = SINCE + waits[i].took_ns,
			.saved_ns = waits[i].saved_ns
					    ? SINCE - waits[i].saved_ns
					    : 0,
			.size_bytes = waits[i].size_bytes,
			.commit_ns = waits[i].commit_ns,
		};

		if (commit_wait(&in) != waits[i].want_ns)
			fail_msg("%s: %lld", waits[i].what,
				 (long long)commit_wait(&in));
	}
}

static void test_names(void **state)
{
	static const char *const temporary[] = {
		".a.txt.Xy12Zz",
		".a.abcdef",
		".x.swp",
		"4913",
		"name~",
		"#name#",
		".#name",
		".~lock.a.odt#",
		"a.tmp",
		"a.TMP",
		"a.part",
		"a.crdownload",
		"tmpab_x2hp1",
		"tmp_obj_a1b2c3",
		"tmp_pack_q1W2e3",
		".tmp-123-pack-aa.pack",
		"pack-aa.keep",
		"index.lock",
		"sedXy12Zz",
		"ziXy12Zz",
		"stXy12Zz",
		"XXkV8yea",
		"f.owUkIug",
		".f.swpx",
		".git/info/refs_3FEwix",
		".goutputstream-Xy12Zz",
		"a.odt-Xy12Zz",
		"~$a.docx",
		"~WRD0001.tmp",
		"5F3A1B2C",
		"a.dpkg-new",
		"status-new",
		"packed-refs.new",
		"bash;5f3a09c1",
		"m.cpython-311.pyc.1402",
		"conftest.o",
		"x.Tpo",
		"lu12ab.tmp",
		"Maildir/tmp/1",
		"a/.~tmp~/b/c",
		"apt/partial/a.deb",
		"o/tmp_objdir-incoming-Xy12Zz/ab/cd"};
	static const char *const lasting[] = {"a",
					      "a.txt",
					      "a.config",
					      "a.Config",
					      "backup-161026",
					      "my-photos",
					      ".bashrc",
					      ".a.b",
					      "491",
					      "IMG_4913.jpg",
					      "x.swift",
					      "sedation",
					      "sediments",
					      "file.123456",
					      "temperature.csv",
					      "template.html",
					      "12345678",
					      "DEADBEEF",
					      "a.db-journal",
					      "a.db-wal",
					      "a.db-shm",
					      "a.bak",
					      "a.orig",
					      "a.dpkg-old",
					      "block.c",
					      "new",
					      "renew",
					      "partial.txt",
					      "keep",
					      ".gitkeep",
					      "zip.c",
					      "station",
					      "f.output",
					      "cc.h",
					      "a/b/c",
					      "a;b",
					      ""};

	(void)state;
	for (size_t i = 0; i < N(temporary); i++)
		if (!commit_wait_is_temporary(temporary[i]))
			fail_msg("%s", temporary[i]);
	for (size_t i = 0; i < N(lasting); i++)
		if (commit_wait_is_temporary(lasting[i]))
			fail_msg("%s", lasting[i]);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_names),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
