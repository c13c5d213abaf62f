/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of the block cache: the one thread that changes the classes. It
 * owns the order of things: damage is repaired and the limit obeyed before
 * and after whatever is written.
 */
#include "writer.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/cache/space.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#include "evict.h"
#include "verified.h"

#define QUEUE_BYTES	(32 * BLOCK_SIZE)
#define JOB_BYTES	512 /* a job's own weight in the queue */
#define BATCH_NEED	(9 * BLOCK_SIZE) /* eight whole blocks and theirs */
#define BATCH_JOBS	1024
#define TREE_PAGES	4 /* a block's share of tree pages, an ample guess */
#define TXN_PAGES	64 /* what a transaction takes beside */
#define PAGE_BYTES	4096
#define MIN_MAP		(UINT64_C(64) << 30)
#define MIN_GENERATION	BLOCK_SIZE
#define RETRY_NS	(100 * NS_PER_MS) /* while over the limit */
#define LOG_INTERVAL_NS (60 * NS_PER_S)

/* Free room in LMDB's file is found by address: let the map never be it. */
uint64_t writer_map_bytes(uint64_t limit_bytes)
{
	if (limit_bytes > UINT64_MAX / 8)
		limit_bytes = UINT64_MAX / 8;
	if (limit_bytes < MIN_MAP / 4)
		return MIN_MAP;
	if (limit_bytes > UINT64_C(4) << 40)
		return UINT64_C(16) << 40; /* the address space has an end */
	return (limit_bytes + PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES * 4;
}

uint8_t blocks_generation(struct blocks *b)
{
	uint64_t span =
		atomic_load_explicit(&b->limit_bytes, memory_order_relaxed) /
		32;
	uint64_t put =
		atomic_load_explicit(&b->put_bytes, memory_order_relaxed);

	return (uint8_t)(put / (span > MIN_GENERATION ? span : MIN_GENERATION));
}

/* Queueing, from any thread. */

void writer_call(struct blocks *b)
{
	pthread_mutex_lock(&b->lock);
	b->attention = true;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
}

static void enqueue(struct blocks *b, struct writer_job *job)
{
	STAILQ_INSERT_TAIL(&b->queue, job, entry);
	b->queued_bytes += job->size + JOB_BYTES;
	pthread_cond_signal(&b->work);
}

void writer_queue(struct blocks *b, struct writer_job *job)
{
	pthread_mutex_lock(&b->lock);
	while (b->queued_bytes >= QUEUE_BYTES)
		clock_cond_wait(&b->progress, &b->lock);
	enqueue(b, job);
	pthread_mutex_unlock(&b->lock);
}

int writer_run(struct blocks *b, struct writer_job *job)
{
	pthread_mutex_lock(&b->lock);
	enqueue(b, job);
	while (!job->finished)
		clock_cond_wait(&b->progress, &b->lock);
	pthread_mutex_unlock(&b->lock);
	return job->result;
}

/* The thread. */

static void log_failure(struct blocks *b, const char *what, int r)
{
	int64_t now = clock_mono_ns();

	if (b->logged_ns && now - b->logged_ns < LOG_INTERVAL_NS)
		return;
	b->logged_ns = now;
	log_warning("block cache: %s: %s", what, strerror(-r));
}

/* What a failed write means for its class. */
static void note_failure(struct blocks *b, unsigned class, int r)
{
	if (r == -EUCLEAN) {
		log_warning("block cache: a damaged size class is wiped");
		atomic_fetch_add(&b->wiped, 1);
		size_class_wipe(b->classes[class]);
	} else if (r) {
		log_failure(b, "blocks are not kept", r);
	}
}

/*
 * What may be used now, with `need` more: that is granted by the disk's space,
 * as it is to those who write, or it is what older blocks give up.
 */
static uint64_t limit_now(struct blocks *b, uint64_t need)
{
	uint64_t limit = atomic_load(&b->limit_bytes), used, most;

	if (!b->space)
		return limit;
	used = evict_used_bytes(b->classes);
	most = space_cache_least(b->space);
	if (used + need > most)
		most = used + (space_check(b->space, need) ? 0 : need);
	return most < limit ? most : limit;
}

static bool fit(struct blocks *b, uint64_t limit, uint64_t need)
{
	struct evict_counts counts = {0};
	bool room = evict_make_room(b->classes, limit, need, &counts);

	atomic_fetch_add(&b->evicted, counts.evicted);
	atomic_fetch_add(&b->wiped, counts.wiped);
	return room;
}

static bool make_room(struct blocks *b, uint64_t need)
{
	return fit(b, limit_now(b, need), need);
}

/* All of it can be fetched again: unsent changes, which cannot, go first. */
static void give_room(struct blocks *b, uint64_t bytes)
{
	uint64_t used = evict_used_bytes(b->classes);
	uint64_t lacks = b->space ? space_lacks(b->space, bytes) : 0;

	if (lacks && lacks <= used)
		fit(b, used - lacks, 0);
}

static void set_used(struct blocks *b)
{
	uint64_t limit = atomic_load(&b->limit_bytes), least, most;
	uint64_t used = evict_used_bytes(b->classes);

	atomic_store(&b->used_bytes, used);
	if (b->space) {
		least = space_cache_least(b->space);
		most = used + space_left(b->space);
		most = most > least ? most : least;
		limit = most < limit ? most : limit;
	}
	b->fits_bytes = limit;
}

void writer_obey_limit(struct blocks *b)
{
	b->over_limit = !make_room(b, 0);
	set_used(b);
}

/* Stamps what was hit since the last time, oldest hit first. */
static int stamp_class(struct blocks *b, unsigned class, unsigned count)
{
	struct size_class *s = b->classes[class];
	unsigned i;
	int r = size_class_begin(s);

	if (r)
		return r;
	for (i = 0; i < count; i++) {
		unsigned at = SIZE_CLASS_COUNT;
		uint8_t gen;

		if (!verified_find(b->verified, &b->stamping[i], &at, &gen) ||
		    at != class)
			continue;
		r = size_class_touch(s, &b->stamping[i], b->next_stamp + i);
		if (r && r != -ENOENT) {
			size_class_abort(s);
			return r;
		}
	}
	return size_class_commit(s);
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
	for (class = 0; class < SIZE_CLASS_COUNT; class ++) {
		if (!size_class_count(b->classes[class]))
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
	uint64_t map = writer_map_bytes(atomic_load(&b->limit_bytes));
	unsigned i;

	for (i = 0; i < SIZE_CLASS_COUNT; i++) {
		size_class_set_map(b->classes[i], map);
		if (size_class_damaged(b->classes[i]))
			note_failure(b, i, -EUCLEAN);
	}
	stamp_touched(b);
	writer_obey_limit(b);
}

static void put_done(struct writer_job *job)
{
	if (job->done)
		job->done(job->arg);
	job->done = NULL;
}

/* Zeros are kept as nothing. */
static size_t kept_bytes(const struct writer_job *job)
{
	return job->zeros ? 0 : job->size;
}

/* Writes a batch's blocks of one class. */
static int put_class(struct blocks *b, struct writer_jobs *batch,
		     unsigned class)
{
	struct size_class *s = b->classes[class];
	struct writer_job *job;
	int r = size_class_begin(s);

	if (r)
		return r;
	STAILQ_FOREACH(job, batch, entry) {
		if (size_class_of(kept_bytes(job)) != class)
			continue;
		r = size_class_put(s, b->sum, &job->key,
				   job->zeros ? NULL : job->data, job->size,
				   b->next_stamp++);
		if (r)
			break;
	}
	if (r) {
		size_class_abort(s);
		return r;
	}
	return size_class_commit(s);
}

/* What a job may take on disk, its transaction's share left out. */
static uint64_t job_need(struct blocks *b, const struct writer_job *job)
{
	if (job->kind != JOB_PUT)
		return 0;
	return size_class_block_bytes(
		       b->classes[size_class_of(kept_bytes(job))]) +
	       TREE_PAGES * PAGE_BYTES;
}

static void put_batch(struct blocks *b, struct writer_jobs *batch)
{
	unsigned counts[SIZE_CLASS_COUNT] = {0}, class;
	uint64_t need = 0;
	struct writer_job *job;
	int r;

	STAILQ_FOREACH(job, batch, entry) {
		class = size_class_of(kept_bytes(job));
		if (!counts[class]++)
			need += TXN_PAGES * PAGE_BYTES;
		need += job_need(b, job);
	}
	if (!make_room(b, need))
		return;
	for (class = 0; class < SIZE_CLASS_COUNT; class ++) {
		if (!counts[class])
			continue;
		r = put_class(b, batch, class);
		if (r)
			note_failure(b, class, r);
	}
	STAILQ_FOREACH(job, batch, entry) {
		atomic_fetch_add(&b->put_bytes, kept_bytes(job));
		verified_set(b->verified, &job->key,
			     size_class_of(kept_bytes(job)),
			     blocks_generation(b));
	}
}

static int drop(struct blocks *b, const struct writer_job *job)
{
	unsigned i;
	int r, ret = 0;

	for (i = 0; i < SIZE_CLASS_COUNT; i++) {
		if (job->kind == JOB_DROP_ALL) {
			size_class_wipe(b->classes[i]);
			continue;
		}
		r = size_class_drop(b->classes[i], job->key.id);
		if (r == -EUCLEAN) {
			/* Wiped, so dropped. */
			note_failure(b, i, r);
		} else if (r && !ret) {
			ret = r;
		}
		size_class_punch(b->classes[i]);
	}
	return ret;
}

/* Moves the puts at the head of the queue, or one other job. Locked. */
static void take_batch(struct blocks *b, struct writer_jobs *batch)
{
	uint64_t max = b->fits_bytes / 4, need = 0;
	struct writer_job *first = STAILQ_FIRST(&b->queue), *job;
	unsigned n = 0;

	if (max > BATCH_NEED)
		max = BATCH_NEED;
	STAILQ_INIT(batch);
	while (n < BATCH_JOBS && (job = STAILQ_FIRST(&b->queue))) {
		need += job_need(b, job);
		if (n && (job->kind != JOB_PUT || first->kind != JOB_PUT ||
			  need > max))
			break;
		n++;
		STAILQ_REMOVE_HEAD(&b->queue, entry);
		STAILQ_INSERT_TAIL(batch, job, entry);
	}
}

/* Ends a batch: its room in the queue is free, its waiter goes on. Locked. */
static void end_batch(struct blocks *b, struct writer_jobs *batch)
{
	struct writer_job *job;

	while ((job = STAILQ_FIRST(batch))) {
		STAILQ_REMOVE_HEAD(batch, entry);
		b->queued_bytes -= job->size + JOB_BYTES;
		if (job->kind == JOB_PUT)
			free(job);
		else
			job->finished = true;
	}
	pthread_cond_broadcast(&b->progress);
}

static void run_other(struct blocks *b, struct writer_job *job)
{
	switch (job->kind) {
	case JOB_WATCH:
		b->space = job->space;
		break;
	case JOB_ROOM:
		give_room(b, job->bytes);
		break;
	case JOB_DROP:
	case JOB_DROP_ALL:
		job->result = drop(b, job);
		break;
	default:
		break;
	}
}

static void run_batch(struct blocks *b, struct writer_jobs *batch)
{
	struct writer_job *job = STAILQ_FIRST(batch);

	repair(b);
	if (job && job->kind == JOB_PUT) {
		put_batch(b, batch);
		/* Not before its commit: till then no reader finds a block. */
		STAILQ_FOREACH(job, batch, entry)
			put_done(job);
	} else if (job) {
		run_other(b, job);
	}
	writer_obey_limit(b);
}

static void *writer_main(void *arg)
{
	struct blocks *b = arg;
	struct writer_jobs batch;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		int64_t until = clock_mono_ns() + RETRY_NS;
		int r = 0;

		while (STAILQ_EMPTY(&b->queue) && !b->attention &&
		       !b->stopping && !r) {
			if (b->over_limit)
				r = clock_cond_wait_until(&b->work, &b->lock,
							  until);
			else
				pthread_cond_wait(&b->work, &b->lock);
		}
		if (STAILQ_EMPTY(&b->queue) && b->stopping)
			break;
		b->attention = false;
		take_batch(b, &batch);
		pthread_mutex_unlock(&b->lock);
		run_batch(b, &batch);
		pthread_mutex_lock(&b->lock);
		end_batch(b, &batch);
	}
	pthread_mutex_unlock(&b->lock);
	repair(b);
	return NULL;
}

int writer_start(struct blocks *b)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&b->writer, NULL, writer_main, b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return r;
	pthread_setname_np(b->writer, "vers3-blocks");
	return 0;
}

void writer_stop(struct blocks *b)
{
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->writer, NULL);
}
