/* SPDX-License-Identifier: Apache-2.0 */
/* diff, as the control file answers, over a bucket in memory. */
#include "answer_rig.h"

#include "vers3/util/clock.h"

/* The instant that it is now, as a word of a command; what comes is later. */
static const char *instant(void)
{
	static char text[48];
	int64_t now = clock_real_ns();
	char when[24];

	/* What dates are cut to. */
	while (clock_real_ns() / 1000000 == now / 1000000)
		;

	clock_format_iso8601(now, when, sizeof(when));
	when[strlen(when) - 1] = '\0';
	snprintf(text, sizeof(text), "@%s.%09dZ", when, (int)(now % NS_PER_S));
	return text;
}

/*
 * The answer's lines with their version ids taken out: "+ - 4 - path\n" and so
 * on, "ID" for one.
 */
static void differs(struct rig *r, const char *path, const char *at,
		    const char *want)
{
	char line[256], got[4096] = "", *answer, *rest = NULL, *item;

	snprintf(line, sizeof(line), "diff \"%s\" %s", path, at);
	answer = ask(r, line);
	for (item = strtok_r(answer, "\n", &rest); item;
	     item = strtok_r(NULL, "\n", &rest)) {
		char sign[4], then[24], now[24], id[160], name[256];

		if (sscanf(item, " items = \"%3s %23s %23s %159s %255[^\"]",
			   sign, then, now, id, name) != 5)
			continue;
		snprintf(got + strlen(got), sizeof(got) - strlen(got),
			 "%s %s %s %s %s\n", sign, then, now,
			 strcmp(id, "-") ? "ID" : id, name);
	}
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s", line, got);
	free(answer);
}

static void test_files(void **state)
{
	struct rig *r = *state;
	char at[48];

	rig_put_text(r, "same", "1");
	rig_put_text(r, "longer", "1");
	rig_put_text(r, "other", "1");
	rig_put_text(r, "gone", "22");
	rig_put_text(r, "dir/in", "1");
	rig_put_text(r, "old/in", "1");
	rig_put_text(r, "turns", "1");
	strcpy(at, instant());
	SAYS(r, "diff / @1s", "[diff]\n\tinstant = 20");
	differs(r, "/", at, "");
	rig_put_text(r, "longer", "22");
	rig_put_text(r, "other", "2");
	rig_remove(r, "gone");
	rig_remove(r, "old/in");
	rig_put_text(r, "dir/new", "333");
	rig_put_text(r, "new/in", "1");
	rig_remove(r, "turns");
	rig_put_text(r, "turns-a", "1");
	rig_put_text(r, "turns/in", "1");
	rig_put_text(r, MOUNT_VERSIONS_NAME "/@point", "");
	rig_forget_requests(r);
	differs(r, "/", at,
		"+ - 3 - dir/new\n"
		"- 2 - ID gone\n"
		"~ 1 2 ID longer\n"
		"+ - 1 - new/in\n+ - directory - new\n"
		"- 1 - ID old/in\n- directory - - old\n"
		"~ 1 1 ID other\n"
		"+ - 1 - turns-a\n"
		"+ - 1 - turns/in\n~ 1 directory ID turns\n");
	/* Nothing but the list. */
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	assert_int_equal(rig_count(r, "ListObjectVersions"), 1);
	differs(r, "dir", at, "+ - 3 - dir/new\n");
	differs(r, "/dir/", at, "+ - 3 - dir/new\n");
	differs(r, "turns", at, "+ - 1 - turns/in\n~ 1 directory ID turns\n");
	differs(r, "same", at, "");
	fails(r, "diff none @1s\n", -ENOENT,
	      "diff: none: nothing is there, and nothing was\n");
}

