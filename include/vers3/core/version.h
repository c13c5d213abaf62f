/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of objects: which are the same, and under what id they are cached.
 *
 * Pure; any thread.
 */
#ifndef VERS3_CORE_VERSION_H
#define VERS3_CORE_VERSION_H

#include <stdbool.h>

#include "vers3/meta/inode.h"
#include "vers3/store/store.h"

/*
 * Whether two name the same version of the same key: by version id where
 * both have one, else by ETag.
 */
bool version_is_same(const struct meta_version *a,
		     const struct meta_version *b);
/* What an answer names it by; "" for what it does not, or names too long. */
void version_ids(const struct store_object *o, char etag[META_ETAG_MAX + 1],
		 char version_id[META_VERSION_MAX + 1]);
/*
 * The content id of a version for the block cache: SHA-256 over key,
 * version id, ETag, size and Last-Modified, cut to META_ID_SIZE. All zero
 * (no content) when it cannot be computed.
 */
void version_set_content_id(struct meta_version *version);
bool version_has_content_id(const struct meta_version *version);

#endif
