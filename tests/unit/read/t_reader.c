/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>

#include "../../../src/read/stream.h"
#include "reader_rig.h"
#include "vers3/core/version.h"
#include "vers3/read/read_wait.h"
#include "vers3/store/limit.h"
#include "vers3/util/cancel.h"
#include "vers3/util/log.h"

static void test_equal_bytes(void **state)
{
	static const uint64_t sizes[] = {
		1,	     4095,	  BLOCK_SIZE,	   BLOCK_SIZE + 1,
		5 * MIB - 1, 8 * MIB + 7, 9 * MIB + 12345,
	};
	struct reader_stream stream = {0};
	struct meta_version v;
	struct rig rig;

	(void)state;
	srandom(1);
	rig_start(&rig, true, 256 * MIB);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *buf = malloc(sizes[i] + 1);

		assert_non_null(buf);
		rig_put(&rig, "file", sizes[i], i, NULL, &v);
		memset(&stream, 0, sizeof(stream));
		for (unsigned j = 0; j < 60; j++) {
			uint64_t at = (uint64_t)random() % (sizes[i] + 2);
			size_t size = (size_t)random() % (2 * MIB);

			assert_int_equal(rig_read(&rig, &v,
						  j & 1 ? &stream : NULL, i, at,
						  size),
					 0);
		}
		assert_int_equal(
			reader_read_sync(rig.reader, &v, 0, buf, sizes[i]), 0);
		assert_true(content_is(i, 0, buf, sizes[i]));
		assert_int_equal(reader_read_sync(rig.reader, &v, 0, buf,
						  sizes[i] + 1),
				 -EIO);
		free(buf);
	}
	/* What cannot be asked, and what has no bytes. */
	assert_int_equal(rig_read(&rig, &v, NULL, 0, 0, READER_READ_MAX + 1),
			 -EINVAL);
	memset(v.id, 0, sizeof(v.id));
	assert_int_equal(rig_read(&rig, &v, NULL, 0, 0, 1), -EIO);
	rig_put(&rig, "empty", 0, 0, NULL, &v);
	assert_int_equal(rig_read(&rig, &v, NULL, 0, 0, 4096), 0);
	rig_stop(&rig);
}

static void test_second_reader_needs_no_get(void **state)
{
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 3 * MIB + 5, 7, NULL, &v);
	assert_int_equal(rig_read(&rig, &v, NULL, 7, MIB, 100), 0);
	rig_wait_cached(&rig, &v, 4); /* small files come whole */
	assert_int_equal(rig_read(&rig, &v, NULL, 7, 0, 4 * MIB), 0);
	assert_int_equal(rig_gets(&rig), 1);
	rig_stop(&rig);
}

static void test_shared_get(void **state)
{
	enum {
		READERS = 24
	};
	struct got got[READERS];
	struct meta_version v;
	struct rig rig;
	uint64_t len;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 20 * MIB, 3, NULL, &v);
	rig_gate(&rig, true);
	for (unsigned i = 0; i < READERS; i++)
		got_start(&got[i], &rig, &v, NULL, 3,
			  9 * MIB + i * UINT64_C(4096), 65536);
	rig_gate(&rig, false);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(got_wait(&got[i], &len), 0);
	assert_int_equal(rig_gets(&rig), 1);
	rig_stop(&rig);
}

static void test_sequential(void **state)
{
	struct reader_stream stream = {0};
	struct reader_stats stats;
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 80 * MIB + 17, 1, NULL, &v);
	for (uint64_t at = 0; at < v.size_bytes; at += 128 * 1024)
		assert_int_equal(rig_read(&rig, &v, &stream, 1, at, 128 * 1024),
				 0);
	reader_read_stats(rig.reader, &stats);
	/*
	 * 1 and 7 MiB, then runs of 8. A block that the cache has copied and
	 * not yet committed may be asked for once more.
	 */
	assert_in_range(stats.gets, 10, 24);
	assert_in_range(stats.fetched_bytes, v.size_bytes,
			v.size_bytes + v.size_bytes / 4);
	assert_int_equal(stats.failed_gets, 0);
	assert_true(stats.buffer_peak_bytes <= 96 * MIB);
	rig_wait_cached(&rig, &v, 81);
	rig_stop(&rig);
}

