/* SPDX-License-Identifier: Apache-2.0 */
/* The versions view: what .versions shows of the bucket's history. */
#include "../vfs_rig.h"

#include "view_rig.h"

/* A version's number in its directory, from 0: its name, or "". */
static void nth(struct rig *r, const char *path, unsigned n, char *name,
		size_t size)
{
	char names[NAMES_MAX], *rest = NULL, *at;

	names_of(r, path, names);
	at = strtok_r(names, " ", &rest);
	while (at && n--)
		at = strtok_r(NULL, " ", &rest);
	snprintf(name, size, "%s", at ? at : "");
}

static const struct {
	const char *label;
	const char *script; /* keys saved, with '-' before those removed */
	const char *path;
	const char *shape;
} shapes[] = {
	{"one version", "f", ".versions/f", "v"},
	{"several", "f f f", ".versions/f", "v v v"},
	{"deleted", "f -f", ".versions/f", "v d"},
	{"and made again", "f -f f", ".versions/f", "v d v"},
	{"every name that ever was", "a b -b d/x", ".versions", "a/ b/ d/"},
	{"a directory that is gone", "d/x -d/x", ".versions", "d/"},
	{"and what was in it", "d/x -d/x", ".versions/d", "x/"},
	{"a file, then a directory", "n -n n/x", ".versions/n", "v d x/"},
	{"names around it", "a a-b a/x a0", ".versions", "a/ a-b/ a0/"},
	{"its versions alone", "a a-b a/x a0", ".versions/a", "v x/"},
	{"deep", "a/b/c", ".versions/a/b", "c/"},
	{"below a directory", "d/x d/y", "d/.versions", "x/ y/"},
	{"an object of its own", "d/ d/x d/", ".versions/d", "x/ .object/"},
	{"of it the versions", "d/ d/x d/ -d/ d//", ".versions/d/.object",
	 "v v d"},
	{"of one that has gone", "d/ -d/", ".versions/d", ".object/"},
	{"another of its name", "d/ d/.object d/x", ".versions/d",
	 ".object/ x/"},
	{"of that the versions", "d/ d/.object", ".versions/d/.object", "v"},
	{"seen below the directory", "d/ d/x", "d/.versions/.object", "v"},
};

/* Each over a bucket of its own, since history stays. */
static void test_shapes(void **state)
{
	char shape[NAMES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		void *own = NULL;
		struct rig *r;

		print_message("%s\n", shapes[i].label);
		assert_int_equal(rig_setup(&own), 0);
		r = own;
		rig_run_keys(r, shapes[i].script);
		shape_of(r, shapes[i].path, shape);
		assert_string_equal(shape, shapes[i].shape);
		rig_teardown(&own);
	}
}

static void read_version(struct rig *r, const char *dir, unsigned n,
			 const char *text)
{
	char path[META_KEY_MAX + 1], name[512];

	nth(r, dir, n, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	rig_is(r, path, text);
}

/* Oldest first, also within one second; each with its own content. */
static void test_order(void **state)
{
	struct rig *r = *state;
	char text[32], shape[NAMES_MAX], first[512], again[600];

	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "text %d", i);
		rig_put_text(r, "d/f", text);
	}
	rig_remove(r, "d/f");
	shape_of(r, ".versions/d/f", shape);
	assert_string_equal(shape, "v v v v v v v v v v d");
	for (unsigned i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		read_version(r, ".versions/d/f", i, text);
	}
	read_version(r, ".versions/d/f", 10, "");
	/* Whatever comes, what a name stood for is found by it. */
	nth(r, ".versions/d/f", 3, first, sizeof(first));
	rig_put_text(r, "d/f", "more");
	snprintf(again, sizeof(again), ".versions/d/f/%s", first);
	rig_is(r, again, "text 3");
}

#define STAMP 19 /* of 2026-11-21T23-50-08 */

