/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of files: asked for once a version, kept with the inode. Of a
 * small one whose content is about to be wanted, by a GET of all of it.
 */
#include <errno.h>
#include <limits.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>

#include "dir_impl.h"
#include "early_head.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/refusal.h"
#include "vers3/core/version.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/inode.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/objattr.h"
#include "vers3/object/object_meta.h"
#include "vers3/object/overflow.h"
#include "vers3/object/sparse.h"
#include "vers3/read/reader.h"
#include "vers3/read/whole_get.h"
#include "vers3/store/limit.h"
#include "vers3/store/store.h"
#include "vers3/tree/link.h"
#include "vers3/tree/refused.h"
#include "vers3/tree/replication_census.h"
#include "vers3/tree/states.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/map.h"
#include "vers3/util/pool.h"
#include "vers3/util/urgency.h"

#define WANTED_NS (10 * NS_PER_S)

/* ref: where there are more, which are not asked for yet; or NULL. */
static int xattrs_take(struct tree *tree, uint64_t ino,
		       const struct objattr_xattrs *x, const char *ref)
{
	int rc = meta_xattr_clear(tree->meta, ino);

	if (!rc && ref)
		rc = meta_xattr_set(tree->meta, ino, OVERFLOW_XATTR, ref,
				    strlen(ref));
	for (size_t i = 0; !rc && i < x->count; i++)
		rc = meta_xattr_set(tree->meta, ino, x->items[i].name,
				    x->items[i].value, x->items[i].size);
	return rc;
}

/*
 * Keeps an object's metadata and headers, so that a rewrite loses none, and
 * what they say of its holes, unless more is known of the same content.
 */
static int head_take(struct tree *tree, const struct meta_inode *inode,
		     const struct store_object *o)
{
	struct holes holes, known;
	struct kvlist all;
	int rc;

	kvlist_init(&all);
	rc = object_meta_head_of(o, &all);
	if (!rc)
		rc = meta_head_put(tree->meta, inode->ino, &all);
	if (!rc)
		rc = sparse_of_base(tree->meta, inode, &known);
	sparse_parse(&o->meta, o->size_bytes, &holes);
	if (!rc && !known.count && S_ISREG(inode->mode))
		rc = meta_holes_put(tree->meta, inode->ino, inode->base.id,
				    &holes);
	if (!rc)
		rc = replication_census_note(tree->meta, &all);
	if (!rc && replication_census_is_pending(&all))
		states_want(tree, inode->ino, STATES_PENDING);
	kvlist_release(&all);
	return rc;
}

static void take_version(struct meta_inode *inode, const char *path,
			 const struct store_object *o)
{
	struct meta_version *b = &inode->base;

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

int dir_take_object(struct tree *tree, struct meta_inode *inode,
		    const char *path, const struct store_object *o)
{
	const char *ref = kvlist_get(&o->meta, OVERFLOW_META);
	struct objattr_xattrs x = {0};
	struct objattr a;
	int rc;

	if (ref && !overflow_is_ref(ref))
		ref = NULL;
	take_version(inode, path, o);
	rc = objattr_parse(path, &o->meta, &o->headers, o->last_modified_ns,
			   &tree->mount->config.defaults, &a, &x);
	if (rc)
		return rc;
	if (S_ISDIR(inode->mode) == S_ISDIR(a.mode))
		inode->mode = a.mode;
	inode->uid = a.uid;
	inode->gid = a.gid;
	inode->rdev = a.rdev;
	inode->mtime_ns = a.mtime_ns;
	inode->ctime_ns = o->last_modified_ns;
	strcpy(inode->link_id, a.link_id);
	inode->flags &=
		~(uint32_t)(META_I_CAPABLE | META_I_LACKS | META_I_REFUSED);
	inode->flags |= META_I_ATTRS | a.lacks;
	/* Perhaps, where they were not read (overflow_load()). */
	if (objattr_xattrs_find(&x, XATTR_NAME_CAPS) ||
	    (ref && overflow_has_rights(ref)))
		inode->flags |= META_I_CAPABLE;
	if (!S_ISDIR(inode->mode)) {
		inode->size_bytes = o->size_bytes;
		inode->base_bytes = o->size_bytes;
	}
	rc = xattrs_take(tree, inode->ino, &x, ref);
	if (!rc)
		rc = head_take(tree, inode, o);
	if (!rc)
		states_told(tree, inode);
	objattr_xattrs_release(&x);
	return rc;
}

/*
 * Takes the answer to a HEAD in, if the inode is what it was; refused: that was
 * said of this object. 1 when its name turned out to be one more of another
 * inode.
 */
static int apply_head(struct tree *tree, uint64_t ino, uint64_t change,
		      const char *path, int64_t asked_ns, int head_rc,
		      bool refused, const struct store_object *o)
{
	struct meta_inode inode;
	bool joined = false;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, &inode);
	joined = rc == -ENOENT; /* meanwhile, with others */
	if (rc || inode.change != change || (inode.flags & META_I_ATTRS)) {
		rc = joined ? 0 : rc;
		goto out;
	}
	if (!head_rc) {
		rc = dir_take_object(tree, &inode, path, o);
		if (S_ISDIR(inode.mode))
			inode.flags |= META_I_EXPLICIT;
		else
			inode.listed_ns = asked_ns;
	} else if (head_rc == -ENOENT && S_ISDIR(inode.mode)) {
		inode.flags |= META_I_ATTRS; /* implicit: the defaults */
	} else if (refused) {
		rc = refused_take(tree, &inode, asked_ns);
	} else {
		rc = head_rc;
	}
	if (!rc)
		rc = meta_inode_put(tree->meta, &inode);
	if (!rc && inode.link_id[0])
		rc = link_join(tree, &inode, &joined);
out:
	meta_unlock(tree->meta);
	return rc ? rc : joined ? 1 : 0;
}