/* Of equal content attributes are asked for: once a version, ever. */
static void test_attributes(void **state)
{
	struct rig *r = *state;
	char at[48];

	rig_put_mode(r, "file", "1", "0100644");
	rig_put_mode(r, "back", "1", "0100644");
	rig_put_mode(r, "dir/", "", "040755");
	rig_put_mode(r, "quiet/", "", "040755");
	rig_put_text(r, "dir/in", "1");
	strcpy(at, instant());
	rig_put_mode(r, "file", "1", "0100600");
	rig_put_mode(r, "back", "2", "0100644");
	rig_put_mode(r, "dir/", "", "040700");
	rig_put_mode(r, "quiet/", "", "040755");
	rig_forget_requests(r);
	differs(r, "/", at,
		"~ 1 1 ID back\n~ directory directory ID dir\n~ 1 1 ID file\n");
	assert_int_equal(rig_count(r, "HeadObject"), 6);
	differs(r, "/", at,
		"~ 1 1 ID back\n~ directory directory ID dir\n~ 1 1 ID file\n");
	assert_int_equal(rig_count(r, "HeadObject"), 6);
}

/* What is not sent yet is there, or gone, all the same. */
static void test_unsent(void **state)
{
	struct rig *r = *state;
	char at[48];

	rig_put_text(r, "d/a", "1");
	rig_put_text(r, "d/b", "1");
	rig_put_text(r, "d/c", "1");
	rig_put_text(r, "d-x", "1");
	rig_put_text(r, "moved/a", "1");
	rig_lists(r, "", "d-x d/ moved/");
	rig_lists(r, "d", "a b c");
	rig_lists(r, "moved", "a");
	strcpy(at, instant());
	rig_write(r, "d/a", "new");
	rig_unlink(r, "d/b");
	rig_chmod(r, "d/c", 0700);
	rig_write(r, "d/z", "z");
	rig_write(r, "d-y", "y");
	rig_mkdir(r, "d/sub");
	rig_rename(r, "moved", "there");
	differs(r, "d", at,
		"~ 1 3 ID d/a\n- 1 - ID d/b\n~ 1 1 ID d/c\n"
		"+ - directory - d/sub\n+ - 1 - d/z\n");
	differs(r, "moved", at, "- 1 - ID moved/a\n- directory - - moved\n");
	differs(r, "there", at, "+ - 1 - there/a\n+ - directory - there\n");
	rig_sync(r);
	differs(r, "d", at,
		"~ 1 3 ID d/a\n- 1 - ID d/b\n~ 1 1 ID d/c\n"
		"+ - directory - d/sub\n+ - 1 - d/z\n");
	differs(r, "/", at,
		"+ - 1 - d-y\n"
		"~ 1 3 ID d/a\n- 1 - ID d/b\n~ 1 1 ID d/c\n"
		"+ - directory - d/sub\n+ - 1 - d/z\n"
		"- 1 - ID moved/a\n- directory - - moved\n"
		"+ - 1 - there/a\n+ - directory - there\n");
}

static void send_all(struct rig *r)
{
	rig_try_sync(r, NULL);
}

/* What is sent when the list has been answered is in no list, but there. */
static void test_sent_meanwhile(void **state)
{
	struct rig *r = *state;
	char at[48];

	rig_put_text(r, "a", "1");
	rig_put_text(r, "c", "1");
	rig_lists(r, "", "a c");
	strcpy(at, instant());
	rig_write(r, "b", "22");
	rig_write(r, "c", "22");
	rig_mkdir(r, "d");
	rig_write(r, "d/e", "22");
	rig_hook(r, "ListObjectVersions", send_all, 1);
	differs(r, "/", at,
		"+ - 2 - b\n~ 1 2 ID c\n"
		"+ - 2 - d/e\n+ - directory - d\n");
	assert_int_equal(rig_dirty(r), 0);
	differs(r, "/", at,
		"+ - 2 - b\n~ 1 2 ID c\n"
		"+ - 2 - d/e\n+ - directory - d\n");
}

/* One key's versions go over several pages, between others. */
static void test_long_key(void **state)
{
	enum {
		HALF = 1250
	};
	struct rig *r = *state;
	char at[48];

	rig_put_text(r, "j", "1");
	rig_put_text(r, "l", "1");
	for (int i = 0; i < HALF; i++)
		rig_put_text(r, "k", "1");
	strcpy(at, instant());
	for (int i = 0; i < HALF; i++)
		rig_put_text(r, "k", "22");
	rig_put_text(r, "l", "22");
	rig_forget_requests(r);
	differs(r, "/", at, "~ 1 2 ID k\n~ 1 2 ID l\n");
	assert_int_equal(rig_count(r, "ListObjectVersions"), 3);
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	rig_remove(r, "k");
	differs(r, "/", at, "- 1 - ID k\n~ 1 2 ID l\n");
	differs(r, "k", at, "- 1 - ID k\n");
}

