/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of overflow.h ask of files' attributes. */
#ifndef VERS3_TESTS_UNIT_OVERFLOW_RIG_H
#define VERS3_TESTS_UNIT_OVERFLOW_RIG_H

#include "vfs_rig.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>

#define KIB   1024u
#define LARGE (60 * KIB)
#define PLACE ".vers3/xattrs/"
#define REF   "vers3-xattrs"

static inline int set(struct rig *r, const char *path, const char *name,
		      char fill, size_t size)
{
	char *value = malloc(size + 1);
	int rc;

	assert_non_null(value);
	memset(value, fill, size);
	rc = vfs_setxattr(r->f.v, vfs_fixture_find(&r->f, path), name, value,
			  size, 0);
	free(value);
	return rc;
}

/* A file with more than its object has room for, saved. */
static inline void save_big(struct rig *r, const char *path)
{
	rig_write(r, path, "text");
	assert_int_equal(set(r, path, "user.big", 'a', LARGE), 0);
	rig_sync(r);
}

static inline int get(struct rig *r, const char *path, const char *name,
		      struct buf *value)
{
	buf_init(value, 1 << 20);
	return vfs_getxattr(r->f.v, vfs_fixture_find(&r->f, path), name, value);
}

static inline int try_get(struct rig *r, const char *path, const char *name)
{
	struct buf value;
	int rc = get(r, path, name, &value);

	buf_release(&value);
	return rc;
}

/* It is size times fill. */
static inline void has(struct rig *r, const char *path, const char *name,
		       char fill, size_t size)
{
	struct buf value;

	assert_int_equal(get(r, path, name, &value), 0);
	assert_int_equal(value.len, size);
	for (size_t i = 0; i < size; i++)
		assert_true(value.data[i] == fill);
	buf_release(&value);
}

static inline int try_list(struct rig *r, const char *path, char *names,
			   size_t size)
{
	struct buf list;
	int rc;

	buf_init(&list, size - 1);
	rc = vfs_listxattr(r->f.v, vfs_fixture_find(&r->f, path), &list);
	for (size_t i = 0; !rc && i < list.len; i++)
		names[i] = list.data[i] ? list.data[i] : ' ';
	names[rc ? 0 : list.len] = '\0';
	buf_release(&list);
	return rc;
}

static inline void lists(struct rig *r, const char *path, const char *want)
{
	char names[4096];

	assert_int_equal(try_list(r, path, names, sizeof(names)), 0);
	assert_string_equal(names, want);
}

/* The same once nothing is known here. */
static inline void has_big_cold(struct rig *r, const char *path)
{
	rig_forget(r);
	has(r, path, "user.big", 'a', LARGE);
}

/* What others put at a key, with these pairs of metadata. */
static inline void put_with(struct rig *r, const char *key, const char *text,
			    const char *const *pairs)
{
	struct kvlist meta;

	kvlist_init(&meta);
	for (; *pairs; pairs += 2)
		assert_int_equal(kvlist_add(&meta, pairs[0], pairs[1]), 0);
	rig_put_meta(r, key, text, strlen(text), &meta);
	kvlist_release(&meta);
}

/* The path of a version in the history, the oldest is 0. */
static inline void version(struct rig *r, const char *of, int number,
			   char *path, size_t size)
{
	char names[4096], dir[128], *name, *rest = names;

	snprintf(dir, sizeof(dir), ".versions/%s", of);
	assert_int_equal(rig_list(r, dir, false, names, sizeof(names)), 0);
	while ((name = strsep(&rest, " ")) && number--)
		;
	assert_non_null(name);
	snprintf(path, size, "%s/%s", dir, name);
}

/* Below the mount's prefix: where the overflow of an object is. */
static inline void overflow_of(struct rig *r, const char *key, char *to,
			       size_t size)
{
	char *ref = rig_meta(r, key, REF);

	assert_non_null(ref);
	ref[strcspn(ref, "?;")] = '\0';
	assert_int_equal(strncmp(ref, VFS_FIXTURE_PREFIX PLACE,
				 strlen(VFS_FIXTURE_PREFIX PLACE)),
			 0);
	snprintf(to, size, "%s", ref + strlen(VFS_FIXTURE_PREFIX));
	free(ref);
}

#define USERS 300

struct acl {
	struct posix_acl_xattr_header h;
	struct posix_acl_xattr_entry e[USERS + 4];
};

/* A list with so many users in it; its size. */
static inline size_t make_acl(struct acl *acl, unsigned users)
{
	size_t n = 0;

	acl->h.a_version = htole32(POSIX_ACL_XATTR_VERSION);
	memset(acl->e, 0, sizeof(acl->e));
	acl->e[n++].e_tag = htole16(ACL_USER_OBJ);
	for (unsigned i = 0; i < users; i++, n++) {
		acl->e[n].e_tag = htole16(ACL_USER);
		acl->e[n].e_id = htole32(5000 + i);
	}
	acl->e[n++].e_tag = htole16(ACL_GROUP_OBJ);
	acl->e[n++].e_tag = htole16(ACL_MASK);
	acl->e[n++].e_tag = htole16(ACL_OTHER);
	for (size_t i = 0; i < n; i++)
		acl->e[i].e_perm = htole16(5);
	return sizeof(acl->h) + n * sizeof(acl->e[0]);
}

#endif
