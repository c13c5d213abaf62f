/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads over one queue.
 *
 * One that has found no work for IDLE_NS ends; its slot is joined by who needs
 * it next, or frees the pool.
 *
 * A thread counts as idle from its creation until it takes a job, so one is
 * started exactly when more jobs wait than threads are free to take them:
 * a job never waits behind another while the pool may still grow.
 *
 * pool_each shares out indices from a counted block. The caller works too and
 * waits for the indices, not for its helpers: it is safe inside a job of the
 * same pool, even when every thread is taken. A helper that comes late finds
 * nothing left, and touches neither fn nor ctx.
 *
 * Calls, and when they are legal: submit and each, any time, from any thread;
 * drain, not from a job (it would wait for itself); free, once, not from a
 * job.
 */
#include "vers3/util/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/urgency.h"

#define POOL_NAME_SIZE 16 /* what the kernel keeps of a thread's name */
#define IDLE_NS	       (10 * NS_PER_S)

struct pool_job {
	STAILQ_ENTRY(pool_job) entry;
	void (*run)(void *arg);
	void *arg;
};

struct pool_thread {
	struct pool *pool; /* borrowed */
	pthread_t thread;
	bool started; /* to be joined */
	bool ended; /* it touches nothing any more but the mutex */
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t work; /* a job was queued, or stop */
	pthread_cond_t quiet; /* nothing queued and nothing running */

	/* The rest is protected by mutex. */
	STAILQ_HEAD(, pool_job) jobs; /* owned */
	size_t queued;
	unsigned running; /* threads inside a job */
	unsigned idle; /* threads that are not */
	unsigned count; /* threads that have not ended */
	bool stop;
	struct pool_thread *threads; /* owned; max of them */
	int64_t idle_ns;

	/* Constant. */
	unsigned max;
	char name[POOL_NAME_SIZE];
};

/* Takes the queue's first job. Called with the mutex held. */
static struct pool_job *pool_take(struct pool *p)
{
	struct pool_job *job = STAILQ_FIRST(&p->jobs);

	STAILQ_REMOVE_HEAD(&p->jobs, entry);
	p->queued--;
	return job;
}

/* Waits for a job: false where none comes any more, or for long. */
static bool pool_wait(struct pool *p)
{
	int64_t until = clock_mono_ns() + p->idle_ns;

	while (!p->queued && !p->stop)
		if (clock_cond_wait_until(&p->work, &p->mutex, until))
			break;
	return p->queued;
}

static void *pool_worker(void *arg)
{
	struct pool_thread *self = arg;
	struct pool *p = self->pool;

	pthread_setname_np(pthread_self(), p->name);
	pthread_mutex_lock(&p->mutex);
	while (pool_wait(p)) {
		struct pool_job *job;

		job = pool_take(p);
		p->idle--;
		p->running++;
		pthread_mutex_unlock(&p->mutex);

		job->run(job->arg);
		free(job);

		pthread_mutex_lock(&p->mutex);
		p->running--;
		p->idle++;
		if (!p->running && !p->queued)
			pthread_cond_broadcast(&p->quiet);
	}
	p->idle--;
	p->count--;
	self->ended = true;
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

int pool_new(const char *name, unsigned max_threads, struct pool **ret_pool)
{
	struct pool *p;

	assert(max_threads >= 1);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->threads = calloc(max_threads, sizeof(*p->threads));
	if (!p->threads) {
		free(p);
		return -ENOMEM;
	}
	pthread_mutex_init(&p->mutex, NULL);
	clock_cond_init(&p->work);
	pthread_cond_init(&p->quiet, NULL);
	STAILQ_INIT(&p->jobs);
	p->idle_ns = IDLE_NS;
	p->max = max_threads;
	snprintf(p->name, sizeof(p->name), "%s", name);
	*ret_pool = p;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->mutex);
	/* No submit gets past stop: none is started from here on. */
	for (unsigned i = 0; i < p->max; i++)
		if (p->threads[i].started)
			pthread_join(p->threads[i].thread, NULL);
	assert(!p->queued && !p->running);
	pthread_cond_destroy(&p->quiet);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->mutex);
	free(p->threads);
	free(p);
}

/*
 * Starts one more thread. It takes no signals: those are for the thread that
 * waits for them. Called with the mutex held.
 */
static int pool_start_thread(struct pool *p)
{
	struct pool_thread *t = p->threads;
	sigset_t all, old;
	int rc;

	while (t->started && !t->ended)
		t++;
	if (t->started)
		pthread_join(t->thread, NULL);
	*t = (struct pool_thread){.pool = p};
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&t->thread, NULL, pool_worker, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		return -rc;
	t->started = true;
	p->count++;
	p->idle++;
	return 0;
}