static void suspend(struct rig *r)
{
	static const char document[] =
		"<VersioningConfiguration><Status>Suspended</Status>"
		"</VersioningConfiguration>";
	struct store_request q;

	store_request_init(&q, STORE_PUT_VERSIONING);
	q.body.mem = document;
	q.body.length = strlen(document);
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}

static void put_dated(struct rig *r, const char *key, const char *permissions)
{
	struct kvlist meta;

	kvlist_init(&meta);
	assert_int_equal(kvlist_add(&meta, "file-permissions", permissions), 0);
	assert_int_equal(kvlist_add(&meta, "file-mtime", "1000000000"), 0);
	rig_put_meta(r, key, "1", 1, &meta);
	kvlist_release(&meta);
}

/*
 * Where versioning is suspended, equal content comes under the id that the
 * content before it had: what was known of that holds no more.
 */
static void test_null(void **state)
{
	struct rig *r = *state;
	int64_t second;
	char at[48];

	put_dated(r, "known", "0100644");
	put_dated(r, "unknown", "0100644");
	strcpy(at, instant());
	suspend(r);
	put_dated(r, "known", "0100644");
	put_dated(r, "unknown", "0100644");
	rig_lists(r, "", "known unknown");
	assert_int_equal(rig_there(r, "known"), 0);
	differs(r, "/", at, "");
	/* Dates are kept in seconds. */
	second = clock_real_ns() / NS_PER_S;
	while (clock_real_ns() / NS_PER_S == second)
		;
	put_dated(r, "known", "0100600");
	put_dated(r, "unknown", "0100600");
	differs(r, "/", at, "~ 1 1 ID known\n~ 1 1 ID unknown\n");
}

/* Of a mount that shows an instant, that is what is there now. */
static void test_instant(void **state)
{
	static char shown[48];
	struct rig *r = *state;
	char at[48];

	rig_put_text(r, "a", "1");
	rig_put_text(r, "d/b", "1");
	strcpy(at, instant());
	rig_put_text(r, "a", "22");
	rig_remove(r, "d/b");
	strcpy(shown, instant());
	rig_put_text(r, "a", "333");
	rig_put_text(r, "d/b", "333");
	rig_put_text(r, "later", "333");
	r->f.config.at = shown;
	r->f.config.read_only = true;
	rig_restart(r);
	differs(r, "/", at, "~ 1 2 ID a\n- 1 - ID d/b\n- directory - - d\n");
	differs(r, "/", shown, "");
}

static void test_words(void **state)
{
	struct rig *r = *state;

	fails(r, "diff a\n", -EINVAL, "usage: diff PATH @TIME\n");
	fails(r, "diff a @soon\n", -EINVAL,
	      "soon is no time, and no named point; want such as");
	fails(r, "diff .versions/a @1d\n", -EINVAL,
	      ".versions/a: is no path of a file or directory\n");
	rig_put_text(r, "a", "1");
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EACCES, 1);
	fails(r, "diff a @2001-01-01\n", -EACCES, "diff: a: ");
}

/* More than a batch, and more than a page. */
static void test_many(void **state)
{
	struct rig *r = *state;
	char key[32], at[48], line[80];

	for (int i = 0; i < 1500; i++) {
		snprintf(key, sizeof(key), "many/%d", i);
		rig_put_mode(r, key, "1", "0100644");
	}
	strcpy(at, instant());
	for (int i = 0; i < 1500; i++) {
		snprintf(key, sizeof(key), "many/%d", i);
		rig_put_mode(r, key, "1", "0100600");
	}
	snprintf(line, sizeof(line), "diff / %s", at);
	SAYS(r, line, " many/0\"\n", "\tcount = 1500\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_files),	 RIG_TEST(test_attributes),
		RIG_TEST(test_unsent),	 RIG_TEST(test_sent_meanwhile),
		RIG_TEST(test_words),	 RIG_TEST(test_instant),
		RIG_TEST(test_null),	 RIG_TEST(test_many),
		RIG_TEST(test_long_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
