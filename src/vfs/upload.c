/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent is what one moment of the file held: a small file is copied
 * into memory and sent from there; parts are read as they are sent, and the
 * upload is completed only if the content's change number is still that of
 * the snapshot.
 */
#include "vers3/vfs/upload.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/meta/extent.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/content.h"
#include "vers3/vfs/decide.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/plan.h"
#include "vers3/vfs/reader.h"
#include "vers3/vfs/tree.h"

#define PART_THREADS 6
#define BIG_BUFFER   (UINT64_C(1) << 20) /* larger ones are counted */
#define BIG_BUFFERS  4
#define METADATA_MAX 2048
#define META_PREFIX  "x-amz-meta-"
#define UPLOAD_NOTE  "upload:" /* META_SYS: upload id → object key */

struct uploader {
	struct vfs *v; /* borrowed */
	struct pool *parts; /* owned */
	sem_t big; /* large buffers left */
};

int uploader_new(struct vfs *v, struct uploader **ret_uploader)
{
	struct uploader *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	u->v = v;
	sem_init(&u->big, 0, BIG_BUFFERS);
	rc = pool_new("parts", PART_THREADS, &u->parts);
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
	sem_destroy(&u->big);
	free(u);
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

static void *buffer_get(struct uploader *u, uint64_t size)
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

static void buffer_put(struct uploader *u, void *p, uint64_t size)
{
	if (!p)
		return;
	free(p);
	if (size > BIG_BUFFER)
		sem_post(&u->big);
}

/* What goes with an object besides its bytes. */
struct dress {
	struct kvlist meta, headers;
};

static void dress_release(struct dress *d)
{
	kvlist_release(&d->meta);
	kvlist_release(&d->headers);
}

/* Headers that a rewrite sets again; the rest of a HEAD describes, only. */
static bool is_kept_header(const char *name)
{
	static const char *const kept[] = {
		"content-type",	       "cache-control",
		"content-disposition", "content-encoding",
		"content-language",    "expires",
		"x-amz-storage-class", "x-amz-website-redirect-location",
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (!strcasecmp(name, kept[i]))
			return true;
	return false;
}

static int split_head(const struct kvlist *head, struct dress *d)
{
	size_t skip = strlen(META_PREFIX);
	int rc = 0;

	for (size_t i = 0; !rc && i < head->count; i++) {
		const struct kv *kv = &head->items[i];

		if (!strncasecmp(kv->name, META_PREFIX, skip))
			rc = kvlist_add(&d->meta, kv->name + skip, kv->value);
		else if (is_kept_header(kv->name))
			rc = kvlist_add(&d->headers, kv->name, kv->value);
	}
	return rc;
}

static int add_xattr(void *ctx, const char *name, const void *value,
		     size_t size)
{
	struct objattr_xattrs *x = ctx;
	struct objattr_xattr *p;

	if (strncmp(name, "user.", 5))
		return 0;
	p = realloc(x->items, (x->count + 1) * sizeof(*p));
	if (!p)
		return -ENOMEM;
	x->items = p;
	p += x->count;
	p->name = strdup(name);
	p->value = malloc(size ? size : 1);
	p->size = size;
	x->count++;
	if (!p->name || !p->value)
		return -ENOMEM;
	memcpy(p->value, value, size);
	return 0;
}

static int read_dress(struct vfs *v, uint64_t ino, struct dress *d,
		      struct objattr_xattrs *x)
{
	struct kvlist head;
	int rc;

	kvlist_init(&head);
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_head_get(v->meta, ino, &head);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = meta_xattr_each(v->meta, ino, add_xattr, x);
	meta_unlock(v->meta);
	if (!rc)
		rc = split_head(&head, d);
	kvlist_release(&head);
	return rc;
}

/* content: its bytes are sent anew, so no digest of the old ones may stay. */
static int dress_make(struct vfs *v, const struct meta_inode *in,
		      const char *path, bool content, struct dress *d)
{
	struct objattr_xattrs x = {0};
	struct objattr a = {.mode = in->mode,
			    .uid = in->uid,
			    .gid = in->gid,
			    .rdev = in->rdev,
			    .mtime_ns = in->mtime_ns};
	int rc;

	kvlist_init(&d->meta);
	kvlist_init(&d->headers);
	strcpy(a.link_id, in->link_id);
	rc = read_dress(v, in->ino, d, &x);
	if (!rc && content)
		rc = objattr_new_content(&d->meta);
	if (!rc)
		rc = objattr_format(&a, &x, METADATA_MAX, &d->meta);
	if (!rc && !kvlist_get(&d->headers, "content-type"))
		rc = kvlist_set(&d->headers, "content-type",
				objattr_content_type(path));
	if (!rc && v->config.storage_class && S_ISREG(in->mode) &&
	    !kvlist_get(&d->headers, "x-amz-storage-class"))
		rc = kvlist_set(&d->headers, "x-amz-storage-class",
				v->config.storage_class);
	objattr_xattrs_release(&x);
	return rc;
}

static int dress_to_head(const struct dress *d, struct kvlist *head)
{
	char name[512];
	int rc = kvlist_copy(head, &d->headers);

	for (size_t i = 0; !rc && i < d->meta.count; i++) {
		snprintf(name, sizeof(name), META_PREFIX "%s",
			 d->meta.items[i].name);
		rc = kvlist_add(head, name, d->meta.items[i].value);
	}
	return rc;
}

static bool same_pairs(const struct kvlist *a, const struct kvlist *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const char *other = kvlist_get(b, a->items[i].name);

		if (!other || strcmp(other, a->items[i].value))
			return false;
	}
	return true;
}

bool upload_is_same(struct uploader *u, const struct meta_inode *in,
		    const char *path, struct upload_result *ret)
{
	struct objattr_xattrs x = {0};
	struct dress want, has;
	bool same;

	kvlist_init(&has.meta);
	kvlist_init(&has.headers);
	same = !dress_make(u->v, in, path, false, &want) &&
	       !read_dress(u->v, in->ino, &has, &x) &&
	       same_pairs(&want.meta, &has.meta) &&
	       same_pairs(&want.headers, &has.headers) &&
	       !dress_to_head(&want, &ret->head);
	if (same)
		ret->version = in->base;
	objattr_xattrs_release(&x);
	dress_release(&has);
	dress_release(&want);
	return same;
}

/*
 * The version that an answer speaks of. A server that leaves the version id
 * out of its answer (Ceph: of CopyObject's) is asked with a HEAD; if that
 * shows another ETag, somebody else has written since and the id stays open.
 */
static int take_reply(struct vfs *v, const struct store_object *o,
		      const char *path, const char *key, uint64_t size,
		      struct meta_version *ver)
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
	    !strcmp(r.reply.object.etag, ver->etag)) {
		snprintf(ver->version_id, sizeof(ver->version_id), "%s",
			 r.reply.object.version_id);
		ver->last_modified_ns = r.reply.object.last_modified_ns;
	}
	store_request_release(&r);
	return 0;
}

