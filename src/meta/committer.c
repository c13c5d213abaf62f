/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that commits, and the lock under which all others change what
 * it commits.
 *
 *	transaction	committer	others
 *	clean		waits		may lock
 *	changed		waits until due	may lock
 *	changed		runs the hook	may lock (see data_first())
 *	changed		syncs the log	may lock
 *	committing	has barred it	wait
 *	failed		waits for close	-EIO
 *
 * So others wait for the disk in a commit alone, of which there are few: what
 * is changed becomes durable with the log. And one is made when the data that
 * it speaks of is durable, or nearly: while the disk takes long for that, and
 * changes keep coming, it is left to a later round, up to a limit (PATIENCE).
 *
 * While `barred`, the committer has the transaction to itself, without `lock`
 * itself: LMDB locks too, for as long as a transaction is open, and one order
 * of the two would be wrong at its begin and the other at its end.
 *
 * Lock order: lock → wake_lock.
 */
#include "vers3/meta/committer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define HOOK_TRIES     3 /* without the lock, before one with it */
#define RETRY_NS       (500 * NS_PER_MS) /* after one that was put off */
#define CLOSE_TRIES    3
#define CLOSE_RETRY_NS (100 * NS_PER_MS)
#define NEVER	       INT64_MAX
#define SLOW_NS	       (100 * NS_PER_MS) /* worth a line in the log */
#define QUICK_NS       (20 * NS_PER_MS) /* all may wait for the data so long */
#define PATIENCE       4 /* times its time and its changes a commit can wait */

struct committer {
	const char *name; /* borrowed */
	const struct committer_ops *ops; /* borrowed */
	void *ctx; /* borrowed */
	int64_t durable_ns, commit_ns;
	uint64_t commit_changes;
	pthread_t thread;
	bool closing; /* the thread's own */

	pthread_mutex_t lock; /* protects all down to `put_offs` */
	pthread_cond_t done; /* an attempt to commit ended */
	pthread_cond_t turn; /* `barred` was lifted */
	int (*hook)(void *ctx);
	void *hook_ctx; /* borrowed */
	int err; /* 0, or -EIO for ever */
	bool held; /* by a caller of committer_lock() */
	bool started; /* the first transaction has begun, or failed to */
	uint64_t changes; /* so far */
	uint64_t announced; /* `changes` when the thread was last told */
	uint64_t durable; /* `changes` as of the last that are durable */
	uint64_t committed; /* `changes` as of the last commit; fewer */
	int64_t oldest_ns; /* when the first after `durable` was announced */
	int64_t first_ns; /* when the first after `committed` was */
	uint64_t put_offs; /* commits that had to be put off */
	int put_off_err; /* why the last one was */

	/* Set by the thread alone: others let it have its turn first. */
	atomic_bool barred;

	pthread_mutex_t wake_lock; /* protects what follows */
	pthread_cond_t wake;
	int64_t due_ns; /* monotonic: when to commit; NEVER */
	bool stop;
};

/* Has the thread look no later than at due_ns. */
static void ring(struct committer *c, int64_t due_ns)
{
	pthread_mutex_lock(&c->wake_lock);
	if (due_ns < c->due_ns) {
		c->due_ns = due_ns;
		pthread_cond_signal(&c->wake);
	}
	pthread_mutex_unlock(&c->wake_lock);
}

/*
 * The thread's own way to `lock`, and to the transaction until give_way(). A
 * mutex is not fair: a caller that locks and unlocks in a loop would keep the
 * committer out for long.
 */
static void cut_in(struct committer *c)
{
	atomic_store(&c->barred, true);
	pthread_mutex_lock(&c->lock);
}

static void give_way(struct committer *c)
{
	atomic_store(&c->barred, false);
	pthread_cond_broadcast(&c->turn);
	pthread_mutex_unlock(&c->lock);
}

/* For the thread, after cut_in(): runs what takes long without `lock`. */
static void step_out(struct committer *c)
{
	pthread_mutex_unlock(&c->lock);
}

static void step_in(struct committer *c)
{
	pthread_mutex_lock(&c->lock);
}

/* Needs `lock`. */
static void set_failed(struct committer *c)
{
	c->err = -EIO;
	pthread_cond_broadcast(&c->done);
}

/*
 * Runs the hook so that the data it makes durable covers all changes of the
 * transaction. Called after cut_in(), and so again on return. A change recorded
 * while the hook runs speaks of data the hook may have missed. So the hook is
 * run again until none came, and, when they keep coming, once with all others
 * barred: by then there is little left to sync.
 * Callers write data first and record it afterwards; that makes it enough to
 * compare the counter.
 */
static int data_first(struct committer *c)
{
	int (*hook)(void *ctx) = c->hook;
	void *ctx = c->hook_ctx;
	uint64_t seen;
	int rc;

	if (!hook)
		return 0;
	for (unsigned tries = 0; tries < HOOK_TRIES; tries++) {
		seen = c->changes;
		give_way(c);
		rc = hook(ctx);
		cut_in(c);
		if (rc || seen == c->changes)
			return rc;
	}
	step_out(c);
	rc = hook(ctx);
	step_in(c);
	return rc;
}

