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
#include <unistd.h>

#include "curlerr.h"
#include "sockets.h"
#include "vers3/util/buf.h"
#include "vers3/util/clock.h"

#define BULK_BUFFER_BYTES 524288L
#define POLL_MS		  1000 /* how often idle jobs are looked for */
#define KEEPALIVE_S	  15L
#define HEADER_MAX	  ((size_t)64 << 10)

struct job {
	struct http_request *r; /* borrowed from the caller */
	struct http *http; /* borrowed */
	struct io *io; /* borrowed: the thread that it was given to */
	CURL *easy; /* owned by the caller's http_perform() */
	struct curl_slist *headers; /* likewise */
	struct job *next, *prev; /* in the queue, or among the active */
	uint64_t body_pos; /* how far curl has read the body */
	int64_t active_mono_ns; /* when a byte last moved */
	int local_port; /* of its connection; 0: none yet */
	int unsent_bytes; /* in the socket, when last looked at */
	bool headers_ended; /* the empty line behind them has come */
	bool ready; /* it was, or is being, sent */
	int callback_err; /* why a callback ended the transfer; or 0 */

	pthread_mutex_t mutex; /* protects the rest */
	pthread_cond_t cond; /* done has become true */
	bool done;
	int result;
};

struct io {
	struct http *http; /* borrowed */
	pthread_t thread;
	bool started;
	CURLM *multi; /* owned; the thread's, but for wakeups */
	struct sockets sockets; /* the thread's alone */
	struct job *active; /* the thread's alone */
	unsigned active_count; /* the thread's alone */

	pthread_mutex_t mutex; /* protects the rest; no lock inside */
	struct job *queue, **queue_end;
	unsigned load; /* jobs queued and active */
	bool stop;
};

struct http {
	char *user_agent; /* owned */
	char *ca_file; /* owned; NULL: the system's */
	unsigned connect_timeout_s, idle_timeout_s;
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

/* Callbacks: all on the I/O thread. */

static int on_ready(void *arg, char *primary_ip, char *local_ip,
		    int primary_port, int local_port)
{
	struct job *job = arg;

	(void)primary_ip;
	(void)local_ip;
	(void)primary_port;
	job->local_port = local_port;
	job->active_mono_ns = clock_mono_ns();
	/* Called before each sending: a second time, it is curl's own retry. */
	if (job->ready && job->r->once) {
		job->callback_err = -ECONNRESET;
		return CURL_PREREQFUNC_ABORT;
	}
	job->ready = true;
	return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct job *job = arg;

	n *= size;
	job->active_mono_ns = clock_mono_ns();
	/* The empty line. After one, more lines are those of a next answer. */
	job->headers_ended = n && (*data == '\r' || *data == '\n');
	return n;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct job *job = arg;
	struct http_request *r = job->r;
	long status = 0;
	int ret = 0;

	n *= size;
	job->active_mono_ns = clock_mono_ns();
	if (r->sink) {
		curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
		r->status = (int)status;
		ret = r->sink(r->sink_ctx, r->received_bytes, data, n);
	}
	if (ret < 0) {
		job->callback_err = ret;
		return n ? 0 : 1;
	}
	r->received_bytes += n;
	return n;
}

static size_t on_read(char *data, size_t size, size_t n, void *arg)
{
	struct job *job = arg;
	const struct http_body *body = job->r->body;
	uint64_t left = body->length - job->body_pos;
	off_t from = (off_t)(body->offset + job->body_pos);
	ssize_t got;

	n *= size;
	job->active_mono_ns = clock_mono_ns();
	if (n > left)
		n = (size_t)left;
	if (!n)
		return 0;
	do
		got = pread(body->fd, data, n, from);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		job->callback_err = got ? -errno : -EIO;
		return CURL_READFUNC_ABORT;
	}
	job->body_pos += (uint64_t)got;
	return (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct job *job = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > job->r->body->length)
		return CURL_SEEKFUNC_FAIL;
	job->body_pos = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* Making a job. */

static int job_add_header(struct job *job, const char *name, const char *value)
{
	struct curl_slist *longer;
	struct buf line;
	int ret;

	if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
		return -EINVAL;
	buf_init(&line, HEADER_MAX);
	/* curl's spelling of a header without a value is "Name;". */
	if (*value)
		ret = buf_printf(&line, "%s: %s", name, value);
	else
		ret = buf_printf(&line, "%s;", name);
	if (!ret) {
		longer = curl_slist_append(job->headers, line.data);
		if (longer)
			job->headers = longer;
		else
			ret = -ENOMEM;
	}
	buf_release(&line);
	return ret;
}

static int job_set_headers(struct job *job)
{
	static const char *const unwanted[] = {
		"Expect:", "Accept:", "Content-Type:"};
	const struct kvlist *headers = job->r->headers;
	struct curl_slist *longer;
	int ret;

	/* "Name:" keeps curl from sending one of its own. */
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++) {
		if (i == 2 && headers && kvlist_get(headers, "content-type"))
			continue;
		longer = curl_slist_append(job->headers, unwanted[i]);
		if (!longer)
			return -ENOMEM;
		job->headers = longer;
	}
	for (size_t i = 0; headers && i < headers->count; i++) {
		ret = job_add_header(job, headers->items[i].name,
				     headers->items[i].value);
		if (ret)
			return ret;
	}
	curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, job->headers);
	return 0;
}

