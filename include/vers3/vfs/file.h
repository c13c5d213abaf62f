/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open files: of the live tree, of the versions view (an immutable version)
 * and of the control file. The functions are vfs.h's vfs_open() to
 * vfs_copy_range(); here stands what the rest of the floor needs of them.
 */
#ifndef VERS3_VFS_FILE_H
#define VERS3_VFS_FILE_H

#include "vers3/vfs/vfs.h"

/* Sets the size of a file by its number (truncate(2), O_TRUNC). */
int file_truncate(struct vfs *v, uint64_t ino, uint64_t size_bytes);

#endif
