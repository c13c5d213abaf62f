/* SPDX-License-Identifier: Apache-2.0 */
/* Room for attributes in an object's metadata, which S3 bounds. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "vers3/object/objattr.h"
#include "vers3/object/overflow.h"

/* As long as a link's id and count come (link.c). */
#define LINK_LONGEST "0123456789abcdef:65000"

/* The bytes of all that would be written; 0 or -errno. */
static int bytes_of(const struct objattr *attr, const struct objattr_xattrs *x,
		    const struct kvlist *meta, size_t *ret_bytes)
{
	struct kvlist all;
	int rc;

	kvlist_init(&all);
	rc = kvlist_copy(&all, meta);
	if (!rc)
		rc = objattr_format(attr, x, SIZE_MAX, &all);
	if (!rc)
		*ret_bytes = objattr_bytes(&all);
	kvlist_release(&all);
	return rc;
}

int objattr_meta_left(const struct objattr *attr,
		      const struct objattr_xattrs *xattrs, size_t max_bytes,
		      const struct kvlist *meta)
{
	struct objattr most = *attr;
	size_t early, late = 0;
	int rc;

	/* A mode has one length for each kind of file. */
	most.uid = most.gid = UINT32_MAX - 1;
	if (!S_ISDIR(attr->mode) &&
	    strlen(attr->link_id) < strlen(LINK_LONGEST))
		strcpy(most.link_id, LINK_LONGEST);
	most.mtime_ns = INT64_MIN;
	rc = bytes_of(&most, xattrs, meta, &early);
	/* s3fs's ctime is written anew with a time that is later, only. */
	most.mtime_ns = INT64_MAX;
	if (!rc)
		rc = bytes_of(&most, xattrs, meta, &late);
	/* And it may have a sign. */
	if (!rc && (early > max_bytes || late + 1 > max_bytes))
		rc = -ENOSPC;
	return rc;
}

/* What is kept to the end; the names of what stands elsewhere, too. */
static bool is_right(const char *name)
{
	static const char *const rights[] = {"file-permissions", "file-owner",
					     "file-group", OVERFLOW_META};

	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); i++)
		if (!strcasecmp(name, rights[i]))
			return true;
	return false;
}

void objattr_cut(const struct kvlist *carried, size_t max_bytes,
		 struct kvlist *meta)
{
	static const char *const least[] = {LINK_META, "mtime", "file-mtime",
					    "ctime"};
	size_t i;

	for (i = 0; i < sizeof(least) / sizeof(*least) &&
		    objattr_bytes(meta) > max_bytes;
	     i++)
		kvlist_del(meta, least[i]);
	for (i = meta->count; i-- && objattr_bytes(meta) > max_bytes;)
		if (is_right(meta->items[i].name) &&
		    !kvlist_get(carried, meta->items[i].name))
			kvlist_del(meta, meta->items[i].name);
	/* What is left came with the object, but for how others spell it. */
	for (i = meta->count; i-- && objattr_bytes(meta) > max_bytes;)
		if (i < meta->count && !is_right(meta->items[i].name))
			kvlist_del(meta, meta->items[i].name);
}
