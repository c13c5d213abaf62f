/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual extended attributes `s3.*`: what S3 says of a version. Never
 * listed, so that cp -a and rsync -X leave them alone; read one by one. On
 * Linux an attribute needs a name space, so they are asked for as
 * `user.s3.NAME`; plain `s3.NAME` is taken too where the kernel lets it
 * through.
 *
 * Pure; any thread. Values are appended to the caller's buffer. S3 API:
 * HeadObject, response headers.
 */
#ifndef VERS3_OBJECT_S3XATTR_H
#define VERS3_OBJECT_S3XATTR_H

#include "vers3/meta/inode.h"
#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/* Whether a name is one of these. */
bool s3xattr_owns(const char *name);
/* Whether a name is this one of these: without its name space. */
bool s3xattr_is(const char *name, const char *bare);
/* Whether the version alone tells it, and head may be empty. */
bool s3xattr_of_version(const char *name);
/* Whether the server may say another thing of the version at any time. */
bool s3xattr_is_state(const char *name);
/* Brings these in a head to what another one says. 0 or -ENOMEM. */
int s3xattr_take_states(const struct kvlist *now, struct kvlist *head);
/*
 * Appends the value. head: the object's headers as meta_head_get() gives
 * them. -ENODATA where S3 said nothing or the name is unknown.
 */
int s3xattr_get(const char *name, const struct meta_version *version,
		const struct kvlist *head, struct buf *value);

#endif
