/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that the server makes of others. */
#include "upload_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/version.h"
#include "vers3/object/tags.h"
#include "vers3/util/log.h"

/* A copy keeps the content's name in the block cache. */
static void inherit_id(struct meta_version *to, const struct meta_version *from)
{
	if (version_has_content_id(from))
		memcpy(to->id, from->id, sizeof(to->id));
	else
		version_set_content_id(to);
}

/* What the inode's object carries: a plain copy of it carries the same. */
static int head_as_it_is(struct syncer *s, uint64_t ino, struct kvlist *head)
{
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_head_get(s->meta, ino, head);
	meta_unlock(s->meta);
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
	unsigned looks = S_ISREG(c->snap->mode) ? 1 : UPLOAD_LOOKS;
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
static int send_copy(struct uploader *u, const struct meta_inode *inode,
		     bool current, struct conflict *c, const char *key,
		     struct object_meta *d, struct meta_version *ret)
{
	struct send_want want = {.size_bytes = inode->base.size_bytes,
				 .etag = inode->base.etag};
	struct meta_version from = inode->base;
	char source[META_KEY_MAX + 1];
	struct store_request r;
	int rc = mount_key(u->s->mount, inode->base.key, source);

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

/*
 * No copy takes the tags along then: they are asked for if they are not yet.
 * *ret_large: they go in parts, once what the copy has made is let go.
 */
static int send_bytes(struct uploader *u, const struct file_snapshot *snap,
		      const char *key, struct object_meta *d,
		      struct conflict *c, struct upload_result *ret,
		      struct kvlist *tags, bool *tagged, bool *ret_large)
{
	struct mount *mount = u->s->mount;
	int rc = 0;

	*ret_large = snap->inode->size_bytes > PLAN_SINGLE_MAX;
	if (*ret_large)
		return -ESTALE;
	if (!*tagged && tags_need(mount, snap->inode, d, false)) {
		*tagged = true;
		rc = tags_ask(mount, snap->inode, d, OBJECT_CONTENT_KEPT, tags);
	}
	return rc ? rc : upload_put_with_meta(u, snap, key, d, c, ret);
}

static int copy_base(struct uploader *u, const struct file_snapshot *snap,
		     bool current, struct conflict *c,
		     struct upload_result *ret)
{
	const struct meta_inode *inode = snap->inode;
	struct syncer *s = u->s;
	char key[META_KEY_MAX + 1];
	bool replace, tagged = false, large = false;
	struct kvlist tags;
	struct object_meta d;
	int rc = object_meta_copy(s->mount, inode, c->path, &d, &replace);

	kvlist_init(&tags);
	if (!rc)
		rc = mount_key(s->mount, c->path, key);
	if (!rc && replace)
		tagged = tags_need(s->mount, inode, &d,
				   !s->mount->config.suspended);
	if (!rc && tagged)
		rc = tags_ask(s->mount, inode, &d, OBJECT_CONTENT_KEPT, &tags);
	if (!rc)
		rc = send_copy(u, inode, current, c, key, replace ? &d : NULL,
			       &ret->version);
	if (rc == -ESTALE && !S_ISREG(inode->mode))
		rc = -EAGAIN; /* its bytes are there alone: copied again */
	if ((rc == -EOPNOTSUPP || rc == -EXDEV ||
	     mount_source_is_elsewhere(s->mount, rc)) &&
	    !S_ISDIR(inode->mode)) {
		log_info("the server cannot copy to %s: its bytes are sent",
			 c->path);
		rc = send_bytes(u, snap, key, &d, c, ret, &tags, &tagged,
				&large);
	} else if (rc == -ESTALE) {
		log_warning("the server's copy to %s is none: its bytes are "
			    "sent",
			    c->path);
		rc = send_bytes(u, snap, key, &d, c, ret, &tags, &tagged,
				&large);
	}
	if (!rc && tagged)
		rc = tags_give(s->mount, inode->ino, key, &ret->version, &tags,
			       &d);
	if (!rc) {
		inherit_id(&ret->version, &inode->base);
		d.late = false;
		rc = replace ? object_meta_to_head(&d, &ret->head)
			     : head_as_it_is(s, inode->ino, &ret->head);
	}
	kvlist_release(&tags);
	object_meta_release(&d);
	return large ? upload_parts(u, snap, c, ret) : rc;
}

/*
 * The object of a directory is not what it was, or has gone: its bytes are
 * others', so what they have made of them is copied.
 */
static int copy_anew(struct uploader *u, const struct file_snapshot *snap,
		     struct conflict *c, struct upload_result *ret)
{
	struct meta_inode now = *snap->inode;
	const struct store_object *o;
	struct file_snapshot anew = *snap;
	char key[META_KEY_MAX + 1];
	struct store_request r;
	bool copied;
	int rc = mount_key(u->s->mount, now.base.key, key);

	if (rc)
		return rc;
	rc = store_head(u->s->mount->store, &r, key, NULL);
	o = &r.reply.object;
	/* What nobody has asked for is not made up, either. */
	copied = !rc && (o->size_bytes ||
			 !(now.flags & (META_I_ATTRS | META_I_ATTR_DIRTY)));
	if (copied) {
		version_ids(o, now.base.etag, now.base.version_id);
		now.base.size_bytes = o->size_bytes;
		version_set_content_id(&now.base);
	}
	store_request_release(&r);
	if (rc && rc != -ENOENT)
		return rc;
	anew.inode = &now;
	return copied ? copy_base(u, &anew, true, c, ret)
		      : upload_put(u, snap, c, ret);
}

int upload_copy(struct uploader *u, const struct file_snapshot *snap,
		struct conflict *c, struct upload_result *ret)
{
	const struct meta_inode *inode = snap->inode;
	bool dir = S_ISDIR(inode->mode);
	int rc = copy_base(u, snap, dir, c, ret);

	/* Where it was moved from, a delete of ours may have been faster. */
	if (dir && rc == -ENOENT && inode->base.version_id[0] &&
	    strcmp(inode->base.key, c->path) != 0)
		rc = copy_base(u, snap, false, c, ret);
	if (dir && (rc == -ENOENT || rc == -EBUSY))
		rc = copy_anew(u, snap, c, ret);
	return rc;
}
