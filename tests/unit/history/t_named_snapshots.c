/* SPDX-License-Identifier: Apache-2.0 */
/* Named points: instants that mkdir in .versions makes, and rmdir forgets. */
#include "../vfs_rig.h"

#include <time.h>

#include "../../../src/history/shadow_copy.h"
#include "vers3/history/named_snapshots.h"

static int make(struct rig *r, const char *name)
{
	struct vfs_entry e;

	return vfs_mkdir(r->f.v, MOUNT_VERSIONS_INO, name, 0755,
			 &vfs_fixture_caller, &e);
}

static int forget(struct rig *r, const char *name)
{
	return vfs_rmdir(r->f.v, MOUNT_VERSIONS_INO, name);
}

/* The time of a point's directory, which the attribute tells as well. */
static void tells_instant(struct rig *r, const char *path)
{
	struct vfs_entry e;
	struct buf value;
	int64_t ns;

	buf_init(&value, 64);
	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_int_equal(vfs_getxattr(r->f.v, e.ino, "user.s3.instant", &value),
			 0);
	assert_int_equal(clock_parse_iso8601(value.data, &ns), 0);
	assert_int_equal(ns,
			 e.st.st_mtim.tv_sec * NS_PER_S + e.st.st_mtim.tv_nsec);
	buf_release(&value);
}

/* What was dirty is sent first, and is there; what comes later is not. */
static void test_exact(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "d");
	rig_write(r, "d/f", "one");
	rig_forget_requests(r);
	assert_int_equal(make(r, "@p"), 0);
	rig_changed(r, "PutObject d/; PutObject d/f; PutObject .versions/@p");
	rig_write(r, "d/f", "two");
	rig_write(r, "new", "x");
	rig_sync(r);
	assert_int_equal(make(r, "@q"), 0);
	rig_unlink(r, "d/f");
	rig_sync(r);
	rig_lists(r, ".versions/@p", "d/");
	rig_is(r, ".versions/@p/d/f", "one");
	rig_lists(r, ".versions/@q", "d/ new");
	rig_is(r, ".versions/@q/d/f", "two");
	rig_is(r, "d/.versions/@p/f", "one");
	tells_instant(r, ".versions/@p");
	assert_int_equal(rig_there(r, "d/.versions/@none"), -ENOENT);
}

/* Points are listed beside what ever was; their objects are nowhere. */
static void test_listed(void **state)
{
	struct rig *r = *state;

	rig_lists(r, ".versions", "");
	rig_put_text(r, "@scope/x", "x");
	rig_put_text(r, "f", "x");
	assert_int_equal(make(r, "@p"), 0);
	assert_int_equal(make(r, "@a b"), 0);
	rig_lists(r, ".versions", "@a b/ @p/ @scope/ f/");
	rig_lists(r, "", "@scope/ f");
	rig_lists(r, ".versions/@p", "@scope/ f");
	rig_lists(r, ".versions/@a b", "@scope/ f");
	assert_int_equal(rig_there(r, ".versions/.versions"), -ENOENT);
	assert_int_equal(rig_there(r, ".versions/@p/.versions"), -ENOENT);
	rig_is(r, ".versions/@p/@scope/x", "x");
	/* One name, one entry: the point's. */
	assert_int_equal(make(r, "@later"), 0);
	rig_put_text(r, "@later/x", "x");
	rig_lists(r, ".versions", "@a b/ @later/ @p/ @scope/ f/");
	rig_lists(r, ".versions/@later", "@scope/ f");
	assert_int_equal(forget(r, "@later"), 0);
	rig_lists(r, ".versions/@later", "x/");
}

/*
 * A mount that keeps its history elsewhere has none of them, but their files.
 */
static void test_elsewhere(void **state)
{
	struct rig *r = *state;

	assert_int_equal(make(r, "@p"), 0);
	r->f.config.versions_name = "history";
	rig_restart(r);
	rig_lists(r, ".versions", "@p");
	assert_int_equal(rig_there(r, "history/@p"), -ENOENT);
	assert_int_equal(make(r, "@q"), 0);
	rig_lists(r, "history", ".versions/ @q/");
	r->f.config.versions_name = NULL;
	rig_restart(r);
	rig_lists(r, ".versions/@p", "");
	rig_lists(r, "history", "@q");
}

static int count_dir(void *ctx, const struct vfs_dirent *d)
{
	*(unsigned *)ctx += !strncmp(d->name, "@GMT-", 5);
	return 0;
}

