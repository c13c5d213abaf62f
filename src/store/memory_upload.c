/* SPDX-License-Identifier: Apache-2.0 */
/* The in-memory store's multipart uploads. */
#include "memory_bucket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "vers3/util/clock.h"

/* Uploads stand by key and, for one key, in the order they were begun. */
static int upload_insert(struct memory_store *ms, struct mem_upload *u)
{
	struct mem_upload **uploads;
	size_t i = 0;

	if (array_room(ms->uploads, ms->upload_count, ms->upload_size))
		return -ENOMEM;
	uploads = ms->uploads;
	while (i < ms->upload_count && strcmp(uploads[i]->key, u->key) <= 0)
		i++;
	memmove(uploads + i + 1, uploads + i,
		(ms->upload_count - i) * sizeof(struct mem_upload *));
	uploads[i] = u;
	ms->upload_count++;
	return 0;
}

static void upload_remove(struct memory_store *ms, struct mem_upload *u)
{
	size_t i = 0;

	while (ms->uploads[i] != u)
		i++;
	memmove(ms->uploads + i, ms->uploads + i + 1,
		(ms->upload_count - i - 1) * sizeof(struct mem_upload *));
	ms->upload_count--;
	mem_upload_free(u);
}

static struct mem_upload *upload_find(struct memory_store *ms,
				      const struct store_request *r)
{
	for (size_t i = 0; i < ms->upload_count; i++)
		if (!strcmp(ms->uploads[i]->id, r->upload_id) &&
		    !strcmp(ms->uploads[i]->key, r->key))
			return ms->uploads[i];
	return NULL;
}

static int upload_new(struct store_request *r, struct mem_upload **ret_u)
{
	struct mem_upload *u = calloc(1, sizeof(*u));
	int err = -ENOMEM;

	if (!u)
		return err;
	u->initiated_ns = clock_real_ns() / NS_PER_MS * NS_PER_MS;
	u->sum = r->sum == STORE_SUM_CRC64NVME;
	u->key = strdup(r->key);
	u->draft = mem_version_new();
	if (u->key && u->draft)
		err = mem_set_attrs(r, r->meta, r->headers, u->draft);
	if (err)
		mem_upload_free(u);
	else
		*ret_u = u;
	return err;
}

int mem_create_upload(struct memory_store *ms, struct store_request *r,
		      struct mem_blob *body)
{
	struct mem_upload *u = NULL;
	int err = mem_check_key(r);

	(void)body;
	if (!err)
		err = upload_new(r, &u);
	if (err)
		return err;
	mem_id_format(++ms->seq, u->id);
	r->reply.upload_id = strdup(u->id);
	err = r->reply.upload_id ? upload_insert(ms, u) : -ENOMEM;
	if (err) {
		mem_upload_free(u);
		return err;
	}
	r->reply.status = 200;
	return 0;
}

/* A part's place: its own, or a new one in order of numbers. */
static struct mem_part *part_slot(struct mem_upload *u, unsigned number)
{
	struct mem_part *parts;
	size_t i = 0;

	while (i < u->part_count && u->parts[i].number < number)
		i++;
	if (i < u->part_count && u->parts[i].number == number)
		return &u->parts[i];
	if (array_room(u->parts, u->part_count, u->part_size))
		return NULL;
	parts = u->parts;
	memmove(parts + i + 1, parts + i, (u->part_count - i) * sizeof(*parts));
	memset(&parts[i], 0, sizeof(parts[i]));
	parts[i].number = number;
	u->part_count++;
	return &parts[i];
}

static int put_part(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *blob)
{
	struct mem_upload *u = upload_find(ms, r);
	char etag[MEM_ETAG_SIZE];
	struct mem_part *part;
	int err;

	if (r->part_number < 1 || r->part_number > MEM_MAX_PARTS)
		return mem_fail(r, -EINVAL, 400, "InvalidArgument");
	if (!u)
		return mem_fail(r, -ENOENT, 404, "NoSuchUpload");
	err = mem_blob_etag(blob, etag);
	if (err)
		return err;
	r->reply.object.etag = strdup(etag);
	part = r->reply.object.etag ? part_slot(u, r->part_number) : NULL;
	if (!part)
		return -ENOMEM;
	mem_blob_unref(part->blob);
	part->blob = mem_blob_ref(blob);
	memcpy(part->etag, etag, sizeof(etag));
	r->reply.status = 200;
	return 0;
}

int mem_upload_part(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body)
{
	return put_part(ms, r, body);
}

