/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that are sent as one. What is sent is what one moment of the file
 * held (file_snapshot.h): it is read into memory and sent from there.
 */
#include "upload_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/version.h"
#include "vers3/object/sparse.h"
#include "vers3/object/tags.h"
#include "vers3/tree/runs.h"
#include "vers3/tree/tree.h"

/* The body of a small object: a file's bytes or a symlink's target. */
static int read_body(struct syncer *s, const struct file_snapshot *snap,
		     char *body, uint64_t size)
{
	struct buf target;
	int rc;

	if (!S_ISLNK(snap->inode->mode))
		return file_snapshot_read(s->tree, snap, 0, body, size);
	buf_init(&target, size + 1);
	rc = tree_readlink(s->tree, snap->inode->ino, &target);
	if (!rc && target.len == size)
		memcpy(body, target.data, size);
	else if (!rc || rc == -ENOENT)
		rc = -EAGAIN; /* deleted meanwhile */
	buf_release(&target);
	return rc;
}

/* Keeps what was just sent readable without asking for it. */
static void cache_body(struct syncer *s, const struct meta_version *ver,
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
		if (blocks_put(s->mount->blocks, &key, copy, size, free,
			       copy)) {
			free(copy); /* it was not taken over */
			return;
		}
	}
}

/* Sends a body, and once more where it is not there then. */
static int put_body(struct uploader *u, const char *key, const char *body,
		    struct object_meta *d, struct conflict *c,
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

	for (unsigned i = 0; rc == -ESTALE && i < UPLOAD_LOOKS; i++) {
		struct store_request r;

		store_request_init(&r, STORE_PUT);
		r.key = key;
		r.meta = &d->meta;
		r.headers = &d->headers;
		r.body.mem = body;
		r.body.length = made.size_bytes;
		r.sum = caps_sum(&u->s->mount->config.caps);
		rc = upload_make(u, &r, &want, &made, c, ret);
		store_request_release(&r);
		if (rc == -ESTALE) {
			upload_expect_own(c, ret->etag);
			if (i + 1 < UPLOAD_LOOKS)
				send_pause(i); /* it may show yet */
		}
	}
	return rc == -ESTALE ? -EAGAIN : rc;
}

/* Sends a small file, or what is none, with what goes with it. */
int upload_put_with_meta(struct uploader *u, const struct file_snapshot *snap,
			 const char *key, struct object_meta *d,
			 struct conflict *c, struct upload_result *ret)
{
	const struct meta_inode *inode = snap->inode;
	struct syncer *s = u->s;
	uint64_t size = S_ISREG(inode->mode) || S_ISLNK(inode->mode)
				? inode->size_bytes
				: 0;
	struct meta_version made = {.size_bytes = size};
	char *body = upload_buffer_get(u, size);
	int rc = body ? 0 : -ENOMEM;

	if (!rc && size)
		rc = read_body(s, snap, body, size);
	if (!rc)
		rc = upload_check_there(s, inode);
	if (!rc)
		rc = put_body(u, key, body, d, c, &made);
	/* Also where a look at it failed: the next try finds it. */
	if (made.key[0])
		ret->version = made;
	if (!rc) {
		version_set_content_id(&made);
		ret->version = made;
		ret->sent_bytes = size;
		if (S_ISREG(inode->mode))
			cache_body(s, &made, body);
	}
	upload_buffer_put(u, body, size);
	return rc;
}

int upload_put(struct uploader *u, const struct file_snapshot *snap,
	       struct conflict *c, struct upload_result *ret)
{
	const struct meta_inode *inode = snap->inode;
	/* The same directory, link or device with other attributes. */
	bool same = !S_ISREG(inode->mode) && inode->base.key[0];
	char key[META_KEY_MAX + 1];
	struct kvlist tags;
	struct object_meta d;
	bool tagged;
	int rc = object_meta_make(u->s->mount, inode, c->path,
				  OBJECT_CONTENT_NEW, &d);

	kvlist_init(&tags);
	runs_of_snapshot(snap, &ret->holes);
	if (!rc && S_ISREG(inode->mode))
		rc = sparse_tell(&ret->holes, inode->size_bytes, &d.meta);
	if (!rc)
		rc = mount_key(u->s->mount, c->path, key);
	tagged = !rc && (same || tags_need_new(u->s->mount, inode, &d));
	if (tagged)
		rc = tags_ask(u->s->mount, inode, &d,
			      same ? OBJECT_CONTENT_KEPT : OBJECT_CONTENT_NEW,
			      &tags);
	if (!rc)
		rc = upload_put_with_meta(u, snap, key, &d, c, ret);
	if (!rc && tagged)
		rc = tags_give(u->s->mount, inode->ino, key, &ret->version,
			       &tags, &d);
	if (!rc)
		rc = object_meta_to_head(&d, &ret->head);
	kvlist_release(&tags);
	object_meta_release(&d);
	return rc;
}
