/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data first. Before the request that makes the new version:
 *
 * - what stands there has a version id of its own, so that it stays as an older
 *   version, whatever comes on top: a PUT takes away only the "null" version
 *   (S3 user guide, "Adding objects to versioning-suspended buckets"), and
 *   where versioning is not on there is no such one below either;
 * - what is sent has the SHA-256 of the bytes that were proven;
 * - what stands there is still what was judged.
 *
 * Nothing is ever deleted but an upload of our own that was not completed. A
 * kill leaves the old version, or the whole new one on top of it.
 */
#include "copy_send.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/core/tagset.h"
#include "vers3/meta/inode.h"
#include "vers3/s3/bucket_audit.h"
#include "vers3/store/version_list.h"
#include "vers3/util/errtext.h"

#define SINGLE_MAX   (UINT64_C(5) << 30) /* of one PUT */
#define PART_DEFAULT (UINT64_C(64) << 20)
#define PARTS_MAX    10000u

/* What is sent at once: read into a file, so that it can be sent again. */
struct sending {
	struct copy_send *s; /* borrowed */
	int fd; /* owned */
	uint64_t from; /* where what the file has begins */
	struct content_sum *sum; /* owned: of all that was sent */
	struct kvlist headers; /* owned */
	uint64_t part_bytes; /* 0: one request */
	struct store_part *parts; /* owned, with their etags */
	unsigned part_count;
	char *upload_id; /* owned; NULL: none */
};

static int fail(struct sending *w, int rc, const char *why)
{
	snprintf(w->s->why, COPY_WHY_MAX, "%s", why);
	return rc;
}

/* The headers that belong to the object, and the class of what it replaces. */
static int take_headers(struct sending *w)
{
	static const char *const names[] = {"content-type",
					    "cache-control",
					    "content-language",
					    "content-disposition",
					    "content-encoding",
					    "expires",
					    "x-amz-website-redirect-location"};
	const struct copy_send *s = w->s;
	const char *value;
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(names) / sizeof(*names); i++) {
		value = kvlist_get(s->from->fact.headers, names[i]);
		if (value)
			rc = kvlist_add(&w->headers, names[i], value);
	}
	value = s->to->fact.there
			? kvlist_get(s->to->fact.headers, "x-amz-storage-class")
			: NULL;
	return rc || !value
		       ? rc
		       : kvlist_add(&w->headers, "x-amz-storage-class", value);
}

static int take_bytes(void *ctx, uint64_t offset, const void *data, size_t size)
{
	struct sending *w = ctx;
	int rc = content_sum_add(w->sum, data, size);

	return rc ? rc
		  : staging_scratch_write(w->fd, offset - w->from, data, size);
}

static int read_part(struct sending *w, uint64_t offset, uint64_t length)
{
	struct copy_send *s = w->s;
	int rc = ftruncate(w->fd, 0) ? -errno : 0;

	w->from = offset;
	s->from->why[0] = '\0';
	if (!rc)
		rc = copy_read(s->from, s->throttle, offset, length, take_bytes,
			       w);
	if (rc && rc != -EINTR)
		fail(w, rc, *s->from->why ? s->from->why : errtext(rc));
	return rc;
}

static bool keeps_versions(struct store *store)
{
	struct bucket_versioning v = {.enabled = false};
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET_VERSIONING);
	rc = store_call(store, &r);
	if (!rc)
		rc = bucket_audit_versioning(r.reply.body.data,
					     r.reply.body.len, &v);
	store_request_release(&r);
	return !rc && v.enabled;
}

struct null_look {
	struct version_list list;
	const char *key; /* borrowed */
	bool found;
};

static int on_version(void *ctx, const struct store_entry *e)
{
	struct null_look *l = ctx;

	l->list.stop = strcmp(e->key, l->key) != 0;
	if (!l->list.stop && e->kind == STORE_ENTRY_VERSION &&
	    !meta_is_version_id(e->version_id))
		l->found = l->list.stop = true;
	return 0;
}

/* An older version without an id of its own would go, not stay. */
static int check_older(struct sending *w)
{
	const struct copy *to = w->s->to;
	struct null_look l = {.key = to->key};
	int rc;

	if (keeps_versions(to->store))
		return 0;
	l.list = (struct version_list){
		.prefix = to->key, .on_entry = on_version, .ctx = &l};
	rc = version_list(to->store, &l.list);
	if (rc)
		return fail(w, rc, errtext(rc));
	return l.found ? fail(w, -EPERM,
			      "an older version of it has no version id, and "
			      "would not stay")
		       : 0;
}

/* Whether the last request may go: see above. */
static int may_send(struct sending *w)
{
	struct copy_send *s = w->s;
	struct copy now;
	int rc = content_sum_end(w->sum);

	if (rc)
		return fail(w, rc, errtext(rc));
	if (!content_sum_same(w->sum, s->proven))
		return fail(w, -ESTALE, "other bytes came than were proven");
	rc = check_older(w);
	if (rc)
		return rc;
	copy_init(&now, s->to->store, s->to->key, NULL);
	rc = copy_look(&now);
	if (rc)
		fail(w, rc, now.why);
	else if (!copy_is_as_before(s->to, &now))
		rc = fail(w, -ESTALE, "it was changed meanwhile");
	copy_release(&now);
	return rc;
}

static int call(struct sending *w, struct store_request *r)
{
	int rc = store_call(w->s->to->store, r);

	if (rc)
		copy_explain(r, rc, w->s->why, COPY_WHY_MAX);
	return rc;
}

