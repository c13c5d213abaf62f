/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses and prints `vers3-holes`, and finds the holes that a file's base is
 * known to have.
 */
#include "vers3/object/sparse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vers3/core/version.h"
#include "vers3/object/objattr.h"
#include "vers3/util/minmax.h"

/* ---- the text ---- */

static bool read_number(const char **at, int base, char end,
			uint64_t *ret_number)
{
	unsigned long long n;
	char *stop;

	if (!isxdigit((unsigned char)**at))
		return false;
	errno = 0;
	n = strtoull(*at, &stop, base);
	if (errno || n > INT64_MAX || (*stop && *stop != end))
		return false;
	*at = *stop ? stop + 1 : stop;
	*ret_number = n;
	return true;
}

/* What follows the time; NULL: it is not of this object's time. */
static const char *skip_mtime(const char *text, const char *mtime)
{
	size_t len = mtime ? strlen(mtime) : 0;

	return text && len && !strncmp(text, mtime, len) && text[len] == ' '
		       ? text + len + 1
		       : NULL;
}

void sparse_parse(const struct kvlist *meta, uint64_t size_bytes,
		  struct holes *ret)
{
	const char *at = skip_mtime(kvlist_get(meta, SPARSE_META),
				    kvlist_get(meta, "mtime"));
	uint64_t units = (size_bytes + HOLES_UNIT - 1) / HOLES_UNIT;
	uint64_t size, data, zeros, pos = 0;
	struct holes h = {.count = 0};

	ret->count = 0;
	if (!at || !read_number(&at, 10, ' ', &size) || size != size_bytes)
		return;
	while (*at) {
		if (!read_number(&at, 16, '+', &data) ||
		    !read_number(&at, 16, ' ', &zeros) || !zeros ||
		    h.count == HOLES_MAX || data > units - pos ||
		    zeros > units - pos - data)
			return;
		pos += data + zeros;
		holes_add(&h, (pos - zeros) * HOLES_UNIT,
			  min_u64(pos * HOLES_UNIT, size_bytes), size_bytes);
	}
	*ret = h;
}

/* 0, or -ENOSPC. */
static int print(const struct holes *h, const char *mtime, uint64_t size_bytes,
		 char text[SPARSE_TEXT + 1])
{
	uint64_t pos = 0;
	int len = snprintf(text, SPARSE_TEXT + 1, "%s %" PRIu64, mtime,
			   size_bytes);

	for (size_t i = 0; i < h->count && len <= SPARSE_TEXT; i++) {
		uint64_t from = h->items[i].offset / HOLES_UNIT;
		uint64_t end = (h->items[i].offset + h->items[i].length +
				HOLES_UNIT - 1) /
			       HOLES_UNIT;

		len += snprintf(text + len, SPARSE_TEXT + 1 - (size_t)len,
				" %" PRIx64 "+%" PRIx64, from - pos,
				end - from);
		pos = end;
	}
	return len <= SPARSE_TEXT ? 0 : -ENOSPC;
}

int sparse_tell(const struct holes *h, uint64_t size_bytes, struct kvlist *meta)
{
	const char *mtime = kvlist_get(meta, "mtime");
	char text[SPARSE_TEXT + 1];
	struct holes some = *h;

	kvlist_del(meta, SPARSE_META);
	if (!mtime)
		return 0;
	while (some.count && print(&some, mtime, size_bytes, text))
		holes_remove_smallest(&some);
	if (!some.count ||
	    objattr_bytes(meta) + strlen(SPARSE_META) + strlen(text) >
		    OBJATTR_META_MAX)
		return 0;
	return kvlist_set(meta, SPARSE_META, text);
}

bool sparse_same(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	a = strchr(a, ' ');
	b = strchr(b, ' ');
	return a && b && !strcmp(a, b);
}

/* ---- files ---- */

int sparse_of_base(struct meta *meta, const struct meta_inode *inode,
		   struct holes *ret)
{
	ret->count = 0;
	if (!S_ISREG(inode->mode) || !inode->base.key[0] ||
	    !version_has_content_id(&inode->base))
		return 0;
	return meta_holes_get(meta, inode->ino, inode->base.id, ret);
}
