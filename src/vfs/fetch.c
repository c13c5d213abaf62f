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
 * before what is read ahead. Reading ahead takes its part of the budget when
 * it is queued, and is refused without room. A job that is waited for takes
 * its part when it starts. Asks hold blocks while they wait for further
 * ones, so when nothing is under way that could give room back, the next job
 * goes over the budget: else all would wait for each other.
 *
 * The mutex is held for table work alone; it is taken by the transfer's
 * thread at each block's end. Below it stand the block cache's and the
 * reader's queue's own locks.
 */
#include "fetch.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "vers3/util/log.h"
#include "vers3/util/map.h"
#include "vers3/util/pool.h"
#include "version_get.h"

#define SPARE_MAX 16 /* buffers kept for the next job */

enum block_state {
	BLOCK_WAITING,
	BLOCK_READY,
	BLOCK_FAILED,
};

struct fetch_block {
	/* Constant. */
	struct fetch *fetch;
	struct blocks_key key;
	size_t size;
	/* See the head of the file. */
	unsigned char *data; /* owned; NULL until its job starts */
	/* Protected by the mutex; state and error are final once settled. */
	enum block_state state;
	int error;
	unsigned refs;
	bool charged; /* counted in used_bytes */
	struct fetch_link *waiters; /* borrowed: of the asks */
};

/* One GET to come or under way. */
struct job {
	struct job *next;
	struct fetch *fetch;
	struct meta_version version;
	uint64_t first;
	unsigned count;
	struct fetch_block *blocks[FETCH_RUN]; /* counted */
	uint64_t length; /* bytes of all */
	bool whole; /* the object's; small enough to check before use */
	uint64_t pos; /* the transfer's: bytes that have come */
};

struct job_queue {
	struct job *head; /* owned */
	struct job **tail;
};

struct fetch {
	/* Constant. */
	struct store *store; /* borrowed */
	struct blocks *cache; /* borrowed */
	char *prefix; /* owned */
	EVP_MD *md5; /* owned; NULL where there is none */
	struct pool *workers; /* owned */

	pthread_mutex_t mutex;
	pthread_cond_t work; /* a job may start now, or stop */
	pthread_cond_t quiet; /* putting came down to 0 */

	/* The rest is protected by mutex. */
	struct map *table; /* blocks_key → block, borrowed */
	struct job_queue wanted, ahead;
	unsigned running; /* GETs under way */
	unsigned putting; /* blocks in the cache's queue */
	bool stop;
	void *spare[SPARE_MAX]; /* owned: whole blocks' buffers */
	unsigned spare_count;
	struct reader_stats stats;
};

