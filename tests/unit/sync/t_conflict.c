/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other writers, on a server that knows every condition and on one that knows
 * none; and what is learnt of a server.
 */
#include "../vfs_rig.h"

#include "../git_config.h"
#include "vers3/core/caps.h"
#include "vers3/journal/journal.h"
#include "vers3/sync/between.h"
#include "vers3/sync/conflict.h"

static const struct caps no_caps;
static const struct caps all_caps = CAPS_ALL;

static void use(struct rig *r, const struct caps *caps, int64_t ttl_ns)
{
	r->f.config.caps = *caps;
	r->f.config.ttl_ns = ttl_ns;
	rig_restart(r);
}

/* What the control file says, as git reads it; "" : nothing. */
static void says(struct rig *r, const char *key, const char *wanted)
{
	char value[256];
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(conflict_write(r->f.v->syncer, &text), 0);
	if (git_config_get(text.data, key, value, sizeof(value)) >= 0)
		assert_string_equal(value, wanted);
	buf_release(&text);
}

/* A list of the root, as another process brings it about. */
static void look(struct rig *r)
{
	char names[256];

	assert_int_equal(rig_list(r, "", false, names, sizeof(names)), 0);
}

/* The state before: "base" is in the bucket, and known. */
static void base(struct rig *r, const char *name)
{
	rig_write(r, name, "base");
	rig_sync(r);
}

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

static void deferred_free(struct store *s)
{
	store_free(s->below);
	free(s);
}

static struct deferred *begin_late(struct rig *r, enum store_op op)
{
	static const struct store_ops ops = {"late", late_call, deferred_free};
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
	static const struct store_ops ops = {"nulls", null_call, deferred_free};
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

/* The record of a key says what was sent, as if the answer never came. */
static void note_sent(struct rig *r, const char *key, const char *etag)
{
	struct meta_dirty dirty;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_dirty_get(r->f.meta, key, &dirty), 0);
	meta_tried_add(dirty.tried, etag);
	assert_int_equal(meta_dirty_put(r->f.meta, &dirty), 0);
	meta_unlock(r->f.meta);
}

#define MD5_OURS "abdc793c700a0f9110566c092398985f"

/* Nothing of it was sent. */
static void killed_with_delete(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	rig_kill(r);
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	rig_is(r, "f", "theirs");
	assert_int_equal(rig_markers(r, "f"), 0);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "theirs");
}

static void killed_with_rename(struct rig *r)
{
	base(r, "f");
	rig_rename(r, "f", "g");
	rig_kill(r);
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	rig_is(r, "f", "theirs");
	rig_is(r, "g", "base");
	says(r, "conflicts.count", "1");
}

static void killed_with_write(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_kill(r);
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	rig_holds(r, "f", "ours");
	assert_int_equal(rig_versions(r, "f"), 3);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "ours");
}

static void killed_alone(struct rig *r)
{
	base(r, "f");
	base(r, "g");
	rig_write(r, "f", "ours");
	rig_unlink(r, "g");
	rig_kill(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	assert_int_equal(rig_there(r, "g"), -ENOENT);
	assert_int_equal(rig_markers(r, "g"), 1);
	says(r, "conflicts.count", "0");
}

/* The delete was carried out, and then they wrote. */
static void killed_after_delete(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	note_sent(r, "f", META_TRIED_NOTHING);
	rig_remove(r, "f");
	rig_put_text(r, "f", "theirs");
	rig_kill(r);
	rig_sync(r);
	rig_is(r, "f", "theirs");
	assert_int_equal(rig_markers(r, "f"), 1);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "theirs");
}

static void killed_before_delete(struct rig *r)
{
	base(r, "f");
	base(r, "g");
	rig_unlink(r, "f");
	rig_unlink(r, "g");
	note_sent(r, "f", META_TRIED_NOTHING);
	note_sent(r, "g", META_TRIED_NOTHING);
	rig_remove(r, "g");
	rig_kill(r);
	rig_sync(r);
	rig_lists(r, "", "");
	assert_int_equal(rig_markers(r, "f"), 1);
	assert_int_equal(rig_markers(r, "g"), 1);
	says(r, "conflicts.count", "0");
}

