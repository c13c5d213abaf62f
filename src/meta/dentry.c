/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directory entries, in three tables that are always changed together:
 *
 *	DENTRY	parent, name      → ino, cookie
 *	ORDER	parent, cookie    → ino, name	(readdir needs no other)
 *	NAME	ino, parent, name → version	(the names of an inode)
 */
#include "vers3/meta/dentry.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "vers3/meta/record.h"
#include "vers3/util/path.h"

#define DENTRY_KEY_MAX (8 + META_NAME_MAX)
#define NAME_KEY_MAX   (16 + META_NAME_MAX)
#define ORDER_KEY_SIZE 16
#define ORDER_VAL_MAX  (8 + META_NAME_MAX)

/* The length of a name, or 0 when none can be like it. */
static size_t name_len(const char *name)
{
	size_t len = strnlen(name, META_NAME_MAX + 1);

	return len > META_NAME_MAX ? 0 : len;
}

static size_t dentry_key(unsigned char *key, uint64_t parent, const char *name,
			 size_t len)
{
	meta_be64(key, parent);
	memcpy(key + 8, name, len);
	return 8 + len;
}

static size_t reverse_key(unsigned char *key, uint64_t ino, uint64_t parent,
			  const char *name, size_t len)
{
	meta_be64(key, ino);
	meta_be64(key + 8, parent);
	memcpy(key + 16, name, len);
	return 16 + len;
}

/* A name as it stands on disk: 1 to 255 bytes without a NUL. */
static int read_name(const void *data, size_t len, char *ret_name)
{
	if (!len || len > META_NAME_MAX || memchr(data, '\0', len))
		return -EIO;
	memcpy(ret_name, data, len);
	ret_name[len] = '\0';
	return 0;
}

static int read_dentry(const struct meta_val *val, struct meta_dentry *dentry)
{
	const unsigned char *p = val->data;

	if (val->size != 16)
		return -EIO;
	dentry->ino = meta_from_be64(p);
	dentry->cookie = meta_from_be64(p + 8);
	return 0;
}

int meta_dentry_get(struct meta *m, uint64_t parent, const char *name,
		    struct meta_dentry *ret)
{
	unsigned char key[DENTRY_KEY_MAX];
	size_t len = name_len(name);
	struct meta_dentry dentry;
	struct meta_val val;
	int rc;

	if (!len)
		return -ENOENT;
	rc = meta_get(m, META_DENTRY, key, dentry_key(key, parent, name, len),
		      &val);
	if (!rc)
		rc = read_dentry(&val, &dentry);
	if (rc)
		return rc;
	dentry.parent = parent;
	memcpy(dentry.name, name, len + 1);
	*ret = dentry;
	return 0;
}

/* Writes all three records of an entry. */
static int write_entry(struct meta *m, uint64_t parent, const char *name,
		       uint64_t ino, uint64_t cookie)
{
	unsigned char key[NAME_KEY_MAX], val[ORDER_VAL_MAX];
	size_t len = name_len(name);
	int rc;

	meta_be64(val, ino);
	meta_be64(val + 8, cookie);
	rc = meta_put(m, META_DENTRY, key, dentry_key(key, parent, name, len),
		      val, 16);
	if (rc)
		return rc;
	meta_be64(key, parent);
	meta_be64(key + 8, cookie);
	memcpy(val + 8, name, len);
	rc = meta_put(m, META_ORDER, key, ORDER_KEY_SIZE, val, 8 + len);
	if (rc)
		return rc;
	return meta_put(m, META_NAME, key,
			reverse_key(key, ino, parent, name, len), "", 0);
}

/* Takes a record that has to be there away. */
static int del_known(struct meta *m, enum meta_table t, const void *key,
		     size_t len)
{
	int rc = meta_del(m, t, key, len);

	return rc == -ENOENT ? -EIO : rc;
}

