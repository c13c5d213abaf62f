/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the syncer sends for what users did, request by request; what it does
 * with changes, failures and restarts in between.
 *
 * Scripts are steps with "; " between:
 *
 *	w PATH TEXT	write a file anew	m PATH	mkdir
 *	u PATH		unlink			d PATH	rmdir
 *	r FROM TO	rename			c PATH	chmod
 *	t PATH		set the time		P KEY	others put an object
 *	l PATH TARGET	symlink
 */
#include "../vfs_rig.h"

#include "vers3/core/entry.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dirty.h"
#include "vers3/object/expire.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/vfs.h"

#include "syncer_rig.h"

static void remove_dir(struct rig *r, const char *path)
{
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, path), 0);
}

static void make_link(struct rig *r, const char *name, const char *target)
{
	struct vfs_entry e;

	assert_int_equal(vfs_symlink(r->f.v, META_ROOT_INO, name, target,
				     &vfs_fixture_caller, &e),
			 0);
}

static void run_step(struct rig *r, char *step)
{
	char *rest = NULL, *verb = strtok_r(step, " ", &rest);
	char *a = strtok_r(NULL, " ", &rest), *b = strtok_r(NULL, " ", &rest);

	assert_non_null(a);
	switch (*verb) {
	case 'w':
		rig_write(r, a, b ? b : "");
		break;
	case 'm':
		rig_mkdir(r, a);
		break;
	case 'u':
		rig_unlink(r, a);
		break;
	case 'd':
		remove_dir(r, a);
		break;
	case 'r':
		rig_rename(r, a, b);
		break;
	case 'c':
		rig_chmod(r, a, 0600);
		break;
	case 't':
		rig_utimens(r, a, INT64_C(1234567890987654321));
		break;
	case 'l':
		make_link(r, a, b);
		break;
	case 'P':
		rig_put_text(r, a, "others");
		break;
	default:
		fail_msg("no such step: %s", verb);
	}
}

static void run_script(struct rig *r, const char *script)
{
	char *copy = strdup(script), *at = copy, *end;

	assert_non_null(copy);
	for (; *at; at = end) {
		end = strstr(at, "; ");
		if (end) {
			*end = '\0';
			end += 2;
		} else {
			end = at + strlen(at);
		}
		run_step(r, at);
	}
	free(copy);
}

/* "KEY=TEXT KEY=" : what the bucket holds; nothing where no text follows. */
static void check_bucket(struct rig *r, const char *pairs)
{
	char *copy = strdup(pairs), *rest = NULL, *pair;

	assert_non_null(copy);
	for (pair = strtok_r(copy, " ", &rest); pair;
	     pair = strtok_r(NULL, " ", &rest)) {
		char *text = strchr(pair, '=');

		assert_non_null(text);
		*text++ = '\0';
		rig_holds(r, pair, *text ? text : NULL);
	}
	free(copy);
}

/* Removes all there is, here and in the bucket. */
static void wipe(struct rig *r, const char *dir)
{
	char names[4096], path[512], *rest = NULL, *name;

	assert_int_equal(rig_list(r, dir, false, names, sizeof(names)), 0);
	for (name = strtok_r(names, " ", &rest); name;
	     name = strtok_r(NULL, " ", &rest)) {
		size_t len = strlen(name);
		bool is_dir = name[len - 1] == '/';

		if (is_dir)
			name[len - 1] = '\0';
		snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "",
			 name);
		if (is_dir)
			wipe(r, path);
		if (is_dir)
			remove_dir(r, path);
		else
			rig_unlink(r, path);
	}
	if (!*dir) {
		rig_sync(r);
		rig_forget_requests(r);
	}
}

