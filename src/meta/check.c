/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables and the namespace promise at rest: check.h has the list. */
#include "vers3/meta/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/meta/extent.h"

struct check {
	struct meta *m;
	char *words;
	size_t size;
};

/* A place in a table. */
struct row {
	unsigned char key[META_KEY_BUF];
	size_t len;
	struct meta_val val;
};

__attribute__((format(printf, 3, 4))) static int
broken(struct check *c, int number, const char *format, ...)
{
	int n = snprintf(c->words, c->size, "I%d: ", number);
	va_list args;

	va_start(args, format);
	if (n > 0 && (size_t)n < c->size)
		vsnprintf(c->words + n, c->size - (size_t)n, format, args);
	va_end(args);
	return number;
}

/* The next record; start with a row of zeros. -ENOENT at the end. */
static int next_row(struct check *c, enum meta_table t, struct row *row)
{
	return meta_seek(c->m, t, row->key, row->len, 0, true, row->key,
			 &row->len, &row->val);
}

/* At the end of a table: 0. */
static int ended(int rc)
{
	return rc == -ENOENT ? 0 : rc;
}

static int check_dirty(struct check *c)
{
	struct meta_dirty_cursor at = META_DIRTY_START;
	struct meta_dirty dirty, again;
	uint64_t count = 0;
	int rc;

	while (!(rc = meta_dirty_next(c->m, &at, &dirty))) {
		uint64_t due = meta_from_be64(at.at) ^ UINT64_C(1) << 63;

		count++;
		rc = meta_dirty_get(c->m, dirty.key, &again);
		if (rc || (uint64_t)again.due_ns != due)
			return broken(c, 1, "%s is not due when it says",
				      dirty.key);
	}
	if (rc != -ENOENT)
		return rc;
	if (count != meta_count(c->m, META_DIRTY) ||
	    count != meta_count(c->m, META_DUE))
		return broken(c, 1, "%" PRIu64 " records, %" PRIu64 " are due",
			      meta_count(c->m, META_DIRTY), count);
	return 0;
}

/* Whether ORDER and NAME have an entry of DENTRY. */
static int check_entry(struct check *c, const struct meta_dentry *d)
{
	struct meta_dentry there;
	unsigned char key[16 + META_NAME_MAX];
	size_t len = strlen(d->name);
	int rc = meta_dentry_next(c->m, d->parent, d->cookie - 1, &there);

	if (rc || there.cookie != d->cookie || there.ino != d->ino ||
	    strcmp(there.name, d->name) != 0)
		return broken(c, 2, "%" PRIu64 "/%s has no place in the order",
			      d->parent, d->name);
	meta_be64(key, d->ino);
	meta_be64(key + 8, d->parent);
	memcpy(key + 16, d->name, len);
	if (meta_get(c->m, META_NAME, key, 16 + len, &(struct meta_val){0}))
		return broken(c, 2, "%" PRIu64 "/%s is no name of its inode",
			      d->parent, d->name);
	return 0;
}

/* The next entry of DENTRY. */
static int next_entry(struct check *c, struct row *row, struct meta_dentry *ret)
{
	size_t len;
	int rc = next_row(c, META_DENTRY, row);

	if (rc)
		return rc;
	len = row->len > 8 ? row->len - 8 : 0;
	if (!len || len > META_NAME_MAX || row->val.size != 16)
		return -EIO;
	ret->parent = meta_from_be64(row->key);
	ret->ino = meta_from_be64(row->val.data);
	ret->cookie = meta_from_be64((const unsigned char *)row->val.data + 8);
	memcpy(ret->name, row->key + 8, len);
	ret->name[len] = '\0';
	return 0;
}

static int check_entries(struct check *c)
{
	uint64_t count = meta_count(c->m, META_DENTRY);
	struct row row = {.len = 0};
	struct meta_dentry d;
	int rc;

	if (count != meta_count(c->m, META_ORDER) ||
	    count != meta_count(c->m, META_NAME))
		return broken(c, 2, "%" PRIu64 " entries, not as many in order",
			      count);
	while (!(rc = next_entry(c, &row, &d))) {
		rc = check_entry(c, &d);
		if (rc)
			return rc;
	}
	return ended(rc);
}

static int check_extents(struct check *c)
{
	uint64_t ino = 0, end = 0, place = 0;
	struct row row = {.len = 0};
	int rc;

	while (!(rc = next_row(c, META_EXTENT, &row))) {
		uint64_t of, at, length;

		if (row.len != 16 || row.val.size != 16)
			return -EIO;
		of = meta_from_be64(row.key);
		at = meta_from_be64(row.key + 8);
		length = meta_from_be64(row.val.data);
		if (!length || (of == ino && at < end))
			return broken(c, 3, "%" PRIu64 " at %" PRIu64, of, at);
		if (of == ino && at == end &&
		    meta_from_be64((const unsigned char *)row.val.data + 8) ==
			    place)
			return broken(c, 3,
				      "%" PRIu64 " is cut at %" PRIu64
				      " for nothing",
				      of, at);
		ino = of;
		end = at + length;
		place = meta_from_be64((const unsigned char *)row.val.data +
				       8) +
			length;
	}
	return ended(rc);
}

static int check_tables(struct check *c)
{
	int rc = check_dirty(c);

	if (!rc)
		rc = check_entries(c);
	return rc ? rc : check_extents(c);
}

