/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file came from: what a rename's first version says of it. */
#include "../vfs_rig.h"

#include <sys/xattr.h>

#include "vers3/object/rename_source.h"

static void copy_whole(struct rig *r, const char *from, const char *to)
{
	struct vfs_file *in = rig_open(r, from, O_RDONLY);
	struct vfs_file *out = rig_open(r, to, O_CREAT | O_TRUNC | O_WRONLY);
	size_t got = 0;

	assert_int_equal(vfs_copy_range(r->f.v, in, 0, out, 0, 4, &got), 0);
	assert_int_equal(got, 4);
	vfs_release(r->f.v, in);
	vfs_release(r->f.v, out);
}

/*
 * One word of a script:
 *
 *	+a	a is written		a>b	renamed, over what is there
 *	!a	its mode is changed	a<>b	the two change places
 *	-a	removed			a=b	b becomes a copy of a
 *	a&b	linked			*a	others write a
 *	sync	all is sent		kill	starts over
 *	forget	the cache is emptied
 */
static void run_word(struct rig *r, char *word)
{
	char *mid = strpbrk(word + 1, "<>=&");
	struct vfs_entry e;

	if (!strcmp(word, "sync")) {
		rig_sync(r);
	} else if (!strcmp(word, "kill")) {
		assert_int_equal(meta_sync(r->f.v->mount->meta), 0);
		rig_restart(r);
	} else if (!strcmp(word, "forget")) {
		rig_forget(r);
	} else if (*word == '+') {
		rig_write(r, word + 1, "text");
	} else if (*word == '!') {
		rig_chmod(r, word + 1, 0600);
	} else if (*word == '-') {
		rig_unlink(r, word + 1);
	} else if (*word == '*') {
		rig_put_text(r, word + 1, "text");
	} else if (*mid == '>') {
		*mid++ = '\0';
		rig_rename(r, word, mid);
	} else if (*mid == '<') {
		*mid = '\0';
		assert_int_equal(
			rig_try_rename(r, word, mid + 2, RENAME_EXCHANGE), 0);
	} else if (*mid == '=') {
		*mid++ = '\0';
		copy_whole(r, word, mid);
	} else {
		*mid++ = '\0';
		assert_int_equal(vfs_link(r->f.v, rig_ino(r, word),
					  META_ROOT_INO, mid, &e),
				 0);
	}
}

