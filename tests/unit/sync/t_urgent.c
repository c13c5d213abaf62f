/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody comes to wait for while it is being sent; and small files, of
 * which some are, beside large ones.
 */
#include "syncer_rig.h"

#include <stdatomic.h>

#include "../../../src/sync/syncer_impl.h"
#include "vers3/store/limit.h"
#include "vers3/util/urgency.h"

#define MIB	(UINT64_C(1) << 20)
#define WAIT_MS 20000
#define FOREVER 1000000
#define MANY	400 /* more than are passed over in one look */

/* Parts that were not wanted when they came, and those that never were. */
static atomic_uint came, never;

/* A part is on its way until it is wanted. */
static void stay_until_wanted(struct rig *r)
{
	int left = WAIT_MS;

	(void)r;
	atomic_fetch_add(&came, 1);
	while (urgency_current() != URGENCY_WANTED && left--)
		usleep(1000);
	if (urgency_current() != URGENCY_WANTED)
		atomic_fetch_add(&never, 1);
}

struct fsync_call {
	struct rig *r;
	struct vfs_file *file;
	pthread_t thread;
	int rc;
};

static void *fsync_thread(void *arg)
{
	struct fsync_call *c = arg;

	c->rc = vfs_fsync(c->r->f.v, c->file);
	return NULL;
}

static void wait_came(unsigned count)
{
	for (int i = 0; atomic_load(&came) < count && i < WAIT_MS; i++)
		usleep(1000);
	assert_true(atomic_load(&came) >= count);
}

enum moment {
	STREAMED, /* parts go while the file is written */
	STREAM_TAKEN, /* a save that nobody waits for waits for these */
	SAVED, /* a save that nobody waits for sends the parts */
};

/* Once somebody waits for a file, all that goes for it is wanted. */
static void wanted_later(struct rig *r, enum moment when, uint64_t *seed)
{
	uint64_t size = (40 + rig_random(seed) % 24) * MIB;
	unsigned char *data = rig_bytes(*seed, size);
	struct fsync_call c = {.r = r};
	pthread_t saving;

	atomic_store(&came, 0);
	atomic_store(&never, 0);
	rig_put(r, "f", "", 0);
	if (when == SAVED)
		rig_put(r, "f", data, size);
	rig_forget(r);
	rig_hook(r, "UploadPart f", stay_until_wanted, FOREVER);
	c.file = rig_open(r, "f", when == SAVED ? O_RDWR : O_RDWR | O_TRUNC);
	/* Of a file with a base no part goes before its save. */
	for (uint64_t at = 0; at < size; at += MIB)
		rig_pwrite(r, c.file, at, data + at, MIB);
	if (when != STREAMED)
		assert_int_equal(
			pthread_create(&saving, NULL, rig_sync_thread, r), 0);
	wait_came(1 + (unsigned)(rig_random(seed) % 3));
	assert_int_equal(pthread_create(&c.thread, NULL, fsync_thread, &c), 0);
	pthread_join(c.thread, NULL);
	if (when != STREAMED)
		pthread_join(saving, NULL);
	assert_int_equal(c.rc, 0);
	assert_int_equal(atomic_load(&never), 0);
	assert_true(atomic_load(&came) >= size / (10 * MIB));
	rig_hook(r, "", NULL, 0);
	rig_holds_bytes(r, "f", data, size);
	vfs_release(r->f.v, c.file);
	rig_sync(r);
	free(data);
}

static void test_wanted_later(void **state)
{
	struct rig *r = *state;
	uint64_t seed = 7;

	for (int i = 0; i < 2; i++)
		for (enum moment when = STREAMED; when <= SAVED; when++)
			wanted_later(r, when, &seed);
}

static void wait_count(struct rig *r, const char *match, unsigned count)
{
	for (int i = 0; rig_count(r, match) < count && i < WAIT_MS; i++)
		usleep(1000);
	assert_int_equal(rig_count(r, match), count);
}

/* A hole, so that it costs nothing here. */
static void make_large(struct rig *r, const char *name)
{
	struct stat st = {.st_size = 20 * MIB}, now;

	rig_write(r, name, "");
	assert_int_equal(vfs_setattr(r->f.v, rig_ino(r, name), &st,
				     VFS_SET_SIZE, &now),
			 0);
}

/*
 * Large files that take their time leave room for small ones, and for a large
 * one that somebody waits for.
 */
static void test_beside_large(void **state)
{
	const unsigned half = LIMIT_START / 2;
	struct rig *r = *state;
	struct fsync_call c = {.r = r};
	char name[16];

	r->f.config.commit_ns = NS_PER_MS;
	rig_restart(r);
	rig_gate(r, "CreateMultipartUpload", RIG_BEFORE);
	for (unsigned i = 0; i < 2 * LIMIT_START; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		make_large(r, name);
	}
	wait_count(r, "CreateMultipartUpload", half);
	rig_write(r, "small", "one");
	wait_count(r, "PutObject small", 1);
	c.file = rig_open(r, "small", O_RDWR);
	rig_pwrite(r, c.file, 0, "two", 3);
	assert_int_equal(vfs_fsync(r->f.v, c.file), 0);
	vfs_release(r->f.v, c.file);
	rig_holds(r, "small", "two");
	/* Those that are not under way stand behind. */
	snprintf(name, sizeof(name), "l%u", 2 * LIMIT_START - 1);
	c.file = rig_open(r, name, O_RDWR);
	assert_int_equal(pthread_create(&c.thread, NULL, fsync_thread, &c), 0);
	wait_count(r, "CreateMultipartUpload", half + 1);
	assert_int_equal(rig_count(r, "CreateMultipartUpload l39"), 1);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(c.thread, NULL);
	assert_int_equal(c.rc, 0);
	vfs_release(r->f.v, c.file);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CreateMultipartUpload l"),
			 2 * LIMIT_START);
}

/* While no job can start, what is changed does not wake the scheduler. */
static void test_full(void **state)
{
	struct rig *r = *state;
	struct syncer *s;
	bool asleep = false;
	char name[16];

	r->f.config.commit_ns = NS_PER_MS;
	rig_restart(r);
	s = r->f.v->syncer;
	rig_gate(r, "PutObject", RIG_BEFORE);
	for (unsigned i = 0; i < 2 * LIMIT_START; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		rig_write(r, name, "one");
	}
	wait_count(r, "PutObject", LIMIT_START);
	for (int i = 0; !asleep && i < WAIT_MS; i++) {
		usleep(1000);
		pthread_mutex_lock(&s->mutex);
		asleep = s->asleep && !s->kicked && s->next_due_ns;
		pthread_mutex_unlock(&s->mutex);
	}
	assert_true(asleep);
	rig_gate(r, NULL, RIG_BEFORE);
	rig_sync(r);
	assert_int_equal(rig_count(r, "PutObject"), 2 * LIMIT_START);
}

/* However many large ones were there before. */
static void test_behind_large(void **state)
{
	struct rig *r = *state;
	char name[16];

	r->f.config.commit_ns = NS_PER_MS;
	rig_restart(r);
	rig_gate(r, "CreateMultipartUpload", RIG_BEFORE);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		make_large(r, name);
	}
	wait_count(r, "CreateMultipartUpload", LIMIT_START / 2);
	rig_write(r, "small", "one");
	wait_count(r, "PutObject small", 1);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		rig_unlink(r, name);
	}
	rig_gate(r, NULL, RIG_BEFORE);
	rig_sync(r);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_wanted_later),
		TEST(test_beside_large),
		TEST(test_behind_large),
		TEST(test_full),
		TEST_UNVERSIONED(test_beside_large),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