static void queue_init(struct job_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_add(struct job_queue *q, struct job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
}

static struct job *queue_take(struct job_queue *q)
{
	struct job *job = q->head;

	q->head = job->next;
	if (!q->head)
		q->tail = &q->head;
	return job;
}

static void queue_remove(struct job_queue *q, struct job *job)
{
	struct job **link = &q->head;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	if (!job->next)
		q->tail = link;
}

/* Room may have come, or work. Called with the mutex held. */
static void fetch_wake(struct fetch *f)
{
	if (f->wanted.head || f->ahead.head || f->stop)
		pthread_cond_broadcast(&f->work);
}

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

/* Puts a buffer by for the next job, or frees it. Mutex held. */
static void buffer_free(struct fetch *f, void *data, size_t size)
{
	if (data && size == BLOCK_SIZE && f->spare_count < SPARE_MAX)
		f->spare[f->spare_count++] = data;
	else
		free(data);
}

static void *buffer_alloc(struct fetch *f, size_t size)
{
	void *data = NULL;

	pthread_mutex_lock(&f->mutex);
	if (size == BLOCK_SIZE && f->spare_count)
		data = f->spare[--f->spare_count];
	pthread_mutex_unlock(&f->mutex);
	return data ? data : malloc(size);
}

/* Counts a block's buffer in. Mutex held. */
static void block_charge(struct fetch_block *b)
{
	struct reader_stats *s = &b->fetch->stats;

	if (b->charged)
		return;
	b->charged = true;
	s->buffer_bytes += b->size;
	if (s->buffer_bytes > s->buffer_peak_bytes)
		s->buffer_peak_bytes = s->buffer_bytes;
}

/* Mutex held. */
static void block_unref(struct fetch_block *b)
{
	struct fetch *f = b->fetch;

	if (--b->refs)
		return;
	if (b->charged) {
		f->stats.buffer_bytes -= b->size;
		fetch_wake(f);
	}
	buffer_free(f, b->data, b->size);
	free(b);
}

/* Mutex held. */
static void block_unlist(struct fetch_block *b)
{
	map_del(b->fetch->table, &b->key, sizeof(b->key));
}

/* Ends the wait for a block: error 0 or -errno. Mutex held. */
static void block_settle(struct fetch_block *b, int error)
{
	struct fetch_link *link = b->waiters;

	b->state = error ? BLOCK_FAILED : BLOCK_READY;
	b->error = error;
	b->waiters = NULL;
	while (link) {
		/* The ask may go as soon as it is ready. */
		struct fetch_link *next = link->next;
		struct fetch_ask *ask = link->ask;

		if (--ask->pending == 0)
			ask->ready(ask);
		link = next;
	}
}

/*
 * Takes a transfer's bytes. After a retry they come from the start again:
 * what is ready by then is in use, and is passed over.
 */
static int job_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct job *job = ctx;
	const unsigned char *p = data;

	if (offset == 0)
		job->pos = 0;
	if (offset != job->pos || len > job->length - job->pos)
		return -EIO;
	while (len) {
		struct fetch_block *b = job->blocks[job->pos / BLOCK_SIZE];
		size_t at = (size_t)(job->pos % BLOCK_SIZE);
		size_t n = b->size - at;
		/* Only this thread and this job's worker change it now. */
		bool waiting = b->state == BLOCK_WAITING;

		if (n > len)
			n = len;
		if (waiting)
			memcpy(b->data + at, p, n);
		p += n;
		len -= n;
		job->pos += n;
		if (waiting && at + n == b->size && !job->whole) {
			pthread_mutex_lock(&b->fetch->mutex);
			block_settle(b, 0);
			pthread_mutex_unlock(&b->fetch->mutex);
		}
	}
	return 0;
}

static int job_alloc(struct job *job)
{
	for (unsigned i = 0; i < job->count; i++) {
		struct fetch_block *b = job->blocks[i];

		b->data = buffer_alloc(job->fetch, b->size);
		if (!b->data)
			return -ENOMEM;
	}
	return 0;
}

/* Whether the blocks' bytes have the MD5 that the ETag tells. */
static bool job_md5_agrees(const struct job *job)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	static const char digits[] = "0123456789abcdef";
	unsigned len = 0;
	bool ok;

	ok = md && EVP_DigestInit_ex2(md, job->fetch->md5, NULL);
	for (unsigned i = 0; ok && i < job->count; i++)
		ok = EVP_DigestUpdate(md, job->blocks[i]->data,
				      job->blocks[i]->size);
	ok = ok && EVP_DigestFinal_ex(md, sum, &len);
	EVP_MD_CTX_free(md);
	if (!ok)
		return false;
	for (unsigned i = 0; i < len; i++) {
		hex[2 * i] = digits[sum[i] >> 4];
		hex[2 * i + 1] = digits[sum[i] & 15];
	}
	hex[2 * len] = 0;
	return strcasecmp(hex, job->version.etag) == 0;
}

