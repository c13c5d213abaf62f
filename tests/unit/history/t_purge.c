/* SPDX-License-Identifier: Apache-2.0 */
/* Removing versions for good: what goes, and what stays whatever is asked. */
#include "../vfs_rig.h"
#include "../control_rig.h"

#include "vers3/sync/conflict.h"

#define NAMES_MAX 8192
#define AT_MAX	  64

/* The entries of a file's history, oldest first. */
struct names {
	char at[AT_MAX][256];
	unsigned count;
};

static int take_name(void *ctx, const struct vfs_dirent *d)
{
	struct names *n = ctx;

	if (strcmp(d->name, ".") && strcmp(d->name, "..")) {
		assert_true(n->count < AT_MAX);
		snprintf(n->at[n->count++], sizeof(n->at[0]), "%s", d->name);
	}
	return 0;
}

static void list(struct rig *r, const char *path, struct names *n)
{
	char dir[256];
	struct vfs_entry e;
	struct vfs_dir *d;

	n->count = 0;
	snprintf(dir, sizeof(dir), ".versions/%s", path);
	assert_int_equal(rig_lookup(r, dir, &e), 0);
	assert_int_equal(vfs_opendir(r->f.v, e.ino, &d), 0);
	assert_int_equal(vfs_readdir(r->f.v, d, 0, false, take_name, n), 0);
	vfs_releasedir(r->f.v, d);
}

/* rm of a file's entry, counted from the oldest; negative: from the end. */
static int purge(struct rig *r, const char *path, int n)
{
	struct names names;
	struct vfs_entry e;
	char dir[256];

	list(r, path, &names);
	n += n < 0 ? (int)names.count : 0;
	assert_in_range(n, 0, names.count - 1);
	snprintf(dir, sizeof(dir), ".versions/%s", path);
	assert_int_equal(rig_lookup(r, dir, &e), 0);
	return vfs_unlink(r->f.v, e.ino, names.at[n]);
}

static struct vfs_file *open_entry(struct rig *r, const char *path, unsigned n)
{
	struct names names;
	char entry[1024];

	list(r, path, &names);
	assert_in_range(n, 0, names.count - 1);
	snprintf(entry, sizeof(entry), ".versions/%s/%s", path, names.at[n]);
	return rig_open(r, entry, O_RDONLY);
}

/* A line to the control file: its result. The answer holds the text. */
static int command(struct rig *r, const char *line, const char *text)
{
	char answer[NAMES_MAX];
	int rc = control_run(r->f.v, line, answer, sizeof(answer));

	print_message("%s: %s", line, answer);
	assert_non_null(strstr(answer, text));
	return rc;
}

static int setup(void **state)
{
	int rc = rig_setup(state);
	struct rig *r = *state;

	if (!rc) {
		r->f.config.versions = MOUNT_VERSIONS_PURGE;
		rig_restart(r);
	}
	return rc;
}

#define PURGE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

static void save(struct rig *r, const char *path, const char *text)
{
	rig_write(r, path, text);
	rig_sync(r);
}

static void test_off(void **state)
{
	struct rig *r = *state;

	r->f.config.versions = MOUNT_VERSIONS_HIDDEN;
	rig_restart(r);
	save(r, "f", "one");
	save(r, "f", "two");
	assert_int_equal(purge(r, "f", 0), -EPERM);
	assert_int_equal(command(r, "purge / keep=0\n", "versions=purge"),
			 -EPERM);
	assert_int_equal(rig_versions(r, "f"), 2);
}

static void test_one(void **state)
{
	struct rig *r = *state;
	struct names n;

	save(r, "f", "one");
	save(r, "f", "two");
	save(r, "f", "three");
	assert_int_equal(purge(r, "f", 1), 0);
	assert_int_equal(rig_versions(r, "f"), 2);
	list(r, "f", &n);
	assert_int_equal(n.count, 2);
	rig_is(r, "f", "three");
	/* A marker with something above it takes nothing along. */
	rig_unlink(r, "f");
	rig_sync(r);
	save(r, "f", "four");
	assert_int_equal(purge(r, "f", 2), 0);
	assert_int_equal(rig_markers(r, "f"), 0);
	assert_int_equal(rig_versions(r, "f"), 3);
	/* The one on top brings the file back, as ever. */
	rig_unlink(r, "f");
	rig_sync(r);
	assert_int_equal(rig_there(r, "f"), -ENOENT);
	assert_int_equal(purge(r, "f", -1), 0);
	rig_is(r, "f", "four");
}

