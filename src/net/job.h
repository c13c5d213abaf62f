/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request as curl sees it: how it is set up, what its callbacks do, what
 * becomes of it. Private to this folder; http.c has its life.
 */
#ifndef VERS3_SRC_NET_JOB_H
#define VERS3_SRC_NET_JOB_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "pace.h"
#include "vers3/net/http.h"

/* What all jobs of a client have in common; constant. */
struct job_config {
	char *user_agent; /* owned */
	char *ca_file; /* owned; NULL: the system's */
	unsigned connect_timeout_s, idle_timeout_s;
};

struct io;

struct job {
	struct http_request *r; /* borrowed from the caller */
	const struct job_config *config; /* borrowed */
	struct io *io; /* borrowed: the thread that it was given to */
	struct sockets *sockets; /* borrowed: that thread's */
	CURL *easy; /* owned by the caller's http_perform() */
	struct curl_slist *headers; /* likewise */
	TAILQ_ENTRY(job) entry; /* in the queue, or among the active */
	uint64_t body_pos; /* how far curl has read the body */
	int64_t active_mono_ns; /* when a byte last moved */
	int64_t answer_mono_ns; /* when the answer began; 0: not yet */
	uint64_t header_bytes; /* of all that came */
	struct pace pace;
	int local_port; /* of its connection; 0: none yet */
	int unsent_bytes; /* in the socket, when last looked at */
	bool headers_ended; /* the empty line behind them has come */
	bool headers_taken; /* they are in the request's answer */
	bool ready; /* it was, or is being, sent */
	int callback_err; /* why a callback ended the transfer; or 0 */
	atomic_bool given_up; /* the caller wants it no more */

	pthread_mutex_t mutex; /* protects the rest */
	pthread_cond_t cond; /* done has become true */
	bool done;
	int result;
};

/* 0 or -ENOMEM; release it either way. */
int job_init(struct job *job, struct http_request *r,
	     const struct job_config *config);
void job_release(struct job *job);
/* Tells curl all of it; `sockets` is set. 0, -EINVAL, -ENOMEM. */
int job_prepare(struct job *job);
/* On the I/O thread: it is about to be given to curl. */
void job_start(struct job *job, int64_t now);
/*
 * On the I/O thread, now and then. True when it has to end; then the
 * request's `error` says why.
 */
bool job_is_late(struct job *job, int64_t now);
/*
 * Hands the job back to its caller, which may free it at once. err: the
 * result, or 0: what curl says.
 */
void job_finish(struct job *job, CURLcode code, int err);

#endif
