/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../../src/ctl/ctl.h"
#include "../../../src/ctl/target.h"
#include "../../../src/ctl/state.h"
#include "../../../src/ctl/control_client.h"
#include "vers3/util/gitconfig.h"

static const struct {
	const char *text;
	const char *json; /* compact, in order; NULL: refused */
} states[] = {
	{"# 12 versions, 3 s\n[s]\n\t# more\n\n  a=1\n\tb =\tx\n;no\n",
	 "{\"s\":{\"a\":1,\"b\":\"x\"}}"},
	{"", "{}"},
	{"[a]\n", "{\"a\":{}}"},
	{"[a]\n\tn = 5\n\tb = true\n\ts = x y\n",
	 "{\"a\":{\"n\":5,\"b\":true,\"s\":\"x y\"}}"},
	{"[a]\n\tn = -5\n\tq = \"5\"\n\te = \"\"\n",
	 "{\"a\":{\"n\":-5,\"q\":\"5\",\"e\":\"\"}}"},
	{"[u \"1\"]\n\towner = 12\n\tbytes = 12\n",
	 "{\"u\":{\"rules\":[{\"id\":\"1\",\"owner\":\"12\",\"bytes\":12}]}}"},
	{"[c]\n\tours = 1\n\ttheirs = 2\n",
	 "{\"c\":{\"ours\":\"1\",\"theirs\":\"2\"}}"},
	{"[mount]\n\tbucket = 123\n", "{\"mount\":{\"bucket\":\"123\"}}"},
	{"[a]\n\tq = \"\\\"\\\\\\n\\t\"\n",
	 "{\"a\":{\"q\":\"\\\"\\\\\\n\\t\"}}"},
	{"[l]\n\trules = 0\n", "{\"l\":{\"rules\":[]}}"},
	{"[l]\n\trules = 2\n[l \"x ]\\\"\"]\n\tdays = 1\n[l \"y\"]\n",
	 "{\"l\":{\"rules\":[{\"id\":\"x ]\\\"\",\"days\":1},"
	 "{\"id\":\"y\"}]}}"},
	{"[l]\n\ttags = 1\n\ttags = a=b\n", "{\"l\":{\"tags\":[\"1\",\"a=b\"]"
					    "}}"},
	{"\tn = 5\n", NULL},
	{"[a\n", NULL},
	{"[]\n", NULL},
	{"[a]\n\tn\n", NULL},
	{"[a]\n\tn = \"x\n", NULL},
	{"[a]\n\tn = x\\", NULL},
};

static void test_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		json_t *doc = NULL;
		char *text;
		int rc = state_parse(states[i].text, &doc);

		assert_int_equal(rc, states[i].json ? 0 : -EIO);
		if (rc)
			continue;
		text = json_dumps(doc, JSON_COMPACT);
		assert_string_equal(text, states[i].json);
		free(text);
		json_decref(doc);
	}
}

/* Whatever the daemon writes is read back. */
static void test_round_trip(void **state)
{
	static const char *const values[] = {
		"",   " ",	"plain", "a b", "\"", "\\",    "#x",  ";x",
		"[x", "a\tb\n", "\b",	 "=",	"-",  "x = y", "\\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		const json_t *section;
		json_t *doc;
		struct buf b;

		buf_init(&b, 4096);
		assert_int_equal(gitconfig_section(&b, "s", NULL), 0);
		assert_int_equal(gitconfig_value(&b, "v", values[i]), 0);
		assert_int_equal(gitconfig_number(&b, "n", INT64_MAX), 0);
		assert_int_equal(state_parse(b.data, &doc), 0);
		section = json_object_get(doc, "s");
		assert_string_equal(ctl_text(section, "v"), values[i]);
		assert_true(ctl_number(section, "n") == INT64_MAX);
		json_decref(doc);
		buf_release(&b);
	}
}

static void test_history_paths(void **state)
{
	static const char *const paths[][2] = {
		{"", ""},
		{"a", "a"},
		{".versions", ""},
		{".versions/a/b", "a/b"},
		{"a/.versions", "a"},
		{"a/.versions/b", "a/b"},
		{".versionsx/a", ".versionsx/a"},
		{"a/x.versions/b", "a/x.versions/b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct target p = {.path = strdup(paths[i][0])};

		assert_non_null(p.path);
		target_leave_history(&p);
		assert_string_equal(p.path, paths[i][1]);
		target_release(&p);
	}
}

static void test_no_mount(void **state)
{
	char reason[256] = "";
	struct target p;

	(void)state;
	assert_int_equal(target_find(NULL, "/no/such/../path", &p, reason,
				     sizeof(reason)),
			 -ENOENT);
	assert_string_equal(reason,
			    "/no/path is not in a mount of vers3; "
			    "`findmnt -t fuse.vers3` lists those there are");
	assert_int_equal(target_find("/proc", ".", &p, reason, sizeof(reason)),
			 -ENOENT);
}

/* What the other end takes a few bytes at a time is sent whole. */
static void test_send(void **state)
{
	static const char line[] = "restore \"a b\" @2h";
	char got[sizeof(line) + 1], big[100000];
	size_t len = 0;
	ssize_t n;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(control_client_send(fd[1], line), 0);
	n = read(fd[0], got, sizeof(got));
	assert_int_equal(n, sizeof(line));
	assert_memory_equal(got, "restore \"a b\" @2h\n", sizeof(line));
	/* More than a pipe holds is taken in pieces. */
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(control_client_send(fd[1], big), -EAGAIN);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	while ((n = read(fd[0], big, sizeof(big))) > 0)
		len += (size_t)n;
	/* It went on after the first short write, until nothing went. */
	assert_true(len > 0);
	close(fd[0]);
	close(fd[1]);
}

static void test_texts(void **state)
{
	char text[24];

	(void)state;
	ctl_size_text(1023, text, sizeof(text));
	assert_string_equal(text, "1023 B");
	ctl_size_text(1536, text, sizeof(text));
	assert_string_equal(text, "1.5 KiB");
	ctl_size_text(INT64_MAX, text, sizeof(text));
	assert_string_equal(text, "8.0 EiB");
	ctl_age_text(0, text, sizeof(text));
	assert_string_equal(text, "0 s");
	ctl_age_text(119, text, sizeof(text));
	assert_string_equal(text, "119 s");
	ctl_age_text(7200, text, sizeof(text));
	assert_string_equal(text, "2 h");
	ctl_age_text(INT64_MAX, text, sizeof(text));
	assert_string_equal(text, "106751991167300 d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_history_paths),
		cmocka_unit_test(test_no_mount),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
