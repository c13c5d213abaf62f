/* SPDX-License-Identifier: Apache-2.0 */
/* One debug line a request, written when its answer is there. */
#include "vers3/store/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "layer.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

static void trace_line(const struct store_request *r, int err, int64_t took_ns,
		       uint64_t received_bytes)
{
	const struct store_reply *reply = &r->reply;
	const char *what = r->key ? r->key : r->prefix;

	log_debug("s3: %s '%s'%s%s: %d%s%s %s, %.1f ms, sent %" PRIu64
		  ", received %" PRIu64 ", id %s",
		  store_op_name(r->op), what ? what : "",
		  r->version_id ? " version " : "",
		  r->version_id ? r->version_id : "", reply->status,
		  reply->code[0] ? " " : "", reply->code,
		  err ? strerror(-err) : "ok", (double)took_ns / 1e6,
		  r->body.length, received_bytes,
		  reply->request_id[0] ? reply->request_id : "-");
}

static int trace_call(struct store *s, struct store_request *r)
{
	uint64_t received_bytes;
	int64_t start_ns;
	int err;

	if (log_get_level() < LOG_LEVEL_DEBUG)
		return store_call(s->below, r);
	start_ns = clock_mono_ns();
	err = layer_call_counted(s, r, &received_bytes);
	trace_line(r, err, clock_mono_ns() - start_ns, received_bytes);
	return err;
}

static const struct store_ops trace_ops = {
	.name = "trace",
	.call = trace_call,
	.free = layer_free,
};

int trace_store_new(struct store **below, struct store **ret_store)
{
	struct store *s = layer_new(sizeof(*s), &trace_ops, below);

	if (!s)
		return -ENOMEM;
	*ret_store = s;
	return 0;
}
