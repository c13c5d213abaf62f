/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERS3_SRC_VFS_EXPORT_H
#define VERS3_SRC_VFS_EXPORT_H

#include "vers3/vfs/vfs.h"

/* The cache directory's own number, made at its first mount. 0 or -errno. */
int export_generation(struct meta *m, uint64_t *ret_generation);

#endif
