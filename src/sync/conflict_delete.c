/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting what is known, and nothing else, once each.
 *
 *	a key's way
 *	open ──carries its ETag, or a list shows what is known──▶ send
 *		(not if it is suspect, or an earlier try may have been done)
 *	open ──asked for: what is known──▶ send
 *	open ──asked for: gone, or others' version──▶ done
 *	open ──must not be read: a list of the key says the same──▶ send, done
 *	send ──answer──▶ done
 *	send ──refused for its ETag, or the answer was lost──▶ open
 *	send ──not allowed──▶ open, if it went with its ETag
 *
 * Where the server compares ETags, each delete carries one. Where it does
 * not, one list over the keys of a batch vouches for those that stand there
 * as they are known; any other is asked for by itself. So `rm -rf` costs a
 * list for a thousand keys.
 *
 * To compare an ETag is to read (Amazon). What was not allowed with one is
 * sent once more without, where a list of the batch vouches for it as well.
 */
#include "syncer_impl.h"
#include "vers3/sync/conflict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conflict_impl.h"
#include "conflict_verdict.h"
#include "vers3/journal/journal.h"
#include "vers3/store/list.h"
#include "vers3/util/clock.h"

#define PAGES_MAX  16 /* of a list, until it is better to ask one by one */
#define LOOK_WIDTH 8 /* keys asked for at once */
#define TRIES	   4 /* when answers are lost */
#define PAUSE_NS   (100 * NS_PER_MS)

enum state {
	OPEN,
	SEND,
	DONE
};

/* A batch at work. Borrowed, but for the arrays that say so. */
struct batch {
	struct syncer *s;
	struct pool *pool;
	struct conflict *list;
	struct store_delete *items;
	size_t count;
	enum state *states; /* owned */
	size_t *order; /* owned: indices, sorted by key */
	struct store_delete *out; /* owned: what one request carries, */
	struct conflict **going; /* owned: and whose keys they are */
	bool denied; /* a list is for those that were not allowed */
};

static int batch_init(struct batch *b)
{
	b->states = calloc(b->count, sizeof(*b->states));
	b->order = calloc(b->count, sizeof(*b->order));
	b->out = calloc(b->count, sizeof(*b->out));
	b->going = calloc(b->count, sizeof(*b->going));
	return b->states && b->order && b->out && b->going ? 0 : -ENOMEM;
}

static void batch_release(struct batch *b)
{
	free(b->states);
	free(b->order);
	free(b->out);
	free(b->going);
}

static int compare_keys(const void *x, const void *y, void *ctx)
{
	const struct batch *b = ctx;

	return strcmp(b->items[*(const size_t *)x].key,
		      b->items[*(const size_t *)y].key);
}

static void sort_keys(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		b->order[i] = i;
	qsort_r(b->order, b->count, sizeof(*b->order), compare_keys, b);
}

/* The index of a key in the batch; count: it is not one of it. */
static size_t find(const struct batch *b, const char *key)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(b->items[b->order[mid]].key, key);

		if (!order)
			return b->order[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return b->count;
}

/* An entry clears a key only by being what is known. */
static int on_entry(void *ctx, const struct store_entry *e)
{
	struct batch *b = ctx;
	size_t i = find(b, e->key);

	if (strcmp(e->key, b->items[b->order[b->count - 1]].key) > 0)
		return -ECANCELED; /* lists are sorted: none of it comes */
	if (i == b->count || b->states[i] != OPEN ||
	    b->denied != (b->items[i].result == -EACCES) ||
	    conflict_shown(&b->list[i], e) != CONFLICT_SHOWN_KNOWN)
		return 0;
	b->states[i] = SEND;
	b->list[i].unseen = b->denied;
	return 0;
}

/* Our own saves of which no list has told yet: only their ids tell them. */
static bool needs_ids(const struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->list[i].version_id[0] && !b->list[i].modified_ns)
			return true;
	return false;
}

