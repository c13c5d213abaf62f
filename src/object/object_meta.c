/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts together what a save sends beside the bytes: attributes, kept headers,
 * link names, extended attributes; and takes it apart again from a HEAD's
 * answer.
 */
#include "vers3/object/object_meta.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/core/link_id.h"
#include "vers3/core/mount.h"
#include "vers3/object/class.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/expire.h"
#include "vers3/object/inherited.h"
#include "vers3/object/objattr.h"
#include "vers3/object/overflow.h"
#include "vers3/object/rename_source.h"
#include "vers3/object/sparse.h"
#include "vers3/object/tags.h"
#include "vers3/s3/storage_class.h"
#include "vers3/util/log.h"
#include "xsplit.h"

#define META_PREFIX  "x-amz-meta-"
#define CLASS_HEADER "x-amz-storage-class"

void object_meta_release(struct object_meta *d)
{
	kvlist_release(&d->meta);
	kvlist_release(&d->headers);
	free(d->renamed);
	d->renamed = NULL;
	free(d->names);
	d->names = NULL;
	free(d->holes);
	d->holes = NULL;
	free(d->class);
	d->class = NULL;
	free(d->expire);
	d->expire = NULL;
}

void object_meta_init(struct object_meta *d)
{
	kvlist_init(&d->meta);
	kvlist_init(&d->headers);
	d->late = false;
	d->tag_count = 0;
	d->away = false;
	d->asked = false;
	d->renamed = NULL;
	d->names = NULL;
	d->holes = NULL;
	d->class = NULL;
	d->expire = NULL;
	d->had_tags = false;
}