static void read_apart(struct rig *rig, const struct meta_version *v,
		       unsigned reads)
{
	struct reader_stream stream = {0};
	uint64_t bytes = 0;

	rig_lie(rig, LIE_NONE, 0, 0); /* counting begins anew */
	for (unsigned i = 0; i < reads; i++) {
		uint64_t at = (uint64_t)(i * 37 % 64) * MIB + i * 4096;

		assert_int_equal(rig_read(rig, v, &stream, 1, at, 4096), 0);
		pthread_mutex_lock(&rig->liar->mutex);
		assert_true(rig->liar->bytes - bytes <= MIB * 3 / 2);
		bytes = rig->liar->bytes;
		pthread_mutex_unlock(&rig->liar->mutex);
	}
	assert_int_equal(rig_gets(rig), reads);
}

/* A few reads here and there bring what they ask for. */
static void test_random(void **state)
{
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 64 * MIB, 1, NULL, &v);
	read_apart(&rig, &v, STREAM_DENSE - 1);
	rig_stop(&rig);
	/* More of them where the cache cannot hold it. */
	rig_start(&rig, true, 96 * MIB);
	rig_put(&rig, "file", 64 * MIB, 1, NULL, &v);
	read_apart(&rig, &v, 64 * MIB / FETCH_RUN_BYTES - 1);
	rig_stop(&rig);
}

/* Who jumps about a file gets all of it soon, in few GETs and once. */
static void test_dense_random(void **state)
{
	struct reader_stream stream = {0};
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 64 * MIB, 1, NULL, &v);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(rig_read(&rig, &v, &stream, 1,
					  (uint64_t)(i * 37 % 64) * MIB + 9,
					  4096),
				 0);
	rig_wait_cached(&rig, &v, 64);
	pthread_mutex_lock(&rig.liar->mutex);
	assert_int_equal(rig.liar->bytes, 64 * MIB);
	pthread_mutex_unlock(&rig.liar->mutex);
	assert_in_range(rig_gets(&rig), 8, 24);
	rig_stop(&rig);
}

/* The first read of a file, at its start, is no proof of a long read. */
static void test_first_read_is_small(void **state)
{
	struct reader_stream stream = {0};
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 64 * MIB, 1, NULL, &v);
	assert_int_equal(rig_read(&rig, &v, &stream, 1, 0, 4096), 0);
	pthread_mutex_lock(&rig.liar->mutex);
	assert_int_equal(rig.liar->bytes, MIB);
	pthread_mutex_unlock(&rig.liar->mutex);
	rig_stop(&rig);
}

/* More wants, and is held, than there is room for. */
static void test_budget(void **state)
{
	enum {
		READS = 127
	};
	struct got *got = calloc(READS, sizeof(*got));
	struct reader_stream streams[3] = {{0}};
	struct reader_stats stats;
	struct meta_version v, w;
	struct rig rig;
	uint64_t len;

	(void)state;
	assert_non_null(got);
	rig_start(&rig, true, 64 * MIB);
	rig_put(&rig, "file", 128 * MIB, 1, NULL, &v);
	rig_put(&rig, "more", 60 * MIB, 2, NULL, &w);
	rig_gate(&rig, true);
	for (unsigned i = 0; i < READS; i++)
		got_start(&got[i], &rig, &v, NULL, 1,
			  (i * UINT64_C(41) % READS + 1) * MIB - 2048, 4096);
	rig_gate(&rig, false);
	for (unsigned i = 0; i < READS; i++)
		assert_int_equal(got_wait(&got[i], &len), 0);
	for (uint64_t at = 0; at < 60 * MIB; at += MIB / 2)
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(rig_read(&rig, i ? &w : &v,
						  &streams[i], i ? 2 : 1, at,
						  MIB / 2),
					 0);
	reader_read_stats(rig.reader, &stats);
	/* One run may go over it where all would wait for each other. */
	assert_true(stats.buffer_peak_bytes <= 104 * MIB);
	blocks_flush(rig.blocks);
	rig_stop(&rig);
	free(got);
}

/* A cache that keeps next to nothing: all is answered all the same. */
static void test_cache_too_small(void **state)
{
	struct reader_stream stream = {0};
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 1);
	rig_put(&rig, "file", 12 * MIB, 1, NULL, &v);
	for (uint64_t at = 0; at < v.size_bytes; at += MIB)
		assert_int_equal(rig_read(&rig, &v, &stream, 1, at, 3 * MIB),
				 0);
	rig_stop(&rig);
}

static void *free_reader(void *arg)
{
	struct rig *rig = arg;

	reader_free(rig->reader);
	return NULL;
}

