/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inode numbers: a hash of what a node stands for, with VFS_VIEW_BIT, so the
 * same name and version have the same number on every mount, and never one
 * of the live tree's. META_VIEW tells what a number stands for:
 *
 *	number → kind NUL path NUL version-id NUL etag NUL numbers attributes
 *
 * A name is one directory, whether it was a file, a directory or both in its
 * life: it holds the file's versions and whatever stood below it. Seen from
 * DIR/.versions it is another directory than from the root's .versions, as
 * the kernel lets a directory stand in one place only.
 */
#include "vers3/vfs/view.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "vers3/net/uri.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/history.h"
#include "vers3/vfs/objattr.h"
#include "vers3/vfs/reader.h"
#include "vers3/vfs/s3xattr.h"

#define TIME_LEN    20 /* of 2026-11-21T23-50-08Z */
#define MARKER_END  ".deleted"
#define VERSION_TTL (3600 * NS_PER_S) /* a version never changes */
#define OFF_DOT	    1
#define OFF_DOTDOT  2
#define OFF_FIRST   3
#define NAME_SIZE   (TIME_LEN + 1 + 3 * META_VERSION_MAX + 16)

enum view_kind {
	VIEW_NAME = 'd',
	VIEW_VERSION = 'v',
	VIEW_MARKER = 'm',
};

struct view {
	struct history *history; /* owned */
	int64_t born_ns;
};

/* What a number stands for; with META_I_ATTRS-like `known` its attributes. */
struct view_node {
	enum view_kind kind;
	char path[META_KEY_MAX + 1];
	uint16_t root_len; /* NAME: of DIR in path, when seen below it */
	struct meta_version version; /* VERSION, MARKER */
	bool known; /* the attributes below were asked for */
	uint32_t mode, uid, gid;
	uint64_t rdev;
	int64_t mtime_ns;
};

int view_new(struct vfs *v, struct view **ret_view)
{
	struct view *w = calloc(1, sizeof(*w));
	int rc;

	(void)v;
	if (!w)
		return -ENOMEM;
	w->born_ns = clock_real_ns();
	rc = history_new(&w->history);
	if (rc) {
		free(w);
		return rc;
	}
	*ret_view = w;
	return 0;
}

void view_free(struct view *w)
{
	if (!w)
		return;
	history_free(w->history);
	free(w);
}

static uint64_t number_of(const struct view_node *n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char text[META_KEY_MAX + META_VERSION_MAX + 16];
	unsigned len = 0;
	int text_len;

	if (n->kind == VIEW_NAME && !n->path[0])
		return VFS_VERSIONS_INO;
	text_len = snprintf(text, sizeof(text), "%c%s%c%s", n->kind, n->path, 0,
			    n->version.version_id);
	if (n->root_len)
		text_len += snprintf(text + text_len, 8, "%u", n->root_len);
	EVP_Digest(text, (size_t)text_len, md, &len, EVP_sha256(), NULL);
	return VFS_VIEW_BIT | (meta_from_be64(md) & (VFS_VIEW_BIT - 1));
}

/* The record: fixed part, then path, version id and ETag with their NULs. */
struct packed {
	uint8_t kind, known;
	uint16_t root_len;
	uint32_t mode, uid, gid;
	uint64_t rdev, size_bytes;
	int64_t mtime_ns, last_modified_ns;
};

static int node_put_record(struct vfs *v, uint64_t ino,
			   const struct view_node *n)
{
	struct packed p;
	struct buf b;
	unsigned char key[8];
	int rc;

	memset(&p, 0, sizeof(p));
	p.kind = n->kind;
	p.known = n->known;
	p.root_len = n->root_len;
	p.mode = n->mode;
	p.uid = n->uid;
	p.gid = n->gid;
	p.rdev = n->rdev;
	p.mtime_ns = n->mtime_ns;
	p.size_bytes = n->version.size_bytes;
	p.last_modified_ns = n->version.last_modified_ns;
	buf_init(&b, 4096);
	rc = buf_add(&b, &p, sizeof(p));
	if (!rc)
		rc = buf_add(&b, n->path, strlen(n->path) + 1);
	if (!rc)
		rc = buf_add(&b, n->version.version_id,
			     strlen(n->version.version_id) + 1);
	if (!rc)
		rc = buf_add(&b, n->version.etag, strlen(n->version.etag) + 1);
	meta_be64(key, ino);
	if (!rc)
		rc = meta_put(v->meta, META_VIEW, key, sizeof(key), b.data,
			      b.len);
	buf_release(&b);
	return rc;
}

