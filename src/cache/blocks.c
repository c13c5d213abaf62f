/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block cache: who may do what, and when.
 *
 * Owns the size classes (size_class.h), the table of blocks met in this
 * process (verified.h), the queue and the writer's thread, which alone
 * changes a class. Readers come from any thread and take no lock for longer
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
 * Damage: a reader that meets it gets a miss, and the writer wipes the class.
 *
 * The public calls are here; the thread is in writer.c.
 *
 * Lock order: b->lock stands alone; nothing else is locked under it, and it
 * is not taken under a class's locks.
 */
#include "vers3/cache/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/sum.h"

#include "cleanmark.h"
#include "verified.h"
#include "size_class.h"
#include "writer.h"

#define ZEROS_MIN 4096 /* from here on zeros are kept as nothing */

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
	unsigned hint = SIZE_CLASS_COUNT - 1, i, class;
	uint8_t now = blocks_generation(b), then = 0;
	bool known = verified_find(b->verified, key, &hint, &then);

	if (hint >= SIZE_CLASS_COUNT)
		hint = SIZE_CLASS_COUNT - 1;
	for (i = 0; i < SIZE_CLASS_COUNT; i++) {
		/* The likely one first, then from the largest down. */
		class = (hint + SIZE_CLASS_COUNT - i) % SIZE_CLASS_COUNT;
		int r = size_class_get(b->classes[class], key, known && !i,
				       ret_hit);

		if (r == -EUCLEAN)
			writer_call(b);
		if (r)
			continue;
		if (!known || i || then != now)
			verified_set(b->verified, key, class,
				     note_touch(b, key) ? now
							: (uint8_t)(now - 1));
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
		size_class_release(hit);
	hit->txn = NULL;
	hit->data = NULL;
}

bool blocks_has(struct blocks *b, const struct blocks_key *key)
{
	unsigned i;

	for (i = SIZE_CLASS_COUNT; i-- > 0;)
		if (size_class_has(b->classes[i], key))
			return true;
	return false;
}

uint64_t blocks_limit_bytes(struct blocks *b)
{
	return atomic_load(&b->limit_bytes);
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
	for (i = 0; i < SIZE_CLASS_COUNT; i++)
		ret->count += size_class_count(b->classes[i]);
}

/* Queueing. */

/*
 * Whether it is worth telling, and nothing but zeros; of most the first tells.
 */
static bool is_zeros(const char *data, size_t size)
{
	return size >= ZEROS_MIN && !data[0] && !data[size - 1] &&
	       !memcmp(data, data + 1, size - 1);
}

int blocks_put(struct blocks *b, const struct blocks_key *key, const void *data,
	       size_t size, void (*done)(void *arg), void *arg)
{
	struct writer_job *job;

	if (size > BLOCK_SIZE)
		return -EINVAL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->kind = JOB_PUT;
	job->key = *key;
	job->data = data;
	job->size = size;
	job->zeros = is_zeros(data, size);
	job->done = done;
	job->arg = arg;
	writer_queue(b, job);
	return 0;
}

void blocks_flush(struct blocks *b)
{
	struct writer_job job = {.kind = JOB_MARK};

	writer_run(b, &job);
}

int blocks_drop(struct blocks *b, const unsigned char *id)
{
	struct writer_job job = {.kind = id ? JOB_DROP : JOB_DROP_ALL};

	if (id)
		memcpy(job.key.id, id, sizeof(job.key.id));
	return writer_run(b, &job);
}

void blocks_set_limit(struct blocks *b, uint64_t limit_bytes)
{
	atomic_store(&b->limit_bytes, limit_bytes);
	writer_call(b);
}

void blocks_watch(struct blocks *b, struct space *space)
{
	struct writer_job job = {.kind = JOB_WATCH, .space = space};

	writer_run(b, &job);
}

void blocks_make_room(struct blocks *b, uint64_t bytes)
{
	struct writer_job job = {.kind = JOB_ROOM, .bytes = bytes};

	writer_run(b, &job);
}

/* Opening and closing. */

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
		for (i = 0; i < SIZE_CLASS_COUNT && !r; i++)
			r = size_class_remove(b->path, i);
	}
	return r ? r : cleanmark_set(b->dir_fd, false);
}

static int open_classes(struct blocks *b)
{
	uint64_t map = writer_map_bytes(atomic_load(&b->limit_bytes)), stamp;
	unsigned i;

	for (i = 0; i < SIZE_CLASS_COUNT; i++) {
		bool wiped = false;
		int r = size_class_new(b->path, i, map, &b->classes[i], &wiped);

		if (r)
			return r;
		if (wiped)
			b->wiped++;
		if (!size_class_newest(b->classes[i], &stamp) &&
		    stamp >= b->next_stamp)
			b->next_stamp = stamp + 1;
	}
	return 0;
}

static void blocks_free(struct blocks *b)
{
	unsigned i;

	for (i = 0; i < SIZE_CLASS_COUNT; i++)
		size_class_free(b->classes[i]);
	if (b->dir_fd >= 0)
		close(b->dir_fd);
	sum_free(b->sum);
	verified_free(b->verified);
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
	STAILQ_INIT(&b->queue);
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
	r = verified_new(&b->verified);
	if (!r)
		r = sum_new(&b->sum);
	if (!r)
		r = claim_directory(b);
	if (!r)
		r = open_classes(b);
	if (r)
		goto out;
	writer_obey_limit(b);
	r = writer_start(b);
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
	writer_stop(b);
	for (i = 0; i < SIZE_CLASS_COUNT && !r; i++)
		r = size_class_sync(b->classes[i]);
	if (!r)
		r = cleanmark_set(b->dir_fd, true);
	if (r)
		log_warning("block cache: not marked clean: %s", strerror(-r));
	blocks_free(b);
}
