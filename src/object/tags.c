/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for a version's tags before it is replaced and gives them to the new
 * one; what could not be given is kept in a note of the inode, for the next
 * try.
 */
#include "vers3/object/tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/expire.h"
#include "vers3/util/errtext.h"
#include "vers3/util/log.h"

/* In a note beside the tags, of which none has such a name: its object. */
#define NOTE_ETAG ""

/*
 * Tags that an earlier try has not given to what is made of the same object;
 * tags is empty. -ENOENT: there are none.
 */
static int read_note(struct mount *mount, uint64_t ino, const char *etag,
		     struct kvlist *tags)
{
	struct kvlist note;
	const char *of;
	int rc = meta_lock(mount->meta);

	if (rc)
		return rc;
	kvlist_init(&note);
	rc = meta_tags_get(mount->meta, ino, &note);
	meta_unlock(mount->meta);
	of = kvlist_get(&note, NOTE_ETAG);
	/* What others, or a later save, have put there has its own. */
	if (!rc && (!of || strcmp(of, etag) != 0))
		rc = -ENOENT;
	for (size_t i = 0; !rc && i < note.count; i++)
		if (*note.items[i].name)
			rc = kvlist_add(tags, note.items[i].name,
					note.items[i].value);
	kvlist_release(&note);
	return rc;
}

static bool has_note(struct mount *mount, const struct meta_inode *inode)
{
	struct kvlist tags;
	bool noted;

	kvlist_init(&tags);
	noted = !read_note(mount, inode->ino, inode->base.etag, &tags);
	kvlist_release(&tags);
	return noted;
}

static int write_note(struct mount *mount, uint64_t ino, const char *etag,
		      const struct kvlist *tags)
{
	struct kvlist note;
	int rc;

	kvlist_init(&note);
	rc = kvlist_add(&note, NOTE_ETAG, etag);
	for (size_t i = 0; !rc && i < tags->count; i++)
		rc = kvlist_add(&note, tags->items[i].name,
				tags->items[i].value);
	if (!rc)
		rc = meta_lock(mount->meta);
	if (!rc) {
		rc = meta_tags_put(mount->meta, ino, &note);
		meta_unlock(mount->meta);
	}
	kvlist_release(&note);
	return rc;
}

/* If that fails, they are given once more, perhaps. */
static void drop_note(struct mount *mount, uint64_t ino)
{
	if (meta_lock(mount->meta))
		return;
	meta_tags_del(mount->meta, ino);
	meta_unlock(mount->meta);
}

bool tags_need(struct mount *mount, const struct meta_inode *inode,
	       const struct object_meta *d, bool by_server)
{
	bool need = d->tag_count || !d->asked;

	if (d->expire && S_ISREG(inode->mode))
		return true;
	/* That one is for the metadata that is replaced. */
	if (by_server && mount->config.caps.keeps_tags)
		need = d->late && d->tag_count;
	return need || has_note(mount, inode);
}

bool tags_need_new(struct mount *mount, const struct meta_inode *inode,
		   const struct object_meta *d)
{
	if (!S_ISREG(inode->mode))
		return false;
	return d->expire ||
	       (inode->base.key[0] && (d->had_tags || expire_is_used(mount)));
}

/*
 * Who may not, where there are no tags, and what the server does not take (as
 * those that it sets itself): a save goes on without. No other try would help.
 */
static bool is_vain(int rc)
{
	return rc == -EACCES || rc == -EOPNOTSUPP || rc == -EINVAL;
}

/* Whether the server tells that a version has tags, which may not be read. */
static bool says_some(struct mount *mount, const char *key, const char *id)
{
	struct store_request r;
	const char *count = NULL;
	bool some;

	if (!store_head(mount->store, &r, key, id[0] ? id : NULL))
		count = kvlist_get(&r.reply.object.headers, TAGS_HEADER);
	some = count && strcmp(count, "0") != 0;
	store_request_release(&r);
	return some;
}