int pool_submit(struct pool *p, void (*run)(void *arg), void *arg)
{
	struct pool_job *job = malloc(sizeof(*job));
	int rc = 0;

	if (!job)
		return -ENOMEM;
	job->run = run;
	job->arg = arg;

	pthread_mutex_lock(&p->mutex);
	if (p->stop) {
		rc = -ESHUTDOWN;
		goto out;
	}
	/* A failure to grow matters only while there is no thread at all. */
	if (p->queued >= p->idle && p->count < p->max && pool_start_thread(p) &&
	    !p->count) {
		rc = -ENOMEM;
		goto out;
	}
	STAILQ_INSERT_TAIL(&p->jobs, job, entry);
	p->queued++;
	job = NULL;
	pthread_cond_signal(&p->work);
out:
	pthread_mutex_unlock(&p->mutex);
	free(job);
	return rc;
}

void pool_set_idle(struct pool *p, int64_t ns)
{
	pthread_mutex_lock(&p->mutex);
	p->idle_ns = ns;
	pthread_mutex_unlock(&p->mutex);
}

unsigned pool_threads(struct pool *p)
{
	unsigned count;

	pthread_mutex_lock(&p->mutex);
	count = p->count;
	pthread_mutex_unlock(&p->mutex);
	return count;
}

void pool_drain(struct pool *p)
{
	pthread_mutex_lock(&p->mutex);
	while (p->queued || p->running)
		pthread_cond_wait(&p->quiet, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

/* One pool_each call, shared by its caller and its helpers. */
struct each {
	pthread_mutex_t mutex;
	pthread_cond_t all_done;

	/* Protected by mutex. */
	unsigned refs;
	unsigned next; /* index to hand out */
	unsigned done; /* indices finished */
	unsigned failed; /* lowest index that failed; n: none */
	int error; /* its error */

	/* Constant; fn and ctx are the caller's, borrowed until done == n. */
	unsigned n;
	int (*fn)(void *ctx, unsigned i);
	void *ctx;
	struct cancel *cancel; /* the caller's, likewise borrowed */
	enum urgency urgency; /* the caller's, */
	struct urgency_cause *cause; /* and likewise */
};

/* Works until no index is left. Called with the mutex held; keeps it. */
static void each_work(struct each *e)
{
	while (e->next < e->n) {
		unsigned i = e->next++;
		int rc;

		pthread_mutex_unlock(&e->mutex);
		rc = e->fn(e->ctx, i);
		pthread_mutex_lock(&e->mutex);
		if (rc && i < e->failed) {
			e->failed = i;
			e->error = rc;
		}
		if (++e->done == e->n)
			pthread_cond_signal(&e->all_done);
	}
}

/* Drops a reference and the mutex, which is held. */
static void each_unref(struct each *e)
{
	bool last = --e->refs == 0;

	pthread_mutex_unlock(&e->mutex);
	if (!last)
		return;
	pthread_cond_destroy(&e->all_done);
	pthread_mutex_destroy(&e->mutex);
	free(e);
}

static void each_help(void *arg)
{
	struct each *e = arg;
	struct cancel *before = cancel_enter(e->cancel);
	enum urgency urgency = urgency_enter(e->urgency);
	struct urgency_cause *cause = urgency_cause_enter(e->cause);

	/* Once no index is left cancel and cause are not looked at either. */
	pthread_mutex_lock(&e->mutex);
	each_work(e);
	cancel_enter(before);
	urgency_cause_enter(cause);
	urgency_enter(urgency);
	each_unref(e);
}

/* Asks the pool for helpers; with fewer than wanted it only takes longer. */
static void each_call_helpers(struct each *e, struct pool *p, unsigned helpers)
{
	for (unsigned i = 0; i < helpers; i++) {
		pthread_mutex_lock(&e->mutex);
		e->refs++;
		pthread_mutex_unlock(&e->mutex);
		if (pool_submit(p, each_help, e) == 0)
			continue;
		pthread_mutex_lock(&e->mutex);
		each_unref(e); /* not the last: the caller's is left */
		break;
	}
}

int pool_each(struct pool *p, unsigned width, unsigned n,
	      int (*fn)(void *ctx, unsigned i), void *ctx)
{
	unsigned threads = width < n ? width : n;
	struct each *e;
	int rc;

	if (!n)
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	pthread_mutex_init(&e->mutex, NULL);
	pthread_cond_init(&e->all_done, NULL);
	e->refs = 1;
	e->n = n;
	e->failed = n;
	e->fn = fn;
	e->ctx = ctx;
	e->cancel = cancel_current();
	e->urgency = urgency_current();
	e->cause = urgency_cause_current();
	if (threads > 1)
		each_call_helpers(e, p, threads - 1);

	pthread_mutex_lock(&e->mutex);
	each_work(e);
	while (e->done < e->n)
		pthread_cond_wait(&e->all_done, &e->mutex);
	rc = e->error;
	each_unref(e);
	return rc;
}
