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
#include "../../../src/ctl/errand.h"
#include "../../../src/ctl/listing.h"
#include "../../../src/ctl/target.h"
#include "../../../src/ctl/state.h"
#include "../../../src/ctl/control_client.h"
#include "vers3/util/control_ioctl.h"
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

/* A control file that is a plain one: the answer stands behind the line. */
#define LINE "list"

static char root[] = "/tmp/t_ctl.XXXXXX";
static long long printed;

static FILE *begin_answer(void)
{
	char path[256];
	FILE *file;

	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/" CONTROL_ANY_NAME, root);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(LINE "\n", file);
	return file;
}

static void end_root(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/" CONTROL_ANY_NAME, root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(root), 0);
	strcpy(root + strlen(root) - 6, "XXXXXX");
}

static void print_number(const json_t *item)
{
	assert_int_equal(ctl_number(item, "n"), printed);
	printed++;
}

static int list(struct listing *l)
{
	struct errand e = {.target = {.root = root}};
	int status;

	buf_init(&e.line, 64);
	assert_int_equal(buf_puts(&e.line, LINE), 0);
	status = listing_run(l, &e);
	buf_release(&e.line);
	return status;
}

/* More than is kept of any answer. */
static void test_long_listing(void **state)
{
	struct listing l = {
		.item = "u", .sums = "us", .list = "us", .print = print_number};
	const int count = TALK_ANSWER_MAX / 1000 + 10;
	FILE *file = begin_answer();
	char text[1001] = "";

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < count; i++)
		fprintf(file, "[u \"%d\"]\n\tn = %d\n# %d\n\tpath = %s\n", i, i,
			i, text);
	fprintf(file, "[us]\n\tcount = %d\n", count);
	assert_int_equal(fclose(file), 0);
	printed = 0;
	assert_int_equal(list(&l), CTL_OK);
	assert_int_equal(printed, count);
	assert_int_equal(ctl_number(l.sums_object, "count"), count);
	listing_release(&l);
	end_root();
}

/* What a listing prints as JSON, and its status. */
static int list_json(const char *answer, char *out, size_t size)
{
	struct listing l = {.item = "u", .sums = "us", .list = "us"};
	FILE *file = begin_answer(), *to = tmpfile();
	int old, status;

	l.json = true;
	fputs(answer, file);
	assert_int_equal(fclose(file), 0);
	assert_non_null(to);
	fflush(stdout);
	old = dup(STDOUT_FILENO);
	assert_int_equal(dup2(fileno(to), STDOUT_FILENO), STDOUT_FILENO);
	status = list(&l);
	fflush(stdout);
	dup2(old, STDOUT_FILENO);
	close(old);
	listing_release(&l);
	rewind(to);
	out[fread(out, 1, size - 1, to)] = '\0';
	fclose(to);
	end_root();
	return status;
}

static void test_json_listing(void **state)
{
	static const struct {
		const char *answer;
		int status;
		const char *json; /* compact; NULL: nothing is printed */
	} cases[] = {
		{"[u \"a\"]\n\tn = 1\n[u \"b\"]\n\tn = 2\n[us]\n\tc = 2\n",
		 CTL_OK,
		 "{\"us\":[{\"id\":\"a\",\"n\":1},{\"id\":\"b\",\"n\":2}],"
		 "\"c\":2}"},
		{"# 0\n[us]\n\tc = 0\n\tpath = \"x y\"\n", CTL_OK,
		 "{\"us\":[],\"c\":0,\"path\":\"x y\"}"},
		/* It ends in the middle. */
		{"[u \"a\"]\n\tn = 1\n", CTL_FAILED,
		 "{\"us\":[{\"id\":\"a\",\"n\":1}]}"},
		{"", CTL_FAILED, NULL},
		{"[other]\n\tn = 1\n", CTL_FAILED, NULL},
		{"no section\n", CTL_FAILED, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char out[1024], *text;
		json_t *doc;

		assert_int_equal(list_json(cases[i].answer, out, sizeof(out)),
				 cases[i].status);
		if (!cases[i].json) {
			assert_string_equal(out, "");
			continue;
		}
		doc = json_loads(out, 0, NULL);
		if (!doc)
			fail_msg("case %zu: %s", i, out);
		text = json_dumps(doc, JSON_COMPACT);
		assert_string_equal(text, cases[i].json);
		free(text);
		json_decref(doc);
	}
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
		cmocka_unit_test(test_long_listing),
		cmocka_unit_test(test_json_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
