/* SPDX-License-Identifier: Apache-2.0 */
/* The versions view: what .versions shows of the bucket's history. */
#include "../vfs_rig.h"

#include <ctype.h>

#include "vers3/history/view.h"

#define NAMES_MAX 131072

/* Names in the order in which they come, each with a blank after it. */
static int take_name(void *ctx, const struct vfs_dirent *d)
{
	char *names = ctx;

	if (strcmp(d->name, ".") && strcmp(d->name, "..")) {
		assert_true(strlen(names) + strlen(d->name) + 2 < NAMES_MAX);
		strcat(names, d->name);
		strcat(names, S_ISDIR(d->mode) ? "/ " : " ");
	}
	return 0;
}

static uint64_t find(struct rig *r, const char *path)
{
	struct vfs_entry e;

	assert_int_equal(rig_lookup(r, path, &e), 0);
	return e.ino;
}

static void names_of(struct rig *r, const char *path, char *names)
{
	struct vfs_dir *d;

	*names = '\0';
	assert_int_equal(vfs_opendir(r->f.v, find(r, path), &d), 0);
	assert_int_equal(vfs_readdir(r->f.v, d, 0, true, take_name, names), 0);
	vfs_releasedir(r->f.v, d);
}

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

/*
 * The names of a directory with every time and version id taken out:
 * "v v d sub/" for two versions, a marker and a directory.
 */
