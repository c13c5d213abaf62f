/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the switch, and the count of changes that are under way. */
#include "vers3/store/standby.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "layer.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

struct standby_store {
	struct store store;
	struct store *replica; /* borrowed */
	struct key_journal *journal; /* borrowed */
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* any of these */
	/* All below is protected by mutex. */
	bool on, closed, claimed;
	unsigned changes; /* under way at the replica */
};

static bool is_change(enum store_op op)
{
	switch (op) {
	case STORE_PUT_VERSIONING:
	case STORE_PUT_LIFECYCLE:
	case STORE_DELETE_LIFECYCLE:
	case STORE_PUT:
	case STORE_COPY:
	case STORE_DELETE:
	case STORE_DELETE_MANY:
	case STORE_CREATE_UPLOAD:
	case STORE_UPLOAD_PART:
	case STORE_COPY_PART:
	case STORE_COMPLETE_UPLOAD:
	case STORE_ABORT_UPLOAD:
	case STORE_PUT_TAGGING:
	case STORE_PUT_RETENTION:
	case STORE_PUT_LEGAL_HOLD:
		return true;
	default:
		return false;
	}
}

/*
 * Whether it goes to the replica. A change is then counted until leave(); with
 * -EINTR whoever waits for it has given up.
 */
static int enter(struct standby_store *s, bool change, bool *ret_on)
{
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	while (!rc && change && s->closed)
		rc = cancel_wait(&s->changed, &s->mutex);
	*ret_on = s->on;
	if (!rc && change && s->on)
		s->changes++;
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

static void leave(struct standby_store *s)
{
	pthread_mutex_lock(&s->mutex);
	s->changes--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

/* Before anything is sent: what is not noted would not be brought back. */
static int note(struct standby_store *s, struct store_request *r)
{
	int rc = r->key ? key_journal_note(s->journal, r->key) : 0;

	for (size_t i = 0; !rc && i < r->delete_count; i++)
		rc = key_journal_note(s->journal, r->deletes[i].key);
	if (!rc)
		return 0;
	store_reply_reset(&r->reply);
	snprintf(r->reply.message, sizeof(r->reply.message),
		 "it cannot be noted that the key is to be brought back");
	log_error("failover: what is written to the replica cannot be noted: "
		  "%s",
		  strerror(-rc));
	return -EIO;
}

/*
 * Who took a key while the change was under way has not seen it. Nobody ends
 * the journal between, as leave() follows.
 */
static void note_again(struct standby_store *s, const struct store_request *r)
{
	if (r->key)
		key_journal_again(s->journal, r->key);
	for (size_t i = 0; i < r->delete_count; i++)
		key_journal_again(s->journal, r->deletes[i].key);
}

/* Of a pinned request: whether the other of the two may have that version. */
static bool may_be_elsewhere(const struct store_request *r, int rc)
{
	/* A server may call another one's id of a version malformed. */
	return r->pinned && (rc == -ENOENT || rc == -EBUSY || rc == -EINVAL);
}

/*
 * What was written before the failback has the replica's ids until the bucket's
 * are known, and files that go on from it have them for longer. An answer that
 * is none leaves the bucket's.
 */
static int read_replica(struct standby_store *s, struct store_request *r,
			int rc)
{
	struct store_request sub;
	struct store_reply empty;

	if (!r->version_id || !strcmp(r->version_id, "null"))
		return rc;
	store_request_init(&sub, r->op);
	empty = sub.reply;
	sub = *r;
	sub.reply = empty;
	if (!store_call(s->replica, &sub)) {
		empty = r->reply;
		r->reply = sub.reply;
		sub.reply = empty;
		rc = 0;
	}
	store_request_release(&sub);
	return rc;
}

static int standby_call(struct store *store, struct store_request *r)
{
	struct standby_store *s = (struct standby_store *)store;
	bool change = is_change(r->op), on;
	int rc = enter(s, change, &on);

	if (rc) {
		store_reply_reset(&r->reply);
		return rc;
	}
	if (!on) {
		rc = store_call(store->below, r);
		return may_be_elsewhere(r, rc) ? read_replica(s, r, rc) : rc;
	}
	if (change)
		rc = note(s, r);
	if (!rc)
		rc = store_call(s->replica, r);
	if (change) {
		note_again(s, r);
		leave(s);
	}
	/* Nothing older: it is that version, or there is none. */
	if (may_be_elsewhere(r, rc))
		rc = store_call(store->below, r);
	return rc;
}

static void standby_free(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;

	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->mutex);
	layer_free(store);
}

static const struct store_ops standby_ops = {
	.name = "standby",
	.call = standby_call,
	.free = standby_free,
};

int standby_store_new(struct store *replica, struct key_journal *journal,
		      struct store **below, struct store **ret_store)
{
	struct standby_store *s = layer_new(sizeof(*s), &standby_ops, below);
	int rc;

	if (!s)
		return -ENOMEM;
	s->replica = replica;
	s->journal = journal;
	s->on = key_journal_is_begun(journal);
	rc = clock_cond_init(&s->changed);
	if (rc) {
		layer_free(&s->store);
		return rc;
	}
	pthread_mutex_init(&s->mutex, NULL);
	*ret_store = &s->store;
	return 0;
}

bool standby_store_is_on(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;
	bool on;

	pthread_mutex_lock(&s->mutex);
	on = s->on;
	pthread_mutex_unlock(&s->mutex);
	return on;
}

int standby_store_begin(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;
	int rc = key_journal_begin(s->journal);

	if (rc)
		return rc;
	pthread_mutex_lock(&s->mutex);
	s->on = true;
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

bool standby_store_claim(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;
	bool claimed;

	pthread_mutex_lock(&s->mutex);
	claimed = !s->claimed;
	s->claimed = true;
	pthread_mutex_unlock(&s->mutex);
	return claimed;
}

void standby_store_disclaim(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;

	pthread_mutex_lock(&s->mutex);
	s->claimed = false;
	pthread_mutex_unlock(&s->mutex);
}

static void set_closed(struct standby_store *s, bool closed)
{
	s->closed = closed;
	pthread_cond_broadcast(&s->changed);
}

int standby_store_close(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	set_closed(s, true);
	while (!rc && s->changes)
		rc = cancel_wait(&s->changed, &s->mutex);
	if (rc)
		set_closed(s, false);
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

void standby_store_open(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;

	pthread_mutex_lock(&s->mutex);
	set_closed(s, false);
	pthread_mutex_unlock(&s->mutex);
}

int standby_store_end(struct store *store)
{
	struct standby_store *s = (struct standby_store *)store;
	int rc = key_journal_end(s->journal);

	if (rc)
		return rc;
	pthread_mutex_lock(&s->mutex);
	s->on = false;
	set_closed(s, false);
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

struct store *standby_store_goes_to(struct store *store)
{
	if (store->ops != &standby_ops || !standby_store_is_on(store))
		return store;
	return ((struct standby_store *)store)->replica;
}

struct store *standby_store_bucket(struct store *store)
{
	return store->below;
}
