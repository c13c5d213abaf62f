/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS's shared files, ~/.aws/config and ~/.aws/credentials, as the "AWS SDKs
 * and Tools Reference Guide" (Shared config and credentials files) has them:
 * sections, settings, comments, and settings nested one level under another.
 */
#ifndef VERS3_S3_PROFILE_H
#define VERS3_S3_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/util/kv.h"

/*
 * Adds the settings of one section of a file, names in lower case, a nested
 * one as "parent.name". A section that stands twice is read as one; a later
 * setting replaces an earlier one. 0; -ENOENT when there is no such file or
 * no such section; -EINVAL when a line is not understood (reason names it,
 * never its content); -errno.
 */
int profile_read(const char *path, const char *section, struct kvlist *settings,
		 char *reason, size_t size);
/*
 * Adds the settings of a profile from both files, those of the credentials
 * file first in rank. AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE are
 * followed. Errors as profile_read(), -ENOENT when neither knows it.
 */
int profile_load(const char *name, struct kvlist *settings, char *reason,
		 size_t size);
/*
 * Where they are looked for: both files' paths, with a word between them, for
 * people.
 */
void profile_where(const char *between, char *text, size_t size);
/* The path of the file with the keys, owned by the caller. 0 or -ENOMEM. */
int profile_keys_path(char **ret_path);
/*
 * Whether the settings' credential_process stands in a file that somebody
 * else may have written it into: one that neither this user nor root owns or,
 * for root, that others than its owner may write. Then reason says what to do.
 */
bool profile_distrusts(const struct kvlist *settings, char *reason,
		       size_t size);
/* Overwrites all values, some being secret, and releases the list. */
void profile_release(struct kvlist *settings);

#endif
