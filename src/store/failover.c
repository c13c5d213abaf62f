/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the breaker and the thread that looks whether the server is back. */
#include "vers3/store/failover.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define PROBE_NS (5 * NS_PER_S)

struct failover_store {
	struct store store;
	struct store *replica, *probe; /* borrowed */
	int64_t probe_ns;
	struct cancel ending; /* of a look that is under way */
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* degraded, or stopped */
	/* All below is protected by mutex. */
	bool stopped;
	struct failover_stats now;
};

/* ---- the breaker ---- */

/* No answer, or one that says it cannot serve now; not a body that is bad. */
static bool is_down(const struct store_reply *reply, int rc)
{
	return store_is_outage(rc) &&
	       (!reply->status || reply->status >= 500 || reply->status == 429);
}

static bool is_degraded(struct failover_store *f)
{
	bool degraded;

	pthread_mutex_lock(&f->mutex);
	degraded = f->now.degraded;
	pthread_mutex_unlock(&f->mutex);
	return degraded;
}

static void set_degraded(struct failover_store *f, bool degraded)
{
	bool changed;

	pthread_mutex_lock(&f->mutex);
	changed = f->now.degraded != degraded;
	f->now.degraded = degraded;
	if (changed) {
		f->now.since_mono_ns = clock_mono_ns();
		pthread_cond_signal(&f->changed);
	}
	pthread_mutex_unlock(&f->mutex);
	if (changed && degraded)
		log_warning("the server does not answer: what it cannot give "
			    "is read from the replica");
	else if (changed)
		log_info("the server answers again: the replica is not asked "
			 "any more");
}

/* Of an answer, or none, that the server gave to anybody. */
static void note(struct failover_store *f, const struct store_reply *reply,
		 int rc)
{
	if (is_down(reply, rc))
		set_degraded(f, true);
	else if (reply->status)
		set_degraded(f, false);
}

static void look(struct failover_store *f)
{
	struct cancel *before = cancel_enter(&f->ending);
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_HEAD_BUCKET);
	rc = store_call(f->probe, &r);
	/* Only what is known to be an answer ends it. */
	if (r.reply.status && !is_down(&r.reply, rc))
		set_degraded(f, false);
	store_request_release(&r);
	cancel_enter(before);
}