static const struct {
	const char *label;
	const char *before; /* and saved */
	const char *act;
	const char *asked; /* by the save that follows */
	const char *holds;
} sends[] = {
	{"write and rename as rsync does", "",
	 "w .f.tmp x; c .f.tmp; t .f.tmp; r .f.tmp f", "PutObject f",
	 "f=x .f.tmp="},
	{"overwrite", "w f 1", "w f 2", "PutObject f", "f=2"},
	{"overwritten twice", "w f 1", "w f 2; w f 3", "PutObject f", "f=3"},
	{"delete", "w f 1", "u f", "DeleteObject f", "f="},
	{"never saved", "", "w f 1; u f", "", "f="},
	{"deleted and made again", "w f 1", "u f; w f 2", "PutObject f", "f=2"},
	{"attributes alone", "w f 1", "c f; t f", "CopyObject f<f", "f=1"},
	{"rename", "w a 1", "r a b", "CopyObject b<a; DeleteObject a",
	 "a= b=1"},
	{"there and back", "w a 1", "r a b; r b a", "", "a=1 b="},
	{"renamed twice", "w a 1", "r a b; r b c",
	 "CopyObject c<a; DeleteObject a", "a= b= c=1"},
	{"over another", "w a 1; w b 2", "r a b",
	 "CopyObject b<a; DeleteObject a", "a= b=1"},
	{"new over another", "w b 2", "w a 1; r a b", "PutObject b", "a= b=1"},
	{"rename, then write", "w a 1", "r a b; w b 2",
	 "PutObject b; DeleteObject a", "a= b=2"},
	{"chmod, then rename", "w a 1", "c a; r a b",
	 "CopyObject b<a; DeleteObject a", "a= b=1"},
	{"two change places", "w a 1; w b 2", "r a t; r b a; r t b",
	 "CopyObject a<b; CopyObject b<a", "a=2 b=1 t="},
	{"renamed away, made anew", "w a 1", "r a b; w a 2",
	 "CopyObject b<a; PutObject a", "a=2 b=1"},
	{"renamed and deleted", "w a 1", "r a b; u b", "DeleteObject a",
	 "a= b="},
	{"mkdir", "", "m d", "PutObject d/", ""},
	{"mkdir and rmdir", "", "m d; d d", "", "d/="},
	{"rmdir", "m d", "d d", "DeleteObject d/", "d/="},
	{"a directory's rename", "m d; w d/1 x; w d/2 y", "r d e",
	 "CopyObject e/1<d/1; CopyObject e/2<d/2; GetObjectTagging d/; "
	 "PutObject e/; DeleteObjects 3",
	 "e/1=x e/2=y d/1= d/2= d/="},
	{"a new directory's rename", "", "m d; w d/1 x; r d e",
	 "PutObject e/; PutObject e/1", "e/1=x d/1="},
	{"many deleted", "w a 1; w b 2; w c 3", "u a; u b; u c",
	 "DeleteObjects 3", "a= b= c="},
	{"symlink", "", "l s a/b", "PutObject s", "s=a/b"},
	{"symlink renamed", "l s a/b", "r s t",
	 "GetObjectTagging s; PutObject t; DeleteObject s", "s= t=a/b"},
	{"file to directory", "w d 1", "u d; m d",
	 "PutObject d/; DeleteObject d", "d="},
	{"nothing", "w f 1; m d", "", "", "f=1"},
};

/*
 * On an unversioned bucket the same state is reached, if not always by the
 * same requests.
 */
static void test_sends(void **state)
{
	struct rig *r = *state;

	/* The bucket's rules are asked for once: whether files expire. */
	assert_false(expire_is_used(r->f.v->mount));
	for (size_t i = 0; i < sizeof(sends) / sizeof(*sends); i++) {
		print_message("%s\n", sends[i].label);
		run_script(r, sends[i].before);
		rig_sync(r);
		rig_forget_requests(r);
		run_script(r, sends[i].act);
		rig_sync(r);
		if (r->f.config.versioned)
			rig_asked(r, sends[i].asked);
		check_bucket(r, sends[i].holds);
		assert_int_equal(rig_dirty(r), 0);
		wipe(r, "");
	}
}

