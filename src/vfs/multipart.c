/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multipart uploads of staged and copied parts. Parts are read as they are
 * sent, and the upload is completed only if the content's change number is
 * still that of the snapshot.
 *
 * META_SYS remembers what a crash would leave open:
 *
 *	upload:<upload id>	its key: to be aborted
 *	complete:<inode>	what was to be completed: change number, ETag,
 *				path; the result may be there already
 */
#include "upload_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/meta/extent.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/content.h"
#include "vers3/vfs/decide.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/plan.h"
#include "vers3/vfs/reader.h"

#define PART_THREADS  6
#define UPLOAD_NOTE   "upload:"
#define COMPLETE_NOTE "complete:"

/* One multipart upload under way. */
struct multi {
	struct uploader *u;
	const struct meta_inode *in;
	const char *key; /* in the bucket */
	const char *source; /* of the base, in the bucket */
	struct conflict *c;
	char *upload_id; /* owned */
	struct plan plan;
	struct store_part *parts; /* owned, their ETags too */
};

static int collect_extents(struct vfs *v, uint64_t ino,
			   struct plan_extent **ret, size_t *ret_count)
{
	struct plan_extent *list = NULL, *p;
	uint64_t at = 0, offset, length, place;
	size_t count = 0, size = 0;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	while (!(rc = meta_extent_next(v->meta, ino, at, &offset, &length,
				       &place))) {
		if (count == size) {
			size = size ? size * 2 : 64;
			p = realloc(list, size * sizeof(*p));
			if (!p) {
				rc = -ENOMEM;
				break;
			}
			list = p;
		}
		list[count].offset = offset;
		list[count++].length = length;
		at = offset + length;
	}
	meta_unlock(v->meta);
	if (rc != -ENOENT) {
		free(list);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

static int make_plan(struct vfs *v, const struct meta_inode *in,
		     const char *path, struct plan *plan)
{
	struct decide_in want = {.key = path,
				 .inode = in,
				 .known = &in->base,
				 .versioned = v->config.versioned};
	struct plan_extent *extents = NULL;
	struct plan_input input = {.size_bytes = in->size_bytes,
				   .base_bytes = in->base_bytes,
				   .base_size_bytes = in->base.size_bytes};
	int rc = collect_extents(v, in->ino, &extents, &input.extent_count);

	if (rc)
		return rc;
	input.extents = extents;
	input.can_copy = in->base.key[0] && decide_can_copy(&want);
	rc = plan_make(&input, plan);
	free(extents);
	return rc;
}

/* Whether a part's bytes stand in the staging file, one after the other. */
static bool wholly_staged(struct vfs *v, uint64_t ino,
			  const struct plan_part *p, uint64_t *ret_place)
{
	uint64_t offset = 0, length = 0, place = 0;
	int rc = meta_lock(v->meta);

	if (rc)
		return false;
	rc = meta_extent_next(v->meta, ino, p->offset, &offset, &length,
			      &place);
	meta_unlock(v->meta);
	*ret_place = place + (p->offset - offset);
	return !rc && offset <= p->offset &&
	       offset + length >= p->offset + p->length;
}

static int send_part(struct multi *m, const struct plan_part *p,
		     struct store_request *r)
{
	struct vfs *v = m->u->v;
	uint64_t place = 0;
	char *buf = NULL;
	struct node *n;
	size_t got = 0;
	int fd = -1, rc;

	r->body.length = p->length;
	if (wholly_staged(v, m->in->ino, p, &place) &&
	    !staging_dup(v->staging, m->in->ino, &fd)) {
		r->body.fd = fd;
		r->body.offset = place;
		rc = store_call(v->store, r);
		close(fd);
		return rc;
	}
	buf = upload_buffer_get(m->u, p->length);
	rc = buf ? node_get(v->nodes, m->in->ino, &n) : -ENOMEM;
	if (!rc) {
		rc = content_read(v, n, p->offset, buf, p->length, &got);
		node_put(v->nodes, n);
	}
	if (!rc && got != p->length)
		rc = -EAGAIN;
	if (!rc) {
		r->body.mem = buf;
		rc = store_call(v->store, r);
	}
	upload_buffer_put(m->u, buf, p->length);
	return rc;
}

static int do_part(void *ctx, unsigned i)
{
	struct multi *m = ctx;
	const struct plan_part *p = &m->plan.parts[i];
	bool copy = p->kind == PLAN_COPY;
	struct store_request r;
	int rc = upload_check_unchanged(m->u->v, m->in);

	store_request_init(&r, copy ? STORE_COPY_PART : STORE_UPLOAD_PART);
	if (rc)
		goto out;
	r.key = m->key;
	r.upload_id = m->upload_id;
	r.part_number = p->number;
	if (copy) {
		r.range_offset = p->offset;
		r.range_length = p->length;
		upload_set_source(&r, &m->in->base, m->source);
		rc = store_call(m->u->v->store, &r);
	} else {
		rc = send_part(m, p, &r);
	}
	if (!rc && !r.reply.object.etag)
		rc = -EIO;
	if (!rc) {
		m->parts[i].number = p->number;
		m->parts[i].etag = r.reply.object.etag;
		r.reply.object.etag = NULL; /* moved */
	}
out:
	store_request_release(&r);
	return rc;
}

static void note_name(const char *id, char *name, size_t size)
{
	snprintf(name, size, UPLOAD_NOTE "%.480s", id);
}

/* Remembers an upload, so that one a crash left behind is aborted. */
static int note_upload(struct vfs *v, const char *id, const char *key)
{
	char name[512];
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	note_name(id, name, sizeof(name));
	if (key)
		rc = meta_put(v->meta, META_SYS, name, strlen(name), key,
			      strlen(key));
	else
		rc = meta_del(v->meta, META_SYS, name, strlen(name));
	meta_unlock(v->meta);
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
		note_upload(v, id, NULL);
	return rc;
}

void upload_abort_leftovers(struct uploader *u)
{
	struct vfs *v = u->v;
	char at[512] = UPLOAD_NOTE, id[512], key[META_KEY_MAX + 1];
	size_t len = strlen(at);
	struct meta_val val;

	for (;;) {
		int rc = meta_lock(v->meta);

		if (rc)
			return;
		rc = meta_seek(v->meta, META_SYS, at, len, strlen(UPLOAD_NOTE),
			       true, at, &len, &val);
		if (!rc && val.size <= META_KEY_MAX) {
			memcpy(key, val.data, val.size);
			key[val.size] = '\0';
			snprintf(id, sizeof(id), "%.*s",
				 (int)(len - strlen(UPLOAD_NOTE)),
				 at + strlen(UPLOAD_NOTE));
		}
		meta_unlock(v->meta);
		if (rc)
			return;
		rc = abort_upload(v, key, id);
		log_info("aborted an unfinished upload of %s: %s", key,
			 strerror(-rc));
	}
}

static int begin_upload(struct multi *m, const struct dress *d)
{
	struct vfs *v = m->u->v;
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = m->key;
	r.meta = &d->meta;
	r.headers = &d->headers;
	rc = store_call(v->store, &r);
	if (!rc && !r.reply.upload_id)
		rc = -EIO;
	if (!rc) {
		m->upload_id = r.reply.upload_id;
		r.reply.upload_id = NULL; /* moved */
		rc = note_upload(v, m->upload_id, m->key);
	}
	store_request_release(&r);
	return rc;
}

static void complete_name(uint64_t ino, char *name, size_t size)
{
	snprintf(name, size, COMPLETE_NOTE "%016" PRIx64, ino);
}

/*
 * Remembers, durably, what the upload will be when it is completed: a crash
 * before the answer is noted leaves a version that is not to be made again.
 */
static int note_complete(struct multi *m, const char *path, const char *etag)
{
	struct meta *meta = m->u->v->meta;
	char name[64], value[8 + SEND_ETAG_SIZE + META_KEY_MAX + 2];
	size_t len;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	complete_name(m->in->ino, name, sizeof(name));
	meta_be64(value, m->in->data_change);
	len = 8 + (size_t)sprintf(value + 8, "%s\n%s", etag, path);
	rc = meta_put(meta, META_SYS, name, strlen(name), value, len);
	meta_unlock(meta);
	return rc ? rc : meta_sync(meta);
}

/* 0 with the ETag if this content was about to be completed at this path. */
static int read_complete(struct multi *m, const char *path,
			 char etag[SEND_ETAG_SIZE])
{
	struct meta *meta = m->u->v->meta;
	struct meta_val val;
	const char *text, *line;
	char name[64];
	size_t len;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	complete_name(m->in->ino, name, sizeof(name));
	rc = meta_get(meta, META_SYS, name, strlen(name), &val);
	if (!rc) {
		text = (const char *)val.data + 8;
		line = val.size > 8 ? memchr(text, '\n', val.size - 8) : NULL;
		len = line ? (size_t)(line - text) : 0;
		if (!line || len >= SEND_ETAG_SIZE ||
		    meta_from_be64(val.data) != m->in->data_change ||
		    val.size - 8 - len - 1 != strlen(path) ||
		    memcmp(line + 1, path, strlen(path)))
			rc = -ENOENT;
		else
			snprintf(etag, SEND_ETAG_SIZE, "%.*s", (int)len, text);
	}
	meta_unlock(meta);
	return rc;
}

static void forget_complete(struct vfs *v, uint64_t ino)
{
	char name[64];

	if (meta_lock(v->meta))
		return;
	complete_name(ino, name, sizeof(name));
	meta_del(v->meta, META_SYS, name, strlen(name));
	meta_unlock(v->meta);
}

static struct send_want make_want(const struct multi *m, const struct dress *d,
				  const char *etag)
{
	return (struct send_want){
		.size_bytes = m->in->size_bytes,
		.etag = etag,
		.meta = &d->meta,
		.content_type = kvlist_get(&d->headers, "content-type"),
	};
}

static int complete_upload(struct multi *m, const char *path,
			   const struct dress *d, struct meta_version *ver)
{
	struct vfs *v = m->u->v;
	char etag[SEND_ETAG_SIZE];
	struct send_want want = make_want(m, d, etag);
	struct store_request r;
	int rc;

	send_parts_etag(m->parts, m->plan.count, etag);
	rc = note_complete(m, path, etag);
	if (!rc)
		rc = upload_check_unchanged(v, m->in);
	if (rc)
		return rc;
	store_request_init(&r, STORE_COMPLETE_UPLOAD);
	r.key = m->key;
	r.upload_id = m->upload_id;
	r.parts = m->parts;
	r.part_count = m->plan.count;
	rc = upload_send(v, &r, &want, m->c);
	if (!rc)
		rc = upload_take_reply(v, &r.reply.object, path, m->key,
				       m->in->size_bytes, ver);
	if (!rc)
		note_upload(v, m->upload_id, NULL);
	/* Else it may be there all the same: the next try looks. */
	if (!rc || !m->c->open)
		forget_complete(v, m->in->ino);
	store_request_release(&r);
	return rc;
}

/* -ENOENT: the bucket does not hold it, so it is to be sent. */
static int find_complete(struct multi *m, const char *path,
			 const struct dress *d, struct meta_version *ver)
{
	char etag[SEND_ETAG_SIZE];
	struct send_want want = make_want(m, d, etag);
	struct store_request r;
	int rc = read_complete(m, path, etag);

	if (rc)
		return rc;
	store_request_init(&r, STORE_HEAD); /* for its reply */
	rc = send_find(m->u->v->store, m->key, &want, &r.reply);
	if (!rc)
		rc = upload_take_reply(m->u->v, &r.reply.object, path, m->key,
				       m->in->size_bytes, ver);
	if (!rc)
		forget_complete(m->u->v, m->in->ino);
	store_request_release(&r);
	return rc;
}

static void multi_release(struct multi *m)
{
	for (size_t i = 0; m->parts && i < m->plan.count; i++)
		free((char *)m->parts[i].etag);
	free(m->parts);
	free(m->upload_id);
	plan_release(&m->plan);
}

static int send_multi(struct multi *m, const char *path, const struct dress *d,
		      struct upload_result *ret)
{
	int rc;

	m->parts = calloc(m->plan.count, sizeof(*m->parts));
	rc = m->parts ? begin_upload(m, d) : -ENOMEM;
	if (!rc)
		rc = pool_each(m->u->parts, PART_THREADS, m->plan.count,
			       do_part, m);
	if (!rc)
		rc = complete_upload(m, path, d, &ret->version);
	if (rc && m->upload_id)
		abort_upload(m->u->v, m->key, m->upload_id);
	if (!rc)
		ret->sent_bytes = m->plan.data_bytes;
	return rc;
}

int upload_parts(struct uploader *u, const struct meta_inode *in,
		 struct conflict *c, struct upload_result *ret)
{
	struct vfs *v = u->v;
	const char *path = c->path;
	char key[META_KEY_MAX + 1], source[META_KEY_MAX + 1];
	struct multi m = {
		.u = u, .in = in, .key = key, .source = source, .c = c};
	struct dress d;
	int rc = dress_make(v, in, path, true, &d);

	if (!rc)
		rc = vfs_object_key(v, path, key);
	if (!rc)
		rc = vfs_object_key(v, in->base.key, source);
	if (!rc)
		rc = make_plan(v, in, path, &m.plan);
	if (rc)
		goto out;
	if (m.plan.single) {
		rc = upload_put(u, in, c, ret);
		goto out;
	}
	rc = c->unsure ? find_complete(&m, path, &d, &ret->version) : -ENOENT;
	if (rc == -ENOENT)
		rc = send_multi(&m, path, &d, ret);
	if (!rc) {
		reader_content_id(&ret->version);
		rc = dress_to_head(&d, &ret->head);
	}
out:
	multi_release(&m);
	dress_release(&d);
	return rc;
}
