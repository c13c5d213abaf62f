/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the versions that have not come, and the looks for them. */
#include "awaited.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "version_answer.h"
#include "vers3/core/replica_look.h"
#include "vers3/store/version_list.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/pool.h"

#define WIDTH 8 /* questions at once */

int awaited_add(struct awaited_set *s, struct version_entry *e,
		enum awaited_state state, int error)
{
	int rc;

	if (s->count == AWAITED_MAX) {
		s->passed_over++;
		return 0;
	}
	rc = array_room(s->items, s->count, s->size);
	if (rc)
		return rc;
	s->items[s->count++] =
		(struct awaited){.entry = *e, .state = state, .error = error};
	e->key = NULL;
	return 0;
}

static void release(struct awaited *a)
{
	version_entry_release(&a->entry);
	free(a->why);
}

void awaited_release(struct awaited_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		release(&s->items[i]);
	free(s->items);
	s->items = NULL;
	s->count = s->size = 0;
	s->passed_over = 0;
}

void awaited_drop_done(struct awaited_set *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct awaited *a = &s->items[i];

		if (a->state == AWAITED_THERE || a->state == AWAITED_GONE)
			release(a);
		else
			s->items[kept++] = *a;
	}
	s->count = kept;
}

struct marker_look {
	const struct version_entry *wanted; /* borrowed */
	struct version_list list;
	enum replica_look found;
	char *why; /* VERSION_WHY_MAX bytes */
};

static int on_marker(void *ctx, const struct store_entry *e)
{
	struct marker_look *l = ctx;

	if (strcmp(e->key, l->wanted->key) != 0) {
		l->list.stop = true;
	} else if (!strcmp(e->version_id, l->wanted->version_id)) {
		l->list.stop = true;
		if (e->kind == STORE_ENTRY_MARKER)
			l->found = REPLICA_LOOK_HAS;
		else if (meta_is_version_id(e->version_id))
			l->found = REPLICA_LOOK_OTHER;
	}
	return 0;
}

static void on_failure(void *ctx, const struct store_reply *reply, int rc)
{
	struct marker_look *l = ctx;

	version_explain(rc, reply, l->why, VERSION_WHY_MAX);
}

/* Of a delete marker no HEAD tells: servers answer as if there were nothing. */
static int look_for_marker(struct awaited_set *s,
			   const struct version_entry *wanted,
			   enum replica_look *ret_look, char *why)
{
	struct marker_look l = {
		.wanted = wanted, .found = REPLICA_LOOK_LACKS, .why = why};
	struct cancel enough, *before = cancel_current();
	int rc;

	l.list = (struct version_list){.prefix = wanted->key,
				       .on_entry = on_marker,
				       .on_failure = on_failure,
				       .ctx = &l};
	cancel_init_until(&enough, before, s->until_ns);
	cancel_enter(&enough);
	rc = version_list(s->mount->replica, &l.list);
	cancel_enter(before);
	if (rc && !cancel_is_set(before) && cancel_is_set(&enough))
		rc = -ETIMEDOUT;
	if (!rc)
		*ret_look = l.found;
	return rc;
}

static int look_in_replica(struct awaited_set *s, struct awaited *a, char *why)
{
	const struct replica_version v = {a->entry.key, a->entry.version_id,
					  a->entry.etag, a->entry.size_bytes};
	enum replica_look look = REPLICA_LOOK_LACKS;
	int rc = a->entry.marker ? look_for_marker(s, &a->entry, &look, why)
				 : replica_look(s->mount, &v, s->until_ns,
						&look, why, VERSION_WHY_MAX);

	if (rc)
		return rc;
	if (look == REPLICA_LOOK_HAS)
		a->state = AWAITED_THERE;
	else if (look == REPLICA_LOOK_OTHER)
		a->state = AWAITED_OTHER;
	return 0;
}

