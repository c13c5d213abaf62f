/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From store requests to HTTP: one table says what each action looks like,
 * and a function for each kind of input says how it goes into the request.
 */
#include "vers3/s3/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/net/uri.h"
#include "vers3/s3/digest.h"
#include "vers3/s3/xml.h"

#define PATH_MAX_BYTES ((size_t)16 << 10)
#define DOC_MAX	       ((size_t)16 << 20) /* 1,000 keys, each byte escaped */
#define DELETES_MAX    1000

enum what {
	ON_BUCKET = 0,
	ON_KEY = 1 << 0,
	TAKES_META = 1 << 1, /* x-amz-meta- */
	TAKES_SOURCE = 1 << 2, /* x-amz-copy-source */
	SENDS_BODY = 1 << 3, /* r->body, as data */
	SENDS_DOC = 1 << 4, /* r->body, as a document */
	SENDS_NOTHING = 1 << 5, /* an empty body: Content-Length: 0 */
	LISTS = 1 << 6,
	TAKES_RANGE = 1 << 7,
	SENDS_MD5 = 1 << 8,
};

struct action {
	const char *method;
	const char *subresource; /* a parameter without a value, or NULL */
	unsigned what;
};

static const struct action actions[STORE_OP_COUNT] = {
	[STORE_HEAD_BUCKET] = {"HEAD", NULL, ON_BUCKET},
	[STORE_GET_VERSIONING] = {"GET", "versioning", ON_BUCKET},
	[STORE_PUT_VERSIONING] = {"PUT", "versioning", SENDS_DOC | SENDS_MD5},
	[STORE_GET_LIFECYCLE] = {"GET", "lifecycle", ON_BUCKET},
	[STORE_PUT_LIFECYCLE] = {"PUT", "lifecycle", SENDS_DOC | SENDS_MD5},
	[STORE_DELETE_LIFECYCLE] = {"DELETE", "lifecycle", ON_BUCKET},
	[STORE_GET_REPLICATION] = {"GET", "replication", ON_BUCKET},
	[STORE_GET_OBJECT_LOCK] = {"GET", "object-lock", ON_BUCKET},
	[STORE_GET_LOCATION] = {"GET", "location", ON_BUCKET},
	[STORE_GET_ENCRYPTION] = {"GET", "encryption", ON_BUCKET},
	[STORE_GET_PUBLIC_BLOCK] = {"GET", "publicAccessBlock", ON_BUCKET},
	[STORE_GET_POLICY_STATUS] = {"GET", "policyStatus", ON_BUCKET},
	[STORE_GET_ACL] = {"GET", "acl", ON_BUCKET},
	[STORE_LIST] = {"GET", NULL, LISTS},
	[STORE_LIST_VERSIONS] = {"GET", "versions", LISTS},
	[STORE_LIST_UPLOADS] = {"GET", "uploads", LISTS},
	[STORE_HEAD] = {"HEAD", NULL, ON_KEY},
	[STORE_GET] = {"GET", NULL, ON_KEY | TAKES_RANGE},
	[STORE_PUT] = {"PUT", NULL, ON_KEY | TAKES_META | SENDS_BODY},
	[STORE_COPY] = {"PUT", NULL,
			ON_KEY | TAKES_META | TAKES_SOURCE | SENDS_NOTHING},
	[STORE_DELETE] = {"DELETE", NULL, ON_KEY},
	[STORE_DELETE_MANY] = {"POST", "delete", SENDS_MD5},
	[STORE_CREATE_UPLOAD] = {"POST", "uploads",
				 ON_KEY | TAKES_META | SENDS_NOTHING},
	[STORE_UPLOAD_PART] = {"PUT", NULL, ON_KEY | SENDS_BODY},
	[STORE_COPY_PART] = {"PUT", NULL,
			     ON_KEY | TAKES_SOURCE | SENDS_NOTHING},
	[STORE_COMPLETE_UPLOAD] = {"POST", NULL, ON_KEY},
	[STORE_ABORT_UPLOAD] = {"DELETE", NULL, ON_KEY},
	[STORE_LIST_PARTS] = {"GET", NULL, ON_KEY},
	[STORE_GET_TAGGING] = {"GET", "tagging", ON_KEY},
	[STORE_PUT_TAGGING] = {"PUT", "tagging",
			       ON_KEY | SENDS_DOC | SENDS_MD5},
	[STORE_PUT_RETENTION] = {"PUT", "retention",
				 ON_KEY | SENDS_DOC | SENDS_MD5},
	[STORE_PUT_LEGAL_HOLD] = {"PUT", "legal-hold",
				  ON_KEY | SENDS_DOC | SENDS_MD5},
	[STORE_RESTORE] = {"POST", "restore", ON_KEY | SENDS_DOC | SENDS_MD5},
};