static int check_inodes_of_entries(struct check *c)
{
	struct row row = {.len = 0};
	struct meta_inode inode;
	struct meta_dentry d;
	int rc;

	while (!(rc = next_entry(c, &row, &d))) {
		if (meta_inode_get(c->m, d.ino, &inode))
			return broken(c, 4, "%" PRIu64 "/%s: no inode",
				      d.parent, d.name);
		if (meta_inode_get(c->m, d.parent, &inode) ||
		    !S_ISDIR(inode.mode))
			return broken(c, 4, "%" PRIu64 "/%s: no directory",
				      d.parent, d.name);
	}
	return ended(rc);
}

static bool is_in(struct check *c, enum meta_table t, uint64_t ino)
{
	unsigned char key[8];
	struct meta_val val;

	meta_be64(key, ino);
	return !meta_get(c->m, t, key, sizeof(key), &val);
}

/* Its names: how many, and whether one has a path, and a dirty key there. */
struct names {
	unsigned count;
	bool has_key, dirty;
};

static int look_at_names(struct check *c, const struct meta_inode *inode,
			 struct names *n)
{
	struct meta_dentry d = {.name = ""};
	char path[META_KEY_MAX + 2];
	int64_t due_ns;
	int rc;

	*n = (struct names){0};
	while (!(rc = meta_name_next(c->m, inode->ino, d.parent, d.name, &d))) {
		n->count++;
		if (meta_path(c->m, d.parent, d.name, path))
			continue; /* below what is gone */
		if (S_ISDIR(inode->mode))
			strcat(path, "/");
		n->has_key = true;
		if (!meta_dirty_due(c->m, path, &due_ns))
			n->dirty = true;
	}
	return ended(rc);
}

static int check_names(struct check *c, const struct meta_inode *inode)
{
	bool nameless = is_in(c, META_ORPHAN, inode->ino);
	const uint32_t unsent = META_I_STAGED | META_I_ATTR_DIRTY;
	struct names n;
	int rc = look_at_names(c, inode, &n);

	if (rc)
		return rc;
	if (S_ISDIR(inode->mode) ? n.count > 1 : n.count != inode->nlink)
		return broken(c, 5, "%" PRIu64 " has %u names, nlink is %u",
			      inode->ino, n.count, inode->nlink);
	if (nameless && n.count)
		return broken(c, 6, "%" PRIu64 " has a name", inode->ino);
	if (!n.count && !nameless && inode->ino != META_ROOT_INO &&
	    !is_in(c, META_GONE, inode->ino))
		return broken(c, 6, "%" PRIu64 " has no name", inode->ino);
	if ((inode->flags & unsent) && n.has_key && !n.dirty)
		return broken(c, 9, "%" PRIu64 " will not be sent", inode->ino);
	return 0;
}

static int check_content(struct check *c, const struct meta_inode *inode)
{
	uint64_t at = 0, offset, length, place, end = 0;
	int rc;

	while (!(rc = meta_extent_next(c->m, inode->ino, at, &offset, &length,
				       &place)))
		at = end = offset + length;
	if (rc != -ENOENT)
		return rc;
	if (end && !(inode->flags & META_I_STAGED))
		return broken(c, 8, "%" PRIu64 " has extents", inode->ino);
	if (end > inode->size_bytes || inode->base_bytes > inode->size_bytes ||
	    inode->base_bytes > inode->base.size_bytes)
		return broken(c, 8,
			      "%" PRIu64 ": extents to %" PRIu64 ", %" PRIu64
			      " of a base of %" PRIu64 ", size %" PRIu64,
			      inode->ino, end, inode->base_bytes,
			      inode->base.size_bytes, inode->size_bytes);
	return 0;
}

static int check_inodes(struct check *c)
{
	struct meta_inode inode;
	uint64_t ino = 0;
	int rc;

	while (!(rc = meta_inode_next(c->m, ino, &ino))) {
		rc = meta_inode_get(c->m, ino, &inode);
		if (!rc)
			rc = check_names(c, &inode);
		if (!rc && !S_ISDIR(inode.mode))
			rc = check_content(c, &inode);
		if (rc)
			return rc;
	}
	return ended(rc);
}

/* What stands with an inode: each record of these begins with its number. */
static int check_owned(struct check *c)
{
	static const enum meta_table tables[] = {
		META_XATTR, META_HEAD, META_EXTENT, META_HOLES, META_TAGS};
	int rc = -ENOENT;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct row row = {.len = 0};

		while (!(rc = next_row(c, tables[i], &row))) {
			uint64_t ino = meta_from_be64(row.key);

			if (!is_in(c, META_INODE, ino))
				return broken(c, 7,
					      "table %d, of %" PRIu64
					      " that is not there",
					      (int)tables[i], ino);
		}
	}
	return ended(rc);
}

static int check_after(struct check *c)
{
	struct meta_dirty_cursor at = META_DIRTY_START;
	struct meta_dirty dirty;
	int rc;

	while (!(rc = meta_dirty_next(c->m, &at, &dirty)))
		if (!strcmp(dirty.depends_on, dirty.key))
			return broken(c, 10, "%s", dirty.key);
	return ended(rc);
}

int meta_check_tables(struct meta *m, char *words, size_t size)
{
	struct check c = {m, words, size};
	int rc = meta_lock(m);

	if (rc)
		return rc;
	rc = check_tables(&c);
	meta_unlock(m);
	return rc;
}

int meta_check(struct meta *m, char *words, size_t size)
{
	struct check c = {m, words, size};
	int rc = meta_lock(m);

	if (rc)
		return rc;
	rc = check_tables(&c);
	if (!rc)
		rc = check_inodes_of_entries(&c);
	if (!rc)
		rc = check_inodes(&c);
	if (!rc)
		rc = check_owned(&c);
	if (!rc)
		rc = check_after(&c);
	meta_unlock(m);
	return rc;
}
