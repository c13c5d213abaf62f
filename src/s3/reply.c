/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading answers. Headers first, as every answer has some; then, for a
 * failure, its error document; for a success, what the action documents.
 */
#include "vers3/s3/reply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/s3/error.h"
#include "vers3/s3/xml.h"
#include "vers3/util/clock.h"

#define META_PREFIX	"x-amz-meta-"
#define META_PREFIX_LEN (sizeof(META_PREFIX) - 1)

#define S3_VERSION_MAX 1024 /* as AWS promises */
#define S3_UPLOAD_MAX  2047
#define S3_ETAG_MAX    255

/* The headers that reply.object.headers keeps; "x-*" by their beginning. */
static const char *const kept[] = {
	"cache-control",
	"content-disposition",
	"content-encoding",
	"content-language",
	"content-type",
	"expires",
	"x-amz-archive-status",
	"x-amz-checksum-*",
	"x-amz-expiration",
	"x-amz-mp-parts-count",
	"x-amz-object-lock-*",
	"x-amz-replication-status",
	"x-amz-restore",
	"x-amz-server-side-encryption*",
	"x-amz-storage-class",
	"x-amz-tagging-count",
	"x-amz-transition-default-minimum-object-size",
	"x-amz-website-redirect-location",
	/* Ceph's, of a bucket. */
	"x-rgw-bytes-used",
	"x-rgw-object-count",
	"x-rgw-quota-*",
};

static bool is_kept(const char *name)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		size_t len = strlen(kept[i]);

		if (kept[i][len - 1] == '*') {
			if (!strncmp(name, kept[i], len - 1))
				return true;
		} else if (!strcmp(name, kept[i])) {
			return true;
		}
	}
	return false;
}