int meta_dentry_add(struct meta *m, uint64_t parent, const char *name,
		    uint64_t ino)
{
	struct meta_dentry old;
	uint64_t cookie;
	int rc;

	if (!name_len(name))
		return -EINVAL;
	rc = meta_dentry_get(m, parent, name, &old);
	if (rc != -ENOENT)
		return rc ? rc : -EEXIST;
	rc = meta_next_id(m, &cookie);
	if (rc)
		return rc;
	return write_entry(m, parent, name, ino, cookie);
}

int meta_dentry_set(struct meta *m, uint64_t parent, const char *name,
		    uint64_t ino)
{
	unsigned char key[NAME_KEY_MAX];
	struct meta_dentry old;
	int rc;

	rc = meta_dentry_get(m, parent, name, &old);
	if (rc || old.ino == ino)
		return rc;
	rc = del_known(m, META_NAME, key,
		       reverse_key(key, old.ino, parent, name, strlen(name)));
	if (rc)
		return rc;
	return write_entry(m, parent, name, ino, old.cookie);
}

int meta_dentry_del(struct meta *m, uint64_t parent, const char *name)
{
	unsigned char key[NAME_KEY_MAX];
	struct meta_dentry old;
	size_t len;
	int rc;

	rc = meta_dentry_get(m, parent, name, &old);
	if (rc)
		return rc;
	len = reverse_key(key, old.ino, parent, name, strlen(name));
	rc = del_known(m, META_NAME, key, len);
	if (rc)
		return rc;
	meta_be64(key, parent);
	meta_be64(key + 8, old.cookie);
	rc = del_known(m, META_ORDER, key, ORDER_KEY_SIZE);
	if (rc)
		return rc;
	len = dentry_key(key, parent, name, strlen(name));
	return meta_del(m, META_DENTRY, key, len);
}

int meta_dentry_next(struct meta *m, uint64_t parent, uint64_t after,
		     struct meta_dentry *ret)
{
	unsigned char key[META_KEY_BUF];
	struct meta_dentry dentry;
	struct meta_val val;
	size_t len;
	int rc;

	meta_be64(key, parent);
	meta_be64(key + 8, after);
	rc = meta_seek(m, META_ORDER, key, ORDER_KEY_SIZE, 8, true, key, &len,
		       &val);
	if (rc)
		return rc;
	if (len != ORDER_KEY_SIZE || val.size < 8)
		return -EIO;
	dentry.parent = parent;
	dentry.ino = meta_from_be64(val.data);
	dentry.cookie = meta_from_be64(key + 8);
	rc = read_name((const unsigned char *)val.data + 8, val.size - 8,
		       dentry.name);
	if (!rc)
		*ret = dentry;
	return rc;
}

int meta_dentry_next_name(struct meta *m, uint64_t parent, const char *after,
			  struct meta_dentry *ret)
{
	unsigned char key[META_KEY_BUF];
	size_t len = strnlen(after, META_NAME_MAX);
	struct meta_dentry dentry;
	struct meta_val val;
	int rc;

	len = dentry_key(key, parent, after, len);
	rc = meta_seek(m, META_DENTRY, key, len, 8, true, key, &len, &val);
	if (!rc)
		rc = read_dentry(&val, &dentry);
	if (!rc)
		rc = read_name(key + 8, len - 8, dentry.name);
	if (rc)
		return rc;
	dentry.parent = parent;
	*ret = dentry;
	return 0;
}

int meta_dentry_any(struct meta *m, uint64_t parent)
{
	unsigned char key[8];
	int rc;

	meta_be64(key, parent);
	rc = meta_seek(m, META_DENTRY, key, sizeof(key), sizeof(key), false,
		       NULL, NULL, NULL);
	if (rc == -ENOENT)
		return 0;
	return rc ? rc : 1;
}

