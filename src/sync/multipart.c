/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multipart uploads of staged and copied parts. Parts that an earlier try, or
 * the stream of a file being written, has sent are used again if the
 * snapshot holds what they hold (upload_record.h).
 */
#include "upload_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "upload_record.h"
#include "plan.h"
#include "stream.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/version.h"
#include "vers3/journal/reconcile.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/sparse.h"
#include "vers3/object/tags.h"
#include "vers3/store/parts_etag.h"
#include "vers3/tree/content.h"
#include "vers3/tree/runs.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "zeros.h"

#define GATHER_MAX (UINT64_C(16) << 20) /* in memory */
#define EXPECT_MAX 4 /* parts whose bytes are fetched before they are sent */
#define TAGS_YOUNG NS_PER_S /* at least, whatever ttl= is */

/* One multipart upload under way. */
struct multi {
	struct uploader *u;
	const struct file_snapshot *snap;
	const struct meta_inode *inode; /* the snapshot's */
	const char *key; /* in the bucket */
	const char *source; /* of the base, in the bucket */
	struct object_meta *want; /* what is to go with it */
	struct conflict *c;
	struct kvlist tags; /* of what is copied */
	bool tagged; /* they were asked for, */
	int64_t tagged_ns; /* then: monotonic */
	struct upload_record o;
	bool late; /* `want` differs from what it began with */
	struct plan plan;
	struct store_part *parts; /* owned, their ETags too */
	_Atomic uint64_t sent_bytes;
};

static int make_plan(struct syncer *s, const struct file_snapshot *snap,
		     const char *path, struct plan *plan)
{
	const struct meta_inode *inode = snap->inode;
	struct reconcile_in want = {.key = path,
				    .inode = inode,
				    .known = &inode->base,
				    .versioned = s->mount->config.versioned};
	struct plan_input input = {
		.size_bytes = inode->size_bytes,
		.base_bytes = inode->base_bytes,
		.base_size_bytes = inode->base.size_bytes,
		.extents = snap->extents,
		.extent_count = snap->count,
		.can_copy = inode->base.key[0] && reconcile_can_copy(&want),
	};

	return plan_make(&input, plan);
}

/* Reads a part into buf, or through buf into a file, if there is one. */
static int gather(struct multi *m, const struct plan_part *p, char *buf,
		  size_t size, int fd)
{
	int rc = 0;

	for (uint64_t at = 0; !rc && at < p->length; at += size) {
		uint64_t left = p->length - at;
		size_t want = left < size ? left : size;

		rc = file_snapshot_read(m->u->s->tree, m->snap, p->offset + at,
					buf, want);
		if (!rc && fd >= 0)
			rc = staging_scratch_write(fd, at, buf, want);
	}
	return rc;
}

/* Gathers a part into a file of its own; a hole is one there, too. */
static int gather_file(struct multi *m, const struct plan_part *p, char *buf,
		       size_t size, int *ret_fd)
{
	int rc = staging_scratch(m->u->s->mount->staging, ret_fd);

	if (rc)
		return rc;
	if (p->kind != PLAN_ZERO)
		return gather(m, p, buf, size, *ret_fd);
	return ftruncate(*ret_fd, (off_t)p->length) ? -errno : 0;
}

/* Sends what comes from several places, large parts by way of a file. */
static int gathered_body(struct multi *m, const struct plan_part *p,
			 struct store_request *r)
{
	size_t size = p->length < GATHER_MAX ? p->length : GATHER_MAX;
	char *buf = upload_buffer_get(m->u, size);
	struct syncer *s = m->u->s;
	int fd = -1, rc = buf ? 0 : -ENOMEM;

	if (!rc && size < p->length)
		rc = gather_file(m, p, buf, size, &fd);
	else if (!rc)
		rc = gather(m, p, buf, size, fd);
	if (!rc) {
		r->body.mem = fd < 0 ? buf : NULL;
		r->body.fd = fd;
		rc = store_call(s->mount->store, r);
	}
	if (fd >= 0)
		close(fd);
	upload_buffer_put(m->u, buf, size);
	return rc;
}

