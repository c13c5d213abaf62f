/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hard links: which objects are one file. Others may write beside us, and
 * copy what they can read.
 */
#include "../vfs_rig.h"

#include <unistd.h>

#include "vers3/core/link_id.h"
#include "vers3/object/objattr.h"

static void add_link(struct rig *r, const char *path, const char *to)
{
	const char *name;
	uint64_t parent = vfs_fixture_parent(&r->f, to, &name);
	struct vfs_entry e;

	assert_int_equal(vfs_link(r->f.v, rig_ino(r, path), parent, name, &e),
			 0);
}

/* Whether two paths are one file for who knows nothing of them. */
static bool joined(struct rig *r, const char *a, const char *b)
{
	uint64_t first;

	rig_forget(r);
	first = rig_ino(r, a);
	return first == rig_ino(r, b) && rig_ino(r, a) == rig_ino(r, b);
}

/*
 * Others write at `to` what goes with the object at `from`, with this text,
 * and with one metadata value or header changed or taken away.
 */
static void forge(struct rig *r, const char *from, const char *to,
		  const char *text, const char *name, const char *value)
{
	char source[256], target[256];
	struct store_request h, p;
	struct kvlist headers;

	snprintf(source, sizeof(source), VFS_FIXTURE_PREFIX "%s", from);
	snprintf(target, sizeof(target), VFS_FIXTURE_PREFIX "%s", to);
	store_request_init(&h, STORE_HEAD);
	h.key = source;
	assert_int_equal(store_call(r->bucket, &h), 0);
	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&headers, "content-type",
				    name && !strcmp(name, "content-type")
					    ? value
					    : "binary/octet-stream"),
			 0);
	if (name && strcmp(name, "content-type") != 0 && value)
		assert_int_equal(kvlist_set(&h.reply.object.meta, name, value),
				 0);
	else if (name && !value)
		kvlist_del(&h.reply.object.meta, name);
	store_request_init(&p, STORE_PUT);
	p.key = target;
	p.meta = &h.reply.object.meta;
	p.headers = &headers;
	p.body.mem = text;
	p.body.length = strlen(text);
	assert_int_equal(store_call(r->bucket, &p), 0);
	store_request_release(&p);
	store_request_release(&h);
	kvlist_release(&headers);
}

static void make_pair(struct rig *r)
{
	rig_mkdir(r, "a");
	rig_mkdir(r, "b");
	rig_write(r, "b/conf", "text");
	add_link(r, "b/conf", "a/name");
	rig_sync(r);
}

static void test_joined(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;

	make_pair(r);
	assert_true(joined(r, "a/name", "b/conf"));
	assert_true(joined(r, "b/conf", "a/name"));
	assert_int_equal(rig_lookup(r, "b/conf", &e), 0);
	assert_int_equal(e.st.st_nlink, 2);
	/* What is changed there is changed for both, and stays so. */
	rig_write(r, "a/name", "more");
	rig_is(r, "b/conf", "more");
	rig_sync(r);
	rig_holds(r, "b/conf", "more");
	assert_true(joined(r, "a/name", "b/conf"));
	rig_chmod(r, "b/conf", 0600);
	rig_sync(r);
	assert_true(joined(r, "a/name", "b/conf"));
}

/* Names come, go and move. */
static void test_moved(void **state)
{
	struct rig *r = *state;

	make_pair(r);
	rig_rename(r, "a/name", "a/other");
	rig_sync(r);
	assert_true(joined(r, "a/other", "b/conf"));
	rig_is(r, "a/other", "text");
	rig_rename(r, "a", "c");
	rig_sync(r);
	assert_true(joined(r, "b/conf", "c/other"));
	/* The rename was of what was known: both are met first. */
	rig_ino(r, "c/other");
	add_link(r, "b/conf", "third");
	rig_unlink(r, "b/conf");
	rig_sync(r);
	assert_true(joined(r, "third", "c/other"));
	rig_is(r, "third", "text");
	/* Both names in one directory that moves. */
	add_link(r, "third", "c/fourth");
	rig_rename(r, "c", "d");
	rig_sync(r);
	assert_true(joined(r, "d/fourth", "d/other"));
	assert_int_equal(rig_ino(r, "third"), rig_ino(r, "d/other"));
	rig_is(r, "d/fourth", "text");
}

