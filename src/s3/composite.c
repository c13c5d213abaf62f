/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server leaves out of an action, done by others of its actions.
 *
 * Ceph copies no encrypted object (501), and what it copies under the headers
 * of SSE it stores as it was, in plain text; but UploadPartCopy decrypts and
 * encrypts. So there, and wherever it is not known to be otherwise, a copy that
 * is to be encrypted is
 *
 *	HeadObject		the source: size, key, what it says of itself
 *	GetObjectTagging	as CopyObject takes tags along
 *	CreateMultipartUpload
 *	UploadPartCopy		all of it; if it fails, AbortMultipartUpload
 *	CompleteMultipartUpload	under the conditions of the copy
 *
 * and PutObject for an empty one, of which no part can be copied. Until the
 * last of them nothing has changed, so that what failed before can be done
 * again.
 */
#include "composite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "repair.h"
#include "vers3/net/uri.h"
#include "vers3/s3/endpoint.h"
#include "vers3/s3/sse.h"
#include "vers3/s3/tagging.h"
#include "vers3/store/parts_etag.h"
#include "vers3/util/log.h"

#define TAGS_MAX 16384 /* 10 tags, each byte encoded */

/* A copy under way. */
struct copying {
	struct client *client;
	struct store_request *r; /* the CopyObject */
	struct store_request head; /* of the source, and its answer */
	struct kvlist headers; /* of the new object */
	char *upload_id; /* owned */
	char *etag; /* owned: the part's */
};

/* "0123...-5": so end the ETags of uploads of five parts. */
static bool is_etag_of_parts(const char *etag, size_t count)
{
	const char *dash = strrchr(etag, '-');

	return dash && strtoull(dash + 1, NULL, 10) == count;
}

/* The version is told, and its ETag follows from those of its parts. */
static bool tell_etag(struct store_request *r)
{
	struct store_object *o = &r->reply.object;
	char etag[PARTS_ETAG_SIZE] = "";

	if (o->version_id)
		parts_etag(r->parts, r->part_count, etag);
	if (*etag)
		o->etag = strdup(etag);
	return o->etag;
}

/*
 * Ceph 16 completes an upload without telling its ETag. It makes it of the
 * parts', encrypted or not; where these do not say it, it is asked for. The
 * upload stands whatever comes of that.
 */
int composite_complete(struct client *c, struct store_request *r)
{
	struct store_object *o = &r->reply.object;
	struct store_request head;
	int ret = repair_call(c, r);

	if (ret || o->etag || tell_etag(r))
		return ret;
	store_request_init(&head, STORE_HEAD);
	head.key = r->key;
	head.version_id = o->version_id;
	if (!repair_call(c, &head) && head.reply.object.etag &&
	    (o->version_id ||
	     is_etag_of_parts(head.reply.object.etag, r->part_count))) {
		o->etag = head.reply.object.etag;
		head.reply.object.etag = NULL;
		o->last_modified_ns = head.reply.object.last_modified_ns;
	}
	store_request_release(&head);
	return 0;
}

/* The copy's answer is that of the step that ended it. */
static int answer(struct copying *x, struct store_request *step, int rc)
{
	store_reply_reset(&x->r->reply);
	x->r->reply = step->reply;
	/* It is the copy's now. */
	store_request_init(step, step->op);
	return rc;
}

static int ask_source(struct copying *x)
{
	struct store_request *head = &x->head;
	int rc;

	head->key = x->r->source_key;
	head->version_id = x->r->source_version;
	head->if_match = x->r->source_if_match;
	rc = repair_call(x->client, head);
	return rc ? answer(x, head, rc) : 0;
}

/* What CopyObject takes along unless it is told otherwise. */
static int take_headers(struct copying *x)
{
	static const char *const names[] = {
		"cache-control",    "content-disposition", "content-encoding",
		"content-language", "content-type",	   "expires",
	};
	const struct kvlist *has = &x->head.reply.object.headers;
	const struct kvlist *more = x->r->headers;
	int rc = 0;

	for (size_t i = 0;
	     !rc && !x->r->replace_meta && i < sizeof(names) / sizeof(*names);
	     i++) {
		const char *value = kvlist_get(has, names[i]);

		if (value)
			rc = kvlist_set(&x->headers, names[i], value);
	}
	for (size_t i = 0; !rc && more && i < more->count; i++)
		rc = kvlist_set(&x->headers, more->items[i].name,
				more->items[i].value);
	return rc;
}

/* Whoever may not read tags, or has none, copies none. */
static int take_tags(struct copying *x)
{
	struct store_request ask;
	struct kvlist tags;
	struct buf text;
	int rc;

	kvlist_init(&tags);
	buf_init(&text, TAGS_MAX);
	store_request_init(&ask, STORE_GET_TAGGING);
	ask.key = x->r->source_key;
	ask.version_id = x->r->source_version;
	rc = repair_call(x->client, &ask);
	if (rc == -ENODATA || rc == -EACCES || rc == -EOPNOTSUPP ||
	    rc == -EINVAL)
		rc = 0;
	else if (rc)
		answer(x, &ask, rc);
	else
		rc = tagging_parse(ask.reply.body.data, ask.reply.body.len,
				   &tags);
	if (!rc && tags.count)
		rc = uri_query(&text, &tags);
	if (!rc && tags.count)
		rc = kvlist_set(&x->headers, "x-amz-tagging", text.data);
	store_request_release(&ask);
	buf_release(&text);
	kvlist_release(&tags);
	return rc;
}