/* Needs `lock`. What waits is told; the next try comes by itself. */
static void put_off(struct committer *c, int error)
{
	c->put_offs++;
	c->put_off_err = error == -ENOSPC ? error : -EIO;
	pthread_cond_broadcast(&c->done);
	ring(c, clock_mono_ns() + RETRY_NS);
}

/* After cut_in(). hook_ns: when the hook was begun. */
static void commit(struct committer *c, int64_t hook_ns)
{
	int64_t start_ns = clock_mono_ns();
	bool durable = false;
	int rc;

	step_out(c);
	rc = c->ops->commit(c->ctx, &durable);
	step_in(c);
	if (clock_mono_ns() - hook_ns > SLOW_NS)
		log_debug("%s: %.0f ms for the data of a commit, %.0f ms for "
			  "itself",
			  c->name, (double)(start_ns - hook_ns) / 1e6,
			  (double)(clock_mono_ns() - start_ns) / 1e6);
	if (durable)
		c->committed = c->durable = c->announced = c->changes;
	if (!durable && rc == -ENOSPC)
		put_off(c, rc);
	else if (rc)
		set_failed(c);
	pthread_cond_broadcast(&c->done);
}

/* After cut_in(): the hook has failed. */
static void data_failed(struct committer *c, int error)
{
	log_error("%s: commit put off: data is not on disk: %s", c->name,
		  strerror(-error));
	c->ops->put_off(c->ctx);
	put_off(c, -EIO);
}

/* After cut_in(): `seen` changes are durable, as of a round begun then. */
static void set_durable(struct committer *c, uint64_t seen, int64_t begun_ns)
{
	c->ops->log_end(c->ctx);
	if (clock_mono_ns() - c->oldest_ns > SLOW_NS)
		log_debug("%s: a change took %.0f ms to be durable, %.0f ms "
			  "of it for the disk",
			  c->name,
			  (double)(clock_mono_ns() - c->oldest_ns) / 1e6,
			  (double)(clock_mono_ns() - begun_ns) / 1e6);
	c->durable = seen;
	if (c->changes != seen) {
		c->oldest_ns = begun_ns;
		ring(c, begun_ns + c->durable_ns);
	}
	ring(c, c->first_ns + c->commit_ns);
	pthread_cond_broadcast(&c->done);
}

/* Whether it is time for a commit; patience: so many times that long. */
static bool is_due(const struct committer *c, int64_t now_ns, unsigned patience)
{
	return c->changes - c->committed >= c->commit_changes * patience ||
	       now_ns - c->first_ns >= c->commit_ns * patience ||
	       c->ops->log_is_large(c->ctx, patience);
}

/*
 * Makes what was changed so far durable by the log, for which nobody waits:
 * what is changed meanwhile stands behind the mark, and is for the next round.
 * Called after cut_in(), and so again on return. False: it takes a commit, or
 * one is due and nobody has to wait for its data.
 */
static bool log_round(struct committer *c, int64_t begun_ns)
{
	int (*hook)(void *ctx) = c->hook;
	void *ctx = c->hook_ctx;
	uint64_t seen = c->changes;
	bool due = is_due(c, begun_ns, 1);
	int rc = 0;

	if (c->closing || is_due(c, begun_ns, PATIENCE) ||
	    (due && seen == c->durable) || !c->ops->log_begin(c->ctx))
		return false;
	if (seen == c->durable) {
		ring(c, c->first_ns + c->commit_ns);
		return true;
	}
	give_way(c);
	if (hook)
		rc = hook(ctx);
	cut_in(c);
	if (c->err)
		return true;
	if (rc) {
		data_failed(c, rc);
		return true;
	}
	rc = c->ops->log_mark(c->ctx);
	if (rc)
		return false;
	give_way(c);
	rc = c->ops->log_sync(c->ctx);
	cut_in(c);
	if (rc)
		return false;
	set_durable(c, seen, begun_ns);
	return !due ||
	       (c->changes != seen && clock_mono_ns() - begun_ns >= QUICK_NS);
}

/* One attempt; nothing when there is nothing to make durable, or to commit. */
static void commit_round(struct committer *c)
{
	int64_t begun_ns = clock_mono_ns();
	int rc;

	cut_in(c);
	if (c->err || c->committed == c->changes || log_round(c, begun_ns) ||
	    c->err)
		goto out;
	/* The log may have seen to all of it already. */
	rc = c->durable == c->changes ? 0 : data_first(c);
	if (c->err)
		goto out;
	if (rc)
		data_failed(c, rc);
	else
		commit(c, begun_ns);
out:
	give_way(c);
}

