/* SPDX-License-Identifier: Apache-2.0 */
/* How much an unfinished upload has (S3 API: ListParts). */
#ifndef VERS3_STORE_UPLOAD_SIZE_H
#define VERS3_STORE_UPLOAD_SIZE_H

#include "vers3/store/store.h"

/*
 * The bytes of its parts, page by page. Blocks. 0, -ENOENT when there is no
 * such upload (any more), or what store_call() returned.
 */
int upload_size(struct store *store, const char *key, const char *upload_id,
		uint64_t *ret_bytes);

#endif
