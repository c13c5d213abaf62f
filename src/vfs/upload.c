/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that are sent as one, or copied. What is sent is what one moment
 * of the file held (snapshot.h): it is read into memory and sent from there.
 */
#include "upload_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answered.h"
#include "refused.h"
#include "renamed.h"
#include "runs.h"
#include "sparse.h"
#include "stream.h"
#include "tags.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/link_id.h"
#include "vers3/vfs/mount.h"
#include "vers3/vfs/plan.h"
#include "vers3/vfs/reader.h"
#include "vers3/vfs/tree.h"
#include "vers3/vfs/version.h"
#include "zeros.h"

#define BIG_BUFFER  (UINT64_C(1) << 20) /* larger ones are counted */
#define BIG_BUFFERS 4
#define LOOKS	    3 /* as often is sent what is not there then */
#define SKEW_NS	    (2 * NS_PER_S) /* between a server's own clocks */

int uploader_new(struct vfs *v, struct uploader **ret_uploader)
{
	struct uploader *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	u->v = v;
	u->no_sum = caps_no_whole_sum(v->meta);
	sem_init(&u->big, 0, BIG_BUFFERS);
	rc = pool_new("parts", PART_THREADS, &u->parts);
	if (!rc)
		rc = streams_new(u, &u->streams);
	if (!rc)
		rc = zeros_new(v, &u->zeros);
	if (!rc)
		rc = answered_new(&u->answered);
	if (rc) {
		uploader_free(u);
		return rc;
	}
	*ret_uploader = u;
	return 0;
}

void uploader_free(struct uploader *u)
{
	if (!u)
		return;
	pool_free(u->parts);
	streams_free(u->streams);
	zeros_free(u->zeros);
	answered_free(u->answered);
	sem_destroy(&u->big);
	free(u);
}

void upload_written(struct uploader *u, const struct meta_inode *in)
{
	streams_written(u->streams, in);
}

void upload_result_init(struct upload_result *r)
{
	memset(r, 0, sizeof(*r));
	kvlist_init(&r->head);
}

void upload_result_release(struct upload_result *r)
{
	kvlist_release(&r->head);
}

void *upload_buffer_get(struct uploader *u, uint64_t size)
{
	void *p;

	if (size > BIG_BUFFER)
		while (sem_wait(&u->big))
			;
	p = malloc(size ? size : 1);
	if (!p && size > BIG_BUFFER)
		sem_post(&u->big);
	return p;
}

void upload_buffer_put(struct uploader *u, void *p, uint64_t size)
{
	if (!p)
		return;
	free(p);
	if (size > BIG_BUFFER)
		sem_post(&u->big);
}

/*
 * The version that an answer speaks of. A server that leaves the version id
 * out of its answer (Ceph: of CopyObject's) is asked with a HEAD; if that
 * shows another ETag or other metadata, somebody else has written since and
 * the id stays open: the next list settles whose it is (confirm.h).
 */
int upload_take_reply(struct vfs *v, const struct store_object *o,
		      const char *path, const char *key, uint64_t size,
		      const struct kvlist *meta, struct meta_version *ver)
{
	struct store_request r;
	int rc;

	memset(ver, 0, sizeof(*ver));
	strcpy(ver->key, path);
	ver->size_bytes = size;
	snprintf(ver->etag, sizeof(ver->etag), "%s", o->etag ? o->etag : "");
	snprintf(ver->version_id, sizeof(ver->version_id), "%s",
		 o->version_id ? o->version_id : "");
	if (!v->config.versioned || ver->version_id[0])
		return 0;
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	rc = store_call(v->store, &r);
	if (!rc && r.reply.object.version_id && r.reply.object.etag &&
	    !strcmp(r.reply.object.etag, ver->etag) &&
	    (!meta || dress_same(meta, &r.reply.object.meta))) {
		snprintf(ver->version_id, sizeof(ver->version_id), "%s",
			 r.reply.object.version_id);
		ver->last_modified_ns = r.reply.object.last_modified_ns;
	}
	store_request_release(&r);
	return 0;
}

int upload_check_there(struct vfs *v, const struct meta_inode *snap)
{
	struct meta_inode now;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, snap->ino, &now);
	meta_unlock(v->meta);
	if (rc == -ENOENT || (!rc && !now.nlink))
		return -EAGAIN;
	return rc;
}

