/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block cache: who may do what, and when.
 *
 * Owns the shelves (one a size class, shelf.h), the table of blocks met in
 * this process (seen.h), the queue and the writer's thread, which alone
 * changes a shelf. Readers come from any thread and take no lock for longer
 * than it takes to pick up a read transaction.
 *
 * A block's way: blocks_put() queues it; the writer takes as many as fit in
 * a batch, makes room (evict.h), and writes them in one transaction a class.
 * Its age: each put and the first hit in a generation gives it the next
 * stamp. A generation is over when a 32nd of the limit was put, so "oldest
 * used" is exact to that much, and a hot block costs one small write a
 * generation. Hits only note the key; the writer stamps them in batches.
 * Should the notes overflow, later hits of the same block note it again.
 *
 * Damage: a reader that meets it gets a miss, and the writer wipes the shelf.
 *
 * Lock order: b->lock stands alone; nothing else is locked under it, and it
 * is not taken under a shelf's locks.
 */
#include "vers3/cache/blocks.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#include "cleanmark.h"
#include "evict.h"
#include "seen.h"
#include "shelf.h"
#include "sum.h"

#define QUEUE_BYTES	(32 * BLOCK_SIZE)
#define JOB_BYTES	512 /* a job's own weight in the queue */
#define BATCH_NEED	(9 * BLOCK_SIZE) /* eight whole blocks and theirs */
#define BATCH_JOBS	1024
#define TOUCH_MAX	4096 /* notes of hits */
#define TREE_PAGES	4 /* a block's share of tree pages, an ample guess */
#define TXN_PAGES	64 /* what a transaction takes beside */
#define PAGE_BYTES	4096
#define MIN_MAP		(UINT64_C(64) << 30)
#define MIN_GENERATION	BLOCK_SIZE
#define RETRY_NS	(100 * NS_PER_MS) /* while over the limit */
#define LOG_INTERVAL_NS (60 * NS_PER_S)

enum job_kind {
	JOB_PUT,
	JOB_DROP, /* one content */
	JOB_DROP_ALL,
	JOB_MARK, /* only tells that it was reached */
};

struct job {
	struct job *next;
	enum job_kind kind;
	struct blocks_key key;
	const void *data; /* borrowed until done() */
	size_t size;
	void (*done)(void *arg);
	void *arg;
	int result; /* of those that are waited for */
	bool finished; /* likewise; protected by lock */
};

struct blocks {
	int dir_fd;
	char *path; /* owned; DIR/blocks */
	struct shelf *shelves[SHELF_COUNT]; /* owned */
	struct seen *seen; /* owned */
	pthread_t writer;
	bool started;

	_Atomic uint64_t limit_bytes, used_bytes, put_bytes;
	_Atomic uint64_t hits, misses, evicted, wiped;

	pthread_mutex_t lock;
	pthread_cond_t work; /* for the writer */
	pthread_cond_t progress; /* for those who wait for it */
	/* protected by lock */
	struct job *first, **last;
	uint64_t queued_bytes;
	struct blocks_key touched[TOUCH_MAX];
	unsigned touched_count;
	bool attention; /* damage, a new limit, many touches */
	bool stopping;

	/* the writer's alone */
	struct sum *sum; /* owned */
	uint64_t next_stamp;
	bool over_limit; /* and could not help it */
	int64_t logged_ns; /* when a failure was last logged; 0 never */
	struct blocks_key stamping[TOUCH_MAX];
};

