/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories: what lists say, merged with what is known here; and how many
 * requests it takes to know it.
 */
#include "../vfs_rig.h"

#include <unistd.h>

#include "../../../src/tree/tree_impl.h"
#include "vers3/tree/dir.h"

#include "dir_rig.h"

#define LONG_NAME                                                              \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static const struct {
	const char *label;
	const char *keys; /* in the bucket, with a blank between */
	const char *path;
	const char *names;
	unsigned hidden;
} shapes[] = {
	{"nothing", "", "", "", 0},
	{"files", "b a", "", "a b", 0},
	{"implicit directories", "d/x e/f/g", "", "d/ e/", 0},
	{"inside of one", "d/x d/y/z", "d", "x y/", 0},
	{"explicit and empty", "d/", "", "d/", 0},
	{"its marker is no name", "d/ d/x", "d", "x", 0},
	{"names that sort around a directory", "a/x a-b a.c a0", "",
	 "a-b a.c a/ a0", 0},
	{"a file and a directory", "a a/x", "", "a/", 1},
	{"and below it", "a a/x", "a", "x", 1},
	{"empty component", "d//x d/y", "d", "y", 1},
	{"dots", "d/. d/.. d/./x d/../x d/...", "d", "...", 4},
	{"not UTF-8", "d/\xff d/\xc3\xa4", "d", "\xc3\xa4", 1},
	{"too long", "d/" LONG_NAME " d/x" LONG_NAME, "d", LONG_NAME, 1},
	{"ours at the root", ".control .versions d/.control", "", "d/", 2},
	{"named points", ".versions/@p f", "", "f", 0},
	{"not ours below", "d/.control", "d", ".control", 0},
};

static void remove_all(struct rig *r, const char *keys)
{
	char *copy = strdup(keys), *rest = NULL, *key;

	assert_non_null(copy);
	for (key = strtok_r(copy, " ", &rest); key;
	     key = strtok_r(NULL, " ", &rest))
		rig_remove(r, key);
	free(copy);
}

static void test_shapes(void **state)
{
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		print_message("%s\n", shapes[i].label);
		put_all(r, shapes[i].keys);
		rig_lists(r, shapes[i].path, shapes[i].names);
		/* The same again: a second list changes nothing. */
		rig_lists(r, shapes[i].path, shapes[i].names);
		assert_int_equal(dir_hidden(r->f.v->tree), shapes[i].hidden);
		remove_all(r, shapes[i].keys);
		rig_lists(r, "", "");
		assert_int_equal(dir_hidden(r->f.v->tree), 0);
		assert_int_equal(rig_dirty(r), 0);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool root, ok;
	} names[] = {
		{"a", true, true},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{"...", false, true},
		{".control", true, false},
		{".control", false, true},
		{".versions", true, false},
		{"a/b", false, false},
		{"a\nb", false, true},
		{"\xc0\xaf", false, false}, /* overlong */
		{"\xed\xa0\x80", false, false}, /* a surrogate */
		{"\xf4\x90\x80\x80", false, false}, /* past U+10FFFF */
		{"\xe2\x82", false, false}, /* cut short */
		{"\xe2\x82\xac", false, true},
	};

	const struct rig *r = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(mount_name_ok(names[i].root ? r->f.v->mount
							     : NULL,
					       names[i].name),
				 names[i].ok);
}

/* What others change is seen; who has a file open keeps what was opened. */
static void test_changed(void **state)
{
	struct rig *r = *state;
	struct vfs_entry before, after;
	struct vfs_file *file;
	char buf[16];

	put_all(r, "f g d/x");
	assert_int_equal(rig_lookup(r, "f", &before), 0);
	rig_put_text(r, "f", "changed");
	rig_is(r, "f", "changed");
	assert_int_equal(rig_lookup(r, "f", &after), 0);
	assert_int_equal(after.ino, before.ino);
	assert_int_equal(after.st.st_size, 7);

	file = rig_open(r, "f", O_RDONLY);
	rig_put_text(r, "f", "again");
	assert_int_equal(rig_lookup(r, "f", &after), 0);
	assert_int_not_equal(after.ino, before.ino);
	rig_is(r, "f", "again");
	rig_pread(r, file, 0, buf, 7);
	assert_memory_equal(buf, "changed", 7);
	vfs_release(r->f.v, file);

	rig_remove(r, "f");
	assert_int_equal(rig_there(r, "f"), -ENOENT);
	rig_lists(r, "", "d/ g");
	rig_remove(r, "d/x");
	rig_lists(r, "", "g");
	assert_int_equal(rig_there(r, "d"), -ENOENT);
	rig_put_text(r, "g/x", "now a directory");
	rig_remove(r, "g");
	rig_is(r, "g/x", "now a directory");
}

