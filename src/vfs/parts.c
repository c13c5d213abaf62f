/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that begin, fill and abort a multipart upload. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "late.h"
#include "ongoing.h"
#include "stream.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/syncer.h"

#define LEFTOVERS_MAX 256 /* looked at by one mount */

static int stage_body(struct uploader *u, uint64_t ino, uint64_t place,
		      struct store_request *r)
{
	int fd, rc = staging_dup(u->v->staging, ino, &fd);

	if (rc)
		return rc == -ENOENT ? -EAGAIN : rc; /* deleted meanwhile */
	r->body.fd = fd;
	r->body.offset = place;
	rc = store_call(u->v->store, r);
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
		caps_note_no_whole_sum(u->v->meta);
}

int upload_error(struct uploader *u, const struct ongoing *o,
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

bool upload_can_end(const struct uploader *u, const struct ongoing *o)
{
	return o->sum != STORE_SUM_CRC64NVME || !u->no_sum;
}

enum store_sum upload_part_sum(const struct vfs *v, const struct ongoing *o)
{
	enum store_sum sum = caps_sum(&v->config.caps);

	/* One that began without a check takes none with its parts. */
	if (o->sum == STORE_SUM_CRC64NVME)
		return o->sum;
	return sum == STORE_SUM_NONE ? sum : STORE_SUM_MD5;
}

int upload_note_part(struct uploader *u, uint64_t ino, const char *upload_id,
		     const struct store_request *r, struct ongoing_part *part)
{
	const char *etag = r->reply.object.etag;

	if (!etag || strlen(etag) > META_ETAG_MAX)
		return -EIO;
	strcpy(part->etag, etag);
	syncer_part_sent(u->v->syncer);
	return ongoing_part_put(u->v, ino, upload_id, part);
}

int upload_staged(struct uploader *u, const struct ongoing *o, uint64_t ino,
		  uint64_t place, struct ongoing_part *part)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_UPLOAD_PART);
	r.key = o->key;
	r.upload_id = o->upload_id;
	r.part_number = part->number;
	r.body.length = part->length;
	r.sum = upload_part_sum(u->v, o);
	rc = upload_error(u, o, &r, stage_body(u, ino, place, &r));
	if (!rc)
		rc = upload_note_part(u, ino, o->upload_id, &r, part);
	store_request_release(&r);
	return rc;
}

static int abort_upload(struct vfs *v, const char *key, const char *id)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_ABORT_UPLOAD);
	r.key = key;
	r.upload_id = id;
	rc = store_call(v->store, &r);
	store_request_release(&r);
	if (!rc || rc == -ENOENT)
		ongoing_ended(v, id);
	return rc;
}

/* What earlier mounts began and did not end; one block, owned by its job. */
struct leftovers {
	struct uploader *u;
	size_t count;
	struct leftover {
		char id[META_KEY_BUF], key[META_KEY_MAX + 1];
	} items[LEFTOVERS_MAX];
};

static void run_leftovers(void *arg)
{
	struct leftovers *l = arg;

	for (size_t i = 0; i < l->count && !l->u->ending; i++) {
		const struct leftover *at = &l->items[i];
		int rc = abort_upload(l->u->v, at->key, at->id);

		log_info("aborted an unfinished upload of %s: %s", at->key,
			 strerror(-rc));
	}
	free(l);
}

/*
 * They are looked for before this mount begins any itself, and aborted beside
 * all else: nothing waits for it.
 */
void upload_abort_leftovers(struct uploader *u)
{
	struct leftovers *l = calloc(1, sizeof(*l));
	char id[META_KEY_BUF] = "";

	if (!l)
		return; /* the next mount sees to it */
	l->u = u;
	while (l->count < LEFTOVERS_MAX &&
	       !ongoing_next_leftover(u->v, id, l->items[l->count].key))
		strcpy(l->items[l->count++].id, id);
	if (!l->count || pool_submit(u->parts, run_leftovers, l))
		free(l);
}

void upload_ending(struct uploader *u)
{
	u->ending = true;
}

struct abandoned {
	struct uploader *u;
	struct ongoing o;
};

static void run_abandon(void *arg)
{
	struct abandoned *a = arg;

	/* If that fails, the next mount sees to it. */
	abort_upload(a->u->v, a->o.key, a->o.upload_id);
	ongoing_release(&a->o);
	free(a);
}

/* Takes o over. */
static void submit_abandon(struct uploader *u, struct ongoing *o)
{
	struct abandoned *a = malloc(sizeof(*a));

	if (a) {
		a->u = u;
		a->o = *o;
		if (!pool_submit(u->parts, run_abandon, a))
			return;
		free(a);
	}
	ongoing_release(o); /* the next mount sees to it */
}

int upload_abandon_locked(struct uploader *u, uint64_t ino)
{
	struct ongoing o;
	int rc;

	streams_forget(u->streams, ino);
	ongoing_init(&o);
	rc = ongoing_read_locked(u->v->meta, ino, &o);
	if (!rc)
		rc = ongoing_forget_locked(u->v->meta, ino);
	if (!rc && !ongoing_is_ended(u->v->meta, o.upload_id))
		submit_abandon(u, &o);
	else
		ongoing_release(&o);
	return rc == -ENOENT ? 0 : rc;
}

/* Without a check of the whole where the server has none of that kind. */
static int create_upload(struct uploader *u, struct store_request *r)
{
	int rc = store_call(u->v->store, r);

	if (r->sum != STORE_SUM_CRC64NVME || !is_of_sum(r, rc))
		return rc;
	r->sum = STORE_SUM_NONE;
	rc = store_call(u->v->store, r);
	if (!rc)
		drop_sum(u, r);
	return rc;
}

int upload_begin(struct uploader *u, uint64_t ino, struct ongoing *o)
{
	struct store_request r;
	int rc = 0;

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
	r.sum = u->no_sum ? STORE_SUM_NONE : caps_sum(&u->v->config.caps);
	rc = create_upload(u, &r);
	o->sum = r.sum;
	if (!rc &&
	    (!r.reply.upload_id || strlen(r.reply.upload_id) > ONGOING_ID_MAX))
		rc = -EIO;
	if (!rc) {
		strcpy(o->upload_id, r.reply.upload_id);
		rc = ongoing_begin(u->v, ino, o);
	}
out:
	store_request_release(&r);
	return rc;
}
