/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tag sets of objects. See "GetObjectTagging" and "PutObjectTagging" of the
 * Amazon S3 API reference: at most 10 tags, names of 128 characters, values
 * of 256, of letters, digits, spaces and + - = . _ : / @.
 *
 * Pure: no I/O, no locks, any thread.
 */
#ifndef VERS3_S3_TAGGING_H
#define VERS3_S3_TAGGING_H

#include <stddef.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/*
 * Reads a Tagging document; pairs are appended in its order. Names of tags
 * have case, so compare them by strcmp(). 0, -EIO when it cannot be
 * understood, -EFBIG, -ENOMEM.
 */
int tagging_parse(const char *doc, size_t len, struct kvlist *tags);
/* Appends a Tagging document. 0, -ENOMEM, -EFBIG. */
int tagging_write(const struct kvlist *tags, struct buf *out);

#endif
