/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of blocks in flight, the queue of GETs that bring them, and the
 * budget of their buffers.
 *
 * Who may hold a block (refs, under the mutex): the job that fetches it,
 * which hands its hold over to the block cache's queue; and each ask. The
 * table holds nothing: a block leaves it together with the job's or the
 * cache's hold. The bytes of a block are written by the one transfer while
 * it is waiting, and only read from the moment it is ready.
 *
 * Two queues of jobs: what readers wait for, first come first served, goes
 * before what is read ahead, which never has all workers. Reading ahead takes
 * its part of the budget when it is queued, and is refused without room. A job
 * that is waited for takes its part when it starts. Asks hold blocks while they
 * wait for further ones, so when nothing is under way that could give room
 * back, the next job goes over the budget: else all would wait for each other.
 *
 * The mutex is held for table work alone; it is taken by the transfer's
 * thread at each block's end. Below it stand the block cache's, the reader's
 * queue's and the limit layer's own locks.
 */
#include "fetch_job.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/meta/inode.h"
#include "vers3/store/store.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/map.h"
#include "vers3/util/pool.h"

static uint64_t block_count(const struct meta_version *v)
{
	return (v->size_bytes + BLOCK_SIZE - 1) / BLOCK_SIZE;
}

static void block_key(const struct meta_version *v, uint64_t number,
		      struct blocks_key *ret_key)
{
	memcpy(ret_key->id, v->id, sizeof(ret_key->id));
	ret_key->number = number;
}

/* Jobs in the making: all is done under one hold of the mutex. */
struct batch {
	struct fetch *fetch;
	const struct meta_version *version;
	bool no_cache;
	struct fetch_queue jobs;
	struct fetch_job *last; /* the job that a next block may join */
	uint64_t length; /* bytes of all jobs */
};

static void batch_init(struct batch *p, struct fetch *f,
		       const struct meta_version *v, bool no_cache)
{
	*p = (struct batch){.fetch = f, .version = v, .no_cache = no_cache};
	TAILQ_INIT(&p->jobs);
}

/* Whether a block must be fetched; else *ret_block is it or NULL. */
static bool batch_missing(const struct batch *p, uint64_t number,
			  struct fetch_block **ret_block)
{
	struct blocks_key key;

	block_key(p->version, number, &key);
	*ret_block = map_get(p->fetch->table, &key, sizeof(key));
	if (*ret_block)
		return false;
	return p->no_cache || !blocks_has(p->fetch->cache, &key);
}

static struct fetch_block *block_new(struct batch *p, uint64_t number)
{
	uint64_t left = p->version->size_bytes - number * BLOCK_SIZE;
	struct fetch_block *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->fetch = p->fetch;
	block_key(p->version, number, &b->key);
	b->size = (size_t)(left < BLOCK_SIZE ? left : BLOCK_SIZE);
	b->refs = 1;
	if (map_put(p->fetch->table, &b->key, sizeof(b->key), b)) {
		free(b);
		return NULL;
	}
	return b;
}

/* The job that block `number` goes to. */
static struct fetch_job *batch_job(struct batch *p, uint64_t number)
{
	struct fetch_job *job = p->last;

	if (job && number == job->first + job->count && number % FETCH_RUN)
		return job;
	job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->fetch = p->fetch;
	job->version = *p->version;
	job->first = number;
	TAILQ_INSERT_TAIL(&p->jobs, job, entry);
	p->last = job;
	return job;
}

/* Adds block `number` to the jobs, unless it is there or on its way. */
static int batch_add(struct batch *p, uint64_t number)
{
	struct fetch_block *b;
	struct fetch_job *job;

	if (!batch_missing(p, number, &b))
		return 0;
	job = batch_job(p, number);
	if (!job)
		return -ENOMEM;
	b = block_new(p, number);
	if (!b)
		return -ENOMEM;
	job->blocks[job->count++] = b;
	job->length += b->size;
	p->length += b->size;
	job->whole = job->length == p->version->size_bytes;
	return 0;
}

/* Moves the jobs to a queue. Mutex held. */
static void batch_queue(struct batch *p, struct fetch_queue *q)
{
	TAILQ_CONCAT(q, &p->jobs, entry);
	fetch_wake(p->fetch);
}

