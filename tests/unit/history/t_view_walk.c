/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of the view: deep trees, long and slow readers, many at once. */
#include "../vfs_rig.h"

#include <ctype.h>

#include "view_rig.h"

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
	at = rig_ino(r, ".versions/f");
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
	at = rig_ino(r, ".versions/f");
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
	assert_int_equal(vfs_opendir(r->f.v, rig_ino(r, ".versions/f"), &d), 0);
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

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_parallel),
		RIG_TEST(test_slow_reader),
		RIG_TEST(test_deep),
		RIG_TEST(test_long_reader),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
