/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader over the real block cache and the in-memory store. Between them
 * stands a store that counts GETs, can hold them back at a gate, and can
 * lie: other bytes, a short body, another version. Include cmocka.h first.
 */
#ifndef VERS3_TESTS_UNIT_READ_READER_RIG_H
#define VERS3_TESTS_UNIT_READ_READER_RIG_H

#include <pthread.h>
#include <stdbool.h>

#include "vers3/cache/blocks.h"
#include "vers3/read/reader.h"
#include "vers3/store/fault.h"
#include "vers3/util/crc.h"

#define MIB    (UINT64_C(1) << 20)
#define PREFIX "mnt/"

enum lie {
	LIE_NONE,
	LIE_FLIP, /* one bit of the body */
	LIE_SHORT, /* the last byte is missing, and nothing said */
	LIE_VERSION, /* conditions and version ids are overlooked */
	LIE_ERROR, /* `error`, nothing done */
};

struct liar {
	struct store store;
	pthread_mutex_t mutex;
	pthread_cond_t opened;
	/* Protected by mutex. */
	bool closed; /* GETs wait */
	unsigned gets, waiting;
	uint64_t bytes; /* asked for */
	enum lie lie;
	unsigned lies_left;
	int error;
};

struct rig {
	char dir[64];
	struct liar *liar; /* borrowed: of the store */
	struct store *store; /* owned: what the reader asks */
	struct blocks *blocks; /* owned */
	struct reader *reader; /* owned */
	/* What the fault store does to GETs. Set while nothing runs. */
	struct fault_decision fault;
};

void rig_start(struct rig *rig, bool versioned, uint64_t cache_bytes);
/* rig->reader may be NULL. */
void rig_stop(struct rig *rig);
/* Closed: GETs wait until it is opened. */
void rig_gate(struct rig *rig, bool closed);
/* The next `count` GETs lie; counting begins anew. */
void rig_lie(struct rig *rig, enum lie lie, unsigned count, int error);
unsigned rig_gets(struct rig *rig);
/* How many blocks of the version the cache has. */
unsigned rig_cached(struct rig *rig, const struct meta_version *v);
/* Blocks come to the cache after the reads that wanted them end. */
void rig_wait_cached(struct rig *rig, const struct meta_version *v,
		     unsigned count);
/* Puts an object of `size` bytes of a seed's content; tells its version. */
void rig_put(struct rig *rig, const char *key, uint64_t size, unsigned seed,
	     const struct kvlist *headers, struct meta_version *ret);
/* The check of such an object, as S3 has it. */
void rig_crc(enum crc_kind kind, unsigned seed, uint64_t size,
	     char text[CRC_TEXT_SIZE]);
/* Whether bytes are those of a seed's content, from an offset on. */
bool content_is(unsigned seed, uint64_t offset, const void *buf, size_t len);

struct got {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned seed;
	uint64_t offset;
	/* Protected by mutex. */
	unsigned ended;
	int error;
	uint64_t len;
	bool equal;
};

void got_start(struct got *g, struct rig *rig, const struct meta_version *v,
	       struct reader_stream *stream, unsigned seed, uint64_t offset,
	       size_t size);
/* Waits for the end; whether the bytes that came are right ones. */
bool got_right(struct got *g);
/* The same: they must be. For the test's own thread. */
int got_wait(struct got *g, uint64_t *ret_len);
/* Reads and checks; returns the error. */
int rig_read(struct rig *rig, const struct meta_version *v,
	     struct reader_stream *stream, unsigned seed, uint64_t offset,
	     size_t size);

#endif