static void test_free_answers(void **state)
{
	enum {
		READS = 12
	};
	struct got got[READS];
	struct meta_version v;
	struct rig rig;
	pthread_t thread;
	uint64_t len;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 96 * MIB, 1, NULL, &v);
	rig_gate(&rig, true);
	for (unsigned i = 0; i < READS; i++)
		got_start(&got[i], &rig, &v, NULL, 1, i * 8 * MIB, 4096);
	assert_int_equal(pthread_create(&thread, NULL, free_reader, &rig), 0);
	rig_gate(&rig, false);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < READS; i++)
		assert_int_equal(got_wait(&got[i], &len), 0);
	rig.reader = NULL;
	rig_stop(&rig);
}

struct crowd {
	struct rig *rig;
	const struct meta_version *version;
	unsigned seed;
};

static void *crowd_member(void *arg)
{
	struct crowd *c = arg;
	struct reader_stream stream = {0};
	unsigned x = c->seed;

	for (unsigned i = 0; i < 60; i++) {
		struct got g;
		uint64_t at;

		x = x * 1103515245 + 12345;
		at = x % c->version->size_bytes;
		got_start(&g, c->rig, c->version, &stream, 5, at,
			  x % (MIB * 2));
		if (!got_right(&g) || g.error)
			return c;
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	enum {
		THREADS = 6
	};
	struct crowd crowd[THREADS];
	pthread_t threads[THREADS];
	struct meta_version v;
	struct rig rig;
	void *failed;

	(void)state;
	rig_start(&rig, true, 16 * MIB);
	rig_put(&rig, "file", 24 * MIB + 99, 5, NULL, &v);
	for (unsigned i = 0; i < THREADS; i++) {
		crowd[i] = (struct crowd){&rig, &v, i * 7919};
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_member,
						&crowd[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	rig_stop(&rig);
}

static void test_content_id(void **state)
{
	struct meta_version a = {.key = "key",
				 .version_id = "v1",
				 .etag = "e1",
				 .size_bytes = 5,
				 .last_modified_ns = 7};
	struct meta_version b[6];

	(void)state;
	version_set_content_id(&a);
	for (unsigned i = 0; i < 6; i++)
		b[i] = a;
	version_set_content_id(&b[0]);
	assert_memory_equal(a.id, b[0].id, sizeof(a.id));
	snprintf(b[0].key, sizeof(b[0].key), "keyv");
	snprintf(b[0].version_id, sizeof(b[0].version_id), "1");
	snprintf(b[1].version_id, sizeof(b[1].version_id), "v2");
	snprintf(b[2].etag, sizeof(b[2].etag), "e2");
	b[3].size_bytes = 6;
	b[4].last_modified_ns = 8;
	snprintf(b[5].key, sizeof(b[5].key), "kez");
	for (unsigned i = 0; i < 6; i++) {
		version_set_content_id(&b[i]);
		assert_memory_not_equal(a.id, b[i].id, sizeof(a.id));
	}
}

static unsigned got_ended(struct got *g)
{
	unsigned ended;

	pthread_mutex_lock(&g->mutex);
	ended = g->ended;
	pthread_mutex_unlock(&g->mutex);
	return ended;
}

/* Within a time that is long for everybody. */
static bool got_ends(struct got *g)
{
	for (unsigned i = 0; i < 2000 && !got_ended(g); i++)
		usleep(10000);
	return got_ended(g) == 1;
}

/* What came with its attributes; but for what no version is named by. */
static void test_keep(void **state)
{
	static const char bytes[100] = "bytes";
	struct meta_version v, nameless;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", sizeof(bytes), 1, NULL, &v);
	nameless = v;
	nameless.version_id[0] = nameless.etag[0] = '\0';
	version_set_content_id(&nameless);
	assert_true(version_has_content_id(&nameless));
	reader_keep(rig.reader, &v, bytes, sizeof(bytes) - 1);
	assert_int_equal(rig_cached(&rig, &v), 0);
	reader_keep(rig.reader, &v, bytes, sizeof(bytes));
	reader_keep(rig.reader, &nameless, bytes, sizeof(bytes));
	assert_int_equal(rig_cached(&rig, &v), 1);
	assert_int_equal(rig_cached(&rig, &nameless), 0);
	rig_stop(&rig);
}

/*
 * A read that waits and is given up is answered at once, and once; who waits
 * for the same bytes has them, and what is fetched is kept.
 */
static void test_given_up(void **state)
{
	struct cancel first, second, *before;
	struct got given_up, stays, late;
	struct meta_version v;
	struct rig rig;
	uint64_t len;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 3 * MIB, 3, NULL, &v);
	cancel_init(&first, NULL);
	cancel_init(&second, NULL);
	rig_gate(&rig, true);
	before = cancel_enter(&first);
	got_start(&given_up, &rig, &v, NULL, 3, MIB, 65536);
	cancel_enter(&second);
	got_start(&stays, &rig, &v, NULL, 3, MIB, 65536);
	cancel_enter(before);

	/* Nobody has given up yet. */
	reader_give_up(rig.reader);
	assert_int_equal(got_ended(&given_up), 0);
	cancel_set(&first);
	reader_give_up(rig.reader);
	assert_true(got_ends(&given_up));
	assert_int_equal(got_ended(&stays), 0);
	/* One that comes too late is not parked at all. */
	cancel_enter(&first);
	got_start(&late, &rig, &v, NULL, 3, 2 * MIB, 65536);
	cancel_enter(before);
	assert_true(got_ends(&late));
	reader_give_up(rig.reader);

	rig_gate(&rig, false);
	assert_int_equal(got_wait(&stays, &len), 0);
	assert_int_equal(len, 65536);
	rig_wait_cached(&rig, &v, 3);
	assert_int_equal(got_wait(&given_up, &len), -EINTR);
	assert_int_equal(got_wait(&late, &len), -EINTR);
	assert_int_equal(rig_gets(&rig), 1);
	assert_int_equal(rig_read(&rig, &v, NULL, 3, 0, MIB), 0);
	assert_int_equal(rig_gets(&rig), 1);
	rig_stop(&rig);
}

static void wait_gets(struct rig *rig, unsigned count)
{
	for (unsigned i = 0; i < 2000 && rig_gets(rig) < count; i++)
		usleep(10000);
	/* Whatever else would come has the time to. */
	usleep(50000);
	assert_int_equal(rig_gets(rig), count);
}

/* Turns at the server are left for who waits. */
static void test_ahead_leaves_turns(void **state)
{
	enum {
		FILES = 30,
		TURNS = LIMIT_START - LIMIT_START / 8
	};
	struct meta_version v[FILES + 1];
	struct reader_stats st;
	struct rig rig;
	struct got got;
	char key[16];
	uint64_t len;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	for (unsigned i = 0; i <= FILES; i++) {
		sprintf(key, "f%u", i);
		rig_put(&rig, key, 1000 + i, i, NULL, &v[i]);
	}
	reader_free(rig.reader);
	assert_int_equal(limit_store_new(&rig.store, &rig.store), 0);
	assert_int_equal(reader_new(rig.store, rig.blocks, PREFIX, &rig.reader),
			 0);
	rig_gate(&rig, true);
	for (unsigned i = 0; i < FILES; i++)
		assert_true(reader_fetch_ahead(rig.reader, &v[i]));
	wait_gets(&rig, TURNS);
	got_start(&got, &rig, &v[FILES], NULL, FILES, 0, 1000);
	wait_gets(&rig, TURNS + 1);
	rig_gate(&rig, false);
	assert_int_equal(got_wait(&got, &len), 0);
	wait_gets(&rig, FILES + 1);
	for (unsigned i = 0; i < FILES; i++)
		rig_wait_cached(&rig, &v[i], 1);
	reader_read_stats(rig.reader, &st);
	assert_int_equal(st.ahead_files, FILES);
	rig_stop(&rig);
}

/* What has come stands in order; of a read that has failed nothing has. */
static void test_wait(void **state)
{
	static const struct {
		int error, count;
		const char *got;
	} rows[] = {
		{0, 3, "onetwo!"}, {0, 1, "one"}, {0, 0, ""},
		{-EIO, 0, ""},	   {-EIO, 1, ""},
	};
	char one[] = "one", two[] = "two", end[] = "!", buf[16];
	const struct iovec iov[] = {{one, 3}, {two, 3}, {end, 1}};
	struct read_wait w;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(buf, 0, sizeof(buf));
		read_wait_begin(&w, buf);
		read_wait_done(&w, rows[i].error, iov, rows[i].count);
		assert_int_equal(read_wait_end(&w, NULL, &size), rows[i].error);
		assert_int_equal(size, strlen(rows[i].got));
		assert_string_equal(buf, rows[i].got);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_bytes),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_second_reader_needs_no_get),
		cmocka_unit_test(test_shared_get),
		cmocka_unit_test(test_sequential),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_dense_random),
		cmocka_unit_test(test_first_read_is_small),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_cache_too_small),
		cmocka_unit_test(test_free_answers),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_content_id),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_ahead_leaves_turns),
	};

	/* The failures are meant. */
	log_open("/dev/null", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
