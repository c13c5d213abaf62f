/* SPDX-License-Identifier: Apache-2.0 */
/* Running the fetcher's jobs: buffers, the GET, its check, its end. */
#include "fetch_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/store/limit.h"
#include "vers3/util/clock.h"
#include "vers3/util/hex.h"
#include "vers3/util/log.h"
#include "vers3/util/map.h"
#include "vers3/util/minmax.h"
#include "version_get.h"

/* Takes the first job out; NULL: there is none. */
static struct fetch_job *queue_take(struct fetch_queue *q)
{
	struct fetch_job *job = TAILQ_FIRST(q);

	if (job)
		TAILQ_REMOVE(q, job, entry);
	return job;
}

void fetch_wake(struct fetch *f)
{
	if (!TAILQ_EMPTY(&f->wanted) || !TAILQ_EMPTY(&f->ahead) || f->stop)
		pthread_cond_broadcast(&f->work);
}

/* Puts a buffer by for the next job, or frees it. Mutex held. */
static void buffer_free(struct fetch *f, void *data, size_t size)
{
	if (data && size == BLOCK_SIZE && f->spare_count < FETCH_SPARE_MAX)
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

void fetch_block_charge(struct fetch_block *b)
{
	struct reader_stats *s = &b->fetch->stats;

	if (b->charged)
		return;
	b->charged = true;
	s->buffer_bytes += b->size;
	if (s->buffer_bytes > s->buffer_peak_bytes)
		s->buffer_peak_bytes = s->buffer_bytes;
}

void fetch_block_unref(struct fetch_block *b)
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

		if (--ask->pending == 0) {
			fetch_ask_unlist(ask);
			ask->ready(ask);
		}
		link = next;
	}
}

/* Whether the answer says what its body is to be compared with, or may. */
static bool job_is_checked(const struct fetch_job *job)
{
	const struct version_get *g = &job->get;

	return job->whole &&
	       (!g->told || g->crc_text[0] || (g->md5_etag && job->fetch->md5));
}

/*
 * Takes a transfer's bytes. After a retry they come from the start again:
 * what is ready by then is in use, and is passed over.
 */
static int job_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct fetch_job *job = ctx;
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
		if (waiting && at + n == b->size && !job_is_checked(job)) {
			pthread_mutex_lock(&b->fetch->mutex);
			block_settle(b, 0);
			pthread_mutex_unlock(&b->fetch->mutex);
		}
	}
	return 0;
}

static int job_alloc(struct fetch_job *job)
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
static bool job_md5_agrees(const struct fetch_job *job)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
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
	hex_write(sum, len, hex);
	return strcasecmp(hex, job->version.etag) == 0;
}

static bool job_crc_agrees(const struct fetch_job *job)
{
	const struct version_get *g = &job->get;
	char text[CRC_TEXT_SIZE];
	uint64_t crc = 0;

	for (unsigned i = 0; i < job->count; i++)
		crc = crc_add(g->crc, crc, job->blocks[i]->data,
			      job->blocks[i]->size);
	crc_text(g->crc, crc, text);
	return !strcmp(text, g->crc_text);
}

/* Whether what has come is what the server says it is, by the cheaper check. */
static bool job_agrees(const struct fetch_job *job)
{
	const struct version_get *g = &job->get;
	bool md5 = g->md5_etag && job->fetch->md5;

	if (!g->crc_text[0])
		return !md5 || job_md5_agrees(job);
	if (job_crc_agrees(job))
		return true;
	if (!md5 || !job_md5_agrees(job))
		return false;
	/* Two checks of the server's that contradict each other. */
	log_warning("GET %s: its checksum is not the body's, its ETag is",
		    job->version.key);
	return true;
}

