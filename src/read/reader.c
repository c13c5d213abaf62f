/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of immutable versions.
 *
 * A read whose blocks are all in the block cache is answered at once, from
 * the cache's map. Else it is parked: it holds the blocks that the fetcher
 * brings (fetch.h), and is answered by a reply thread when the last of them
 * is settled. What it holds stays when it has to ask again, because another
 * of its blocks was evicted meanwhile: so it comes to an end.
 *
 * What is fetched besides what was asked for says stream.h.
 *
 * Files of at most READER_WHOLE_MAX bytes come whole at the first miss.
 */
#include "vers3/read/reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "fetch.h"
#include "guess.h"
#include "stream.h"
#include "vers3/core/version.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/minmax.h"
#include "vers3/util/pool.h"

#define REPLY_THREADS 4

struct reader {
	/* Constant. */
	struct blocks *cache; /* borrowed */
	struct fetch *fetch; /* owned */
	struct pool *threads; /* owned: the reply threads */
	struct guesses guesses; /* locks itself */

	pthread_mutex_t stream_mutex; /* of every reader_stream */

	/* Taken inside the fetcher's. */
	pthread_mutex_t mutex;
	pthread_cond_t work; /* a read may be answered, or stop */
	pthread_cond_t quiet; /* parked came down to 0 */
	/* Protected by mutex. */
	STAILQ_HEAD(, read) ready; /* counted in parked: to be answered */
	uint64_t parked; /* reads that are not answered yet */
	bool stop;
};

/* A read that missed. */
struct read {
	STAILQ_ENTRY(read) entry; /* in reader.ready */
	struct reader *reader;
	reader_done_fn done;
	void *arg;
	uint64_t offset;
	size_t size;
	unsigned asked; /* how often */
	struct meta_version version;
	struct fetch_ask ask;
};

/* Where the bytes of an answer are. */
struct pieces {
	struct iovec iov[FETCH_ASK_MAX];
	int count;
	struct blocks_hit hits[FETCH_ASK_MAX];
	unsigned hit_count;
};

static uint64_t round_up(uint64_t x, uint64_t unit)
{
	return (x + unit - 1) / unit * unit;
}

static void pieces_release(struct reader *r, struct pieces *p)
{
	while (p->hit_count)
		blocks_release(r->cache, &p->hits[--p->hit_count]);
	p->count = 0;
}

/* Finds block `number` in the cache; it has to be `size` bytes. */
static int gather_hit(struct reader *r, const struct meta_version *v,
		      uint64_t number, size_t size, struct pieces *p,
		      const void **ret_data)
{
	struct blocks_hit *hit = &p->hits[p->hit_count];
	struct blocks_key key = {.number = number};

	memcpy(key.id, v->id, sizeof(key.id));
	if (blocks_get(r->cache, &key, hit))
		return -EAGAIN;
	p->hit_count++;
	if (hit->size != size)
		return -EAGAIN;
	*ret_data = hit->data;
	return 0;
}

/*
 * Collects the bytes of a read, from what `ask` (may be NULL) holds and from
 * the cache. 0, -EAGAIN when some are missing, or the error of a fetch.
 */
static int gather(struct reader *r, const struct meta_version *v,
		  uint64_t offset, size_t size, const struct fetch_ask *ask,
		  struct pieces *p)
{
	uint64_t end = offset + size;
	int rc = 0;

	p->count = 0;
	p->hit_count = 0;
	for (unsigned i = 0; offset < end && !rc; i++) {
		uint64_t number = offset / BLOCK_SIZE;
		uint64_t start = number * BLOCK_SIZE;
		size_t at = (size_t)(offset - start);
		size_t len = (size_t)min_u64(BLOCK_SIZE, v->size_bytes - start);
		const void *data = NULL;

		if (ask && ask->blocks[i])
			rc = fetch_block_data(ask->blocks[i], &data, &len);
		else
			rc = gather_hit(r, v, number, len, p, &data);
		if (rc)
			break;
		len = (size_t)min_u64(len - at, end - offset);
		p->iov[p->count++] = (struct iovec){
			.iov_base = (char *)data + at,
			.iov_len = len,
		};
		offset += len;
	}
	if (rc)
		pieces_release(r, p);
	return rc;
}