/* The body of a small object: a file's bytes or a symlink's target. */
static int read_body(struct vfs *v, const struct snapshot *snap, char *body,
		     uint64_t size)
{
	struct buf target;
	int rc;

	if (!S_ISLNK(snap->in->mode))
		return snapshot_read(v, snap, 0, body, size);
	buf_init(&target, size + 1);
	rc = tree_readlink(v, snap->in->ino, &target);
	if (!rc && target.len == size)
		memcpy(body, target.data, size);
	else if (!rc || rc == -ENOENT)
		rc = -EAGAIN; /* deleted meanwhile */
	buf_release(&target);
	return rc;
}

/* Keeps what was just sent readable without asking for it. */
static void cache_body(struct vfs *v, const struct meta_version *ver,
		       const char *body)
{
	struct blocks_key key;

	memcpy(key.id, ver->id, sizeof(key.id));
	for (uint64_t at = 0; at < ver->size_bytes; at += BLOCK_SIZE) {
		uint64_t left = ver->size_bytes - at;
		size_t size = left < BLOCK_SIZE ? left : BLOCK_SIZE;
		void *copy = malloc(size);

		if (!copy)
			return;
		memcpy(copy, body + at, size);
		key.number = at / BLOCK_SIZE;
		if (blocks_put(v->blocks, &key, copy, size, free, copy)) {
			free(copy); /* it was not taken over */
			return;
		}
	}
}

int upload_send(struct vfs *v, struct store_request *r,
		const struct send_want *want, struct conflict *c)
{
	struct send_want told = *want;
	char etag[SEND_ETAG_SIZE];
	bool lost;
	int rc;

	send_etag(want, etag);
	if (*etag)
		told.etag = etag;
	/* What is known already costs nothing. */
	if (r->op == STORE_PUT && r->sum == STORE_SUM_NONE && *etag)
		r->sum = STORE_SUM_MD5;
	if (r->op == STORE_PUT && r->sum == STORE_SUM_MD5 && *etag)
		r->md5 = etag;
	if (c->unsure && *etag)
		meta_tried_add(c->tried, etag);
	rc = conflict_guard(v, c, r);
	if (!rc)
		rc = conflict_sending(v, &c, 1, etag);
	if (rc)
		return rc;
	rc = send_once(v->store, r, &told, c->unsure);
	/* What refuses a later try may be an earlier one, carried out late. */
	lost = rc && r->reply.unsure;
	if (lost && *etag)
		meta_tried_add(c->tried, etag);
	if (conflict_refused(v, c, r, &rc))
		rc = send_once(v->store, r, &told, lost);
	c->bare = !r->if_match && !r->if_none_match;
	c->open = rc && r->reply.unsure;
	return rc;
}

/* Whether an object was there before a save went out. */
static bool is_older(const struct conflict *c, const struct store_object *o)
{
	return c->since_ns && o->last_modified_ns &&
	       o->last_modified_ns < c->since_ns;
}

/*
 * Whether what a look has shown is the save, or a later one of others: their
 * bytes, or ours that they have read, are then all that there is, and nothing
 * is to be put on top of them. Else it is what was there before. Where that
 * had the same bytes, as when attributes are saved, only its attributes and
 * its time tell.
 */
static bool is_there(const struct conflict *c, const struct upload_made *made,
		     const char *etag, const struct store_object *o)
{
	bool own = made->meta && dress_same(made->meta, &o->meta);
	bool size = o->size_bytes == made->size_bytes;
	bool content = size && o->etag && !strcmp(o->etag, etag);
	bool same = c->held && !strcmp(c->etag, etag); /* as before */

	if (content && (own || (!made->strict && !same)))
		return true;
	if (content && made->strict && !made->last)
		return false; /* it may be of the source yet */
	if (!content && c->held && o->etag && !strcmp(o->etag, c->etag))
		return false;
	/* Some servers tell another ETag later. */
	return (own && size) || !is_older(c, o);
}

/*
 * Ceph 16, where versioning was on and is suspended, lets a copy that takes
 * the source's metadata along take what makes the source's key point to its
 * bytes, too. Such a copy shows what the source holds at any time: nothing,
 * when that has gone. Nor is what is written over it there, though that
 * answers with 200, until it is written once more. Others make such copies;
 * ours bring their metadata (dress_copy()), and what a save has made is
 * looked at before anything here, or the source, goes for it.
 */