/* One GET. *ret_damaged: all came, but it is not what the ETag says. */
static int job_get(struct job *job, bool *ret_damaged)
{
	struct version_get g = {
		.version = &job->version,
		.offset = job->first * BLOCK_SIZE,
		.length = job->length,
		.sink = job_sink,
		.sink_ctx = job,
	};
	struct fetch *f = job->fetch;
	int rc;

	*ret_damaged = false;
	job->pos = 0;
	pthread_mutex_lock(&f->mutex);
	f->stats.gets++;
	f->stats.fetched_bytes += job->length;
	pthread_mutex_unlock(&f->mutex);
	rc = version_get(f->store, f->prefix, &g);
	if (rc)
		return rc;
	if (job->pos != job->length) {
		log_error("GET %s: the body ended early", job->version.key);
		return -EIO;
	}
	if (job->whole && g.md5_etag && !job_md5_agrees(job)) {
		log_error("GET %s: the body's MD5 is not its ETag",
			  job->version.key);
		*ret_damaged = true;
		return -EIO;
	}
	return 0;
}

/* The cache has copied a block, or has no use for it. */
static void put_done(void *arg)
{
	struct fetch_block *b = arg;
	struct fetch *f = b->fetch;

	pthread_mutex_lock(&f->mutex);
	block_unlist(b);
	block_unref(b);
	if (--f->putting == 0)
		pthread_cond_broadcast(&f->quiet);
	fetch_wake(f);
	pthread_mutex_unlock(&f->mutex);
}

/*
 * Settles what is left of the job; good blocks go to the cache, and of a GET
 * that failed nothing is kept.
 */
static void job_end(struct job *job, int error)
{
	struct fetch *f = job->fetch;

	pthread_mutex_lock(&f->mutex);
	f->running--;
	if (error)
		f->stats.failed_gets++;
	else
		f->putting += job->count;
	for (unsigned i = 0; i < job->count; i++) {
		struct fetch_block *b = job->blocks[i];

		if (error)
			block_unlist(b);
		if (b->state == BLOCK_WAITING)
			block_settle(b, error);
		if (error)
			block_unref(b);
	}
	fetch_wake(f);
	pthread_mutex_unlock(&f->mutex);

	for (unsigned i = 0; !error && i < job->count; i++) {
		struct fetch_block *b = job->blocks[i];

		if (blocks_put(f->cache, &b->key, b->data, b->size, put_done,
			       b))
			put_done(b);
	}
	free(job);
}

static void job_run(struct job *job)
{
	bool damaged = false;
	int rc = job_alloc(job);

	if (!rc)
		rc = job_get(job, &damaged);
	/* A flipped bit on the way is cured by asking again. */
	if (damaged)
		rc = job_get(job, &damaged);
	job_end(job, rc);
}

/* The next job that may start; NULL: none. Mutex held. */
static struct job *fetch_next(struct fetch *f)
{
	struct job *job = f->wanted.head;

	if (job) {
		bool fits = f->stats.buffer_bytes + job->length <= FETCH_BUDGET;
		/* Reading ahead was charged when it was queued. */
		bool charged = job->blocks[0]->charged;

		if (fits || charged || (!f->running && !f->putting))
			return queue_take(&f->wanted);
	}
	return f->ahead.head ? queue_take(&f->ahead) : NULL;
}

static void fetch_worker(void *arg)
{
	struct fetch *f = arg;

	pthread_mutex_lock(&f->mutex);
	for (;;) {
		struct job *job = fetch_next(f);

		if (!job) {
			if (f->stop && !f->wanted.head)
				break;
			pthread_cond_wait(&f->work, &f->mutex);
			continue;
		}
		for (unsigned i = 0; i < job->count; i++)
			block_charge(job->blocks[i]);
		f->running++;
		pthread_mutex_unlock(&f->mutex);
		job_run(job);
		pthread_mutex_lock(&f->mutex);
	}
	pthread_mutex_unlock(&f->mutex);
}

