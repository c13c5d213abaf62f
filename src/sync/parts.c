/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that begin and fill a multipart upload. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "upload_owner.h"
#include "upload_record.h"
#include "syncer_impl.h"
#include "upload_impl.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/objattr.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/kv.h"
#include "vers3/util/log.h"

#define ENCRYPTION "x-amz-server-side-encryption"

static int stage_body(struct uploader *u, uint64_t ino, uint64_t place,
		      struct store_request *r)
{
	uint64_t offset;
	int fd, rc = staging_dup(u->s->mount->staging, ino, place, &fd,
				 &offset);

	if (rc)
		return rc == -ENOENT ? -EAGAIN : rc; /* deleted meanwhile */
	r->body.fd = fd;
	r->body.offset = offset;
	rc = store_call(u->s->mount->store, r);
	close(fd);
	return rc;
}

/*
 * Whether an error may come of the check that the upload is to have: a server
 * that keeps one of an object sent as one may want those of the parts listed
 * (MinIO: InvalidPart), or have none of what is put together.
 */
static bool is_of_sum(const struct store_request *r, int rc)
{
	return rc == -EINVAL || rc == -EOPNOTSUPP ||
	       (r->op == STORE_COMPLETE_UPLOAD &&
		(!strcmp(r->reply.code, "InvalidPart") ||
		 !strcmp(r->reply.code, "BadDigest")));
}

static void drop_sum(struct uploader *u, const struct store_request *r)
{
	if (atomic_exchange(&u->no_sum, true))
		return;
	/* Bytes that differ once say nothing of what the server can do. */
	u->no_sum_news = strcmp(r->reply.code, "BadDigest") != 0;
	log_warning("uploads in parts go without a checksum of the "
		    "whole: the server refused one of %s",
		    r->key);
}

/*
 * Of an upload without a check, after one was refused: what is refused as well
 * was not refused for it, and only one that ends is a reason to go without
 * from now on.
 */
static void prove_no_sum(struct uploader *u, const struct store_request *r,
			 int rc)
{
	bool proof = !rc && r->op == STORE_COMPLETE_UPLOAD;

	if ((proof || is_of_sum(r, rc)) &&
	    atomic_exchange(&u->no_sum_news, false) && proof)
		caps_note_no_whole_sum(u->s->meta);
}

int upload_error(struct uploader *u, const struct upload_record *o,
		 const struct store_request *r, int rc)
{
	const char *code = r->reply.code;

	if (o->sum == STORE_SUM_NONE)
		prove_no_sum(u, r, rc);
	if (!rc)
		return 0;
	if (o->sum == STORE_SUM_CRC64NVME && is_of_sum(r, rc)) {
		drop_sum(u, r);
		return -ESTALE;
	}
	return !strcmp(code, "NoSuchUpload") || !strcmp(code, "InvalidPart")
		       ? -ESTALE
		       : rc;
}

bool upload_can_end(const struct uploader *u, const struct upload_record *o)
{
	return o->sum != STORE_SUM_CRC64NVME || !u->no_sum;
}

enum store_sum upload_part_sum(const struct syncer *s,
			       const struct upload_record *o)
{
	enum store_sum sum = caps_sum(&s->mount->config.caps);

	/* One that began without a check takes none with its parts. */
	if (o->sum == STORE_SUM_CRC64NVME)
		return o->sum;
	return sum == STORE_SUM_NONE ? sum : STORE_SUM_MD5;
}

int upload_add_encryption(const struct syncer *s, struct kvlist *headers)
{
	const struct kvlist *now = s->mount->config.encryption;
	int rc = 0;

	for (size_t i = 0; now && i < now->count && !rc; i++)
		rc = kvlist_set(headers, now->items[i].name,
				now->items[i].value);
	return rc;
}

bool upload_has_encryption(const struct syncer *s,
			   const struct upload_record *o)
{
	const struct kvlist *now = s->mount->config.encryption;
	const struct kvlist *began = &o->began.headers;
	size_t found = 0;

	for (size_t i = 0; now && i < now->count; i++) {
		const char *value = kvlist_get(began, now->items[i].name);

		if (!value || strcmp(value, now->items[i].value) != 0)
			return false;
	}
	for (size_t i = 0; i < began->count; i++)
		found += !strncasecmp(began->items[i].name, ENCRYPTION,
				      sizeof(ENCRYPTION) - 1);
	return found == (now ? now->count : 0);
}

int upload_note_part(struct uploader *u, uint64_t ino, const char *upload_id,
		     const struct store_request *r,
		     struct upload_record_part *part)
{
	const char *etag = r->reply.object.etag;

	if (!etag || strlen(etag) > META_ETAG_MAX)
		return -EIO;
	strcpy(part->etag, etag);
	syncer_part_sent(u->s);
	return upload_record_part_put(u->s, ino, upload_id, part);
}

int upload_staged(struct uploader *u, const struct upload_record *o,
		  uint64_t ino, uint64_t place, struct upload_record_part *part)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_UPLOAD_PART);
	r.key = o->key;
	r.upload_id = o->upload_id;
	r.part_number = part->number;
	r.body.length = part->length;
	r.sum = upload_part_sum(u->s, o);
	rc = upload_error(u, o, &r, stage_body(u, ino, place, &r));
	if (!rc)
		rc = upload_note_part(u, ino, o->upload_id, &r, part);
	store_request_release(&r);
	return rc;
}

/* Without a check of the whole where the server has none of that kind. */
static int create_upload(struct uploader *u, struct store_request *r)
{
	int rc = store_call(u->s->mount->store, r);

	if (r->sum != STORE_SUM_CRC64NVME || !is_of_sum(r, rc))
		return rc;
	r->sum = STORE_SUM_NONE;
	rc = store_call(u->s->mount->store, r);
	if (!rc)
		drop_sum(u, r);
	return rc;
}

int upload_begin(struct uploader *u, uint64_t ino, struct upload_record *o)
{
	struct upload_beginning beginning;
	struct store_request r;
	int rc = 0;

	upload_beginning_add(u->s, &beginning, o->key);

	/* Without room for it nothing can be late. */
	if (objattr_bytes(&o->began.meta) + sizeof(LATE_MARK "1") - 1 <=
	    OBJATTR_META_LIMIT)
		rc = kvlist_set(&o->began.meta, LATE_MARK, "1");
	store_request_init(&r, STORE_CREATE_UPLOAD);
	if (rc)
		goto out;
	r.key = o->key;
	r.meta = &o->began.meta;
	r.headers = &o->began.headers;
	r.sum = u->no_sum ? STORE_SUM_NONE
			  : caps_sum(&u->s->mount->config.caps);
	rc = create_upload(u, &r);
	o->sum = r.sum;
	if (!rc &&
	    (!r.reply.upload_id || strlen(r.reply.upload_id) > UPLOAD_ID_MAX))
		rc = -EIO;
	if (!rc) {
		strcpy(o->upload_id, r.reply.upload_id);
		rc = upload_record_begin(u->s, ino, o);
	}
out:
	upload_beginning_remove(u->s, &beginning);
	store_request_release(&r);
	return rc;
}
