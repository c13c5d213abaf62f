/* SPDX-License-Identifier: Apache-2.0 */
/* What the layers of an object store have in common; for this floor only. */
#ifndef VERS3_SRC_STORE_LAYER_H
#define VERS3_SRC_STORE_LAYER_H

#include "vers3/store/store.h"

/*
 * Makes a zeroed layer of `size` bytes, which begins with a struct store,
 * over *below, which it takes over (and frees on failure; *below becomes
 * NULL). NULL without memory.
 */
void *layer_new(size_t size, const struct store_ops *ops, struct store **below);
/* Frees the layer and all below it. */
void layer_free(struct store *s);

/* A sink that counts the bytes which it passes on. */
struct layer_count {
	store_sink_fn sink; /* may be NULL */
	void *sink_ctx;
	uint64_t bytes;
};

/*
 * Calls the store below s with the request's body counted. A copy of the
 * request goes down, so that its inputs stay as the caller made them.
 */
int layer_call_counted(struct store *s, struct store_request *r,
		       uint64_t *ret_received_bytes);

#endif