/*
 * Whether the file still holds what the snapshot held. A writer changes bytes
 * and then the number, both under the node's lock: with that lock the number
 * speaks for every byte that was read before.
 */
static int check_unchanged(struct vfs *v, const struct meta_inode *snap)
{
	struct meta_inode now;
	struct node *n;
	int rc = node_get(v->nodes, snap->ino, &n);

	if (rc)
		return rc;
	pthread_rwlock_rdlock(&n->lock);
	rc = meta_lock(v->meta);
	if (!rc) {
		rc = meta_inode_get(v->meta, snap->ino, &now);
		meta_unlock(v->meta);
	}
	pthread_rwlock_unlock(&n->lock);
	node_put(v->nodes, n);
	if (rc)
		return rc == -ENOENT ? -EAGAIN : rc;
	return now.data_change == snap->data_change ? 0 : -EAGAIN;
}

/* The body of a small object: a file's bytes or a symlink's target. */
static int read_body(struct uploader *u, const struct meta_inode *in,
		     char *body, uint64_t size)
{
	struct vfs *v = u->v;
	struct node *n;
	size_t got = 0;
	int rc;

	if (S_ISLNK(in->mode)) {
		struct buf target;

		buf_init(&target, size + 1);
		rc = tree_readlink(v, in->ino, &target);
		if (!rc && target.len == size)
			memcpy(body, target.data, size);
		else if (!rc)
			rc = -EAGAIN;
		buf_release(&target);
		return rc;
	}
	rc = node_get(v->nodes, in->ino, &n);
	if (rc)
		return rc;
	rc = content_read(v, n, 0, body, size, &got);
	node_put(v->nodes, n);
	if (rc == -ENOENT)
		return -EAGAIN; /* deleted meanwhile */
	return !rc && got != size ? -EAGAIN : rc;
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
		if (blocks_put(v->blocks, &key, copy, size, free, copy))
			return;
	}
}