/* Saves a key so often in one second: false when that has not come about. */
static bool save_in_one(struct rig *r, const char *key, unsigned count,
			unsigned pause_us)
{
	char path[64], text[32], first[512], last[512];

	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		rig_put_text(r, key, text);
		usleep(pause_us);
	}
	snprintf(path, sizeof(path), ".versions/%s", key);
	nth(r, path, 0, first, sizeof(first));
	nth(r, path, count - 1, last, sizeof(last));
	return !strncmp(first, last, STAMP);
}

/* Names of one second, and what each of them finds. */
static void names_find(struct rig *r, const char *key, char mark)
{
	char names[NAMES_MAX], path[1024], text[32], *rest = NULL, *at;
	char last[512] = "";
	unsigned n = 0;

	snprintf(path, sizeof(path), ".versions/%s", key);
	names_of(r, path, names);
	for (at = strtok_r(names, " ", &rest); at;
	     at = strtok_r(NULL, " ", &rest), n++) {
		const char *id = strchr(at, '~');

		assert_non_null(id);
		assert_true(strcmp(last, at) < 0);
		assert_int_equal(at[STAMP], mark);
		assert_int_equal(id - at, STAMP + 5);
		snprintf(last, sizeof(last), "%s", at);
		snprintf(text, sizeof(text), "text %u", n);
		snprintf(path, sizeof(path), ".versions/%s/%s", key, at);
		rig_is(r, path, text);
		/* Its time alone; and as it would be spelled alone. */
		snprintf(path, sizeof(path), ".versions/%s/%.*s", key,
			 (int)(id - at), at);
		rig_is(r, path, text);
		snprintf(path, sizeof(path), ".versions/%s/%.*sZ%s", key, STAMP,
			 at, id);
		rig_is(r, path, text);
	}
	/* The second has several. */
	snprintf(path, sizeof(path), ".versions/%s/%.*sZ", key, STAMP, last);
	assert_int_equal(rig_there(r, path), -ENOENT);
}

/* Versions of one second sort by their names as they came. */
static void test_one_second(void **state)
{
	static const struct {
		unsigned count, pause_us;
		char mark; /* behind the second: '.' of milliseconds, or Z */
	} table[] = {{6, 3000, '.'}, {100, 0, 'Z'}};
	struct rig *r = *state;
	char key[16];

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		unsigned tries = 0;

		do
			snprintf(key, sizeof(key), "%c%u", 'a' + (char)i,
				 tries);
		while (!save_in_one(r, key, table[i].count,
				    table[i].pause_us) &&
		       ++tries < 50);
		names_find(r, key, table[i].mark);
	}
}

/* What this mount saves is there at once. */
static void test_own(void **state)
{
	struct rig *r = *state;
	char shape[NAMES_MAX];

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_write(r, "f", "one");
	rig_sync(r);
	shape_of(r, ".versions/f", shape);
	assert_string_equal(shape, "v");
	rig_write(r, "f", "two");
	rig_sync(r);
	shape_of(r, ".versions/f", shape);
	assert_string_equal(shape, "v v");
	rig_unlink(r, "f");
	rig_sync(r);
	shape_of(r, ".versions/f", shape);
	assert_string_equal(shape, "v v d");
	read_version(r, ".versions/f", 0, "one");
	read_version(r, ".versions/f", 1, "two");
	/* Within ttl a second look asks nothing. */
	rig_forget_requests(r);
	shape_of(r, ".versions/f", shape);
	rig_asked(r, "");
}

/* Any unique beginning of a name finds the version. */
static void test_prefix(void **state)
{
	struct rig *r = *state;
	char name[512], path[1024], shorter[512];
	struct vfs_entry e;

	rig_put_text(r, "f", "one");
	nth(r, ".versions/f", 0, name, sizeof(name));
	for (size_t len = 10; len <= strlen(name); len++) {
		snprintf(shorter, sizeof(shorter), "%.*s", (int)len, name);
		snprintf(path, sizeof(path), ".versions/f/%s", shorter);
		rig_is(r, path, "one");
	}
	snprintf(path, sizeof(path), ".versions/f/%.9s", name);
	assert_int_equal(rig_lookup(r, path, &e), -ENOENT);
	snprintf(path, sizeof(path), ".versions/f/%sx", name);
	assert_int_equal(rig_lookup(r, path, &e), -ENOENT);
	rig_put_text(r, "f", "two");
	/* The day is no longer unique; the whole name is. */
	snprintf(path, sizeof(path), ".versions/f/%.10s", name);
	assert_int_equal(rig_lookup(r, path, &e), -ENOENT);
	snprintf(path, sizeof(path), ".versions/f/%s", name);
	rig_is(r, path, "one");
}