static int set_query(struct s3_request *q, const char *name, const char *value)
{
	return value ? kvlist_add(&q->query, name, value) : 0;
}

static int set_query_number(struct s3_request *q, const char *name,
			    unsigned value)
{
	char text[16];

	if (!value)
		return 0;
	snprintf(text, sizeof(text), "%u", value);
	return kvlist_add(&q->query, name, text);
}

static int set_header(struct s3_request *q, const char *name, const char *value)
{
	return value ? kvlist_set(&q->headers, name, value) : 0;
}

static int put_path(struct s3_request *q, const struct endpoint *endpoint,
		    const char *key)
{
	int ret = buf_puts(&q->path, endpoint->base);

	if (!ret && key)
		ret = buf_putc(&q->path, '/');
	if (!ret && key)
		ret = uri_encode(&q->path, key, strlen(key), true);
	if (!ret && !q->path.len)
		ret = buf_putc(&q->path, '/');
	return ret;
}

static int put_list(struct s3_request *q, const struct store_request *r)
{
	int ret = kvlist_add(&q->query, "encoding-type", "url");

	if (!ret)
		ret = set_query(q, "prefix", r->prefix);
	if (!ret)
		ret = set_query(q, "delimiter", r->delimiter);
	if (ret)
		return ret;
	if (r->op == STORE_LIST) {
		ret = kvlist_add(&q->query, "list-type", "2");
		if (!ret)
			ret = set_query(q, "start-after", r->start_after);
		if (!ret)
			ret = set_query(q, "continuation-token", r->token);
		if (!ret)
			ret = set_query_number(q, "max-keys", r->max_keys);
		return ret;
	}
	ret = set_query(q, "key-marker", r->key_marker);
	if (!ret)
		ret = set_query(q,
				r->op == STORE_LIST_UPLOADS
					? "upload-id-marker"
					: "version-id-marker",
				r->version_marker);
	if (!ret)
		ret = set_query_number(q,
				       r->op == STORE_LIST_UPLOADS
					       ? "max-uploads"
					       : "max-keys",
				       r->max_keys);
	return ret;
}

/* An ETag with quotes, but "*" without. */
static int put_condition(struct s3_request *q, const char *name,
			 const char *etag)
{
	char value[300];

	if (!etag)
		return 0;
	if (!strcmp(etag, "*"))
		return kvlist_set(&q->headers, name, "*");
	if (snprintf(value, sizeof(value), "\"%s\"", etag) >=
	    (int)sizeof(value))
		return -EINVAL;
	return kvlist_set(&q->headers, name, value);
}

static int put_conditions(struct s3_request *q, const struct store_request *r)
{
	int ret = put_condition(q, "if-match", r->if_match);

	return ret ? ret : put_condition(q, "if-none-match", r->if_none_match);
}

static int put_range(struct s3_request *q, const struct store_request *r,
		     const char *name)
{
	char text[64];

	if (!r->range_length && !r->range_offset)
		return 0;
	if (r->range_length > UINT64_MAX - r->range_offset)
		return -EINVAL;
	if (r->range_length)
		snprintf(text, sizeof(text), "bytes=%" PRIu64 "-%" PRIu64,
			 r->range_offset,
			 r->range_offset + r->range_length - 1);
	else
		snprintf(text, sizeof(text), "bytes=%" PRIu64 "-",
			 r->range_offset);
	return kvlist_set(&q->headers, name, text);
}

