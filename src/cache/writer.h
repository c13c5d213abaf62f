/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What blocks.c (the public calls) and writer.c (the writer's thread) share;
 * the essay stands in blocks.c.
 */
#ifndef VERS3_SRC_CACHE_WRITER_H
#define VERS3_SRC_CACHE_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vers3/cache/blocks.h"

#include "size_class.h"

#define TOUCH_MAX 4096 /* notes of hits */

struct verified;
struct space;
struct sum;

enum job_kind {
	JOB_PUT,
	JOB_DROP, /* one content */
	JOB_DROP_ALL,
	JOB_WATCH, /* the disk's room, from now on */
	JOB_ROOM, /* gives some of it back */
	JOB_MARK, /* only tells that it was reached */
};

struct writer_job {
	STAILQ_ENTRY(writer_job) entry;
	enum job_kind kind;
	struct blocks_key key;
	struct space *space; /* borrowed: JOB_WATCH */
	uint64_t bytes; /* JOB_ROOM */
	const void *data; /* borrowed until done() */
	size_t size;
	bool zeros; /* it is nothing else */
	void (*done)(void *arg);
	void *arg;
	int result; /* of those that are waited for */
	bool finished; /* likewise; protected by lock */
};

STAILQ_HEAD(writer_jobs, writer_job);

struct blocks {
	int dir_fd;
	char *path; /* owned; DIR/blocks */
	struct size_class *classes[SIZE_CLASS_COUNT]; /* owned */
	struct verified *verified; /* owned */
	pthread_t writer;

	/* counters; used_bytes is set by the writer, wiped also at open */
	_Atomic uint64_t limit_bytes, used_bytes, put_bytes;
	_Atomic uint64_t hits, misses, evicted, wiped;

	pthread_mutex_t lock;
	pthread_cond_t work; /* for the writer */
	pthread_cond_t progress; /* for those who wait for it */
	/* protected by lock */
	struct writer_jobs queue;
	uint64_t queued_bytes;
	struct blocks_key touched[TOUCH_MAX];
	unsigned touched_count;
	bool attention; /* damage, a new limit, many touches */
	bool stopping;

	/* the writer's alone */
	struct sum *sum; /* owned */
	struct space *space; /* borrowed; NULL: only the limit counts */
	uint64_t fits_bytes; /* about what both allow; for the next batch */
	uint64_t next_stamp;
	bool over_limit; /* and could not help it */
	int64_t logged_ns; /* when a failure was last logged; 0 never */
	struct blocks_key stamping[TOUCH_MAX];
};

/* A coarse clock that runs with what is put; see the essay. */
uint8_t blocks_generation(struct blocks *b);
/* How much an environment may map under that limit. */
uint64_t writer_map_bytes(uint64_t limit_bytes);

/* Starts the thread; 0 or -errno. */
int writer_start(struct blocks *b);
/* Lets it run what is queued and ends it. */
void writer_stop(struct blocks *b);
/* Makes it look at damage, the limit and the notes of hits. */
void writer_call(struct blocks *b);
/* Queues a put, which the writer frees; waits while the queue is full. */
void writer_queue(struct blocks *b, struct writer_job *job);
/* Queues another job, which lies on the caller's stack; its result. */
int writer_run(struct blocks *b, struct writer_job *job);
/* Evicts what the limit does not allow, before there is a thread. */
void writer_obey_limit(struct blocks *b);

#endif