/* Numbers stay over a restart and over a cache that knows nothing. */
static void test_numbers(void **state)
{
	struct rig *r = *state;
	char name[512], path[1024];
	uint64_t root, dir, version, marker;
	char deleted[512];
	struct stat st;

	rig_put_text(r, "d/f", "one");
	rig_put_text(r, "d/f", "two");
	rig_remove(r, "d/f");
	nth(r, ".versions/d/f", 0, name, sizeof(name));
	snprintf(path, sizeof(path), ".versions/d/f/%s", name);
	version = rig_ino(r, path);
	nth(r, ".versions/d/f", 2, deleted, sizeof(deleted));
	root = rig_ino(r, ".versions");
	dir = rig_ino(r, ".versions/d/f");
	assert_int_equal(root, MOUNT_VERSIONS_INO);
	assert_true(mount_is_view(dir) && mount_is_view(version));
	assert_int_not_equal(dir, version);
	rig_restart(r);
	/* The kernel may still know the number and nothing else. */
	assert_int_equal(vfs_getattr(r->f.v, version, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(rig_ino(r, path), version);
	rig_forget(r);
	assert_int_equal(rig_ino(r, path), version);
	assert_int_equal(rig_ino(r, ".versions/d/f"), dir);
	snprintf(path, sizeof(path), ".versions/d/f/%s", deleted);
	marker = rig_ino(r, path);
	assert_int_not_equal(marker, version);
	/* The live file is another one. */
	rig_put_text(r, "d/f", "three");
	assert_false(mount_is_view(rig_ino(r, "d/f")));
}

/* Under a key that is not ours: it is there, for nobody; and asked again. */
static void test_refused(void **state)
{
	static const int errors[] = {-EINVAL, -EACCES};
	struct rig *r = *state;
	char name[512], path[1024];
	struct vfs_entry e;

	rig_put_mode(r, "f", "one", "0100640");
	rig_put_mode(r, "f", "three", "0100755");
	nth(r, ".versions/f", 0, name, sizeof(name));
	snprintf(path, sizeof(path), ".versions/f/%s", name);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		rig_fail(r, "HeadObject f", RIG_BEFORE, errors[i], 1);
		assert_int_equal(rig_lookup(r, path, &e), 0);
		assert_int_equal(e.st.st_mode, S_IFREG);
		assert_int_equal(e.st.st_size, 3);
	}
	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG | 0440);
}

static void test_attributes(void **state)
{
	struct rig *r = *state;
	char name[512], path[1024];
	struct vfs_entry e;
	struct stat st = {.st_uid = 1};

	rig_put_mode(r, "f", "one", "0100640");
	rig_put_mode(r, "f", "three", "0100755");
	nth(r, ".versions/f", 0, name, sizeof(name));
	snprintf(path, sizeof(path), ".versions/f/%s", name);
	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG | 0440);
	assert_int_equal(e.st.st_size, 3);
	rig_forget_requests(r);
	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	/* It is the past: nobody writes there. */
	struct vfs_file *file;
	struct vfs_open how;
	struct vfs_entry made;
	uint64_t dir = rig_ino(r, ".versions/f");

	assert_int_equal(vfs_open(r->f.v, e.ino, O_RDWR, &file, &how), -EROFS);
	assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_UID, &st),
			 -EROFS);
	assert_int_equal(vfs_mkdir(r->f.v, dir, "x", 0700, &vfs_fixture_caller,
				   &made),
			 -EROFS);
	assert_int_not_equal(vfs_unlink(r->f.v, dir, name), 0);
	assert_int_equal(vfs_rename(r->f.v, dir, name, META_ROOT_INO, "g", 0),
			 -EROFS);
	assert_int_equal(rig_versions(r, "f"), 2);
}

