/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the question and its answer, until who asked has ended it and its job
 * has, too, whichever comes last:
 *
 *	QUEUED		its job waits for a thread; who comes for the answer
 *			now asks by himself, and the job sends nothing
 *	ASKING		who comes waits for it
 *	ANSWERED	the job has ended
 */
#include "early_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/store/limit.h"
#include "vers3/store/standby.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/urgency.h"

#define FAR_NS (20 * NS_PER_MS)

enum state {
	QUEUED,
	ASKING,
	ANSWERED,
};

struct early_head {
	struct tree *tree; /* borrowed */
	uint64_t dir;
	char path[META_KEY_MAX + 2], key[META_KEY_MAX + 2];
	enum urgency urgency; /* of who asks */
	/* Under the mutex of dirs. */
	enum state state;
	bool unwanted; /* it need not be sent any more */
	bool left; /* by who asked: its job frees it */
	/* The job's until it is answered, then who asked's. */
	struct store_request r;
	int64_t asked_ns;
	int rc;
};

bool early_head_fits(const struct meta_version *listed,
		     const struct store_reply *reply)
{
	const struct store_object *o = &reply->object;

	if (listed->version_id[0] || !listed->etag[0] || !o->etag ||
	    strcmp(o->etag, listed->etag) != 0 ||
	    o->size_bytes != listed->size_bytes)
		return false;
	/*
	 * The same bytes with other attributes are another date: a version that
	 * came after the answer has none before that. (A tag moves it in the
	 * answers of some servers, and not in their lists.)
	 */
	return o->last_modified_ns >= listed->last_modified_ns &&
	       (!reply->date_ns || o->last_modified_ns < reply->date_ns);
}

/* Whether waiting once less is worth a request that may be in vain. */
static bool is_far(struct tree *tree)
{
	int64_t far_ns = tree->mount->config.far_ns;
	struct limit_snapshot now;

	limit_store_read(standby_store_goes_to(tree->mount->store), &now);
	return now.limit &&
	       (!now.least_ns || now.least_ns >= (far_ns ? far_ns : FAR_NS));
}

static void early_head_free(struct early_head *e)
{
	store_request_release(&e->r);
	free(e);
}

static void ask(struct early_head *e)
{
	enum urgency urgency = urgency_enter(e->urgency);

	cancel_enter(&e->tree->dirs->ended);
	e->asked_ns = clock_real_ns();
	e->rc = deferred_head(e->tree->mount->store, &e->r);
	cancel_enter(NULL);
	urgency_enter(urgency);
}

static void run(void *arg)
{
	struct early_head *e = arg;
	struct dirs *d = e->tree->dirs;
	bool unwanted, left;

	pthread_mutex_lock(&d->mutex);
	unwanted = e->unwanted;
	e->state = ASKING;
	pthread_mutex_unlock(&d->mutex);
	if (!unwanted)
		ask(e);
	pthread_mutex_lock(&d->mutex);
	e->state = ANSWERED;
	left = e->left;
	pthread_cond_broadcast(&d->done);
	pthread_mutex_unlock(&d->mutex);
	/* Where it was not left, it may be gone by now. */
	if (left)
		early_head_free(e);
}

/* The name's path and key. */
static int find_key(struct early_head *e, const char *name)
{
	struct meta *meta = e->tree->meta;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	rc = meta_path(meta, e->dir, name, e->path);
	meta_unlock(meta);
	return rc ? rc : mount_key(e->tree->mount, e->path, e->key);
}

/* One a directory. */
static int enter(struct early_head *e)
{
	struct dirs *d = e->tree->dirs;
	int rc = -EBUSY;

	pthread_mutex_lock(&d->mutex);
	if (!map_get(d->early, &e->dir, sizeof(e->dir)))
		rc = map_put(d->early, &e->dir, sizeof(e->dir), e);
	pthread_mutex_unlock(&d->mutex);
	return rc;
}

static void leave(struct early_head *e)
{
	struct dirs *d = e->tree->dirs;

	pthread_mutex_lock(&d->mutex);
	map_del(d->early, &e->dir, sizeof(e->dir));
	pthread_mutex_unlock(&d->mutex);
}

struct early_head *early_head_begin(struct tree *tree, uint64_t dir,
				    const char *name)
{
	struct early_head *e;
	int rc;

	/* What is degraded is asked for no more than has to be. */
	if (!is_far(tree) || outage_holds(tree))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->tree = tree;
	e->dir = dir;
	e->urgency = urgency_current();
	store_request_init(&e->r, STORE_HEAD);
	e->r.key = e->key;
	e->r.trial = true;
	rc = find_key(e, name);
	if (!rc)
		rc = enter(e);
	if (rc) {
		early_head_free(e);
		return NULL;
	}
	rc = pool_submit(tree->dirs->pool, run, e);
	if (rc) {
		leave(e);
		early_head_free(e);
		return NULL;
	}
	return e;
}

int early_head_await(struct early_head *e, const struct meta_inode *inode,
		     const char *path, const struct store_object **ret_object,
		     int64_t *ret_asked_ns)
{
	struct dirs *d = e->tree->dirs;
	int rc = 0;

	pthread_mutex_lock(&d->mutex);
	if (e->state == QUEUED || !S_ISREG(inode->mode) ||
	    strcmp(path, e->path) != 0) {
		e->unwanted = true;
		rc = -EAGAIN;
	}
	while (!rc && e->state != ANSWERED)
		rc = cancel_wait(&d->done, &d->mutex);
	pthread_mutex_unlock(&d->mutex);
	if (rc)
		return rc;
	if (e->rc || !early_head_fits(&inode->base, &e->r.reply))
		return -EAGAIN;
	*ret_object = &e->r.reply.object;
	*ret_asked_ns = e->asked_ns;
	return 0;
}

void early_head_end(struct early_head *e)
{
	struct dirs *d;
	bool answered;

	if (!e)
		return;
	d = e->tree->dirs;
	pthread_mutex_lock(&d->mutex);
	map_del(d->early, &e->dir, sizeof(e->dir));
	answered = e->state == ANSWERED;
	e->unwanted = e->left = true;
	pthread_mutex_unlock(&d->mutex);
	if (answered)
		early_head_free(e);
}