static const char *header(const struct http_request *http, const char *name)
{
	const char *value = kvlist_get(&http->answer, name);

	return value ? value : "";
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static int replace(char **to, const char *from)
{
	char *copy = strdup(from);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

/*
 * An id that goes into requests and records. One that no server gives is no
 * id: to go on without it could mean another version.
 */
static int set_id(char **to, const char *from, size_t max_bytes)
{
	if (strlen(from) > max_bytes)
		return -EIO;
	for (const char *p = from; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return -EIO;
	return replace(to, from);
}

static int set_etag(struct store_object *o, const char *etag)
{
	size_t len;
	int ret;

	if (!strncmp(etag, "W/", 2))
		etag += 2;
	if (!*etag)
		return 0;
	ret = replace(&o->etag, *etag == '"' ? etag + 1 : etag);
	if (ret)
		return ret;
	len = strlen(o->etag);
	if (*etag == '"' && len && o->etag[len - 1] == '"')
		o->etag[--len] = '\0';
	return len > S3_ETAG_MAX ? -EIO : 0;
}

static bool parse_size(const char *text, uint64_t *ret_size)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_size = strtoull(text, &end, 10);
	return !errno && !*end && *ret_size <= INT64_MAX;
}

/* "bytes 0-9/100" (RFC 9110 14.4) */
static bool parse_content_range(const char *text, uint64_t *ret_first,
				uint64_t *ret_last, uint64_t *ret_whole)
{
	int end = -1;

	return sscanf(text, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64 "%n",
		      ret_first, ret_last, ret_whole, &end) == 3 &&
	       end > 0 && !text[end];
}

/* Seconds, or a date (RFC 9110 10.2.3). */
static int64_t parse_retry_after(const char *text, int64_t date_ns)
{
	uint64_t seconds;
	int64_t when_ns;

	if (parse_size(text, &seconds))
		return seconds < 86400 ? (int64_t)seconds * NS_PER_S
				       : 86400 * NS_PER_S;
	if (*text && !clock_parse_http(text, &when_ns) && date_ns &&
	    when_ns > date_ns)
		return when_ns - date_ns;
	return 0;
}

static void read_common(struct store_reply *reply,
			const struct http_request *http)
{
	const char *date = header(http, "date");

	reply->status = http->status;
	reply->cert_until_ns = http->cert_until_ns;
	copy_text(reply->request_id, sizeof(reply->request_id),
		  header(http, "x-amz-request-id"));
	copy_text(reply->region, sizeof(reply->region),
		  header(http, "x-amz-bucket-region"));
	if (*date && clock_parse_http(date, &reply->date_ns))
		reply->date_ns = 0;
	reply->retry_after_ns =
		parse_retry_after(header(http, "retry-after"), reply->date_ns);
}

static int read_object(struct store_object *o, const struct http_request *http)
{
	const char *version = header(http, "x-amz-version-id");
	const char *modified = header(http, "last-modified");
	int ret = set_etag(o, header(http, "etag"));

	if (!ret && *version)
		ret = set_id(&o->version_id, version, S3_VERSION_MAX);
	if (*modified && clock_parse_http(modified, &o->last_modified_ns))
		o->last_modified_ns = 0;
	o->delete_marker = !strcmp(header(http, "x-amz-delete-marker"), "true");
	for (size_t i = 0; i < http->answer.count && !ret; i++) {
		const struct kv *kv = &http->answer.items[i];

		if (!strncmp(kv->name, META_PREFIX, META_PREFIX_LEN))
			ret = kvlist_add(&o->meta, kv->name + META_PREFIX_LEN,
					 kv->value);
		else if (is_kept(kv->name))
			ret = kvlist_add(&o->headers, kv->name, kv->value);
	}
	return ret;
}

int s3_reply_head(const struct store_request *r,
		  const struct http_request *http)
{
	struct store_object o;
	int ret;

	store_object_init(&o);
	ret = read_object(&o, http);
	if (ret == -E2BIG)
		ret = -EIO;
	if (!ret)
		ret = r->head(r->head_ctx, http->status, &o);
	store_object_release(&o);
	return ret;
}

static int fail(struct store_reply *reply, const char *words)
{
	if (!reply->message[0])
		copy_text(reply->message, sizeof(reply->message), words);
	return -EIO;
}

/* How large the object is; a size that is not told is no size of 0. */
static int read_head(struct store_request *r, const struct http_request *http)
{
	if (!parse_size(header(http, "content-length"),
			&r->reply.object.size_bytes))
		return fail(&r->reply, "the answer does not tell the size");
	return 0;
}

/* Was this the range that was asked for, and did all of it come? */
static int read_get(struct store_request *r, const struct http_request *http)
{
	const char *range = header(http, "content-range");
	struct store_object *o = &r->reply.object;
	uint64_t first = 0, last = 0, length = 0;
	bool has_length = parse_size(header(http, "content-length"), &length);

	if (has_length && length != http->received_bytes)
		return fail(&r->reply, "the body is shorter than announced");
	if (http->status == 206) {
		if (!parse_content_range(range, &first, &last,
					 &o->size_bytes) ||
		    first != r->range_offset || last < first ||
		    last >= o->size_bytes || o->size_bytes > INT64_MAX ||
		    last - first + 1 != http->received_bytes)
			return fail(&r->reply, "another range than asked for");
		if (last + 1 < o->size_bytes &&
		    (!r->range_length || last - first + 1 != r->range_length))
			return fail(&r->reply, "a shorter range than asked");
		return 0;
	}
	if (r->range_offset ||
	    (r->range_length && http->received_bytes > r->range_length))
		return fail(&r->reply, "the server ignored the range");
	/* Without either, nothing tells a whole body from a cut one. */
	if (!has_length && !*header(http, "transfer-encoding"))
		return fail(&r->reply, "the answer does not tell the size");
	o->size_bytes = http->received_bytes;
	return 0;
}

static int read_list(struct store_request *r, const struct buf *doc)
{
	struct store_reply *reply = &r->reply;
	struct xml_list list;
	int ret = xml_parse_list(doc->data, doc->len, r->on_entry, r->entry_ctx,
				 &list);

	if (ret)
		return ret;
	reply->truncated = list.truncated;
	reply->skipped = list.skipped;
	reply->next_token = list.next_token;
	reply->next_key_marker = list.next_key_marker;
	reply->next_version_marker = list.next_version_marker;
	return 0;
}

static int read_parts(struct store_request *r, const struct buf *doc)
{
	struct xml_parts parts;
	int ret = xml_parse_parts(doc->data, doc->len, &parts);

	if (ret)
		return ret;
	r->reply.parts_bytes = parts.bytes;
	r->reply.truncated = parts.truncated;
	r->reply.next_part = parts.next;
	return 0;
}

/* An <Error>, wherever it came. */
static void take_error(struct store_reply *reply, const struct xml_result *x)
{
	copy_text(reply->code, sizeof(reply->code), x->code);
	copy_text(reply->message, sizeof(reply->message), x->message);
	if (x->region[0])
		copy_text(reply->region, sizeof(reply->region), x->region);
	if (!reply->request_id[0])
		copy_text(reply->request_id, sizeof(reply->request_id),
			  x->request_id);
}

/* The documents that can be an error inside of a 200. */
static int read_result(struct store_request *r, const struct buf *doc)
{
	struct store_reply *reply = &r->reply;
	struct xml_result *x = calloc(1, sizeof(*x));
	int ret;

	if (!x)
		return -ENOMEM;
	ret = xml_parse_result(doc->data, doc->len, x);
	if (ret)
		goto out;
	if (!strcmp(x->root, "Error")) {
		take_error(reply, x);
		reply->status = s3_error_status(reply->code);
		ret = s3_error_errno(reply->status, reply->code);
		goto out;
	}
	ret = set_etag(&reply->object, x->etag);
	if (!ret && x->last_modified[0] &&
	    clock_parse_iso8601(x->last_modified,
				&reply->object.last_modified_ns))
		reply->object.last_modified_ns = 0;
	if (!ret && x->upload_id[0])
		ret = set_id(&reply->upload_id, x->upload_id, S3_UPLOAD_MAX);
	if (!ret && r->op == STORE_CREATE_UPLOAD && !reply->upload_id)
		ret = fail(reply, "the answer has no upload id");
	if (!ret && (r->op == STORE_COPY || r->op == STORE_COPY_PART) &&
	    !reply->object.etag)
		ret = fail(reply, "the answer has no ETag");
out:
	free(x);
	return ret;
}

/* Each answer goes to the request's entry that it names. */
struct deleted_match {
	struct store_request *r;
	size_t next; /* where to look first: answers come in order */
	bool *answered; /* owned by read_deleted() */
};

static bool is_named(const struct store_delete *d,
		     const struct xml_deleted *deleted)
{
	const char *version = d->version_id ? d->version_id : "";

	return !strcmp(d->key, deleted->key) &&
	       !strcmp(version, deleted->version_id);
}

static int on_deleted(void *ctx, const struct xml_deleted *deleted)
{
	struct deleted_match *m = ctx;
	size_t count = m->r->delete_count;

	for (size_t i = 0; i < count; i++) {
		size_t at = (m->next + i) % count;
		struct store_delete *d = &m->r->deletes[at];

		if (m->answered[at] || !is_named(d, deleted))
			continue;
		m->answered[at] = true;
		m->next = at + 1;
		d->result = 0;
		copy_text(d->code, sizeof(d->code), deleted->code);
		copy_text(d->message, sizeof(d->message), deleted->message);
		if (*deleted->code)
			d->result = s3_error_errno(
				s3_error_status(deleted->code), deleted->code);
		/* Deleting what is gone has done what was asked. */
		if (d->result == -ENOENT &&
		    strcmp(deleted->code, "NoSuchBucket") != 0)
			d->result = 0;
		if (!d->version_id && *deleted->marker_version)
			return set_id(&d->marker_version,
				      deleted->marker_version, S3_VERSION_MAX);
		return 0;
	}
	return 0;
}

static int read_deleted(struct store_request *r, const struct buf *doc)
{
	struct deleted_match m = {.r = r};
	int ret;

	if (!r->delete_count)
		return 0;
	m.answered = calloc(r->delete_count, sizeof(*m.answered));
	if (!m.answered)
		return -ENOMEM;
	ret = xml_parse_deleted(doc->data, doc->len, on_deleted, &m);
	free(m.answered);
	return ret;
}

/* Some servers send a configuration without rules where there is none. */
static int read_rules(struct store_request *r, const struct buf *doc)
{
	bool has_rules;
	int ret = xml_has_rules(doc->data, doc->len, &has_rules);

	if (ret)
		return ret;
	return has_rules ? buf_add(&r->reply.body, doc->data, doc->len)
			 : -ENODATA;
}

static int read_success(struct store_request *r,
			const struct http_request *http, const struct buf *doc)
{
	switch (r->op) {
	case STORE_HEAD:
		return read_head(r, http);
	case STORE_GET:
		return read_get(r, http);
	case STORE_LIST:
	case STORE_LIST_VERSIONS:
	case STORE_LIST_UPLOADS:
		return read_list(r, doc);
	case STORE_LIST_PARTS:
		return read_parts(r, doc);
	case STORE_COPY:
	case STORE_COPY_PART:
	case STORE_CREATE_UPLOAD:
	case STORE_COMPLETE_UPLOAD:
		return read_result(r, doc);
	case STORE_DELETE_MANY:
		return read_deleted(r, doc);
	case STORE_GET_LIFECYCLE:
	case STORE_GET_REPLICATION:
	case STORE_GET_OBJECT_LOCK:
		return read_rules(r, doc);
	case STORE_GET_VERSIONING:
	case STORE_GET_LOCATION:
	case STORE_GET_ENCRYPTION:
	case STORE_GET_PUBLIC_BLOCK:
	case STORE_GET_POLICY_STATUS:
	case STORE_GET_ACL:
	case STORE_GET_TAGGING:
		return buf_add(&r->reply.body, doc->data, doc->len);
	default:
		return 0;
	}
}

static int read_failure(struct store_request *r,
			const struct http_request *http, const struct buf *doc)
{
	struct store_reply *reply = &r->reply;
	struct store_object *o = &reply->object;
	struct xml_result *x = calloc(1, sizeof(*x));
	bool reads = r->op == STORE_HEAD || r->op == STORE_GET;
	bool config = r->op == STORE_GET_LIFECYCLE ||
		      r->op == STORE_GET_REPLICATION ||
		      r->op == STORE_GET_OBJECT_LOCK ||
		      r->op == STORE_GET_ENCRYPTION ||
		      r->op == STORE_GET_PUBLIC_BLOCK ||
		      r->op == STORE_GET_POLICY_STATUS;

	if (!x)
		return -ENOMEM;
	/* A proxy's page is no error document: then the status has to do. */
	if (doc->len && xml_is_tame(doc->data, doc->len) &&
	    !xml_parse_result(doc->data, doc->len, x) &&
	    !strcmp(x->root, "Error"))
		take_error(reply, x);
	free(x);
	if (!reply->message[0] && !reply->code[0])
		snprintf(reply->message, sizeof(reply->message),
			 "HTTP status %d", http->status);
	/* 405 is S3's answer to reading a marker by its version id. */
	if (reads && http->status == 405 && r->version_id)
		o->delete_marker = true;
	if (reads && o->delete_marker)
		return -ENOENT;
	if (config && http->status == 404 &&
	    strcmp(reply->code, "NoSuchBucket") != 0)
		return -ENODATA;
	return s3_error_errno(http->status, reply->code);
}

int s3_reply_read(struct store_request *r, const struct http_request *http,
		  const struct buf *doc)
{
	int ret;

	read_common(&r->reply, http);
	ret = read_object(&r->reply.object, http);
	if (ret == -E2BIG || ret == -EIO)
		return fail(&r->reply, "the headers make no sense");
	if (ret)
		return ret;
	if (http->status < 200 || http->status >= 300)
		return read_failure(r, http, doc);
	/* Whoever reads it, here or above. */
	if (doc->len && !xml_is_tame(doc->data, doc->len))
		return fail(&r->reply, "the answer is no document of S3");
	ret = read_success(r, http, doc);
	if (ret == -EFBIG)
		ret = -EIO;
	if (ret == -EIO)
		fail(&r->reply, "the answer could not be understood");
	return ret;
}
