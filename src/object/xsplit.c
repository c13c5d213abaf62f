/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries what fits, rights first, by encoding it; sends the rest through
 * overflow.c and puts the reference in its stead.
 */
#include "xsplit.h"

#include <errno.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/object/overflow.h"

/* What decides who may do what, the most important first. */
static const char *const rights[] = {
	XATTR_NAME_POSIX_ACL_ACCESS,
	XATTR_NAME_CAPS,
	XATTR_NAME_POSIX_ACL_DEFAULT,
};
#define RIGHTS (sizeof(rights) / sizeof(*rights))

struct split {
	struct objattr_xattrs stay, go; /* items are borrowed, arrays owned */
};

static void append(struct objattr_xattrs *x, const struct objattr_xattr *one)
{
	x->items[x->count++] = *one;
}

/* Nothing is encoded that is too large anyway. */
static int room(const struct objattr *a, const struct objattr_xattrs *x,
		size_t max, const struct kvlist *meta)
{
	size_t bytes = 0;

	for (size_t i = 0; i < x->count; i++)
		bytes += strlen(x->items[i].name) + x->items[i].size;
	return bytes > max ? -ENOSPC : objattr_meta_left(a, x, max, meta);
}

static int keep_rights(const struct objattr *a, const struct objattr_xattrs *x,
		       size_t max, const struct kvlist *meta,
		       struct objattr_xattrs *stay)
{
	int rc = room(a, stay, max, meta);

	for (size_t i = 0; !rc && i < RIGHTS; i++) {
		const struct objattr_xattr *one =
			objattr_xattrs_find(x, rights[i]);

		if (!one)
			continue;
		append(stay, one);
		rc = room(a, stay, max, meta);
		if (rc == -ENOSPC) {
			stay->count--;
			rc = 0;
		}
	}
	return rc;
}

/* meta: without a reference. -ENOSPC: there is no room for one, either. */
static int split(const struct mount *mount, const struct objattr *a,
		 const struct objattr_xattrs *x, const struct kvlist *meta,
		 struct split *s)
{
	size_t count = x->count ? x->count : 1, ref;
	int rc;

	s->stay.items = calloc(count, sizeof(*x->items));
	s->go.items = calloc(count, sizeof(*x->items));
	if (!s->stay.items || !s->go.items)
		return -ENOMEM;
	rc = room(a, x, OBJATTR_META_MAX, meta);
	if (!rc) {
		for (size_t i = 0; i < x->count; i++)
			append(&s->stay, &x->items[i]);
		return 0;
	}
	ref = overflow_ref_bytes(mount);
	if (rc != -ENOSPC || !x->count || ref >= OBJATTR_META_MAX)
		return rc;
	rc = keep_rights(a, x, OBJATTR_META_MAX - ref, meta, &s->stay);
	for (size_t i = 0; !rc && i < x->count; i++)
		if (!objattr_xattrs_find(&s->stay, x->items[i].name))
			append(&s->go, &x->items[i]);
	return rc;
}

static void split_release(struct split *s)
{
	free(s->stay.items);
	free(s->go.items);
}

int xsplit_check(const struct mount *mount, const struct objattr *a,
		 const struct objattr_xattrs *x, const struct object_meta *d)
{
	struct split s = {.stay = {0}};
	struct kvlist bare;
	int rc;

	if (d->away) /* the reference stays as it is */
		return objattr_meta_left(a, x, OBJATTR_META_MAX, &d->meta);
	kvlist_init(&bare);
	rc = kvlist_copy(&bare, &d->meta);
	kvlist_del(&bare, OVERFLOW_META);
	if (!rc)
		rc = split(mount, a, x, &bare, &s);
	split_release(&s);
	kvlist_release(&bare);
	return rc;
}

static int take_reference(struct object_meta *d, char **ret_ref)
{
	const char *text = kvlist_get(&d->meta, OVERFLOW_META);

	if (!text)
		return 0;
	*ret_ref = strdup(text);
	kvlist_del(&d->meta, OVERFLOW_META);
	return *ret_ref ? 0 : -ENOMEM;
}

static int keep_all(const struct objattr_xattrs *x, struct objattr_xattrs *stay)
{
	stay->items = calloc(x->count ? x->count : 1, sizeof(*x->items));
	if (!stay->items)
		return -ENOMEM;
	for (size_t i = 0; i < x->count; i++)
		append(stay, &x->items[i]);
	return 0;
}

/* What was elsewhere finds room there again; else what fits is taken along. */
static int split_anyhow(const struct objattr_xattrs *x, bool elsewhere,
			struct split *s)
{
	split_release(s);
	memset(s, 0, sizeof(*s));
	return keep_all(x, elsewhere ? &s->go : &s->stay);
}

int xsplit_send(struct mount *mount, const struct objattr *a,
		const struct objattr_xattrs *x, struct object_meta *d,
		struct objattr_xattrs *ret_stay)
{
	struct objattr_xattrs stay = {0};
	char *old = NULL, *ref = NULL;
	struct split s = {.stay = {0}};
	int rc;

	/* What is away is right where it is, whatever else has changed. */
	if (d->away) {
		rc = keep_all(x, &stay);
		if (!rc)
			*ret_stay = stay;
		return rc;
	}
	rc = take_reference(d, &old);
	if (!rc)
		rc = split(mount, a, x, &d->meta, &s);
	/* Others have left no room for anything (add_attrs()). */
	if (rc == -ENOSPC)
		rc = split_anyhow(x, old != NULL, &s);
	if (!rc && s.go.count)
		rc = overflow_send(mount, &s.go, old, &ref);
	if (!rc && ref)
		rc = kvlist_set(&d->meta, OVERFLOW_META, ref);
	if (!rc) {
		*ret_stay = s.stay;
		s.stay.items = NULL;
	}
	split_release(&s);
	free(old);
	free(ref);
	return rc;
}