static void begin_part(const struct multi *m, const struct plan_part *p,
		       enum store_op op, struct store_request *r)
{
	store_request_init(r, op);
	r->key = m->key;
	r->upload_id = m->o.upload_id;
	r->part_number = p->number;
}

/* rc: what the request came to. Notes the part, if it has been taken. */
static int end_part(struct multi *m, struct store_request *r, int rc,
		    struct upload_record_part *part)
{
	rc = upload_error(m->u, &m->o, r, rc);
	if (!rc)
		rc = upload_note_part(m->u, m->inode->ino, m->o.upload_id, r,
				      part);
	store_request_release(r);
	return rc;
}

static int copy_part(struct multi *m, const struct plan_part *p,
		     struct upload_record_part *part)
{
	const struct meta_version *base = &m->inode->base;
	struct store_request r;

	begin_part(m, p, STORE_COPY_PART, &r);
	r.range_offset = p->offset;
	r.range_length = p->length;
	upload_set_source(&r, base, m->source);
	/* "null" may be another object by now: no mixture of both. */
	if (!meta_is_version_id(base->version_id) && base->etag[0])
		r.source_if_match = base->etag;
	return end_part(m, &r, store_call(m->u->s->mount->store, &r), part);
}

static int data_part(struct multi *m, const struct plan_part *p, uint64_t place,
		     struct upload_record_part *part)
{
	struct store_request r;

	if (place != UINT64_MAX)
		return upload_staged(m->u, &m->o, m->inode->ino, place, part);
	begin_part(m, p, STORE_UPLOAD_PART, &r);
	r.body.length = p->length;
	r.sum = upload_part_sum(m->u->s, &m->o);
	return end_part(m, &r, gathered_body(m, p, &r), part);
}

/*
 * What the server cannot copy (to another key of SSE-C; of a version that the
 * replica alone has) is sent.
 */
static int base_part(struct multi *m, const struct plan_part *p,
		     struct upload_record_part *part, bool *ret_copied)
{
	int rc = copy_part(m, p, part);

	*ret_copied = rc != -EOPNOTSUPP && rc != -EXDEV &&
		      !mount_source_is_elsewhere(m->u->s->mount, rc);
	return *ret_copied ? rc : data_part(m, p, UINT64_MAX, part);
}

/* *ret_copied: nothing was sent. */
static int zero_part(struct multi *m, const struct plan_part *p,
		     struct upload_record_part *part, bool *ret_copied)
{
	struct store_request r;
	int rc;

	begin_part(m, p, STORE_COPY_PART, &r);
	rc = zeros_copy(m->u->zeros, &r, p->length, m->plan.zero_bytes);
	*ret_copied = rc != -EOPNOTSUPP;
	if (*ret_copied)
		return end_part(m, &r, rc, part);
	store_request_release(&r);
	return data_part(m, p, UINT64_MAX, part);
}

static int make_part(struct multi *m, const struct plan_part *p, uint64_t place,
		     struct upload_record_part *part)
{
	bool copied = false;
	int rc;

	if (p->kind == PLAN_ZERO)
		rc = zero_part(m, p, part, &copied);
	else if (p->kind == PLAN_COPY)
		rc = base_part(m, p, part, &copied);
	else
		rc = data_part(m, p, place, part);
	if (!rc && !copied)
		m->sent_bytes += p->length;
	return rc;
}

/*
 * Of the first parts that are sent, what the base has of them is fetched while
 * the upload begins. The others' fetches go beside these parts.
 */
static void expect_parts(const struct multi *m)
{
	unsigned count = 0;

	for (size_t i = 0; i < m->plan.count && count < EXPECT_MAX; i++) {
		const struct plan_part *p = &m->plan.parts[i];

		if (p->kind != PLAN_DATA)
			continue;
		file_snapshot_expect(m->u->s->tree, m->snap, p->offset,
				     p->length);
		count++;
	}
}

