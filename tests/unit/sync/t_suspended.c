/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets whose versioning is suspended, where what was saved may not be there
 * although the server has said so (upload.c).
 */
#include "../vfs_rig.h"

#include "../../../src/sync/plan.h"
#include "vers3/meta/dirty.h"
#include "vers3/sync/conflict.h"

static int setup(void **state)
{
	struct rig *r;

	if (rig_setup_unversioned(state))
		return -1;
	r = *state;
	r->f.config.suspended = true;
	rig_restart(r);
	return 0;
}

#define SUSPENDED_TEST(fn)                                                     \
	cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

static void lose_f(struct rig *r)
{
	rig_remove(r, "f");
}

static void lose_g(struct rig *r)
{
	rig_remove(r, "g");
}

static void lose_moved(struct rig *r)
{
	rig_remove(r, "e/f");
}

static void lose_renamed(struct rig *r)
{
	rig_remove(r, "e/g");
}

static void no_conflict(struct rig *r)
{
	struct buf out;

	buf_init(&out, 65536);
	assert_int_equal(conflict_write(r->f.v->syncer, &out), 0);
	assert_null(strstr(out.data ? out.data : "", "theirs"));
	buf_release(&out);
}

/* A save that is not there is sent once more, also over what was there. */
static void test_put(void **state)
{
	struct rig *r = *state;

	rig_hook(r, "PutObject f", lose_f, 1);
	rig_write(r, "f", "one");
	rig_sync(r);
	rig_holds(r, "f", "one");
	rig_hook(r, "PutObject f", lose_f, 2);
	rig_write(r, "f", "two");
	rig_sync(r);
	rig_holds(r, "f", "two");
	no_conflict(r);
}

static void test_parts(void **state)
{
	struct rig *r = *state;
	size_t size = PLAN_SINGLE_MAX + 1;
	unsigned char *data = rig_bytes(1, size);

	rig_put_text(r, "f", "before");
	rig_hook(r, "CompleteMultipartUpload f", lose_f, 1);
	rig_write_bytes(r, "f", data, size);
	rig_sync(r);
	rig_holds_bytes(r, "f", data, size);
	no_conflict(r);
	free(data);
}

/*
 * A copy that is none is made of bytes from here, before its source goes; its
 * attributes come along, whether they were asked for before or not.
 */
static void test_copy(void **state)
{
	static const char *const copies[] = {"CopyObject e/f<d/f",
					     "CopyObject e/g<e/f"};
	struct rig *r = *state;

	rig_put_mode(r, "d/f", "text", "0100640");
	rig_lists(r, "d", "f");
	rig_hook(r, copies[0], lose_moved, 1);
	rig_rename(r, "d", "e");
	rig_sync(r);
	rig_holds(r, "e/f", "text");
	rig_holds(r, "d/f", NULL);
	rig_mode_is(r, "e/f", "0100640");
	rig_hook(r, copies[1], lose_renamed, 1);
	rig_rename(r, "e/f", "e/g");
	rig_sync(r);
	rig_holds(r, "e/g", "text");
	rig_holds(r, "e/f", NULL);
	rig_mode_is(r, "e/g", "0100640");
	no_conflict(r);
	rig_forget(r);
	rig_is(r, "e/g", "text");
}

static void test_large_copy(void **state)
{
	struct rig *r = *state;
	size_t size = PLAN_SINGLE_MAX + 1;
	unsigned char *data = rig_bytes(2, size);

	rig_put(r, "f", data, size);
	rig_lists(r, "", "f");
	rig_hook(r, "CopyObject g<f", lose_g, 1);
	rig_rename(r, "f", "g");
	rig_sync(r);
	rig_holds_bytes(r, "g", data, size);
	rig_holds(r, "f", NULL);
	free(data);
}