/* What someone waits for goes before what is only read ahead. */
static void fetch_promote(struct fetch *f, const struct fetch_block *b)
{
	struct fetch_job *job;

	TAILQ_FOREACH(job, &f->ahead, entry) {
		if (b->key.number < job->first ||
		    b->key.number - job->first >= job->count ||
		    job->blocks[b->key.number - job->first] != b)
			continue;
		TAILQ_REMOVE(&f->ahead, job, entry);
		job->ahead = false;
		TAILQ_INSERT_TAIL(&f->wanted, job, entry);
		return;
	}
}

/* Makes the jobs for an ask. Mutex held. */
static int ask_batch(const struct fetch_ask *ask, struct batch *p)
{
	uint64_t from = ask->first, to = ask->first + ask->count;
	bool missing = false;
	int rc = 0;

	for (unsigned i = 0; i < ask->count && !missing; i++) {
		struct fetch_block *b = ask->blocks[i];

		missing = !b && batch_missing(p, ask->first + i, &b);
	}
	if (!missing)
		return 0;
	if (ask->from < from)
		from = ask->from;
	if (ask->to > to)
		to = ask->to;
	for (uint64_t n = from; n < to && !rc; n++) {
		bool needed = n >= ask->first && n - ask->first < ask->count;

		if (needed && ask->blocks[n - ask->first])
			continue;
		rc = batch_add(p, n);
	}
	return rc;
}

/* Holds what is in the table, and waits where it must. Mutex held. */
static void ask_hold(struct fetch *f, struct fetch_ask *ask)
{
	for (unsigned i = 0; i < ask->count; i++) {
		struct blocks_key key;
		struct fetch_block *b;

		if (ask->blocks[i])
			continue;
		block_key(ask->version, ask->first + i, &key);
		b = map_get(f->table, &key, sizeof(key));
		if (!b)
			continue;
		b->refs++;
		ask->blocks[i] = b;
		if (b->state != BLOCK_WAITING)
			continue;
		ask->links[i] = (struct fetch_link){b->waiters, ask};
		b->waiters = &ask->links[i];
		ask->pending++;
		fetch_promote(f, b);
	}
}

/* Waits for none of its blocks any more. Mutex held. */
static void ask_unwait(struct fetch_ask *ask)
{
	for (unsigned i = 0; i < ask->count; i++) {
		struct fetch_block *b = ask->blocks[i];
		struct fetch_link **p = b ? &b->waiters : NULL;

		while (p && *p && *p != &ask->links[i])
			p = &(*p)->next;
		if (p && *p)
			*p = ask->links[i].next;
	}
	ask->pending = 0;
}

void fetch_give_up(struct fetch *f)
{
	struct fetch_ask *ask, *next;

	pthread_mutex_lock(&f->mutex);
	for (ask = LIST_FIRST(&f->asks); ask; ask = next) {
		next = LIST_NEXT(ask, entry);
		if (!cancel_is_set(ask->cancel))
			continue;
		fetch_ask_unlist(ask);
		ask_unwait(ask);
		ask->given_up = true;
		ask->ready(ask);
	}
	pthread_mutex_unlock(&f->mutex);
}

int fetch_ask(struct fetch *f, struct fetch_ask *ask)
{
	struct batch p;
	int rc;

	assert(ask->count <= FETCH_ASK_MAX && !ask->pending);
	batch_init(&p, f, ask->version, ask->no_cache);
	pthread_mutex_lock(&f->mutex);
	/* Here, so that fetch_give_up() misses none: it was set before. */
	rc = cancel_is_set(ask->cancel) ? -EINTR : ask_batch(ask, &p);
	if (rc) {
		fetch_queue_cancel(&p.jobs, rc);
		goto out;
	}
	ask_hold(f, ask);
	if (ask->pending)
		LIST_INSERT_HEAD(&f->asks, ask, entry);
	batch_queue(&p, &f->wanted);
	rc = ask->pending != 0;
out:
	pthread_mutex_unlock(&f->mutex);
	return rc;
}

void fetch_ask_release(struct fetch *f, struct fetch_ask *ask)
{
	pthread_mutex_lock(&f->mutex);
	assert(!ask->pending);
	for (unsigned i = 0; i < ask->count; i++) {
		if (ask->blocks[i])
			fetch_block_unref(ask->blocks[i]);
		ask->blocks[i] = NULL;
	}
	pthread_mutex_unlock(&f->mutex);
}

int fetch_block_data(const struct fetch_block *b, const void **ret_data,
		     size_t *ret_size)
{
	if (b->state == BLOCK_FAILED)
		return b->error;
	*ret_data = b->data;
	*ret_size = b->size;
	return 0;
}

