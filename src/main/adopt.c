/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for a few of the known objects, to be sure that it is the same bucket,
 * and renames first the namespace's identity, then the lock file's.
 */
#include "vers3/main/adopt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/main/cachedir.h"
#include "vers3/meta/inode.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define ASK_MAX	 32
#define LOOK_MAX 100000 /* inodes */

/* Whether the version could be told from that of another bucket. */
static bool tells(const struct meta_version *ver)
{
	if (!ver->key[0] || !ver->etag[0])
		return false;
	if (meta_is_version_id(ver->version_id))
		return true;
	return ver->size_bytes && ver->last_modified_ns;
}

/* The next inode after *ino whose base tells. 0 or -ENOENT. */
static int next_known(struct meta *meta, uint64_t *ino, unsigned *looks,
		      struct meta_version *ret)
{
	struct meta_inode inode;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	do {
		rc = ++*looks > LOOK_MAX ? -ENOENT
					 : meta_inode_next(meta, *ino, ino);
		if (!rc)
			rc = meta_inode_get(meta, *ino, &inode);
	} while (!rc && !tells(&inode.base));
	meta_unlock(meta);
	if (!rc)
		*ret = inode.base;
	return rc;
}

static bool same(const struct meta_version *ver, const struct store_object *o)
{
	if (!o->etag || strcmp(o->etag, ver->etag) != 0 ||
	    o->size_bytes != ver->size_bytes)
		return false;
	if (meta_is_version_id(ver->version_id))
		return o->version_id && !strcmp(o->version_id, ver->version_id);
	return o->last_modified_ns / NS_PER_S ==
	       ver->last_modified_ns / NS_PER_S;
}

/* 1, 0 or why it is not known. */
static int ask(struct store *store, const char *prefix,
	       const struct meta_version *ver)
{
	char key[2 * META_KEY_MAX + 1];
	struct store_request r;
	int rc;

	snprintf(key, sizeof(key), "%s%s", prefix, ver->key);
	rc = store_head(store, &r, key, ver->version_id);
	if (!rc)
		rc = same(ver, &r.reply.object);
	else if (rc == -ENOENT || rc == -EACCES || rc == -EINVAL ||
		 rc == -EOPNOTSUPP) /* a marker (405) tells nothing, either */
		rc = 0;
	store_request_release(&r);
	return rc;
}

int adopt_is_same(struct meta *meta, struct store *store, const char *prefix)
{
	struct meta_version ver;
	unsigned looks = 0;
	uint64_t ino = 0;
	int rc = 0;

	for (int i = 0; i < ASK_MAX; i++) {
		rc = next_known(meta, &ino, &looks, &ver);
		if (rc)
			break;
		rc = ask(store, prefix, &ver);
		if (rc)
			return rc < 0 ? rc : 0;
	}
	return rc && rc != -ENOENT ? rc : -EXDEV;
}

static int rename_meta(struct meta *meta, const char *path, const char *to,
		       struct store *store, const char *prefix, char *reason,
		       size_t size)
{
	int rc;

	rc = adopt_is_same(meta, store, prefix);
	if (!rc)
		rc = meta_set_identity(meta, to);
	if (rc == -EXDEV)
		snprintf(reason, size,
			 "cache directory %s is not taken over: the bucket has "
			 "none of the objects that are known there, so it may "
			 "be another of the same name",
			 path);
	else if (rc)
		snprintf(reason, size,
			 "cache directory %s is not taken over: %s", path,
			 strerror(-rc));
	return rc;
}

int adopt_dir(const char *dir, const char *from, const char *to,
	      unsigned wait_ms, struct store *store, const char *prefix,
	      char *reason, size_t size)
{
	struct cachedir *d;
	struct meta *meta;
	const char *path;
	int rc = cachedir_open(dir, from, wait_ms, reason, size, &d);

	if (rc)
		return rc;
	path = cachedir_path(d);
	rc = meta_open(path, from, reason, size, &meta);
	if (!rc) {
		rc = rename_meta(meta, path, to, store, prefix, reason, size);
		meta_close(meta);
	} else if (rc == -EXDEV) {
		rc = 0; /* What was cut off goes on: it was looked at before. */
	}
	/* The tables say so, and not their log alone: that is of one name. */
	if (!rc)
		rc = meta_open(path, to, reason, size, &meta);
	if (!rc) {
		meta_close(meta);
		rc = cachedir_rename(d, to);
		if (rc)
			snprintf(reason, size, "cache directory %s: %s", dir,
				 strerror(-rc));
		else
			log_info("cache directory %s was that of %s and is "
				 "that of %s now",
				 dir, from, to);
	}
	cachedir_close(d);
	return rc;
}