static int put_meta(struct s3_request *q, const struct kvlist *meta)
{
	int ret = 0;

	for (size_t i = 0; meta && i < meta->count && !ret; i++) {
		char *name;

		if (asprintf(&name, "x-amz-meta-%s", meta->items[i].name) < 0)
			return -ENOMEM;
		ret = kvlist_set(&q->headers, name, meta->items[i].value);
		free(name);
	}
	return ret;
}

/* x-amz-copy-source: bucket/key?versionId=id, percent-encoded. */
static int put_source(struct s3_request *q, const struct store_request *r,
		      const char *bucket)
{
	struct buf source;
	int ret;

	if (!r->source_key || !*r->source_key)
		return -EINVAL;
	buf_init(&source, PATH_MAX_BYTES);
	ret = buf_printf(&source, "%s/", bucket);
	if (!ret)
		ret = uri_encode(&source, r->source_key, strlen(r->source_key),
				 true);
	if (!ret && r->source_version)
		ret = buf_puts(&source, "?versionId=");
	if (!ret && r->source_version)
		ret = uri_encode(&source, r->source_version,
				 strlen(r->source_version), false);
	if (!ret)
		ret = set_header(q, "x-amz-copy-source", source.data);
	buf_release(&source);
	if (!ret)
		ret = put_condition(q, "x-amz-copy-source-if-match",
				    r->source_if_match);
	/* Ceph knows the condition by another name alone. */
	if (!ret)
		ret = put_condition(q, "x-amz-copy-if-match",
				    r->source_if_match);
	if (!ret && r->op == STORE_COPY)
		ret = set_header(q, "x-amz-metadata-directive",
				 r->replace_meta ? "REPLACE" : "COPY");
	if (!ret && r->op == STORE_COPY_PART)
		ret = put_range(q, r, "x-amz-copy-source-range");
	return ret;
}

/* The parameters that name a version, an upload or a part. */
static int put_ids(struct s3_request *q, const struct store_request *r)
{
	int ret = set_query(q, "versionId", r->version_id);

	if (!ret)
		ret = set_query(q, "uploadId", r->upload_id);
	if (!ret && (r->op == STORE_UPLOAD_PART || r->op == STORE_COPY_PART))
		ret = set_query_number(q, "partNumber", r->part_number);
	if (!ret && r->op == STORE_LIST_PARTS)
		ret = set_query_number(q, "part-number-marker", r->part_number);
	if (!ret && r->op == STORE_LIST_PARTS)
		ret = set_query_number(q, "max-parts", r->max_keys);
	return ret;
}

static int put_body(struct s3_request *q, const struct store_request *r,
		    unsigned what)
{
	int ret = 0;

	q->has_body = true;
	q->body.fd = -1;
	if (what & (SENDS_BODY | SENDS_DOC)) {
		q->body.mem = r->body.mem;
		q->body.fd = r->body.fd;
		q->body.offset = r->body.offset;
		q->body.length = r->body.length;
		q->is_doc = what & SENDS_DOC;
		return 0;
	}
	q->is_doc = true;
	if (r->op == STORE_DELETE_MANY)
		ret = xml_write_deletes(&q->doc, r->deletes, r->delete_count);
	else if (r->op == STORE_COMPLETE_UPLOAD)
		ret = xml_write_parts(&q->doc, r->parts, r->part_count);
	else
		q->has_body = what & SENDS_NOTHING;
	q->body.mem = q->doc.data;
	q->body.length = q->doc.len;
	return ret;
}

static int put_doc_headers(struct s3_request *q, const struct digest *digest,
			   unsigned what)
{
	char md5[DIGEST_BASE64_SIZE];
	int ret = 0;

	if (!q->has_body || !q->is_doc || !q->body.length)
		return 0;
	if (!q->body.mem)
		return -EINVAL;
	ret = set_header(q, "content-type", "application/xml");
	if (ret || !(what & SENDS_MD5))
		return ret;
	ret = digest_md5(digest, q->body.mem, (size_t)q->body.length, md5);
	if (ret) /* FIPS: the signed SHA-256 of documents has to do */
		return ret == -ENOTSUP ? 0 : ret;
	return set_header(q, "content-md5", md5);
}