/* Jobs in the making: all is done under one hold of the mutex. */
struct batch {
	struct fetch *fetch;
	const struct meta_version *version;
	bool no_cache;
	struct job_queue jobs;
	struct job *last; /* the job that a next block may join */
	uint64_t length; /* bytes of all jobs */
};

static void batch_init(struct batch *p, struct fetch *f,
		       const struct meta_version *v, bool no_cache)
{
	*p = (struct batch){.fetch = f, .version = v, .no_cache = no_cache};
	queue_init(&p->jobs);
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
static struct job *batch_job(struct batch *p, uint64_t number)
{
	struct job *job = p->last;

	if (job && number == job->first + job->count && number % FETCH_RUN)
		return job;
	job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->fetch = p->fetch;
	job->version = *p->version;
	job->first = number;
	queue_add(&p->jobs, job);
	p->last = job;
	return job;
}

/* Adds block `number` to the jobs, unless it is there or on its way. */
static int batch_add(struct batch *p, uint64_t number)
{
	struct fetch_block *b;
	struct job *job;

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
	job->whole = p->fetch->md5 && job->length == p->version->size_bytes &&
		     version_etag_may_be_md5(p->version);
	return 0;
}

/* Ends jobs that will not run: their blocks fail. Mutex held. */
static void jobs_cancel(struct job_queue *q, int error)
{
	while (q->head) {
		struct job *job = queue_take(q);

		for (unsigned i = 0; i < job->count; i++) {
			block_unlist(job->blocks[i]);
			block_settle(job->blocks[i], error);
			block_unref(job->blocks[i]);
		}
		free(job);
	}
}

/* Moves the jobs to a queue. Mutex held. */
static void batch_queue(struct batch *p, struct job_queue *q)
{
	while (p->jobs.head)
		queue_add(q, queue_take(&p->jobs));
	fetch_wake(p->fetch);
}

/* What someone waits for goes before what is only read ahead. */
static void fetch_promote(struct fetch *f, const struct fetch_block *b)
{
	for (struct job *job = f->ahead.head; job; job = job->next) {
		if (b->key.number < job->first ||
		    b->key.number - job->first >= job->count ||
		    job->blocks[b->key.number - job->first] != b)
			continue;
		queue_remove(&f->ahead, job);
		queue_add(&f->wanted, job);
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

int fetch_ask(struct fetch *f, struct fetch_ask *ask)
{
	struct batch p;
	int rc;

	assert(ask->count <= FETCH_ASK_MAX && !ask->pending);
	batch_init(&p, f, ask->version, ask->no_cache);
	pthread_mutex_lock(&f->mutex);
	rc = ask_batch(ask, &p);
	if (rc) {
		jobs_cancel(&p.jobs, rc);
		goto out;
	}
	ask_hold(f, ask);
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
			block_unref(ask->blocks[i]);
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
		      uint64_t from, uint64_t to)
{
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
		jobs_cancel(&p.jobs, -EAGAIN);
		goto out;
	}
	for (struct job *job = p.jobs.head; job; job = job->next) {
		for (unsigned i = 0; i < job->count; i++)
			block_charge(job->blocks[i]);
	}
	batch_queue(&p, &f->ahead);
out:
	pthread_mutex_unlock(&f->mutex);
	return ok;
}

uint64_t fetch_ahead(struct fetch *f, const struct meta_version *version,
		     uint64_t from, uint64_t to)
{
	uint64_t count = block_count(version);

	if (to > count)
		to = count;
	while (from < to) {
		uint64_t end = (from / FETCH_RUN + 1) * FETCH_RUN;

		if (end > to)
			end = to;
		if (!ahead_run(f, version, from, end))
			break;
		from = end;
	}
	return from;
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
	pthread_cond_init(&f->work, NULL);
	pthread_cond_init(&f->quiet, NULL);
	queue_init(&f->wanted);
	queue_init(&f->ahead);
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
	jobs_cancel(&f->ahead, -ESHUTDOWN);
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
