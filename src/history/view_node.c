/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes what a node stands for into its number, and packs and reads its
 * record; also asks the server for a version's attributes.
 */
#include "view_node.h"

#include <errno.h>
#include <linux/xattr.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/evp.h>

#include "vers3/core/mount.h"
#include "vers3/core/refusal.h"
#include "vers3/core/version.h"
#include "vers3/object/acl.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/objattr.h"
#include "vers3/object/overflow.h"
#include "vers3/util/clock.h"
#include "view_bound.h"

static uint64_t hash(const char *text, size_t text_len)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_Digest(text, text_len, md, &len, EVP_sha256(), NULL);
	return MOUNT_VIEW_BIT | (meta_from_be64(md) & (MOUNT_VIEW_BIT - 1));
}

uint64_t view_node_root_number(uint64_t dir, const char *spelling,
			       int64_t at_ns)
{
	char text[META_NAME_MAX + 48];
	int len = snprintf(text, sizeof(text), "i%" PRIx64 ",%" PRId64 ",%s",
			   dir, at_ns, spelling);

	return hash(text, (size_t)len < sizeof(text) ? (size_t)len
						     : sizeof(text) - 1);
}

uint64_t view_node_number(const struct view_node *n)
{
	char text[META_KEY_MAX + META_VERSION_MAX + 16];
	int text_len;

	if (n->kind == VIEW_NAME && !n->path[0])
		return MOUNT_VERSIONS_INO;
	if (n->kind == VIEW_PAST_DIR) {
		if (strlen(n->path) == n->root_len)
			return n->root;
		text_len = snprintf(text, sizeof(text), "%c%s%c%" PRIx64,
				    n->kind, n->path, 0, n->root);
		return hash(text, (size_t)text_len);
	}
	text_len = snprintf(text, sizeof(text), "%c%s%c%s", n->kind, n->path, 0,
			    n->kind == VIEW_NAME ? "" : n->version.version_id);
	if (n->root_len)
		text_len += snprintf(text + text_len, 8, "%u", n->root_len);
	return hash(text, (size_t)text_len);
}

/*
 * The record: fixed part, then path, version id, ETag and where it came from
 * with their NULs. Older ones end before the last: it is asked for again.
 */
#define IS_KNOWN 1
#define IS_DIR	 2
struct packed {
	uint8_t kind, known;
	uint16_t root_len;
	uint32_t mode, uid, gid, lacks;
	uint64_t rdev, size_bytes, root;
	int64_t mtime_ns, last_modified_ns, at_ns;
};

static int put_record(struct view *view, uint64_t ino,
		      const struct view_node *n)
{
	struct packed p;
	struct buf b;
	unsigned char key[8];
	int rc;

	memset(&p, 0, sizeof(p));
	p.kind = n->kind;
	p.known = (n->known ? IS_KNOWN : 0) | (n->dir ? IS_DIR : 0);
	p.root_len = n->root_len;
	p.mode = n->mode;
	p.uid = n->uid;
	p.gid = n->gid;
	p.lacks = n->lacks;
	p.rdev = n->rdev;
	p.root = n->root;
	p.at_ns = n->at_ns;
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
	if (!rc)
		rc = buf_add(&b, n->renamed, strlen(n->renamed) + 1);
	meta_be64(key, ino);
	if (!rc)
		rc = meta_put(view->meta, META_VIEW, key, sizeof(key), b.data,
			      b.len);
	buf_release(&b);
	return rc;
}

/* The key that the version is of; a directory's own object ends in '/'. */
static void set_key(struct view_node *n)
{
	size_t len = strlen(n->path);

	memcpy(n->version.key, n->path, len + 1);
	if (n->kind == VIEW_PAST_DIR && len < META_KEY_MAX)
		strcpy(n->version.key + len, "/");
}