static void test_attributes(void **state)
{
	struct rig *r = *state;
	char *mode, *mtime;

	run_script(r, "w .f.tmp x; c .f.tmp; t .f.tmp; r .f.tmp f");
	rig_sync(r);
	mode = rig_meta(r, "f", "file-permissions");
	mtime = rig_meta(r, "f", "file-mtime");
	assert_string_equal(mode, "0100600");
	assert_string_equal(mtime, "1234567890987654321ns");
	assert_int_equal(rig_versions(r, "f"), 1);
	assert_int_equal(rig_markers(r, ".f.tmp"), 0);
	free(mode);
	free(mtime);
	/* A copy carries them; a new mode replaces them. */
	run_script(r, "r f g");
	rig_chmod(r, "g", 0444);
	rig_sync(r);
	mode = rig_meta(r, "g", "file-permissions");
	mtime = rig_meta(r, "g", "file-mtime");
	assert_string_equal(mode, "0100444");
	assert_string_equal(mtime, "1234567890987654321ns");
	free(mode);
	free(mtime);
}

/* What happens while a save is on its way; none of it may be lost. */
static const struct {
	const char *label;
	const char *before; /* and saved */
	const char *act; /* its save is held at `held` */
	const char *held;
	const char *during;
	const char *holds;
	bool versioned; /* only there */
} races[] = {
	{"written again", "", "w f 1", "PutObject f", "w f 2", "f=2", false},
	{"written and renamed", "", "w f 1", "PutObject f", "w f 2; r f g",
	 "f= g=2", false},
	{"renamed", "", "w f 1", "PutObject f", "r f g", "f= g=1", false},
	{"there and back", "", "w f 1", "PutObject f", "r f g; r g f",
	 "f=1 g=", false},
	{"deleted", "", "w f 1", "PutObject f", "u f", "f=", false},
	{"deleted and made again", "", "w f 1", "PutObject f", "u f; w f 2",
	 "f=2", false},
	{"replaced", "", "w f 1", "PutObject f", "w g 2; r g f",
	 "f=2 g=", false},
	{"attributes", "", "w f 1", "PutObject f", "c f", "f=1", false},
	{"written while it is copied", "w f 1", "r f g", "CopyObject g",
	 "w g 2", "f= g=2", false},
	{"renamed while it is copied", "w f 1", "r f g", "CopyObject g",
	 "r g h", "f= g= h=1", false},
	{"back while it is copied", "w f 1", "r f g", "CopyObject g", "r g f",
	 "f=1 g=", false},
	{"deleted while it is copied", "w f 1", "r f g", "CopyObject g", "u g",
	 "f= g=", false},
	{"made anew while it is copied", "w f 1", "r f g", "CopyObject g",
	 "w f 2", "f=2 g=1", true},
	{"made again while it is deleted", "w f 1", "u f", "DeleteObject f",
	 "w f 2", "f=2", false},
	{"a directory's rename", "m d; w d/1 x", "w d/1 y", "PutObject d/1",
	 "r d e", "d/1= e/1=y", false},
};

static void run_race(struct rig *r, size_t i, enum rig_when when)
{
	pthread_t thread;

	print_message("%s, %s\n", races[i].label,
		      when == RIG_BEFORE ? "before" : "after");
	run_script(r, races[i].before);
	rig_sync(r);
	run_script(r, races[i].act);
	rig_gate(r, races[i].held, when);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	run_script(r, races[i].during);
	rig_gate(r, NULL, when);
	pthread_join(thread, NULL);
	rig_sync(r);
	check_bucket(r, races[i].holds);
	assert_int_equal(rig_dirty(r), 0);
	wipe(r, "");
}

static void test_races(void **state)
{
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(races) / sizeof(*races); i++) {
		if (races[i].versioned && !r->f.config.versioned)
			continue;
		run_race(r, i, RIG_BEFORE);
		run_race(r, i, RIG_AFTER);
	}
}

/*
 * A save under the old name that ends after that under the new one: what is
 * known of the new one must not be lost, or it would never be deleted.
 */
static void test_late_save(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	run_script(r, "w a 1");
	rig_gate(r, "PutObject a", RIG_AFTER);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	run_script(r, "r a b");
	for (int i = 0; rig_versions(r, "b") == 0 && i < 500; i++)
		usleep(10000);
	/* Its end is noted a little later. */
	usleep(100000);
	rig_gate(r, NULL, RIG_AFTER);
	pthread_join(thread, NULL);
	rig_sync(r);
	run_script(r, "r b c");
	rig_sync(r);
	check_bucket(r, "a= b= c=1");
}