/* Best effort: a key that no page has shown is asked for. */
static void check_by_list(struct batch *b)
{
	char prefix[META_KEY_MAX + 1], start[META_KEY_MAX + 1];
	struct store_list list;
	int pages = 0, rc;
	bool ids;

	sort_keys(b);
	conflict_range(b->items[b->order[0]].key,
		       b->items[b->order[b->count - 1]].key, prefix, start);
	ids = b->s->mount->config.versioned && needs_ids(b);
	store_list_init(&list, ids ? STORE_LIST_VERSIONS : STORE_LIST, prefix,
			NULL);
	if (strlen(start) > strlen(prefix) && ids)
		list.key_marker = strdup(start);
	else if (strlen(start) > strlen(prefix))
		list.start_after = start;
	list.on_entry = on_entry;
	list.ctx = b;
	do
		rc = store_list_page(b->s->mount->store, &list);
	while (!rc && list.more && ++pages < PAGES_MAX);
	store_list_release(&list);
}

/* The answer to a list of one key. */
struct shown {
	const struct conflict *c;
	const char *key;
	bool there, known;
};

static int on_shown(void *ctx, const struct store_entry *e)
{
	struct shown *s = ctx;
	enum conflict_shown what = conflict_shown(s->c, e);

	if (strcmp(e->key, s->key) != 0 || what == CONFLICT_SHOWN_NOTHING)
		return 0;
	s->there = true;
	s->known = what != CONFLICT_SHOWN_OTHER;
	return 0;
}

/*
 * What must not be read is asked for by a list: what its user has never seen
 * is not deleted. 0, or why it cannot be told.
 */
static int look_unseen(struct batch *b, unsigned i)
{
	struct conflict *c = &b->list[i];
	struct shown s = {.c = c, .key = b->items[i].key};
	bool ids = b->s->mount->config.versioned && c->version_id[0] &&
		   !c->modified_ns;
	struct store_list list;
	int rc;

	store_list_init(&list, ids ? STORE_LIST_VERSIONS : STORE_LIST, s.key,
			NULL);
	list.max_keys = 1; /* the first, and the newest of it */
	list.on_entry = on_shown;
	list.ctx = &s;
	rc = store_list_page(b->s->mount->store, &list);
	store_list_release(&list);
	c->gone = !rc && !s.there;
	c->met = !rc && s.there && !s.known;
	return rc;
}

/*
 * What the replica never had may be in the bucket, where it is to be gone after
 * a failback: that brings a marker, and so one is made where nothing is. Both
 * keep versions (failover_begin()), so that a delete without a condition makes
 * one and takes nothing away, also from somebody who is faster.
 */
static bool is_to_be_marked(const struct batch *b)
{
	return mount_replica_stands_in(b->s->mount);
}

static int look_one(void *ctx, unsigned i)
{
	struct batch *b = ctx;
	struct conflict *c = &b->list[i];
	enum conflict_delete_look looked;
	int rc;

	if (b->states[i] != OPEN)
		return 0;
	rc = conflict_look(b->s, c);
	if (!rc && c->unseen)
		rc = look_unseen(b, i);
	looked = conflict_delete_looked(&(struct conflict_looked_facts){
		.rc = rc,
		.denied = b->items[i].result == -EACCES,
		.unseen = c->unseen,
		.gone = c->gone,
		.met = c->met});
	if (looked == CONFLICT_DELETE_AGREED)
		c->met = false;
	if (looked == CONFLICT_DELETE_DENIED)
		rc = -EACCES;
	b->states[i] = looked == CONFLICT_DELETE_KNOWN ? SEND : DONE;
	if (looked == CONFLICT_DELETE_AGREED && is_to_be_marked(b)) {
		c->gone = false;
		c->etag[0] = '\0'; /* no condition, which would fail */
		b->states[i] = SEND;
	}
	b->items[i].result = rc;
	return 0;
}

static bool has_etag(const struct batch *b, size_t i)
{
	return conflict_condition(&b->s->mount->config.caps, &b->list[i],
				  STORE_DELETE) == CONFLICT_IF_MATCH;
}

