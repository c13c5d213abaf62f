/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks: `editing` is held while the bucket is asked, since an edit is a read
 * and a write that belong together; only those who edit wait for it, and they
 * hold nothing else. `mutex` is a leaf.
 */
#include "vers3/core/bucket_config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/bucket_reply.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/pool.h"

#define DOCUMENT_MAX   (4 << 20)
#define ASK_WAIT_NS    (2 * NS_PER_S) /* then what is known has to do */
#define ERROR_PAUSE_NS (5 * NS_PER_S) /* before asking again in vain */

struct document {
	struct bucket_config *owner; /* borrowed */
	enum store_op op;
	/* All below is protected by the owner's mutex. */
	char *text; /* owned; NULL: there is none, or none is known */
	bool asking; /* a job is under way */
	uint64_t edits; /* what was asked before an edit is void */
	int64_t started_ns; /* of the job */
	int64_t ended_ns; /* of the last one; 0: never */
	int error; /* how that ended */
	char reason[BUCKET_REASON_MAX];
};

struct bucket_config {
	struct store *store; /* borrowed */
	struct pool *pool; /* owned */
	int64_t ttl_ns;
	/* One edit at a time: held over requests, as HACKING.md allows. */
	pthread_mutex_t editing;
	pthread_mutex_t mutex;
	pthread_cond_t done;
	struct document documents[BUCKET_DOCUMENTS];
};

int bucket_config_new(struct store *store, int64_t ttl_ns,
		      struct bucket_config **ret_config)
{
	struct bucket_config *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->store = store;
	c->ttl_ns = ttl_ns;
	c->documents[BUCKET_LIFECYCLE].op = STORE_GET_LIFECYCLE;
	c->documents[BUCKET_REPLICATION].op = STORE_GET_REPLICATION;
	c->documents[BUCKET_USAGE].op = STORE_HEAD_BUCKET;
	for (size_t i = 0; i < BUCKET_DOCUMENTS; i++)
		c->documents[i].owner = c;
	pthread_mutex_init(&c->editing, NULL);
	pthread_mutex_init(&c->mutex, NULL);
	rc = clock_cond_init(&c->done);
	if (!rc)
		rc = pool_new("config", BUCKET_DOCUMENTS, &c->pool);
	if (rc) {
		bucket_config_free(c);
		return rc;
	}
	*ret_config = c;
	return 0;
}

void bucket_config_free(struct bucket_config *c)
{
	if (!c)
		return;
	pool_free(c->pool);
	for (size_t i = 0; i < BUCKET_DOCUMENTS; i++)
		free(c->documents[i].text);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->mutex);
	pthread_mutex_destroy(&c->editing);
	free(c);
}

/* With mutex held: takes an answer in; text becomes the document's. */
static void take(struct document *d, int rc, char *text, const char *reason)
{
	d->ended_ns = clock_mono_ns();
	d->error = rc;
	snprintf(d->reason, sizeof(d->reason), "%s", reason);
	if (rc) {
		free(text);
		return;
	}
	free(d->text);
	d->text = text;
}

/* What the answer to HeadBucket has instead of a document. */
static int usage_lines(const struct kvlist *headers, struct buf *b)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < headers->count; i++)
		if (!strncmp(headers->items[i].name, "x-rgw-", 6))
			rc = buf_printf(b, "%s %s\n", headers->items[i].name,
					headers->items[i].value);
	return rc;
}