/* Two names that FNV-1a, which has no seed, takes for one. */
static void test_vanished_alike(void **state)
{
	struct rig *r = *state;

	put_all(r, "8yn0iYCKYHlIj4-BwPqk GReLUrM4wMqfg9yzV3KQ");
	rig_lists(r, "", "8yn0iYCKYHlIj4-BwPqk GReLUrM4wMqfg9yzV3KQ");
	rig_remove(r, "GReLUrM4wMqfg9yzV3KQ");
	rig_lists(r, "", "8yn0iYCKYHlIj4-BwPqk");
}

static void test_vanished_open(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	char buf[16];

	rig_put_text(r, "d/f", "text");
	file = rig_open(r, "d/f", O_RDONLY);
	rig_remove(r, "d/f");
	rig_lists(r, "", "");
	rig_pread(r, file, 0, buf, 4);
	assert_memory_equal(buf, "text", 4);
	vfs_release(r->f.v, file);
}

/* What is not saved yet is not touched by what the bucket says. */
static void test_dirty_kept(void **state)
{
	struct rig *r = *state;

	put_all(r, "f g h d/x");
	rig_lists(r, "", "d/ f g h");
	rig_write(r, "f", "mine");
	rig_unlink(r, "g");
	rig_rename(r, "h", "i");
	rig_mkdir(r, "e");
	rig_write(r, "d/y", "mine");
	rig_put_text(r, "f", "theirs");
	rig_put_text(r, "g", "theirs");
	rig_remove(r, "d/x");
	rig_lists(r, "", "d/ e/ f i");
	rig_lists(r, "d", "y");
	rig_is(r, "f", "mine");
	rig_sync(r);
	/* A save is on top of theirs; what was never seen is not deleted. */
	rig_lists(r, "", "d/ e/ f g i");
	rig_holds(r, "f", "mine");
	rig_holds(r, "g", "theirs");
	rig_holds(r, "h", NULL);
	rig_holds(r, "i", "x");
	assert_int_equal(rig_versions(r, "f"), 3);
}

static void *list_thread(void *arg)
{
	char names[256];

	rig_list(arg, "", false, names, sizeof(names));
	return NULL;
}

/*
 * A list that was answered before a save, and is looked at after it, does
 * not bring back what was before.
 */
static void test_settled_kept(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	put_all(r, "old gone d/x moved");
	rig_lists(r, "", "d/ gone moved old");
	rig_gate(r, "ListObjectsV2", RIG_AFTER);
	assert_int_equal(pthread_create(&thread, NULL, list_thread, r), 0);
	rig_wait_held(r);
	/* Names are known: these ask for no list while ttl lasts. */
	struct vfs *v = r->f.v;
	struct vfs_entry e;
	struct vfs_file *file;
	struct vfs_open how;

	v->mount->config.ttl_ns = 600 * NS_PER_S;
	assert_int_equal(vfs_create(v, META_ROOT_INO, "new", 0600, O_RDWR,
				    &vfs_fixture_caller, &e, &file, &how),
			 0);
	assert_int_equal(vfs_write(v, file, 0, "n", 1), 0);
	vfs_release(v, file);
	assert_int_equal(vfs_create(v, META_ROOT_INO, "old", 0600,
				    O_RDWR | O_TRUNC, &vfs_fixture_caller, &e,
				    &file, &how),
			 0);
	assert_int_equal(vfs_write(v, file, 0, "mine", 4), 0);
	vfs_release(v, file);
	assert_int_equal(vfs_unlink(v, META_ROOT_INO, "gone"), 0);
	assert_int_equal(vfs_rename(v, META_ROOT_INO, "moved", META_ROOT_INO,
				    "here", 0),
			 0);
	rig_sync(r);
	rig_gate(r, NULL, RIG_AFTER);
	pthread_join(thread, NULL);
	rig_lists(r, "", "d/ here new old");
	rig_is(r, "old", "mine");
	v->mount->config.ttl_ns = 0;
	rig_lists(r, "", "d/ here new old");
	rig_is(r, "old", "mine");
}