/* As Samba asks for it: a point by its second is that very point. */
static void test_gmt(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e, root;
	struct vfs_dir *dir;
	unsigned count = 0;
	char path[96];
	struct tm tm;

	rig_write(r, "f", "one");
	assert_int_equal(make(r, "@p"), 0);
	rig_write(r, "f", "two");
	rig_write(r, "g", "two");
	rig_sync(r);
	assert_int_equal(rig_lookup(r, ".versions/@p", &e), 0);
	assert_non_null(gmtime_r(&e.st.st_mtim.tv_sec, &tm));
	strftime(path, sizeof(path), ".versions/@GMT/@GMT-%Y.%m.%d-%H.%M.%S",
		 &tm);
	rig_lists(r, path, "f");
	strcat(path, "/f");
	rig_is(r, path, "one");
	rig_lists(r, ".versions/@GMT/@GMT-2001.02.03-04.05.06", "");
	assert_int_equal(rig_there(r, ".versions/@GMT/@p"), -ENOENT);
	assert_int_equal(rig_there(r, ".versions/@GMT/@GMT-2001"), -ENOENT);
	assert_int_equal(rig_there(r, ".versions/@GMT/f"), -ENOENT);
	/* 24 hours and 30 midnights, one being both, and the point. */
	assert_int_equal(rig_lookup(r, ".versions/@GMT", &root), 0);
	assert_int_equal(vfs_opendir(r->f.v, root.ino, &dir), 0);
	assert_int_equal(vfs_readdir(r->f.v, dir, 0, false, count_dir, &count),
			 0);
	vfs_releasedir(r->f.v, dir);
	assert_in_range(count, 53, 54);
	assert_int_equal(vfs_parent(r->f.v, root.ino, &e), 0);
	assert_int_equal(e.ino, MOUNT_VERSIONS_INO);
	assert_int_equal(vfs_mkdir(r->f.v, root.ino, "@p", 0755,
				   &vfs_fixture_caller, &e),
			 -EROFS);
}

/* Points of one second are one there, with the latest of their instants. */
static void test_gmt_many(void **state)
{
	struct rig *r = *state;
	struct point_list l;
	char name[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), ".versions/@%04d", i);
		rig_put_text(r, name, "");
	}
	named_snapshots_look_again(r->f.v->view);
	assert_int_equal(shadow_copy_list(r->f.v->view, &l), 0);
	assert_in_range(l.count, 53, 53 + 60);
	for (size_t i = 1; i < l.count; i++)
		assert_true(strcmp(l.items[i - 1].name, l.items[i].name) < 0);
	point_list_release(&l);
}

static const struct {
	const char *name;
	int error;
} refused[] = {
	{"@2h", -EINVAL},
	{"@2026-11-21", -EINVAL},
	{"@2026-11-21T12-00-00Z", -EINVAL},
	{"@2026-11-21T12:00:00.5Z", -EINVAL},
	{"@GMT-2026.11.21-12.00.00", -EINVAL},
	{"@previous", -EINVAL},
	{"@GMT", -EINVAL},
	{"@", -EINVAL},
	{"@\xff", -EINVAL},
	{"@there", -EEXIST},
	{"name", -EROFS},
};

static void test_refused(void **state)
{
	char name[META_NAME_MAX + 2] = "@";
	struct rig *r = *state;
	struct vfs_entry e;

	rig_mkdir(r, "d");
	assert_int_equal(make(r, "@there"), 0);
	rig_forget_requests(r);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		print_message("%s\n", refused[i].name);
		assert_int_equal(make(r, refused[i].name), refused[i].error);
	}
	memset(name + 1, 'n', META_NAME_MAX);
	name[META_NAME_MAX + 1] = '\0';
	assert_int_equal(make(r, name), -ENAMETOOLONG);
	assert_int_equal(forget(r, "@none"), -ENOENT);
	assert_int_equal(forget(r, "@2h"), -EROFS);
	assert_int_equal(forget(r, "d"), -EROFS);
	assert_int_equal(rig_lookup(r, "d/.versions", &e), 0);
	assert_int_equal(vfs_mkdir(r->f.v, e.ino, "@p", 0755,
				   &vfs_fixture_caller, &e),
			 -EPERM);
	assert_int_equal(rig_lookup(r, ".versions/@there", &e), 0);
	assert_int_equal(vfs_mkdir(r->f.v, e.ino, "@p", 0755,
				   &vfs_fixture_caller, &e),
			 -EROFS);
	rig_changed(r, "");
	r->f.config.read_only = true;
	rig_restart(r);
	assert_int_equal(make(r, "@p"), -EROFS);
	assert_int_equal(forget(r, "@there"), -EROFS);
	rig_lists(r, ".versions/@there", "d/");
}

static void test_unversioned(void **state)
{
	struct rig *r = *state;

	assert_int_equal(make(r, "@p"), -EOPNOTSUPP);
	rig_changed(r, "");
}

/* Forgotten and made again, it is another instant. */
static void test_again(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "one");
	assert_int_equal(make(r, "@p"), 0);
	rig_is(r, ".versions/@p/f", "one");
	rig_write(r, "f", "two");
	assert_int_equal(make(r, "@p"), -EEXIST);
	rig_is(r, ".versions/@p/f", "one");
	assert_int_equal(forget(r, "@p"), 0);
	assert_int_equal(rig_there(r, ".versions/@p"), -ENOENT);
	assert_int_equal(forget(r, "@p"), -ENOENT);
	assert_int_equal(make(r, "@p"), 0);
	rig_is(r, ".versions/@p/f", "two");
	rig_forget(r);
	rig_is(r, ".versions/@p/f", "two");
}

