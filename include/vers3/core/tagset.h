/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tags of one version, as the bucket has them.
 *
 * Any thread; no lock held. The store is borrowed, the list the caller's. S3
 * API: GetObjectTagging, PutObjectTagging.
 */
#ifndef VERS3_CORE_TAGSET_H
#define VERS3_CORE_TAGSET_H

#include "vers3/store/store.h"
#include "vers3/util/kv.h"

/* Reads a version's tags, in their order. 0 or -errno. Blocks. */
int tagset_get(struct store *store, const char *key, const char *version_id,
	       struct kvlist *tags);
/* Gives a version these and no others. 0 or -errno. Blocks. */
int tagset_put(struct store *store, const char *key, const char *version_id,
	       const struct kvlist *tags);

#endif