static void test_failure(void **state)
{
	struct rig *r = *state;
	struct syncer_stats st;
	struct vfs_file *file;
	uint64_t left;

	rig_write(r, "f", "one");
	rig_write(r, "g", "two");
	rig_fail(r, "PutObject f", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(rig_try_sync(r, &left), -EACCES);
	assert_int_equal(left, 1);
	syncer_read_stats(r->f.v->syncer, &st);
	assert_int_equal(st.dirty_keys, 1);
	assert_int_equal(st.failures, 1);
	assert_int_equal(st.error, EACCES);
	assert_string_equal(st.error_key, "f");
	assert_true(st.oldest_dirty_ns > 0);
	rig_is(r, "f", "one");
	rig_holds(r, "g", "two");
	/* Whoever waits takes its backoff away. */
	file = rig_open(r, "f", O_RDWR);
	rig_fail(r, "PutObject f", RIG_BEFORE, -EDQUOT, 1);
	assert_int_equal(vfs_fsync(r->f.v, file), -EDQUOT);
	assert_int_equal(vfs_fsync(r->f.v, file), 0);
	rig_holds(r, "f", "one");
	vfs_release(r->f.v, file);
	assert_int_equal(rig_dirty(r), 0);
}

/* It goes by itself when it is quiet, and again after a failure. */
static void test_by_itself(void **state)
{
	struct rig *r = *state;

	r->f.config.commit_ns = 100 * NS_PER_MS;
	rig_restart(r);
	rig_fail(r, "PutObject f", RIG_BEFORE, -EIO, 2);
	rig_write(r, "f", "one");
	rig_write(r, "g", "two");
	wait_clean(r);
	rig_changed(r, "PutObject f; PutObject f; PutObject f; PutObject g");
	run_script(r, "u f; r g h");
	wait_clean(r);
	check_bucket(r, "f= g= h=two");
}

static void test_outage(void **state)
{
	struct rig *r = *state;
	char path[16];
	uint64_t left;

	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		rig_write(r, path, path);
	}
	atomic_store(&r->f.silent, true);
	assert_int_equal(rig_try_sync(r, &left), -ECONNREFUSED);
	assert_int_equal(left, 20);
	/* A kill in the middle of it. */
	rig_restart(r);
	assert_int_equal(rig_dirty(r), 20);
	rig_write(r, "f0", "again");
	atomic_store(&r->f.silent, false);
	rig_sync(r);
	rig_holds(r, "f0", "again");
	rig_holds(r, "f19", "f19");
	assert_int_equal(rig_count(r, "PutObject"), 20);
}

static void test_restart(void **state)
{
	struct rig *r = *state;

	run_script(r, "w a 1; w b 2; w c 3; m d; w d/x y");
	rig_sync(r);
	run_script(r, "w n new; r a z; u b; c c; r d e; w c 4");
	rig_restart(r);
	assert_true(rig_dirty(r) > 0);
	rig_is(r, "z", "1");
	rig_is(r, "c", "4");
	rig_is(r, "e/x", "y");
	rig_forget_requests(r);
	rig_sync(r);
	rig_changed(r,
		    "PutObject n; CopyObject z<a; PutObject c; PutObject e/; "
		    "CopyObject e/x<d/x; DeleteObjects 4");
	check_bucket(r, "a= b= c=4 d/x= e/x=y n=new z=1");
	rig_restart(r);
	rig_sync(r);
	rig_asked(r, "");
}

/* A thousand files go with a handful of requests. */
static void test_many_deletes(void **state)
{
	struct rig *r = *state;
	char path[32];

	rig_mkdir(r, "d");
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "d/%d", i);
		rig_write(r, path, "");
	}
	rig_sync(r);
	rig_forget_requests(r);
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "d/%d", i);
		rig_unlink(r, path);
	}
	rig_sync(r);
	/* 8 side by side, then those of which there are 25 or more. */
	assert_in_range(rig_count(r, "Delete"), 8, 40);
	rig_lists(r, "d", "");
	assert_int_equal(rig_markers(r, "d/999"), 1);
}

