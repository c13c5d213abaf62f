/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GET of all of a small object, which tells what a HEAD would, and its bytes.
 *
 * One thread at a time. S3 API: GetObject.
 */
#ifndef VERS3_READ_WHOLE_GET_H
#define VERS3_READ_WHOLE_GET_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/store/store.h"
#include "vers3/util/buf.h"

struct whole_get {
	struct buf body; /* what has come */
};

/*
 * max: what is larger is not taken, and ends the request in -ECANCELED, which
 * the metrics count as no error.
 */
void whole_get_init(struct whole_get *w, size_t max);
void whole_get_release(struct whole_get *w);
/* Makes r, a GET, hand its bytes to w, which is borrowed until it ends. */
void whole_get_begin(struct whole_get *w, struct store_request *r);
/*
 * Whether the bytes are what the answer says of them, by a checksum or an ETag
 * that is an MD5. What says neither is believed.
 */
bool whole_get_agrees(const struct whole_get *w, const struct store_object *o);

#endif