static void test_hidden(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "f", "x");
	rig_lists(r, "", "f");
	r->f.config.versions = MOUNT_VERSIONS_VISIBLE;
	rig_restart(r);
	rig_lists(r, "", ".versions/ f");
	r->f.config.versions = MOUNT_VERSIONS_OFF;
	rig_restart(r);
	rig_lists(r, "", "f");
	assert_int_equal(rig_there(r, ".versions"), -ENOENT);
}

/* More versions and names than one page holds. */
static void test_pages(void **state)
{
	struct rig *r = *state;
	char key[32], name[512];

	for (int i = 0; i < 1200; i++) {
		snprintf(key, sizeof(key), "%d", i);
		rig_put_text(r, "d/f", key);
		snprintf(key, sizeof(key), "d/g%04d", i);
		rig_put_text(r, key, "x");
	}
	read_version(r, ".versions/d/f", 0, "0");
	read_version(r, ".versions/d/f", 1199, "1199");
	nth(r, ".versions/d", 1200, name, sizeof(name));
	assert_string_equal(name, "g1199/");
}

static void shows_mode(struct rig *r, const char *path, uint32_t mode)
{
	struct vfs_entry e;
	struct stat st;

	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_int_equal(e.st.st_mode, S_IFDIR | mode);
	assert_int_equal(vfs_getattr(r->f.v, e.ino, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | mode);
}

/* A directory of history lets in whom the directory of its name lets in. */
static void test_modes(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	struct stat st;

	rig_mkdir(r, "d");
	rig_chmod(r, "d", 0711);
	rig_mkdir(r, "d/in");
	rig_chmod(r, "d/in", 0700);
	rig_write(r, "d/f", "x");
	rig_write(r, "d/in/f", "x");
	rig_sync(r);
	for (int i = 0; i < 2; i++) {
		shows_mode(r, ".versions/d", 0711);
		shows_mode(r, ".versions/d/f", 0711); /* its names are d's */
		shows_mode(r, ".versions/d/in", 0700);
		shows_mode(r, ".versions/d/in/f", 0700);
		shows_mode(r, "d/.versions", 0711);
		shows_mode(r, "d/.versions/f", 0711);
		shows_mode(r, "d/.versions/in", 0700);
		rig_forget(r);
	}
	/* Others never write there. The change need not be sent for it. */
	rig_chmod(r, "d", 0777);
	shows_mode(r, ".versions/d", 0755);
	shows_mode(r, ".versions/d/f", 0755);
	rig_chmod(r, "d", 0750);
	shows_mode(r, ".versions/d", 0750);
	rig_sync(r);
	rig_unlink(r, "d/in/f");
	rig_unlink(r, "d/f");
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	assert_int_equal(vfs_rmdir(r->f.v, e.ino, "in"), 0);
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
	rig_sync(r);
	for (int i = 0; i < 2; i++) {
		shows_mode(r, ".versions/d/in", 0700);
		shows_mode(r, ".versions/d/in/f", 0700);
		shows_mode(r, ".versions/d", 0750);
		shows_mode(r, ".versions/d/f", 0750);
		rig_forget(r);
	}
	/* A file of its name is there now, and says nothing of what was. */
	rig_write(r, "d", "x");
	rig_sync(r);
	shows_mode(r, ".versions/d", 0750);
	/* The root's, and what is told apart from it by its kind alone. */
	assert_int_equal(vfs_getattr(r->f.v, META_ROOT_INO, &st), 0);
	st.st_mode = S_IFDIR | 0710;
	assert_int_equal(
		vfs_setattr(r->f.v, META_ROOT_INO, &st, VFS_SET_MODE, &st), 0);
	shows_mode(r, ".versions", 0710);
	shows_mode(r, ".versions/@GMT", 0710);
	shows_mode(r, ".versions/@2h", 0710);
}

/* What others have removed, without ever saying what it was. */
static void test_modes_unknown(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	rig_run_keys(r, "d/f d/g/h -d/f -d/g/h live/f");
	shows_mode(r, ".versions/live", 0755);
	shows_mode(r, ".versions/d", 0700);
	shows_mode(r, ".versions/d/g", 0700);
	shows_mode(r, ".versions/d/g/h", 0700);
	assert_int_equal(rig_lookup(r, ".versions/d", &e), 0);
	assert_int_equal(e.st.st_uid, r->f.config.defaults.uid);
	/* Not to be had for another reason: nothing is given away. */
	rig_put_mode(r, "k/", "", "0040755");
	rig_run_keys(r, "k/f -k/f -k/");
	rig_fail(r, "HeadObject k/", RIG_BEFORE, -EIO, 1);
	assert_int_equal(rig_lookup(r, ".versions/k", &e), -EIO);
	shows_mode(r, ".versions/k", 0755);
}

/* A file goes before its directory: at the instant between, too. */
static void test_modes_between(void **state)
{
	struct rig *r = *state;
	char name[512], path[1024];

	rig_put_text(r, "d/f", "x");
	nth(r, ".versions/d/f", 0, name, sizeof(name));
	*strchr(name, '~') = '\0';
	snprintf(path, sizeof(path), ".versions/@%s/d", name);
	sleep(1);
	rig_put_mode(r, "d/", "", "0040700");
	rig_forget(r);
	shows_mode(r, path, 0700);
}

/*
 * An object that calls itself a directory, at a key that is none, is a file at
 * an instant and in its history, as in the live tree.
 */
static void test_typed(void **state)
{
	struct rig *r = *state;
	char path[META_KEY_MAX + 1], name[512];
	struct store_request q;
	struct kvlist headers;
	struct vfs_entry e;

	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&headers, "content-type",
				    "application/x-directory"),
			 0);
	store_request_init(&q, STORE_PUT);
	q.key = VFS_FIXTURE_PREFIX "d/typed";
	q.headers = &headers;
	q.body.mem = "bytes";
	q.body.length = 5;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
	kvlist_release(&headers);
	assert_int_equal(rig_lookup(r, "d/typed", &e), 0);
	assert_true(S_ISREG(e.st.st_mode));
	nth(r, ".versions/d/typed", 0, name, sizeof(name));
	snprintf(path, sizeof(path), ".versions/d/typed/%s", name);
	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_true(S_ISREG(e.st.st_mode));
	*strchr(name, '~') = '\0';
	sleep(1);
	snprintf(path, sizeof(path), ".versions/@%s/d/typed", name);
	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_true(S_ISREG(e.st.st_mode));
	rig_is(r, path, "bytes");
}

