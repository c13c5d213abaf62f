/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The S3 store: exchanges, and what can be put right between two of them.
 *
 *	answer						then, once each
 *	301, 307, 400 that name another region		take that region
 *	RequestTimeTooSkewed				take the server's time
 *	ExpiredToken, InvalidAccessKeyId...		load credentials anew
 *	400 to a HEAD or a GET, the first		ask for no checks
 *
 * and the request is sent again. Errors of HEAD have no document, hence no
 * code: there the headers must do. All else is for the layers above.
 */
#include "vers3/s3/s3.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "exchange.h"
#include "vers3/net/http.h"
#include "vers3/net/uri.h"
#include "vers3/s3/request.h"
#include "vers3/s3/xml.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define SKEW_MIN_NS	(60 * NS_PER_S)
#define SKEW_REFUSED_NS (15 * 60 * NS_PER_S) /* as S3 does */
/* Further off, a clock is taken from a server that TLS vouches for alone. */
#define SKEW_PLAIN_MAX_NS (24 * 3600 * NS_PER_S)
#define URL_MAX		  ((size_t)64 << 10)

struct s3_store {
	struct store store;
	struct client *client; /* owned */
};

/* What has been put right for one call; nothing is tried twice. */
struct repairs {
	bool region, clock, cred, sums;
};

static struct client *client_of(struct store *s)
{
	return ((struct s3_store *)s)->client;
}

static bool repair_region(struct client *c, const struct store_reply *reply,
			  const struct endpoint *used)
{
	int ret;

	if (!reply->region[0] || !strcmp(reply->region, used->region))
		return false;
	if (reply->status != 301 && reply->status != 307 &&
	    !(reply->status == 400 &&
	      (!reply->code[0] ||
	       !strcmp(reply->code, "AuthorizationHeaderMalformed") ||
	       !strcmp(reply->code, "IllegalLocationConstraintException"))))
		return false;
	ret = client_set_region(c, used, reply->region);
	return !ret || ret == -EALREADY;
}

/*
 * Who is on the way may write any date, and keep requests that are signed for
 * a day to come until then: without TLS a day is the most.
 */
static bool is_believed(const struct endpoint *used, int64_t off_ns)
{
	if (used->tls ||
	    (off_ns < SKEW_PLAIN_MAX_NS && off_ns > -SKEW_PLAIN_MAX_NS))
		return true;
	log_warning("this host's clock is %" PRId64 " days from the server's, "
		    "which is not believed without TLS: check both",
		    off_ns / SKEW_PLAIN_MAX_NS);
	return false;
}

static bool repair_clock(struct client *c, const struct store_reply *reply,
			 const char *code, const struct endpoint *used)
{
	int64_t off_ns;

	if (!reply->date_ns)
		return false;
	off_ns = reply->date_ns - client_now_ns(c);
	if (off_ns < 0)
		off_ns = -off_ns;
	if (!*code ? off_ns < SKEW_REFUSED_NS || reply->status != 403
		   : strcmp(code, "RequestTimeTooSkewed") != 0)
		return false;
	if (off_ns < SKEW_MIN_NS)
		return false;
	off_ns = reply->date_ns - clock_real_ns();
	if (!is_believed(used, off_ns))
		return false;
	client_set_skew(c, off_ns);
	log_warning("this host's clock is %" PRId64 " s %s the server's: "
		    "requests carry the server's time",
		    (off_ns < 0 ? -off_ns : off_ns) / NS_PER_S,
		    off_ns < 0 ? "ahead of" : "behind");
	return true;
}

static bool repair_cred(struct client *c, const struct store_reply *reply,
			const char *code, const struct cred *used)
{
	static const char *const codes[] = {
		"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId",
		"InvalidToken", "TokenRefreshRequired"};
	bool stale = false;

	if (!used)
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes) && !stale; i++)
		stale = !strcmp(codes[i], code);
	if (!*code)
		stale = reply->status == 400 || reply->status == 403;
	return stale && client_reload(c, used, NULL);
}

/* Backblaze refuses to be asked for what others overlook. */
static bool repair_sums(struct client *c, const struct store_request *r)
{
	const char *code = r->reply.code;

	return client_sums(c) == CLIENT_SUMS_UNKNOWN &&
	       s3_request_asks_sum(r) && r->reply.status == 400 &&
	       (!*code || !strcmp(code, "InvalidArgument") ||
		!strcmp(code, "InvalidRequest"));
}