static int look(struct vfs *v, const struct conflict *c,
		const struct upload_made *made, const char *etag)
{
	struct store_request r;
	int rc;

	if (!v->config.suspended)
		return 0;
	store_request_init(&r, STORE_HEAD);
	r.key = made->key;
	rc = store_call(v->store, &r);
	if (rc == -ENOENT || (!rc && !is_there(c, made, etag, &r.reply.object)))
		rc = -ESTALE;
	store_request_release(&r);
	/* Whoever may write and not read is not kept from writing. */
	return refused_is(rc) ? 0 : rc;
}

int upload_make(struct uploader *u, struct store_request *r,
		const struct send_want *want, const struct upload_made *made,
		struct conflict *c, struct meta_version *ret_version)
{
	int64_t began_ns = clock_mono_ns();
	struct vfs *v = u->v;
	int rc = 0;

	if (!answered_take(u->answered, c, ret_version)) {
		rc = upload_send(v, r, want, c);
		if (rc)
			return rc;
		c->since_ns = r->reply.date_ns;
		if (c->since_ns)
			c->since_ns -= clock_mono_ns() - began_ns + SKEW_NS;
		rc = upload_take_reply(v, &r->reply.object, c->path, made->key,
				       made->size_bytes, made->meta,
				       ret_version);
	}
	if (!rc)
		rc = look(v, c, made, ret_version->etag);
	if (rc && rc != -ESTALE)
		answered_put(u->answered, c, ret_version);
	return rc;
}

void upload_expect_own(struct conflict *c, const char *etag)
{
	c->unsure = true;
	meta_tried_add(c->tried, META_TRIED_NOTHING);
	if (*etag)
		meta_tried_add(c->tried, etag);
}

/* Sends a body, and once more where it is not there then. */
static int put_body(struct uploader *u, const char *key, const char *body,
		    struct dress *d, struct conflict *c,
		    struct meta_version *ret)
{
	struct upload_made made = {
		.key = key,
		.size_bytes = ret->size_bytes,
		.meta = &d->meta,
	};
	struct send_want want = {
		.size_bytes = made.size_bytes,
		.body = body,
		.meta = &d->meta,
		.content_type = kvlist_get(&d->headers, "content-type"),
	};
	int rc = -ESTALE;

	for (unsigned i = 0; rc == -ESTALE && i < LOOKS; i++) {
		struct store_request r;

		store_request_init(&r, STORE_PUT);
		r.key = key;
		r.meta = &d->meta;
		r.headers = &d->headers;
		r.body.mem = body;
		r.body.length = made.size_bytes;
		r.sum = caps_sum(&u->v->config.caps);
		rc = upload_make(u, &r, &want, &made, c, ret);
		store_request_release(&r);
		if (rc == -ESTALE) {
			upload_expect_own(c, ret->etag);
			if (i + 1 < LOOKS)
				send_pause(i); /* it may show yet */
		}
	}
	return rc == -ESTALE ? -EAGAIN : rc;
}

/* Sends a small file, or what is none, with what goes with it. */
static int put_dressed(struct uploader *u, const struct snapshot *snap,
		       const char *key, struct dress *d, struct conflict *c,
		       struct upload_result *ret)
{
	const struct meta_inode *in = snap->in;
	struct vfs *v = u->v;
	uint64_t size =
		S_ISREG(in->mode) || S_ISLNK(in->mode) ? in->size_bytes : 0;
	struct meta_version made = {.size_bytes = size};
	char *body = upload_buffer_get(u, size);
	int rc = body ? 0 : -ENOMEM;

	if (!rc && size)
		rc = read_body(v, snap, body, size);
	if (!rc)
		rc = upload_check_there(v, in);
	if (!rc)
		rc = put_body(u, key, body, d, c, &made);
	/* Also where a look at it failed: the next try finds it. */
	if (made.key[0])
		ret->version = made;
	if (!rc) {
		version_set_content_id(&made);
		ret->version = made;
		ret->sent_bytes = size;
		if (S_ISREG(in->mode))
			cache_body(v, &made, body);
	}
	upload_buffer_put(u, body, size);
	return rc;
}

int upload_put(struct uploader *u, const struct snapshot *snap,
	       struct conflict *c, struct upload_result *ret)
{
	const struct meta_inode *in = snap->in;
	/* The same directory, link or device with other attributes. */
	bool same = !S_ISREG(in->mode) && in->base.key[0];
	char key[META_KEY_MAX + 1];
	struct kvlist tags;
	struct dress d;
	int rc = dress_make(u->v, in, c->path, true, &d);

