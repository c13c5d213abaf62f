/* SPDX-License-Identifier: Apache-2.0 */
/* One request and curl: options, callbacks, outcome. */
#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cert.h"
#include "curlerr.h"
#include "sockets.h"
#include "vers3/util/buf.h"
#include "vers3/util/clock.h"

#define BULK_BUFFER_BYTES 524288L
#define KEEPALIVE_S	  15L
#define HEADER_MAX	  ((size_t)64 << 10)
/* Of an answer, those of its 1xx included: S3's have a few KiB. */
#define HEADERS_MAX ((uint64_t)256 << 10)

/* Callbacks: all on the I/O thread. */

static unsigned idle_limit_s(const struct job *job)
{
	unsigned s = job->r->idle_timeout_s;

	return s ? s : job->config->idle_timeout_s;
}

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
	pace_start(&job->pace, job->active_mono_ns,
		   (int64_t)idle_limit_s(job) * NS_PER_S);
	return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct job *job = arg;

	n *= size;
	job->active_mono_ns = clock_mono_ns();
	if (!job->answer_mono_ns)
		job->answer_mono_ns = job->active_mono_ns;
	job->header_bytes += n;
	if (job->header_bytes > HEADERS_MAX) {
		job->callback_err = -EIO;
		snprintf(job->r->error, sizeof(job->r->error),
			 "headers without an end");
		return n ? 0 : 1;
	}
	/* The empty line. After one, more lines are those of a next answer. */
	job->headers_ended = n && (*data == '\r' || *data == '\n');
	return n;
}

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

/* Once: before the body's first byte, or at the end where there is none. */
static int job_take_headers(struct job *job)
{
	struct curl_header *h = NULL;
	int ret = 0;

	if (job->headers_taken)
		return 0;
	job->headers_taken = true;
	while (!ret &&
	       (h = curl_easy_nextheader(job->easy, CURLH_HEADER, -1, h)))
		ret = job_take_header(job, h);
	return ret == -E2BIG ? -EIO : ret;
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
		ret = job_take_headers(job);
		if (!ret)
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

int job_prepare(struct job *job)
{
	const struct job_config *h = job->config;
	struct http_request *r = job->r;
	CURL *e = job->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that hangs is left behind instead of waited for. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
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
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, job->sockets);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, sockets_close);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, job->sockets);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_ready);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, job);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, job);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, job);
	if (r->asks_cert) {
		/* One that is gone on with has no certificates (curl 8.12). */
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
		curl_easy_setopt(e, CURLOPT_CERTINFO, 1L);
	}
	job_set_body(job);
	if (curl_easy_setopt(e, CURLOPT_URL, r->url) != CURLE_OK)
		return -ENOMEM;
	return job_set_headers(job);
}

/* What became of it. */

void job_finish(struct job *job, CURLcode code, int err)
{
	struct http_request *r = job->r;
	curl_off_t sent = 0;
	long status = 0;
	int ret = err ? err : job->callback_err;

	curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(job->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	r->status = (int)status;
	r->cert_until_ns = r->asks_cert ? cert_until_ns(job->easy) : 0;
	r->sent_bytes = sent > 0 ? (uint64_t)sent : 0;
	if (!ret)
		ret = curlerr_errno(job->easy, code);
	/* curl's word for a header line that does not end, too. */
	if (code == CURLE_OUT_OF_MEMORY && job->ready && !job->headers_ended)
		ret = -EIO;
	/* curl is content with half of the headers when the line ends there. */
	if (!ret && !job->headers_ended) {
		ret = -ECONNRESET;
		snprintf(r->error, sizeof(r->error),
			 "the connection was closed within the headers");
	}
	err = 0;
	/* Also of an answer whose body was refused. */
	if (job->headers_ended && (!ret || job->callback_err))
		err = job_take_headers(job);
	if (!ret)
		ret = err;
	if (code == CURLE_ABORTED_BY_CALLBACK && ret == -ECONNRESET)
		snprintf(r->error, sizeof(r->error),
			 "the connection was closed before an answer came");
	if (ret && !r->error[0])
		snprintf(r->error, sizeof(r->error), "%s",
			 code == CURLE_OK || job->callback_err
				 ? strerror(-ret)
				 : curl_easy_strerror(code));
	pthread_mutex_lock(&job->mutex);
	job->result = ret;
	job->done = true;
	pthread_cond_signal(&job->cond);
	pthread_mutex_unlock(&job->mutex);
}

/* Setting up, and release. */

int job_init(struct job *job, struct http_request *r,
	     const struct job_config *config)
{
	memset(job, 0, sizeof(*job));
	job->r = r;
	job->config = config;
	job->unsent_bytes = -1;
	pthread_mutex_init(&job->mutex, NULL);
	clock_cond_init(&job->cond);
	job->easy = curl_easy_init();
	return job->easy ? 0 : -ENOMEM;
}

void job_release(struct job *job)
{
	curl_easy_cleanup(job->easy);
	curl_slist_free_all(job->headers);
	pthread_cond_destroy(&job->cond);
	pthread_mutex_destroy(&job->mutex);
}

void job_start(struct job *job, int64_t now)
{
	/* Idle time counts from the connection, which has its own limit. */
	job->active_mono_ns =
		now + (int64_t)job->config->connect_timeout_s * NS_PER_S;
}

/* What is late. */

/*
 * Does the kernel still get rid of what curl handed it? A body can sit in
 * the socket for longer than the time-out while the line is merely slow.
 */
static bool job_is_draining(struct job *job)
{
	int before = job->unsent_bytes;

	if (!job->r->body || !job->r->body->length || !job->local_port)
		return false;
	job->unsent_bytes = sockets_unsent(job->sockets, job->local_port);
	return job->unsent_bytes >= 0 && job->unsent_bytes != before;
}

/* Both ways; of what was sent, what has left this machine. */
static uint64_t job_moved_bytes(const struct job *job)
{
	uint64_t moved = job->header_bytes + job->r->received_bytes;
	curl_off_t sent = 0;

	curl_easy_getinfo(job->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (job->unsent_bytes > 0)
		sent -= job->unsent_bytes;
	return sent > 0 ? moved + (uint64_t)sent : moved;
}

bool job_is_late(struct job *job, int64_t now)
{
	const struct http_request *r = job->r;
	char *error = job->r->error;
	unsigned idle_s = idle_limit_s(job);

	if (job_is_draining(job) && job->active_mono_ns < now)
		job->active_mono_ns = now;
	if (now - job->active_mono_ns >= (int64_t)idle_s * NS_PER_S)
		snprintf(error, sizeof(r->error),
			 "no byte came or went for "
			 "%u s",
			 idle_s);
	else if (r->answer_limit_s && job->answer_mono_ns &&
		 now - job->answer_mono_ns >
			 (int64_t)r->answer_limit_s * NS_PER_S)
		snprintf(error, sizeof(r->error),
			 "the answer did not end within %u s",
			 r->answer_limit_s);
	else if (job->ready && !r->trickles &&
		 !pace_go_on(&job->pace, now, job_moved_bytes(job)))
		snprintf(error, sizeof(r->error),
			 "less than %d bytes a second came or went for %u s",
			 PACE_BYTES_PER_S, idle_s);
	else
		return false;
	return true;
}
