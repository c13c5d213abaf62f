/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount whose daemon has died: the mount point is still taken, and every
 * look at it fails with ENOTCONN.
 */
#ifndef VERS3_MAIN_DEADMOUNT_H
#define VERS3_MAIN_DEADMOUNT_H

#include <stdbool.h>

/*
 * The absolute path of a mount point that cannot be looked at: its last name
 * is taken as it is spelled. A malloc'd string. 0 or -errno.
 */
int deadmount_path(const char *path, char **ret_path);
/* Whether looks at it fail so. */
bool deadmount_is_dead(const char *mountpoint);
/* Whether what is mounted there on top is vers3's, of this source. */
bool deadmount_is_ours(const char *mountpoint, const char *source);
/*
 * Takes away the dead mounts of this source from a mount point. To be called
 * by who holds the lock of the cache directory: then no daemon is left that
 * could still serve or send. 0; -ENOTCONN when the one on top is another's;
 * -errno.
 */
int deadmount_clear(const char *mountpoint, const char *source);

#endif
