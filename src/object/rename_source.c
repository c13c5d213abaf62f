/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes the source in an inode when it is moved, adds it to the metadata of
 * what is sent, and reads it back without the mount's prefix.
 */
#include "vers3/object/rename_source.h"

#include <errno.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/net/uri.h"
#include "vers3/object/objattr.h"

#define VERSION_WORD "?versionId="

int rename_source_note(struct mount *mount, const struct meta_inode *inode,
		       const char *from, const char *to)
{
	struct meta_inode now = *inode;

	if (!mount->config.versioned || S_ISDIR(inode->mode))
		return 0;
	/*
	 * What was copied here from another name did not stand under the old
	 * one yet; of what was renamed before, the base is its past still.
	 */
	if (!strcmp(inode->base.key, from))
		now.flags |= META_I_RENAMED;
	if (!strcmp(inode->base.key, to))
		now.flags &= ~(uint32_t)META_I_RENAMED;
	return now.flags == inode->flags ? 0
					 : meta_inode_put(mount->meta, &now);
}

bool rename_source_is(const struct mount *mount, const struct meta_inode *inode,
		      const char *path)
{
	return (inode->flags & META_I_RENAMED) && mount->config.versioned &&
	       inode->nlink < 2 && inode->base.key[0] &&
	       strcmp(inode->base.key, path) != 0;
}

int rename_source_add(const struct mount *mount,
		      const struct meta_version *from, struct kvlist *meta)
{
	char key[META_KEY_MAX + 1];
	struct buf text;
	int rc;

	if (!from->version_id[0])
		return 0;
	rc = mount_key(mount, from->key, key);
	if (rc)
		return rc;
	buf_init(&text, RENAMED_MAX);
	rc = uri_encode(&text, key, strlen(key), true);
	if (!rc)
		rc = buf_puts(&text, VERSION_WORD);
	if (!rc)
		rc = uri_encode(&text, from->version_id,
				strlen(from->version_id), false);
	if (!rc && objattr_bytes(meta) + strlen(RENAMED_META) + text.len <=
			   RENAMED_MAX)
		rc = kvlist_set(meta, RENAMED_META, text.data);
	buf_release(&text);
	return rc == -EFBIG || rc == -E2BIG ? 0 : rc;
}

int rename_source_tell(const struct mount *mount, const char *text,
		       struct buf *value)
{
	const char *end = text ? strstr(text, VERSION_WORD) : NULL;
	size_t skip = strlen(mount->config.prefix);
	struct buf key;
	int rc;

	if (!end)
		return -ENODATA;
	buf_init(&key, META_KEY_MAX);
	rc = uri_decode(&key, text, (size_t)(end - text), false);
	if (rc && rc != -ENOMEM)
		rc = -ENODATA;
	if (!rc && (key.len <= skip || memchr(key.data, '\0', key.len) ||
		    memcmp(key.data, mount->config.prefix, skip) != 0))
		rc = -ENODATA;
	if (!rc)
		rc = uri_encode(value, key.data + skip, key.len - skip, true);
	if (!rc)
		rc = buf_puts(value, end);
	buf_release(&key);
	return rc;
}
