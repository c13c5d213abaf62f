/* SPDX-License-Identifier: Apache-2.0 */
/* A request that makes an object, and the version that came of it. */
#include "upload_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answered.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/refusal.h"
#include "vers3/core/version.h"
#include "vers3/meta/dirty.h"
#include "vers3/meta/inode.h"
#include "vers3/store/store.h"
#include "vers3/util/clock.h"

#define BIG_BUFFER (UINT64_C(1) << 20) /* larger ones are counted */
#define SKEW_NS	   (2 * NS_PER_S) /* between a server's own clocks */

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
int upload_take_reply(struct syncer *s, const struct store_object *o,
		      const char *path, const char *key, uint64_t size,
		      const struct kvlist *meta, struct meta_version *ver)
{
	struct store_request r;
	int rc;

	memset(ver, 0, sizeof(*ver));
	strcpy(ver->key, path);
	ver->size_bytes = size;
	version_ids(o, ver->etag, ver->version_id);
	if (!s->mount->config.versioned || ver->version_id[0])
		return 0;
	rc = store_head(s->mount->store, &r, key, NULL);
	if (!rc && r.reply.object.version_id && r.reply.object.etag &&
	    !strcmp(r.reply.object.etag, ver->etag) &&
	    (!meta || object_meta_same(meta, &r.reply.object.meta))) {
		snprintf(ver->version_id, sizeof(ver->version_id), "%s",
			 r.reply.object.version_id);
		ver->last_modified_ns = r.reply.object.last_modified_ns;
	}
	store_request_release(&r);
	return 0;
}

int upload_check_there(struct syncer *s, const struct meta_inode *snap)
{
	struct meta_inode now;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(s->meta, snap->ino, &now);
	meta_unlock(s->meta);
	if (rc == -ENOENT || (!rc && !now.nlink))
		return -EAGAIN;
	return rc;
}

int upload_send(struct syncer *s, struct store_request *r,
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
	rc = conflict_guard(s, c, r);
	if (!rc)
		rc = conflict_sending(s, &c, 1, etag);
	if (rc)
		return rc;
	rc = send_once(s->mount->store, r, &told, c->unsure);
	/* What refuses a later try may be an earlier one, carried out late. */
	lost = rc && r->reply.unsure;
	if (lost && *etag)
		meta_tried_add(c->tried, etag);
	if (conflict_refused(s, c, r, &rc))
		rc = send_once(s->mount->store, r, &told, lost);
	/* What an earlier try went on top of is in no answer to this one. */
	c->bare = c->unsure || (!r->if_match && !r->if_none_match);
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
	bool own = made->meta && object_meta_same(made->meta, &o->meta);
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
 * ours bring their metadata (object_meta_copy()), and what a save has made is
 * looked at before anything here, or the source, goes for it.
 */
static int look(struct syncer *s, const struct conflict *c,
		const struct upload_made *made, const char *etag)
{
	struct store_request r;
	int rc;

	if (!s->mount->config.suspended)
		return 0;
	rc = store_head(s->mount->store, &r, made->key, NULL);
	if (rc == -ENOENT || (!rc && !is_there(c, made, etag, &r.reply.object)))
		rc = -ESTALE;
	store_request_release(&r);
	/* Whoever may write and not read is not kept from writing. */
	return refusal_is(rc) ? 0 : rc;
}

int upload_make(struct uploader *u, struct store_request *r,
		const struct send_want *want, const struct upload_made *made,
		struct conflict *c, struct meta_version *ret_version)
{
	int64_t began_ns = clock_mono_ns();
	struct syncer *s = u->s;
	int rc = 0;

	if (!answered_take(u->answered, c, ret_version)) {
		rc = upload_send(s, r, want, c);
		if (rc)
			return rc;
		c->since_ns = r->reply.date_ns;
		if (c->since_ns)
			c->since_ns -= clock_mono_ns() - began_ns + SKEW_NS;
		rc = upload_take_reply(s, &r->reply.object, c->path, made->key,
				       made->size_bytes, made->meta,
				       ret_version);
	}
	if (!rc)
		rc = look(s, c, made, ret_version->etag);
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

void upload_set_source(struct store_request *r, const struct meta_version *ver,
		       const char *source)
{
	r->source_key = source;
	if (ver->version_id[0])
		r->source_version = ver->version_id;
	else if (ver->etag[0])
		r->source_if_match = ver->etag;
}
