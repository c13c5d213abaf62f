/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes chosen requests fail the way networks and servers do. A callback
 * decides for each request; what it decides is done here.
 */
#include "vers3/store/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "layer.h"

struct fault_store {
	struct store store;
	fault_fn fn;
	void *ctx; /* borrowed */
};

/* Lets the first `left` bytes of a body through. */
struct cut {
	store_sink_fn sink; /* may be NULL */
	void *sink_ctx;
	uint64_t left;
};

static int cut_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct cut *cut = ctx;
	size_t n = len < cut->left ? len : (size_t)cut->left;
	int err = 0;

	if (n && cut->sink)
		err = cut->sink(cut->sink_ctx, offset, data, n);
	cut->left -= n;
	if (err < 0)
		return err;
	return n < len ? -ECONNRESET : 0;
}

/*
 * The request is copied so that its inputs stay as the caller made them; the
 * reply, which the copy shares, is handed back.
 */
static int call_cut(struct store *below, struct store_request *r,
		    uint64_t cut_bytes)
{
	struct cut cut = {r->sink, r->sink_ctx, cut_bytes};
	struct store_request sub = *r;
	int err;

	sub.sink = cut_sink;
	sub.sink_ctx = &cut;
	err = store_call(below, &sub);
	r->reply = sub.reply;
	return err;
}

/* Whoever loses the answer to a list has seen nothing of the list. */
static int drop_entry(void *ctx, const struct store_entry *entry)
{
	(void)ctx;
	(void)entry;
	return 0;
}

static int drop_data(void *ctx, uint64_t offset, const void *data, size_t len)
{
	(void)ctx;
	(void)offset;
	(void)data;
	(void)len;
	return 0;
}

static void forget_deletes(struct store_request *r)
{
	for (size_t i = 0; i < r->delete_count; i++) {
		free(r->deletes[i].marker_version);
		r->deletes[i].marker_version = NULL;
		r->deletes[i].result = 0;
	}
}

static int call_lost(struct store *below, struct store_request *r)
{
	struct store_request sub = *r;

	sub.sink = drop_data;
	if (sub.on_entry)
		sub.on_entry = drop_entry;
	store_call(below, &sub);
	r->reply = sub.reply;
	store_reply_reset(&r->reply);
	if (r->op == STORE_DELETE_MANY)
		forget_deletes(r);
	snprintf(r->reply.message, sizeof(r->reply.message),
		 "connection reset before the answer (injected)");
	return -ECONNRESET;
}

static int status_errno(int status)
{
	switch (status) {
	case 400:
		return -EINVAL;
	case 401:
	case 403:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 409:
	case 412:
		return -EBUSY;
	case 416:
		return -ERANGE;
	default:
		return -EIO;
	}
}

static int fault_call(struct store *s, struct store_request *r)
{
	struct fault_store *fs = (struct fault_store *)s;
	struct fault_decision d = fs->fn(fs->ctx, r);

	switch (d.kind) {
	case FAULT_NONE:
		break;
	case FAULT_REFUSE:
		store_reply_reset(&r->reply);
		snprintf(r->reply.message, sizeof(r->reply.message),
			 "connection refused (injected)");
		return -ECONNREFUSED;
	case FAULT_LOST:
		return call_lost(s->below, r);
	case FAULT_STATUS:
		store_reply_reset(&r->reply);
		r->reply.status = d.status;
		snprintf(r->reply.code, sizeof(r->reply.code), "%s",
			 d.code ? d.code : "");
		return status_errno(d.status);
	case FAULT_CUT:
		if (r->op == STORE_GET)
			return call_cut(s->below, r, d.cut_bytes);
		break;
	}
	return store_call(s->below, r);
}

static const struct store_ops fault_ops = {
	.name = "fault",
	.call = fault_call,
	.free = layer_free,
};

int fault_store_new(fault_fn fn, void *ctx, struct store **below,
		    struct store **ret_store)
{
	struct fault_store *fs = layer_new(sizeof(*fs), &fault_ops, below);

	if (!fs)
		return -ENOMEM;
	fs->fn = fn;
	fs->ctx = ctx;
	*ret_store = &fs->store;
	return 0;
}