/* Attributes are asked for once a version, whatever happens in between. */
static void test_attributes_once(void **state)
{
	struct rig *r = *state;
	char names[256];

	put_all(r, "a b");
	rig_put_mode(r, "c", "x", "0100640");
	rig_put_mode(r, "s", "target", "0120777");
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectsV2 ; HeadObject a; HeadObject b; "
		     "HeadObject c; HeadObject s");
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectsV2 ");
	rig_restart(r);
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectsV2 ");
	rig_put_text(r, "b", "new");
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectsV2 ; HeadObject b");
	/* Of what this mount writes it asks whether it still stands, once. */
	rig_write(r, "d", "mine");
	rig_sync(r);
	rig_forget_requests(r);
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectsV2 ; HeadObject d");
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectsV2 ");
	/* Of many with one list. */
	for (char name[] = "10"; name[1] <= '9'; name[1]++)
		rig_write(r, name, "mine");
	rig_mkdir(r, "k");
	rig_mkdir(r, "k/l");
	rig_sync(r);
	rig_forget_requests(r);
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectVersions ; ListObjectsV2 ");
	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_asked(r, "ListObjectsV2 ");
}

static void check_mode(struct rig *r, const char *name, uint32_t mode)
{
	struct vfs_entry e;

	assert_int_equal(rig_lookup(r, name, &e), 0);
	assert_int_equal(e.st.st_mode & 07777, mode);
}

/* Others change attributes right after our own save, at the same second. */
static void test_dressed_after_us(void **state)
{
	struct rig *r = *state;
	char names[256];

	for (int many = 0; many < 2; many++) {
		for (char name[] = "f0"; name[1] < (many ? '9' : '2');
		     name[1]++)
			rig_write(r, name, many ? "some" : "text");
		rig_mkdir(r, many ? "e" : "d");
		rig_sync(r);
		rig_put_mode(r, "f1", many ? "some" : "text", "0100600");
		rig_put_mode(r, many ? "e/" : "d/", "", "040700");
		assert_int_equal(rig_list(r, "", false, names, sizeof(names)),
				 0);
		check_mode(r, "f1", 0600);
		check_mode(r, "f0", 0640);
		/* A directory's own object is in its own list. */
		assert_int_equal(rig_list(r, many ? "e" : "d", false, names,
					  sizeof(names)),
				 0);
		check_mode(r, many ? "e" : "d", 0700);
		rig_is(r, "f1", many ? "some" : "text");
		/* Our own is found to be ours, and not asked for again. */
		rig_forget_requests(r);
		assert_int_equal(rig_list(r, "", false, names, sizeof(names)),
				 0);
		rig_asked(r, "ListObjectsV2 ");
		rig_write(r, "f1", "next");
		rig_sync(r);
	}
}