/* Waits until a commit is due; false when it is the last one. */
static bool wait_due(struct committer *c)
{
	bool more;

	pthread_mutex_lock(&c->wake_lock);
	while (!c->stop && clock_mono_ns() < c->due_ns) {
		if (c->due_ns == NEVER)
			pthread_cond_wait(&c->wake, &c->wake_lock);
		else
			clock_cond_wait_until(&c->wake, &c->wake_lock,
					      c->due_ns);
	}
	c->due_ns = NEVER;
	more = !c->stop;
	pthread_mutex_unlock(&c->wake_lock);
	return more;
}

/*
 * The last commit. Without its data it is not made: the state on disk stays
 * the last one that holds together.
 */
static void finish(struct committer *c)
{
	struct timespec pause = clock_timespec(CLOSE_RETRY_NS);

	c->closing = true;
	for (unsigned tries = 1;; tries++) {
		commit_round(c);
		if (c->err || c->committed == c->changes)
			break;
		if (tries == CLOSE_TRIES) {
			log_error("%s: closed without the last changes",
				  c->name);
			break;
		}
		nanosleep(&pause, NULL);
	}
	cut_in(c);
	step_out(c);
	c->ops->abort(c->ctx);
	step_in(c);
	give_way(c);
}

static void *run(void *arg)
{
	struct committer *c = arg;
	int rc;

	cut_in(c);
	step_out(c);
	rc = c->ops->begin(c->ctx);
	step_in(c);
	if (rc)
		set_failed(c);
	c->started = true;
	pthread_cond_broadcast(&c->done);
	give_way(c);
	while (!rc && wait_due(c))
		commit_round(c);
	finish(c);
	return NULL;
}

static void destroy(struct committer *c)
{
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->wake_lock);
	pthread_cond_destroy(&c->turn);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int committer_new(const char *name, const struct committer_ops *ops, void *ctx,
		  int64_t durable_ns, int64_t commit_ns,
		  uint64_t commit_changes, struct committer **ret_committer)
{
	struct committer *c = calloc(1, sizeof(*c));
	sigset_t all, old;
	int rc;

	if (!c)
		return -ENOMEM;
	c->name = name;
	c->ops = ops;
	c->ctx = ctx;
	c->durable_ns = durable_ns;
	c->commit_ns = commit_ns;
	c->commit_changes = commit_changes;
	c->due_ns = NEVER;
	pthread_mutex_init(&c->lock, NULL);
	clock_cond_init(&c->done);
	clock_cond_init(&c->turn);
	pthread_mutex_init(&c->wake_lock, NULL);
	clock_cond_init(&c->wake);
	/* Signals are the business of the threads that expect them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&c->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		destroy(c);
		return -rc;
	}
	pthread_setname_np(c->thread, "vers3-commit");
	pthread_mutex_lock(&c->lock);
	while (!c->started)
		clock_cond_wait(&c->done, &c->lock);
	rc = c->err;
	pthread_mutex_unlock(&c->lock);
	if (rc) {
		committer_free(c);
		return rc;
	}
	*ret_committer = c;
	return 0;
}

void committer_free(struct committer *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->wake_lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->wake_lock);
	pthread_join(c->thread, NULL);
	destroy(c);
}

int committer_lock(struct committer *c)
{
	int rc;

	pthread_mutex_lock(&c->lock);
	while (atomic_load(&c->barred))
		clock_cond_wait(&c->turn, &c->lock);
	rc = c->err;
	if (rc)
		pthread_mutex_unlock(&c->lock);
	else
		c->held = true;
	return rc;
}

void committer_unlock(struct committer *c)
{
	assert(c->held);
	c->held = false;
	if (c->changes != c->announced) {
		if (c->announced == c->durable) {
			c->oldest_ns = clock_mono_ns();
			ring(c, c->oldest_ns + c->durable_ns);
		}
		if (c->announced == c->committed)
			c->first_ns = c->oldest_ns;
		if (c->changes - c->committed >= c->commit_changes &&
		    c->announced - c->committed < c->commit_changes)
			ring(c, 0);
		c->announced = c->changes;
	}
	pthread_mutex_unlock(&c->lock);
}

int committer_sync(struct committer *c)
{
	uint64_t want, put_offs;
	int rc;

	pthread_mutex_lock(&c->lock);
	want = c->changes;
	put_offs = c->put_offs;
	if (c->durable < want && !c->err)
		ring(c, 0);
	while (c->durable < want && !c->err && c->put_offs == put_offs)
		clock_cond_wait(&c->done, &c->lock);
	rc = c->err;
	if (!rc && c->durable < want)
		rc = c->put_off_err;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void committer_set_hook(struct committer *c, int (*fn)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&c->lock);
	c->hook = fn;
	c->hook_ctx = ctx;
	pthread_mutex_unlock(&c->lock);
}

int committer_check(const struct committer *c)
{
	assert(c->held);
	return c->err;
}

void committer_changed(struct committer *c)
{
	c->changes++;
}

int64_t committer_pending_ns(const struct committer *c)
{
	assert(c->held);
	return c->announced == c->durable ? 0 : c->oldest_ns;
}

void committer_fail(struct committer *c)
{
	set_failed(c);
}
