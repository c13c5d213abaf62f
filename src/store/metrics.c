/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what passes, by operation. One mutex protects the counters: it is
 * held for a few additions, next to requests that take milliseconds.
 */
#include "vers3/store/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "layer.h"
#include "refusals.h"
#include "vers3/util/clock.h"

struct metrics_store {
	struct store store;
	pthread_mutex_t mutex;
	/* Both are protected by mutex. */
	struct metrics_snapshot now;
	struct refusals refusals;
};

/*
 * Answers, not errors: nothing is there, or a condition does not hold, or it
 * was to be refused. What was asked about is known then.
 */
static bool is_answer(const struct store_request *r, int err)
{
	if (r->trial && r->reply.status >= 400 && r->reply.status < 500)
		return true;
	if (err == -EBUSY && r->reply.status == 412)
		return r->if_match || r->if_none_match || r->source_if_match;
	/* Of a list or a body, no more was wanted than had come. */
	if (err == -ECANCELED && r->reply.status == 200)
		return true;
	return !err || err == -ENOENT || err == -ENODATA;
}

/* Whatever it says, it is there to say it. */
static bool is_served(const struct store_reply *reply)
{
	return reply->status && reply->status < 500 && reply->status != 429 &&
	       strcmp(reply->code, "SlowDown") != 0;
}

static void count(struct metrics_store *ms, const struct store_request *r,
		  int err, int64_t start_ns, uint64_t received_bytes)
{
	int64_t end_ns = clock_mono_ns();
	int64_t real_ns = clock_real_ns();
	struct metrics_op *op = &ms->now.ops[r->op];

	pthread_mutex_lock(&ms->mutex);
	ms->now.in_flight--;
	op->calls++;
	op->time_ns += (uint64_t)(end_ns - start_ns);
	op->sent_bytes += r->body.length;
	op->received_bytes += received_bytes;
	if (!is_answer(r, err)) {
		op->errors++;
		ms->now.last_error_mono_ns = end_ns;
		store_describe(r, err, ms->now.last_error,
			       sizeof(ms->now.last_error));
	} else {
		ms->now.last_ok_mono_ns = end_ns;
	}
	if (is_answer(r, err) || is_served(&r->reply))
		ms->now.answer_mono_ns = end_ns;
	refusals_note(&ms->refusals, r, err, is_answer(r, err));
	if (r->reply.status || !err)
		ms->now.silent_mono_ns = 0;
	else if (store_is_outage(err) && !ms->now.silent_mono_ns)
		ms->now.silent_mono_ns = start_ns;
	if (r->reply.date_ns)
		ms->now.clock_skew_ns = r->reply.date_ns - real_ns;
	pthread_mutex_unlock(&ms->mutex);
}

static int metrics_call(struct store *s, struct store_request *r)
{
	struct metrics_store *ms = (struct metrics_store *)s;
	int64_t start_ns = clock_mono_ns();
	uint64_t received_bytes;
	int err;

	pthread_mutex_lock(&ms->mutex);
	ms->now.in_flight++;
	pthread_mutex_unlock(&ms->mutex);

	err = layer_call_counted(s, r, &received_bytes);
	count(ms, r, err, start_ns, received_bytes);
	return err;
}

static void metrics_free(struct store *s)
{
	struct metrics_store *ms = (struct metrics_store *)s;

	refusals_release(&ms->refusals);
	pthread_mutex_destroy(&ms->mutex);
	layer_free(s);
}

static const struct store_ops metrics_ops = {
	.name = "metrics",
	.call = metrics_call,
	.free = metrics_free,
};

int metrics_store_new(struct store **below, struct store **ret_store)
{
	struct metrics_store *ms = layer_new(sizeof(*ms), &metrics_ops, below);

	if (!ms)
		return -ENOMEM;
	pthread_mutex_init(&ms->mutex, NULL);
	*ret_store = &ms->store;
	return 0;
}

/* NULL where there is none. */
static struct metrics_store *find_layer(struct store *s)
{
	while (s && s->ops != &metrics_ops)
		s = s->below;
	return (struct metrics_store *)s;
}

void metrics_store_read(struct store *s, struct metrics_snapshot *ret)
{
	struct metrics_store *ms = find_layer(s);

	if (!ms) {
		memset(ret, 0, sizeof(*ret));
		return;
	}
	pthread_mutex_lock(&ms->mutex);
	*ret = ms->now;
	pthread_mutex_unlock(&ms->mutex);
}

bool metrics_store_refusal(struct store *s, const char *key,
			   struct metrics_refusal *ret)
{
	struct metrics_store *ms = find_layer(s);
	bool found;

	if (!ms)
		return false;
	pthread_mutex_lock(&ms->mutex);
	found = refusals_find(&ms->refusals, key, ret);
	pthread_mutex_unlock(&ms->mutex);
	return found;
}
