/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client. Each I/O thread owns one curl multi handle with its
 * connections; a request is a job on the stack of the caller that waits for
 * it, queued at the thread with the least to do.
 *
 * Life of a job, and who touches it:
 *
 *	queued		in io->queue, under io->mutex
 *	active		on the thread's own list: the I/O thread alone
 *	done		the caller's again, handed over under job->mutex
 *
 * A caller that gives up marks its job and has the thread end it: until the
 * job is handed back its buffers are curl's.
 *
 * curl is never given more requests than it may have connections: one that
 * waits inside of curl would use up its connect time-out there.
 */
#include "vers3/net/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "sockets.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#define POLL_MS 1000 /* how often late jobs are looked for */

TAILQ_HEAD(job_list, job);

struct io {
	struct http *http; /* borrowed */
	pthread_t thread;
	bool started;
	CURLM *multi; /* owned; the thread's, but for wakeups */
	struct sockets sockets; /* the thread's alone */
	struct job_list active; /* the thread's alone */
	unsigned active_count; /* the thread's alone */

	pthread_mutex_t mutex; /* protects the rest; no lock inside */
	struct job_list queue;
	unsigned load; /* jobs queued and active */
	bool given_up; /* some active job is */
	bool stop;
};

struct http {
	struct job_config config;
	atomic_bool ended; /* by http_end() */
	unsigned connections; /* a thread's share */
	unsigned io_count;
	struct io *io; /* owned, io_count of them */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

void http_request_init(struct http_request *r)
{
	memset(r, 0, sizeof(*r));
	kvlist_init(&r->answer);
}

void http_request_release(struct http_request *r)
{
	kvlist_release(&r->answer);
	http_request_init(r);
}

/* The I/O thread. */

static void io_unlink(struct io *io, struct job *job)
{
	TAILQ_REMOVE(&io->active, job, entry);
	io->active_count--;
	pthread_mutex_lock(&io->mutex);
	io->load--;
	pthread_mutex_unlock(&io->mutex);
}

static void io_finish(struct io *io, struct job *job, CURLcode code, int err)
{
	curl_multi_remove_handle(io->multi, job->easy);
	io_unlink(io, job);
	job_finish(job, code, err);
}

static void io_start(struct io *io, struct job *job)
{
	CURLMcode rc;

	TAILQ_INSERT_HEAD(&io->active, job, entry);
	io->active_count++;
	job_start(job, clock_mono_ns());
	rc = curl_multi_add_handle(io->multi, job->easy);
	if (rc != CURLM_OK) {
		io_unlink(io, job);
		job_finish(job, CURLE_OUT_OF_MEMORY, 0);
	}
}

/* Starts what there are connections for. False: stopped, and all is done. */
static bool io_take(struct io *io)
{
	struct job *job;
	bool stop;

	do {
		job = NULL;
		pthread_mutex_lock(&io->mutex);
		stop = io->stop;
		if (io->active_count < io->http->connections)
			job = TAILQ_FIRST(&io->queue);
		if (job)
			TAILQ_REMOVE(&io->queue, job, entry);
		pthread_mutex_unlock(&io->mutex);
		if (job)
			io_start(io, job);
	} while (job);
	return !stop || io->active_count;
}

static void io_reap(struct io *io)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(io->multi, &left))) {
		CURLcode code = msg->data.result;
		struct job *job = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &job);
		assert(job);
		io_finish(io, job, code, 0);
	}
}

static void io_expire(struct io *io, int64_t now)
{
	struct job *job, *next;

	for (job = TAILQ_FIRST(&io->active); job; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (job_is_late(job, now))
			io_finish(io, job, CURLE_OPERATION_TIMEDOUT, 0);
	}
}

/* Ends the active jobs that nobody waits for any more. */
static void io_drop(struct io *io)
{
	bool ended = atomic_load(&io->http->ended);
	struct job *job, *next;
	bool look;

	pthread_mutex_lock(&io->mutex);
	look = io->given_up || ended;
	io->given_up = false;
	pthread_mutex_unlock(&io->mutex);
	for (job = look ? TAILQ_FIRST(&io->active) : NULL; job; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (ended)
			io_finish(io, job, CURLE_OK, -ESHUTDOWN);
		else if (atomic_load(&job->given_up))
			io_finish(io, job, CURLE_OK, -EINTR);
	}
}

static void *io_main(void *arg)
{
	struct io *io = arg;
	int64_t looked_ns = clock_mono_ns();
	int running;

	while (io_take(io)) {
		int64_t now;

		curl_multi_perform(io->multi, &running);
		io_reap(io);
		io_drop(io);
		now = clock_mono_ns();
		if (now - looked_ns >= POLL_MS * NS_PER_MS) {
			looked_ns = now;
			io_expire(io, now);
		}
		if (io->active_count < io->http->connections && !io_take(io))
			break;
		curl_multi_poll(io->multi, NULL, 0,
				io->active_count ? POLL_MS : INT_MAX, NULL);
	}
	return NULL;
}

static int io_init(struct io *io, struct http *h)
{
	int ret;

	io->http = h;
	TAILQ_INIT(&io->active);
	TAILQ_INIT(&io->queue);
	io->multi = curl_multi_init();
	if (!io->multi)
		return -ENOMEM;
	curl_multi_setopt(io->multi, CURLMOPT_MAXCONNECTS,
			  (long)h->connections);
	curl_multi_setopt(io->multi, CURLMOPT_PIPELINING,
			  (long)CURLPIPE_NOTHING);
	ret = -pthread_create(&io->thread, NULL, io_main, io);
	if (ret)
		return ret;
	io->started = true;
	pthread_setname_np(io->thread, "vers3-net");
	return 0;
}