/* The one before the present one is that then, also of equal content. */
static void test_present(void **state)
{
	struct rig *r = *state;

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_put_text(r, "g", "same");
	rig_put_text(r, "g", "same");
	save(r, "f", "one");
	save(r, "f", "two");
	rig_is(r, "f", "two");
	assert_int_equal(purge(r, "f", -1), 0);
	rig_is(r, "f", "one");
	rig_is(r, "g", "same");
	assert_int_equal(purge(r, "g", -1), 0);
	rig_is(r, "g", "same");
	save(r, "g", "more");
	rig_holds(r, "g", "more");
	assert_int_equal(rig_versions(r, "g"), 2);
	/* The last one: the file is gone. */
	assert_int_equal(purge(r, "f", -1), 0);
	assert_int_equal(rig_there(r, "f"), -ENOENT);
	assert_int_equal(rig_versions(r, "f"), 0);
	save(r, "f", "new");
	rig_holds(r, "f", "new");
}

/* What something stands on stays, until it does not any more. */
static void test_in_use(void **state)
{
	struct rig *r = *state;
	struct vfs_file *f, *g;
	size_t copied;
	char buf[3];

	save(r, "f", "one");
	save(r, "f", "two");
	/* Open, and an entry of its history. */
	f = rig_open(r, "f", O_RDONLY);
	assert_int_equal(purge(r, "f", 1), -EBUSY);
	vfs_release(r->f.v, f);
	f = open_entry(r, "f", 0);
	assert_int_equal(purge(r, "f", 0), -EBUSY);
	rig_pread(r, f, 0, buf, 3);
	assert_memory_equal(buf, "one", 3);
	/* A copy that is to be made by the server. */
	rig_write(r, "copy", "");
	g = rig_open(r, "copy", O_WRONLY);
	assert_int_equal(vfs_copy_range(r->f.v, f, 0, g, 0, 3, &copied), 0);
	vfs_release(r->f.v, g);
	vfs_release(r->f.v, f);
	assert_int_equal(purge(r, "f", 0), -EBUSY);
	assert_int_equal(command(r, "purge f keep=0\n", "busy = 1"), 0);
	rig_sync(r);
	rig_holds(r, "copy", "one");
	/* A change on top of it that was not sent; or of the name alone. */
	f = rig_open(r, "f", O_RDWR);
	rig_pwrite(r, f, 0, "X", 1);
	vfs_release(r->f.v, f);
	assert_int_equal(purge(r, "f", 1), -EBUSY);
	assert_int_equal(purge(r, "f", 0), -EBUSY);
	rig_sync(r);
	rig_holds(r, "f", "Xwo");
	rig_rename(r, "f", "moved");
	assert_int_equal(purge(r, "f", -1), -EBUSY);
	rig_sync(r);
	rig_holds(r, "moved", "Xwo");
	/* Unlinked, but open. */
	f = rig_open(r, "moved", O_RDONLY);
	rig_unlink(r, "moved");
	rig_sync(r);
	assert_int_equal(purge(r, "moved", 0), -EBUSY);
	vfs_release(r->f.v, f);
	assert_int_equal(purge(r, "moved", 0), 0);
	assert_int_equal(purge(r, "f", 1), 0);
	assert_int_equal(rig_versions(r, "f"), 2);
}

static void *purge_thread(void *arg)
{
	return (void *)(intptr_t)purge(arg, "f", -1);
}

/* While the present version is going, nothing comes to stand on it. */
static void test_race(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	struct vfs_file *f;
	struct vfs_open how;
	struct stat st = {.st_mode = 0600, .st_size = 1};
	pthread_t t;
	void *rc;

	save(r, "f", "one");
	save(r, "f", "two");
	assert_int_equal(rig_lookup(r, "f", &e), 0);
	rig_gate(r, "DeleteObject f", RIG_BEFORE);
	pthread_create(&t, NULL, purge_thread, r);
	rig_wait_held(r);
	assert_int_equal(vfs_open(r->f.v, e.ino, O_RDWR, &f, &how), -EBUSY);
	assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_MODE, &st),
			 -EBUSY);
	assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_SIZE, &st),
			 -EBUSY);
	assert_int_equal(rig_try_rename(r, "f", "g", 0), -EBUSY);
	assert_int_equal(vfs_unlink(r->f.v, META_ROOT_INO, "f"), -EBUSY);
	assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "h", &e),
			 -EBUSY);
	assert_int_equal(rig_there(r, "h"), -ENOENT);
	assert_int_equal(rig_dirty(r), 0);
	rig_write(r, "other", "x");
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(t, &rc);
	assert_int_equal((intptr_t)rc, 0);
	rig_is(r, "f", "one");
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	rig_holds(r, "f", "one");
}