static void answer(struct reader *r, struct pieces *p, int error,
		   reader_done_fn done, void *arg)
{
	if (error)
		done(arg, error, NULL, 0);
	else
		done(arg, 0, p->iov, p->count);
	pieces_release(r, p);
}

/* Answers a read that was parked, and frees it. */
static void read_end(struct read *rd, struct pieces *p, int error)
{
	struct reader *r = rd->reader;

	answer(r, p, error, rd->done, rd->arg);
	fetch_ask_release(r->fetch, &rd->ask);
	free(rd);
	pthread_mutex_lock(&r->mutex);
	if (--r->parked == 0)
		pthread_cond_broadcast(&r->quiet);
	pthread_mutex_unlock(&r->mutex);
}

/*
 * Asks for what is missing until all is there, or until the read is parked:
 * then it belongs to whoever answers it.
 */
static void read_ask(struct read *rd)
{
	struct pieces p = {.count = 0};
	int rc;

	do {
		/* A cache that has a block and yet gives none is passed by. */
		rd->ask.no_cache = rd->asked++ > 2;
		rc = fetch_ask(rd->reader->fetch, &rd->ask);
		if (rc > 0)
			return;
		if (!rc)
			rc = gather(rd->reader, &rd->version, rd->offset,
				    rd->size, &rd->ask, &p);
	} while (rc == -EAGAIN);
	read_end(rd, &p, rc);
}

static void read_resume(struct read *rd)
{
	struct pieces p = {.count = 0};
	int rc = -EINTR;

	if (!rd->ask.given_up)
		rc = gather(rd->reader, &rd->version, rd->offset, rd->size,
			    &rd->ask, &p);
	if (rc == -EAGAIN)
		read_ask(rd);
	else
		read_end(rd, &p, rc);
}

/* Runs on the thread of a transfer, under the fetcher's lock. */
static void read_ready(struct fetch_ask *ask)
{
	struct read *rd =
		(struct read *)((char *)ask - offsetof(struct read, ask));
	struct reader *r = rd->reader;

	pthread_mutex_lock(&r->mutex);
	STAILQ_INSERT_TAIL(&r->ready, rd, entry);
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->mutex);
}

static void reply_worker(void *arg)
{
	struct reader *r = arg;

	pthread_mutex_lock(&r->mutex);
	for (;;) {
		struct read *rd = STAILQ_FIRST(&r->ready);

		if (!rd && r->stop)
			break;
		if (!rd) {
			clock_cond_wait(&r->work, &r->mutex);
			continue;
		}
		STAILQ_REMOVE_HEAD(&r->ready, entry);
		pthread_mutex_unlock(&r->mutex);
		read_resume(rd);
		pthread_mutex_lock(&r->mutex);
	}
	pthread_mutex_unlock(&r->mutex);
}

/* Fetches more of a file that somebody jumps about in, where there is room. */
static void fetch_around(struct reader *r, const struct meta_version *v,
			 struct reader_stream *s)
{
	uint64_t blocks = round_up(v->size_bytes, BLOCK_SIZE) / BLOCK_SIZE;
	uint64_t run, end;
	unsigned runs;
	bool more;

	pthread_mutex_lock(&r->stream_mutex);
	runs = stream_around(s);
	pthread_mutex_unlock(&r->stream_mutex);
	while (runs--) {
		pthread_mutex_lock(&r->stream_mutex);
		more = stream_take_run(s, v->size_bytes, &run);
		pthread_mutex_unlock(&r->stream_mutex);
		if (!more)
			return;
		end = min_u64((run + 1) * FETCH_RUN, blocks);
		if (fetch_ahead(r->fetch, v, run * FETCH_RUN, end, NULL) == end)
			continue;
		pthread_mutex_lock(&r->stream_mutex);
		stream_give_run(s, run);
		pthread_mutex_unlock(&r->stream_mutex);
		return;
	}
}

/*
 * Notes a read in its stream and fetches ahead for it. Tells which blocks
 * are worth fetching in the same GET, should the read miss.
 */