static int unpack(const struct meta *m, const struct meta_val *val,
		  struct view_node *n)
{
	const char *at = val->data, *end = at + val->size;
	const char *path, *vid, *etag, *renamed;
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
	renamed = etag + strlen(etag) + 1;
	memset(n, 0, sizeof(*n));
	n->kind = p.kind;
	n->known = (p.known & IS_KNOWN) && renamed < end;
	n->dir = p.known & IS_DIR;
	if (n->known && strlen(renamed) <= RENAMED_MAX)
		strcpy(n->renamed, renamed);
	n->root_len = p.root_len;
	n->mode = p.mode;
	n->uid = p.uid;
	n->gid = p.gid;
	n->lacks = p.lacks;
	meta_fill_in(m, n->lacks, &n->mode, &n->uid, &n->gid);
	n->rdev = p.rdev;
	n->root = p.root;
	n->at_ns = p.at_ns;
	n->mtime_ns = p.mtime_ns;
	strcpy(n->path, path);
	set_key(n);
	strcpy(n->version.version_id, vid);
	strcpy(n->version.etag, etag);
	n->version.size_bytes = p.size_bytes;
	n->version.last_modified_ns = p.last_modified_ns;
	version_set_content_id(&n->version);
	return 0;
}

int view_node_read(struct view *view, uint64_t ino, struct view_node *n)
{
	unsigned char key[8];
	struct meta_val val;
	int rc;

	memset(n, 0, sizeof(*n));
	if (ino == MOUNT_VERSIONS_INO) {
		n->kind = VIEW_NAME;
		return 0;
	}
	if (ino == MOUNT_AT_INO) {
		n->kind = VIEW_PAST_DIR;
		n->root = ino;
		n->at_ns = view->mount->at_ns;
		return 0;
	}
	rc = meta_lock(view->meta);
	if (rc)
		return rc;
	meta_be64(key, ino);
	rc = meta_get(view->meta, META_VIEW, key, sizeof(key), &val);
	if (!rc)
		rc = unpack(view->meta, &val, n);
	meta_unlock(view->meta);
	return rc == -ENOENT ? -ESTALE : rc;
}

int view_node_put(struct view *view, uint64_t ino, const struct view_node *n)
{
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	rc = put_record(view, ino, n);
	if (!rc)
		rc = view_bound_keep(view, view->bound);
	meta_unlock(view->meta);
	return rc;
}

/*
 * Whether a record is of what the node is based on: an id of its own says so,
 * while "null" may come to be of equal content with other attributes.
 */
static bool is_of_same(const struct view_node *old, const struct view_node *n)
{
	const struct meta_version *a = &old->version, *b = &n->version;

	return !strcmp(a->version_id, b->version_id) &&
	       !strcmp(a->etag, b->etag) &&
	       (meta_is_version_id(a->version_id) ||
		a->last_modified_ns == b->last_modified_ns);
}

/* Files a node unless it is filed; what it is based on never changes. */
int view_node_file(struct view *view, struct view_node *n, uint64_t *ret_ino)
{
	struct view_node old;
	uint64_t ino = view_node_number(n);
	bool dir = n->dir, bare = n->bare;
	int rc;

	*ret_ino = ino;
	if (!(ino & MOUNT_VIEW_BIT))
		return 0;
	view_bound_seen(view->bound, ino);
	rc = view_node_read(view, ino, &old);
	if (rc && rc != -ESTALE)
		return rc;
	if (!rc && (n->kind == VIEW_NAME || is_of_same(&old, n))) {
		*n = old;
		n->bare = bare;
		/* A name may come to have something below it. */
		if (dir == old.dir)
			return 0;
		n->dir = dir;
	}
	return view_node_put(view, ino, n);
}

static void take_version(struct view_node *n, const struct history_entry *e)
{
	set_key(n);
	strcpy(n->version.version_id, e->version_id);
	strcpy(n->version.etag, e->etag);
	n->version.size_bytes = e->size_bytes;
	n->version.last_modified_ns =
		e->last_modified_ns - e->last_modified_ns % NS_PER_S;
	version_set_content_id(&n->version);
}

void view_node_of_entry(const char *path, const struct history_entry *e,
			struct view_node *n)
{
	memset(n, 0, sizeof(*n));
	n->kind = e->marker ? VIEW_MARKER : VIEW_VERSION;
	strcpy(n->path, path);
	take_version(n, e);
}