/* What is refused has changed nothing: no name goes without its record. */
static void test_race_names(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	pthread_t t;
	void *rc;

	save(r, "f", "one");
	save(r, "f", "two");
	save(r, "new", "three");
	assert_int_equal(rig_lookup(r, "f", &e), 0);
	assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "g", &e), 0);
	rig_sync(r);
	rig_gate(r, "DeleteObject f", RIG_BEFORE);
	pthread_create(&t, NULL, purge_thread, r);
	rig_wait_held(r);
	/* The other name's object says how many there are. */
	assert_int_equal(vfs_unlink(r->f.v, META_ROOT_INO, "g"), -EBUSY);
	assert_int_equal(rig_try_rename(r, "new", "f", 0), -EBUSY);
	assert_int_equal(rig_there(r, "f"), 0);
	assert_int_equal(rig_there(r, "new"), 0);
	assert_int_equal(rig_lookup(r, "g", &e), 0);
	assert_int_equal(e.st.st_nlink, 2);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(t, &rc);
	assert_int_equal((intptr_t)rc, 0);
}

/* The inode of a path, and the name that its content is taken from. */
static uint64_t base_of(struct rig *r, const char *path, char *ret_key,
			size_t size)
{
	struct meta_inode inode;
	struct vfs_entry e;

	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_inode_get(r->f.meta, e.ino, &inode), 0);
	meta_unlock(r->f.meta);
	snprintf(ret_key, size, "%s", inode.base.key);
	return e.ino;
}

/*
 * The kernel knows the file by its number, and asks for no name: after the
 * present version of a name is gone, by the number nothing is made from it.
 */
static void test_names(void **state)
{
	struct rig *r = *state;
	char base[META_KEY_MAX + 1];
	const char *gone, *stays;
	struct vfs_entry e;
	struct buf listed;
	uint64_t ino;

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	for (int n = 0; n < 2; n++) {
		struct stat st = {.st_mode = 0600};

		save(r, "f", "one");
		save(r, "f", "two");
		save(r, "g", "zero");
		rig_unlink(r, "g");
		rig_sync(r);
		assert_int_equal(rig_lookup(r, "f", &e), 0);
		assert_int_equal(
			vfs_link(r->f.v, e.ino, META_ROOT_INO, "g", &e), 0);
		rig_sync(r);
		ino = base_of(r, "f", base, sizeof(base));
		/* What the file is based on, and what it is not. */
		gone = n == !strcmp(base, "f") ? "g" : "f";
		stays = *gone == 'f' ? "g" : "f";
		assert_int_equal(purge(r, gone, -1), 0);
		assert_int_equal(
			vfs_setattr(r->f.v, ino, &st, VFS_SET_MODE, &st), 0);
		assert_int_equal(st.st_nlink, 1);
		rig_sync(r);
		rig_is(r, stays, "two");
		rig_holds(r, stays, "two");
		/* As it was before it had two names. */
		if (*gone == 'f') {
			rig_is(r, "f", "two");
			assert_int_equal(rig_lookup(r, "f", &e), 0);
			assert_int_not_equal(e.ino, ino);
			assert_int_equal(e.st.st_mode, S_IFREG | 0640);
		} else {
			assert_int_equal(rig_there(r, "g"), -ENOENT);
		}
		assert_int_equal(rig_lookup(r, stays, &e), 0);
		assert_int_equal(e.ino, ino);
		assert_int_equal(e.st.st_mode, S_IFREG | 0600);
		if (*gone == 'f')
			rig_unlink(r, "f");
		rig_unlink(r, stays);
		rig_sync(r);
	}
	buf_init(&listed, 1 << 16);
	assert_int_equal(conflict_write(r->f.v->syncer, &listed), 0);
	assert_null(strstr(listed.data, "[conflicts \""));
	buf_release(&listed);
}

static void test_number(void **state)
{
	struct stat st = {.st_mode = 0600};
	struct rig *r = *state;
	struct vfs_entry e;

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	save(r, "f", "longer");
	save(r, "f", "two");
	assert_int_equal(rig_lookup(r, "f", &e), 0);
	assert_int_equal(purge(r, "f", -1), 0);
	assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_MODE, &st), 0);
	assert_int_equal(st.st_size, 6);
	rig_sync(r);
	rig_holds(r, "f", "longer");
	assert_int_equal(rig_versions(r, "f"), 2);
	assert_int_equal(purge(r, "f", -1), 0);
	assert_int_equal(purge(r, "f", -1), 0);
	assert_int_equal(vfs_setattr(r->f.v, e.ino, &st, VFS_SET_MODE, &st),
			 -ESTALE);
	assert_int_equal(rig_there(r, "f"), -ENOENT);
	assert_int_equal(rig_dirty(r), 0);
}