/* What the bucket's server says of it. */
static int ask_status(struct awaited_set *s, struct awaited *a, char *why)
{
	bool done = a->told == REPLICA_TOLD_COMPLETED && !a->error;

	struct store_request r;
	int rc;

	if (a->entry.marker)
		return 0;
	rc = store_head(s->mount->store, &r, a->entry.key, a->entry.version_id);
	if (rc == -ENOENT) {
		a->state = AWAITED_GONE;
		rc = 0;
	} else if (!rc) {
		a->told = replica_told(&r.reply.object.headers);
		/* Done when it was asked before, and not come since. */
		done = done && a->told == REPLICA_TOLD_COMPLETED;
		if (a->told == REPLICA_TOLD_FAILED ||
		    (done && s->mount->replica))
			a->state = AWAITED_FAILED;
	} else {
		store_describe(&r, rc, why, VERSION_WHY_MAX);
	}
	store_request_release(&r);
	return rc;
}

/* Without a replica to look into, the status is all there is. */
static int look_at_status(struct awaited_set *s, struct awaited *a, char *why)
{
	int rc = ask_status(s, a, why);

	if (rc || a->state != AWAITED_PENDING)
		return rc;
	if (a->told == REPLICA_TOLD_COMPLETED ||
	    a->told == REPLICA_TOLD_REPLICA)
		a->state = AWAITED_THERE;
	else if (a->told == REPLICA_TOLD_NOTHING)
		a->state = AWAITED_UNTOLD;
	return 0;
}

static int look_at(void *ctx, unsigned i)
{
	struct awaited_set *s = ctx;
	struct awaited *a = &s->items[i];
	char why[VERSION_WHY_MAX] = "";

	/* Past the time an answer would be none: what was last said stays. */
	if (a->state != AWAITED_PENDING || cancel_asked() ||
	    (s->until_ns && clock_mono_ns() >= s->until_ns))
		return 0;
	a->error = s->mount->replica ? look_in_replica(s, a, why)
				     : look_at_status(s, a, why);
	/* The time was over in the midst of it. */
	if (a->error == -EINTR)
		a->error = -ETIMEDOUT;
	/* What is refused now will be so in a minute. */
	if (a->error && a->error != -ETIMEDOUT && !store_is_outage(a->error)) {
		a->state = AWAITED_UNTOLD;
		free(a->why);
		a->why = *why ? strdup(why) : NULL;
	}
	return 0;
}

int awaited_look(struct awaited_set *s)
{
	int rc = pool_each(s->pool, WIDTH, (unsigned)s->count, look_at, s);

	return !rc && cancel_asked() ? -EINTR : rc;
}

static int status_of(void *ctx, unsigned i)
{
	struct awaited_set *s = ctx;
	struct awaited *a = &s->items[i];
	char why[VERSION_WHY_MAX];

	if (a->state == AWAITED_PENDING && i < s->looked && !cancel_asked())
		ask_status(s, a, why);
	return 0;
}

int awaited_ask_status(struct awaited_set *s, size_t most)
{
	size_t open = 0;
	int rc;

	for (s->looked = 0; s->looked < s->count && open < most; s->looked++)
		open += s->items[s->looked].state == AWAITED_PENDING;
	rc = pool_each(s->pool, WIDTH, (unsigned)s->looked, status_of, s);
	return !rc && cancel_asked() ? -EINTR : rc;
}

size_t awaited_count(const struct awaited_set *s, enum awaited_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++)
		count += s->items[i].state == state;
	return count;
}

const char *awaited_why(const struct awaited_set *s, const struct awaited *a)
{
	if (a->state == AWAITED_OTHER)
		return "the replica has another one by its version id";
	if (a->error == -ETIMEDOUT)
		return s->mount->replica ? "the replica gives no answer"
					 : "the server gives no answer";
	if (a->error)
		return a->why ? a->why : errtext(a->error);
	return replica_why_missing(a->told, a->entry.marker,
				   s->mount->replica != NULL);
}