/*
 * A name that moves away is saved under its new one, and its old key goes,
 * while another name's copy from there is on its way: that is decided anew,
 * and nobody who waits is told of a failure.
 */
static void test_source_moved(void **state)
{
	struct rig *r = *state;
	pthread_t thread;
	bool gone = false;
	void *rc;

	make_pair(r);
	/* Based on the one that is seen first. */
	assert_true(joined(r, "a/name", "b/conf"));
	rig_rename(r, "a/name", "a/other");
	rig_gate(r, "CopyObject b/conf<", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	assert_int_equal(rig_count(r, "CopyObject b/conf<a/name"), 1);
	for (int i = 0; !gone && i < 3000; i++) {
		struct store_request h;

		store_request_init(&h, STORE_HEAD);
		h.key = VFS_FIXTURE_PREFIX "a/name";
		gone = store_call(r->bucket, &h) == -ENOENT;
		store_request_release(&h);
		usleep(10000);
	}
	assert_true(gone);
	/* Whatever goes first: what is left is the file. */
	rig_holds(r, "a/other", "text");
	rig_holds(r, "b/conf", "text");
	rig_gate(r, NULL, RIG_BEFORE);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_int_equal((intptr_t)rc, 0);
	assert_int_equal(rig_dirty(r), 0);
	assert_true(joined(r, "a/other", "b/conf"));
	rig_is(r, "a/other", "text");
	rig_is(r, "b/conf", "text");
}

/* Somebody who may write below a/ alone, and read all. */
static void test_forged(void **state)
{
	struct rig *r = *state;

	make_pair(r);
	rig_unlink(r, "a/name");
	add_link(r, "b/conf", "b/second");
	rig_sync(r);
	/* Another content of that length, then the same. */
	forge(r, "b/conf", "a/evil", "evil", NULL, NULL);
	assert_false(joined(r, "a/evil", "b/conf"));
	rig_is(r, "b/conf", "text");
	rig_is(r, "a/evil", "evil");
	assert_false(joined(r, "b/conf", "a/evil"));
	forge(r, "b/conf", "a/evil", "text", NULL, NULL);
	assert_false(joined(r, "a/evil", "b/conf"));
	/* His is no obstacle to those that belong together. */
	assert_int_equal(rig_ino(r, "b/conf"), rig_ino(r, "b/second"));
	assert_false(joined(r, "b/conf", "a/evil"));
	assert_int_equal(rig_ino(r, "b/second"), rig_ino(r, "b/conf"));
	rig_write(r, "b/conf", "key!");
	rig_sync(r);
	rig_holds(r, "a/evil", "text");
	rig_write(r, "a/evil", "bad!");
	rig_sync(r);
	rig_holds(r, "b/conf", "key!");
	rig_holds(r, "b/second", "key!");
}

/* He tells a list of his own, in which both are. */
static void test_forged_names(void **state)
{
	struct rig *r = *state;
	char *his, *both;

	make_pair(r);
	rig_write(r, "a/evil", "text");
	add_link(r, "a/evil", "a/evil2");
	rig_sync(r);
	his = rig_meta(r, "b/conf", LINK_NAMES_META);
	assert_non_null(his);
	/* With the id of b/conf, so that digests would be the same. */
	forge(r, "b/conf", "a/name", "text", NULL, NULL);
	assert_int_equal(asprintf(&both, "%s%s", his, his), 2 * strlen(his));
	forge(r, "b/conf", "a/evil", "text", LINK_NAMES_META, both);
	assert_false(joined(r, "a/evil", "b/conf"));
	assert_false(joined(r, "b/conf", "a/evil"));
	free(both);
	free(his);
}

/* The name is one, and he may write it: he changes this or that. */
static void test_differs(void **state)
{
	static const struct {
		const char *text, *name, *value;
		bool same;
	} cases[] = {
		{"text", NULL, NULL, true},
		{"evil", NULL, NULL, false},
		{"text and more", NULL, NULL, false},
		{"text", "file-owner", "4711", false},
		{"text", "file-group", "4711", false},
		{"text", "file-permissions", "0100777", false},
		{"text", "file-mtime", "1000000000000000000ns", false},
		{"text", "vers3-xattr-0", "user.a=QQ==", false},
		{"text", "theirs", "x", false},
		{"text", "content-type", "text/html", false},
		{"text", LINK_META, NULL, false},
		{"text", LINK_META, "0123456789abcdef:2", false},
		{"text", LINK_NAMES_META, NULL, false},
		{"text", LINK_NAMES_META, "", false},
		{"text", LINK_NAMES_META, "x", false},
	};

	struct rig *r = *state;

	make_pair(r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("%s\n",
			      cases[i].name ? cases[i].name : cases[i].text);
		forge(r, "b/conf", "a/name", cases[i].text, cases[i].name,
		      cases[i].value);
		assert_int_equal(i % 2 ? joined(r, "a/name", "b/conf")
				       : joined(r, "b/conf", "a/name"),
				 cases[i].same);
		rig_is(r, "b/conf", "text");
		rig_is(r, "a/name", cases[i].text);
	}
}

/* More names than are told: files of their own elsewhere, all whole. */
static void test_many(void **state)
{
	struct rig *r = *state;
	char name[16];

	rig_write(r, "n0", "text");
	for (int i = 1; i < 40; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		add_link(r, "n0", name);
		if (i == 31) {
			rig_sync(r);
			assert_true(joined(r, "n0", "n31"));
			for (int j = 0; j < 32; j++) {
				snprintf(name, sizeof(name), "n%d", j);
				rig_ino(r, name);
			}
		}
	}
	rig_sync(r);
	assert_false(joined(r, "n0", "n39"));
	rig_is(r, "n20", "text");
	rig_write(r, "n20", "mine");
	rig_sync(r);
	rig_holds(r, "n0", "text");
}

/* Two other mounts have changed both names: who looks sends nothing. */
static void test_only_looks(void **state)
{
	struct rig *r = *state;

	make_pair(r);
	rig_write(r, "a/third", "text");
	rig_sync(r);
	rig_ino(r, "a/name");
	rig_ino(r, "b/conf");
	forge(r, "b/conf", "a/name", "new text", NULL, NULL);
	forge(r, "b/conf", "b/conf", "new text", NULL, NULL);
	rig_forget_requests(r);
	rig_is(r, "a/name", "new text");
	rig_is(r, "b/conf", "new text");
	rig_sync(r);
	rig_changed(r, "");
	assert_int_equal(rig_ino(r, "a/name"), rig_ino(r, "b/conf"));
	/* One of them is gone; the other one stays as it is. */
	rig_remove(r, "a/name");
	assert_int_equal(rig_there(r, "a/name"), -ENOENT);
	rig_is(r, "b/conf", "new text");
	rig_sync(r);
	rig_changed(r, "");
}

/* What one name was copied from is gone; the other has it itself. */
static void test_base_lost(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 2; i++) {
		const char *lost = i ? "b/conf" : "a/name";
		const char *kept = i ? "a/name" : "b/conf";

		if (i) {
			rig_unlink(r, "a/name");
			rig_unlink(r, "b/conf");
			rig_write(r, "b/conf", "text");
			add_link(r, "b/conf", "a/name");
			rig_sync(r);
		} else {
			make_pair(r);
		}
		rig_put_text(r, lost, "theirs");
		rig_is(r, lost, "theirs");
		rig_chmod(r, kept, 0600);
		rig_sync(r);
		rig_is(r, kept, "text");
		rig_holds(r, kept, "text");
		rig_rename(r, kept, "moved");
		rig_sync(r);
		rig_holds(r, "moved", "text");
		rig_holds(r, lost, "theirs");
		rig_rename(r, "moved", kept);
		rig_sync(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_joined),
		RIG_TEST_UNVERSIONED(test_joined),
		RIG_TEST(test_moved),
		RIG_TEST_UNVERSIONED(test_moved),
		RIG_TEST_UNVERSIONED(test_source_moved),
		RIG_TEST(test_forged),
		RIG_TEST(test_forged_names),
		RIG_TEST(test_differs),
		RIG_TEST(test_many),
		RIG_TEST(test_only_looks),
		RIG_TEST(test_base_lost),
		RIG_TEST_UNVERSIONED(test_base_lost),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
