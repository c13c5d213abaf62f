/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of a mount waits for, and that what is left over is seen. */
#include "../vfs_rig.h"

#include <stdatomic.h>
#include <sys/syscall.h>

#include "../../../src/sync/stream.h"
#include "../../../src/sync/syncer_impl.h"
#include "vers3/meta/meta.h"

#define MIB   (UINT64_C(1) << 20)
#define ENDED 1 /* "sync.ended" of a mount that has ended in order */

static atomic_bool ended_early;

/* What becomes of a sync of what is staged. */
static atomic_int staged_sync;
enum {
	GOES_ON,
	WAITS,
	FAILS,
};

/* In the place of libc's. */
int fdatasync(int fd)
{
	char link[64], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (strstr(path, "/staging/")) {
		while (atomic_load(&staged_sync) == WAITS)
			usleep(1000);
		if (atomic_load(&staged_sync) == FAILS) {
			errno = EIO;
			return -1;
		}
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* Whoever looks at once may come before it. */
static void look_for_end(struct rig *r)
{
	uint64_t ended = 0;

	for (int i = 0; i < 30 && ended != ENDED; i++) {
		usleep(10000);
		if (meta_lock(r->f.meta))
			return;
		meta_sys_get_u64(r->f.meta, "sync.ended", &ended);
		meta_unlock(r->f.meta);
	}
	if (ended == ENDED)
		atomic_store(&ended_early, true);
}

static struct vfs_file *write_some(struct rig *r)
{
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_WRONLY);
	unsigned char *data = rig_bytes(1, 48 * MIB);

	rig_pwrite(r, file, 0, data, 48 * MIB);
	free(data);
	return file;
}

/* It is noted that nothing is under way when that is so. */
static void test_noted_last(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = write_some(r);
	struct streams *streams = r->f.v->syncer->upload->streams;

	while (!rig_count(r, "UploadPart f") || streams_check(streams))
		usleep(1000);
	assert_int_equal(rig_uploads(r), 1);
	atomic_store(&ended_early, false);
	rig_hook(r, "AbortMultipartUpload f", look_for_end, 1);
	rig_unlink(r, "f");
	vfs_release(r->f.v, file);
	vfs_fixture_stop(&r->f);
	vfs_fixture_start(&r->f);
	assert_int_equal(rig_count(r, "AbortMultipartUpload f"), 1);
	assert_false(atomic_load(&ended_early));
}

static void test_sees_requests(void **state)
{
	struct rig *r = *state;
	struct syncer *s = r->f.v->syncer;
	pthread_t thread;
	void *rc;

	assert_null(syncer_check(s));
	rig_gate(r, "PutObject a", RIG_BEFORE);
	rig_write(r, "a", "1");
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	assert_string_equal(syncer_check(s), "syncer: a request is in flight");
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, 0);
	vfs_fixture_stop(&r->f);
	vfs_fixture_start(&r->f);
}

static void test_sees_parts(void **state)
{
	struct rig *r = *state;
	struct streams *streams = r->f.v->syncer->upload->streams;
	struct vfs_file *file;

	rig_gate(r, "CreateMultipartUpload f", RIG_BEFORE);
	file = write_some(r);
	rig_wait_held(r);
	assert_string_equal(streams_check(streams),
			    "streams: a part is on its way");
	rig_gate(r, NULL, RIG_BEFORE);
	vfs_release(r->f.v, file);
}

/* What would be left over if its end had been forgotten. */
static void test_sees_what_stays(void **state)
{
	static const struct meta_version version = {.key = "a",
						    .version_id = "1"};
	struct rig *r = *state;
	struct vfs *v = r->f.v;
	struct syncer *s = v->syncer;
	struct pin going = {.path = "a", .version_id = "2", .etag = ""};
	uint64_t since;

	assert_null(syncer_check(s));
	assert_true(sync_busy_set(s, "a"));
	assert_string_equal(syncer_check(s),
			    "syncer: a key is being worked on");
	syncer_clear_busy(s, "a");
	pthread_mutex_lock(&s->mutex);
	s->deleting = 1;
	pthread_mutex_unlock(&s->mutex);
	assert_string_equal(syncer_check(s),
			    "syncer: a batch of deletes is in flight");
	pthread_mutex_lock(&s->mutex);
	s->deleting = 0;
	pthread_mutex_unlock(&s->mutex);
	assert_int_equal(streams_take(s->upload->streams, 99), 0);
	assert_string_equal(syncer_check(s),
			    "streams: a file was not given back");
	streams_give(s->upload->streams, 99);
	assert_null(syncer_check(s));

	since = journal_list_begin(v->journal);
	assert_string_equal(journal_check(v->journal),
			    "journal: a list is under way");
	journal_list_end(v->journal, since);
	assert_null(journal_check(v->journal));

	assert_int_equal(pins_hold(v->mount->pins, &version), 0);
	assert_string_equal(pins_check(v->mount->pins),
			    "pins: a version is held");
	pins_drop(v->mount->pins, &version);
	pins_begin(v->mount->pins, &going, 1);
	assert_string_equal(pins_check(v->mount->pins),
			    "pins: a version is going");
	pins_end(v->mount->pins);
	assert_null(pins_check(v->mount->pins));
}

/* Data that the disk has not taken: nor is it spoken of after the end. */
static void test_data_fails(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "one");
	rig_sync(r);
	assert_int_equal(meta_sync(r->f.meta), 0);
	atomic_store(&staged_sync, WAITS);
	rig_write(r, "f", "two");
	atomic_store(&staged_sync, FAILS);
	vfs_fixture_stop(&r->f);
	atomic_store(&staged_sync, GOES_ON);
	vfs_fixture_start(&r->f);
	rig_is(r, "f", "one");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_noted_last), RIG_TEST(test_sees_requests),
		RIG_TEST(test_sees_parts), RIG_TEST(test_sees_what_stays),
		RIG_TEST(test_data_fails),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