/* Deleted, and made anew here. */
static void killed_between(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	note_sent(r, "f", META_TRIED_NOTHING);
	rig_remove(r, "f");
	rig_write(r, "f", "ours");
	rig_kill(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	says(r, "conflicts.count", "0");
}

static void killed_after_write(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_write(r, "new", "ours");
	note_sent(r, "f", MD5_OURS);
	note_sent(r, "new", MD5_OURS);
	rig_put_text(r, "f", "ours");
	rig_put_text(r, "new", "ours");
	rig_write(r, "f", "more");
	rig_unlink(r, "new");
	rig_kill(r);
	rig_sync(r);
	rig_lists(r, "", "f");
	rig_holds(r, "f", "more");
	assert_int_equal(rig_markers(r, "new"), 1);
	says(r, "conflicts.count", "0");
}

static void killed_under_theirs(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_write(r, "new", "ours");
	note_sent(r, "f", MD5_OURS);
	note_sent(r, "new", MD5_OURS);
	rig_put_text(r, "f", "theirs");
	rig_put_text(r, "new", "theirs");
	rig_unlink(r, "f");
	rig_unlink(r, "new");
	rig_kill(r);
	rig_sync(r);
	rig_lists(r, "", "f new");
	rig_holds(r, "f", "theirs");
	rig_holds(r, "new", "theirs");
	assert_int_equal(rig_markers(r, "f"), 0);
	says(r, "conflicts.count", "2");
}

/* A mount was killed, and others went on. */
static void test_killed(void **state)
{
	static void (*const table[])(struct rig * r) = {
		killed_with_delete, killed_with_rename,	 killed_with_write,
		killed_alone,	    killed_after_delete, killed_before_delete,
		killed_between,	    killed_after_write,	 killed_under_theirs,
	};
	void *fresh = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (int n = 0; n < 4; n++) {
			print_message("killed %zu, %sconditions%s\n", i,
				      n & 1 ? "no " : "",
				      n & 2 ? ", power lost" : "");
			rig_setup(&fresh);
			((struct rig *)fresh)->power_lost = n & 2;
			use(fresh, n & 1 ? &no_caps : &all_caps, 0);
			table[i](fresh);
			rig_teardown(&fresh);
		}
	}
}

static unsigned notes_seen, notes_pending;

/* The request is out: is what was noted of it durable? */
static void look_at_note(struct rig *r)
{
	if (meta_lock(r->f.v->mount->meta))
		return; /* not seen, which fails the test */
	notes_pending += meta_pending_ns(r->f.v->mount->meta) != 0;
	meta_unlock(r->f.v->mount->meta);
	notes_seen++;
}

static void *sync_all(void *arg)
{
	rig_try_sync(arg, NULL);
	return NULL;
}

/*
 * What comes between the snapshot and the note may be durable without it; then
 * a loss of power would leave a save of ours that nobody knows, under a delete
 * that is then given up.
 */
static void test_moved_before_note(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	notes_seen = notes_pending = 0;
	rig_write(r, "f", "text");
	journal_suspect(r->f.v->journal,
			"f"); /* so that there is a look to hold */
	rig_gate(r, "HeadObject f", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, sync_all, r), 0);
	rig_wait_held(r);
	rig_unlink(r, "f");
	assert_int_equal(meta_sync(r->f.v->mount->meta), 0);
	rig_hook(r, "PutObject f", look_at_note, 1);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	assert_int_equal(notes_seen, 1);
	assert_int_equal(notes_pending, 0);
	rig_sync(r);
	rig_holds(r, "f", NULL);
}

/* After a kill what was never sent costs no look; without power it may. */
static void test_kill_costs_nothing(void **state)
{
	struct rig *r = *state;
	char names[256];

	use(r, &all_caps, 600 * NS_PER_S);
	for (int power = 0; power < 2; power++) {
		assert_int_equal(rig_list(r, "", false, names, sizeof(names)),
				 0);
		rig_write(r, power ? "b" : "a", "text");
		r->power_lost = power;
		rig_kill(r);
		rig_sync(r);
		assert_int_equal(rig_count(r, "HeadObject") > 0, power);
		assert_int_equal(rig_count(r, "PutObject"), 1);
	}
}

static void *sync_thread(void *arg)
{
	rig_try_sync(arg, NULL);
	return NULL;
}

