/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: (inode, name) → value, as they are. */
#include "vers3/meta/inode.h"

#include <errno.h>
#include <string.h>

#define XATTR_NAME_MAX_BYTES 255 /* Linux's XATTR_NAME_MAX */
#define XATTR_KEY_MAX	     (8 + XATTR_NAME_MAX_BYTES)

/* The key's length; 0 when no attribute can have that name. */
static size_t xattr_key(unsigned char *key, uint64_t ino, const char *name)
{
	size_t len = strlen(name);

	if (!len || len > XATTR_NAME_MAX_BYTES)
		return 0;
	meta_be64(key, ino);
	memcpy(key + 8, name, len);
	return 8 + len;
}

int meta_xattr_get(struct meta *m, uint64_t ino, const char *name,
		   struct meta_val *ret_val)
{
	unsigned char key[XATTR_KEY_MAX];
	size_t len = xattr_key(key, ino, name);
	int rc;

	if (!len)
		return -ENODATA;
	rc = meta_get(m, META_XATTR, key, len, ret_val);
	return rc == -ENOENT ? -ENODATA : rc;
}

int meta_xattr_set(struct meta *m, uint64_t ino, const char *name,
		   const void *value, size_t size)
{
	unsigned char key[XATTR_KEY_MAX];
	size_t len = xattr_key(key, ino, name);

	if (!len)
		return -ERANGE;
	return meta_put(m, META_XATTR, key, len, value, size);
}

int meta_xattr_del(struct meta *m, uint64_t ino, const char *name)
{
	unsigned char key[XATTR_KEY_MAX];
	size_t len = xattr_key(key, ino, name);
	int rc;

	if (!len)
		return -ENODATA;
	rc = meta_del(m, META_XATTR, key, len);
	return rc == -ENOENT ? -ENODATA : rc;
}

int meta_xattr_clear(struct meta *m, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_del_prefix(m, META_XATTR, key, sizeof(key));
}

int meta_xattr_each(struct meta *m, uint64_t ino,
		    int (*fn)(void *ctx, const char *name, const void *value,
			      size_t size),
		    void *ctx)
{
	unsigned char key[META_KEY_BUF];
	struct meta_val val;
	size_t len = 8;
	int rc;

	meta_be64(key, ino);
	for (;;) {
		rc = meta_seek(m, META_XATTR, key, len, 8, true, key, &len,
			       &val);
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		if (len > XATTR_KEY_MAX)
			return -EIO;
		key[len] = '\0';
		rc = fn(ctx, (const char *)key + 8, val.data, val.size);
		if (rc)
			return rc;
	}
}