/* What the server holds stays, and is what it was. */
static void test_refused(void **state)
{
	struct rig *r = *state;

	save(r, "f", "one");
	save(r, "f", "two");
	rig_fail(r, "DeleteObject f", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(purge(r, "f", -1), -EACCES);
	rig_is(r, "f", "two");
	save(r, "f", "three");
	assert_int_equal(rig_versions(r, "f"), 3);
	rig_fail(r, "DeleteObject f", RIG_AFTER, -ETIMEDOUT, 1);
	assert_int_equal(purge(r, "f", -1), -ETIMEDOUT);
	rig_is(r, "f", "two");
}

static const struct {
	const char *label;
	const char *script; /* keys saved, with '-' before those removed */
	const char *line, *answer;
	const char *left; /* keys, versions, markers */
} rules[] = {
	{"all but the present", "f f f", "purge / keep=0", "versions = 2",
	 "f 1 0"},
	{"some stay", "f f f f", "purge f keep=2", "versions = 1", "f 3 0"},
	{"none is so old", "f f f", "purge / older=1h", "versions = 0",
	 "f 3 0"},
	{"all are old", "f f f", "purge / older=2000-01-01", "versions = 0",
	 "f 3 0"},
	{"a look", "f f f -f", "purge / keep=0 preview", "versions = 3",
	 "f 3 1"},
	{"its markers", "f f f -f", "purge / keep=0 preview", "markers = 1",
	 "f 3 1"},
	{"nothing below a marker", "f f f -f", "purge / keep=0", "markers = 1",
	 "f 0 0"},
	{"something below it", "f f -f", "purge / keep=1", "markers = 0",
	 "f 1 1"},
	{"a marker between", "f -f f", "purge / keep=0", "markers = 1",
	 "f 1 0"},
	{"a marker and what stays", "f -f f f", "purge / keep=1", "markers = 1",
	 "f 2 0"},
	{"a file alone", "f f fg fg f/x f/x", "purge f keep=0", "versions = 2",
	 "f 1 0 fg 2 0 f/x 1 0"},
	{"below a directory", "d/a d/a d.b d.b", "purge d keep=0",
	 "versions = 1", "d/a 1 0 d.b 2 0"},
	{"a directory's object", "d/ d/ d/", "purge d keep=0", "versions = 2",
	 "d/ 1 0"},
	/* It shows the second of f, also where all are of one millisecond. */
	{"the points' own", "f f .versions/@p .versions/@p", "purge / keep=0",
	 "versions = 1", ".versions/@p 2 0 f 1 0"},
};

static void is_left(struct rig *r, const char *left)
{
	char key[64];
	unsigned versions, markers;
	int len;

	while (sscanf(left, "%63s %u %u%n", key, &versions, &markers, &len) ==
	       3) {
		assert_int_equal(rig_versions(r, key), versions);
		assert_int_equal(rig_markers(r, key), markers);
		left += len;
	}
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		char line[128];
		void *own = NULL;
		struct rig *r;

		print_message("%s\n", rules[i].label);
		assert_int_equal(setup(&own), 0);
		r = own;
		rig_run_keys(r, rules[i].script);
		snprintf(line, sizeof(line), "%s\n", rules[i].line);
		assert_int_equal(command(r, line, rules[i].answer), 0);
		is_left(r, rules[i].left);
		rig_teardown(&own);
	}
}

static unsigned lists_of_purge(struct rig *r)
{
	rig_forget_requests(r);
	assert_int_equal(command(r, "purge / keep=0\n", "[purge]"), 0);
	return rig_count(r, "ListObjectVersions");
}

/* Without a delete marker nothing is looked for twice. */
static void test_lists(void **state)
{
	struct rig *r = *state;
	unsigned lists;

	rig_run_keys(r, "a a b b");
	lists = lists_of_purge(r);
	rig_run_keys(r, "a");
	assert_int_equal(lists_of_purge(r), lists);
	rig_remove(r, "b");
	assert_int_equal(lists_of_purge(r), lists + 1);
	assert_int_equal(rig_markers(r, "b"), 0);
	assert_int_equal(lists_of_purge(r), lists);
}