static int do_part(void *ctx, unsigned i)
{
	struct multi *m = ctx;
	const struct plan_part *p = &m->plan.parts[i];
	struct upload_record_part part = {.number = p->number,
					  .length = p->length};
	struct syncer *s = m->u->s;
	uint64_t place;
	int rc = upload_check_there(s, m->inode);

	if (!rc)
		rc = upload_record_fingerprint(m->inode, m->snap->extents,
					       m->snap->count, p,
					       part.fingerprint, &place);
	if (rc)
		return rc;
	streams_wait_part(m->u->streams, m->inode->ino, p->number);
	rc = upload_record_part_get(s, m->inode->ino, &part);
	if (rc == -ENOENT)
		rc = make_part(m, p, place, &part);
	if (rc)
		return rc;
	m->parts[i].number = p->number;
	m->parts[i].etag = strdup(part.etag);
	return m->parts[i].etag ? 0 : -ENOMEM;
}

/* Once; while nothing is in the place of what they are of, if that can be. */
static int ask_tags(struct multi *m)
{
	struct mount *mount = m->u->s->mount;
	bool kept = meta_inode_is_base(m->inode);

	if (m->tagged || (kept ? !tags_need(mount, m->inode, m->want, false)
			       : !tags_need_new(mount, m->inode, m->want)))
		return 0;
	m->tagged = true;
	m->tagged_ns = clock_mono_ns();
	return tags_ask(mount, m->inode, m->want,
			kept ? OBJECT_CONTENT_KEPT : OBJECT_CONTENT_NEW,
			&m->tags);
}

/*
 * The last parts may have taken minutes since then: what others have set
 * meanwhile goes along, too.
 */
static int ask_old_tags(struct multi *m)
{
	int64_t most = m->u->s->mount->config.ttl_ns;

	if (most < TAGS_YOUNG)
		most = TAGS_YOUNG;
	if (m->tagged && clock_mono_ns() - m->tagged_ns > most) {
		kvlist_release(&m->tags);
		m->tagged = false;
	}
	return ask_tags(m);
}

/*
 * A part, or, as the last begins, what the end will need: the later it is
 * asked for, the less can be changed before the end.
 */
static int do_piece(void *ctx, unsigned i)
{
	struct multi *m = ctx;
	struct store_request end;

	if (i < m->plan.count)
		return do_part(m, i);
	store_request_init(&end, STORE_COMPLETE_UPLOAD);
	conflict_expect(m->u->s, m->c, &end);
	store_request_release(&end);
	return ask_tags(m);
}

static struct send_want make_want(const struct multi *m, const char *etag)
{
	return (struct send_want){
		.size_bytes = m->inode->size_bytes,
		.etag = etag,
		.meta = &m->o.began.meta,
		.content_type = kvlist_get(&m->o.began.headers, "content-type"),
	};
}

/*
 * The version is there; its attributes may have to follow. Those that cannot
 * are left dirty, and a copy in place, one more version, will carry them.
 */
static int finish(struct multi *m, bool found, struct upload_result *ret)
{
	const char *id = ret->version.version_id;
	struct syncer *s = m->u->s;
	int rc = 0;

	rc = ask_tags(m);
	if (!rc && m->tagged)
		rc = tags_give(s->mount, m->inode->ino, m->key, &ret->version,
			       &m->tags, m->want);
	if (rc)
		return rc;
	found = found || m->want->tag_count;
	if (m->late)
		rc = deferred_put(s->mount->store, m->key, id[0] ? id : NULL,
				  &m->want->meta, found);
	if (rc == -EACCES || rc == -EOPNOTSUPP || rc == -EINVAL) {
		log_warning("the attributes of %s need a version of their own: "
			    "tags cannot be set (%s)",
			    m->key, strerror(-rc));
		m->u->no_deferred = true;
		ret->attrs_differ = true;
		rc = 0;
	}
	if (rc)
		return rc;
	upload_record_end_del(s, m->inode->ino);
	return object_meta_to_head(ret->attrs_differ ? &m->o.began : m->want,
				   &ret->head);
}