/* One request's answer for this item. */
static void take_result(struct batch *b, size_t i, int result, bool lost,
			bool looked)
{
	bool open = conflict_delete_reopens(
		&(struct conflict_answered_facts){.result = result,
						  .condition = has_etag(b, i),
						  .lost = lost,
						  .last = looked});

	if (result == -ENOENT && !looked && is_to_be_marked(b))
		open = true;
	b->items[i].result = result == -ENOENT ? 0 : result;
	b->list[i].open = b->list[i].open || lost;
	b->states[i] = open ? OPEN : DONE;
}

/* One request; *ret_lost: it may have been carried out all the same. */
static int send_out(struct batch *b, size_t n, bool *ret_lost)
{
	struct store_request r;
	int rc = conflict_sending(b->s, b->going, n, META_TRIED_NOTHING);

	*ret_lost = false;
	if (rc)
		return rc;
	store_request_init(&r, n == 1 ? STORE_DELETE : STORE_DELETE_MANY);
	if (n == 1) {
		r.key = b->out[0].key;
		r.if_match = b->out[0].if_match;
	}
	r.deletes = b->out;
	r.delete_count = n;
	rc = store_call(b->s->mount->store, &r);
	*ret_lost = rc && r.reply.unsure;
	if (n == 1 && (rc == -ENOENT || rc == -EBUSY)) {
		b->out[0].result = rc;
		rc = 0;
	}
	store_request_release(&r);
	return rc;
}

static void send_pass(struct batch *b, bool looked, bool *ret_lost)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < b->count; i++) {
		if (b->states[i] != SEND)
			continue;
		memset(&b->out[n], 0, sizeof(b->out[n]));
		b->out[n].key = b->items[i].key;
		if (has_etag(b, i))
			b->out[n].if_match = b->list[i].etag;
		b->going[n++] = &b->list[i];
	}
	*ret_lost = false;
	if (n)
		rc = send_out(b, n, ret_lost);
	n = 0;
	for (size_t i = 0; i < b->count; i++) {
		if (b->states[i] != SEND)
			continue;
		take_result(b, i, rc ? rc : b->out[n].result, *ret_lost,
			    looked);
		free(b->out[n++].marker_version);
	}
}

/*
 * One list for all that were not allowed: a look at each would cost whoever
 * must not delete anything as many requests as there are keys.
 */
static void check_denied(struct batch *b)
{
	size_t count = 0;

	for (size_t i = 0; i < b->count; i++)
		if (b->states[i] == OPEN && b->items[i].result == -EACCES)
			count++;
	if (count < 2)
		return;
	b->denied = true;
	check_by_list(b);
	b->denied = false;
}

static bool any_open(const struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->states[i] == OPEN)
			return true;
	return false;
}

int conflict_delete(struct syncer *s, struct pool *pool, struct conflict *list,
		    struct store_delete *items, size_t count)
{
	struct batch b = {.s = s,
			  .pool = pool,
			  .list = list,
			  .items = items,
			  .count = count};
	struct timespec pause = clock_timespec(PAUSE_NS);
	bool lost = false;
	int rc = batch_init(&b);

	if (rc)
		goto out;
	for (size_t i = 0; i < count; i++)
		b.states[i] = has_etag(&b, i) && !list[i].unsure &&
					      !journal_is_suspect(s->journal,
								  list[i].path)
				      ? SEND
				      : OPEN;
	if (!s->mount->config.caps.remove && count > 1)
		check_by_list(&b);
	for (int tries = 0; tries < TRIES && !rc; tries++) {
		if (lost)
			nanosleep(&pause, NULL);
		check_denied(&b);
		rc = pool_each(pool, LOOK_WIDTH, (unsigned)count, look_one, &b);
		send_pass(&b, tries > 0, &lost);
		if (!any_open(&b))
			break;
	}
out:
	batch_release(&b);
	return rc;
}
