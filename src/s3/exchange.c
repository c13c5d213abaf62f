/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange with the server: build, hash, sign, send, read.
 *
 * Bodies are signed by their SHA-256, over TLS too: the server compares it,
 * so what it keeps is what was read here, whatever a proxy in between did.
 */
#include "exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/net/http.h"
#include "vers3/net/uri.h"
#include "vers3/s3/digest.h"
#include "vers3/s3/reply.h"
#include "vers3/s3/request.h"
#include "vers3/util/clock.h"

#define DOC_MAX	   ((size_t)16 << 20) /* 1,000 entries of any length */
#define ERROR_MAX  ((size_t)64 << 10) /* of a failure's document, or page */
#define URL_MAX	   ((size_t)64 << 10)
#define SMALL_BODY ((uint64_t)64 << 10) /* sent together with its headers */
#define BULK_BYTES ((uint64_t)128 << 10)
/* A server copies gigabytes in one request and may say nothing meanwhile. */
#define COPY_TIMEOUT_S 300
/*
 * Documents are small: one that has not ended by then never will. While a
 * server copies or completes, blanks may come one by one for as long.
 */
#define ANSWER_LIMIT_S 900

struct exchange {
	struct client *client;
	struct store_request *r;
	struct s3_request q;
	struct http_request http;
	struct buf doc; /* what does not go to the sink */
	bool cut; /* it is an error's beginning */
	struct buf url;
	void *loaded; /* owned: a small body out of its file */
	char hash[DIGEST_HEX_SIZE]; /* of the body, for the signature */
};

/* Where a GET's bytes go. Never more of them than were asked for. */
static int on_object(struct exchange *x, uint64_t offset, const void *data,
		     size_t len)
{
	const struct store_request *r = x->r;
	int ret = 0;

	if (x->http.status == 200 && r->range_offset)
		return -EIO;
	if (r->range_length &&
	    (offset > r->range_length || len > r->range_length - offset))
		return -EIO;
	if (!offset && r->head)
		ret = s3_reply_head(r, &x->http);
	if (ret < 0)
		return ret;
	return r->sink ? r->sink(r->sink_ctx, offset, data, len) : 0;
}

/* The largest document that an action answers with. */
static size_t doc_max(enum store_op op)
{
	switch (op) {
	case STORE_LIST:
	case STORE_LIST_VERSIONS:
	case STORE_LIST_UPLOADS:
	case STORE_LIST_PARTS:
	case STORE_DELETE_MANY:
	case STORE_GET_LIFECYCLE:
	case STORE_GET_REPLICATION:
	case STORE_GET_OBJECT_LOCK:
		return DOC_MAX;
	default:
		return ERROR_MAX;
	}
}

static int on_body(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct exchange *x = ctx;
	bool success = x->http.status >= 200 && x->http.status < 300;
	int ret;

	if (x->r->op == STORE_GET && success)
		return on_object(x, offset, data, len);
	/* Half of an error's page tells enough; it may have no end. */
	if (!success && len > ERROR_MAX - x->doc.len) {
		len = ERROR_MAX - x->doc.len;
		x->cut = true;
	}
	ret = buf_add(&x->doc, data, len);
	if (ret == -EFBIG)
		ret = -EIO;
	return !ret && x->cut ? -EIO : ret;
}