/* Free room in LMDB's file is found by address: let the map never be it. */
static uint64_t map_bytes(uint64_t limit_bytes)
{
	if (limit_bytes > UINT64_MAX / 8)
		limit_bytes = UINT64_MAX / 8;
	if (limit_bytes < MIN_MAP / 4)
		return MIN_MAP;
	if (limit_bytes > UINT64_C(4) << 40)
		return UINT64_C(16) << 40; /* the address space has an end */
	return (limit_bytes + PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES * 4;
}

static uint8_t generation(struct blocks *b)
{
	uint64_t span =
		atomic_load_explicit(&b->limit_bytes, memory_order_relaxed) /
		32;
	uint64_t put =
		atomic_load_explicit(&b->put_bytes, memory_order_relaxed);

	return (uint8_t)(put / (span > MIN_GENERATION ? span : MIN_GENERATION));
}

static void call_writer(struct blocks *b)
{
	pthread_mutex_lock(&b->lock);
	b->attention = true;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
}

/* Reading. */

/* Notes a hit; false when there is no room for the note. */
static bool note_touch(struct blocks *b, const struct blocks_key *key)
{
	bool room;

	pthread_mutex_lock(&b->lock);
	room = b->touched_count < TOUCH_MAX;
	if (room)
		b->touched[b->touched_count++] = *key;
	if (b->touched_count == TOUCH_MAX / 2) {
		b->attention = true;
		pthread_cond_signal(&b->work);
	}
	pthread_mutex_unlock(&b->lock);
	return room;
}

int blocks_get(struct blocks *b, const struct blocks_key *key,
	       struct blocks_hit *ret_hit)
{
	unsigned hint = SHELF_COUNT - 1, i, class;
	uint8_t now = generation(b), then = 0;
	bool known = seen_find(b->seen, key, &hint, &then);

	if (hint >= SHELF_COUNT)
		hint = SHELF_COUNT - 1;
	for (i = 0; i < SHELF_COUNT; i++) {
		/* The likely one first, then from the largest down. */
		class = (hint + SHELF_COUNT - i) % SHELF_COUNT;
		int r = shelf_get(b->shelves[class], key, known && !i, ret_hit);

		if (r == -EUCLEAN)
			call_writer(b);
		if (r)
			continue;
		if (!known || i || then != now)
			seen_set(b->seen, key, class,
				 note_touch(b, key) ? now : (uint8_t)(now - 1));
		atomic_fetch_add_explicit(&b->hits, 1, memory_order_relaxed);
		return 0;
	}
	atomic_fetch_add_explicit(&b->misses, 1, memory_order_relaxed);
	return -ENOENT;
}

void blocks_release(struct blocks *b, struct blocks_hit *hit)
{
	(void)b;
	if (hit->txn)
		shelf_release(hit);
	hit->txn = NULL;
	hit->data = NULL;
}

bool blocks_has(struct blocks *b, const struct blocks_key *key)
{
	unsigned i;

	for (i = SHELF_COUNT; i-- > 0;)
		if (shelf_has(b->shelves[i], key))
			return true;
	return false;
}

void blocks_read_stats(struct blocks *b, struct blocks_stats *ret)
{
	unsigned i;

	*ret = (struct blocks_stats){
		.used_bytes = atomic_load(&b->used_bytes),
		.limit_bytes = atomic_load(&b->limit_bytes),
		.hits = atomic_load(&b->hits),
		.misses = atomic_load(&b->misses),
		.evicted = atomic_load(&b->evicted),
		.wiped = atomic_load(&b->wiped),
	};
	for (i = 0; i < SHELF_COUNT; i++)
		ret->count += shelf_count(b->shelves[i]);
}

/* Queueing. */

static void enqueue(struct blocks *b, struct job *job)
{
	job->next = NULL;
	*b->last = job;
	b->last = &job->next;
	b->queued_bytes += job->size + JOB_BYTES;
	pthread_cond_signal(&b->work);
}

int blocks_put(struct blocks *b, const struct blocks_key *key, const void *data,
	       size_t size, void (*done)(void *arg), void *arg)
{
	struct job *job;

	if (size > BLOCK_SIZE)
		return -EINVAL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->kind = JOB_PUT;
	job->key = *key;
	job->data = data;
	job->size = size;
	job->done = done;
	job->arg = arg;
	pthread_mutex_lock(&b->lock);
	while (b->queued_bytes >= QUEUE_BYTES)
		pthread_cond_wait(&b->progress, &b->lock);
	enqueue(b, job);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

/* Queues a job that lies on the caller's stack and waits for its end. */
static int run_job(struct blocks *b, struct job *job)
{
	pthread_mutex_lock(&b->lock);
	enqueue(b, job);
	while (!job->finished)
		pthread_cond_wait(&b->progress, &b->lock);
	pthread_mutex_unlock(&b->lock);
	return job->result;
}

void blocks_flush(struct blocks *b)
{
	struct job job = {.kind = JOB_MARK};

	run_job(b, &job);
}

int blocks_drop(struct blocks *b, const unsigned char *id)
{
	struct job job = {.kind = id ? JOB_DROP : JOB_DROP_ALL};

	if (id)
		memcpy(job.key.id, id, sizeof(job.key.id));
	return run_job(b, &job);
}

void blocks_set_limit(struct blocks *b, uint64_t limit_bytes)
{
	atomic_store(&b->limit_bytes, limit_bytes);
	call_writer(b);
}

/* The writer. */

static void log_failure(struct blocks *b, const char *what, int r)
{
	int64_t now = clock_mono_ns();

	if (b->logged_ns && now - b->logged_ns < LOG_INTERVAL_NS)
		return;
	b->logged_ns = now;
	log_warning("block cache: %s: %s", what, strerror(-r));
}

/* What a failed write means for its shelf. */
static void note_failure(struct blocks *b, unsigned class, int r)
{
	if (r == -EUCLEAN) {
		log_warning("block cache: a damaged size class is wiped");
		atomic_fetch_add(&b->wiped, 1);
		shelf_wipe(b->shelves[class]);
	} else if (r) {
		log_failure(b, "blocks are not kept", r);
	}
}

static bool make_room(struct blocks *b, uint64_t need)
{
	struct evict_counts counts = {0};
	bool room = evict_make_room(b->shelves, atomic_load(&b->limit_bytes),
				    need, &counts);

	atomic_fetch_add(&b->evicted, counts.evicted);
	atomic_fetch_add(&b->wiped, counts.wiped);
	return room;
}

static void set_used(struct blocks *b)
{
	atomic_store(&b->used_bytes, evict_used_bytes(b->shelves));
}

static void obey_limit(struct blocks *b)
{
	b->over_limit = !make_room(b, 0);
	set_used(b);
}

/* Stamps what was hit since the last time, oldest hit first. */
static int stamp_class(struct blocks *b, unsigned class, unsigned count)
{
	struct shelf *s = b->shelves[class];
	unsigned i;
	int r = shelf_begin(s);

	if (r)
		return r;
	for (i = 0; i < count; i++) {
		unsigned at = SHELF_COUNT;
		uint8_t gen;

		if (!seen_find(b->seen, &b->stamping[i], &at, &gen) ||
		    at != class)
			continue;
		r = shelf_touch(s, &b->stamping[i], b->next_stamp + i);
		if (r && r != -ENOENT) {
			shelf_abort(s);
			return r;
		}
	}
	return shelf_commit(s);
}

static void stamp_touched(struct blocks *b)
{
	unsigned count, class;
	int r;

	pthread_mutex_lock(&b->lock);
	count = b->touched_count;
	memcpy(b->stamping, b->touched, count * sizeof(b->touched[0]));
	b->touched_count = 0;
	pthread_mutex_unlock(&b->lock);
	if (!count)
		return;
	for (class = 0; class < SHELF_COUNT; class ++) {
		if (!shelf_count(b->shelves[class]))
			continue;
		r = stamp_class(b, class, count);
		if (r)
			note_failure(b, class, r);
	}
	b->next_stamp += count;
}

/* What has to be right before anything is written. */
static void repair(struct blocks *b)
{
	uint64_t map = map_bytes(atomic_load(&b->limit_bytes));
	unsigned i;

	for (i = 0; i < SHELF_COUNT; i++) {
		shelf_set_map(b->shelves[i], map);
		if (shelf_damaged(b->shelves[i]))
			note_failure(b, i, -EUCLEAN);
	}
	stamp_touched(b);
	obey_limit(b);
}

static void put_done(struct job *job)
{
	if (job->done)
		job->done(job->arg);
	job->done = NULL;
}

/* Writes a batch's blocks of one class. */
static int put_class(struct blocks *b, struct job *batch, unsigned class)
{
	struct shelf *s = b->shelves[class];
	struct job *job;
	int r = shelf_begin(s);

	if (r)
		return r;
	for (job = batch; job && !r; job = job->next) {
		if (shelf_class(job->size) != class)
			continue;
		r = shelf_put(s, b->sum, &job->key, job->data, job->size,
			      b->next_stamp++);
		put_done(job);
	}
	if (r) {
		shelf_abort(s);
		return r;
	}
	return shelf_commit(s);
}

/* What a job may take on disk, its transaction's share left out. */
static uint64_t job_need(struct blocks *b, const struct job *job)
{
	if (job->kind != JOB_PUT)
		return 0;
	return shelf_block_bytes(b->shelves[shelf_class(job->size)]) +
	       TREE_PAGES * PAGE_BYTES;
}

static void put_batch(struct blocks *b, struct job *batch)
{
	unsigned counts[SHELF_COUNT] = {0}, class;
	uint64_t need = 0;
	struct job *job;
	int r;

	for (job = batch; job; job = job->next) {
		class = shelf_class(job->size);
		if (!counts[class]++)
			need += TXN_PAGES * PAGE_BYTES;
		need += job_need(b, job);
	}
	if (!make_room(b, need))
		return;
	for (class = 0; class < SHELF_COUNT; class ++) {
		if (!counts[class])
			continue;
		r = put_class(b, batch, class);
		if (r)
			note_failure(b, class, r);
	}
	for (job = batch; job; job = job->next) {
		atomic_fetch_add(&b->put_bytes, job->size);
		seen_set(b->seen, &job->key, shelf_class(job->size),
			 generation(b));
	}
}

static int drop(struct blocks *b, const struct job *job)
{
	unsigned i;
	int r, ret = 0;

	for (i = 0; i < SHELF_COUNT; i++) {
		if (job->kind == JOB_DROP_ALL) {
			shelf_wipe(b->shelves[i]);
			continue;
		}
		r = shelf_drop(b->shelves[i], job->key.id);
		if (r == -EUCLEAN) {
			/* Wiped, so dropped. */
			note_failure(b, i, r);
		} else if (r && !ret) {
			ret = r;
		}
		shelf_punch(b->shelves[i]);
	}
	return ret;
}

/* Takes the puts at the head of the queue, or one other job. Locked. */
static struct job *take_batch(struct blocks *b)
{
	uint64_t max = atomic_load(&b->limit_bytes) / 4, need = 0;
	struct job *batch = b->first, **end = &b->first;
	unsigned n = 0;

	if (max > BATCH_NEED)
		max = BATCH_NEED;
	while (*end && n < BATCH_JOBS) {
		struct job *job = *end;

		need += job_need(b, job);
		if (n && (job->kind != JOB_PUT || batch->kind != JOB_PUT ||
			  need > max))
			break;
		n++;
		end = &job->next;
	}
	b->first = *end;
	if (!b->first)
		b->last = &b->first;
	if (n)
		*end = NULL;
	return n ? batch : NULL;
}

/* Ends a batch: its room in the queue is free, its waiter goes on. Locked. */
static void end_batch(struct blocks *b, struct job *batch)
{
	while (batch) {
		struct job *next = batch->next;

		b->queued_bytes -= batch->size + JOB_BYTES;
		if (batch->kind == JOB_PUT)
			free(batch);
		else
			batch->finished = true;
		batch = next;
	}
	pthread_cond_broadcast(&b->progress);
}

static void run_batch(struct blocks *b, struct job *batch)
{
	struct job *job;

	repair(b);
	if (batch && batch->kind == JOB_PUT) {
		put_batch(b, batch);
		for (job = batch; job; job = job->next)
			put_done(job);
	} else if (batch && batch->kind != JOB_MARK) {
		batch->result = drop(b, batch);
	}
	obey_limit(b);
}

static void *writer_main(void *arg)
{
	struct blocks *b = arg;
	struct job *batch;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		int64_t until = clock_mono_ns() + RETRY_NS;
		int r = 0;

		while (!b->first && !b->attention && !b->stopping && !r) {
			if (b->over_limit)
				r = clock_cond_wait_until(&b->work, &b->lock,
							  until);
			else
				pthread_cond_wait(&b->work, &b->lock);
		}
		if (!b->first && b->stopping)
			break;
		b->attention = false;
		batch = take_batch(b);
		pthread_mutex_unlock(&b->lock);
		run_batch(b, batch);
		pthread_mutex_lock(&b->lock);
		end_batch(b, batch);
	}
	pthread_mutex_unlock(&b->lock);
	repair(b);
	return NULL;
}

/* Opening and closing. */

static int start_writer(struct blocks *b)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&b->writer, NULL, writer_main, b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return r;
	b->started = true;
	pthread_setname_np(b->writer, "vers3-blocks");
	return 0;
}