static void io_release(struct io *io)
{
	if (io->started) {
		pthread_mutex_lock(&io->mutex);
		io->stop = true;
		pthread_mutex_unlock(&io->mutex);
		curl_multi_wakeup(io->multi);
		pthread_join(io->thread, NULL);
	}
	assert(!io->load && !io->active_count);
	if (io->multi)
		curl_multi_cleanup(io->multi);
	sockets_release(&io->sockets);
	pthread_mutex_destroy(&io->mutex);
}

int http_new(const struct http_config *config, struct http **ret_http)
{
	unsigned threads = config->threads ? config->threads : 2;
	unsigned connections = config->max_connections;
	struct http *h = calloc(1, sizeof(*h));
	int ret = -ENOMEM;

	if (!h)
		return -ENOMEM;
	pthread_once(&curl_once, curl_start);
	if (!connections)
		connections = 64;
	if (threads > connections)
		threads = connections;
	h->connections = (connections + threads - 1) / threads;
	h->config.connect_timeout_s =
		config->connect_timeout_s ? config->connect_timeout_s : 5;
	h->config.idle_timeout_s =
		config->idle_timeout_s ? config->idle_timeout_s : 30;
	h->config.user_agent = strdup(config->user_agent);
	if (config->ca_file)
		h->config.ca_file = strdup(config->ca_file);
	h->io = calloc(threads, sizeof(*h->io));
	if (!h->config.user_agent || !h->io ||
	    (config->ca_file && !h->config.ca_file))
		goto out;
	for (ret = 0; h->io_count < threads && !ret;) {
		struct io *io = &h->io[h->io_count++];

		pthread_mutex_init(&io->mutex, NULL);
		ret = io_init(io, h);
	}
out:
	if (ret)
		http_free(h);
	else
		*ret_http = h;
	return ret;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->io_count; i++)
		io_release(&h->io[i]);
	free(h->io);
	free(h->config.user_agent);
	free(h->config.ca_file);
	free(h);
}

/* The thread with the least to do: the first when they are equal. */
static struct io *http_pick(struct http *h)
{
	struct io *best = NULL;
	unsigned best_load = UINT_MAX;

	for (unsigned i = 0; i < h->io_count && best_load; i++) {
		struct io *io = &h->io[i];
		unsigned load;

		pthread_mutex_lock(&io->mutex);
		load = io->load;
		pthread_mutex_unlock(&io->mutex);
		if (load < best_load) {
			best = io;
			best_load = load;
		}
	}
	return best;
}

void http_end(struct http *h)
{
	atomic_store(&h->ended, true);
	for (unsigned i = 0; i < h->io_count; i++)
		curl_multi_wakeup(h->io[i].multi);
}

/* Takes a job back that its thread has not begun with. */
static bool io_take_back(struct io *io, struct job *job)
{
	struct job *queued;

	pthread_mutex_lock(&io->mutex);
	TAILQ_FOREACH(queued, &io->queue, entry)
		if (queued == job)
			break;
	if (queued) {
		TAILQ_REMOVE(&io->queue, job, entry);
		io->load--;
	} else {
		io->given_up = true;
	}
	pthread_mutex_unlock(&io->mutex);
	return queued != NULL;
}

/* Has its thread hand the job back. */
static void give_up(struct job *job)
{
	struct io *io = job->io;

	atomic_store(&job->given_up, true);
	if (io_take_back(io, job))
		job_finish(job, CURLE_OK,
			   atomic_load(&io->http->ended) ? -ESHUTDOWN : -EINTR);
	else
		curl_multi_wakeup(io->multi);
}

static int wait_for(struct job *job)
{
	struct io *io = job->io;
	bool given_up = false;

	pthread_mutex_lock(&io->mutex);
	TAILQ_INSERT_TAIL(&io->queue, job, entry);
	io->load++;
	pthread_mutex_unlock(&io->mutex);
	curl_multi_wakeup(io->multi);

	pthread_mutex_lock(&job->mutex);
	while (!job->done && !given_up) {
		given_up = cancel_wait(&job->cond, &job->mutex) != 0 ||
			   atomic_load(&io->http->ended);
		if (!given_up || job->done)
			continue;
		pthread_mutex_unlock(&job->mutex);
		give_up(job);
		pthread_mutex_lock(&job->mutex);
	}
	while (!job->done)
		pthread_cond_wait(&job->cond, &job->mutex);
	pthread_mutex_unlock(&job->mutex);
	return job->result;
}

int http_perform(struct http *h, struct http_request *r)
{
	struct job job;
	int ret;

	kvlist_release(&r->answer);
	r->status = 0;
	r->sent_bytes = 0;
	r->received_bytes = 0;
	r->error[0] = '\0';
	_Static_assert(sizeof(r->error) >= CURL_ERROR_SIZE,
		       "curl writes this much");
	ret = job_init(&job, r, &h->config);
	job.io = http_pick(h);
	job.sockets = &job.io->sockets;
	if (!ret && atomic_load(&h->ended))
		ret = -ESHUTDOWN;
	else if (!ret && cancel_asked())
		ret = -EINTR;
	if (!ret)
		ret = job_prepare(&job);
	if (ret)
		snprintf(r->error, sizeof(r->error), "%s", strerror(-ret));
	else
		ret = wait_for(&job);
	job_release(&job);
	return ret;
}
