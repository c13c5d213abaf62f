/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of files: asked for once a version, kept with the inode. */
#include <errno.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>

#include "census.h"
#include "dir_impl.h"
#include "dress.h"
#include "late.h"
#include "overflow.h"
#include "refused.h"
#include "sparse.h"
#include "states.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/link.h"
#include "vers3/vfs/mount.h"
#include "vers3/vfs/reader.h"
#include "vers3/vfs/version.h"

/* ref: where there are more, which are not asked for yet; or NULL. */
static int xattrs_take(struct vfs *v, uint64_t ino,
		       const struct objattr_xattrs *x, const char *ref)
{
	int rc = meta_xattr_clear(v->meta, ino);

	if (!rc && ref)
		rc = meta_xattr_set(v->meta, ino, OVERFLOW_XATTR, ref,
				    strlen(ref));
	for (size_t i = 0; !rc && i < x->count; i++)
		rc = meta_xattr_set(v->meta, ino, x->items[i].name,
				    x->items[i].value, x->items[i].size);
	return rc;
}

/*
 * Keeps an object's metadata and headers, so that a rewrite loses none, and
 * what they say of its holes, unless more is known of the same content.
 */
static int head_take(struct vfs *v, const struct meta_inode *in,
		     const struct store_object *o)
{
	struct holes holes, known;
	struct kvlist all;
	int rc;

	kvlist_init(&all);
	rc = dress_head_of(o, &all);
	if (!rc)
		rc = meta_head_put(v->meta, in->ino, &all);
	if (!rc)
		rc = sparse_of_base(v->meta, in, &known);
	sparse_parse(&o->meta, o->size_bytes, &holes);
	if (!rc && !known.count && S_ISREG(in->mode))
		rc = meta_holes_put(v->meta, in->ino, in->base.id, &holes);
	if (!rc)
		rc = census_note(v->meta, &all);
	if (!rc && census_is_pending(&all))
		states_want(v, in->ino, true);
	kvlist_release(&all);
	return rc;
}

static void take_version(struct meta_inode *in, const char *path,
			 const struct store_object *o)
{
	struct meta_version *b = &in->base;

	memset(b, 0, sizeof(*b));
	snprintf(b->key, sizeof(b->key), "%s", path);
	snprintf(b->version_id, sizeof(b->version_id), "%s",
		 o->version_id ? o->version_id : "");
	snprintf(b->etag, sizeof(b->etag), "%s", o->etag ? o->etag : "");
	b->size_bytes = o->size_bytes;
	b->last_modified_ns =
		o->last_modified_ns - o->last_modified_ns % NS_PER_S;
	/* A tag moves it in answers to HEAD (Ceph), and not in lists. */
	if (kvlist_get(&o->meta, LATE_MARK))
		b->last_modified_ns = 0;
	version_set_content_id(b);
}

int dir_take_object(struct vfs *v, struct meta_inode *in, const char *path,
		    const struct store_object *o, bool attrs)
{
	const char *ref = kvlist_get(&o->meta, OVERFLOW_META);
	struct objattr_xattrs x = {0};
	struct objattr a;
	int rc;

	if (ref && !overflow_is_ref(ref))
		ref = NULL;
	take_version(in, path, o);
	if (!attrs)
		return 0;
	rc = objattr_parse(path, &o->meta, &o->headers, o->last_modified_ns,
			   &v->config.defaults, &a, &x);
	if (rc)
		return rc;
	if (S_ISDIR(in->mode) == S_ISDIR(a.mode))
		in->mode = a.mode;
	in->uid = a.uid;
	in->gid = a.gid;
	in->rdev = a.rdev;
	in->mtime_ns = a.mtime_ns;
	in->ctime_ns = o->last_modified_ns;
	strcpy(in->link_id, a.link_id);
	in->flags &=
		~(uint32_t)(META_I_CAPABLE | META_I_LACKS | META_I_REFUSED);
	in->flags |= META_I_ATTRS | a.lacks;
	/* Perhaps, where they were not read (overflow_load()). */
	if (objattr_xattrs_find(&x, XATTR_NAME_CAPS) ||
	    (ref && overflow_has_rights(ref)))
		in->flags |= META_I_CAPABLE;
	if (!S_ISDIR(in->mode)) {
		in->size_bytes = o->size_bytes;
		in->base_bytes = o->size_bytes;
	}
	rc = xattrs_take(v, in->ino, &x, ref);
	if (!rc)
		rc = head_take(v, in, o);
	if (!rc)
		states_told(v, in);
	objattr_xattrs_release(&x);
	return rc;
}