void view_node_of_snapshot(const struct view_node *dir, const char *path,
			   const struct past_entry *e, struct view_node *n)
{
	memset(n, 0, sizeof(*n));
	n->kind = e->dir ? VIEW_PAST_DIR : VIEW_PAST_FILE;
	strcpy(n->path, path);
	if (e->dir) {
		n->root_len = dir->root_len;
		n->at_ns = dir->at_ns;
		n->root = dir->root;
		n->bare = e->bare;
	}
	take_version(n, &e->version);
}

/* Asks for one version's metadata; the caller releases r. */
int view_node_head(struct view *view, const struct view_node *n,
		   struct store_request *r)
{
	char key[META_KEY_MAX + 1];
	int rc = mount_key(view->mount, n->version.key, key);

	store_request_init(r, STORE_HEAD);
	if (rc)
		return rc;
	r->key = key;
	r->version_id = n->version.version_id[0] ? n->version.version_id : NULL;
	r->pinned = true;
	rc = deferred_head(view->mount->store, r);
	r->key = NULL;
	return rc;
}

static void take_renamed(struct view_node *n, const struct kvlist *meta)
{
	const char *text = kvlist_get(meta, RENAMED_META);

	if (text && strlen(text) <= RENAMED_MAX)
		strcpy(n->renamed, text);
}

/* A list that is elsewhere (overflow.h) refuses all but the owner here. */
static uint32_t strict_mode(const struct kvlist *meta,
			    const struct objattr_xattrs *x, uint32_t mode)
{
	const char *ref = kvlist_get(meta, OVERFLOW_META);
	const struct objattr_xattr *list =
		objattr_xattrs_find(x, XATTR_NAME_POSIX_ACL_ACCESS);

	if (ref && overflow_has_rights(ref))
		mode &= ~077u;
	return list ? acl_strict_mode(list->value, list->size, mode) : mode;
}

/*
 * What must not be read (refused.h) is there all the same: with the list's size
 * and time, and no permission; asked again, as that may change.
 */
static void take_refusal(const struct view *view, struct view_node *n)
{
	const struct meta_defaults *def = &view->mount->config.defaults;
	bool dir = view_node_is_dir(n) || view_path_is_own(n->path);

	n->known = false;
	n->mode = dir ? S_IFDIR | 0700 : S_IFREG;
	n->uid = def->uid;
	n->gid = def->gid;
	n->lacks = META_I_LACKS_UID | META_I_LACKS_GID;
	n->rdev = 0;
	n->mtime_ns = n->version.last_modified_ns;
}

int view_node_ask_version(struct view *view, struct view_node *n)
{
	struct objattr_xattrs x = {0};
	struct store_request r;
	struct objattr a = {.mode = 0};
	uint32_t named = 0;
	int rc = view_node_head(view, n, &r);

	if (!rc)
		rc = objattr_parse(n->version.key, &r.reply.object.meta,
				   &r.reply.object.headers,
				   r.reply.object.last_modified_ns,
				   &view->mount->config.defaults, &a, &x);
	/* Its key says that it is a file, as in the live tree. */
	if (!rc && S_ISDIR(a.mode) && !view_path_is_own(n->version.key))
		a.mode = S_IFREG | view->mount->config.defaults.file_mode;
	named = a.mode;
	if (!rc)
		a.mode = strict_mode(&r.reply.object.meta, &x, a.mode);
	objattr_xattrs_release(&x);
	if (!rc)
		take_renamed(n, &r.reply.object.meta);
	store_request_release(&r);
	if (refusal_is(rc)) {
		take_refusal(view, n);
		return 0;
	}
	if (rc)
		return rc;
	/* A list that makes a default stricter: asked for anew each time. */
	n->known = a.mode == named || !(a.lacks & META_I_LACKS_MODE);
	n->mode = a.mode;
	n->uid = a.uid;
	n->gid = a.gid;
	n->lacks = a.lacks;
	n->rdev = a.rdev;
	n->mtime_ns = a.mtime_ns;
	return 0;
}