/* Sees to it that the directory holds nothing that is not to be trusted. */
static int claim_directory(struct blocks *b)
{
	struct stat st;
	unsigned i;
	int r = 0;

	if (mkdir(b->path, 0700) && errno != EEXIST)
		return -errno;
	b->dir_fd =
		open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (b->dir_fd < 0)
		return -errno;
	if (!cleanmark_trusted(b->dir_fd)) {
		if (!fstatat(b->dir_fd, "state", &st, AT_SYMLINK_NOFOLLOW)) {
			log_info("block cache: wiped, it was not closed before "
				 "the system stopped");
			b->wiped++;
		}
		for (i = 0; i < SHELF_COUNT && !r; i++)
			r = shelf_remove(b->path, i);
	}
	return r ? r : cleanmark_set(b->dir_fd, false);
}

static int open_shelves(struct blocks *b)
{
	uint64_t map = map_bytes(atomic_load(&b->limit_bytes)), stamp;
	unsigned i;

	for (i = 0; i < SHELF_COUNT; i++) {
		bool wiped = false;
		int r = shelf_new(b->path, i, map, &b->shelves[i], &wiped);

		if (r)
			return r;
		if (wiped)
			b->wiped++;
		if (!shelf_newest(b->shelves[i], &stamp) &&
		    stamp >= b->next_stamp)
			b->next_stamp = stamp + 1;
	}
	return 0;
}

