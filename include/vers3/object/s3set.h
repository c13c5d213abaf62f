/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual attributes that are set on one version, by a request each: its
 * tags, how long it is retained, a legal hold. None makes a new version.
 *
 *	s3.tags		NAME=VALUE&NAME=VALUE, percent-encoded
 *	s3.retention	[GOVERNANCE |COMPLIANCE ]UNTIL: a time, a day, or 30d
 *	s3.legal_hold	ON or OFF
 *
 * Any thread, no lock held; calls wait for the bucket. S3 API:
 * GetObjectTagging, PutObjectTagging, PutObjectRetention, PutObjectLegalHold.
 */
#ifndef VERS3_OBJECT_S3SET_H
#define VERS3_OBJECT_S3SET_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/meta/inode.h"
#include "vers3/util/buf.h"

struct mount;

/* Whether a name is one of these. */
bool s3set_owns(const char *name);
/*
 * Sets one. 0; -EINVAL for a bad value, before anything is sent, and for what
 * the server calls so; -ENODATA: the version is in no bucket; or -errno.
 */
int s3set(struct mount *mount, const struct meta_version *version,
	  const char *name, const void *value, size_t size);
/* Appends s3.tags; -ENODATA: there are none. */
int s3set_get_tags(struct mount *mount, const struct meta_version *version,
		   struct buf *value);

#endif
