/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the versions that have not come, and the looks for them. */
#include "awaited.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/replica_look.h"
#include "vers3/store/version_list.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/pool.h"

#define WIDTH 8 /* questions at once */

int awaited_add(struct awaited_set *s, struct version_entry *e, int error)
{
	int rc;

	if (s->count == AWAITED_MAX) {
		s->passed_over++;
		return 0;
	}
	rc = array_room(s->items, s->count, s->size);
	if (rc)
		return rc;
	s->items[s->count++] = (struct awaited){.entry = *e, .error = error};
	e->key = NULL;
	return 0;
}

void awaited_release(struct awaited_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		version_entry_release(&s->items[i].entry);
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
			version_entry_release(&a->entry);
		else
			s->items[kept++] = *a;
	}
	s->count = kept;
}

struct marker_look {
	const struct version_entry *wanted; /* borrowed */
	struct version_list list;
	bool there;
};

static int on_marker(void *ctx, const struct store_entry *e)
{
	struct marker_look *l = ctx;

	if (strcmp(e->key, l->wanted->key) != 0) {
		l->list.stop = true;
	} else if (!strcmp(e->version_id, l->wanted->version_id)) {
		l->there = e->kind == STORE_ENTRY_MARKER;
		l->list.stop = true;
	}
	return 0;
}

/* Of a delete marker no HEAD tells: servers answer as if there were nothing. */
static int look_for_marker(struct awaited_set *s,
			   const struct version_entry *wanted, bool *ret_there)
{
	struct marker_look l = {.wanted = wanted};
	struct cancel enough, *before = cancel_current();
	int rc;

	l.list = (struct version_list){
		.prefix = wanted->key, .on_entry = on_marker, .ctx = &l};
	cancel_init_until(&enough, before, s->until_ns);
	cancel_enter(&enough);
	rc = version_list(s->mount->replica, &l.list);
	cancel_enter(before);
	if (rc && !cancel_is_set(before) && cancel_is_set(&enough))
		rc = -ETIMEDOUT;
	if (!rc)
		*ret_there = l.there;
	return rc;
}

static int look_in_replica(struct awaited_set *s, struct awaited *a)
{
	const struct replica_version v = {a->entry.key, a->entry.version_id,
					  a->entry.etag, a->entry.size_bytes};
	enum replica_look look = REPLICA_LOOK_LACKS;
	bool there = false;
	int rc = a->entry.marker
			 ? look_for_marker(s, &a->entry, &there)
			 : replica_look(s->mount, &v, s->until_ns, &look);

	if (rc)
		return rc;
	if (there || look == REPLICA_LOOK_HAS)
		a->state = AWAITED_THERE;
	else if (look == REPLICA_LOOK_OTHER)
		a->state = AWAITED_OTHER;
	return 0;
}

/* What the bucket's server says of it. */
static int ask_status(struct awaited_set *s, struct awaited *a)
{
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
		if (a->told == REPLICA_TOLD_FAILED)
			a->state = AWAITED_FAILED;
	}
	store_request_release(&r);
	return rc;
}

/* Without a replica to look into, the status is all there is. */
static int look_at_status(struct awaited_set *s, struct awaited *a)
{
	int rc = ask_status(s, a);

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

	/* Past the time an answer would be none: what was last said stays. */
	if (a->state != AWAITED_PENDING || cancel_asked() ||
	    (s->until_ns && clock_mono_ns() >= s->until_ns))
		return 0;
	a->error = s->mount->replica ? look_in_replica(s, a)
				     : look_at_status(s, a);
	/* The time was over in the midst of it. */
	if (a->error == -EINTR)
		a->error = -ETIMEDOUT;
	/* What is refused now will be so in a minute. */
	if (a->error && a->error != -ETIMEDOUT && !store_is_outage(a->error))
		a->state = AWAITED_UNTOLD;
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

	if (a->state == AWAITED_PENDING && i < s->looked && !cancel_asked())
		ask_status(s, a);
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
		return errtext(a->error);
	return replica_why_missing(a->told, a->entry.marker,
				   s->mount->replica != NULL);
}
