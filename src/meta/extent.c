/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staged extents: (inode, offset) → length, place. Offsets are off_t's, so an
 * end is at most INT64_MAX and cannot wrap. A record that ends past that, or
 * has no length, is damage.
 */
#include "vers3/meta/extent.h"

#include <errno.h>
#include <string.h>

struct span {
	uint64_t start, end;
	uint64_t at; /* of start, in staging */
};

static int parse(const unsigned char *key, size_t len,
		 const struct meta_val *val, struct span *ret)
{
	uint64_t start, length, at;

	if (len != 16 || val->size != 16)
		return -EIO;
	start = meta_from_be64(key + 8);
	length = meta_from_be64(val->data);
	at = meta_extent_place_of(val);
	if (!length || start > INT64_MAX || length > INT64_MAX - start ||
	    at > INT64_MAX || length > INT64_MAX - at)
		return -EIO;
	*ret = (struct span){start, start + length, at};
	return 0;
}

static void make_key(unsigned char *key, uint64_t ino, uint64_t offset)
{
	meta_be64(key, ino);
	meta_be64(key + 8, offset);
}

/* The last extent that starts before offset. */
static int span_before(struct meta *m, uint64_t ino, uint64_t offset,
		       struct span *ret)
{
	unsigned char key[META_KEY_BUF];
	struct meta_val val;
	size_t len;
	int rc;

	make_key(key, ino, offset);
	rc = meta_seek_before(m, META_EXTENT, key, 16, 8, key, &len, &val);
	return rc ? rc : parse(key, len, &val, ret);
}

/* The first extent that starts at offset or after it. */
static int span_from(struct meta *m, uint64_t ino, uint64_t offset,
		     struct span *ret)
{
	unsigned char key[META_KEY_BUF];
	struct meta_val val;
	size_t len;
	int rc;

	make_key(key, ino, offset);
	rc = meta_seek(m, META_EXTENT, key, 16, 8, false, key, &len, &val);
	return rc ? rc : parse(key, len, &val, ret);
}

static int span_put(struct meta *m, uint64_t ino, const struct span *s)
{
	unsigned char key[16], value[16];

	make_key(key, ino, s->start);
	meta_be64(value, s->end - s->start);
	meta_be64(value + 8, s->at);
	return meta_put(m, META_EXTENT, key, sizeof(key), value, sizeof(value));
}

static int span_del(struct meta *m, uint64_t ino, uint64_t start)
{
	unsigned char key[16];

	make_key(key, ino, start);
	return meta_del(m, META_EXTENT, key, sizeof(key));
}

/* Joins [start, end) with what lies before it and after it, if it can. */
static int span_join(struct meta *m, uint64_t ino, struct span *s)
{
	struct span t;
	int rc = span_from(m, ino, s->end, &t);

	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && t.start == s->end && t.at == s->at + (s->end - s->start)) {
		s->end = t.end;
		rc = span_del(m, ino, t.start);
		if (rc)
			return rc;
	}
	rc = span_before(m, ino, s->start, &t);
	if (rc && rc != -ENOENT)
		return rc;
	/* The one before grows: its record is written anew. */
	if (!rc && t.end == s->start && t.at + (t.end - t.start) == s->at)
		*s = (struct span){t.start, s->end, t.at};
	return 0;
}

int meta_extent_add(struct meta *m, uint64_t ino, uint64_t offset,
		    uint64_t length, uint64_t at)
{
	struct span s = {offset, offset + length, at};
	int rc;

	if (offset > INT64_MAX || length > INT64_MAX - offset ||
	    at > INT64_MAX || length > INT64_MAX - at)
		return -EFBIG;
	if (!length)
		return 0;
	rc = meta_extent_remove(m, ino, offset, length);
	if (!rc)
		rc = span_join(m, ino, &s);
	return rc ? rc : span_put(m, ino, &s);
}

/* What is left of s before `offset` and after `end`. */
static int span_cut(struct meta *m, uint64_t ino, const struct span *s,
		    uint64_t offset, uint64_t end)
{
	struct span left = {s->start, offset, s->at};
	struct span right = {end, s->end, s->at + (end - s->start)};
	int rc = 0;

	if (s->start < offset)
		rc = span_put(m, ino, &left);
	else
		rc = span_del(m, ino, s->start);
	if (!rc && s->end > end)
		rc = span_put(m, ino, &right);
	return rc;
}

int meta_extent_remove(struct meta *m, uint64_t ino, uint64_t offset,
		       uint64_t length)
{
	struct span s;
	uint64_t end;
	int rc;

	if (!length || offset >= INT64_MAX)
		return 0;
	end = length > INT64_MAX - offset ? INT64_MAX : offset + length;
	rc = span_before(m, ino, offset, &s);
	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && s.end > offset) {
		rc = span_cut(m, ino, &s, offset, end);
		if (rc || s.end >= end)
			return rc;
	}
	for (;;) {
		rc = span_from(m, ino, offset, &s);
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		if (s.start >= end)
			return 0;
		rc = span_cut(m, ino, &s, offset, end);
		if (rc || s.end >= end)
			return rc;
	}
}

int meta_extent_next(struct meta *m, uint64_t ino, uint64_t offset,
		     uint64_t *ret_offset, uint64_t *ret_length,
		     uint64_t *ret_at)
{
	struct span s;
	int rc;

	if (offset >= INT64_MAX)
		return -ENOENT;
	rc = span_before(m, ino, offset + 1, &s);
	if (rc && rc != -ENOENT)
		return rc;
	if (rc || s.end <= offset) {
		rc = span_from(m, ino, offset + 1, &s);
		if (rc)
			return rc;
	}
	*ret_offset = s.start;
	*ret_length = s.end - s.start;
	*ret_at = s.at;
	return 0;
}

int meta_extent_clear(struct meta *m, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_del_prefix(m, META_EXTENT, key, sizeof(key));
}

int meta_extent_next_logged(struct meta *m, unsigned most, uint64_t *ino,
			    uint64_t *offset, uint64_t *ret_length,
			    uint64_t *ret_at)
{
	unsigned char key[META_KEY_BUF];
	struct meta_val val;
	struct span s;
	size_t len;

	for (unsigned i = 0; i < most; i++) {
		int rc;

		make_key(key, *ino, *offset);
		rc = meta_seek(m, META_EXTENT, key, 16, 0, true, key, &len,
			       &val);
		if (!rc)
			rc = parse(key, len, &val, &s);
		if (rc)
			return rc;
		*ino = meta_from_be64(key);
		*offset = s.start;
		*ret_length = s.end - s.start;
		*ret_at = s.at;
		if (meta_extent_in_log(s.at))
			return 0;
	}
	return -EAGAIN;
}
