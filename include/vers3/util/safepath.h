/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that nobody else can lead astray: of what a daemon, perhaps root's,
 * makes or opens by name.
 */
#ifndef VERS3_UTIL_SAFEPATH_H
#define VERS3_UTIL_SAFEPATH_H

#include <stddef.h>
#include <sys/stat.h>

/*
 * The path with all links followed, absolute, malloc'd, in *ret_real. What
 * does not exist of its end is taken as it is. 0; -EPERM when a directory or
 * link on the way belongs to another user than this one and root, or when
 * others may write the directory (for what is to stay there, one with the
 * sticky bit will do); -ELOOP, -ENAMETOOLONG, -ENOMEM, -errno. Then reason
 * (size bytes) has one line. What stands at the end, if it is no link, is the
 * caller's to look at.
 */
int safepath_resolve(const char *path, char *reason, size_t size,
		     char **ret_real);
/* Whether others than its owner (and a group of root's) may write it. */
int safepath_is_shared(const struct stat *st);

#endif
