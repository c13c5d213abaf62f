/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checksum of what lies on our disk (cached blocks, the redo log): Poly1305
 * with a fixed key, cut to 64 bits.
 * Not a secret, a checksum: it tells damage on the disk and a record that
 * belongs to another key. Chosen because libcrypto computes it at some
 * 5 GB/s; a CRC of zlib's takes three times as long.
 */
#ifndef VERS3_UTIL_SUM_H
#define VERS3_UTIL_SUM_H

#include <stddef.h>
#include <stdint.h>

struct sum;

/* A context for one thread at a time. 0 or -ENOMEM. */
int sum_new(struct sum **ret_sum);
/* NULL is fine. */
void sum_free(struct sum *s);
/* The checksum of key and data together. 0 or -ENOMEM. */
int sum_compute(struct sum *s, const void *key, size_t key_len,
		const void *data, size_t size, uint64_t *ret_sum);

#endif