int mem_copy_part(struct memory_store *ms, struct store_request *r,
		  struct mem_blob *body)
{
	struct mem_version *from;
	struct mem_slice slice;
	struct mem_blob *blob;
	int err = mem_copy_source(ms, r, &from);

	(void)body;
	if (err)
		return err;
	/* Unlike a GET's, a copy's range must lie in the source as a whole. */
	if (!mem_slice(r, from->blob->size, &slice) ||
	    (r->range_length && slice.length != r->range_length))
		return mem_fail(r, -EINVAL, 400, "InvalidArgument");
	blob = mem_blob_new(slice.length);
	if (!blob)
		return -ENOMEM;
	memcpy(blob->data, from->blob->data + slice.offset,
	       (size_t)slice.length);
	err = put_part(ms, r, blob);
	mem_blob_unref(blob);
	if (!err && ms->versioning != MEM_UNVERSIONED)
		err = kvlist_set(&r->reply.object.headers,
				 "x-amz-copy-source-version-id", from->id);
	return err;
}

/* Finds the parts that the request lists. */
static int choose_parts(struct store_request *r, const struct mem_upload *u,
			const struct mem_part **chosen)
{
	for (size_t i = 0; i < r->part_count; i++) {
		const struct store_part *want = &r->parts[i];

		if (i && want->number <= r->parts[i - 1].number)
			return mem_fail(r, -EINVAL, 400, "InvalidPartOrder");
		for (size_t j = 0; j < u->part_count; j++)
			if (u->parts[j].number == want->number)
				chosen[i] = &u->parts[j];
		if (!chosen[i] || strcmp(chosen[i]->etag, want->etag))
			return mem_fail(r, -EINVAL, 400, "InvalidPart");
	}
	return 0;
}

static int join_parts(const struct mem_part *const *parts, size_t count,
		      struct mem_version *v)
{
	uint64_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i]->blob->size;
	mem_blob_unref(v->blob);
	v->blob = mem_blob_new(size);
	if (!v->blob)
		return -ENOMEM;
	size = 0;
	for (size_t i = 0; i < count; i++) {
		memcpy(v->blob->data + size, parts[i]->blob->data,
		       (size_t)parts[i]->blob->size);
		size += parts[i]->blob->size;
	}
	return mem_parts_etag(parts, count, v->etag);
}

int mem_complete_upload(struct memory_store *ms, struct store_request *r,
			struct mem_blob *body)
{
	struct mem_upload *u = upload_find(ms, r);
	const struct mem_part **chosen;
	struct mem_version *v;
	int err;

	(void)body;
	if (!u)
		return mem_fail(r, -ENOENT, 404, "NoSuchUpload");
	if (!r->part_count || r->part_count > MEM_MAX_PARTS)
		return mem_fail(r, -EINVAL, 400, "MalformedXML");
	chosen = calloc(r->part_count, sizeof(*chosen));
	err = chosen ? choose_parts(r, u, chosen) : -ENOMEM;
	if (!err)
		err = mem_check_write(ms, r);
	if (!err)
		err = join_parts(chosen, r->part_count, u->draft);
	if (!err)
		err = mem_take_sum(r, u->sum, u->draft);
	free(chosen);
	if (err)
		return err;
	v = u->draft;
	u->draft = NULL;
	v->modified_ns = clock_real_ns() / NS_PER_MS * NS_PER_MS;
	upload_remove(ms, u);
	return mem_store_version(ms, r, v);
}

int mem_abort_upload(struct memory_store *ms, struct store_request *r,
		     struct mem_blob *body)
{
	struct mem_upload *u = upload_find(ms, r);

	(void)body;
	if (!u)
		return mem_fail(r, -ENOENT, 404, "NoSuchUpload");
	upload_remove(ms, u);
	r->reply.status = 204;
	return 0;
}

int mem_list_parts(struct memory_store *ms, struct store_request *r,
		   struct mem_blob *body)
{
	struct mem_upload *u = upload_find(ms, r);
	unsigned left = r->max_keys ? r->max_keys : 1000;

	(void)body;
	if (!u)
		return mem_fail(r, -ENOENT, 404, "NoSuchUpload");
	for (size_t i = 0; i < u->part_count; i++) {
		const struct mem_part *part = &u->parts[i];

		if (part->number <= r->part_number)
			continue;
		if (!left--) {
			r->reply.truncated = true;
			break;
		}
		r->reply.parts_bytes += part->blob->size;
		r->reply.next_part = part->number;
	}
	r->reply.status = 200;
	return 0;
}