/* What cannot be sent makes no point. */
static void test_unsent(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "one");
	rig_fail(r, "PutObject f", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(make(r, "@p"), -EACCES);
	rig_lists(r, ".versions", "");
	assert_int_equal(rig_versions(r, ".versions/@p"), 0);
	assert_int_equal(make(r, "@p"), 0);
	rig_is(r, ".versions/@p/f", "one");
}

/* Whoever was first has made it, and a second object moves nothing. */
static void test_first(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "one");
	assert_int_equal(make(r, "@p"), 0);
	rig_write(r, "f", "two");
	rig_sync(r);
	rig_put_text(r, ".versions/@p", "");
	assert_int_equal(rig_versions(r, ".versions/@p"), 2);
	rig_is(r, ".versions/@p/f", "one");
	rig_remove(r, ".versions/@p");
	rig_lists(r, ".versions", "f/");
	rig_put_text(r, ".versions/@p", "");
	rig_is(r, ".versions/@p/f", "two");
}

/* -o at=, and what vers3ctl asks for. */
static void test_at(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "one");
	assert_int_equal(make(r, "@p"), 0);
	rig_write(r, "f", "two");
	rig_sync(r);
	r->f.config.read_only = true;
	r->f.config.at = "@p";
	rig_restart(r);
	rig_is(r, "f", "one");
	r->f.config.at = "p";
	rig_forget(r);
	rig_lists(r, "", "f");
	rig_is(r, "f", "one");
}

/* A server that dates by whole seconds. */
static int cut(void *ctx, const struct store_entry *e)
{
	const struct store_request *r = ctx;
	struct store_entry c = *e;

	c.last_modified_ns -= c.last_modified_ns % NS_PER_S;
	return r->on_entry(r->entry_ctx, &c);
}

static int coarse_call(struct store *s, struct store_request *r)
{
	struct store_request below = *r;
	int rc;

	if (r->op == STORE_LIST_VERSIONS) {
		below.on_entry = cut;
		below.entry_ctx = r;
	}
	rc = store_call(s->below, &below);
	r->reply = below.reply;
	return rc;
}

static void coarse_free(struct store *s)
{
	store_free(s->below);
}

static const struct store_ops coarse_ops = {"coarse", coarse_call, coarse_free};

static void test_coarse(void **state)
{
	struct store coarse = {&coarse_ops, NULL};
	struct rig *r = *state;
	struct timespec next;

	coarse.below = r->f.store;
	r->f.store = &coarse;
	rig_restart(r);
	/* All would happen in one second. */
	clock_gettime(CLOCK_REALTIME, &next);
	next.tv_sec++;
	next.tv_nsec = 0;
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL);
	rig_write(r, "f", "one");
	assert_int_equal(make(r, "@p"), 0);
	rig_write(r, "f", "two");
	rig_write(r, "new", "x");
	rig_sync(r);
	rig_lists(r, ".versions/@p", "f");
	rig_is(r, ".versions/@p/f", "one");
	rig_forget(r);
	rig_lists(r, ".versions/@p", "f");
	rig_is(r, ".versions/@p/f", "one");
	r->f.store = coarse.below;
	rig_restart(r);
}

static void *list_thread(void *arg)
{
	struct point_list l;
	int rc = named_snapshots_list(((struct rig *)arg)->f.v->view, &l);

	if (!rc)
		point_list_release(&l);
	return (void *)(intptr_t)rc;
}

/* A list that was asked for before a change is not taken for one after it. */
static void test_change_meanwhile(void **state)
{
	struct rig *r = *state;
	struct point_list l;
	pthread_t thread;
	void *rc;

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_gate(r, "ListObjectVersions", RIG_AFTER);
	assert_int_equal(pthread_create(&thread, NULL, list_thread, r), 0);
	rig_wait_held(r);
	/* Nobody waits for that answer meanwhile. */
	rig_put_text(r, ".versions/@new", "");
	named_snapshots_look_again(r->f.v->view);
	rig_gate(r, NULL, RIG_AFTER);
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, 0);
	assert_int_equal(named_snapshots_list(r->f.v->view, &l), 0);
	assert_int_equal(l.count, 1);
	assert_string_equal(l.items[0].name, "new");
	point_list_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_exact),
		RIG_TEST(test_listed),
		RIG_TEST(test_elsewhere),
		RIG_TEST(test_refused),
		RIG_TEST_UNVERSIONED(test_unversioned),
		RIG_TEST(test_again),
		RIG_TEST(test_unsent),
		RIG_TEST(test_first),
		RIG_TEST(test_at),
		RIG_TEST(test_coarse),
		RIG_TEST(test_gmt),
		RIG_TEST(test_gmt_many),
		RIG_TEST(test_change_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