/* One HEAD for each directory that is gone, and none for names. */
static void test_modes_cost(void **state)
{
	struct rig *r = *state;
	char names[NAMES_MAX];

	r->f.config.ttl_ns = 3600 * NS_PER_S;
	rig_put_mode(r, "d/", "", "0040710");
	rig_run_keys(r, "d/1 d/2 d/3 d/4 -d/1 -d/2 -d/3 -d/4 -d/");
	rig_restart(r);
	rig_forget_requests(r);
	names_of(r, ".versions/d", names);
	assert_string_equal(names, "1/ 2/ 3/ 4/ ");
	for (int i = 0; i < 3; i++) {
		shows_mode(r, ".versions/d", 0710);
		shows_mode(r, ".versions/d/1", 0710);
		shows_mode(r, ".versions/d/4", 0710);
	}
	assert_int_equal(rig_count(r, "HeadObject"), 1);
	assert_in_range(rig_count(r, "ListObject"), 1, 6);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_shapes, NULL),
		RIG_TEST(test_order),
		RIG_TEST(test_one_second),
		RIG_TEST(test_own),
		RIG_TEST(test_prefix),
		RIG_TEST(test_numbers),
		RIG_TEST(test_attributes),
		RIG_TEST(test_refused),
		RIG_TEST(test_hidden),
		RIG_TEST(test_pages),
		RIG_TEST(test_modes),
		RIG_TEST(test_modes_unknown),
		RIG_TEST(test_modes_between),
		RIG_TEST(test_typed),
		RIG_TEST(test_modes_cost),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