static void job_set_body(struct job *job)
{
	const struct http_body *body = job->r->body;
	CURL *e = job->easy;

	if (!body) {
		if (!strcmp(job->r->method, "HEAD"))
			curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else if (body->mem || !body->length) {
		/* Sent from where it is, small ones with their headers. */
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS,
				 body->mem ? body->mem : "");
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)body->length);
	} else {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, job);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, job);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
				 (curl_off_t)body->length);
	}
	if (body && body->length > BULK_BUFFER_BYTES)
		curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE,
				 BULK_BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, job->r->method);
}

static int job_set_options(struct job *job)
{
	const struct http *h = job->http;
	struct http_request *r = job->r;
	CURL *e = job->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(e, CURLOPT_PRIVATE, job);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, h->user_agent);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)h->connect_timeout_s);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (h->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, h->ca_file);
	if (r->bulk)
		curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BULK_BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, sockets_open);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, &job->io->sockets);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, sockets_close);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, &job->io->sockets);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_ready);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, job);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, job);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, job);
	job_set_body(job);
	if (curl_easy_setopt(e, CURLOPT_URL, r->url) != CURLE_OK)
		return -ENOMEM;
	return job_set_headers(job);
}

/* What became of it. */

static int job_take_header(struct job *job, const struct curl_header *h)
{
	char *name = strdup(h->name), *value = strdup(h->value);
	int ret = -ENOMEM;

	if (name && value) {
		for (char *p = name; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p += 'a' - 'A';
		/* curl leaves the line's end where the value is empty. */
		value[strcspn(value, "\r\n")] = '\0';
		ret = kvlist_add(&job->r->answer, name, value);
	}
	free(name);
	free(value);
	return ret;
}

static int job_take_headers(struct job *job)
{
	struct curl_header *h = NULL;
	int ret = 0;

	while (!ret &&
	       (h = curl_easy_nextheader(job->easy, CURLH_HEADER, -1, h)))
		ret = job_take_header(job, h);
	return ret == -E2BIG ? -EIO : ret;
}

/* Hands the job back to its caller, which may free it at once. */
static void job_finish(struct job *job, CURLcode code)
{
	struct http_request *r = job->r;
	curl_off_t sent = 0;
	long status = 0;
	int ret = job->callback_err;

	curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(job->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	r->status = (int)status;
	r->sent_bytes = sent > 0 ? (uint64_t)sent : 0;
	if (!ret)
		ret = curlerr_errno(job->easy, code);
	/* curl is content with half of the headers when the line ends there. */
	if (!ret && !job->headers_ended) {
		ret = -ECONNRESET;
		snprintf(r->error, sizeof(r->error),
			 "the connection was closed within the headers");
	}
	if (!ret)
		ret = job_take_headers(job);
	if (code == CURLE_ABORTED_BY_CALLBACK && ret == -ECONNRESET)
		snprintf(r->error, sizeof(r->error),
			 "the connection was closed before an answer came");
	if (ret && !r->error[0])
		snprintf(r->error, sizeof(r->error), "%s",
			 job->callback_err ? strerror(-ret)
					   : curl_easy_strerror(code));
	pthread_mutex_lock(&job->mutex);
	job->result = ret;
	job->done = true;
	pthread_cond_signal(&job->cond);
	pthread_mutex_unlock(&job->mutex);
}

/* The I/O thread. */

static void io_unlink(struct io *io, struct job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		io->active = job->next;
	if (job->next)
		job->next->prev = job->prev;
	io->active_count--;
	pthread_mutex_lock(&io->mutex);
	io->load--;
	pthread_mutex_unlock(&io->mutex);
}

static void io_finish(struct io *io, struct job *job, CURLcode code)
{
	curl_multi_remove_handle(io->multi, job->easy);
	io_unlink(io, job);
	job_finish(job, code);
}

static void io_start(struct io *io, struct job *job)
{
	const struct http *h = io->http;
	CURLMcode rc;

	job->prev = NULL;
	job->next = io->active;
	if (io->active)
		io->active->prev = job;
	io->active = job;
	io->active_count++;
	/* Idle time counts from the connection, which has its own limit. */
	job->active_mono_ns =
		clock_mono_ns() + (int64_t)h->connect_timeout_s * NS_PER_S;
	rc = curl_multi_add_handle(io->multi, job->easy);
	if (rc != CURLM_OK) {
		io_unlink(io, job);
		job_finish(job, CURLE_OUT_OF_MEMORY);
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
		if (io->active_count < io->http->connections && io->queue) {
			job = io->queue;
			io->queue = job->next;
			if (!io->queue)
				io->queue_end = &io->queue;
		}
		pthread_mutex_unlock(&io->mutex);
		if (job)
			io_start(io, job);
	} while (job);
	return !stop || io->active;
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
		io_finish(io, job, code);
	}
}

/*
 * Does the kernel still get rid of what curl handed it? A body can sit in
 * the socket for longer than the time-out while the line is merely slow.
 */
static bool job_is_draining(struct job *job)
{
	int unsent, before = job->unsent_bytes;

	if (!job->r->body || !job->r->body->length || !job->local_port)
		return false;
	unsent = sockets_unsent(&job->io->sockets, job->local_port);
	job->unsent_bytes = unsent;
	return unsent >= 0 && unsent != before;
}

static void io_expire(struct io *io, int64_t now)
{
	struct job *job, *next;

	for (job = io->active; job; job = next) {
		unsigned limit_s = job->r->idle_timeout_s;

		next = job->next;
		if (!limit_s)
			limit_s = io->http->idle_timeout_s;
		if (job->active_mono_ns < now && job_is_draining(job))
			job->active_mono_ns = now;
		if (now - job->active_mono_ns < (int64_t)limit_s * NS_PER_S)
			continue;
		snprintf(job->r->error, sizeof(job->r->error),
			 "no byte came or went for %u s", limit_s);
		io_finish(io, job, CURLE_OPERATION_TIMEDOUT);
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
		now = clock_mono_ns();
		if (now - looked_ns >= POLL_MS * NS_PER_MS) {
			looked_ns = now;
			io_expire(io, now);
		}
		if (io->active_count < io->http->connections && !io_take(io))
			break;
		curl_multi_poll(io->multi, NULL, 0,
				io->active ? POLL_MS : INT_MAX, NULL);
	}
	return NULL;
}

static int io_init(struct io *io, struct http *h)
{
	int ret;

	io->http = h;
	io->queue_end = &io->queue;
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
	assert(!io->queue && !io->active);
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
	h->connect_timeout_s =
		config->connect_timeout_s ? config->connect_timeout_s : 5;
	h->idle_timeout_s =
		config->idle_timeout_s ? config->idle_timeout_s : 30;
	h->user_agent = strdup(config->user_agent);
	if (config->ca_file)
		h->ca_file = strdup(config->ca_file);
	h->io = calloc(threads, sizeof(*h->io));
	if (!h->user_agent || (config->ca_file && !h->ca_file) || !h->io)
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
	free(h->user_agent);
	free(h->ca_file);
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

static int job_wait(struct job *job)
{
	struct io *io = job->io;

	pthread_mutex_lock(&io->mutex);
	job->next = NULL;
	*io->queue_end = job;
	io->queue_end = &job->next;
	io->load++;
	pthread_mutex_unlock(&io->mutex);
	curl_multi_wakeup(io->multi);

	pthread_mutex_lock(&job->mutex);
	while (!job->done)
		pthread_cond_wait(&job->cond, &job->mutex);
	pthread_mutex_unlock(&job->mutex);
	return job->result;
}

int http_perform(struct http *h, struct http_request *r)
{
	struct job job = {.r = r, .http = h, .unsent_bytes = -1};
	int ret = -ENOMEM;

	kvlist_release(&r->answer);
	r->status = 0;
	r->sent_bytes = 0;
	r->received_bytes = 0;
	r->error[0] = '\0';
	_Static_assert(sizeof(r->error) >= CURL_ERROR_SIZE,
		       "curl writes this much");
	pthread_mutex_init(&job.mutex, NULL);
	pthread_cond_init(&job.cond, NULL);
	job.easy = curl_easy_init();
	job.io = http_pick(h);
	if (job.easy)
		ret = job_set_options(&job);
	if (ret)
		snprintf(r->error, sizeof(r->error), "%s", strerror(-ret));
	else
		ret = job_wait(&job);
	curl_easy_cleanup(job.easy);
	curl_slist_free_all(job.headers);
	pthread_cond_destroy(&job.cond);
	pthread_mutex_destroy(&job.mutex);
	return ret;
}