/* What goes out is noted before it does, and no longer than it is open. */
static void test_noted(void **state)
{
	static const struct {
		const char *held;
		bool unlink;
		const char *noted;
	} table[] = {
		{"PutObject f", false, MD5_OURS " "},
		{"DeleteObject f", true, META_TRIED_NOTHING " "},
	};
	struct rig *r = *state;
	struct meta_dirty dirty;
	pthread_t thread;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		base(r, "f");
		if (table[i].unlink)
			rig_unlink(r, "f");
		else
			rig_write(r, "f", "ours");
		/* What is refused leaves nothing open. */
		rig_fail(r, table[i].held, RIG_BEFORE, -EACCES, 1);
		assert_int_equal(rig_try_sync(r, NULL), -EACCES);
		assert_int_equal(meta_lock(r->f.meta), 0);
		assert_int_equal(meta_dirty_get(r->f.meta, "f", &dirty), 0);
		meta_unlock(r->f.meta);
		assert_string_equal(dirty.tried, "");
		rig_gate(r, table[i].held, RIG_BEFORE);
		assert_int_equal(pthread_create(&thread, NULL, sync_thread, r),
				 0);
		rig_wait_held(r);
		assert_int_equal(meta_lock(r->f.meta), 0);
		assert_int_equal(meta_dirty_get(r->f.meta, "f", &dirty), 0);
		meta_unlock(r->f.meta);
		assert_string_equal(dirty.tried, table[i].noted);
		rig_gate(r, NULL, RIG_BEFORE);
		pthread_join(thread, NULL);
		rig_sync(r);
		assert_int_equal(rig_dirty(r), 0);
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

/* What others did since the last look, and under our save. */
static void between_write(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_put_text(r, "f", "theirs");
}

static void between_two(struct rig *r)
{
	between_write(r);
	rig_put_text(r, "f", "theirs, too");
}

static void between_make(struct rig *r)
{
	look(r);
	rig_write(r, "f", "ours");
	rig_put_text(r, "f", "theirs");
}

static void between_remove(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_remove(r, "f");
}

static void between_rename(struct rig *r)
{
	base(r, "g");
	base(r, "f");
	look(r);
	rig_rename(r, "g", "f");
	rig_put_text(r, "f", "theirs");
}

static void between_dress(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_put_mode(r, "f", "base", "0100640");
}

/* Ours alone. */
static void between_own(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_sync(r);
	rig_write(r, "f", "ours again");
	rig_sync(r);
	rig_unlink(r, "f");
	rig_sync(r);
	rig_write(r, "f", "anew");
	rig_sync(r);
	rig_write(r, "g", "moved");
	rig_sync(r);
	rig_rename(r, "g", "f");
}

/* They have made and removed it, and nothing is taken from anybody. */
static void between_came_and_went(struct rig *r)
{
	look(r);
	rig_write(r, "f", "ours");
	rig_put_text(r, "f", "theirs");
	rig_remove(r, "f");
}

/*
 * On a server without conditions, what a save has met after the last look is
 * listed when the history has shown it; also after a kill in between.
 */
static void test_between(void **state)
{
	static const struct {
		void (*run)(struct rig *r);
		const char *current;
		bool deleted;
	} table[] = {
		{between_write, "ours", false},
		{between_two, "ours", false},
		{between_make, "ours", false},
		{between_remove, "ours", true},
		{between_rename, "ours", false},
		{between_dress, "ours", false},
		{between_own, NULL, false},

		{between_came_and_went, NULL, false},
	};
	void *fresh = NULL;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
		struct rig *r;

		rig_setup(&fresh);
		r = fresh;
		use(r, &no_caps, 3600 * NS_PER_S);
		table[i / 2].run(r);
		rig_sync(r);
		says(r, "conflicts.count", "0");
		if (i % 2)
			rig_kill(r);
		between_look(r->f.v->syncer);
		says(r, "conflicts.count", table[i / 2].current ? "1" : "0");
		if (table[i / 2].current)
			says(r, "conflicts.f.current", table[i / 2].current);
		if (table[i / 2].deleted)
			says(r, "conflicts.f.theirs", "deleted");
		/* Once is enough. */
		rig_forget_requests(r);
		between_look(r->f.v->syncer);
		rig_asked(r, "");
		rig_teardown(&fresh);
	}
}

/*
 * A save that was carried out on top of theirs, of which the answer never came,
 * and the file is not wanted any more.
 */