static void run_ask(void *arg)
{
	struct document *d = arg;
	struct bucket_config *c = d->owner;
	struct store_request r;
	char reason[256] = "", *text = NULL;
	uint64_t edits;
	int rc;

	pthread_mutex_lock(&c->mutex);
	edits = d->edits;
	pthread_mutex_unlock(&c->mutex);
	store_request_init(&r, d->op);
	rc = store_call(c->store, &r);
	if (!rc && d->op == STORE_HEAD_BUCKET)
		rc = usage_lines(&r.reply.object.headers, &r.reply.body);
	if (!rc && (d->op != STORE_HEAD_BUCKET || r.reply.body.len)) {
		text = buf_detach(&r.reply.body);
		rc = text ? 0 : -ENOMEM;
	}
	/* A server without such configurations has none. */
	if (rc == -ENODATA || rc == -EOPNOTSUPP)
		rc = 0;
	if (rc)
		bucket_explain(r.op, &r.reply, rc, reason, sizeof(reason));
	pthread_mutex_lock(&c->mutex);
	if (edits == d->edits)
		take(d, rc, text, reason);
	else
		free(text);
	d->asking = false;
	pthread_cond_broadcast(&c->done);
	pthread_mutex_unlock(&c->mutex);
	store_request_release(&r);
}

/* With mutex held. */
static bool is_fresh(const struct bucket_config *c, const struct document *d)
{
	int64_t age = clock_mono_ns() - d->ended_ns;

	if (!d->ended_ns)
		return false;
	/* A server that does not say how full a bucket is never will. */
	if (d->op == STORE_HEAD_BUCKET && !d->error && !d->text)
		return true;
	return age < c->ttl_ns || (d->error && age < ERROR_PAUSE_NS);
}

/* With mutex held. */
static void ask(struct bucket_config *c, struct document *d)
{
	int rc;

	if (d->asking || is_fresh(c, d))
		return;
	d->asking = true;
	d->started_ns = clock_mono_ns();
	rc = pool_submit(c->pool, run_ask, d);
	if (rc) {
		d->asking = false;
		take(d, rc, NULL, strerror(-rc));
	}
}

void bucket_config_refresh(struct bucket_config *c, enum bucket_document which)
{
	pthread_mutex_lock(&c->mutex);
	ask(c, &c->documents[which]);
	pthread_mutex_unlock(&c->mutex);
}

int bucket_config_get(struct bucket_config *c, enum bucket_document which,
		      struct buf *doc, char *reason, size_t size)
{
	struct document *d = &c->documents[which];
	int rc = 0, error;

	pthread_mutex_lock(&c->mutex);
	ask(c, d);
	while (d->asking &&
	       clock_cond_wait_until(&c->done, &c->mutex,
				     d->started_ns + ASK_WAIT_NS) != -ETIMEDOUT)
		;
	error = d->asking ? -ETIMEDOUT : d->error;
	snprintf(reason, size, "%s", d->asking ? "no answer yet" : d->reason);
	if (d->text)
		rc = buf_puts(doc, d->text);
	pthread_mutex_unlock(&c->mutex);
	return rc ? rc : error;
}

int bucket_config_peek(struct bucket_config *c, enum bucket_document which,
		       struct buf *doc)
{
	struct document *d = &c->documents[which];
	char reason[1];
	bool known;
	int rc = 0;

	pthread_mutex_lock(&c->mutex);
	ask(c, d);
	known = d->ended_ns != 0;
	if (known && d->text)
		rc = buf_puts(doc, d->text);
	pthread_mutex_unlock(&c->mutex);
	if (!known)
		bucket_config_get(c, which, doc, reason, sizeof(reason));
	return rc;
}

/* What was sent is what there is now, whatever was asked for before. */
static void note_edit(struct bucket_config *c, struct buf *doc)
{
	struct document *d = &c->documents[BUCKET_LIFECYCLE];
	char *text = doc->len ? buf_detach(doc) : NULL;

	pthread_mutex_lock(&c->mutex);
	d->edits++;
	take(d, 0, text, "");
	pthread_mutex_unlock(&c->mutex);
}

int bucket_config_begin_edit(struct bucket_config *c)
{
	return cancel_lock(&c->editing);
}

void bucket_config_end_edit(struct bucket_config *c, struct buf *doc)
{
	if (doc)
		note_edit(c, doc);
	pthread_mutex_unlock(&c->editing);
}