static void run_script(struct rig *r, const char *script)
{
	char *copy = strdup(script), *rest = NULL, *word;

	assert_non_null(copy);
	for (word = strtok_r(copy, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		run_word(r, word);
	free(copy);
}

/* The key that the object came from, without its version; "" : not said. */
static void from_of(struct rig *r, const char *key, char *from, size_t size)
{
	char *text = rig_meta(r, key, RENAMED_META);

	snprintf(from, size, "%.*s", text ? (int)strcspn(text, "?") : 0,
		 text ? text : "");
	free(text);
}

static const struct {
	const char *label, *script, *key, *from;
} cases[] = {
	{"copied", "+a sync a>b sync", "b", "pre/a"},
	{"copied with a new mode", "+a sync a>b !b sync", "b", "pre/a"},
	{"sent", "+a sync a>b +b sync", "b", "pre/a"},
	{"written before", "+a sync +a a>b sync", "b", "pre/a"},
	{"twice", "+a sync a>b b>c sync", "c", "pre/a"},
	{"one after the other", "+a sync a>b sync b>c sync", "c", "pre/b"},
	{"over a kill", "+a sync a>b kill sync", "b", "pre/a"},
	{"over a kill, sent", "+a sync a>b kill +b kill sync", "b", "pre/a"},
	{"never asked for", "*d/a d>e sync", "e/a", "pre/d/a"},
	{"never asked for, over a kill", "*d/a d>e kill sync", "e/a",
	 "pre/d/a"},
	{"never asked for, twice", "*d/a d>e e>f sync", "f/a", "pre/d/a"},
	{"over another", "+a +b sync a>b sync", "b", "pre/a"},
	{"changing places, one", "+a +b sync a<>b sync", "b", "pre/a"},
	{"changing places, other", "+a +b sync a<>b sync", "a", "pre/b"},
	{"linked and one name left", "+a sync a>b b&c -c sync", "b", "pre/a"},
	{"never sent", "+a a>b sync", "b", ""},
	{"a save by rename", "+f sync +.f.tmp .f.tmp>f sync", "f", ""},
	{"there and back", "+a sync a>b b>a !a sync", "a", ""},
	{"there and back, then linked", "+a sync a>b b>a a&c sync", "c", ""},
	{"a later version", "+a sync a>b sync +b sync", "b", ""},
	{"a later mode", "+a sync a>b sync !b sync", "b", ""},
	{"a later mode, read anew", "+a sync a>b sync forget !b sync", "b", ""},
	{"linked", "+a sync a&b sync", "b", ""},
	{"linked and renamed", "+a sync a&b sync a>c sync", "c", ""},
	{"renamed and linked", "+a sync a>b sync b&c sync", "c", ""},
	{"a copy", "+a sync a=b sync", "b", ""},
	{"a copy of what was renamed", "+a sync a>b sync b=c sync", "c", ""},
	{"a copy, renamed", "+a sync a=b b>c sync", "c", ""},
	{"a copy over what was renamed", "+a +x sync a>b x=b sync", "b", ""},
};

static void test_cases(void **state)
{
	char from[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		void *own = NULL;

		print_message("%s\n", cases[i].label);
		assert_int_equal(rig_setup(&own), 0);
		run_script(own, cases[i].script);
		from_of(own, cases[i].key, from, sizeof(from));
		assert_string_equal(from, cases[i].from);
		rig_holds(own, cases[i].key, "text");
		rig_teardown(&own);
	}
}

static void test_unversioned(void **state)
{
	char from[256];

	run_script(*state, "+a sync a>b sync");
	from_of(*state, "b", from, sizeof(from));
	assert_string_equal(from, "");
}

static void told(struct rig *r, const char *path, char *text, size_t size)
{
	struct buf value;

	buf_init(&value, RENAMED_MAX);
	assert_int_equal(vfs_getxattr(r->f.v, rig_ino(r, path),
				      "user.s3.renamed_from", &value),
			 0);
	snprintf(text, size, "%s", value.data);
	buf_release(&value);
}

/* The version is named, and attributes go along that nobody asked for. */
static void test_told(void **state)
{
	struct rig *r = *state;
	char first[256], text[256], want[256], *said;
	struct vfs_entry e;
	struct buf value;

	rig_put_mode(r, "d/a b", "text", "0100640");
	run_script(r, "d>e");
	rig_forget_requests(r);
	rig_sync(r);
	/* One look at the source, to say what it says. */
	assert_int_equal(rig_count(r, "HeadObject d/a b"), 1);
	assert_int_equal(rig_count(r, "CopyObject e/a b<d/a b"), 1);
	assert_int_equal(rig_lookup(r, "e/a b", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG | 0640);
	told(r, "e/a b", first, sizeof(first));
	assert_int_equal(strncmp(first, "d/a%20b?versionId=", 18), 0);
	assert_true(strlen(first) > 18);
	/* On the version too, and without what is cached. */
	rig_forget(r);
	told(r, "e/a b", text, sizeof(text));
	assert_string_equal(text, first);
	/* In the bucket the key is whole. */
	snprintf(want, sizeof(want), "pre/%s", first);
	said = rig_meta(r, "e/a b", RENAMED_META);
	assert_string_equal(said, want);
	free(said);
	buf_init(&value, RENAMED_MAX);
	assert_int_equal(rename_source_tell(r->f.v->mount,
					    "elsewhere/a?versionId=1", &value),
			 -ENODATA);
	assert_int_equal(rename_source_tell(r->f.v->mount, "pre/a", &value),
			 -ENODATA);
	assert_int_equal(rename_source_tell(r->f.v->mount, "pre/?versionId=1",
					    &value),
			 -ENODATA);
	assert_int_equal(rename_source_tell(r->f.v->mount, "pre/%0?versionId=1",
					    &value),
			 -ENODATA);
	assert_int_equal(rename_source_tell(r->f.v->mount, NULL, &value),
			 -ENODATA);
	assert_string_equal(value.data, "");
	buf_release(&value);
}

/* Runs a shell command on the directory of the namespace. */
static void shell(const struct rig *r, const char *words)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && %s", r->f.dir, words);
	assert_int_equal(system(command), 0);
}

/* What was noted of the requests is lost: no second version. */
static void test_killed(void **state)
{
	struct rig *r = *state;
	char from[256];

	run_script(r, "+a sync *d/x a>b d>e");
	assert_int_equal(meta_sync(r->f.v->mount->meta), 0);
	shell(r, "cp -a meta before");
	/* Deletes wait for what the copies made to be noted for good. */
	rig_fail(r, "DeleteObject", RIG_BEFORE, -EIO, 1000);
	rig_try_sync(r, NULL);
	rig_fail(r, "DeleteObject", RIG_BEFORE, -EIO, 0);
	assert_int_equal(rig_versions(r, "b"), 1);
	assert_int_equal(rig_versions(r, "e/x"), 1);
	vfs_fixture_stop(&r->f);
	shell(r, "rm -r meta && mv before meta");
	vfs_fixture_start(&r->f);
	r->power_lost = true; /* a kill would have left the notes */
	rig_kill(r);
	rig_sync(r);
	assert_int_equal(rig_versions(r, "b"), 1);
	assert_int_equal(rig_versions(r, "e/x"), 1);
	from_of(r, "b", from, sizeof(from));
	assert_string_equal(from, "pre/a");
	from_of(r, "e/x", from, sizeof(from));
	assert_string_equal(from, "pre/d/x");
}

/* Where metadata has no room left, the rename goes through without. */
static void test_no_room(void **state)
{
	struct rig *r = *state;
	char value[1300], from[256], name[200];

	memset(value, 'v', sizeof(value));
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	rig_write(r, name, "text");
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, name), "user.large",
				      value, sizeof(value), XATTR_CREATE),
			 0);
	rig_sync(r);
	rig_rename(r, name, "b");
	rig_sync(r);
	from_of(r, "b", from, sizeof(from));
	assert_string_equal(from, "");
	rig_holds(r, "b", "text");
	/* What was said before takes no room from what is to be said. */
	run_script(r, "+c sync c>e sync");
	from_of(r, "e", from, sizeof(from));
	assert_string_equal(from, "pre/c");
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, "e"), "user.large",
				      value, sizeof(value), XATTR_CREATE),
			 0);
	rig_sync(r);
}