int upload_put(struct uploader *u, const struct meta_inode *in,
	       const char *path, struct upload_result *ret)
{
	struct vfs *v = u->v;
	uint64_t size =
		S_ISREG(in->mode) || S_ISLNK(in->mode) ? in->size_bytes : 0;
	char key[META_KEY_MAX + 1], *body = NULL;
	struct store_request r;
	struct dress d;
	int rc = dress_make(v, in, path, true, &d);

	store_request_init(&r, STORE_PUT);
	if (!rc)
		rc = vfs_object_key(v, path, key);
	if (rc)
		goto out;
	body = buffer_get(u, size);
	rc = body ? 0 : -ENOMEM;
	if (!rc && size)
		rc = read_body(u, in, body, size);
	if (!rc)
		rc = check_unchanged(v, in);
	if (rc)
		goto out;
	r.key = key;
	r.meta = &d.meta;
	r.headers = &d.headers;
	r.body.mem = body;
	r.body.length = size;
	rc = store_call(v->store, &r);
	if (!rc)
		rc = take_reply(v, &r.reply.object, path, key, size,
				&ret->version);
	if (!rc) {
		reader_content_id(&ret->version);
		ret->sent_bytes = size;
		rc = dress_to_head(&d, &ret->head);
		if (S_ISREG(in->mode))
			cache_body(v, &ret->version, body);
	}
out:
	buffer_put(u, body, size);
	store_request_release(&r);
	dress_release(&d);
	return rc;
}

static bool has_id(const struct meta_version *ver)
{
	static const unsigned char none[META_ID_SIZE];

	return memcmp(ver->id, none, sizeof(none)) != 0;
}

/* A copy keeps the content's name in the block cache. */
static void inherit_id(struct meta_version *to, const struct meta_version *from)
{
	if (has_id(from))
		memcpy(to->id, from->id, sizeof(to->id));
	else
		reader_content_id(to);
}

static void set_source(struct store_request *r, const struct meta_version *ver,
		       const char *source)
{
	r->source_key = source;
	if (ver->version_id[0])
		r->source_version = ver->version_id;
	else if (ver->etag[0])
		r->source_if_match = ver->etag;
}

int upload_copy(struct uploader *u, const struct meta_inode *in,
		const char *path, struct upload_result *ret)
{
	struct vfs *v = u->v;
	char key[META_KEY_MAX + 1], source[META_KEY_MAX + 1];
	struct store_request r;
	struct dress d;
	int rc = dress_make(v, in, path, false, &d);

	store_request_init(&r, STORE_COPY);
	if (!rc)
		rc = vfs_object_key(v, path, key);
	if (!rc)
		rc = vfs_object_key(v, in->base.key, source);
	if (rc)
		goto out;
	r.key = key;
	set_source(&r, &in->base, source);
	if (in->flags & META_I_ATTR_DIRTY) {
		r.replace_meta = true;
		r.meta = &d.meta;
		r.headers = &d.headers;
	}
	rc = store_call(v->store, &r);
	if (!rc)
		rc = take_reply(v, &r.reply.object, path, key,
				in->base.size_bytes, &ret->version);
	if (!rc) {
		inherit_id(&ret->version, &in->base);
		rc = dress_to_head(&d, &ret->head);
	}
out:
	store_request_release(&r);
	dress_release(&d);
	return rc;
}

/* One multipart upload under way. */
struct multi {
	struct uploader *u;
	const struct meta_inode *in;
	const char *key; /* in the bucket */
	const char *source; /* of the base, in the bucket */
	char *upload_id; /* owned */
	struct plan plan;
	struct store_part *parts; /* owned, their ETags too */
};