/* Nothing is copied without its metadata, since that might be no copy. */
static void test_unasked(void **state)
{
	struct rig *r = *state;

	rig_put_mode(r, "d/f", "text", "0100600");
	rig_lists(r, "d", "f");
	rig_fail(r, "HeadObject d/f", RIG_BEFORE, -EIO, 100);
	rig_rename(r, "d", "e");
	assert_int_not_equal(rig_try_sync(r, NULL), 0);
	assert_int_equal(rig_count(r, "CopyObject"), 0);
	rig_holds(r, "d/f", "text");
	rig_fail(r, "HeadObject d/f", RIG_BEFORE, 0, 0);
	rig_sync(r);
	rig_holds(r, "e/f", "text");
	rig_holds(r, "d/f", NULL);
	rig_mode_is(r, "e/f", "0100600");
}

/* What is asked before a copy tells of its tags, too. */
static void test_questions(void **state)
{
	struct rig *r = *state;

	rig_put_mode(r, "d/f", "text", "0100600");
	rig_lists(r, "d", "f");
	rig_forget_requests(r);
	rig_rename(r, "d", "e");
	rig_sync(r);
	rig_holds(r, "e/f", "text");
	assert_int_equal(rig_count(r, "GetObjectTagging"), 0);
	assert_int_equal(rig_count(r, "HeadObject d/f"), 1);
	assert_int_equal(rig_count(r, "HeadObject e/f"), 1);
}

static void others_save_f(struct rig *r)
{
	rig_put_text(r, "f", "of others");
}

/* In one piece, in parts, or as a copy; what they save next stays theirs. */
static void save(struct rig *r, const char *how)
{
	unsigned char *data;

	if (!strcmp(how, "PutObject f")) {
		rig_write(r, "f", "ours");
	} else if (!strcmp(how, "CopyObject f<e")) {
		rig_put_mode(r, "e", "ours", "0100640");
		rig_lists(r, "", "e");
		rig_rename(r, "e", "f");
	} else {
		data = rig_bytes(3, PLAN_SINGLE_MAX + 1);
		rig_write_bytes(r, "f", data, PLAN_SINGLE_MAX + 1);
		free(data);
	}
}

static const char *const ways[] = {"PutObject f", "CopyObject f<e",
				   "CompleteMultipartUpload f"};

/* Others save between ours and the look at it: theirs is the later one. */
static void test_others_after(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct rig *r = *state;

		save(r, ways[i]);
		rig_hook(r, ways[i], others_save_f, 1);
		rig_sync(r);
		rig_holds(r, "f", "of others");
		assert_int_equal(rig_count(r, ways[i]), 1);
		no_conflict(r);
		rig_remove(r, "f");
		rig_forget(r);
	}
}

static void put_before(struct rig *r)
{
	rig_put_text(r, "f", "before");
}

/* What was there before is no later save. */
static void test_before(void **state)
{
	struct rig *r = *state;

	put_before(r);
	rig_is(r, "f", "before");
	rig_hook(r, "PutObject f", put_before, 2);
	rig_write(r, "f", "ours");
	rig_sync(r);
	rig_holds(r, "f", "ours");
	no_conflict(r);
}

static void others_save_unseen(struct rig *r)
{
	rig_put_text(r, "f", "of others");
	rig_fail(r, "HeadObject f", RIG_BEFORE, -EIO, 1);
}

/* The same when no look is possible for a while. */
static void test_others_long_after(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct rig *r = *state;

		save(r, ways[i]);
		rig_hook(r, ways[i], others_save_unseen, 1);
		assert_int_not_equal(rig_try_sync(r, NULL), 0);
		rig_sync(r);
		rig_holds(r, "f", "of others");
		assert_int_equal(rig_count(r, ways[i]), 1);
		no_conflict(r);
		rig_remove(r, "f");
		rig_forget(r);
	}
}

/* What has come to a file since is sent all the same. */
static void test_changed_since(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "ours");
	rig_hook(r, "PutObject f", others_save_unseen, 1);
	assert_int_not_equal(rig_try_sync(r, NULL), 0);
	rig_write(r, "f", "anew");
	rig_sync(r);
	rig_holds(r, "f", "anew");
}

/* A server that carries nothing out, though it answers with 200. */
struct liar {
	struct store store; /* first */
	atomic_uint lies; /* so many more */
	atomic_bool lied; /* what is there is old */
};