static void blocks_free(struct blocks *b)
{
	unsigned i;

	for (i = 0; i < SHELF_COUNT; i++)
		shelf_free(b->shelves[i]);
	if (b->dir_fd >= 0)
		close(b->dir_fd);
	sum_free(b->sum);
	seen_free(b->seen);
	pthread_cond_destroy(&b->work);
	pthread_cond_destroy(&b->progress);
	pthread_mutex_destroy(&b->lock);
	free(b->path);
	free(b);
}

int blocks_open(const char *dir, uint64_t limit_bytes, char *reason,
		size_t size, struct blocks **ret_blocks)
{
	struct blocks *b = calloc(1, sizeof(*b));
	int r;

	if (!b) {
		snprintf(reason, size, "out of memory");
		return -ENOMEM;
	}
	b->dir_fd = -1;
	b->last = &b->first;
	b->next_stamp = 1;
	atomic_init(&b->limit_bytes, limit_bytes);
	pthread_mutex_init(&b->lock, NULL);
	clock_cond_init(&b->work);
	clock_cond_init(&b->progress);
	if (asprintf(&b->path, "%s/blocks", dir) < 0) {
		b->path = NULL;
		r = -ENOMEM;
		goto out;
	}
	r = seen_new(&b->seen);
	if (!r)
		r = sum_new(&b->sum);
	if (!r)
		r = claim_directory(b);
	if (!r)
		r = open_shelves(b);
	if (r)
		goto out;
	obey_limit(b);
	r = start_writer(b);
out:
	if (r) {
		snprintf(reason, size, "cannot open the block cache %s: %s",
			 b->path ? b->path : dir, strerror(-r));
		blocks_free(b);
		return r;
	}
	*ret_blocks = b;
	return 0;
}

void blocks_close(struct blocks *b)
{
	unsigned i;
	int r = 0;

	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->writer, NULL);
	for (i = 0; i < SHELF_COUNT && !r; i++)
		r = shelf_sync(b->shelves[i]);
	if (!r)
		r = cleanmark_set(b->dir_fd, true);
	if (r)
		log_warning("block cache: not marked clean: %s", strerror(-r));
	blocks_free(b);
}