static void shape_of(struct rig *r, const char *path, char *shape)
{
	char names[NAMES_MAX], *rest = NULL, *at;

	*shape = '\0';
	names_of(r, path, names);
	for (at = strtok_r(names, " ", &rest); at;
	     at = strtok_r(NULL, " ", &rest)) {
		size_t len = strlen(at);
		bool version = strchr(at, '~') && isdigit((unsigned char)*at);

		if (*shape)
			strcat(shape, " ");
		if (!version)
			strcat(shape, at);
		else if (len > 8 && !strcmp(at + len - 8, ".deleted"))
			strcat(shape, "d");
		else
			strcat(shape, "v");
	}
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

static int setup_nothing(void **state)
{
	*state = NULL;
	return 0;
}

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
	version = find(r, path);
	nth(r, ".versions/d/f", 2, deleted, sizeof(deleted));
	root = find(r, ".versions");
	dir = find(r, ".versions/d/f");
	assert_int_equal(root, MOUNT_VERSIONS_INO);
	assert_true(mount_is_view(dir) && mount_is_view(version));
	assert_int_not_equal(dir, version);
	rig_restart(r);
	/* The kernel may still know the number and nothing else. */
	assert_int_equal(vfs_getattr(r->f.v, version, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(find(r, path), version);
	rig_forget(r);
	assert_int_equal(find(r, path), version);
	assert_int_equal(find(r, ".versions/d/f"), dir);
	snprintf(path, sizeof(path), ".versions/d/f/%s", deleted);
	marker = find(r, path);
	assert_int_not_equal(marker, version);
	/* The live file is another one. */
	rig_put_text(r, "d/f", "three");
	assert_false(mount_is_view(find(r, "d/f")));
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
	uint64_t dir = find(r, ".versions/f");

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

#define DEEP	  5000
#define DEEP_NAME 96

struct deep {
	unsigned count, stop; /* stop: so many at a time; 0: all */
	char (*names)[DEEP_NAME]; /* of DEEP */
};

static int take_deep(void *ctx, const struct vfs_dirent *e)
{
	struct deep *d = ctx;

	if (!isdigit((unsigned char)e->name[0]))
		return 0;
	if (d->stop && d->count == d->stop)
		return 1;
	assert_true(d->count < DEEP && strlen(e->name) < DEEP_NAME);
	strcpy(d->names[d->count++], e->name);
	return 0;
}

static void make_deep(struct rig *r, struct deep *d)
{
	char text[32];

	for (unsigned i = 0; i < DEEP; i++) {
		snprintf(text, sizeof(text), "save %u", i + 1);
		rig_put_text(r, "f", text);
	}
	*d = (struct deep){.names = calloc(DEEP, DEEP_NAME)};
	assert_non_null(d->names);
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_forget_requests(r);
}

static void is_version(struct rig *r, const struct deep *d, unsigned n)
{
	char path[256], text[32];

	snprintf(path, sizeof(path), ".versions/f/%s", d->names[n]);
	snprintf(text, sizeof(text), "save %u", n + 1);
	rig_is(r, path, text);
}

/* A list of 5,000 versions is five requests, and one what is below the name. */
static void test_deep(void **state)
{
	struct rig *r = *state;
	struct vfs *v = r->f.v;
	struct vfs_entry e;
	struct vfs_dir *dir;
	struct deep d;
	uint64_t at;

	make_deep(r, &d);
	v = r->f.v;
	at = find(r, ".versions/f");
	assert_int_equal(vfs_opendir(v, at, &dir), 0);
	assert_int_equal(vfs_readdir(v, dir, 0, true, take_deep, &d), 0);
	vfs_releasedir(v, dir);
	assert_int_equal(d.count, DEEP);
	assert_int_equal(rig_count(r, "ListObjectVersions f"), 5 + 1);
	assert_int_equal(rig_count(r, "ListObjectVersions f/"), 1);
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	is_version(r, &d, 0);
	is_version(r, &d, DEEP - 1);
	is_version(r, &d, DEEP / 2);
	assert_int_equal(rig_count(r, "ListObjectVersions"), 5 + 1);
	assert_int_equal(rig_count(r, "HeadObject"), 3);
	/* Who goes through all of them asks for each once, and for no list. */
	for (unsigned i = 0; i < DEEP; i++)
		assert_int_equal(vfs_lookup(v, at, d.names[i], &e), 0);
	assert_int_equal(rig_count(r, "HeadObject"), DEEP);
	assert_int_equal(rig_count(r, "ListObjectVersions"), 5 + 1);
	free(d.names);
}

/* As if so much time had passed that the walks' records go. */
static void lose_walks(struct rig *r)
{
	unsigned char at[512];
	struct meta_val val;
	size_t len;

	assert_int_equal(meta_lock(r->f.v->mount->meta), 0);
	while (!meta_seek(r->f.v->mount->meta, META_HISTORY, "", 0, 0, false,
			  at, &len, &val))
		assert_int_equal(meta_del(r->f.v->mount->meta, META_HISTORY, at,
					  len),
				 0);
	meta_unlock(r->f.v->mount->meta);
}

/* Who reads for longer than a walk is kept goes on where he stood. */
static void test_long_reader(void **state)
{
	struct rig *r = *state;
	struct deep d = {.stop = 3}, all = {.count = 0};
	struct vfs_dir *dir;
	struct vfs_entry e;
	uint64_t at;

	d.names = calloc(DEEP, DEEP_NAME);
	all.names = calloc(DEEP, DEEP_NAME);
	assert_true(d.names && all.names);
	rig_run_keys(r, "f f f f -f f/x f/y");
	at = find(r, ".versions/f");
	assert_int_equal(vfs_opendir(r->f.v, at, &dir), 0);
	assert_int_equal(vfs_readdir(r->f.v, dir, 0, false, take_deep, &d), 0);
	assert_int_equal(d.count, 3);
	lose_walks(r);
	rig_run_keys(r, "f");
	d.stop = 0;
	assert_int_equal(vfs_readdir(r->f.v, dir, 2 + 3, false, take_deep, &d),
			 0);
	vfs_releasedir(r->f.v, dir);
	assert_int_equal(d.count, 6);
	assert_int_equal(vfs_opendir(r->f.v, at, &dir), 0);
	assert_int_equal(vfs_readdir(r->f.v, dir, 0, false, take_deep, &all),
			 0);
	vfs_releasedir(r->f.v, dir);
	assert_int_equal(all.count, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_string_equal(d.names[i], all.names[i]);
	/* So does who asks for one after the other. */
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(vfs_lookup(r->f.v, at, all.names[i], &e), 0);
		lose_walks(r);
	}
	free(d.names);
	free(all.names);
}

struct walker {
	struct rig *r;
	unsigned torn; /* looks that did not find what is there */
};

/* Each of a, b and c has a version at any time. */
static void *walk_thread(void *arg)
{
	static const char *const all[] = {"a", "b", "c"};
	char seen[NAMES_MAX], first[128];
	struct walker *w = arg;
	struct vfs *v = w->r->f.v;
	struct vfs_entry dir, e;
	struct vfs_dir *d;

	for (int i = 0; i < 60; i++) {
		*seen = '\0';
		if (vfs_lookup(v, MOUNT_VERSIONS_INO, all[i % 3], &dir) ||
		    vfs_opendir(v, dir.ino, &d)) {
			w->torn++;
			continue;
		}
		vfs_readdir(v, d, 0, true, take_name, seen);
		vfs_releasedir(v, d);
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(seen, " "),
			 seen);
		if (!*first || vfs_lookup(v, dir.ino, first, &e))
			w->torn++;
	}
	return NULL;
}

/* Looks by many while versions come: nobody sees half of a history. */
static void test_parallel(void **state)
{
	struct rig *r = *state;
	struct walker walkers[4];
	pthread_t threads[4];
	char shape[NAMES_MAX];

	rig_run_keys(r, "a b c");
	for (unsigned i = 0; i < 4; i++) {
		walkers[i] = (struct walker){.r = r};
		assert_int_equal(pthread_create(&threads[i], NULL, walk_thread,
						&walkers[i]),
				 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		rig_run_keys(r, "a b -b c");
		usleep(2000);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(walkers[i].torn, 0);
	}
	shape_of(r, ".versions/a", shape);
	assert_int_equal(strlen(shape), 21 * 2 - 1);
}

static int take_one(void *ctx, const struct vfs_dirent *d)
{
	char *names = ctx;

	if (strlen(names) > 60)
		return 1;
	return take_name(names, d);
}

/* Who reads a directory sees it as it was, whatever is saved meanwhile. */
static void test_slow_reader(void **state)
{
	struct rig *r = *state;
	char names[NAMES_MAX] = "", more[NAMES_MAX], all[NAMES_MAX];
	struct vfs_dir *d;

	rig_run_keys(r, "f f f f f f");
	names_of(r, ".versions/f", all);
	assert_int_equal(vfs_opendir(r->f.v, find(r, ".versions/f"), &d), 0);
	assert_int_equal(vfs_readdir(r->f.v, d, 0, false, take_one, names), 0);
	rig_run_keys(r, "f f -f");
	shape_of(r, ".versions/f", more);
	assert_string_equal(more, "v v v v v v v v d");
	/* "." and ".." are two; the rest of the six comes now. */
	unsigned given = 0;

	for (const char *p = names; (p = strchr(p, ' ')); p++)
		given++;
	assert_true(given > 0 && given < 6);
	assert_int_equal(
		vfs_readdir(r->f.v, d, 2 + given, false, take_name, names), 0);
	assert_string_equal(names, all);
	vfs_releasedir(r->f.v, d);
}

static void mode_is(struct rig *r, const char *path, uint32_t mode)
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
		mode_is(r, ".versions/d", 0711);
		mode_is(r, ".versions/d/f", 0711); /* its names are d's */
		mode_is(r, ".versions/d/in", 0700);
		mode_is(r, ".versions/d/in/f", 0700);
		mode_is(r, "d/.versions", 0711);
		mode_is(r, "d/.versions/f", 0711);
		mode_is(r, "d/.versions/in", 0700);
		rig_forget(r);
	}
	/* Others never write there. The change need not be sent for it. */
	rig_chmod(r, "d", 0777);
	mode_is(r, ".versions/d", 0755);
	mode_is(r, ".versions/d/f", 0755);
	rig_chmod(r, "d", 0750);
	mode_is(r, ".versions/d", 0750);
	rig_sync(r);
	rig_unlink(r, "d/in/f");
	rig_unlink(r, "d/f");
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	assert_int_equal(vfs_rmdir(r->f.v, e.ino, "in"), 0);
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
	rig_sync(r);
	for (int i = 0; i < 2; i++) {
		mode_is(r, ".versions/d/in", 0700);
		mode_is(r, ".versions/d/in/f", 0700);
		mode_is(r, ".versions/d", 0750);
		mode_is(r, ".versions/d/f", 0750);
		rig_forget(r);
	}
	/* A file of its name is there now, and says nothing of what was. */
	rig_write(r, "d", "x");
	rig_sync(r);
	mode_is(r, ".versions/d", 0750);
	/* The root's, and what is told apart from it by its kind alone. */
	assert_int_equal(vfs_getattr(r->f.v, META_ROOT_INO, &st), 0);
	st.st_mode = S_IFDIR | 0710;
	assert_int_equal(
		vfs_setattr(r->f.v, META_ROOT_INO, &st, VFS_SET_MODE, &st), 0);
	mode_is(r, ".versions", 0710);
	mode_is(r, ".versions/@GMT", 0710);
	mode_is(r, ".versions/@2h", 0710);
}

/* What others have removed, without ever saying what it was. */
static void test_modes_unknown(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	rig_run_keys(r, "d/f d/g/h -d/f -d/g/h live/f");
	mode_is(r, ".versions/live", 0755);
	mode_is(r, ".versions/d", 0700);
	mode_is(r, ".versions/d/g", 0700);
	mode_is(r, ".versions/d/g/h", 0700);
	assert_int_equal(rig_lookup(r, ".versions/d", &e), 0);
	assert_int_equal(e.st.st_uid, r->f.config.defaults.uid);
	/* Not to be had for another reason: nothing is given away. */
	rig_put_mode(r, "k/", "", "0040755");
	rig_run_keys(r, "k/f -k/f -k/");
	rig_fail(r, "HeadObject k/", RIG_BEFORE, -EIO, 1);
	assert_int_equal(rig_lookup(r, ".versions/k", &e), -EIO);
	mode_is(r, ".versions/k", 0755);
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
	mode_is(r, path, 0700);
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
		mode_is(r, ".versions/d", 0710);
		mode_is(r, ".versions/d/1", 0710);
		mode_is(r, ".versions/d/4", 0710);
	}
	assert_int_equal(rig_count(r, "HeadObject"), 1);
	assert_in_range(rig_count(r, "ListObject"), 1, 6);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shapes, setup_nothing,
						NULL),
		RIG_TEST(test_order),
		RIG_TEST(test_one_second),
		RIG_TEST(test_own),
		RIG_TEST(test_prefix),
		RIG_TEST(test_numbers),
		RIG_TEST(test_attributes),
		RIG_TEST(test_hidden),
		RIG_TEST(test_pages),
		RIG_TEST(test_parallel),
		RIG_TEST(test_slow_reader),
		RIG_TEST(test_deep),
		RIG_TEST(test_long_reader),
		RIG_TEST(test_modes),
		RIG_TEST(test_modes_unknown),
		RIG_TEST(test_modes_between),
		RIG_TEST(test_modes_cost),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