static int collect_extents(struct vfs *v, uint64_t ino,
			   struct plan_extent **ret, size_t *ret_count)
{
	struct plan_extent *list = NULL, *p;
	uint64_t at = 0, offset, length;
	size_t count = 0, size = 0;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	while (!(rc = meta_extent_next(v->meta, ino, at, &offset, &length))) {
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
			  const struct plan_part *p)
{
	uint64_t offset = 0, length = 0;
	int rc = meta_lock(v->meta);

	if (rc)
		return false;
	rc = meta_extent_next(v->meta, ino, p->offset, &offset, &length);
	meta_unlock(v->meta);
	return !rc && offset <= p->offset &&
	       offset + length >= p->offset + p->length;
}

static int send_part(struct multi *m, const struct plan_part *p,
		     struct store_request *r)
{
	struct vfs *v = m->u->v;
	char *buf = NULL;
	struct node *n;
	size_t got = 0;
	int fd = -1, rc;

	r->body.length = p->length;
	if (wholly_staged(v, m->in->ino, p) &&
	    !staging_dup(v->staging, m->in->ino, &fd)) {
		r->body.fd = fd;
		r->body.offset = p->offset;
		rc = store_call(v->store, r);
		close(fd);
		return rc;
	}
	buf = buffer_get(m->u, p->length);
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
	buffer_put(m->u, buf, p->length);
	return rc;
}

static int do_part(void *ctx, unsigned i)
{
	struct multi *m = ctx;
	const struct plan_part *p = &m->plan.parts[i];
	bool copy = p->kind == PLAN_COPY;
	struct store_request r;
	int rc = check_unchanged(m->u->v, m->in);

	store_request_init(&r, copy ? STORE_COPY_PART : STORE_UPLOAD_PART);
	if (rc)
		goto out;
	r.key = m->key;
	r.upload_id = m->upload_id;
	r.part_number = p->number;
	if (copy) {
		r.range_offset = p->offset;
		r.range_length = p->length;
		set_source(&r, &m->in->base, m->source);
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

static int complete_upload(struct multi *m, const char *path,
			   struct meta_version *ver)
{
	struct vfs *v = m->u->v;
	struct store_request r;
	int rc = check_unchanged(v, m->in);

	if (rc)
		return rc;
	store_request_init(&r, STORE_COMPLETE_UPLOAD);
	r.key = m->key;
	r.upload_id = m->upload_id;
	r.parts = m->parts;
	r.part_count = m->plan.count;
	rc = store_call(v->store, &r);
	if (!rc)
		rc = take_reply(v, &r.reply.object, path, m->key,
				m->in->size_bytes, ver);
	store_request_release(&r);
	if (!rc)
		note_upload(v, m->upload_id, NULL);
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

int upload_parts(struct uploader *u, const struct meta_inode *in,
		 const char *path, struct upload_result *ret)
{
	struct vfs *v = u->v;
	char key[META_KEY_MAX + 1], source[META_KEY_MAX + 1];
	struct multi m = {.u = u, .in = in, .key = key, .source = source};
	struct dress d;
	int rc = dress_make(v, in, path, true, &d);

	if (!rc)
		rc = vfs_object_key(v, path, key);
	if (!rc)
		rc = vfs_object_key(v, in->base.key, source);
	if (!rc)
		rc = make_plan(v, in, path, &m.plan);
	if (!rc && m.plan.single) {
		rc = upload_put(u, in, path, ret);
		goto out;
	}
	if (rc)
		goto out;
	m.parts = calloc(m.plan.count, sizeof(*m.parts));
	rc = m.parts ? begin_upload(&m, &d) : -ENOMEM;
	if (!rc)
		rc = pool_each(u->parts, PART_THREADS, m.plan.count, do_part,
			       &m);
	if (!rc)
		rc = complete_upload(&m, path, &ret->version);
	if (rc && m.upload_id)
		abort_upload(v, key, m.upload_id);
	if (!rc) {
		reader_content_id(&ret->version);
		ret->sent_bytes = m.plan.data_bytes;
		rc = dress_to_head(&d, &ret->head);
	}
out:
	multi_release(&m);
	dress_release(&d);
	return rc;
}