/* One GET. *ret_damaged: all came, but it is not what the ETag says. */
static int job_get(struct fetch_job *job, bool *ret_damaged)
{
	struct version_get *g = &job->get;
	struct fetch *f = job->fetch;
	int rc;

	*g = (struct version_get){
		.version = &job->version,
		.offset = job->first * BLOCK_SIZE,
		.length = job->length,
		.sink = job_sink,
		.sink_ctx = job,
	};
	*ret_damaged = false;
	job->pos = 0;
	pthread_mutex_lock(&f->mutex);
	f->stats.gets++;
	f->stats.fetched_bytes += job->length;
	pthread_mutex_unlock(&f->mutex);
	rc = version_get(f->store, f->prefix, g);
	if (rc)
		return rc;
	if (job->pos != job->length) {
		log_error("GET %s: the body ended early", job->version.key);
		return -EIO;
	}
	if (job->whole && !job_agrees(job)) {
		log_error("GET %s: the body is not what its %s says",
			  job->version.key,
			  g->crc_text[0] ? "checksum" : "ETag");
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
	fetch_block_unref(b);
	if (--f->putting == 0)
		pthread_cond_broadcast(&f->quiet);
	fetch_wake(f);
	pthread_mutex_unlock(&f->mutex);
}

void fetch_put(struct fetch_block *b)
{
	if (blocks_put(b->fetch->cache, &b->key, b->data, b->size, put_done, b))
		put_done(b);
}

/*
 * Settles what is left of the job; good blocks go to the cache, and of a GET
 * that failed nothing is kept.
 */
static void job_end(struct fetch_job *job, int error)
{
	struct fetch *f = job->fetch;

	pthread_mutex_lock(&f->mutex);
	f->running--;
	f->running_ahead -= job->ahead;
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
			fetch_block_unref(b);
	}
	fetch_wake(f);
	pthread_mutex_unlock(&f->mutex);

	for (unsigned i = 0; !error && i < job->count; i++)
		fetch_put(job->blocks[i]);
	free(job);
}

static void job_run(struct fetch_job *job)
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

/*
 * How many GETs may be under way for what nobody waits for. For their turn at
 * the server they count as what somebody waits for (limit.h), who comes to them
 * soon; so they are never so many that others would have to wait behind them:
 * an eighth is left, as it is by what is done in the background. Mutex held.
 */
static uint64_t ahead_max(struct fetch *f)
{
	unsigned limit = limit_store_now(f->store);

	return limit ? min_u64(FETCH_AHEAD_MAX, limit - limit / 8)
		     : FETCH_AHEAD_MAX;
}

/* The next job that may start; NULL: none. Mutex held. */
static struct fetch_job *fetch_next(struct fetch *f)
{
	struct fetch_job *job = TAILQ_FIRST(&f->wanted);

	if (job) {
		bool fits = f->stats.buffer_bytes + job->length <= FETCH_BUDGET;
		/* Reading ahead was charged when it was queued. */
		bool charged = job->blocks[0]->charged;

		if (fits || charged || (!f->running && !f->putting))
			return queue_take(&f->wanted);
	}
	if (TAILQ_EMPTY(&f->ahead) || f->running_ahead >= ahead_max(f))
		return NULL;
	return queue_take(&f->ahead);
}

void fetch_worker(void *arg)
{
	struct fetch *f = arg;

	pthread_mutex_lock(&f->mutex);
	for (;;) {
		struct fetch_job *job = fetch_next(f);

		if (!job) {
			if (f->stop && TAILQ_EMPTY(&f->wanted))
				break;
			clock_cond_wait(&f->work, &f->mutex);
			continue;
		}
		for (unsigned i = 0; i < job->count; i++)
			fetch_block_charge(job->blocks[i]);
		f->running++;
		f->running_ahead += job->ahead;
		pthread_mutex_unlock(&f->mutex);
		job_run(job);
		pthread_mutex_lock(&f->mutex);
	}
	pthread_mutex_unlock(&f->mutex);
}

void fetch_queue_cancel(struct fetch_queue *q, int error)
{
	struct fetch_job *job;

	while ((job = queue_take(q))) {
		for (unsigned i = 0; i < job->count; i++) {
			block_unlist(job->blocks[i]);
			block_settle(job->blocks[i], error);
			fetch_block_unref(job->blocks[i]);
		}
		free(job);
	}
}

void fetch_ask_unlist(struct fetch_ask *ask)
{
	LIST_REMOVE(ask, entry);
}