/* The key of the first name of ino after (after_parent, after_name). */
static int seek_name(struct meta *m, uint64_t ino, uint64_t after_parent,
		     const char *after_name, uint64_t *ret_parent,
		     char *ret_name)
{
	unsigned char key[META_KEY_BUF];
	size_t len = strnlen(after_name, META_NAME_MAX);
	int rc;

	len = reverse_key(key, ino, after_parent, after_name, len);
	rc = meta_seek(m, META_NAME, key, len, 8, true, key, &len, NULL);
	if (rc)
		return rc;
	if (len < 16)
		return -EIO;
	rc = read_name(key + 16, len - 16, ret_name);
	if (!rc)
		*ret_parent = meta_from_be64(key + 8);
	return rc;
}

int meta_name_next(struct meta *m, uint64_t ino, uint64_t after_parent,
		   const char *after_name, struct meta_dentry *ret)
{
	char name[META_NAME_MAX + 1];
	uint64_t parent;
	int rc;

	rc = seek_name(m, ino, after_parent, after_name, &parent, name);
	if (rc)
		return rc;
	rc = meta_dentry_get(m, parent, name, ret);
	return rc == -ENOENT ? -EIO : rc;
}

int meta_name_version_get(struct meta *m, uint64_t ino, uint64_t parent,
			  const char *name, struct meta_version *ret)
{
	unsigned char key[NAME_KEY_MAX];
	struct record_reader r;
	struct meta_val val;
	int rc = meta_get(m, META_NAME, key,
			  reverse_key(key, ino, parent, name, name_len(name)),
			  &val);

	if (rc || !val.size)
		return rc ? rc : -ENOENT;
	r = record_read(&val);
	record_get_version(&r, ret, NULL);
	return record_end(&r);
}

int meta_name_version_put(struct meta *m, uint64_t ino, uint64_t parent,
			  const char *name, const struct meta_version *v)
{
	unsigned char key[NAME_KEY_MAX];
	struct record_writer w = {.len = 0};

	record_put_version(&w, v, NULL);
	if (w.bad)
		return -EINVAL;
	return meta_put(m, META_NAME, key,
			reverse_key(key, ino, parent, name, name_len(name)),
			w.data, w.len);
}

int meta_path(struct meta *m, uint64_t parent, const char *name, char *buf)
{
	char path[META_KEY_MAX + 1], part[META_NAME_MAX + 1];
	size_t at = META_KEY_MAX, len;
	uint64_t up;
	int rc;

	/* Filled from its end towards the front, the root's side. */
	path[at] = '\0';
	for (;;) {
		if (name) {
			bool last = path[at] == '\0';

			len = strlen(name);
			if (at < len + !last)
				return -ENAMETOOLONG;
			if (!last)
				path[--at] = '/';
			at -= len;
			memcpy(path + at, name, len);
		}
		if (parent == META_ROOT_INO)
			break;
		rc = seek_name(m, parent, 0, "", &up, part);
		if (rc)
			return rc == -ENOENT ? -ESTALE : rc;
		parent = up;
		name = part;
	}
	memcpy(buf, path + at, META_KEY_MAX - at + 1);
	return 0;
}

int meta_resolve_parent(struct meta *m, const char *path, uint64_t *ret_ino)
{
	char dir[META_KEY_MAX + 1];
	size_t len = path_parent_len(path);

	if (len > META_KEY_MAX)
		return -ENOENT;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return meta_resolve(m, dir, ret_ino);
}

int meta_resolve(struct meta *m, const char *path, uint64_t *ret_ino)
{
	char part[META_NAME_MAX + 1];
	uint64_t ino = META_ROOT_INO;
	struct meta_dentry dentry;
	struct meta_inode inode;
	size_t len;
	int rc;

	while (*path) {
		len = strcspn(path, "/");
		if (!len || len > META_NAME_MAX)
			return -ENOENT;
		memcpy(part, path, len);
		part[len] = '\0';
		rc = meta_dentry_get(m, ino, part, &dentry);
		if (rc)
			return rc;
		ino = dentry.ino;
		path += len;
		if (!*path)
			break;
		if (*++path)
			continue;
		rc = meta_inode_get(m, ino, &inode);
		if (rc)
			return rc;
		if (!S_ISDIR(inode.mode))
			return -ENOENT;
	}
	*ret_ino = ino;
	return 0;
}