/* A directory's own object, which says nothing but what the directory is. */
static void test_own(void **state)
{
	struct rig *r = *state;

	rig_run_keys(r, "d/ d/ d/x d/x");
	assert_int_equal(purge(r, "d/.object", 0), -EPERM);
	assert_int_equal(rig_versions(r, "d/"), 2);
	assert_int_equal(purge(r, "d/x", 0), 0);
	assert_int_equal(rig_versions(r, "d/x"), 1);
}

static void test_words(void **state)
{
	struct rig *r = *state;

	assert_int_equal(command(r, "purge /\n", "usage"), -EINVAL);
	assert_int_equal(command(r, "purge / preview\n", "older=AGE"), -EINVAL);
	assert_int_equal(command(r, "purge / keep=-1\n", "want"), -EINVAL);
	assert_int_equal(command(r, "purge / keep=\n", "want"), -EINVAL);
	assert_int_equal(command(r, "purge / older=soon\n", "no age"), -EINVAL);
	assert_int_equal(command(r, "purge / all\n", "want"), -EINVAL);
}

/* What a named point shows stays while there is the point. */
static void test_pointed(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	save(r, "f", "one");
	save(r, "f", "two");
	assert_int_equal(vfs_mkdir(r->f.v, MOUNT_VERSIONS_INO, "@p", 0755,
				   &vfs_fixture_caller, &e),
			 0);
	save(r, "f", "three");
	assert_int_equal(command(r, "purge / keep=0\n", "pointed = 1"), 0);
	assert_int_equal(rig_versions(r, "f"), 2);
	rig_is(r, ".versions/@p/f", "two");
	assert_int_equal(vfs_rmdir(r->f.v, MOUNT_VERSIONS_INO, "@p"), 0);
	assert_int_equal(command(r, "purge / keep=0\n", "versions = 1"), 0);
	rig_is(r, "f", "three");
	assert_int_equal(rig_versions(r, "f"), 1);
}

/* A version that cannot go keeps the marker above it. */
static void test_marker_stays(void **state)
{
	struct rig *r = *state;

	save(r, "f", "one");
	rig_unlink(r, "f");
	rig_sync(r);
	rig_fail(r, "DeleteObjects 1", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(command(r, "purge / keep=0\n", "denied"), -EACCES);
	assert_int_equal(rig_markers(r, "f"), 1);
	assert_int_equal(rig_there(r, "f"), -ENOENT);
}

/* Many, over several pages and requests. */
static void test_many(void **state)
{
	struct rig *r = *state;
	char key[32];

	for (int i = 0; i < 1500; i++) {
		snprintf(key, sizeof(key), "d/%d", i % 700);
		rig_put_text(r, key, "x");
	}
	assert_int_equal(command(r, "purge d keep=0\n", "versions = 800"), 0);
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "d/%d", i);
		if (rig_versions(r, key) != 1)
			fail_msg("%s", key);
	}
}

/* Of very many markers of a key the oldest go first, so that none shows. */
static void test_marker_ring(void **state)
{
	struct rig *r = *state;

	/* More than a purge takes of a key, and not whole rounds of that. */
	rig_put_text(r, "f", "x");
	for (int i = 0; i < 1300; i++)
		rig_remove(r, "f");
	assert_int_equal(command(r, "purge f keep=0\n", "markers = 1000"), 0);
	assert_int_equal(rig_markers(r, "f"), 300);
	assert_int_equal(rig_versions(r, "f"), 0);
	assert_int_equal(command(r, "purge f keep=0\n", "markers = 300"), 0);
	assert_int_equal(rig_markers(r, "f"), 0);
}

static void test_unversioned(void **state)
{
	struct rig *r = *state;

	r->f.config.versions = MOUNT_VERSIONS_PURGE;
	rig_restart(r);
	save(r, "f", "one");
	assert_int_equal(purge(r, "f", 0), -EPERM);
	assert_int_equal(command(r, "purge / keep=0\n", "versions = 0"), 0);
	rig_holds(r, "f", "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PURGE_TEST(test_off),
		PURGE_TEST(test_one),
		PURGE_TEST(test_present),
		PURGE_TEST(test_in_use),
		PURGE_TEST(test_race),
		PURGE_TEST(test_names),
		PURGE_TEST(test_number),
		PURGE_TEST(test_race_names),
		PURGE_TEST(test_refused),
		cmocka_unit_test_teardown(test_rules, NULL),
		PURGE_TEST(test_lists),
		PURGE_TEST(test_own),
		PURGE_TEST(test_words),
		PURGE_TEST(test_pointed),
		PURGE_TEST(test_marker_stays),
		PURGE_TEST(test_many),
		PURGE_TEST(test_marker_ring),
		RIG_TEST_UNVERSIONED(test_unversioned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
