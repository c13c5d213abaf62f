/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other writers, on a server that knows every condition and on one that knows
 * none; and what is learnt of a server.
 */
#include "../vfs_rig.h"

#include "vers3/core/caps.h"
#include "vers3/journal/journal.h"
#include "vers3/sync/conflict.h"

#include "conflict_rig.h"

/* A server that carries out the first such save only when the second comes. */
struct deferred {
	struct store store; /* first */
	enum store_op op; /* of what saves f */
	unsigned count; /* of those since it was made */
};

static int late_call(struct store *s, struct store_request *r)
{
	struct deferred *l = (struct deferred *)s;
	struct store_request first = *r;

	if (r->op != l->op || strcmp(r->key, VFS_FIXTURE_PREFIX "f") != 0)
		return store_call(s->below, r);
	if (!l->count++) {
		store_reply_reset(&r->reply);
		r->reply.unsure = true;
		return -ETIMEDOUT;
	}
	if (l->count == 2) {
		int rc = store_call(s->below, &first);

		r->reply = first.reply;
		if (rc)
			return rc;
	}
	return store_call(s->below, r);
}

static struct deferred *begin_late(struct rig *r, enum store_op op)
{
	static const struct store_ops ops = {"late", late_call,
					     vfs_fixture_free_layer};
	struct deferred *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->op = op;
	l->store.ops = &ops;
	l->store.below = r->f.store;
	r->f.store = &l->store;
	use(r, &all_caps, 0);
	base(r, "f");
	l->count = 0;
	return l;
}

/* The save is ours, once, and nobody's conflict. */
static void test_late(void **state)
{
	struct rig *r = *state;
	struct deferred *l = begin_late(r, STORE_PUT);

	rig_write(r, "f", "ours");
	rig_sync(r);
	rig_holds(r, "f", "ours");
	assert_int_equal(l->count, 2);
	assert_int_equal(rig_versions(r, "f"), 2);
	assert_int_equal(rig_conflicts(r), 0);
}

/* Nor are the parts of a large one sent again. */
static void test_late_parts(void **state)
{
	struct rig *r = *state;
	struct deferred *l = begin_late(r, STORE_COMPLETE_UPLOAD);
	unsigned char *data = rig_bytes(1, 20 << 20);
	unsigned parts;

	rig_forget_requests(r);
	rig_write_bytes(r, "f", data, 20 << 20);
	rig_sync(r);
	parts = rig_count(r, "UploadPart");
	rig_holds_bytes(r, "f", data, 20 << 20);
	assert_int_equal(l->count, 2);
	assert_int_equal(rig_count(r, "CreateMultipartUpload"), 1);
	assert_in_range(parts, 1, 3);
	assert_int_equal(rig_versions(r, "f"), 2);
	assert_int_equal(rig_conflicts(r), 0);
	free(data);
}

/* A server that says "null" of each version, as one whose bucket is suspended. */
static int null_call(struct store *s, struct store_request *r)
{
	int rc = store_call(s->below, r);

	if (!rc && (r->op == STORE_PUT || r->op == STORE_HEAD)) {
		free(r->reply.object.version_id);
		r->reply.object.version_id = strdup("null");
	}
	return rc;
}

/* Where all versions have one id, others' are told by their content. */
static void test_nulls(void **state)
{
	static const struct store_ops ops = {"nulls", null_call,
					     vfs_fixture_free_layer};
	struct rig *r = *state;
	struct store *nulls = calloc(1, sizeof(*nulls));

	assert_non_null(nulls);
	nulls->ops = &ops;
	nulls->below = r->f.store;
	r->f.store = nulls;
	use(r, &no_caps, 3600 * NS_PER_S);
	base(r, "f");
	base(r, "g");
	rig_put_text(r, "f", "theirs");
	rig_unlink(r, "f");
	rig_unlink(r, "g");
	rig_sync(r);
	rig_holds(r, "f", "theirs");
	rig_holds(r, "g", NULL);
	assert_int_equal(rig_conflicts(r), 1);
}

static void written_by_both(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_put_text(r, "f", "theirs");
	look(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	rig_is(r, "f", "ours");
	assert_int_equal(rig_versions(r, "f"), 3);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "ours");
}

static void made_by_both(struct rig *r)
{
	rig_write(r, "new", "ours");
	rig_put_text(r, "new", "theirs");
	look(r);
	rig_sync(r);
	rig_holds(r, "new", "ours");
	assert_int_equal(rig_versions(r, "new"), 2);
	says(r, "conflicts.new.current", "ours");
}