/* What a killed mount had asked for is given time to happen. */
static void test_settles(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	rig_write(r, "f", "1");
	rig_sync(r);
	rig_unlink(r, "f");
	rig_write(r, "f", "2");
	r->f.config.settle_ns = 600 * NS_PER_S;
	r->power_lost = true;
	rig_kill(r);
	rig_write(r, "new", "1");
	assert_int_equal(rig_lookup(r, "new", &e), 0);
	assert_int_equal(syncer_sync_inode(r->f.v->syncer, e.ino), 0);
	rig_holds(r, "f", "1");
	r->f.config.settle_ns = 0;
	rig_kill(r);
	rig_sync(r);
	rig_holds(r, "f", "2");
}

/* The bytes go before the name: a copy that fails keeps its source. */
static void test_source_kept(void **state)
{
	struct rig *r = *state;
	pthread_t thread;
	uint64_t left;

	run_script(r, "w a 1; m d; w d/x 2; w d/y 3");
	rig_write(r, "empty", "");
	rig_sync(r);
	run_script(r, "r a b; r d e; r empty void");
	rig_fail(r, "CopyObject", RIG_BEFORE, -EIO, 100);
	assert_int_equal(rig_try_sync(r, &left), -EIO);
	check_bucket(r, "a=1 b= d/x=2 d/y=3");
	rig_holds(r, "empty", "");
	rig_fail(r, "CopyObject", RIG_BEFORE, -EIO, 0);
	rig_gate(r, "CopyObject", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	usleep(50000);
	check_bucket(r, "a=1 b= d/x=2 d/y=3");
	rig_holds(r, "empty", "");
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	rig_sync(r);
	check_bucket(r, "a= b=1 d/x= d/y= e/x=2 e/y=3 empty=");
	rig_holds(r, "void", "");
	assert_int_equal(rig_try_rename(r, "b", "e/x", RENAME_EXCHANGE),
			 -EINVAL);
}

/* The name that it waits for goes, but not the last one. */
static void test_source_of_links(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	uint64_t left;

	run_script(r, "w b 1");
	rig_sync(r);
	run_script(r, "r b a");
	assert_int_equal(rig_lookup(r, "a", &e), 0);
	assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "c", &e), 0);
	assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "d", &e), 0);
	run_script(r, "u a");
	rig_fail(r, "CopyObject", RIG_BEFORE, -EIO, 100);
	assert_int_equal(rig_try_sync(r, &left), -EIO);
	check_bucket(r, "a= b=1 c= d=");
	rig_fail(r, "CopyObject", RIG_BEFORE, -EIO, 0);
	rig_sync(r);
	check_bucket(r, "a= b= c=1 d=1");
}

/* What failed in an outage does not wait for its turn when it is over. */
static void test_after_outage(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	struct meta_dirty dirty;

	rig_write(r, "a", "1");
	rig_fail(r, "PutObject", RIG_BEFORE, -ECONNREFUSED, 1);
	assert_int_equal(rig_try_sync(r, NULL), -ECONNREFUSED);
	/* As after many tries. */
	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_dirty_get(r->f.meta, "a", &dirty), 0);
	assert_true(dirty.fails > 0);
	dirty.due_ns = clock_real_ns() + 3600 * NS_PER_S;
	assert_int_equal(meta_dirty_put(r->f.meta, &dirty), 0);
	meta_unlock(r->f.meta);
	usleep(2500000);
	assert_int_equal(rig_versions(r, "a"), 0);
	file = rig_open(r, "b", O_CREAT | O_WRONLY);
	assert_int_equal(vfs_fsync(r->f.v, file), 0);
	vfs_release(r->f.v, file);
	for (int i = 0; i < 1000 && rig_dirty(r); i++)
		usleep(10000);
	assert_int_equal(rig_versions(r, "a"), 1);
	assert_int_equal(rig_versions(r, "b"), 1);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_sends),
		TEST_UNVERSIONED(test_sends),
		TEST(test_attributes),
		TEST(test_races),
		TEST_UNVERSIONED(test_races),
		TEST(test_late_save),
		TEST(test_failure),
		TEST(test_by_itself),
		TEST(test_outage),
		TEST(test_restart),
		TEST(test_settles),
		TEST(test_many_deletes),
		TEST_UNVERSIONED(test_source_kept),
		TEST_UNVERSIONED(test_source_of_links),
		RIG_TEST(test_after_outage),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