/*
 * What the version has that the inode is based on. *ret_hidden: why that could
 * not be read; 0: it was.
 */
static int ask_base(struct mount *mount, const struct meta_inode *inode,
		    enum object_content content, struct kvlist *ret,
		    int *ret_hidden)
{
	const char *id = inode->base.version_id;
	char key[META_KEY_MAX + 1];
	struct kvlist tags;
	int rc = mount_key(mount, inode->base.key, key);

	*ret_hidden = 0;

	if (rc)
		return rc;
	kvlist_init(&tags);
	rc = tagset_get(mount->store, key, id[0] ? id : NULL, &tags);
	if (!rc)
		rc = deferred_without(&tags, ret);
	kvlist_release(&tags);
	if (!rc && content == OBJECT_CONTENT_NEW)
		rc = expire_keep_only(ret);
	if (rc == -EACCES || rc == -EINVAL)
		*ret_hidden = rc;
	/* Where it is gone, too. */
	if (rc == -ENOENT || is_vain(rc))
		rc = 0;
	if (rc)
		return rc;
	/* A version has its tags whatever goes in its place. */
	if (!meta_is_version_id(id)) {
		if (ret->count)
			return write_note(mount, inode->ino, inode->base.etag,
					  ret);
		rc = read_note(mount, inode->ino, inode->base.etag, ret);
		if (!rc)
			*ret_hidden = 0;
		if (rc && rc != -ENOENT)
			return rc;
	}
	/* A copy would go without them: it is not made. */
	if (*ret_hidden && content == OBJECT_CONTENT_KEPT &&
	    !mount->config.caps.keeps_tags && says_some(mount, key, id)) {
		log_warning("the tags of %s may not be read "
			    "(s3:GetObjectVersionTagging): what is made of it "
			    "would be without them, and waits",
			    inode->base.key);
		return *ret_hidden;
	}
	return 0;
}

/* It stays noted, for the next save. */
static void put_off_expiry(const char *path, struct object_meta *d,
			   const char *why, int rc)
{
	log_warning("%s does not expire as it is to (%s) before its next save: "
		    "%s (%s)",
		    path, *d->expire ? d->expire : "never", why, errtext(rc));
	free(d->expire);
	d->expire = NULL;
}

int tags_ask(struct mount *mount, const struct meta_inode *inode,
	     struct object_meta *d, enum object_content content,
	     struct kvlist *ret)
{
	/* What new content gets may be known without its base. */
	bool known = content == OBJECT_CONTENT_NEW && d->expire;
	int hidden = 0;
	int rc = inode->base.key[0] && !known
			 ? ask_base(mount, inode, content, ret, &hidden)
			 : 0;

	/*
	 * There is no request that adds a tag: one that sets it would take away
	 * those which a copy has brought along, and nobody knows them.
	 */
	if (!rc && hidden && d->expire && S_ISREG(inode->mode))
		put_off_expiry(inode->base.key, d,
			       "its tags may not be read "
			       "(s3:GetObjectVersionTagging), and to set one "
			       "would remove the others",
			       hidden);
	return rc || !S_ISREG(inode->mode) ? rc : expire_put(ret, d->expire);
}

int tags_give(struct mount *mount, uint64_t ino, const char *key,
	      const struct meta_version *to, const struct kvlist *tags,
	      struct object_meta *d)
{
	const char *id = to->version_id;
	int rc = 0;

	/* A copy may have brought one that is not wanted any more. */
	if (tags->count || d->expire)
		rc = tagset_put(mount->store, key, id[0] ? id : NULL, tags);
	d->tag_count = rc ? 0 : tags->count;
	if (rc && !is_vain(rc))
		return rc;
	if (rc && rc != -EOPNOTSUPP && d->expire)
		put_off_expiry(key, d,
			       "its tags may not be set "
			       "(s3:PutObjectVersionTagging)",
			       rc);
	if (tags->count)
		drop_note(mount, ino);
	return 0;
}