/*
 * Asks for all of a small object, whose answer tells what a HEAD would. False
 * where a HEAD has to say why not.
 */
static bool ask_whole(struct tree *tree, struct store_request *r,
		      struct whole_get *w, int *ret_rc)
{
	int rc;

	whole_get_begin(w, r);
	r->trial = true;
	rc = deferred_head(tree->mount->store, r);
	if (!rc && !whole_get_agrees(w, &r->reply.object)) {
		log_warning("GET %s: the body is not what its answer says",
			    r->key);
		return false;
	}
	/* What answers, and cannot give the bytes, may know of the object. */
	if (rc && rc != -EINTR && (r->reply.status || !store_is_unanswered(rc)))
		return false;
	*ret_rc = rc;
	return true;
}

/* Puts by what came whole, under the name of its version. */
static void keep_whole(struct tree *tree, const char *path,
		       const struct whole_get *w, const struct store_object *o)
{
	struct meta_inode named = {.ino = 0};

	take_version(&named, path, o);
	reader_keep(tree->reader, &named.base, w->body.data, w->body.len);
}

bool dir_attrs_do(struct tree *tree, const struct meta_inode *inode, bool asked)
{
	return (inode->flags & META_I_ATTRS) ||
	       (asked && (inode->flags & META_I_REFUSED)) ||
	       refused_lately(tree, inode);
}

/* Of the inode, and where nothing has named its key yet, by its name. */
static int find_path(struct tree *tree, const struct meta_inode *inode,
		     char path[META_KEY_MAX + 2])
{
	struct meta_dentry dentry;
	int rc;

	if (inode->base.key[0]) {
		strcpy(path, inode->base.key);
		return 0;
	}
	rc = meta_name_next(tree->meta, inode->ino, 0, "", &dentry);
	if (!rc)
		rc = meta_path(tree->meta, dentry.parent, dentry.name, path);
	if (!rc && S_ISDIR(inode->mode))
		strcat(path, "/");
	return rc;
}

/* One question, and what to make of its answer. */
static int ask_attrs(struct tree *tree, const struct meta_inode *inode,
		     const char *path, const char *key)
{
	const char *id = inode->base.version_id;
	int64_t began_ns = clock_mono_ns(), asked_ns;
	bool whole, refused;
	struct store_request r;
	struct whole_get w;
	int rc = 0;

	/* One version's answer says nothing of what is the newest. */
	asked_ns = *id ? 0 : clock_real_ns();
	whole = S_ISREG(inode->mode) && !outage_holds(tree) &&
		reader_guesses_whole(tree->reader, inode->size_bytes);
	whole_get_init(&w, READER_SMALL_MAX);
	store_request_init(&r, STORE_GET);
	r.key = key;
	r.version_id = *id ? id : NULL;
	if (whole)
		whole = ask_whole(tree, &r, &w, &rc);
	if (!whole) {
		store_request_release(&r);
		store_request_init(&r, STORE_HEAD);
		r.key = key;
		r.version_id = *id ? id : NULL;
		rc = deferred_head(tree->mount->store, &r);
	}
	rc = outage_note(tree, began_ns, rc);
	refused = refusal_is(rc) && refused_surely(tree, key);
	if (whole && !rc)
		keep_whole(tree, path, &w, &r.reply.object);
	rc = apply_head(tree, inode->ino, inode->change, path, asked_ns, rc,
			refused, &r.reply.object);
	store_request_release(&r);
	whole_get_release(&w);
	return rc;
}

/* Takes what was asked beside the directory's list; -EAGAIN: it is no use. */
static int take_early(struct tree *tree, const struct meta_inode *inode,
		      const char *path, struct early_head *early)
{
	const struct store_object *o;
	int64_t asked_ns;
	int rc = early_head_await(early, inode, path, &o, &asked_ns);

	return rc ? rc
		  : apply_head(tree, inode->ino, inode->change, path, asked_ns,
			       0, false, o);
}