static int unpack(const struct meta_val *val, struct view_node *n)
{
	const char *at = val->data, *end = at + val->size;
	const char *path, *vid, *etag;
	struct packed p;

	if (val->size < sizeof(p) + 3 || end[-1])
		return -EIO;
	memcpy(&p, at, sizeof(p));
	path = at + sizeof(p);
	vid = path + strlen(path) + 1;
	if (vid >= end)
		return -EIO;
	etag = vid + strlen(vid) + 1;
	if (etag >= end || strlen(path) > META_KEY_MAX ||
	    strlen(vid) > META_VERSION_MAX || strlen(etag) > META_ETAG_MAX)
		return -EIO;
	memset(n, 0, sizeof(*n));
	n->kind = p.kind;
	n->known = p.known;
	n->root_len = p.root_len;
	n->mode = p.mode;
	n->uid = p.uid;
	n->gid = p.gid;
	n->rdev = p.rdev;
	n->mtime_ns = p.mtime_ns;
	strcpy(n->path, path);
	strcpy(n->version.key, path);
	strcpy(n->version.version_id, vid);
	strcpy(n->version.etag, etag);
	n->version.size_bytes = p.size_bytes;
	n->version.last_modified_ns = p.last_modified_ns;
	reader_content_id(&n->version);
	return 0;
}

static int node_read(struct vfs *v, uint64_t ino, struct view_node *n)
{
	unsigned char key[8];
	struct meta_val val;
	int rc;

	if (ino == VFS_VERSIONS_INO) {
		memset(n, 0, sizeof(*n));
		n->kind = VIEW_NAME;
		return 0;
	}
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	meta_be64(key, ino);
	rc = meta_get(v->meta, META_VIEW, key, sizeof(key), &val);
	if (!rc)
		rc = unpack(&val, n);
	meta_unlock(v->meta);
	return rc;
}

/* Files a node unless it is filed; what it is based on never changes. */
static int node_file(struct vfs *v, struct view_node *n, uint64_t *ret_ino)
{
	struct view_node old;
	uint64_t ino = number_of(n);
	int rc;

	*ret_ino = ino;
	if (ino == VFS_VERSIONS_INO)
		return 0;
	rc = node_read(v, ino, &old);
	if (!rc && (old.kind == VIEW_NAME ||
		    !strcmp(old.version.etag, n->version.etag))) {
		*n = old;
		return 0;
	}
	if (rc && rc != -ENOENT)
		return rc;
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = node_put_record(v, ino, n);
	meta_unlock(v->meta);
	return rc;
}

static void node_of_entry(const char *path, const struct history_entry *e,
			  struct view_node *n)
{
	memset(n, 0, sizeof(*n));
	n->kind = e->marker ? VIEW_MARKER : VIEW_VERSION;
	strcpy(n->path, path);
	strcpy(n->version.key, path);
	strcpy(n->version.version_id, e->version_id);
	strcpy(n->version.etag, e->etag);
	n->version.size_bytes = e->size_bytes;
	n->version.last_modified_ns =
		e->last_modified_ns - e->last_modified_ns % NS_PER_S;
	reader_content_id(&n->version);
}

/* "TIME~VERSIONID", a marker with ".deleted"; the id percent-encoded. */
static int entry_name(const struct history_entry *e, char *name, size_t size)
{
	char when[TIME_LEN + 1];
	struct buf id;
	int n, rc;

	buf_init(&id, 4 * META_VERSION_MAX);
	rc = uri_encode(&id, e->version_id, strlen(e->version_id), false);
	clock_format_name(e->last_modified_ns, when, sizeof(when));
	n = snprintf(name, size, "%s~%s%s", when, id.data,
		     e->marker ? MARKER_END : "");
	buf_release(&id);
	if (!rc && (n < 0 || (size_t)n >= size))
		rc = -ENAMETOOLONG;
	return rc;
}

/* Asks for one version's metadata; the caller releases r. */
static int ask_head(struct vfs *v, const struct view_node *n,
		    struct store_request *r)
{
	char key[META_KEY_MAX + 1];
	int rc = vfs_object_key(v, n->path, key);

