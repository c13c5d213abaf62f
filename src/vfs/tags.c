/* SPDX-License-Identifier: Apache-2.0 */
#include "tags.h"

#include <errno.h>
#include <string.h>

#include "late.h"
#include "tagset.h"
#include "vers3/vfs/mount.h"

int tags_without_late(const struct kvlist *tags, struct kvlist *ret)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < tags->count; i++)
		if (!late_is_tag(tags->items[i].name))
			rc = kvlist_add(ret, tags->items[i].name,
					tags->items[i].value);
	return rc;
}

/* In a note beside the tags, of which none has such a name: its object. */
#define NOTE_ETAG ""

/*
 * Tags that an earlier try has not given to what is made of the same object;
 * tags is empty. -ENOENT: there are none.
 */
static int read_note(struct vfs *v, uint64_t ino, const char *etag,
		     struct kvlist *tags)
{
	struct kvlist note;
	const char *of;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	kvlist_init(&note);
	rc = meta_tags_get(v->meta, ino, &note);
	meta_unlock(v->meta);
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

static bool has_note(struct vfs *v, const struct meta_inode *in)
{
	struct kvlist tags;
	bool noted;

	kvlist_init(&tags);
	noted = !read_note(v, in->ino, in->base.etag, &tags);
	kvlist_release(&tags);
	return noted;
}

static int write_note(struct vfs *v, uint64_t ino, const char *etag,
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
		rc = meta_lock(v->meta);
	if (!rc) {
		rc = meta_tags_put(v->meta, ino, &note);
		meta_unlock(v->meta);
	}
	kvlist_release(&note);
	return rc;
}

/* If that fails, they are given once more, perhaps. */
static void drop_note(struct vfs *v, uint64_t ino)
{
	if (meta_lock(v->meta))
		return;
	meta_tags_del(v->meta, ino);
	meta_unlock(v->meta);
}

bool tags_need(struct vfs *v, const struct meta_inode *in,
	       const struct dress *d, bool by_server)
{
	bool need = d->tag_count || !d->asked;

	/* That one is for the metadata that is replaced. */
	if (by_server && v->config.caps.keeps_tags)
		need = d->late && d->tag_count;
	return need || has_note(v, in);
}

/*
 * Who may not, where there are no tags, and what the server does not take (as
 * those that it sets itself): a save goes on without. No other try would help.
 */
static bool is_vain(int rc)
{
	return rc == -EACCES || rc == -EOPNOTSUPP || rc == -EINVAL;
}

int tags_ask(struct vfs *v, const struct meta_inode *in, struct kvlist *ret)
{
	const char *id = in->base.version_id;
	char key[META_KEY_MAX + 1];
	struct kvlist tags;
	int rc = mount_key(v, in->base.key, key);

	if (rc)
		return rc;
	kvlist_init(&tags);
	rc = tagset_get(v->store, key, id[0] ? id : NULL, &tags);
	if (!rc)
		rc = tags_without_late(&tags, ret);
	kvlist_release(&tags);
	/* Where it is gone, too. */
	if (rc == -ENOENT || is_vain(rc))
		rc = 0;
	/* A version has its tags whatever goes in its place. */
	if (rc || meta_is_version_id(id))
		return rc;
	if (ret->count)
		return write_note(v, in->ino, in->base.etag, ret);
	rc = read_note(v, in->ino, in->base.etag, ret);
	return rc == -ENOENT ? 0 : rc;
}

int tags_give(struct vfs *v, uint64_t ino, const char *key,
	      const struct meta_version *to, const struct kvlist *tags,
	      struct dress *d)
{
	const char *id = to->version_id;
	int rc = 0;

	if (tags->count)
		rc = tagset_put(v->store, key, id[0] ? id : NULL, tags);
	d->tag_count = rc ? 0 : tags->count;
	if (rc && !is_vain(rc))
		return rc;
	if (tags->count)
		drop_note(v, ino);
	return 0;
}