static void read_ahead(struct reader *r, const struct meta_version *v,
		       struct reader_stream *s, uint64_t offset, uint64_t end,
		       uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t first = offset / BLOCK_SIZE;
	uint64_t last = (end - 1) / BLOCK_SIZE;
	uint64_t window = 0, from, to, reached;
	bool ahead;

	*ret_from = first;
	*ret_to = last + 1;
	if (v->size_bytes <= READER_WHOLE_MAX) {
		*ret_from = 0;
		*ret_to = round_up(v->size_bytes, BLOCK_SIZE) / BLOCK_SIZE;
	}
	if (!s)
		return;
	pthread_mutex_lock(&r->stream_mutex);
	ahead = stream_advance(s, v->size_bytes, blocks_limit_bytes(r->cache),
			       offset, end, &from, &to);
	window = s->window;
	pthread_mutex_unlock(&r->stream_mutex);
	if (v->size_bytes <= READER_WHOLE_MAX)
		return;
	if (!window)
		fetch_around(r, v, s);
	if (window > STREAM_FIRST) {
		/* Room may be short; then the miss itself fetches the run. */
		uint64_t run_end = (last / FETCH_RUN + 1) * FETCH_RUN;
		uint64_t blocks =
			round_up(v->size_bytes, BLOCK_SIZE) / BLOCK_SIZE;

		*ret_to = min_u64(first + window / BLOCK_SIZE, run_end);
		*ret_to = min_u64(*ret_to, blocks);
	}
	if (!ahead)
		return;
	reached = fetch_ahead(r->fetch, v, from / BLOCK_SIZE, to / BLOCK_SIZE,
			      NULL);
	if (reached * BLOCK_SIZE >= to)
		return;
	pthread_mutex_lock(&r->stream_mutex);
	if (s->frontier == to)
		stream_short(s, end, reached * BLOCK_SIZE);
	pthread_mutex_unlock(&r->stream_mutex);
}

/*
 * Widens what a miss fetches when its stream has jumped about the file for
 * long enough: up to the end of its run, and the run's beginning besides.
 */
static void widen_jump(struct reader *r, const struct meta_version *v,
		       struct reader_stream *s, uint64_t from, uint64_t *to)
{
	uint64_t blocks = round_up(v->size_bytes, BLOCK_SIZE) / BLOCK_SIZE;
	uint64_t run = from / FETCH_RUN * FETCH_RUN;
	bool dense = false;

	if (!s || v->size_bytes <= READER_WHOLE_MAX)
		return;
	pthread_mutex_lock(&r->stream_mutex);
	dense = stream_miss(s, v->size_bytes, blocks_limit_bytes(r->cache),
			    from * BLOCK_SIZE);
	pthread_mutex_unlock(&r->stream_mutex);
	if (!dense || *to > run + FETCH_RUN)
		return;
	*to = min_u64(run + FETCH_RUN, blocks);
	if (run < from)
		fetch_ahead(r->fetch, v, run, from, NULL);
}

/* Makes a read that missed, counted as parked. NULL without memory. */
static struct read *read_new(struct reader *r, const struct meta_version *v,
			     uint64_t offset, size_t size, reader_done_fn done,
			     void *arg)
{
	struct read *rd = calloc(1, sizeof(*rd));

	if (!rd)
		return NULL;
	rd->reader = r;
	rd->done = done;
	rd->arg = arg;
	rd->offset = offset;
	rd->size = size;
	rd->version = *v;
	rd->ask.version = &rd->version;
	rd->ask.first = offset / BLOCK_SIZE;
	rd->ask.count = (unsigned)((offset + size - 1) / BLOCK_SIZE -
				   rd->ask.first + 1);
	rd->ask.ready = read_ready;
	rd->ask.cancel = cancel_current();
	pthread_mutex_lock(&r->mutex);
	r->parked++;
	pthread_mutex_unlock(&r->mutex);
	return rd;
}

void reader_read(struct reader *r, const struct meta_version *version,
		 struct reader_stream *stream, uint64_t offset, size_t size,
		 reader_done_fn done, void *arg)
{
	struct pieces p = {.count = 0};
	struct read *rd = NULL;
	bool guessed = false;
	uint64_t from, to;
	int rc = 0;

	if (size > READER_READ_MAX)
		rc = -EINVAL;
	else if (!version_has_content_id(version))
		rc = -EIO;
	if (rc || !size || offset >= version->size_bytes)
		goto out;
	size = (size_t)min_u64(size, version->size_bytes - offset);
	if (version->size_bytes <= READER_WHOLE_MAX)
		guessed = guess_use(&r->guesses, version->id);
	read_ahead(r, version, stream, offset, offset + size, &from, &to);
	rc = gather(r, version, offset, size, NULL, &p);
	if (rc != -EAGAIN)
		goto out;
	if (version->size_bytes <= READER_SMALL_MAX && !guessed)
		guess_missed(&r->guesses);
	widen_jump(r, version, stream, from, &to);
	rd = read_new(r, version, offset, size, done, arg);
	rc = -ENOMEM;
	if (!rd)
		goto out;
	rd->ask.from = from;
	rd->ask.to = to;
	read_ask(rd);
	return;
out:
	answer(r, &p, rc, done, arg);
}