/*
 * Takes the answer to a HEAD in, if the inode is what it was; refused: that was
 * said of this object. 1 when its name turned out to be one more of another
 * inode.
 */
static int apply_head(struct vfs *v, uint64_t ino, uint64_t change,
		      const char *path, int64_t asked_ns, int head_rc,
		      bool refused, const struct store_object *o)
{
	struct meta_inode in;
	bool joined = false;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, &in);
	joined = rc == -ENOENT; /* meanwhile, with others */
	if (rc || in.change != change || (in.flags & META_I_ATTRS)) {
		rc = joined ? 0 : rc;
		goto out;
	}
	if (!head_rc) {
		rc = dir_take_object(v, &in, path, o, true);
		if (S_ISDIR(in.mode))
			in.flags |= META_I_EXPLICIT;
		else
			in.listed_ns = asked_ns;
	} else if (head_rc == -ENOENT && S_ISDIR(in.mode)) {
		in.flags |= META_I_ATTRS; /* implicit: the defaults */
	} else if (refused) {
		rc = refused_take(v, &in, asked_ns);
	} else {
		rc = head_rc;
	}
	if (!rc)
		rc = meta_inode_put(v->meta, &in);
	if (!rc && in.link_id[0])
		rc = link_join(v, &in, &joined);
out:
	meta_unlock(v->meta);
	return rc ? rc : joined ? 1 : 0;
}

bool dir_attrs_do(struct vfs *v, const struct meta_inode *in, bool asked)
{
	return (in->flags & META_I_ATTRS) ||
	       (asked && (in->flags & META_I_REFUSED)) || refused_lately(v, in);
}

int dir_fetch_attrs(struct vfs *v, uint64_t ino)
{
	char path[META_KEY_MAX + 2], key[META_KEY_MAX + 2];
	struct store_request r;
	struct meta_inode in;
	struct meta_dentry de;
	int64_t began_ns, asked_ns;
	bool refused;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, &in);
	if (rc == -ENOENT) {
		meta_unlock(v->meta);
		return 1;
	}
	if (!rc && ((in.flags & META_I_ATTRS) || refused_lately(v, &in))) {
		meta_unlock(v->meta);
		return 0;
	}
	if (!rc && in.base.key[0]) {
		strcpy(path, in.base.key);
	} else if (!rc) {
		rc = meta_name_next(v->meta, ino, 0, "", &de);
		if (!rc)
			rc = meta_path(v->meta, de.parent, de.name, path);
		if (!rc && S_ISDIR(in.mode))
			strcat(path, "/");
	}
	meta_unlock(v->meta);
	if (!rc)
		rc = mount_key(v, path, key);
	if (rc)
		return rc;
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	r.version_id = in.base.version_id[0] ? in.base.version_id : NULL;
	began_ns = clock_mono_ns();
	/* One version's answer says nothing of what is the newest. */
	asked_ns = r.version_id ? 0 : clock_real_ns();
	rc = outage_note(v, began_ns, late_head(v->store, &r));
	refused = refused_is(rc) && refused_surely(v, key);
	rc = apply_head(v, ino, in.change, path, asked_ns, rc, refused,
			&r.reply.object);
	store_request_release(&r);
	return rc;
}

int dir_inode(struct vfs *v, uint64_t ino, struct meta_inode *ret_inode)
{
	for (int tries = 0;; tries++) {
		int rc = meta_lock(v->meta);

		if (rc)
			return rc;
		rc = meta_inode_get(v->meta, ino, ret_inode);
		meta_unlock(v->meta);
		if (rc)
			return rc == -ENOENT ? -ESTALE : rc;
		if (dir_attrs_do(v, ret_inode, tries > 0) ||
		    ino == META_ROOT_INO)
			return 0;
		if (tries == ASK_TRIES)
			return -EIO;
		rc = dir_fetch_attrs(v, ino);
		if (rc)
			return rc < 0 && rc != -ENOENT ? rc : -ESTALE;
	}
}

struct attr_batch {
	struct vfs *v;
	const uint64_t *inos;
};

static int fetch_one(void *ctx, unsigned i)
{
	struct attr_batch *b = ctx;

	return dir_fetch_attrs(b->v, b->inos[i]);
}

void dir_prefetch_attrs(struct vfs *v, const uint64_t *inos, unsigned count)
{
	struct attr_batch b = {v, inos};

	if (!outage_is_on(v))
		pool_each(v->dirs->pool, ATTR_WIDTH, count, fetch_one, &b);
}