	kvlist_init(&tags);
	runs_of_snapshot(snap, &ret->holes);
	if (!rc && S_ISREG(in->mode))
		rc = sparse_tell(&ret->holes, in->size_bytes, &d.meta);
	if (!rc)
		rc = mount_key(u->v, c->path, key);
	if (!rc && same)
		rc = tags_ask(u->v, in, &tags);
	if (!rc)
		rc = put_dressed(u, snap, key, &d, c, ret);
	if (!rc && same)
		rc = tags_give(u->v, in->ino, key, &ret->version, &tags, &d);
	if (!rc)
		rc = dress_to_head(&d, &ret->head);
	kvlist_release(&tags);
	dress_release(&d);
	return rc;
}

/* A copy keeps the content's name in the block cache. */
static void inherit_id(struct meta_version *to, const struct meta_version *from)
{
	if (version_has_content_id(from))
		memcpy(to->id, from->id, sizeof(to->id));
	else
		version_set_content_id(to);
}

void upload_set_source(struct store_request *r, const struct meta_version *ver,
		       const char *source)
{
	r->source_key = source;
	if (ver->version_id[0])
		r->source_version = ver->version_id;
	else if (ver->etag[0])
		r->source_if_match = ver->etag;
}

/* What the inode's object carries: a plain copy of it carries the same. */
static int head_as_it_is(struct vfs *v, uint64_t ino, struct kvlist *head)
{
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_head_get(v->meta, ino, head);
	meta_unlock(v->meta);
	return rc == -ENOENT ? 0 : rc;
}

/*
 * Copies once, and what is no file again where it is not there then: its
 * bytes are nowhere else.
 */
static int copy_anyway(struct uploader *u, struct store_request *r,
		       const struct send_want *want, const struct kvlist *meta,
		       struct conflict *c, struct meta_version *ret)
{
	struct upload_made made = {
		.key = r->key,
		.size_bytes = want->size_bytes,
		.meta = meta,
		.strict = true,
	};
	unsigned looks = S_ISREG(c->snap->mode) ? 1 : LOOKS;
	int rc = -ESTALE;

	for (unsigned i = 0; rc == -ESTALE && i < looks; i++) {
		r->if_match = r->if_none_match = NULL;
		made.last = looks > 1 && i + 1 == looks;
		rc = upload_make(u, r, want, &made, c, ret);
		if (rc == -ESTALE) {
			upload_expect_own(c, ret->etag);
			if (i + 1 < looks)
				send_pause(i);
		}
	}
	return rc;
}

/*
 * d: what goes along; NULL: what the source says of itself. current: only if
 * the source's key holds the base yet.
 */
static int send_copy(struct uploader *u, const struct meta_inode *in,
		     bool current, struct conflict *c, const char *key,
		     struct dress *d, struct meta_version *ret)
{
	struct send_want want = {.size_bytes = in->base.size_bytes,
				 .etag = in->base.etag};
	struct meta_version from = in->base;
	char source[META_KEY_MAX + 1];
	struct store_request r;
	int rc = mount_key(u->v, in->base.key, source);

	store_request_init(&r, STORE_COPY);
	if (rc)
		goto out;
	r.key = key;
	if (current && from.etag[0])
		from.version_id[0] = '\0';
	upload_set_source(&r, &from, source);
	if (d) {
		r.replace_meta = true;
		r.meta = want.meta = &d->meta;
		r.headers = &d->headers;
		want.content_type = kvlist_get(&d->headers, "content-type");
	} else {
		want.source_key = source;
		want.source_version = r.source_version;
	}
	rc = copy_anyway(u, &r, &want, d ? &d->meta : NULL, c, ret);
out:
	store_request_release(&r);
	return rc;
}

static int copy_base(struct uploader *u, const struct snapshot *snap,
		     bool current, struct conflict *c,
		     struct upload_result *ret)
{
	const struct meta_inode *in = snap->in;
	struct vfs *v = u->v;
	char key[META_KEY_MAX + 1];
	bool replace, tagged = false, large = false;
	struct kvlist tags;
	struct dress d;
	int rc = dress_copy(v, in, c->path, &d, &replace);