static bool repair(struct client *c, const struct store_request *r,
		   const struct endpoint *endpoint, const struct cred *cred,
		   struct repairs *done)
{
	const struct store_reply *reply = &r->reply;

	if (!done->region && repair_region(c, reply, endpoint))
		return done->region = true;
	if (!done->clock && repair_clock(c, reply, reply->code, endpoint))
		return done->clock = true;
	if (!done->cred && repair_cred(c, reply, reply->code, cred))
		return done->cred = true;
	if (!done->sums && repair_sums(c, r))
		return done->sums = true;
	return false;
}

static int call_once_right(struct client *c, struct store_request *r)
{
	const enum client_sums known = client_sums(c);
	struct repairs done = {.sums = known == CLIENT_SUMS_REFUSED};
	unsigned tries = 0;
	bool again;
	int ret;

	do {
		const struct endpoint *endpoint = client_endpoint(c);
		struct cred *cred = client_cred(c);

		ret = exchange(c, endpoint, cred, done.sums, r);
		r->reply.tries = ++tries;
		again = ret && r->reply.status >= 300 &&
			repair(c, r, endpoint, cred, &done);
		cred_unref(cred);
	} while (again);
	if (!ret && !client_region_known(c))
		client_confirm_region(c);
	if (!ret && known == CLIENT_SUMS_UNKNOWN && s3_request_asks_sum(r))
		client_note_sums(c, done.sums ? CLIENT_SUMS_REFUSED
					      : CLIENT_SUMS_TAKEN);
	return ret;
}

/* A key that no XML document can name goes in a request of its own. */
static int delete_singly(struct client *c, struct store_request *many,
			 struct store_delete *d)
{
	struct store_request r;
	int ret;

	store_request_init(&r, STORE_DELETE);
	r.key = d->key;
	r.version_id = d->version_id;
	r.if_match = d->if_match;
	r.headers = many->headers;
	ret = call_once_right(c, &r);
	d->result = ret == -ENOENT ? 0 : ret;
	if (!ret && !d->version_id && r.reply.object.delete_marker) {
		free(d->marker_version);
		d->marker_version = r.reply.object.version_id;
		r.reply.object.version_id = NULL;
	}
	many->reply.status = r.reply.status;
	many->reply.date_ns = r.reply.date_ns;
	store_request_release(&r);
	return ret == -ENOMEM ? ret : 0;
}

static int delete_many(struct client *c, struct store_request *r)
{
	size_t holdable = 0;
	int ret = 0;

	for (size_t i = 0; i < r->delete_count; i++) {
		r->deletes[i].result = -EIO;
		holdable += xml_can_hold(r->deletes[i].key);
	}
	if (holdable)
		ret = call_once_right(c, r);
	else
		store_reply_reset(&r->reply);
	for (size_t i = 0; i < r->delete_count && !ret; i++)
		if (!xml_can_hold(r->deletes[i].key))
			ret = delete_singly(c, r, &r->deletes[i]);
	return ret;
}

/* "0123...-5": so end the ETags of uploads of five parts. */
static bool is_etag_of_parts(const char *etag, size_t count)
{
	const char *dash = strrchr(etag, '-');

	return dash && strtoull(dash + 1, NULL, 10) == count;
}

/*
 * Ceph 16 completes an upload without telling its ETag, which then is asked
 * for. The upload stands whatever comes of that.
 */
static int complete_upload(struct client *c, struct store_request *r)
{
	struct store_object *o = &r->reply.object;
	struct store_request head;
	int ret = call_once_right(c, r);

	if (ret || o->etag)
		return ret;
	store_request_init(&head, STORE_HEAD);
	head.key = r->key;
	head.version_id = o->version_id;
	if (!call_once_right(c, &head) && head.reply.object.etag &&
	    (o->version_id ||
	     is_etag_of_parts(head.reply.object.etag, r->part_count))) {
		o->etag = head.reply.object.etag;
		head.reply.object.etag = NULL;
		o->last_modified_ns = head.reply.object.last_modified_ns;
	}
	store_request_release(&head);
	return 0;
}

static int s3_call(struct store *s, struct store_request *r)
{
	struct client *c = client_of(s);

	switch (r->op) {
	case STORE_DELETE_MANY:
		return delete_many(c, r);
	case STORE_COMPLETE_UPLOAD:
		return complete_upload(c, r);
	default:
		return call_once_right(c, r);
	}
}

static void s3_free(struct store *s)
{
	client_free(client_of(s));
	free(s);
}

static const struct store_ops s3_ops = {
	.name = "s3",
	.call = s3_call,
	.free = s3_free,
};