static void *run(void *arg)
{
	struct failover_store *f = arg;
	int64_t until;

	pthread_mutex_lock(&f->mutex);
	while (!f->stopped) {
		if (!f->now.degraded) {
			pthread_cond_wait(&f->changed, &f->mutex);
			continue;
		}
		until = clock_mono_ns() + f->probe_ns;
		while (!f->stopped && f->now.degraded &&
		       clock_mono_ns() < until)
			clock_cond_wait_until(&f->changed, &f->mutex, until);
		if (f->stopped || !f->now.degraded)
			continue;
		pthread_mutex_unlock(&f->mutex);
		look(f);
		pthread_mutex_lock(&f->mutex);
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

/* ---- the replica ---- */

/* What an answer of the replica has to say of itself. */
struct sameness {
	const char *version_id, *etag; /* NULL: not compared */
	store_head_fn head; /* the caller's; may be NULL */
	void *head_ctx;
};

static bool is_same(const struct sameness *same, const struct store_object *o)
{
	if (same->etag && (!o->etag || strcmp(o->etag, same->etag) != 0))
		return false;
	return !same->version_id ||
	       (o->version_id && !strcmp(o->version_id, same->version_id));
}

/*
 * The caller compares the version's id, too, and where a copy has one of its
 * own, which was not asked for, it is none of its business.
 */
static int hand_head(void *ctx, int status, const struct store_object *o)
{
	const struct sameness *same = ctx;
	struct store_object shown = *o;

	if (!is_same(same, o))
		return -ENOENT;
	if (!same->version_id)
		shown.version_id = NULL;
	return same->head ? same->head(same->head_ctx, status, &shown) : 0;
}

/* One try. 0: sub.reply is the answer, else there is none to be had. */
static int ask(struct failover_store *f, const struct store_request *r,
	       struct sameness *same, struct store_request *sub)
{
	struct store_reply empty;
	int rc;

	store_request_init(sub, r->op);
	empty = sub->reply;
	*sub = *r;
	sub->reply = empty;
	sub->version_id = same->version_id;
	same->head = r->head;
	same->head_ctx = r->head_ctx;
	if (r->op == STORE_GET) {
		sub->head = hand_head;
		sub->head_ctx = same;
	}
	rc = store_call(f->replica, sub);
	if (!rc && !is_same(same, &sub->reply.object))
		rc = -ENOENT;
	if (!rc && !same->version_id) {
		free(sub->reply.object.version_id);
		sub->reply.object.version_id = NULL;
	}
	return rc;
}

/* "null" is what comes when versioning is off: it can be any content. */
static bool is_immutable(const char *version_id)
{
	return version_id && strcmp(version_id, "null") != 0;
}

/* 0 and the answer in r->reply; else r->reply is as it was. */
static int ask_replica(struct failover_store *f, struct store_request *r)
{
	struct sameness same = {.version_id = r->version_id,
				.etag = r->if_match};
	struct store_request sub;
	int rc = -ENOENT;

	if (is_immutable(r->version_id))
		rc = ask(f, r, &same, &sub);
	else
		store_request_init(&sub, r->op);
	if (rc && !cancel_asked() && !store_is_outage(rc) && r->if_match) {
		store_request_release(&sub);
		same.version_id = NULL;
		rc = ask(f, r, &same, &sub);
	}
	if (!rc) {
		struct store_reply mine = r->reply;

		r->reply = sub.reply;
		sub.reply = mine;
	}
	store_request_release(&sub);
	return rc;
}

static int failover_call(struct store *s, struct store_request *r)
{
	struct failover_store *f = (struct failover_store *)s;
	bool asked = r->pinned && is_degraded(f);
	int replica = asked ? ask_replica(f, r) : -ENOENT;
	int rc = 0;

	if (replica) {
		rc = store_call(s->below, r);
		note(f, &r->reply, rc);
		/* What the server cannot give, or gives with faults. */
		if (r->pinned && !asked && store_is_outage(rc))
			replica = ask_replica(f, r);
	}
	if (!replica)
		rc = 0;
	if (r->pinned && (!replica || store_is_outage(rc))) {
		pthread_mutex_lock(&f->mutex);
		if (!replica)
			f->now.reads++;
		else
			f->now.missing++;
		pthread_mutex_unlock(&f->mutex);
	}
	return rc;
}

/* ---- life ---- */

static void failover_free(struct store *s)
{
	struct failover_store *f = (struct failover_store *)s;

	if (f->started) {
		pthread_mutex_lock(&f->mutex);
		f->stopped = true;
		pthread_cond_signal(&f->changed);
		pthread_mutex_unlock(&f->mutex);
		cancel_set(&f->ending);
		pthread_join(f->thread, NULL);
	}
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->mutex);
	layer_free(s);
}

static const struct store_ops failover_ops = {
	.name = "failover",
	.call = failover_call,
	.free = failover_free,
};

int failover_store_new(const struct failover_config *config,
		       struct store **below, struct store **ret_store)
{
	struct failover_store *f = layer_new(sizeof(*f), &failover_ops, below);
	int rc;

	if (!f)
		return -ENOMEM;
	f->replica = config->replica;
	f->probe = config->probe;
	f->probe_ns = config->probe_ns ? config->probe_ns : PROBE_NS;
	cancel_init(&f->ending, NULL);
	pthread_mutex_init(&f->mutex, NULL);
	rc = clock_cond_init(&f->changed);
	if (rc) {
		pthread_mutex_destroy(&f->mutex);
		layer_free(&f->store);
		return rc;
	}
	rc = -pthread_create(&f->thread, NULL, run, f);
	f->started = !rc;
	if (rc)
		failover_free(&f->store);
	else
		*ret_store = &f->store;
	return rc;
}

void failover_store_read(struct store *s, struct failover_stats *ret)
{
	struct failover_store *f = (struct failover_store *)s;

	pthread_mutex_lock(&f->mutex);
	*ret = f->now;
	pthread_mutex_unlock(&f->mutex);
}
