/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reader_rig.h"

#include <unistd.h>

#include "../remove_tree.h"
#include "../work_dir.h"
#include "vers3/core/version.h"
#include "vers3/store/memory.h"

/*
 * Contents repeat a pattern of random bytes, from a place of their own; its
 * length is no multiple of a block's, so no two blocks are alike.
 */
#define PERIOD (BLOCK_SIZE + 4099)
static unsigned char pattern[PERIOD];

static void fill_pattern(void)
{
	uint64_t x = 88172645463325252;

	for (size_t i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		pattern[i] = (unsigned char)x;
	}
}

/* The next piece of a content: at most len bytes from an offset on. */
static const unsigned char *piece_at(unsigned seed, uint64_t offset,
				     size_t *len)
{
	size_t at = (size_t)((offset + seed * UINT64_C(977)) % PERIOD);

	if (*len > PERIOD - at)
		*len = (size_t)(PERIOD - at);
	return pattern + at;
}

static void content(unsigned seed, uint64_t offset, void *buf, size_t len)
{
	unsigned char *p = buf;

	while (len) {
		size_t n = len;
		const unsigned char *piece = piece_at(seed, offset, &n);

		memcpy(p, piece, n);
		p += n;
		offset += n;
		len -= n;
	}
}

bool content_is(unsigned seed, uint64_t offset, const void *buf, size_t len)
{
	const unsigned char *p = buf;

	while (len) {
		size_t n = len;
		const unsigned char *piece = piece_at(seed, offset, &n);

		if (memcmp(p, piece, n) != 0)
			return false;
		p += n;
		offset += n;
		len -= n;
	}
	return true;
}

void rig_crc(enum crc_kind kind, unsigned seed, uint64_t size,
	     char text[CRC_TEXT_SIZE])
{
	uint64_t crc = 0, at = 0;

	while (at < size) {
		size_t n = (size_t)(size - at);
		const unsigned char *piece = piece_at(seed, at, &n);

		crc = crc_add(kind, crc, piece, n);
		at += n;
	}
	crc_text(kind, crc, text);
}

struct lying_sink {
	enum lie lie;
	store_sink_fn sink;
	void *ctx;
	uint64_t length;
};

static int lie_about(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct lying_sink *s = ctx;
	uint64_t at = s->length / 2;
	char *copy;
	int rc;

	if (s->lie == LIE_SHORT && offset + len == s->length)
		len--;
	if (s->lie != LIE_FLIP || at < offset || at >= offset + len)
		return s->sink(s->ctx, offset, data, len);
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, data, len);
	copy[at - offset] ^= 1;
	rc = s->sink(s->ctx, offset, copy, len);
	free(copy);
	return rc;
}

static int liar_call(struct store *store, struct store_request *r)
{
	struct liar *l = (struct liar *)store;
	struct store_request sub = *r;
	struct lying_sink sink;
	enum lie lie = LIE_NONE;
	int rc, error;

	if (r->op != STORE_GET)
		return store_call(store->below, r);
	pthread_mutex_lock(&l->mutex);
	l->gets++;
	l->bytes += r->range_length;
	l->waiting++;
	while (l->closed)
		pthread_cond_wait(&l->opened, &l->mutex);
	l->waiting--;
	if (l->lies_left) {
		l->lies_left--;
		lie = l->lie;
	}
	error = l->error;
	pthread_mutex_unlock(&l->mutex);

	if (lie == LIE_ERROR)
		return error;
	if (lie == LIE_VERSION) {
		sub.version_id = NULL;
		sub.if_match = NULL;
	}
	sink = (struct lying_sink){lie, r->sink, r->sink_ctx, r->range_length};
	if (!sink.length)
		sink.length = 3 * MIB; /* the whole of the test's object */
	if (lie == LIE_FLIP || lie == LIE_SHORT) {
		sub.sink = lie_about;
		sub.sink_ctx = &sink;
	}
	rc = store_call(store->below, &sub);
	r->reply = sub.reply;
	return rc;
}

