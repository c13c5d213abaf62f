/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-memory store, for unit tests: one bucket with versions, delete
 * markers, conditional writes, lists with delimiter and pages, multipart
 * uploads and copies, as the S3 API reference has them.
 */
#ifndef VERS3_STORE_MEMORY_H
#define VERS3_STORE_MEMORY_H

#include "vers3/store/store.h"

/* versioned: as with versioning enabled. 0 or -ENOMEM. */
int memory_store_new(bool versioned, struct store **ret_store);
/*
 * Gives the bucket a replication configuration, which the store's calls can
 * only read. s: the memory store, or a stack over it. 0 or -ENOMEM.
 */
int memory_store_set_replication(struct store *s, const char *document);
/* Has HeadBucket answer with a header from now on. The same. */
int memory_store_set_header(struct store *s, const char *name,
			    const char *value);
/*
 * Ends what RestoreObject has begun: archived versions can be read from now on,
 * or where it was in vain are as they were before. Returns how many.
 */
unsigned memory_store_end_restores(struct store *s, bool in_vain);

#endif