	kvlist_init(&tags);
	if (!rc)
		rc = mount_key(v, c->path, key);
	if (!rc && replace)
		tagged = tags_need(v, in, &d, !v->config.suspended);
	if (!rc && tagged)
		rc = tags_ask(v, in, &tags);
	if (!rc)
		rc = send_copy(u, in, current, c, key, replace ? &d : NULL,
			       &ret->version);
	if (rc == -ESTALE && !S_ISREG(in->mode))
		rc = -EAGAIN; /* its bytes are there alone: copied again */
	if (rc == -ESTALE) {
		log_warning("the server's copy to %s is none: its bytes are "
			    "sent",
			    c->path);
		large = in->size_bytes > PLAN_SINGLE_MAX;
		rc = large ? -ESTALE : put_dressed(u, snap, key, &d, c, ret);
	}
	if (!rc && tagged)
		rc = tags_give(v, in->ino, key, &ret->version, &tags, &d);
	if (!rc) {
		inherit_id(&ret->version, &in->base);
		d.late = false;
		rc = replace ? dress_to_head(&d, &ret->head)
			     : head_as_it_is(v, in->ino, &ret->head);
	}
	kvlist_release(&tags);
	dress_release(&d);
	return large ? upload_parts(u, snap, c, ret) : rc;
}

/*
 * The object of a directory is not what it was, or has gone: its bytes are
 * others', so what they have made of them is copied.
 */
static int copy_anew(struct uploader *u, const struct snapshot *snap,
		     struct conflict *c, struct upload_result *ret)
{
	struct meta_inode now = *snap->in;
	const struct store_object *o;
	struct snapshot anew = *snap;
	char key[META_KEY_MAX + 1];
	struct store_request r;
	bool copied;
	int rc = mount_key(u->v, now.base.key, key);

	if (rc)
		return rc;
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	rc = store_call(u->v->store, &r);
	o = &r.reply.object;
	/* What nobody has asked for is not made up, either. */
	copied = !rc && (o->size_bytes ||
			 !(now.flags & (META_I_ATTRS | META_I_ATTR_DIRTY)));
	if (copied) {
		snprintf(now.base.etag, sizeof(now.base.etag), "%s",
			 o->etag ? o->etag : "");
		snprintf(now.base.version_id, sizeof(now.base.version_id), "%s",
			 o->version_id ? o->version_id : "");
		now.base.size_bytes = o->size_bytes;
		version_set_content_id(&now.base);
	}
	store_request_release(&r);
	if (rc && rc != -ENOENT)
		return rc;
	anew.in = &now;
	return copied ? copy_base(u, &anew, true, c, ret)
		      : upload_put(u, snap, c, ret);
}

int upload_copy(struct uploader *u, const struct snapshot *snap,
		struct conflict *c, struct upload_result *ret)
{
	const struct meta_inode *in = snap->in;
	bool dir = S_ISDIR(in->mode);
	int rc = copy_base(u, snap, dir, c, ret);

	/* Where it was moved from, a delete of ours may have been faster. */
	if (dir && rc == -ENOENT && in->base.version_id[0] &&
	    strcmp(in->base.key, c->path) != 0)
		rc = copy_base(u, snap, false, c, ret);
	if (dir && (rc == -ENOENT || rc == -EBUSY))
		rc = copy_anew(u, snap, c, ret);
	return rc;
}

bool upload_is_same(struct uploader *u, const struct meta_inode *in,
		    const char *path, struct upload_result *ret)
{
	struct objattr_xattrs x = {0};
	struct dress want, has;
	bool same;

	dress_init(&has);
	same = !dress_make(u->v, in, path, false, &want) &&
	       !dress_read(u->v, in->ino, &has, &x) &&
	       (!has.names ||
		!kvlist_set(&has.meta, LINK_NAMES_META, has.names)) &&
	       (!has.holes || !kvlist_set(&has.meta, SPARSE_META, has.holes)) &&
	       dress_same(&want.meta, &has.meta) &&
	       dress_same(&want.headers, &has.headers) &&
	       !dress_to_head(&want, &ret->head);
	if (same && has.renamed)
		same = !kvlist_set(&ret->head, "x-amz-meta-" RENAMED_META,
				   has.renamed);
	if (same)
		ret->version = in->base;
	objattr_xattrs_release(&x);
	dress_release(&has);
	dress_release(&want);
	return same;
}