static void liar_free(struct store *store)
{
	struct liar *l = (struct liar *)store;

	store_free(store->below);
	pthread_cond_destroy(&l->opened);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

static const struct store_ops liar_ops = {"liar", liar_call, liar_free};

static struct fault_decision rig_fault(void *ctx, const struct store_request *r)
{
	struct rig *rig = ctx;
	struct fault_decision none = {.kind = FAULT_NONE};

	return r->op == STORE_GET ? rig->fault : none;
}

void rig_start(struct rig *rig, bool versioned, uint64_t cache_bytes)
{
	struct store *below = NULL;
	char reason[256];

	memset(rig, 0, sizeof(*rig));
	fill_pattern();
	assert_int_equal(make_work_dir(rig->dir, sizeof(rig->dir), "t_reader"),
			 0);
	assert_int_equal(memory_store_new(versioned, &below), 0);
	rig->liar = calloc(1, sizeof(*rig->liar));
	assert_non_null(rig->liar);
	rig->liar->store.ops = &liar_ops;
	rig->store = &rig->liar->store;
	pthread_mutex_init(&rig->liar->mutex, NULL);
	pthread_cond_init(&rig->liar->opened, NULL);
	assert_int_equal(fault_store_new(rig_fault, rig, &below,
					 &rig->liar->store.below),
			 0);
	assert_int_equal(blocks_open(rig->dir, cache_bytes, reason,
				     sizeof(reason), &rig->blocks),
			 0);
	assert_int_equal(
		reader_new(rig->store, rig->blocks, PREFIX, &rig->reader), 0);
}

void rig_stop(struct rig *rig)
{
	reader_free(rig->reader);
	blocks_close(rig->blocks);
	store_free(rig->store);
	remove_tree(rig->dir);
}

void rig_gate(struct rig *rig, bool closed)
{
	pthread_mutex_lock(&rig->liar->mutex);
	rig->liar->closed = closed;
	pthread_cond_broadcast(&rig->liar->opened);
	pthread_mutex_unlock(&rig->liar->mutex);
}

void rig_lie(struct rig *rig, enum lie lie, unsigned count, int error)
{
	pthread_mutex_lock(&rig->liar->mutex);
	rig->liar->lie = lie;
	rig->liar->lies_left = count;
	rig->liar->error = error;
	rig->liar->gets = 0;
	rig->liar->bytes = 0;
	pthread_mutex_unlock(&rig->liar->mutex);
}

unsigned rig_gets(struct rig *rig)
{
	unsigned n;

	pthread_mutex_lock(&rig->liar->mutex);
	n = rig->liar->gets;
	pthread_mutex_unlock(&rig->liar->mutex);
	return n;
}

void rig_put(struct rig *rig, const char *key, uint64_t size, unsigned seed,
	     const struct kvlist *headers, struct meta_version *ret)
{
	struct store_request r;
	unsigned char *data = malloc(size ? size : 1);
	char whole[META_KEY_MAX + 1];

	assert_non_null(data);
	content(seed, 0, data, size);
	snprintf(whole, sizeof(whole), PREFIX "%s", key);
	store_request_init(&r, STORE_PUT);
	r.key = whole;
	r.headers = headers;
	r.body.mem = data;
	r.body.length = size;
	assert_int_equal(store_call(&rig->liar->store, &r), 0);
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->key, sizeof(ret->key), "%s", key);
	snprintf(ret->etag, sizeof(ret->etag), "%s", r.reply.object.etag);
	if (r.reply.object.version_id)
		snprintf(ret->version_id, sizeof(ret->version_id), "%s",
			 r.reply.object.version_id);
	ret->size_bytes = size;
	version_set_content_id(ret);
	store_request_release(&r);
	free(data);
}

/* A read under way, and how it ended. */
static void got_done(void *arg, int error, const struct iovec *iov, int count)
{
	struct got *g = arg;
	uint64_t pos = g->offset;
	bool equal = true;

	for (int i = 0; i < count; i++) {
		equal = equal && content_is(g->seed, pos, iov[i].iov_base,
					    iov[i].iov_len);
		pos += iov[i].iov_len;
	}
	pthread_mutex_lock(&g->mutex);
	g->ended++;
	g->error = error;
	g->len = pos - g->offset;
	g->equal = equal;
	pthread_cond_signal(&g->cond);
	pthread_mutex_unlock(&g->mutex);
}

void got_start(struct got *g, struct rig *rig, const struct meta_version *v,
	       struct reader_stream *stream, unsigned seed, uint64_t offset,
	       size_t size)
{
	memset(g, 0, sizeof(*g));
	pthread_mutex_init(&g->mutex, NULL);
	pthread_cond_init(&g->cond, NULL);
	g->seed = seed;
	g->offset = offset;
	reader_read(rig->reader, v, stream, offset, size, got_done, g);
}

bool got_right(struct got *g)
{
	bool right;

	pthread_mutex_lock(&g->mutex);
	while (!g->ended)
		pthread_cond_wait(&g->cond, &g->mutex);
	right = g->ended == 1 && g->equal && (!g->error || !g->len);
	pthread_mutex_unlock(&g->mutex);
	pthread_cond_destroy(&g->cond);
	pthread_mutex_destroy(&g->mutex);
	return right;
}

int got_wait(struct got *g, uint64_t *ret_len)
{
	assert_true(got_right(g));
	*ret_len = g->len;
	return g->error;
}

int rig_read(struct rig *rig, const struct meta_version *v,
	     struct reader_stream *stream, unsigned seed, uint64_t offset,
	     size_t size)
{
	uint64_t len, want = 0;
	struct got g;
	int rc;

	got_start(&g, rig, v, stream, seed, offset, size);
	rc = got_wait(&g, &len);
	if (offset < v->size_bytes)
		want = v->size_bytes - offset < size ? v->size_bytes - offset
						     : size;
	if (!rc)
		assert_int_equal(len, want);
	return rc;
}

unsigned rig_cached(struct rig *rig, const struct meta_version *v)
{
	struct blocks_key key;
	unsigned n = 0;

	blocks_flush(rig->blocks);
	memcpy(key.id, v->id, sizeof(key.id));
	for (key.number = 0; key.number * BLOCK_SIZE < v->size_bytes;
	     key.number++)
		n += blocks_has(rig->blocks, &key);
	return n;
}

void rig_wait_cached(struct rig *rig, const struct meta_version *v,
		     unsigned count)
{
	for (unsigned i = 0; i < 1000 && rig_cached(rig, v) != count; i++)
		usleep(5000);
	assert_int_equal(rig_cached(rig, v), count);
}
