/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed records: how a struct becomes the value of a table and comes back.
 * Numbers are big-endian, strings follow their length; there is no padding.
 * A record read from disk is input: reading past its end, or a string that
 * does not fit, makes the reader bad, and every later read gives zero, so a
 * caller reads all fields and asks once, with record_end().
 */
#ifndef VERS3_META_RECORD_H
#define VERS3_META_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"
#include "vers3/util/buf.h"

/* Holds an inode or a dirty record whatever is in it. */
#define RECORD_MAX 4096

struct record_writer {
	unsigned char data[RECORD_MAX];
	size_t len;
	bool bad; /* something did not fit */
};

struct record_reader {
	const unsigned char *at; /* borrowed */
	size_t left;
	bool bad;
};

void record_put_u32(struct record_writer *w, uint32_t v);
void record_put_u64(struct record_writer *w, uint64_t v);
/* A string in an array of `size` bytes, which has to hold its NUL. */
void record_put_str(struct record_writer *w, const char *s, size_t size);
void record_put_bytes(struct record_writer *w, const void *p, size_t size);
/*
 * A version; its key is left out when it equals `implied` (NULL: none), and
 * all of it when there is none.
 */
void record_put_version(struct record_writer *w, const struct meta_version *v,
			const char *implied);

/* Inline, since whole tables are walked with the lock held. */
static inline struct record_reader record_read(const struct meta_val *val)
{
	return (struct record_reader){val->data, val->size, false};
}

static inline void record_get_bytes(struct record_reader *r, void *p,
				    size_t size)
{
	if (r->bad || size > r->left) {
		r->bad = true;
		memset(p, 0, size);
		return;
	}
	memcpy(p, r->at, size);
	r->at += size;
	r->left -= size;
}

static inline uint32_t record_get_u32(struct record_reader *r)
{
	uint32_t v;

	record_get_bytes(r, &v, sizeof(v));
	return be32toh(v);
}

static inline uint64_t record_get_u64(struct record_reader *r)
{
	uint64_t v;

	record_get_bytes(r, &v, sizeof(v));
	return be64toh(v);
}

/* Into an array of `size` bytes; a NUL inside makes the reader bad. */
void record_get_str(struct record_reader *r, char *s, size_t size);
void record_get_version(struct record_reader *r, struct meta_version *v,
			const char *implied);
/* 0 when all was there and nothing is left, else -EIO. */
int record_end(const struct record_reader *r);

/*
 * Lists of pairs, which have a value of their own: names and values in turn,
 * each ended by a NUL. encode: 0, -ENOMEM, -EFBIG. decode appends: 0, -EIO
 * when it cannot be understood, -ENOMEM.
 */
int record_encode_pairs(const struct kvlist *list, struct buf *b);
int record_decode_pairs(const struct meta_val *val, struct kvlist *list);

#endif
