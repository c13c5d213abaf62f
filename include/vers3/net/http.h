/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 client over libcurl's multi interface: a few I/O threads of its
 * own, pooled connections, and callers that block on their own request.
 *
 * What comes or goes slower than 64 bytes a second for as long as the idle
 * time-out is taken for idle: a server must not keep a caller for ever with
 * a byte now and then. Headers end at 256 KiB.
 *
 * Redirects are not followed and no answer is an error here: what a status
 * means is the caller's business. Proxies are taken from the environment as
 * curl(1) does.
 */
#ifndef VERS3_NET_HTTP_H
#define VERS3_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/util/kv.h"

struct http_config {
	const char *user_agent; /* copied */
	const char *ca_file; /* PEM, copied; NULL: the system's */
	unsigned connect_timeout_s; /* TCP and TLS together; 0: 5 */
	unsigned idle_timeout_s; /* no byte either way; 0: 30 */
	unsigned max_connections; /* more requests wait; 0: 64 */
	unsigned threads; /* 0: 2 */
};

/*
 * What is sent: `length` bytes at mem (when not NULL), else of fd from
 * offset, read with pread. Constant until http_perform() returns.
 */
struct http_body {
	const void *mem;
	int fd;
	uint64_t offset;
	uint64_t length;
};

/*
 * Takes the answer's body as it comes, status and all; the request's `status`
 * and `answer` are set before the first call. A negative return ends the
 * transfer and is returned. Called on an I/O thread: must not block.
 */
typedef int (*http_sink_fn)(void *ctx, uint64_t offset, const void *data,
			    size_t len);

struct http_request {
	/* Inputs: borrowed, read only. */
	const char *method;
	const char *url;
	const struct kvlist *headers; /* sent as they are; NULL: none */
	const struct http_body *body; /* NULL: none, no Content-Length */
	bool bulk; /* a large answer is expected: big buffers */
	bool once; /* not sent again by itself; see http_perform() */
	unsigned idle_timeout_s; /* 0: the client's */
	/* From the answer's first byte to its last; 0: no limit. */
	unsigned answer_limit_s;
	bool asks_cert; /* on a new connection, whose certificate is told */
	bool trickles; /* it may come slower than others may, see above */
	http_sink_fn sink; /* NULL: the body is dropped */
	void *sink_ctx;

	/* The answer, owned by the request. */
	int status; /* 0 when none came */
	struct kvlist answer; /* headers, names in lower case */
	uint64_t sent_bytes, received_bytes; /* of bodies */
	/* When the server's certificate ends, since the epoch; 0: not known. */
	int64_t cert_until_ns;
	char error[256]; /* the transport's words when it failed */
};

/* Zeroes the request and makes an empty answer. */
void http_request_init(struct http_request *r);
void http_request_release(struct http_request *r);

struct http;

/* 0, -ENOMEM, or as pthread_create(). */
int http_new(const struct http_config *config, struct http **ret_http);
/*
 * Ends the threads and closes the connections. No http_perform() may be
 * under way. NULL is fine.
 */
void http_free(struct http *h);
/*
 * Ends all that is under way with -ESHUTDOWN, as well as what comes later.
 * Any thread; does not wait.
 */
void http_end(struct http *h);
/*
 * Sends the request and waits for the whole answer. Any thread, many at a
 * time. A request whose kept connection turns out closed is sent again on a
 * new one by itself, as long as nothing of the answer came; but not one that
 * is to be sent `once`, since the server may have carried it out before it
 * closed: that fails with -ECONNRESET. 0, or:
 *  -ETIMEDOUT no connection in time, or idle for too long
 *  -ECONNREFUSED, -EHOSTUNREACH (no such host, no route), -ECONNRESET (closed
 *             before the whole answer came)
 *  -EPROTO    TLS failed
 *  -EINVAL    bad URL, or a header with a line break
 *  -EIO       not HTTP, headers without an end, or the body's file ended
 *             early
 *  -EINTR     given up (cancel.h); -ESHUTDOWN after http_end()
 *  -ENOMEM    or what the sink returned; then the headers are there
 * In all of these `error` holds one line that says why.
 */
int http_perform(struct http *h, struct http_request *r);

#endif
