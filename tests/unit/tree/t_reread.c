/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a file of a bucket that keeps no versions, while what it is based on
 * is replaced there: by our own save, or by others.
 */
#include "../vfs_rig.h"

#include "vers3/read/reader.h"
#include "vers3/util/cancel.h"

#define MIB   (UINT64_C(1) << 20)
#define SIZE  (24 * MIB) /* by parts: what is the same is copied there */
#define CELL  (10 * MIB) /* two pieces of a changed part */
#define LATER (12 * MIB) /* nobody has read it */
#define READ  4096

/* A read in a thread of its own; whoever joins it looks at the rest. */
struct reading {
	struct rig *r;
	struct vfs_file *file;
	struct cancel *cancel; /* NULL: nobody gives it up */
	pthread_t thread;
	int error;
	size_t got;
	char buf[READ];
};

static void *read_thread(void *arg)
{
	struct reading *t = arg;
	struct read_result r;

	read_result_begin(&r, t->buf, sizeof(t->buf));
	cancel_enter(t->cancel);
	vfs_read(t->r->f.v, t->file, LATER, READ, read_result_done, &r);
	t->error = read_result_end(&r, &t->got);
	return NULL;
}

static void read_begin_for(struct rig *r, struct vfs_file *file,
			   struct reading *t, struct cancel *cancel)
{
	memset(t, 0, sizeof(*t));
	t->cancel = cancel;
	t->r = r;
	t->file = file;
	assert_int_equal(pthread_create(&t->thread, NULL, read_thread, t), 0);
}

static void read_begin(struct rig *r, struct vfs_file *file, struct reading *t)
{
	read_begin_for(r, file, t, NULL);
}

static void read_is(struct reading *t, const unsigned char *bytes)
{
	pthread_join(t->thread, NULL);
	assert_int_equal(t->error, 0);
	assert_int_equal(t->got, READ);
	assert_memory_equal(t->buf, bytes + LATER, READ);
}

struct saving {
	struct rig *r;
	pthread_t thread;
	int rc;
};

static void *save_thread(void *arg)
{
	struct saving *s = arg;

	s->rc = syncer_sync_all(s->r->f.v->syncer, "", &(uint64_t){0});
	return NULL;
}

static void save_begin(struct rig *r, struct saving *s)
{
	s->r = r;
	assert_int_equal(pthread_create(&s->thread, NULL, save_thread, s), 0);
}

static uint64_t failed_gets(struct rig *r)
{
	struct reader_stats st;

	reader_read_stats(r->f.v->reader, &st);
	return st.failed_gets;
}

static void wait_failed(struct rig *r, uint64_t count)
{
	while (failed_gets(r) < count)
		usleep(200);
}

static int setup(void **state)
{
	struct rig *r;
	int rc = rig_setup_unversioned(state);

	r = *state;
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	return rc;
}

/* Changes the first cell, so that the save has to read nothing. */
static void change_begin(struct rig *r, struct vfs_file *file,
			 unsigned char *bytes)
{
	unsigned char *data = rig_bytes(2, CELL);

	memcpy(bytes, data, CELL);
	rig_pwrite(r, file, 0, data, CELL);
	free(data);
}

/* A save whose object is there, and its answer on the way; the open file. */
static struct vfs_file *save_unanswered(struct rig *r, unsigned char *bytes,
					struct saving *s)
{
	struct vfs_file *file;

	rig_put(r, "f", bytes, SIZE);
	file = rig_open(r, "f", O_RDWR);
	change_begin(r, file, bytes);
	rig_gate(r, "CompleteMultipartUpload f", RIG_AFTER);
	save_begin(r, s);
	rig_wait_held(r);
	return file;
}

static void save_answered(struct rig *r, struct saving *s)
{
	rig_gate(r, NULL, RIG_AFTER);
	pthread_join(s->thread, NULL);
	assert_int_equal(s->rc, 0);
}

/* Who reads then has what was saved. */
static void test_answer_on_its_way(void **state)
{
	unsigned char *bytes = rig_bytes(1, SIZE);
	struct rig *r = *state;
	struct vfs_file *file;
	struct reading t;
	struct saving s;

	file = save_unanswered(r, bytes, &s);
	read_begin(r, file, &t);
	wait_failed(r, 1);
	save_answered(r, &s);
	read_is(&t, bytes);
	vfs_release(r->f.v, file);
	free(bytes);
}

/* In a hook of the save: the read that was held goes on, and anew. */
static void let_read(struct rig *r)
{
	rig_gate(r, NULL, RIG_BEFORE);
	wait_failed(r, 2);
}

