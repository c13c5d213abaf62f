/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a copy while they are read, and what they prove: whether they
 * are what the server says of them by an MD5 as ETag, an ETag of parts, or
 * x-amz-checksum-* of the whole; or other programs by metadata (rclone's
 * md5chksum, s3cmd's attributes).
 *
 * One thread at a time. 0 or -ENOMEM. Sizes in bytes.
 */
#ifndef VERS3_SRC_UPKEEP_CONTENT_SUM_H
#define VERS3_SRC_UPKEEP_CONTENT_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrity.h"

struct content_sum;

/*
 * For bytes that will be compared with that fact, and with no other; it is
 * borrowed until content_sum_free().
 */
int content_sum_new(const struct fact *fact, struct content_sum **ret_sum);
/* NULL is fine. */
void content_sum_free(struct content_sum *s);
int content_sum_add(struct content_sum *s, const void *data, size_t size);
/* After the last byte; then what follows may be asked. */
int content_sum_end(struct content_sum *s);
/* Whether the bytes are what the fact says of them. */
enum proof content_sum_proves(const struct content_sum *s);
/*
 * The size of the parts by which an ETag of parts was found to be right; 0:
 * it was not that.
 */
uint64_t content_sum_part_bytes(const struct content_sum *s);
/* Whether two have read the same bytes: size and SHA-256. */
bool content_sum_same(const struct content_sum *a, const struct content_sum *b);

#endif