static struct liar *liar; /* of the running test */

static int answer_ok(struct store *s, struct store_request *r)
{
	struct store_request head;
	int rc;

	store_request_init(&head, STORE_HEAD);
	head.key = r->key;
	rc = store_call(s->below, &head);
	store_reply_reset(&r->reply);
	r->reply.status = 200;
	r->reply.date_ns = clock_real_ns();
	r->reply.object.etag = head.reply.object.etag;
	head.reply.object.etag = NULL; /* moved */
	store_request_release(&head);
	return rc;
}

static int liar_call(struct store *s, struct store_request *r)
{
	int rc;

	if ((r->op == STORE_PUT || r->op == STORE_COPY) && liar->lies) {
		liar->lies--;
		liar->lied = true;
		return answer_ok(s, r);
	}
	if (r->op == STORE_PUT || r->op == STORE_COPY)
		liar->lied = false;
	rc = store_call(s->below, r);
	if (!rc && r->op == STORE_HEAD && liar->lied)
		r->reply.object.last_modified_ns -= 3600 * NS_PER_S;
	return rc;
}

static const struct store_ops liar_ops = {"liar", liar_call,
					  vfs_fixture_free_layer};

/* An object of the same bytes that was there before is no save of attributes.
 */
static void test_same_bytes(void **state)
{
	struct rig *r = *state;

	liar = calloc(1, sizeof(*liar));
	assert_non_null(liar);
	vfs_fixture_cover(&r->f, &liar->store, &liar_ops);
	rig_put_mode(r, "f", "text", "0100640");
	rig_is(r, "f", "text");
	liar->lies = 2; /* the copy, and the bytes after it */
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	assert_int_equal(liar->lies, 0);
	rig_holds(r, "f", "text");
	rig_mode_is(r, "f", "0100600");
	no_conflict(r);
}

/* As servers name what is there, once versioning is suspended. */
static void name_null(struct rig *r, const char *key)
{
	struct meta *m = r->f.v->mount->meta;
	uint64_t ino = rig_ino(r, key);
	struct meta_inode inode;
	struct meta_dirty dirty;

	assert_int_equal(meta_lock(m), 0);
	assert_int_equal(meta_inode_get(m, ino, &inode), 0);
	strcpy(inode.base.version_id, "null");
	assert_int_equal(meta_inode_put(m, &inode), 0);
	assert_int_equal(meta_dirty_get(m, key, &dirty), 0);
	strcpy(dirty.known.version_id, "null");
	assert_int_equal(meta_dirty_put(m, &dirty), 0);
	meta_unlock(m);
}

/* Others replace what a large file is based on while its parts are copied. */
static void test_no_mixture(void **state)
{
	const size_t size = 5 * PLAN_SINGLE_MAX;
	struct rig *r = *state;
	unsigned char *data = rig_bytes(1, size), *other = rig_bytes(2, size);
	struct vfs_file *file;
	pthread_t thread;
	void *rc;

	rig_put(r, "f", data, size);
	rig_forget(r);
	file = rig_open(r, "f", O_RDWR);
	rig_pwrite(r, file, 1, "x", 1);
	vfs_release(r->f.v, file);
	name_null(r, "f");
	rig_gate(r, "UploadPartCopy f 5", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	rig_put(r, "f", other, size);
	rig_gate(r, NULL, RIG_BEFORE);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_true((intptr_t)rc < 0);
	rig_holds_bytes(r, "f", other, size);
	free(data);
	free(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUSPENDED_TEST(test_put),
		SUSPENDED_TEST(test_parts),
		SUSPENDED_TEST(test_copy),
		SUSPENDED_TEST(test_large_copy),
		SUSPENDED_TEST(test_unasked),
		SUSPENDED_TEST(test_questions),
		SUSPENDED_TEST(test_others_after),
		SUSPENDED_TEST(test_before),
		SUSPENDED_TEST(test_others_long_after),
		SUSPENDED_TEST(test_changed_since),
		SUSPENDED_TEST(test_same_bytes),
		SUSPENDED_TEST(test_no_mixture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