static int fetch_attrs(struct tree *tree, uint64_t ino,
		       struct early_head *early)
{
	char path[META_KEY_MAX + 2], key[META_KEY_MAX + 2];
	struct meta_inode inode;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, &inode);
	if (rc == -ENOENT) {
		meta_unlock(tree->meta);
		return 1;
	}
	if (!rc &&
	    ((inode.flags & META_I_ATTRS) || refused_lately(tree, &inode))) {
		meta_unlock(tree->meta);
		return 0;
	}
	if (!rc)
		rc = find_path(tree, &inode, path);
	meta_unlock(tree->meta);
	if (!rc && early) {
		rc = take_early(tree, &inode, path, early);
		if (rc != -EAGAIN)
			return rc;
		rc = 0;
	}
	if (!rc)
		rc = mount_key(tree->mount, path, key);
	return rc ? rc : ask_attrs(tree, &inode, path, key);
}

/* Somebody waits for a question that was asked ahead; with the mutex held. */
static void hurry(struct tree *tree, struct urgency_cause *theirs)
{
	if (urgency_current() != URGENCY_WANTED ||
	    urgency_cause_is_wanted(theirs))
		return;
	urgency_cause_want(theirs);
	limit_store_hurry(tree->mount->store);
}

/*
 * Has this inode asked for by nobody else meanwhile; waits for who does. 0;
 * -EINTR.
 */
static int asking_begin(struct tree *tree, uint64_t ino,
			struct urgency_cause *ours)
{
	struct dirs *d = tree->dirs;
	struct urgency_cause *theirs;
	int rc = 0;

	pthread_mutex_lock(&d->mutex);
	while (!rc && (theirs = map_get(d->asking, &ino, sizeof(ino)))) {
		hurry(tree, theirs);
		rc = cancel_wait(&d->done, &d->mutex);
	}
	/* Without memory it may be asked twice. */
	if (!rc)
		map_put(d->asking, &ino, sizeof(ino), ours);
	pthread_mutex_unlock(&d->mutex);
	return rc;
}

static void asking_end(struct dirs *d, uint64_t ino)
{
	pthread_mutex_lock(&d->mutex);
	map_del(d->asking, &ino, sizeof(ino));
	pthread_cond_broadcast(&d->done);
	pthread_mutex_unlock(&d->mutex);
}

int dir_fetch_attrs(struct tree *tree, uint64_t ino, struct early_head *early)
{
	struct urgency_cause cause, *before = urgency_cause_current();
	int rc;

	urgency_cause_init(&cause);
	urgency_cause_serve(&cause, before);
	rc = asking_begin(tree, ino, &cause);
	if (rc)
		return rc;
	urgency_cause_enter(&cause);
	rc = fetch_attrs(tree, ino, early);
	urgency_cause_enter(before);
	asking_end(tree->dirs, ino);
	return rc;
}

uint32_t dir_known_type(const struct meta_inode *inode)
{
	if (S_ISDIR(inode->mode) || (inode->flags & META_I_ATTRS) ||
	    inode->size_bytes >= PATH_MAX)
		return inode->mode & S_IFMT;
	return 0;
}

bool dir_wants_attrs(const struct meta_inode *inode, bool all)
{
	return !(inode->flags & META_I_ATTRS) &&
	       (all || S_ISDIR(inode->mode) || !dir_known_type(inode));
}

int dir_inode(struct tree *tree, uint64_t ino, struct meta_inode *ret_inode)
{
	for (int tries = 0;; tries++) {
		int rc = meta_lock(tree->meta);

		if (rc)
			return rc;
		rc = meta_inode_get(tree->meta, ino, ret_inode);
		meta_unlock(tree->meta);
		if (rc)
			return rc == -ENOENT ? -ESTALE : rc;
		if (dir_attrs_do(tree, ret_inode, tries > 0) ||
		    ino == META_ROOT_INO)
			return 0;
		if (tries == ASK_TRIES)
			return -EIO;
		rc = dir_fetch_attrs(tree, ino, NULL);
		if (rc)
			return rc < 0 && rc != -ENOENT ? rc : -ESTALE;
	}
}

struct attr_batch {
	struct tree *tree;
	const uint64_t *inos;
};

static int fetch_one(void *ctx, unsigned i)
{
	struct attr_batch *b = ctx;

	return dir_fetch_attrs(b->tree, b->inos[i], NULL);
}

void dir_prefetch_attrs(struct tree *tree, const uint64_t *inos, unsigned count)
{
	struct attr_batch b = {tree, inos};

	if (!outage_is_on(tree))
		pool_each(tree->dirs->pool, ATTR_WIDTH, count, fetch_one, &b);
}

bool dir_attrs_wanted(struct tree *tree)
{
	int64_t row_ns = atomic_load(&tree->dirs->row_ns);

	return row_ns && clock_mono_ns() - row_ns < WANTED_NS;
}