	store_request_init(r, STORE_HEAD);
	if (rc)
		return rc;
	r->key = key;
	r->version_id = n->version.version_id[0] ? n->version.version_id : NULL;
	rc = store_call(v->store, r);
	r->key = NULL;
	return rc;
}

/* Makes a version's attributes known: one HEAD a version, ever. */
static int node_attrs(struct vfs *v, uint64_t ino, struct view_node *n)
{
	struct store_request r;
	struct objattr a;
	int rc;

	if (n->kind != VIEW_VERSION || n->known)
		return 0;
	rc = ask_head(v, n, &r);
	if (!rc)
		rc = objattr_parse(n->path, &r.reply.object.meta,
				   &r.reply.object.headers,
				   r.reply.object.last_modified_ns,
				   &v->config.defaults, &a, NULL);
	store_request_release(&r);
	if (rc)
		return rc;
	n->known = true;
	n->mode = a.mode;
	n->uid = a.uid;
	n->gid = a.gid;
	n->rdev = a.rdev;
	n->mtime_ns = a.mtime_ns;
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = node_put_record(v, ino, n);
	meta_unlock(v->meta);
	return rc;
}

static void node_stat(struct vfs *v, uint64_t ino, const struct view_node *n,
		      struct stat *st)
{
	const struct objattr_defaults *def = &v->config.defaults;
	struct meta_inode in;

	memset(&in, 0, sizeof(in));
	in.ino = ino;
	in.nlink = 1;
	in.uid = def->uid;
	in.gid = def->gid;
	in.mtime_ns = in.ctime_ns = n->version.last_modified_ns;
	if (n->kind == VIEW_NAME) {
		in.mode = S_IFDIR | 0555;
		in.nlink = 2;
		in.mtime_ns = in.ctime_ns = v->view->born_ns;
	} else if (n->kind == VIEW_MARKER) {
		in.mode = S_IFREG | 0444;
	} else {
		in.mode = n->mode & ~(uint32_t)0222;
		in.uid = n->uid;
		in.gid = n->gid;
		in.rdev = n->rdev;
		in.mtime_ns = n->mtime_ns;
		in.size_bytes = n->version.size_bytes;
	}
	in.atime_ns = in.mtime_ns;
	vfs_stat_of(&in, st);
}

static int fill_entry(struct vfs *v, struct view_node *n, struct vfs_entry *ret)
{
	int rc = node_file(v, n, &ret->ino);

	if (!rc)
		rc = node_attrs(v, ret->ino, n);
	if (rc)
		return rc;
	node_stat(v, ret->ino, n, &ret->st);
	ret->ttl_ns = n->kind == VIEW_NAME ? v->config.ttl_ns : VERSION_TTL;
	return 0;
}

/* Whether a name begins as a version's does, with a time or part of one. */
static bool looks_like_version(const char *name)
{
	static const char shape[] = "dddd-dd-ddTdd-dd-ddZ~";
	size_t i;

	for (i = 0; name[i] && shape[i]; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)name[i])
				    : name[i] != shape[i])
			return false;
	return i >= 10;
}

/* The one version of path whose name is, or uniquely begins with, name. */
static int find_version(struct vfs *v, const char *path, const char *name,
			struct history_entry *ret)
{
	struct history_entry e = {.order = 0};
	char full[NAME_SIZE];
	unsigned found = 0;
	int rc;

	while (!(rc = history_next(v, path, e.order, &e))) {
		rc = entry_name(&e, full, sizeof(full));
		if (rc)
			return rc;
		if (strncmp(full, name, strlen(name)))
			continue;
		*ret = e;
		if (!strcmp(full, name))
			return 0;
		found++;
	}
	if (rc != -ENOENT)
		return rc;
	return found == 1 ? 0 : -ENOENT;
}

static int child_path(const char *dir, const char *name, char *path)
{
	int n = snprintf(path, META_KEY_MAX + 1, "%s%s%s", dir, *dir ? "/" : "",
			 name);

	return n > META_KEY_MAX ? -ENOENT : 0;
}

int view_lookup(struct vfs *v, uint64_t parent, const char *name,
		struct vfs_entry *ret)
{
	struct view_node dir, n;
	struct history_entry e;
	bool any = false, below = false;
	int rc = node_read(v, parent, &dir);

