/* SPDX-License-Identifier: Apache-2.0 */
/* The S3 store: which call takes which way, and URLs without a request. */
#include "vers3/s3/s3.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "composite.h"
#include "repair.h"
#include "vers3/net/http.h"
#include "vers3/net/uri.h"
#include "vers3/s3/profile.h"
#include "vers3/s3/request.h"
#include "vers3/s3/sse.h"
#include "vers3/s3/xml.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define URL_MAX ((size_t)64 << 10)

struct s3_store {
	struct store store;
	struct client *client; /* owned */
};

static struct client *client_of(struct store *s)
{
	return ((struct s3_store *)s)->client;
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
	ret = repair_call(c, &r);
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
		ret = repair_call(c, r);
	else
		store_reply_reset(&r->reply);
	for (size_t i = 0; i < r->delete_count && !ret; i++)
		if (!xml_can_hold(r->deletes[i].key))
			ret = delete_singly(c, r, &r->deletes[i]);
	return ret;
}

static int s3_call(struct store *s, struct store_request *r)
{
	struct client *c = client_of(s);

	switch (r->op) {
	case STORE_DELETE_MANY:
		return delete_many(c, r);
	case STORE_COMPLETE_UPLOAD:
		return composite_complete(c, r);
	case STORE_COPY:
		return composite_copy(c, r);
	default:
		return repair_call(c, r);
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

int s3_store_identity(struct store *s, struct s3_identity *ret)
{
	struct cred *cred = client_cred(client_of(s));
	int rc = 0;

	*ret = (struct s3_identity){.anonymous = !cred};
	if (!cred)
		return 0;
	ret->temporary = cred->session_token;
	ret->source = cred->source;
	ret->until_ns = cred->expires_ns;
	if (!strcmp(cred->source, "profile"))
		rc = profile_keys_path(&ret->file);
	cred_unref(cred);
	return rc;
}

const struct kvlist *s3_store_encryption(struct store *s)
{
	return sse_setting(client_sse(client_of(s)));
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
	/* Whoever has the URL would need the key. */
	rc = -EOPNOTSUPP;
	if (sse_mode(client_sse(c)) == SSE_C)
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
			.cred_until_ns = cred->expires_ns,
			.bucket_sse = what->put &&
				      sse_mode(client_sse(c)) != SSE_BUCKET};
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