static int complete_upload(struct multi *m, const char *path,
			   struct upload_result *ret)
{
	struct syncer *s = m->u->s;
	struct upload_record_end end = {.data_change = m->inode->data_change};
	struct send_want want = make_want(m, end.etag);
	struct upload_made made = {.key = m->key,
				   .size_bytes = m->inode->size_bytes};
	struct store_request r;
	int rc;

	ret->version.key[0] = '\0'; /* nothing was answered yet */
	parts_etag(m->parts, m->plan.count, end.etag);
	strcpy(end.path, path);
	rc = upload_record_end_put(s, m->inode->ino, &end);
	if (!rc)
		rc = ask_old_tags(m);
	if (!rc)
		rc = upload_check_there(s, m->inode);
	if (rc)
		return rc;
	store_request_init(&r, STORE_COMPLETE_UPLOAD);
	r.key = m->key;
	r.upload_id = m->o.upload_id;
	r.parts = m->parts;
	r.part_count = m->plan.count;
	rc = upload_make(m->u, &r, &want, &made, m->c, &ret->version);
	if (!rc || !ret->version.key[0])
		rc = upload_error(m->u, &m->o, &r, rc);
	store_request_release(&r);
	if (ret->version.key[0]) {
		upload_record_ended(s, m->o.upload_id);
		if (rc != -ESTALE)
			return rc ? rc : finish(m, false, ret);
		upload_expect_own(m->c, ret->version.etag);
		ret->version.key[0] = '\0'; /* it was not made */
	}
	/* It may be there all the same: then the next try looks. */
	if (!m->c->open)
		upload_record_end_del(s, m->inode->ino);
	return rc;
}

/* -ENOENT: the bucket does not hold it, so it is to be sent. */
static int find_complete(struct multi *m, const char *path,
			 struct upload_result *ret)
{
	struct upload_record_end end;
	struct send_want want = make_want(m, end.etag);
	struct store_request r;
	int rc = upload_record_end_get(m->u->s, m->inode->ino, &end);

	/* Of another content, or under another name, it does not count. */
	if (!rc && (end.data_change != m->inode->data_change ||
		    strcmp(end.path, path) != 0))
		rc = -ENOENT;
	if (rc)
		return rc;
	store_request_init(&r, STORE_HEAD); /* for its reply */
	rc = send_find(m->u->s->mount->store, m->key, &want, &r.reply);
	if (!rc)
		rc = upload_take_reply(m->u->s, &r.reply.object, path, m->key,
				       m->inode->size_bytes, NULL,
				       &ret->version);
	store_request_release(&r);
	m->c->bare = true; /* for all that is known now */
	if (!rc) {
		upload_record_ended(m->u->s, m->o.upload_id);
		rc = finish(m, true, ret);
	}
	return rc;
}

static void multi_release(struct multi *m)
{
	for (size_t i = 0; m->parts && i < m->plan.count; i++)
		free((char *)m->parts[i].etag);
	free(m->parts);
	upload_record_release(&m->o);
	kvlist_release(&m->tags);
	plan_release(&m->plan);
}

/*
 * Goes on with the upload that has begun, or begins one. What began with
 * other headers, or under another name, is of no use.
 */
static int take_up(struct multi *m, bool *ret_old)
{
	struct uploader *u = m->u;
	int rc = upload_record_read(u->s, m->inode->ino, &m->o);

	*ret_old = !rc;
	if (!rc && !strcmp(m->o.key, m->key) && upload_can_end(u, &m->o) &&
	    deferred_can(&m->o.began.meta, &m->want->meta, &m->late) &&
	    object_meta_same(&m->o.began.headers, &m->want->headers) &&
	    (!m->late || !u->no_deferred))
		return 0;
	if (rc && rc != -ENOENT)
		return rc;
	/* One on its way that finds no record of an upload begins one. */
	streams_wait_parts(u->streams, m->inode->ino);
	rc = meta_lock(u->s->meta);
	if (rc)
		return rc;
	rc = upload_abandon_locked(u, m->inode->ino);
	meta_unlock(u->s->meta);
	if (rc)
		return rc;
	*ret_old = m->late = false;
	upload_record_release(&m->o);
	upload_record_init(&m->o);
	strcpy(m->o.key, m->key);
	rc = kvlist_copy(&m->o.began.meta, &m->want->meta);
	if (!rc)
		rc = kvlist_copy(&m->o.began.headers, &m->want->headers);
	return rc ? rc : upload_begin(u, m->inode->ino, &m->o);
}