/* Headers that a rewrite sets again; the rest of a HEAD describes, only. */
static bool is_kept_header(const char *name)
{
	static const char *const kept[] = {
		"content-type",	       "cache-control",
		"content-disposition", "content-encoding",
		"content-language",    "expires",
		CLASS_HEADER,	       "x-amz-website-redirect-location",
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (!strcasecmp(name, kept[i]))
			return true;
	return false;
}

static int take_text(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

static int split_head(const struct kvlist *head, struct object_meta *d)
{
	size_t skip = strlen(META_PREFIX);
	int rc = 0;

	for (size_t i = 0; !rc && i < head->count; i++) {
		const struct kv *kv = &head->items[i];

		/* None of them is of what is written anew. */
		if (!strcasecmp(kv->name, META_PREFIX LATE_MARK))
			d->late = true;
		else if (!strcasecmp(kv->name, META_PREFIX RENAMED_META))
			rc = take_text(&d->renamed, kv->value);
		else if (!strcasecmp(kv->name, META_PREFIX LINK_NAMES_META))
			rc = take_text(&d->names, kv->value);
		else if (!strcasecmp(kv->name, META_PREFIX SPARSE_META))
			rc = take_text(&d->holes, kv->value);
		else if (!strcasecmp(kv->name, CLASS_WANTED))
			rc = take_text(&d->class, kv->value);
		else if (!strcasecmp(kv->name, EXPIRE_WANTED))
			rc = take_text(&d->expire, kv->value);
		else if (!strncasecmp(kv->name, META_PREFIX, skip))
			rc = kvlist_add(&d->meta, kv->name + skip, kv->value);
		else if (!strcasecmp(kv->name, TAGS_HEADER))
			d->tag_count = strtoul(kv->value, NULL, 10);
		else if (is_kept_header(kv->name))
			rc = kvlist_add(&d->headers, kv->name, kv->value);
	}
	return rc;
}

static int join_head(const struct kvlist *headers, const struct kvlist *meta,
		     struct kvlist *head)
{
	char name[512];
	int rc = kvlist_copy(head, headers);

	for (size_t i = 0; !rc && i < meta->count; i++) {
		snprintf(name, sizeof(name), META_PREFIX "%s",
			 meta->items[i].name);
		rc = kvlist_add(head, name, meta->items[i].value);
	}
	return rc;
}

int object_meta_head_of(const struct store_object *o, struct kvlist *head)
{
	return join_head(&o->headers, &o->meta, head);
}

static int add_xattr(void *ctx, const char *name, const void *value,
		     size_t size)
{
	void *copy;

	if (!objattr_xattr_ok(name))
		return 0;
	copy = malloc(size ? size : 1);
	if (copy)
		memcpy(copy, value, size);
	return objattr_xattrs_add(ctx, strdup(name), copy, size);
}

/*
 * What was not read goes on to stand where the namespace says; the head may
 * say something else.
 */
static int add_away(struct mount *mount, uint64_t ino, struct object_meta *d)
{
	char *ref;
	int rc = overflow_away_ref(mount, ino, &ref);

	if (rc)
		return rc;
	d->away = ref != NULL;
	if (ref)
		rc = kvlist_set(&d->meta, OVERFLOW_META, ref);
	free(ref);
	return rc;
}

int object_meta_read_locked(struct mount *mount, uint64_t ino,
			    struct object_meta *d, struct objattr_xattrs *x)
{
	struct kvlist head;
	int rc;

	kvlist_init(&head);
	rc = meta_head_get(mount->meta, ino, &head);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = meta_xattr_each(mount->meta, ino, add_xattr, x);
	if (!rc)
		rc = split_head(&head, d);
	kvlist_release(&head);
	if (!rc)
		rc = add_away(mount, ino, d);
	return rc;
}

int object_meta_read(struct mount *mount, uint64_t ino, struct object_meta *d,
		     struct objattr_xattrs *x)
{
	int rc = meta_lock(mount->meta);

	if (rc)
		return rc;
	rc = object_meta_read_locked(mount, ino, d, x);
	meta_unlock(mount->meta);
	return rc;
}

static struct objattr attrs_of(const struct meta_inode *inode)
{
	struct objattr a = {.mode = inode->mode,
			    .uid = inode->uid,
			    .gid = inode->gid,
			    .rdev = inode->rdev,
			    .mtime_ns = inode->mtime_ns};

	strcpy(a.link_id, inode->link_id);
	return a;
}

int object_meta_check(struct mount *mount, const struct meta_inode *inode)
{
	struct objattr_xattrs x = {0};
	struct objattr a = attrs_of(inode);
	struct object_meta d;
	int rc;

	object_meta_init(&d);
	rc = object_meta_read_locked(mount, inode->ino, &d, &x);
	if (!rc)
		rc = xsplit_check(mount, &a, &x, &d);
	objattr_xattrs_release(&x);
	object_meta_release(&d);
	return rc;
}

/*
 * Calls whose outcome would not fit were refused (object_meta_check()). What
 * does not fit all the same has come from elsewhere, with an object that others
 * wrote or a version that was restored: its content is saved.
 */
static int add_attrs(const struct objattr *a, const char *path,
		     const struct objattr_xattrs *x, struct object_meta *d)
{
	struct kvlist carried;
	int rc = objattr_format(a, x, OBJATTR_META_MAX, &d->meta);

	if (rc != -ENOSPC)
		return rc;
	kvlist_init(&carried);
	rc = kvlist_copy(&carried, &d->meta);
	if (!rc)
		rc = objattr_format(a, x, SIZE_MAX, &d->meta);
	if (!rc || rc == -ENOSPC) {
		objattr_cut(&carried, OBJATTR_META_LIMIT, &d->meta);
		log_warning("the metadata of %s has no room for all of its "
			    "attributes",
			    path);
		rc = 0;
	}
	kvlist_release(&carried);
	return rc;
}

/* The attributes, as far as they have room with the object. */
static int add_all(struct mount *mount, const struct meta_inode *inode,
		   const char *path, enum object_content content,
		   const struct objattr_xattrs *x, struct object_meta *d)
{
	struct objattr_xattrs stay = {0};
	struct objattr a = attrs_of(inode);
	int rc;

	/* Who saves a file says whose it is; who moves an object does not. */
	if (content == OBJECT_CONTENT_KEPT)
		a.lacks = inode->flags & META_I_LACKS;
	rc = xsplit_send(mount, &a, x, d, &stay);
	if (!rc)
		rc = add_attrs(&a, path, &stay, d);
	free(stay.items);
	return rc;
}

/*
 * New content is not put where the content before it was archived: it could
 * not be read for hours. Classes that are read at once stay.
 */
static void leave_archive(struct kvlist *headers)
{
	if (storage_class_is_archive(kvlist_get(headers, CLASS_HEADER)))
		kvlist_del(headers, CLASS_HEADER);
}

/* What tells other mounts that names belong together, if there is room. */
static int add_names(const char *names, struct object_meta *d)
{
	size_t bytes = strlen(LINK_NAMES_META) + strlen(names);

	if (!kvlist_get(&d->meta, LINK_META) ||
	    objattr_bytes(&d->meta) + bytes > OBJATTR_META_MAX)
		return 0;
	return kvlist_set(&d->meta, LINK_NAMES_META, names);
}

/* The one that was named: of a file, or what a directory hands down. */
static int add_class(uint32_t mode, struct object_meta *d)
{
	struct kvlist *to = S_ISDIR(mode) ? &d->meta : &d->headers;
	const char *name = S_ISDIR(mode) ? CLASS_META : CLASS_HEADER;

	if (*d->class)
		return kvlist_set(to, name, d->class);
	kvlist_del(to, name);
	return 0;
}

/* What a directory hands down; a file has a tag (tags.h). */
static int add_expire(uint32_t mode, struct object_meta *d)
{
	if (!S_ISDIR(mode))
		return 0;
	if (*d->expire)
		return kvlist_set(&d->meta, EXPIRE_META, d->expire);
	kvlist_del(&d->meta, EXPIRE_META);
	return 0;
}

static int read_now(struct mount *mount, const struct meta_inode *inode,
		    struct object_meta *d, struct objattr_xattrs *x,
		    char **ret_names, struct holes *ret_holes)
{
	int rc = meta_lock(mount->meta);

	if (rc)
		return rc;
	rc = object_meta_read_locked(mount, inode->ino, d, x);
	if (!rc)
		rc = link_names_make(mount, inode, ret_names);
	if (!rc)
		rc = sparse_of_base(mount->meta, inode, ret_holes);
	meta_unlock(mount->meta);
	return rc;
}

int object_meta_make(struct mount *mount, const struct meta_inode *inode,
		     const char *path, enum object_content content,
		     struct object_meta *d)
{
	struct objattr_xattrs x = {0};
	struct holes holes;
	char *names = NULL;
	int rc;

	object_meta_init(d);
	rc = read_now(mount, inode, d, &x, &names, &holes);
	if (!rc && content == OBJECT_CONTENT_NEW) {
		rc = objattr_new_content(&d->meta);
		leave_archive(&d->headers);
		d->had_tags = d->tag_count > 0;
		d->late = false; /* both are of the version before */
		d->tag_count = 0;
	}
	/* Before the attributes, which take what room is left. */
	if (!rc && d->class)
		rc = add_class(inode->mode, d);
	if (!rc && d->expire)
		rc = add_expire(inode->mode, d);
	if (!rc)
		rc = add_all(mount, inode, path, content, &x, d);
	if (!rc && names)
		rc = add_names(names, d);
	if (!rc && rename_source_is(mount, inode, path))
		rc = rename_source_add(mount, &inode->base, &d->meta);
	/* Of new content others tell: upload.c, multipart.c. */
	if (!rc && content == OBJECT_CONTENT_KEPT)
		rc = sparse_tell(&holes, inode->base.size_bytes, &d->meta);
	if (!rc && !kvlist_get(&d->headers, "content-type"))
		rc = kvlist_set(&d->headers, "content-type",
				objattr_content_type(path));
	if (!rc && mount->config.storage_class && S_ISREG(inode->mode) &&
	    !kvlist_get(&d->headers, CLASS_HEADER))
		rc = kvlist_set(&d->headers, CLASS_HEADER,
				mount->config.storage_class);
	objattr_xattrs_release(&x);
	free(names);
	return rc;
}

int object_meta_class(struct mount *mount, const struct meta_inode *inode,
		      char *ret_class, size_t size)
{
	const char *class, *named;
	struct kvlist head;
	int rc;

	kvlist_init(&head);
	rc = meta_head_get(mount->meta, inode->ino, &head);
	if (rc == -ENOENT)
		rc = 0;
	/* As object_meta_make() has it. */
	class = kvlist_get(&head, CLASS_HEADER);
	if (storage_class_is_archive(class) && !meta_inode_is_base(inode))
		class = NULL;
	named = kvlist_get(&head, CLASS_WANTED);
	if (named && *named && !S_ISDIR(inode->mode))
		class = named;
	if (!class && S_ISREG(inode->mode))
		class = mount->config.storage_class;
	if (!rc)
		snprintf(ret_class, size, "%s", class ? class : "");
	kvlist_release(&head);
	return rc;
}

static int take_object(struct object_meta *d, const struct store_object *o)
{
	struct kvlist head;
	int rc;

	kvlist_init(&head);
	rc = object_meta_head_of(o, &head);
	if (!rc)
		rc = split_head(&head, d);
	kvlist_release(&head);
	return rc;
}

/* What the base says of itself. -ENOENT: it has to do without. */
static int object_meta_asked(struct mount *mount,
			     const struct meta_inode *inode, bool renamed,
			     struct object_meta *d)
{
	struct meta_version from = inode->base;
	const struct store_object *o;
	char key[META_KEY_MAX + 1];
	struct store_request r;
	int rc = mount_key(mount, from.key, key);

	object_meta_init(d);
	if (rc)
		return rc;
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	r.version_id = from.version_id[0] ? from.version_id : NULL;
	rc = deferred_head(mount->store, &r);
	o = &r.reply.object;
	if (!rc && (!o->etag || strcmp(o->etag, from.etag) != 0))
		rc = -ENOENT; /* somebody else has written it since */
	if (!rc && !from.version_id[0] && o->version_id)
		snprintf(from.version_id, sizeof(from.version_id), "%s",
			 o->version_id);
	if (!rc)
		rc = take_object(d, o);
	/* The same bytes, time and size: the word holds. */
	if (!rc && d->holes)
		rc = kvlist_set(&d->meta, SPARSE_META, d->holes);
	if (!rc && renamed)
		rc = rename_source_add(mount, &from, &d->meta);
	d->asked = !rc;
	store_request_release(&r);
	return rc;
}

int object_meta_to_head(const struct object_meta *d, struct kvlist *head)
{
	char count[24];
	int rc = join_head(&d->headers, &d->meta, head);

	if (!rc && d->late)
		rc = kvlist_add(head, META_PREFIX LATE_MARK, "1");
	if (!rc)
		rc = kvlist_add(head, OBJECT_META_UNASKED, "1");
	if (!rc && d->tag_count) {
		snprintf(count, sizeof(count), "%zu", d->tag_count);
		rc = kvlist_add(head, TAGS_HEADER, count);
	}
	if (!rc && d->expire)
		rc = kvlist_add(head, EXPIRE_GIVEN, d->expire);
	return rc;
}

/* What was named while this was sent is still to come. */
static int put_head(struct mount *mount, const struct meta_inode *inode,
		    const struct kvlist *head)
{
	struct kvlist old, all;
	const char *class, *expire;
	int rc;

	kvlist_init(&old);
	kvlist_init(&all);
	rc = meta_head_get(mount->meta, inode->ino, &old);
	class = rc ? NULL : class_to_come(inode->mode, &old, head);
	expire = rc ? NULL : expire_to_come(inode->mode, &old, head);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = kvlist_copy(&all, head);
	if (!rc && class)
		rc = kvlist_set(&all, CLASS_WANTED, class);
	kvlist_del(&all, EXPIRE_GIVEN);
	if (!rc && expire)
		rc = kvlist_set(&all, EXPIRE_WANTED, expire);
	if (!rc)
		rc = meta_head_put(mount->meta, inode->ino, &all);
	kvlist_release(&all);
	kvlist_release(&old);
	return rc;
}

int object_meta_note_head(struct mount *mount, struct meta_inode *inode,
			  const struct kvlist *head)
{
	struct object_meta d;
	int rc;

	object_meta_init(&d);
	rc = split_head(head, &d);
	/* What was named since stays so. */
	if (!rc)
		inode->flags &=
			objattr_lacks(&d.meta) | ~(uint32_t)META_I_LACKS;
	object_meta_release(&d);
	return rc ? rc : put_head(mount, inode, head);
}

bool object_meta_same(const struct kvlist *a, const struct kvlist *b)
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

/* Where an object is kept is nobody's word. */
static bool same_headers(const struct kvlist *a, const struct kvlist *b)
{
	for (size_t i = 0; i < a->count; i++) {
		const char *name = a->items[i].name;
		const char *other = kvlist_get(b, name);

		if (strcasecmp(name, CLASS_HEADER) != 0 &&
		    (!other || strcmp(other, a->items[i].value) != 0))
			return false;
	}
	return true;
}

bool object_meta_same_object(const struct object_meta *a,
			     const struct object_meta *b)
{
	return a->names && b->names && !strcmp(a->names, b->names) &&
	       object_meta_same(&a->meta, &b->meta) &&
	       same_headers(&a->headers, &b->headers) &&
	       same_headers(&b->headers, &a->headers);
}

int object_meta_copy(struct mount *mount, const struct meta_inode *inode,
		     const char *path, struct object_meta *d, bool *ret_replace)
{
	bool asked = inode->flags & (META_I_ATTRS | META_I_ATTR_DIRTY);
	bool renamed = rename_source_is(mount, inode, path);
	bool bare =
		mount->config.suspended; /* a copy by itself would be none */
	int rc;

	if (!asked && (renamed || bare)) {
		rc = object_meta_asked(mount, inode, renamed, d);
		*ret_replace = !rc;
		if (!rc || rc == -ENOMEM || bare)
			return rc;
		object_meta_release(d); /* then it says nothing of its past */
	}
	rc = object_meta_make(mount, inode, path, OBJECT_CONTENT_KEPT, d);
	/* A copy by itself may leave the tag of what came late behind. */
	*ret_replace =
		bare || d->expire || (inode->flags & META_I_ATTR_DIRTY) ||
		d->late ||
		((inode->flags & META_I_ATTRS) && (renamed || d->renamed));
	return rc;
}