/* They have changed its attributes, a while after we had seen it. */
static void dressed_by_them(struct rig *r)
{
	struct meta_dirty dirty;

	base(r, "f");
	rig_put_mode(r, "f", "base", "0100600");
	look(r);
	rig_write(r, "f", "ours");
	rig_put_mode(r, "f", "base", "0100640");
	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_dirty_get(r->f.meta, "f", &dirty), 0);
	assert_true(dirty.known.version_id[0]);
	dirty.known.last_modified_ns -= 9 * NS_PER_S;
	assert_int_equal(meta_dirty_put(r->f.meta, &dirty), 0);
	meta_unlock(r->f.meta);
	look(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	assert_int_equal(rig_versions(r, "f"), 4);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "ours");
}

/* The same right after our own save, of which no list has told yet. */
static void dressed_after_us(struct rig *r)
{
	look(r);
	r->f.v->mount->config.ttl_ns = 600 * NS_PER_S;
	base(r, "f");
	base(r, "g");
	rig_write(r, "f", "ours");
	rig_unlink(r, "g");
	rig_put_mode(r, "f", "base", "0100640");
	rig_put_mode(r, "g", "base", "0100640");
	r->f.v->mount->config.ttl_ns = 0;
	look(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	rig_holds(r, "g", "base");
	assert_int_equal(rig_versions(r, "f"), 3);
	says(r, "conflicts.count", "2");
	says(r, "conflicts.f.current", "ours");
	says(r, "conflicts.g.current", "theirs");
}

/* And nobody here looks at the directory: the file is held open. */
static void dressed_under_writer(struct rig *r)
{
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);

	rig_pwrite(r, file, 0, "base", 4);
	rig_sync(r);
	rig_put_mode(r, "f", "base", "0100640");
	rig_pwrite(r, file, 0, "ours", 4);
	usleep(1100 * 1000);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	says(r, "conflicts.count", "1");
	vfs_release(r->f.v, file);
}

static void deleted_by_them(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_remove(r, "f");
	look(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "ours");
}

static void deleted_by_us(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	rig_holds(r, "f", "theirs");
	rig_is(r, "f", "theirs");
	assert_int_equal(rig_markers(r, "f"), 0);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "theirs");
	says(r, "conflicts.f.ours", "deleted");
}

static void deleted_by_both(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	rig_remove(r, "f");
	rig_sync(r);
	assert_int_equal(rig_there(r, "f"), -ENOENT);
	says(r, "conflicts.count", "0");
}

/* Many at once, with one that they have written and one they have deleted. */
static void deleted_as_one(struct rig *r)
{
	char name[16];

	rig_mkdir(r, "d");
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		base(r, name);
	}
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		rig_unlink(r, name);
	}
	rig_put_text(r, "d/2", "theirs");
	rig_remove(r, "d/4");
	rig_sync(r);
	rig_lists(r, "d", "2");
	rig_holds(r, "d/2", "theirs");
	says(r, "conflicts.count", "1");
	says(r, "conflicts.d/2.current", "theirs");
	assert_int_equal(rig_markers(r, "d/0"), 1);
	assert_int_equal(rig_markers(r, "d/4"), 1);
}

/* Theirs in the place of a file whose directory has gone here. */
static void deleted_with_directory(struct rig *r)
{
	rig_mkdir(r, "d");
	base(r, "d/f");
	rig_unlink(r, "d/f");
	assert_int_equal(vfs_rmdir(r->f.v, META_ROOT_INO, "d"), 0);
	rig_put_text(r, "d/f", "theirs");
	rig_sync(r);
	rig_is(r, "d/f", "theirs");
	says(r, "conflicts.count", "1");
}

static void moved_by_us(struct rig *r)
{
	base(r, "a");
	rig_rename(r, "a", "b");
	rig_put_text(r, "a", "theirs");
	look(r);
	rig_sync(r);
	rig_holds(r, "a", "theirs");
	rig_holds(r, "b", "base");
	says(r, "conflicts.count", "1");
}

/* Nobody else is there: no conflict, however it goes. */
static void alone(struct rig *r)
{
	base(r, "a");
	base(r, "b");
	assert_int_equal(rig_try_rename(r, "a", "b", RENAME_EXCHANGE), 0);
	rig_sync(r);
	rig_rename(r, "a", "c");
	rig_write(r, "a", "again");
	rig_sync(r);
	rig_unlink(r, "c");
	rig_write(r, "c", "anew");
	rig_sync(r);
	rig_chmod(r, "c", 0600);
	rig_unlink(r, "b");
	rig_sync(r);
	rig_write(r, "b", "back");
	rig_sync(r);
	rig_lists(r, "", "a b c");
	says(r, "conflicts.count", "0");
}