/* Starts one aligned run; false without room. */
static bool ahead_run(struct fetch *f, const struct meta_version *v,
		      uint64_t from, uint64_t to, uint64_t *ret_bytes)
{
	struct fetch_job *job;
	struct batch p;
	bool ok;

	batch_init(&p, f, v, false);
	pthread_mutex_lock(&f->mutex);
	ok = !f->stop;
	for (uint64_t n = from; n < to && ok; n++)
		ok = batch_add(&p, n) == 0;
	ok = ok && (!p.length || f->stats.buffer_bytes + p.length <=
					 FETCH_BUDGET - FETCH_RESERVE);
	if (!ok) {
		fetch_queue_cancel(&p.jobs, -EAGAIN);
		goto out;
	}
	TAILQ_FOREACH(job, &p.jobs, entry) {
		job->ahead = true;
		for (unsigned i = 0; i < job->count; i++)
			fetch_block_charge(job->blocks[i]);
	}
	*ret_bytes += p.length;
	batch_queue(&p, &f->ahead);
out:
	pthread_mutex_unlock(&f->mutex);
	return ok;
}

uint64_t fetch_ahead(struct fetch *f, const struct meta_version *version,
		     uint64_t from, uint64_t to, uint64_t *ret_bytes)
{
	uint64_t count = block_count(version), bytes = 0;

	if (to > count)
		to = count;
	while (from < to) {
		uint64_t end = (from / FETCH_RUN + 1) * FETCH_RUN;

		if (end > to)
			end = to;
		if (!ahead_run(f, version, from, end, &bytes))
			break;
		from = end;
	}
	if (ret_bytes)
		*ret_bytes = bytes;
	return from;
}

bool fetch_keep(struct fetch *f, const struct meta_version *version,
		const void *data, size_t size)
{
	void *copy = malloc(size);
	struct fetch_block *b;
	struct batch p;
	bool ok;

	if (!copy)
		return false;
	memcpy(copy, data, size);
	batch_init(&p, f, version, false);
	pthread_mutex_lock(&f->mutex);
	ok = !f->stop &&
	     f->stats.buffer_bytes + size <= FETCH_BUDGET - FETCH_RESERVE &&
	     batch_missing(&p, 0, &b) && (b = block_new(&p, 0));
	if (ok) {
		b->data = copy;
		b->state = BLOCK_READY;
		fetch_block_charge(b);
		f->stats.fetched_bytes += size;
		f->stats.gets++;
		f->putting++;
	}
	pthread_mutex_unlock(&f->mutex);
	if (ok)
		fetch_put(b);
	else
		free(copy);
	return ok;
}

void fetch_read_stats(struct fetch *f, struct reader_stats *ret)
{
	pthread_mutex_lock(&f->mutex);
	*ret = f->stats;
	pthread_mutex_unlock(&f->mutex);
}

int fetch_new(struct store *store, struct blocks *blocks, const char *prefix,
	      struct fetch **ret_fetch)
{
	struct fetch *f = calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	if (!f)
		return -ENOMEM;
	pthread_mutex_init(&f->mutex, NULL);
	clock_cond_init(&f->work);
	pthread_cond_init(&f->quiet, NULL);
	TAILQ_INIT(&f->wanted);
	TAILQ_INIT(&f->ahead);
	f->store = store;
	f->cache = blocks;
	f->prefix = strdup(prefix);
	if (!f->prefix)
		goto out;
	f->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	rc = map_new(&f->table);
	if (rc)
		goto out;
	rc = pool_new("fetch", FETCH_WORKERS, &f->workers);
	for (unsigned i = 0; !rc && i < FETCH_WORKERS; i++)
		rc = pool_submit(f->workers, fetch_worker, f);
out:
	if (rc)
		fetch_free(f);
	else
		*ret_fetch = f;
	return rc;
}

void fetch_free(struct fetch *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->mutex);
	f->stop = true;
	fetch_queue_cancel(&f->ahead, -ESHUTDOWN);
	pthread_cond_broadcast(&f->work);
	pthread_mutex_unlock(&f->mutex);
	pool_free(f->workers);

	pthread_mutex_lock(&f->mutex);
	while (f->putting)
		pthread_cond_wait(&f->quiet, &f->mutex);
	pthread_mutex_unlock(&f->mutex);
	assert(!f->table || !map_count(f->table));
	map_free(f->table);
	while (f->spare_count)
		free(f->spare[--f->spare_count]);
	EVP_MD_free(f->md5);
	free(f->prefix);
	pthread_cond_destroy(&f->quiet);
	pthread_cond_destroy(&f->work);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}