/* The tags go along afterwards: they are the new version's then. */
static int send_tags(struct sending *w, const char *version_id)
{
	const struct copy_send *s = w->s;
	struct kvlist tags;
	int rc;

	if (!kvlist_get(s->from->fact.headers, "x-amz-tagging-count"))
		return 0;
	kvlist_init(&tags);
	rc = tagset_get(s->from->store, s->from->key, copy_version(s->from),
			&tags);
	if (!rc && tags.count)
		rc = tagset_put(s->to->store, s->to->key, version_id, &tags);
	kvlist_release(&tags);
	return rc ? fail(w, rc, "it was sent, but its tags were not") : 0;
}

static int send_whole(struct sending *w)
{
	const struct copy_send *s = w->s;
	struct store_request r;
	int rc = read_part(w, 0, s->from->fact.size_bytes);

	if (!rc)
		rc = may_send(w);
	if (rc)
		return rc;
	store_request_init(&r, STORE_PUT);
	r.key = s->to->key;
	r.meta = s->from->fact.meta;
	r.headers = &w->headers;
	r.body.fd = w->fd;
	r.body.length = s->from->fact.size_bytes;
	r.sum = STORE_SUM_MD5;
	rc = call(w, &r);
	if (!rc)
		rc = send_tags(w, r.reply.object.version_id);
	store_request_release(&r);
	return rc;
}

static int begin_upload(struct sending *w)
{
	const struct copy_send *s = w->s;
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = s->to->key;
	r.meta = s->from->fact.meta;
	r.headers = &w->headers;
	rc = call(w, &r);
	if (!rc && !r.reply.upload_id)
		rc = fail(w, -EIO, "the upload has no id");
	if (!rc) {
		w->upload_id = r.reply.upload_id;
		r.reply.upload_id = NULL;
	}
	store_request_release(&r);
	return rc;
}

static int send_part(struct sending *w, unsigned number, uint64_t length)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_UPLOAD_PART);
	r.key = w->s->to->key;
	r.upload_id = w->upload_id;
	r.part_number = number;
	r.body.fd = w->fd;
	r.body.length = length;
	r.sum = STORE_SUM_MD5;
	rc = call(w, &r);
	if (!rc && !r.reply.object.etag)
		rc = fail(w, -EIO, "a part has no ETag");
	if (!rc) {
		w->parts[w->part_count].number = number;
		w->parts[w->part_count++].etag = r.reply.object.etag;
		r.reply.object.etag = NULL;
	}
	store_request_release(&r);
	return rc;
}

static int complete(struct sending *w)
{
	struct store_request r;
	int rc = may_send(w);

	if (rc)
		return rc;
	store_request_init(&r, STORE_COMPLETE_UPLOAD);
	r.key = w->s->to->key;
	r.upload_id = w->upload_id;
	r.parts = w->parts;
	r.part_count = w->part_count;
	rc = call(w, &r);
	if (!rc)
		rc = send_tags(w, r.reply.object.version_id);
	/* Its answer may be lost: then it may be whole, not to be aborted. */
	if (!rc || r.reply.unsure) {
		free(w->upload_id);
		w->upload_id = NULL;
	}
	store_request_release(&r);
	return rc;
}

static void abort_upload(struct sending *w)
{
	struct store_request r;

	if (!w->upload_id)
		return;
	store_request_init(&r, STORE_ABORT_UPLOAD);
	r.key = w->s->to->key;
	r.upload_id = w->upload_id;
	store_call(w->s->to->store, &r);
	store_request_release(&r);
}

static int send_in_parts(struct sending *w)
{
	uint64_t size = w->s->from->fact.size_bytes, offset = 0;
	unsigned count = (unsigned)((size - 1) / w->part_bytes + 1);
	int rc;

	w->parts = calloc(count, sizeof(*w->parts));
	if (!w->parts)
		return fail(w, -ENOMEM, errtext(ENOMEM));
	rc = begin_upload(w);
	for (unsigned i = 0; !rc && i < count; i++) {
		uint64_t length = size - offset < w->part_bytes ? size - offset
								: w->part_bytes;

		rc = read_part(w, offset, length);
		if (!rc)
			rc = send_part(w, i + 1, length);
		offset += length;
	}
	if (!rc)
		rc = complete(w);
	abort_upload(w);
	return rc;
}

/* Parts of the size that it has, so that its ETag is the same. */
static void take_parts(struct sending *w)
{
	uint64_t size = w->s->from->fact.size_bytes;

	w->part_bytes = content_sum_part_bytes(w->s->proven);
	if (!w->part_bytes && size > SINGLE_MAX) {
		w->part_bytes = PART_DEFAULT;
		while ((size - 1) / w->part_bytes >= PARTS_MAX)
			w->part_bytes *= 2;
	}
}

int copy_send(struct copy_send *s)
{
	struct sending w = {.s = s, .fd = -1};
	int rc;

	if (s->to->fact.there && !copy_version(s->to))
		return fail(&w, -EPERM,
			    "it has no version id: it would not stay as an "
			    "older version");
	kvlist_init(&w.headers);
	take_parts(&w);
	rc = take_headers(&w);
	if (!rc)
		rc = staging_scratch(s->staging, &w.fd);
	if (!rc)
		rc = content_sum_new(&s->from->fact, &w.sum);
	if (rc)
		fail(&w, rc, errtext(rc));
	else
		rc = w.part_bytes ? send_in_parts(&w) : send_whole(&w);
	for (unsigned i = 0; i < w.part_count; i++)
		free((char *)w.parts[i].etag);
	free(w.parts);
	free(w.upload_id);
	content_sum_free(w.sum);
	kvlist_release(&w.headers);
	if (w.fd >= 0)
		close(w.fd);
	return rc;
}