static void linked_alone(struct rig *r)
{
	struct vfs_entry e;

	base(r, "a");
	assert_int_equal(rig_lookup(r, "a", &e), 0);
	assert_int_equal(vfs_link(r->f.v, e.ino, META_ROOT_INO, "b", &e), 0);
	rig_sync(r);
	rig_unlink(r, "a");
	rig_sync(r);
	rig_write(r, "b", "more");
	rig_sync(r);
	rig_holds(r, "b", "more");
	says(r, "conflicts.count", "0");
}

static void test_conflicts(void **state)
{
	static const struct {
		const char *name;
		void (*run)(struct rig *r);
	} table[] = {
		{"written by both", written_by_both},
		{"made by both", made_by_both},
		{"dressed by them", dressed_by_them},
		{"dressed after us", dressed_after_us},
		{"dressed under a writer", dressed_under_writer},
		{"deleted by them", deleted_by_them},
		{"deleted by us", deleted_by_us},
		{"deleted by both", deleted_by_both},
		{"deleted as one", deleted_as_one},
		{"deleted with its directory", deleted_with_directory},
		{"moved by us", moved_by_us},
		{"alone", alone},
		{"linked, alone", linked_alone},
	};
	void *fresh = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (int bold = 0; bold < 2; bold++) {
			print_message("%s, %s\n", table[i].name,
				      bold ? "no conditions" : "conditions");
			rig_setup(&fresh);
			use(fresh, bold ? &no_caps : &all_caps, 0);
			table[i].run(fresh);
			rig_teardown(&fresh);
		}
	}
}

/* Without conditions, a list that looked in time vouches for all keys. */
static void test_requests(void **state)
{
	struct rig *r = *state;
	char name[16];

	use(r, &no_caps, 3600 * NS_PER_S);
	assert_int_equal(rig_there(r, "x"), -ENOENT);
	rig_forget_requests(r);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%d", i);
		rig_write(r, name, "text");
	}
	rig_sync(r);
	assert_int_equal(rig_count(r, ""), 20);
	assert_int_equal(rig_count(r, "PutObject"), 20);
	rig_forget_requests(r);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%d", i);
		rig_unlink(r, name);
	}
	rig_sync(r);
	rig_asked(r, "DeleteObjects 20; ListObjectVersions ");
}

/* A list of before the mount, or too old a one, is asked for again, once. */
static void test_old_list(void **state)
{
	struct rig *r = *state;
	char name[16];

	use(r, &no_caps, NS_PER_S);
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "%d", i);
		rig_write(r, name, "text");
	}
	usleep(1100 * 1000);
	rig_put_text(r, "4", "theirs");
	rig_forget_requests(r);
	rig_sync(r);
	rig_asked(r, "HeadObject 4; ListObjectsV2 ; PutObject 0; PutObject 1; "
		     "PutObject 2; PutObject 3; PutObject 4; PutObject 5; "
		     "PutObject 6; PutObject 7; PutObject 8");
	says(r, "conflicts.count", "1");
}

/* An earlier save of our own is no conflict, though its answer was lost. */
static void test_own(void **state)
{
	struct conflict c;
	struct meta_version known = {.key = "f", .etag = "e1"};
	static const char md5[] = "5d41402abc4b2a76b9719d911017c592 ";
	struct rig *r = *state;
	static const struct {
		bool unsure;
		const char *tried;
		bool met;
	} table[] = {
		{false, "", true},
		{true, "", true},
		{true, md5, false},
		{true, "another ", true},
		{true, "another 5D41402abc4b2a76b9719d911017c592 ", false},
		{true, "? ", true},
		{true, META_TRIED_NOTHING " ", true},
	};

	rig_put_text(r, "f", "hello");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct store_delete item = {.key = VFS_FIXTURE_PREFIX "f"};
		struct store_request q;
		int rc = -EBUSY;

		conflict_init(&c, "f", &known, table[i].unsure, table[i].tried);
		store_request_init(&q, STORE_PUT);
		q.key = item.key;
		assert_int_equal(conflict_guard(r->f.v->syncer, &c, &q), 0);
		q.reply.status = 412;
		conflict_refused(r->f.v->syncer, &c, &q, &rc);
		assert_int_equal(c.met, table[i].met);
		assert_null(q.if_match);
		store_request_release(&q);
		journal_acquit(r->f.v->journal, "f");
	}
}

/* Two versions of the same bytes are two. */
static void test_same_bytes(void **state)
{
	static const struct {
		const char *version_id, *etag;
		bool met;
	} table[] = {
		{"", "5d41402abc4b2a76b9719d911017c592", false},
		{"", "another", true},
		{"another", "5d41402abc4b2a76b9719d911017c592", true},
	};
	struct rig *r = *state;

	rig_put_text(r, "f", "hello");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct meta_version known = {.key = "f"};
		struct store_request q;
		struct conflict c;

		strcpy(known.version_id, table[i].version_id);
		strcpy(known.etag, table[i].etag);
		conflict_init(&c, "f", &known, false, "");
		journal_suspect(r->f.v->journal, "f");
		store_request_init(&q, STORE_PUT);
		q.key = VFS_FIXTURE_PREFIX "f";
		assert_int_equal(conflict_guard(r->f.v->syncer, &c, &q), 0);
		assert_int_equal(c.met, table[i].met);
		store_request_release(&q);
		journal_acquit(r->f.v->journal, "f");
	}
}