int s3_store_new(const struct s3_config *config, char *reason, size_t size,
		 struct store **ret_store)
{
	struct s3_store *s = calloc(1, sizeof(*s));
	int ret;

	if (!s) {
		snprintf(reason, size, "out of memory");
		return -ENOMEM;
	}
	s->store.ops = &s3_ops;
	ret = client_new(config, reason, size, &s->client);
	if (ret) {
		free(s);
		return ret;
	}
	*ret_store = &s->store;
	return 0;
}

void s3_store_end(struct store *s)
{
	http_end(client_http(client_of(s)));
}

int s3_store_reload(struct store *s)
{
	int err;

	client_reload(client_of(s), NULL, &err);
	return err;
}

const char *s3_store_region(struct store *s)
{
	struct client *c = client_of(s);

	return client_region_known(c) ? client_endpoint(c)->region : "";
}

const char *s3_store_url(struct store *s)
{
	return client_endpoint(client_of(s))->url;
}

/* Scheme and host, and the path of a request, which is built into q. */
static int begin_url(struct client *c, const struct endpoint *endpoint,
		     const struct store_request *r, struct s3_request *q,
		     struct buf *url)
{
	size_t bare = strlen(endpoint->url) - strlen(endpoint->base);
	int ret = s3_request_build(client_request_config(c), endpoint, r, q);

	if (!ret)
		ret = buf_add(url, endpoint->url, bare);
	return ret ? ret : buf_puts(url, q->path.data);
}

/* Whoever has the URL sends no header of ours: what is needed is in it. */
static int presign(struct client *c, const struct cred *cred,
		   const struct store_request *r, unsigned seconds,
		   struct buf *url, int64_t *ret_now_ns)
{
	const struct endpoint *endpoint = client_endpoint(c);
	struct sigv4_signer signer;
	struct kvlist host;
	struct s3_request q;
	int ret;

	kvlist_init(&host);
	ret = begin_url(c, endpoint, r, &q, url);
	if (!ret)
		ret = buf_putc(url, '?');
	if (!ret && client_request_config(c)->requester_pays)
		ret = kvlist_add(&q.query, "x-amz-request-payer", "requester");
	if (!ret)
		ret = kvlist_add(&host, "host", endpoint->authority);
	if (!ret)
		ret = client_signer(c, cred, endpoint, &signer);
	if (ret)
		goto out;
	const struct sigv4_request request = {
		.method = q.method,
		.path = q.path.data,
		.query = "",
		.headers = &host,
		.payload = SIGV4_UNSIGNED,
	};
	ret = sigv4_presign(&signer, &request, &q.query, cred->session_token,
			    seconds, url);
	*ret_now_ns = signer.time_ns;
out:
	s3_request_release(&q);
	kvlist_release(&host);
	return ret;
}

int s3_store_presign(struct store *s, const struct s3_presign *what,
		     struct s3_presigned *ret)
{
	struct client *c = client_of(s);
	struct store_request r;
	struct cred *cred = NULL;
	struct buf url;
	int64_t now_ns;
	char *text;
	int rc = -EINVAL;

	buf_init(&url, URL_MAX);
	store_request_init(&r, what->put ? STORE_PUT : STORE_GET);
	r.key = what->key;
	r.version_id = what->version_id;
	if (!what->seconds || what->seconds > S3_PRESIGN_MAX_S)
		goto out;
	rc = -EACCES;
	cred = client_cred(c);
	if (!cred)
		goto out;
	rc = presign(c, cred, &r, what->seconds, &url, &now_ns);
	if (rc)
		goto out;
	text = buf_detach(&url);
	rc = text ? 0 : -ENOMEM;
	if (!rc)
		*ret = (struct s3_presigned){
			.url = text,
			.until_ns = now_ns + what->seconds * NS_PER_S,
			.cred_until_ns = cred->expires_ns};
out:
	cred_unref(cred);
	store_request_release(&r);
	buf_release(&url);
	return rc;
}

int s3_store_object_url(struct store *s, const char *key,
			const char *version_id, struct buf *url)
{
	struct client *c = client_of(s);
	struct store_request r;
	struct s3_request q;
	int rc;

	store_request_init(&r, STORE_GET);
	r.key = key;
	r.version_id = version_id;
	rc = begin_url(c, client_endpoint(c), &r, &q, url);
	if (!rc && version_id)
		rc = buf_putc(url, '?');
	if (!rc && version_id)
		rc = uri_query(url, &q.query);
	s3_request_release(&q);
	store_request_release(&r);
	return rc;
}