static void set_object(const struct copying *x, struct store_request *step)
{
	step->key = x->r->key;
	step->meta =
		x->r->replace_meta ? x->r->meta : &x->head.reply.object.meta;
	step->headers = &x->headers;
}

static int put_empty(struct copying *x)
{
	struct store_request put;
	int rc;

	store_request_init(&put, STORE_PUT);
	set_object(x, &put);
	put.body.mem = "";
	put.if_match = x->r->if_match;
	put.if_none_match = x->r->if_none_match;
	put.once = x->r->once;
	put.sum = STORE_SUM_MD5; /* a bucket that retains may want it */
	rc = answer(x, &put, repair_call(x->client, &put));
	store_request_release(&put);
	return rc;
}

static int begin(struct copying *x)
{
	struct store_request step;
	int rc;

	store_request_init(&step, STORE_CREATE_UPLOAD);
	set_object(x, &step);
	rc = repair_call(x->client, &step);
	if (rc) {
		answer(x, &step, rc);
	} else if (step.reply.upload_id) {
		x->upload_id = step.reply.upload_id;
		step.reply.upload_id = NULL;
	} else {
		rc = -EIO;
	}
	store_request_release(&step);
	return rc;
}

static int copy_part(struct copying *x)
{
	struct store_request step;
	int rc;

	store_request_init(&step, STORE_COPY_PART);
	step.key = x->r->key;
	step.upload_id = x->upload_id;
	step.part_number = 1;
	step.source_key = x->r->source_key;
	step.source_version = x->r->source_version;
	step.source_if_match = x->r->source_if_match;
	rc = repair_call(x->client, &step);
	if (rc) {
		answer(x, &step, rc);
	} else if (step.reply.object.etag) {
		x->etag = step.reply.object.etag;
		step.reply.object.etag = NULL;
	} else {
		rc = -EIO;
	}
	store_request_release(&step);
	return rc;
}

static void give_up(struct copying *x)
{
	struct store_request step;

	store_request_init(&step, STORE_ABORT_UPLOAD);
	step.key = x->r->key;
	step.upload_id = x->upload_id;
	if (repair_call(x->client, &step))
		log_warning("cannot abort the upload by which %s was to be "
			    "copied",
			    x->r->source_key);
	store_request_release(&step);
}

static int end(struct copying *x)
{
	const struct store_part part = {.number = 1, .etag = x->etag};
	struct store_request step;
	int rc;

	store_request_init(&step, STORE_COMPLETE_UPLOAD);
	step.key = x->r->key;
	step.upload_id = x->upload_id;
	step.parts = &part;
	step.part_count = 1;
	step.if_match = x->r->if_match;
	step.if_none_match = x->r->if_none_match;
	step.once = x->r->once;
	rc = composite_complete(x->client, &step);
	answer(x, &step, rc);
	store_request_release(&step);
	return rc;
}

static int copy_in_parts(struct client *c, struct store_request *r)
{
	struct copying x = {.client = c, .r = r};
	bool ended;
	int rc;

	kvlist_init(&x.headers);
	store_request_init(&x.head, STORE_HEAD);
	rc = ask_source(&x);
	if (!rc)
		rc = take_headers(&x);
	if (!rc)
		rc = take_tags(&x);
	if (rc)
		goto out;
	if (!x.head.reply.object.size_bytes) {
		rc = put_empty(&x);
		goto out;
	}
	rc = begin(&x);
	if (rc)
		goto out;
	rc = copy_part(&x);
	ended = !rc;
	if (!rc)
		rc = end(&x);
	/* One whose end was not answered may have become the object. */
	if (rc && (!ended || (r->reply.status >= 400 && r->reply.status < 500)))
		give_up(&x);
	/* The source is there: somebody has aborted the upload. */
	if (rc == -ENOENT && !strcmp(r->reply.code, "NoSuchUpload"))
		rc = -EIO;
out:
	store_request_release(&x.head);
	kvlist_release(&x.headers);
	free(x.upload_id);
	free(x.etag);
	return rc;
}

int composite_copy(struct client *c, struct store_request *r)
{
	int rc;

	if (sse_mode(client_sse(c)) != SSE_BUCKET &&
	    !endpoint_is_amazon(client_endpoint(c)->url))
		return copy_in_parts(c, r);
	rc = repair_call(c, r);
	/* To conditions AWS answers so, which parts would not heed, either. */
	if (rc != -EOPNOTSUPP || r->if_match || r->if_none_match)
		return rc;
	return copy_in_parts(c, r);
}