static void test_modes(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	struct buf target;

	rig_put_mode(r, "c", "x", "0100640");
	rig_put_mode(r, "s", "a/target", "0120777");
	rig_put_mode(r, "d/", "", "0040711");
	rig_put_text(r, "e/x", "x");
	assert_int_equal(rig_lookup(r, "c", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG | 0640);
	assert_int_equal(rig_lookup(r, "d", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFDIR | 0711);
	assert_int_equal(rig_lookup(r, "e", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFDIR | 0755);
	assert_int_equal(rig_lookup(r, "s", &e), 0);
	assert_int_equal(e.st.st_mode, S_IFLNK | 0777);
	buf_init(&target, 4096);
	assert_int_equal(vfs_readlink(r->f.v, e.ino, &target), 0);
	assert_string_equal(target.data, "a/target");
	buf_release(&target);
}

static void test_ttl(void **state)
{
	struct rig *r = *state;

	put_all(r, "a d/x");
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_is(r, "a", "x");
	rig_is(r, "d/x", "x");
	rig_forget_requests(r);
	rig_put_text(r, "a", "new");
	rig_put_text(r, "b", "new");
	rig_is(r, "a", "x");
	assert_int_equal(rig_there(r, "b"), -ENOENT);
	assert_int_equal(rig_there(r, "d/y"), -ENOENT);
	rig_lists(r, "", "a d/");
	rig_asked(r, "");
	r->f.v->mount->config.ttl_ns = 0;
	rig_is(r, "a", "new");
	rig_lists(r, "", "a b d/");
}

/* rsync into a new directory: it knows that nothing is there. */
static void change_again(struct rig *r)
{
	char text[32];

	snprintf(text, sizeof(text), "%u more", r->hook_times);
	rig_put_text(r, "f", text);
	rig_lists(r, "", "f");
}

/* Whoever changes a file while it is asked about makes nobody fail. */
static void test_restless(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	struct stat st;

	rig_put_text(r, "f", "text");
	rig_hook(r, "HeadObject f", change_again, 20);
	assert_int_equal(rig_lookup(r, "f", &e), 0);
	rig_is(r, "f", "0 more");
	/* The same where its number is known. */
	change_again(r);
	rig_hook(r, "HeadObject f", change_again, 20);
	assert_int_equal(vfs_getattr(r->f.v, e.ino, &st), 0);
	assert_int_equal(st.st_size, 6);
}

static void take_long(struct rig *r)
{
	(void)r;
	usleep(5000);
}

/* A list that took longer than it is good for is an answer all the same. */
static void test_slow_list(void **state)
{
	struct rig *r = *state;

	r->f.config.ttl_ns = NS_PER_MS;
	rig_restart(r);
	rig_put_text(r, "f", "text");
	rig_hook(r, "ListObjectsV2", take_long, 1000);
	assert_int_equal(rig_there(r, "f"), 0);
	rig_forget_requests(r);
	assert_int_equal(rig_there(r, "f"), 0);
	assert_int_equal(rig_there(r, "g"), -ENOENT);
	assert_in_range(rig_count(r, "ListObjectsV2"), 1, 2);
}

static void test_new_directory(void **state)
{
	struct rig *r = *state;
	char path[32];

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	rig_mkdir(r, "d");
	rig_forget_requests(r);
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "d/f%d", i);
		assert_int_equal(rig_there(r, path), -ENOENT);
		rig_write(r, "d/.tmp", "x");
		rig_rename(r, "d/.tmp", path);
	}
	rig_asked(r, "");
	rig_sync(r);
	assert_int_equal(rig_count(r, "PutObject d/f"), 20);
	assert_int_equal(rig_count(r, "PutObject d/"), 21);
	assert_int_equal(rig_count(r, ""), 21);
}

#define MANY 2500

static void test_pages(void **state)
{
	struct rig *r = *state;
	char *names = malloc(MANY * 16), key[32];
	size_t len = 0;

	assert_non_null(names);
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "d/f%04d", i);
		rig_put(r, key, "x", 1);
		len += (size_t)sprintf(names + len, "%s%s", i ? " " : "",
				       key + 2);
	}
	char *have = malloc(MANY * 16);

	assert_non_null(have);
	assert_int_equal(rig_list(r, "d", false, have, MANY * 16), 0);
	assert_string_equal(have, names);
	assert_int_equal(rig_count(r, "ListObjectsV2 d/"), 3);
	for (int i = 0; i < MANY; i += 3) {
		snprintf(key, sizeof(key), "d/f%04d", i);
		rig_remove(r, key);
	}
	assert_int_equal(rig_list(r, "d", false, have, MANY * 16), 0);
	assert_non_null(strstr(have, "f0001 f0002 f0004"));
	assert_null(strstr(have, "f0000"));
	assert_null(strstr(have, "f2499"));
	free(have);
	free(names);
}

/* Single names of a large directory that nobody has listed. */
static void test_big(void **state)
{
	struct rig *r = *state;
	char key[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "d/f%04d", i);
		rig_put(r, key, "x", 1);
	}
	rig_put_text(r, "d/z/y", "below");
	rig_is(r, "d/f2000", "x");
	rig_forget_requests(r);
	rig_is(r, "d/f2001", "x");
	assert_int_equal(rig_there(r, "d/none"), -ENOENT);
	rig_is(r, "d/z/y", "below");
	rig_put_text(r, "d/f2001", "new");
	rig_is(r, "d/f2001", "new");
	rig_remove(r, "d/f2001");
	assert_int_equal(rig_there(r, "d/f2001"), -ENOENT);
	rig_remove(r, "d/z/y");
	assert_int_equal(rig_there(r, "d/z"), -ENOENT);
	/* Never the whole list for it. */
	assert_int_equal(rig_count(r, "ListObjectsV2 d/") -
				 rig_count(r, "ListObjectsV2 d/f2001/") -
				 rig_count(r, "ListObjectsV2 d/none/") -
				 rig_count(r, "ListObjectsV2 d/z/"),
			 0);
	rig_write(r, "d/mine", "x");
	rig_sync(r);
	rig_holds(r, "d/mine", "x");
	rig_is(r, "d/mine", "x");
}