/* Sends what stands at a, and nothing that comes to stand at b. */
static void *send_a(void *arg)
{
	uint64_t left;

	syncer_sync_all(((struct rig *)arg)->f.v->syncer, "a", &left);
	return NULL;
}

/* Renamed while it was sent: what was sent is its past. */
static void test_while_sent(void **state)
{
	struct rig *r = *state;
	pthread_t thread;
	char from[256];

	rig_write(r, "a", "text");
	rig_gate(r, "PutObject a", RIG_AFTER);
	assert_int_equal(pthread_create(&thread, NULL, send_a, r), 0);
	rig_wait_held(r);
	rig_rename(r, "a", "b");
	rig_gate(r, NULL, RIG_AFTER);
	pthread_join(thread, NULL);
	rig_sync(r);
	from_of(r, "b", from, sizeof(from));
	assert_string_equal(from, "pre/a");
	rig_holds(r, "b", "text");
	rig_holds(r, "a", NULL);
}

/* On a thread with little room for what it calls. */
static void *rename_deep(void *arg)
{
	return (void *)(intptr_t)rig_try_rename(arg, "d", "e", 0);
}

/* A directory as deep as keys can be, of which little is known here. */
static void test_deep(void **state)
{
	char key[META_KEY_MAX] = "d";
	struct rig *r = *state;
	pthread_attr_t attr;
	pthread_t t;
	void *rc;

	for (int i = 0; i < 500; i++)
		strcat(key, "/d");
	rig_put_text(r, key, "x");
	rig_put_text(r, "d/a", "y");
	rig_put_text(r, "d/d/z/a", "z");
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, 256 << 10), 0);
	assert_int_equal(pthread_create(&t, &attr, rename_deep, r), 0);
	pthread_join(t, &rc);
	pthread_attr_destroy(&attr);
	assert_int_equal((intptr_t)rc, 0);
	rig_sync(r);
	rig_holds(r, key, NULL);
	rig_holds(r, "d/a", NULL);
	rig_holds(r, "e/a", "y");
	rig_holds(r, "e/d/z/a", "z");
	*key = 'e';
	rig_holds(r, key, "x");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		RIG_TEST_UNVERSIONED(test_unversioned),
		RIG_TEST(test_told),
		RIG_TEST(test_killed),
		RIG_TEST(test_no_room),
		RIG_TEST(test_while_sent),
		RIG_TEST(test_deep),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
