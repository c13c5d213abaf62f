/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERS3_SRC_CTL_UNMOUNT_H
#define VERS3_SRC_CTL_UNMOUNT_H

#include <stddef.h>

struct target;

/*
 * Has everything below a path of a mount sent ("" : all), with a bar on a
 * terminal. 0 or -errno with one line in reason (size bytes).
 */
int sync_place(const struct target *p, const char *path, char *reason,
	       size_t size);
/*
 * What umount(8) runs: DIRECTORY and its own switches. An exit status of
 * umount(8): 32 when it is still mounted, 64 when it is not and something is
 * left for the next mount.
 */
int unmount_helper(int argc, char **argv);

#endif