	if (rc)
		return rc;
	if (dir.kind != VIEW_NAME)
		return -ENOTDIR;
	if (dir.path[0] && looks_like_version(name)) {
		rc = history_load_name(v, v->view->history, dir.path, &any,
				       &below);
		if (!rc)
			rc = find_version(v, dir.path, name, &e);
		if (!rc) {
			node_of_entry(dir.path, &e, &n);
			return fill_entry(v, &n, ret);
		}
		if (rc != -ENOENT)
			return rc;
	}
	memset(&n, 0, sizeof(n));
	n.kind = VIEW_NAME;
	n.root_len = dir.root_len;
	rc = child_path(dir.path, name, n.path);
	if (!rc)
		rc = history_load_name(v, v->view->history, n.path, &any,
				       &below);
	if (!rc && !any && !below)
		rc = -ENOENT;
	return rc ? rc : fill_entry(v, &n, ret);
}

int view_of_dir(struct vfs *v, const char *path, struct vfs_entry *ret)
{
	struct view_node n;

	memset(&n, 0, sizeof(n));
	n.kind = VIEW_NAME;
	strcpy(n.path, path);
	n.root_len = (uint16_t)strlen(path);
	return fill_entry(v, &n, ret);
}

int view_getattr(struct vfs *v, uint64_t ino, struct stat *ret_st)
{
	struct view_node n;
	int rc = node_read(v, ino, &n);

	if (!rc)
		rc = node_attrs(v, ino, &n);
	if (!rc)
		node_stat(v, ino, &n, ret_st);
	return rc;
}

int view_readlink(struct vfs *v, uint64_t ino, struct buf *target)
{
	char text[PATH_MAX];
	struct view_node n;
	int rc = node_read(v, ino, &n);

	if (!rc)
		rc = node_attrs(v, ino, &n);
	if (rc)
		return rc;
	if (n.kind != VIEW_VERSION || !S_ISLNK(n.mode) ||
	    n.version.size_bytes >= sizeof(text))
		return -EINVAL;
	rc = reader_read_sync(v->reader, &n.version, 0, text,
			      n.version.size_bytes);
	return rc ? rc : buf_add(target, text, n.version.size_bytes);
}

int view_version(struct vfs *v, uint64_t ino, struct meta_version *ret)
{
	struct view_node n;
	int rc = node_read(v, ino, &n);

	if (rc)
		return rc;
	if (n.kind == VIEW_NAME)
		return -EISDIR;
	*ret = n.version;
	if (n.kind == VIEW_MARKER) {
		memset(ret, 0, sizeof(*ret));
		return 0;
	}
	return 0;
}

/* Where a reader stands: after the entry with this offset. */
struct view_dir {
	uint64_t ino;
	char path[META_KEY_MAX + 1];
	uint16_t root_len;
	uint64_t offset; /* of the last entry given */
	uint64_t order; /* of the last version given */
	bool children; /* versions are done */
	char name[META_NAME_MAX + 1]; /* the last child given */
};

int view_opendir(struct vfs *v, uint64_t ino, struct view_dir **ret_dir)
{
	struct view_dir *d;
	struct view_node n;
	bool any = false, below = true;
	int rc = node_read(v, ino, &n);

	if (rc)
		return rc;
	if (n.kind != VIEW_NAME)
		return -ENOTDIR;
	if (n.path[0])
		rc = history_load_name(v, v->view->history, n.path, &any,
				       &below);
	if (!rc && below)
		rc = history_load_dir(v, v->view->history, n.path);
	if (rc)
		return rc;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->ino = ino;
	d->offset = OFF_DOTDOT;
	strcpy(d->path, n.path);
	d->root_len = n.root_len;
	*ret_dir = d;
	return 0;
}

void view_closedir(struct view_dir *d)
{
	free(d);
}