/* The read was under way while nothing had been changed yet. */
static void test_read_under_way(void **state)
{
	unsigned char *bytes = rig_bytes(1, SIZE);
	struct rig *r = *state;
	struct vfs_file *file;
	struct reading t;

	rig_put(r, "f", bytes, SIZE);
	file = rig_open(r, "f", O_RDWR);
	rig_gate(r, "GetObject f", RIG_BEFORE);
	read_begin(r, file, &t);
	rig_wait_held(r);
	change_begin(r, file, bytes);
	rig_hook(r, "CompleteMultipartUpload f", let_read, 1);
	rig_sync(r);
	read_is(&t, bytes);
	rig_holds_bytes(r, "f", bytes, SIZE);
	vfs_release(r->f.v, file);
	free(bytes);
}

/* The other name is what was saved, and the first is copied from it. */
static void test_other_name(void **state)
{
	unsigned char *bytes = rig_bytes(1, SIZE);
	struct rig *r = *state;
	struct vfs_entry e;
	struct vfs_file *file;
	struct reading t;

	rig_put(r, "f", bytes, SIZE);
	assert_int_equal(vfs_link(r->f.v, vfs_fixture_find(&r->f, "f"),
				  META_ROOT_INO, "g", &e),
			 0);
	rig_sync(r);
	file = rig_open(r, "g", O_RDWR);
	rig_gate(r, "GetObject ", RIG_BEFORE);
	read_begin(r, file, &t);
	rig_wait_held(r);
	change_begin(r, file, bytes);
	rig_sync(r);
	rig_gate(r, NULL, RIG_BEFORE);
	read_is(&t, bytes);
	rig_holds_bytes(r, "f", bytes, SIZE);
	rig_holds_bytes(r, "g", bytes, SIZE);
	vfs_release(r->f.v, file);
	free(bytes);
}

/* What others have put there is no reason to wait. */
static void test_others(void **state)
{
	unsigned char *bytes = rig_bytes(1, SIZE);
	struct rig *r = *state;
	struct vfs_file *file;
	struct reading t;

	rig_put(r, "f", bytes, SIZE);
	file = rig_open(r, "f", O_RDWR);
	rig_put_text(r, "f", "theirs");
	read_begin(r, file, &t);
	pthread_join(t.thread, NULL);
	assert_int_equal(t.error, -EIO);
	/* Nor where our change of it is not sent yet. */
	change_begin(r, file, bytes);
	read_begin(r, file, &t);
	pthread_join(t.thread, NULL);
	assert_int_equal(t.error, -EIO);
	vfs_release(r->f.v, file);
	rig_unlink(r, "f");
	free(bytes);
}

/* Whoever asks gives up: the wait for an answer ends. */
static void test_given_up(void **state)
{
	unsigned char *bytes = rig_bytes(1, SIZE);
	struct rig *r = *state;
	struct vfs_file *file;
	struct cancel cancel;
	struct reading t;
	struct saving s;

	cancel_init(&cancel, NULL);
	file = save_unanswered(r, bytes, &s);
	read_begin_for(r, file, &t, &cancel);
	wait_failed(r, 1);
	cancel_set(&cancel);
	pthread_join(t.thread, NULL);
	assert_int_equal(t.error, -EINTR);
	save_answered(r, &s);
	vfs_release(r->f.v, file);
	free(bytes);
}

static void lose_answers(struct rig *r)
{
	r->tells_unsure = true;
	rig_fail(r, "", RIG_AFTER, -ETIMEDOUT, 3);
}

/*
 * The answer to our save is lost, and the file goes on: what it needs of the
 * old object is in the new one.
 */
static void test_answer_lost(void **state)
{
	unsigned char *bytes = rig_bytes(1, SIZE);
	struct rig *r = *state;
	struct vfs_file *file;
	int rc = -EIO;

	rig_put(r, "f", bytes, SIZE);
	file = rig_open(r, "f", O_RDWR);
	change_begin(r, file, bytes);
	rig_hook(r, "CompleteMultipartUpload f", lose_answers, 1);
	assert_int_not_equal(rig_try_sync(r, NULL), 0);
	rig_holds_bytes(r, "f", bytes, SIZE);
	bytes[LATER] ^= 1;
	rig_pwrite(r, file, LATER, bytes + LATER, 1);
	/* What was lost at last is a failure of its own. */
	for (int i = 0; rc && i < 5; i++)
		rc = rig_try_sync(r, NULL);
	assert_int_equal(rc, 0);
	rig_holds_bytes(r, "f", bytes, SIZE);
	vfs_release(r->f.v, file);
	rig_forget(r);
	file = rig_open(r, "f", O_RDONLY);
	for (uint64_t at = 0; at < SIZE; at += MIB) {
		unsigned char *piece = malloc(MIB);

		assert_non_null(piece);
		rig_pread(r, file, at, piece, MIB);
		assert_memory_equal(piece, bytes + at, MIB);
		free(piece);
	}
	vfs_release(r->f.v, file);
	free(bytes);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answer_on_its_way), TEST(test_read_under_way),
		TEST(test_other_name),	      TEST(test_others),
		TEST(test_given_up),	      TEST(test_answer_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