/*
 * The server knows nothing of the upload, or of one of its parts (somebody
 * else aborted it, or a part was sent twice and the other one counts): all
 * is sent anew.
 */
static int start_over(struct multi *m)
{
	int rc = meta_lock(m->u->s->meta);

	if (rc)
		return rc;
	rc = upload_abandon_locked(m->u, m->inode->ino);
	meta_unlock(m->u->s->meta);
	return rc ? rc : -EAGAIN;
}

static int send_multi(struct multi *m, const char *path,
		      struct upload_result *ret)
{
	bool old;
	int rc;

	expect_parts(m);
	rc = take_up(m, &old);
	if (!rc && old && m->c->unsure) {
		rc = find_complete(m, path, ret);
		if (rc != -ENOENT)
			return rc;
		rc = 0;
	}
	m->parts = calloc(m->plan.count, sizeof(*m->parts));
	if (!rc && !m->parts)
		rc = -ENOMEM;
	if (!rc)
		rc = pool_each(m->u->parts, PART_THREADS,
			       (unsigned)m->plan.count + 1, do_piece, m);
	/* Others, of a file that has been cut, are of the upload, too. */
	streams_wait_parts(m->u->streams, m->inode->ino);
	if (!rc)
		rc = complete_upload(m, path, ret);
	ret->sent_bytes = m->sent_bytes;
	if (rc != -ESTALE)
		return rc;
	/* Or an earlier try, without an answer, was carried out late. */
	if (m->c->open) {
		rc = find_complete(m, path, ret);
		if (rc != -ENOENT)
			return rc;
	}
	return start_over(m);
}

int upload_parts(struct uploader *u, const struct file_snapshot *snap,
		 struct conflict *c, struct upload_result *ret)
{
	const struct meta_inode *inode = snap->inode;
	struct syncer *s = u->s;
	const char *path = c->path;
	char key[META_KEY_MAX + 1], source[META_KEY_MAX + 1];
	struct object_meta d;
	struct multi m = {.u = u,
			  .snap = snap,
			  .inode = inode,
			  .key = key,
			  .source = source,
			  .want = &d,
			  .c = c};
	bool replace;
	int rc = meta_inode_is_base(inode)
			 ? object_meta_copy(s->mount, inode, path, &d, &replace)
			 : object_meta_make(s->mount, inode, path,
					    OBJECT_CONTENT_NEW, &d);

	upload_record_init(&m.o);
	kvlist_init(&m.tags);
	runs_of_snapshot(snap, &ret->holes);
	if (!rc)
		rc = upload_add_encryption(s, &d.headers);
	if (!rc)
		rc = sparse_tell(&ret->holes, inode->size_bytes, &d.meta);
	if (!rc)
		rc = mount_key(s->mount, path, key);
	if (!rc)
		rc = mount_key(s->mount, inode->base.key, source);
	if (!rc)
		rc = make_plan(s, snap, path, &m.plan);
	if (rc)
		goto out;
	if (m.plan.single) {
		rc = upload_put(u, snap, c, ret);
		goto out;
	}
	rc = streams_take(u->streams, inode->ino);
	if (rc)
		goto out;
	d.late = true;
	rc = send_multi(&m, path, ret);
	streams_give(u->streams, inode->ino);
	if (!rc)
		version_set_content_id(&ret->version);
out:
	multi_release(&m);
	object_meta_release(&d);
	return rc;
}