/* Where nothing is kept, nobody is told that it was. */
static void test_unversioned(void **state)
{
	struct rig *r = *state;

	base(r, "f");
	base(r, "g");
	rig_write(r, "f", "ours");
	rig_write(r, "g", "ours");
	rig_put_text(r, "f", "theirs");
	rig_remove(r, "g");
	look(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	says(r, "conflicts.count", "2");
	says(r, "conflicts.f.current", "ours");
	says(r, "conflicts.f.theirs", "overwritten");
	says(r, "conflicts.g.theirs", "deleted");
}

/* A hundred are kept, of any number. */
static void test_bound(void **state)
{
	struct conflict c = {.met = true, .theirs = "v"};
	struct rig *r = *state;
	char name[16];

	for (int i = 1; i <= 130; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		c.path = name;
		assert_int_equal(meta_lock(r->f.meta), 0);
		assert_int_equal(conflict_note(r->f.v->syncer, &c, "o"), 0);
		meta_unlock(r->f.meta);
	}
	says(r, "conflicts.count", "130");
	says(r, "conflicts.f30.theirs", "");
	says(r, "conflicts.f31.theirs", "v");
	says(r, "conflicts.f130.ours", "o");
	rig_restart(r);
	says(r, "conflicts.count", "130");
}

static void test_caps(void **state)
{
	struct rig *r = *state;
	struct caps caps;

	assert_int_equal(caps_probe(r->f.store, VFS_FIXTURE_PREFIX,
				    MOUNT_VERSIONS_NAME, &caps),
			 0);
	assert_true(caps.if_none_match && caps.if_match);
	assert_true(caps.copy && caps.remove);
	/* Nothing is left of it. */
	assert_int_equal(rig_versions(r, ""), 0);
	assert_int_equal(rig_markers(r, ""), 0);
	rig_forget_requests(r);
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, false, &caps);
	assert_true(rig_count(r, "PutObject"));
	rig_forget_requests(r);
	/* Remembered; nothing is asked of who only reads. */
	memset(&caps, 0, sizeof(caps));
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, false, &caps);
	assert_true(caps.if_match);
	caps_learn(r->f.meta, NULL, VFS_FIXTURE_PREFIX, MOUNT_VERSIONS_NAME,
		   false, &caps);
	rig_asked(r, "");
	/* Of copies that are encrypted nothing is known by that. */
	caps_learn(r->f.meta, NULL, VFS_FIXTURE_PREFIX, MOUNT_VERSIONS_NAME,
		   true, &caps);
	assert_false(caps.copy || caps.keeps_tags);
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, true, &caps);
	assert_true(caps.copy && rig_count(r, "PutObject"));
}

/* What encrypted copies do is not believed of those that are not. */
static void test_caps_encrypted(void **state)
{
	struct rig *r = *state;
	struct caps caps;

	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, true, &caps);
	assert_true(caps.copy);
	rig_fail(r, "CopyObject", RIG_BEFORE, -EOPNOTSUPP, 100);
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, false, &caps);
	assert_true(caps.if_match);
	assert_false(caps.copy || caps.keeps_tags);
	rig_fail(r, "", RIG_BEFORE, 0, 0);
}

/* What is not allowed is taken as what the server cannot do. */
static void test_caps_denied(void **state)
{
	struct rig *r = *state;
	struct caps caps = CAPS_ALL;

	rig_fail(r, "PutObject", RIG_BEFORE, -EACCES, 100);
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, false, &caps);
	assert_false(caps.if_match || caps.if_none_match || caps.remove);
	rig_forget_requests(r);
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, false, &caps);
	rig_asked(r, "");
	rig_fail(r, "", RIG_BEFORE, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conflicts),
		RIG_TEST(test_requests),
		RIG_TEST(test_old_list),
		RIG_TEST(test_own),
		RIG_TEST(test_same_bytes),
		RIG_TEST_UNVERSIONED(test_unversioned),
		RIG_TEST(test_bound),
		RIG_TEST_UNVERSIONED(test_nulls),
		RIG_TEST(test_late),
		RIG_TEST(test_late_parts),
		RIG_TEST(test_caps),
		RIG_TEST(test_caps_denied),
		RIG_TEST(test_caps_encrypted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