/* One check of the whole, not one of the parts' checks. */
static int put_parts_sum(struct s3_request *q, const struct store_request *r)
{
	int ret;

	if (r->sum != STORE_SUM_CRC64NVME)
		return 0;
	ret = set_header(q, "x-amz-checksum-algorithm", "CRC64NVME");
	return ret ? ret : set_header(q, "x-amz-checksum-type", "FULL_OBJECT");
}

/* Of a part of an object none is kept. */
bool s3_request_asks_sum(const struct store_request *r)
{
	return r->op == STORE_HEAD ||
	       (r->op == STORE_GET && !r->range_offset && !r->range_length);
}

static int put_headers(struct s3_request *q, const struct store_request *r,
		       const struct s3_request_config *config,
		       const struct endpoint *endpoint, unsigned what)
{
	const struct kvlist *extra = r->headers;
	int ret = set_header(q, "host", endpoint->authority);

	if (!ret && config->requester_pays)
		ret = set_header(q, "x-amz-request-payer", "requester");
	if (!ret && !config->no_sums && s3_request_asks_sum(r))
		ret = set_header(q, "x-amz-checksum-mode", "ENABLED");
	if (!ret && r->op == STORE_CREATE_UPLOAD)
		ret = put_parts_sum(q, r);
	for (size_t i = 0; extra && i < extra->count && !ret; i++)
		ret = set_header(q, extra->items[i].name,
				 extra->items[i].value);
	if (!ret && (what & TAKES_META))
		ret = put_meta(q, r->meta);
	if (!ret && (what & TAKES_SOURCE))
		ret = put_source(q, r, config->bucket);
	if (!ret && (what & TAKES_RANGE))
		ret = put_range(q, r, "range");
	if (!ret && (what & ON_KEY))
		ret = put_conditions(q, r);
	/* Last: no header that was kept of another object counts. */
	if (!ret)
		ret = sse_put(config->sse, r, config->sse_way, &q->headers);
	return ret;
}

/* Inputs without which the request would be another one than was meant. */
static bool is_whole(const struct store_request *r, unsigned what)
{
	bool in_upload =
		r->op == STORE_UPLOAD_PART || r->op == STORE_COPY_PART ||
		r->op == STORE_COMPLETE_UPLOAD || r->op == STORE_ABORT_UPLOAD ||
		r->op == STORE_LIST_PARTS;

	if ((what & ON_KEY) && (!r->key || !*r->key))
		return false;
	if (in_upload && (!r->upload_id || !*r->upload_id))
		return false;
	if ((r->op == STORE_UPLOAD_PART || r->op == STORE_COPY_PART) &&
	    !r->part_number)
		return false;
	if (r->op == STORE_COPY_PART && r->range_offset && !r->range_length)
		return false;
	return r->op != STORE_DELETE_MANY || r->delete_count <= DELETES_MAX;
}

int s3_request_build(const struct s3_request_config *config,
		     const struct endpoint *endpoint,
		     const struct store_request *r,
		     struct s3_request *ret_request)
{
	const struct action *action = &actions[r->op];
	unsigned what = action->what;
	struct s3_request *q = ret_request;
	int ret = 0;

	memset(q, 0, sizeof(*q));
	kvlist_init(&q->query);
	kvlist_init(&q->headers);
	buf_init(&q->path, PATH_MAX_BYTES);
	buf_init(&q->doc, DOC_MAX);
	q->method = action->method;
	if (!is_whole(r, what))
		return -EINVAL;
	if (action->subresource)
		ret = kvlist_add(&q->query, action->subresource, "");
	if (!ret)
		ret = put_path(q, endpoint, what & ON_KEY ? r->key : NULL);
	if (!ret && (what & LISTS))
		ret = put_list(q, r);
	if (!ret && (what & ON_KEY))
		ret = put_ids(q, r);
	if (!ret)
		ret = put_body(q, r, what);
	if (!ret)
		ret = put_headers(q, r, config, endpoint, what);
	if (!ret)
		ret = put_doc_headers(q, config->digest, what);
	return ret == -EFBIG || ret == -E2BIG ? -EINVAL : ret;
}

void s3_request_release(struct s3_request *q)
{
	kvlist_release(&q->query);
	kvlist_release(&q->headers);
	buf_release(&q->path);
	buf_release(&q->doc);
}