static void test_between_tries(void **state)
{
	struct rig *r;

	for (int more = 0; more < 2; more++) {
		rig_setup(state);
		r = *state;
		use(r, &no_caps, 3600 * NS_PER_S);
		between_write(r);
		note_sent(r, "f", MD5_OURS);
		rig_put_text(r, "f", "ours");
		rig_unlink(r, "f");
		if (more)
			rig_put_text(r, "f", "theirs, too");
		rig_kill(r);
		rig_sync(r);
		rig_holds(r, "f", more ? "theirs, too" : NULL);
		says(r, "conflicts.count", more ? "1" : "0");
		between_look(r->f.v->syncer);
		says(r, "conflicts.count", more ? "2" : "1");
		says(r, "conflicts.f.ours",
		     more ? "deleted|unknown" : "unknown");
		rig_teardown(state);
	}
}

/* What a look at what came between asks for. */
static void look_asks(struct rig *r, const char *lines)
{
	rig_forget_requests(r);
	between_look(r->f.v->syncer);
	rig_asked(r, lines);
}

/* Many saves cost a list; what was removed since proves nothing. */
static void test_between_many(void **state)
{
	struct rig *r = *state;
	char name[16];

	use(r, &no_caps, 3600 * NS_PER_S);
	look(r);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%03d", i);
		rig_write(r, name, "base");
	}
	rig_sync(r);
	rig_put_text(r, "f150", "theirs");
	rig_write(r, "f150", "ours");
	rig_sync(r);
	rig_forget_requests(r);
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EIO, 1);
	between_look(r->f.v->syncer);
	says(r, "conflicts.count", "0");
	between_look(r->f.v->syncer);
	rig_asked(r, "ListObjectVersions f; ListObjectVersions f");
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f150.current", "ours");
	/* Not allowed to ask: then it is given up. */
	rig_put_text(r, "f7", "theirs");
	rig_write(r, "f7", "ours");
	rig_sync(r);
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EACCES, 1);
	between_look(r->f.v->syncer);
	look_asks(r, "");
	says(r, "conflicts.count", "1");
}

/* What was sent with a condition needs no look. */
static void test_between_conditions(void **state)
{
	struct rig *r = *state;

	base(r, "f");
	rig_write(r, "f", "ours");
	rig_sync(r);
	look_asks(r, "");
	/* When one was refused, others may come between that and the next. */
	rig_write(r, "f", "ours again");
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	says(r, "conflicts.count", "1");
	look_asks(r, "ListObjectVersions f");
	says(r, "conflicts.count", "1");
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
		   MOUNT_VERSIONS_NAME, &caps);
	assert_true(rig_count(r, "PutObject"));
	rig_forget_requests(r);
	/* Remembered; nothing is asked of who only reads. */
	memset(&caps, 0, sizeof(caps));
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, &caps);
	assert_true(caps.if_match);
	caps_learn(r->f.meta, NULL, VFS_FIXTURE_PREFIX, MOUNT_VERSIONS_NAME,
		   &caps);
	rig_asked(r, "");
}

/* What is not allowed is taken as what the server cannot do. */
static void test_caps_denied(void **state)
{
	struct rig *r = *state;
	struct caps caps = CAPS_ALL;

	rig_fail(r, "PutObject", RIG_BEFORE, -EACCES, 100);
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, &caps);
	assert_false(caps.if_match || caps.if_none_match || caps.remove);
	rig_forget_requests(r);
	caps_learn(r->f.meta, r->f.store, VFS_FIXTURE_PREFIX,
		   MOUNT_VERSIONS_NAME, &caps);
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
		cmocka_unit_test(test_killed),
		RIG_TEST(test_noted),
		RIG_TEST(test_moved_before_note),
		RIG_TEST(test_kill_costs_nothing),
		RIG_TEST(test_same_bytes),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_between_tries),
		RIG_TEST(test_between_many),
		RIG_TEST(test_between_conditions),
		RIG_TEST_UNVERSIONED(test_unversioned),
		RIG_TEST(test_bound),
		RIG_TEST_UNVERSIONED(test_nulls),
		RIG_TEST(test_late),
		RIG_TEST(test_late_parts),
		RIG_TEST(test_caps),
		RIG_TEST(test_caps_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
