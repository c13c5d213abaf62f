/* SPDX-License-Identifier: Apache-2.0 */
/* What the layers of an object store have in common. */
#include "layer.h"

#include <stdlib.h>

void *layer_new(size_t size, const struct store_ops *ops, struct store **below)
{
	struct store *s = calloc(1, size);

	if (s) {
		s->ops = ops;
		s->below = *below;
	} else {
		store_free(*below);
	}
	*below = NULL;
	return s;
}

void layer_free(struct store *s)
{
	store_free(s->below);
	free(s);
}

static int count_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct layer_count *c = ctx;

	c->bytes += len;
	return c->sink ? c->sink(c->sink_ctx, offset, data, len) : 0;
}

int layer_call_counted(struct store *s, struct store_request *r,
		       uint64_t *ret_received_bytes)
{
	struct layer_count c = {r->sink, r->sink_ctx, 0};
	struct store_request sub = *r;
	int err;

	if (r->op == STORE_GET) {
		sub.sink = count_sink;
		sub.sink_ctx = &c;
	}
	err = store_call(s->below, &sub);
	r->reply = sub.reply;
	*ret_received_bytes = c.bytes + r->reply.body.len;
	return err;
}