static void test_rmdir(void **state)
{
	struct rig *r = *state;
	struct vfs *v = r->f.v;

	rig_mkdir(r, "d");
	rig_sync(r);
	rig_put_text(r, "d/theirs", "x");
	assert_int_equal(vfs_rmdir(v, META_ROOT_INO, "d"), -ENOTEMPTY);
	rig_unlink(r, "d/theirs");
	assert_int_equal(vfs_unlink(v, META_ROOT_INO, "d"), -EISDIR);
	assert_int_equal(vfs_rmdir(v, META_ROOT_INO, "d"), 0);
	rig_sync(r);
	rig_holds(r, "d/", NULL);
	rig_lists(r, "", "");
	/* An implicit one does not vanish with its last file. */
	rig_put_text(r, "e/x", "x");
	rig_unlink(r, "e/x");
	rig_sync(r);
	rig_lists(r, "", "e/");
	rig_holds(r, "e/", "");
	assert_int_equal(vfs_rmdir(v, META_ROOT_INO, "e"), 0);
	rig_sync(r);
	rig_lists(r, "", "");
	rig_put_text(r, "f", "x");
	assert_int_equal(vfs_rmdir(v, META_ROOT_INO, "f"), -ENOTDIR);
}

struct slow_reader {
	char seen[1024];
	uint64_t offset;
	unsigned left;
};

static int read_some(void *ctx, const struct vfs_dirent *d)
{
	struct slow_reader *s = ctx;

	if (!s->left)
		return 1;
	s->left--;
	s->offset = d->offset;
	strcat(s->seen, d->name);
	strcat(s->seen, " ");
	return 0;
}

/* A reader goes on where it was, whatever happens in between. */
static void test_cookies(void **state)
{
	struct rig *r = *state;
	struct slow_reader s = {.left = 4};
	struct vfs_dir *d;

	put_all(r, "a b c e");
	assert_int_equal(vfs_opendir(r->f.v, META_ROOT_INO, &d), 0);
	assert_int_equal(vfs_readdir(r->f.v, d, 0, false, read_some, &s), 0);
	assert_string_equal(s.seen, ". .. a b ");
	rig_unlink(r, "b");
	rig_unlink(r, "c");
	rig_rename(r, "a", "z");
	rig_write(r, "n", "new");
	s.left = 100;
	assert_int_equal(vfs_readdir(r->f.v, d, s.offset, false, read_some, &s),
			 0);
	/* What was there all along is told once; what came or went may be. */
	assert_non_null(strstr(s.seen, " e "));
	assert_null(strstr(s.seen, " c "));
	assert_null(strstr(strstr(s.seen, " a ") + 1, " a "));
	vfs_releasedir(r->f.v, d);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_names),
		RIG_TEST(test_shapes),
		RIG_TEST(test_changed),
		RIG_TEST(test_vanished_alike),
		RIG_TEST(test_vanished_open),
		RIG_TEST(test_dirty_kept),
		RIG_TEST(test_settled_kept),
		RIG_TEST(test_attributes_once),
		RIG_TEST(test_dressed_after_us),
		RIG_TEST_UNVERSIONED(test_dressed_after_us),
		RIG_TEST(test_modes),
		RIG_TEST(test_ttl),
		RIG_TEST(test_restless),
		RIG_TEST(test_slow_list),
		RIG_TEST(test_new_directory),
		RIG_TEST(test_pages),
		RIG_TEST(test_big),
		RIG_TEST(test_rmdir),
		RIG_TEST(test_cookies),
		RIG_TEST_UNVERSIONED(test_shapes),
		RIG_TEST_UNVERSIONED(test_changed),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