void reader_give_up(struct reader *r)
{
	fetch_give_up(r->fetch);
}

bool reader_fetch_ahead(struct reader *r, const struct meta_version *v)
{
	uint64_t most = guess_bytes_max(blocks_limit_bytes(r->cache));
	uint64_t blocks = round_up(v->size_bytes, BLOCK_SIZE) / BLOCK_SIZE;
	uint64_t bytes = 0, reached;
	int rc;

	if (!v->size_bytes || v->size_bytes > READER_WHOLE_MAX ||
	    !version_has_content_id(v))
		return true;
	rc = guess_add(&r->guesses, v->id, v->size_bytes, most,
		       clock_mono_ns());
	if (rc <= 0)
		return !rc;
	reached = fetch_ahead(r->fetch, v, 0, blocks, &bytes);
	if (!bytes)
		guess_drop(&r->guesses, v->id);
	return reached == blocks;
}

bool reader_guesses_whole(struct reader *r, uint64_t size)
{
	uint64_t most = guess_bytes_max(blocks_limit_bytes(r->cache));

	return size && size <= READER_SMALL_MAX &&
	       guess_spend(&r->guesses, size, most, clock_mono_ns());
}

void reader_keep(struct reader *r, const struct meta_version *v,
		 const void *data, size_t size)
{
	uint64_t most = guess_bytes_max(blocks_limit_bytes(r->cache));

	/* An empty one has no block; what nothing names could be another. */
	if (!size || size != v->size_bytes || !version_has_content_id(v) ||
	    (!v->version_id[0] && !v->etag[0]))
		return;
	if (guess_add(&r->guesses, v->id, size, most, clock_mono_ns()) == 1 &&
	    !fetch_keep(r->fetch, v, data, size))
		guess_drop(&r->guesses, v->id);
}

void reader_expect(struct reader *r, const struct meta_version *v,
		   uint64_t offset, uint64_t size)
{
	if (size && version_has_content_id(v))
		fetch_ahead(r->fetch, v, offset / BLOCK_SIZE,
			    round_up(offset + size, BLOCK_SIZE) / BLOCK_SIZE,
			    NULL);
}

void reader_read_stats(struct reader *r, struct reader_stats *ret)
{
	fetch_read_stats(r->fetch, ret);
	guesses_read_stats(&r->guesses, clock_mono_ns(), ret);
}

int reader_new(struct store *store, struct blocks *blocks, const char *prefix,
	       struct reader **ret_reader)
{
	struct reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->stream_mutex, NULL);
	pthread_mutex_init(&r->mutex, NULL);
	clock_cond_init(&r->work);
	pthread_cond_init(&r->quiet, NULL);
	r->cache = blocks;
	STAILQ_INIT(&r->ready);
	rc = guesses_init(&r->guesses);
	if (!rc)
		rc = fetch_new(store, blocks, prefix, &r->fetch);
	if (!rc)
		rc = pool_new("reply", REPLY_THREADS, &r->threads);
	for (unsigned i = 0; !rc && i < REPLY_THREADS; i++)
		rc = pool_submit(r->threads, reply_worker, r);
	if (rc)
		reader_free(r);
	else
		*ret_reader = r;
	return rc;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->mutex);
	while (r->parked)
		pthread_cond_wait(&r->quiet, &r->mutex);
	r->stop = true;
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->mutex);
	pool_free(r->threads);
	fetch_free(r->fetch);
	guesses_release(&r->guesses);
	pthread_cond_destroy(&r->quiet);
	pthread_cond_destroy(&r->work);
	pthread_mutex_destroy(&r->mutex);
	pthread_mutex_destroy(&r->stream_mutex);
	free(r);
}