/* A small body is read once, to be hashed and sent from memory. */
static int load_small_body(struct exchange *x)
{
	struct http_body *body = &x->q.body;
	size_t have = 0;

	if (!x->q.has_body || body->mem || !body->length ||
	    body->length > SMALL_BODY)
		return 0;
	x->loaded = malloc((size_t)body->length);
	if (!x->loaded)
		return -ENOMEM;
	while (have < body->length) {
		ssize_t got = pread(body->fd, (char *)x->loaded + have,
				    (size_t)body->length - have,
				    (off_t)(body->offset + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		have += (size_t)got;
	}
	body->mem = x->loaded;
	return 0;
}

/* The headers that tell the server what the body is to be compared by. */
static int put_sum(struct exchange *x, const struct digests *sums)
{
	struct kvlist *headers = &x->q.headers;
	char md5[DIGEST_BASE64_SIZE];
	int ret;

	switch (x->r->sum) {
	case STORE_SUM_CRC64NVME:
		/* Ceph does not look at the one without the other. */
		ret = kvlist_set(headers, "x-amz-sdk-checksum-algorithm",
				 "CRC64NVME");
		return ret ? ret
			   : kvlist_set(headers, "x-amz-checksum-crc64nvme",
					sums->crc64nvme);
	case STORE_SUM_MD5:
		if (x->r->md5 && !digest_md5_of_hex(x->r->md5, md5))
			return kvlist_set(headers, "content-md5", md5);
		return sums->md5[0]
			       ? kvlist_set(headers, "content-md5", sums->md5)
			       : 0;
	default:
		return 0;
	}
}

/* Reads the body once, for its signature and for what else goes with it. */
static int digest_it(struct exchange *x, bool is_signed)
{
	const struct digest *d = client_request_config(x->client)->digest;
	const struct http_body *body = &x->q.body;
	bool has_body = x->q.has_body && body->length;
	bool is_data = x->r->op == STORE_PUT || x->r->op == STORE_UPLOAD_PART;
	unsigned want = is_signed ? DIGEST_SHA256 : 0;
	struct digests sums;
	int ret;

	if (is_data && x->r->sum == STORE_SUM_CRC64NVME)
		want |= DIGEST_CRC64NVME;
	if (is_data && x->r->sum == STORE_SUM_MD5 && !x->r->md5)
		want |= DIGEST_MD5;
	ret = digest_body(d, want, has_body ? body->mem : "", body->fd,
			  body->offset, has_body ? body->length : 0, &sums);
	if (!ret && is_data)
		ret = put_sum(x, &sums);
	if (!ret)
		strcpy(x->hash, sums.sha256);
	return ret;
}

static int sign(struct exchange *x, const struct endpoint *endpoint,
		const struct cred *cred, const char *query)
{
	struct kvlist *headers = &x->q.headers;
	char date[SIGV4_DATE_SIZE];
	struct sigv4_signer signer;
	struct buf value;
	int ret = client_signer(x->client, cred, endpoint, &signer);

	if (ret)
		return ret;
	const struct sigv4_request request = {
		.method = x->q.method,
		.path = x->q.path.data,
		.query = query,
		.headers = headers,
		.payload = x->hash,
	};
	clock_format_amz(signer.time_ns, date, sizeof(date));
	buf_init(&value, URL_MAX);
	ret = kvlist_set(headers, "x-amz-date", date);
	if (!ret)
		ret = kvlist_set(headers, "x-amz-content-sha256", x->hash);
	if (!ret && cred->session_token)
		ret = kvlist_set(headers, "x-amz-security-token",
				 cred->session_token);
	if (!ret)
		ret = sigv4_authorization(&signer, &request, &value);
	if (!ret)
		ret = kvlist_set(headers, "authorization", value.data);
	buf_release(&value);
	return ret;
}

static int prepare(struct exchange *x, const struct endpoint *endpoint,
		   const struct cred *cred)
{
	struct buf query;
	size_t bare = strlen(endpoint->url) - strlen(endpoint->base);
	int ret = load_small_body(x);

	buf_init(&query, URL_MAX);
	if (!ret)
		ret = digest_it(x, cred != NULL);
	if (!ret)
		ret = uri_query(&query, &x->q.query);
	if (!ret && cred)
		ret = sign(x, endpoint, cred, query.data);
	if (!ret)
		ret = buf_add(&x->url, endpoint->url, bare);
	if (!ret)
		ret = buf_puts(&x->url, x->q.path.data);
	if (!ret && query.len)
		ret = buf_printf(&x->url, "?%s", query.data);
	buf_release(&query);
	return ret == -EFBIG ? -EINVAL : ret;
}

static bool is_slow(enum store_op op)
{
	return op == STORE_COPY || op == STORE_COPY_PART ||
	       op == STORE_COMPLETE_UPLOAD;
}

/* A second marker would hide what others have written meanwhile. */
static bool places_markers(const struct store_request *r)
{
	return (r->op == STORE_DELETE && !r->version_id) ||
	       r->op == STORE_DELETE_MANY;
}

static int send_it(struct exchange *x)
{
	const struct store_request *r = x->r;
	struct http_request *http = &x->http;
	int ret;

	http->method = x->q.method;
	http->url = x->url.data;
	http->headers = &x->q.headers;
	http->body = x->q.has_body ? &x->q.body : NULL;
	http->bulk = r->op == STORE_GET &&
		     (!r->range_length || r->range_length > BULK_BYTES);
	http->once = r->once || places_markers(r);
	http->asks_cert = r->asks_cert;
	http->trickles = is_slow(r->op);
	http->idle_timeout_s = http->trickles ? COPY_TIMEOUT_S : 0;
	http->answer_limit_s = r->op == STORE_GET ? 0 : ANSWER_LIMIT_S;
	http->sink = on_body;
	http->sink_ctx = x;
	ret = http_perform(client_http(x->client), http);
	return x->cut ? 0 : ret;
}

int exchange(struct client *c, const struct endpoint *endpoint,
	     const struct cred *cred, bool no_sums, unsigned way,
	     struct store_request *r)
{
	struct s3_request_config config = *client_request_config(c);
	struct exchange *x = calloc(1, sizeof(*x));
	int ret;

	if (!x)
		return -ENOMEM;
	store_reply_reset(&r->reply);
	r->reply.skipped = 0;
	x->client = c;
	x->r = r;
	http_request_init(&x->http);
	buf_init(&x->doc, doc_max(r->op));
	buf_init(&x->url, URL_MAX);
	config.no_sums = no_sums;
	config.sse_way = way;
	ret = s3_request_build(&config, endpoint, r, &x->q);
	if (!ret)
		ret = prepare(x, endpoint, cred);
	if (ret) {
		snprintf(r->reply.message, sizeof(r->reply.message),
			 "the request cannot be sent: %s", strerror(-ret));
		goto out;
	}
	ret = send_it(x);
	if (!ret) {
		ret = s3_reply_read(r, &x->http, &x->doc);
		goto out;
	}
	r->reply.status = x->http.status;
	snprintf(r->reply.message, sizeof(r->reply.message), "%s",
		 x->http.error);
out:
	s3_request_release(&x->q);
	http_request_release(&x->http);
	buf_release(&x->doc);
	buf_release(&x->url);
	free(x->loaded);
	free(x);
	return ret;
}
