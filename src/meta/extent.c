/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staged extents: (inode, offset) → length. Offsets are off_t's, so an end
 * is at most INT64_MAX and cannot wrap. A record that ends past that, or has
 * no length, is damage.
 */
#include "vers3/meta/extent.h"

#include <errno.h>
#include <string.h>

struct span {
	uint64_t start, end;
};

static int parse(const unsigned char *key, size_t len,
		 const struct meta_val *val, struct span *ret)
{
	uint64_t start, length;

	if (len != 16 || val->size != 8)
		return -EIO;
	start = meta_from_be64(key + 8);
	length = meta_from_be64(val->data);
	if (!length || start > INT64_MAX || length > INT64_MAX - start)
		return -EIO;
	*ret = (struct span){start, start + length};
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

static int span_put(struct meta *m, uint64_t ino, uint64_t start, uint64_t end)
{
	unsigned char key[16], length[8];

	make_key(key, ino, start);
	meta_be64(length, end - start);
	return meta_put(m, META_EXTENT, key, sizeof(key), length,
			sizeof(length));
}

static int span_del(struct meta *m, uint64_t ino, uint64_t start)
{
	unsigned char key[16];

	make_key(key, ino, start);
	return meta_del(m, META_EXTENT, key, sizeof(key));
}

int meta_extent_add(struct meta *m, uint64_t ino, uint64_t offset,
		    uint64_t length)
{
	uint64_t start = offset, end;
	struct span s;
	int rc;

	if (offset > INT64_MAX || length > INT64_MAX - offset)
		return -EFBIG;
	if (!length)
		return 0;
	end = offset + length;
	rc = span_before(m, ino, offset + 1, &s);
	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && s.end >= start) {
		if (s.end >= end)
			return 0;
		start = s.start;
	}
	/* Those that the new one covers or touches become part of it. */
	for (;;) {
		rc = span_from(m, ino, start + 1, &s);
		if (rc && rc != -ENOENT)
			return rc;
		if (rc || s.start > end)
			break;
		if (s.end > end)
			end = s.end;
		rc = span_del(m, ino, s.start);
		if (rc)
			return rc;
	}
	return span_put(m, ino, start, end);
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
		rc = span_put(m, ino, s.start, offset);
		if (!rc && s.end > end)
			rc = span_put(m, ino, end, s.end);
		if (rc || s.end >= end)
			return rc;
	}
	for (;;) {
		rc = span_from(m, ino, offset, &s);
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		if (s.start >= end)
			return 0;
		rc = span_del(m, ino, s.start);
		if (!rc && s.end > end)
			rc = span_put(m, ino, end, s.end);
		if (rc || s.end >= end)
			return rc;
	}
}

int meta_extent_next(struct meta *m, uint64_t ino, uint64_t offset,
		     uint64_t *ret_offset, uint64_t *ret_length)
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
	return 0;
}

int meta_extent_clear(struct meta *m, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_del_prefix(m, META_EXTENT, key, sizeof(key));
}

int meta_extent_total(struct meta *m, uint64_t ino, uint64_t *ret_bytes)
{
	struct span s = {0, 0};
	uint64_t sum = 0;
	int rc;

	for (;;) {
		rc = span_from(m, ino, s.end, &s);
		if (rc)
			break;
		sum += s.end - s.start;
	}
	if (rc != -ENOENT)
		return rc;
	*ret_bytes = sum;
	return 0;
}