/* The entry after where d stands, without moving it. */
static int peek(struct vfs *v, const struct view_dir *d, struct view_dir *next,
		char *name, struct view_node *n)
{
	struct history_entry e;
	int rc = -ENOENT;

	*next = *d;
	next->offset++;
	if (!d->children && d->path[0]) {
		rc = history_next(v, d->path, d->order, &e);
		if (!rc) {
			next->order = e.order;
			node_of_entry(d->path, &e, n);
			return entry_name(&e, name, NAME_SIZE);
		}
	}
	if (rc != -ENOENT)
		return rc;
	next->children = true;
	rc = history_next_name(v, d->path, d->name, next->name);
	if (rc)
		return rc;
	strcpy(name, next->name);
	memset(n, 0, sizeof(*n));
	n->kind = VIEW_NAME;
	n->root_len = d->root_len;
	return child_path(d->path, name, n->path);
}

static int emit_dots(struct view_dir *d, uint64_t offset, vfs_dirent_fn fn,
		     void *ctx)
{
	const struct vfs_dirent dots[] = {
		{".", d->ino, S_IFDIR, OFF_DOT, NULL},
		{"..", d->ino, S_IFDIR, OFF_DOTDOT, NULL},
	};

	for (int i = 0; i < 2; i++)
		if (offset < dots[i].offset && fn(ctx, &dots[i]))
			return 1;
	return 0;
}

static void rewind_to_start(struct view_dir *d)
{
	d->offset = OFF_DOTDOT;
	d->order = 0;
	d->children = false;
	d->name[0] = '\0';
}

int view_readdir(struct vfs *v, struct view_dir *d, uint64_t offset, bool plus,
		 vfs_dirent_fn fn, void *ctx)
{
	char name[NAME_SIZE > META_NAME_MAX + 1 ? NAME_SIZE
						: META_NAME_MAX + 1];
	struct view_dir next;
	struct view_node n;
	int rc;

	(void)plus; /* attributes cost a HEAD each: only where looked up */
	if (emit_dots(d, offset, fn, ctx))
		return 0;
	if (offset < d->offset)
		rewind_to_start(d);
	while (!(rc = peek(v, d, &next, name, &n))) {
		struct vfs_dirent de = {.name = name,
					.offset = next.offset,
					.mode = n.kind == VIEW_NAME ? S_IFDIR
								    : 0};

		if (next.offset > offset) {
			de.ino = number_of(&n);
			if (fn(ctx, &de))
				return 0;
		}
		*d = next;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int head_list(const struct store_object *o, struct kvlist *ret)
{
	kvlist_init(ret);
	return kvlist_copy(ret, &o->headers);
}

int view_getxattr(struct vfs *v, uint64_t ino, const char *name,
		  struct buf *value)
{
	struct objattr_xattrs x = {0};
	struct store_request r;
	struct view_node n;
	struct kvlist head;
	struct objattr a;
	int rc = node_read(v, ino, &n);

	if (rc)
		return rc;
	if (n.kind != VIEW_VERSION ||
	    (strncmp(name, "user.", 5) && !s3xattr_owns(name)))
		return -ENODATA;
	rc = ask_head(v, &n, &r);
	if (rc)
		goto out;
	if (s3xattr_owns(name)) {
		rc = head_list(&r.reply.object, &head);
		if (!rc)
			rc = s3xattr_get(name, &n.version, &head, value);
		kvlist_release(&head);
		goto out;
	}
	rc = objattr_parse(n.path, &r.reply.object.meta,
			   &r.reply.object.headers, 0, &v->config.defaults, &a,
			   &x);
	if (rc)
		goto out;
	rc = -ENODATA;
	for (size_t i = 0; i < x.count; i++)
		if (!strcmp(x.items[i].name, name))
			rc = buf_add(value, x.items[i].value, x.items[i].size);
	objattr_xattrs_release(&x);
out:
	store_request_release(&r);
	return rc;
}

int view_listxattr(struct vfs *v, uint64_t ino, struct buf *names)
{
	struct objattr_xattrs x = {0};
	struct store_request r;
	struct view_node n;
	struct objattr a;
	int rc = node_read(v, ino, &n);

	if (rc || n.kind != VIEW_VERSION)
		return rc;
	rc = ask_head(v, &n, &r);
	if (!rc)
		rc = objattr_parse(n.path, &r.reply.object.meta,
				   &r.reply.object.headers, 0,
				   &v->config.defaults, &a, &x);
	for (size_t i = 0; !rc && i < x.count; i++)
		rc = buf_add(names, x.items[i].name,
			     strlen(x.items[i].name) + 1);
	objattr_xattrs_release(&x);
	store_request_release(&r);
	return rc;
}
