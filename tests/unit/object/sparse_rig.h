/* SPDX-License-Identifier: Apache-2.0 */
/* Files with holes. */
#ifndef VERS3_TESTS_UNIT_OBJECT_SPARSE_RIG_H
#define VERS3_TESTS_UNIT_OBJECT_SPARSE_RIG_H

#include "../vfs_rig.h"

#include "vers3/core/mount.h"

#define MIB  (UINT64_C(1) << 20)
#define SIZE (UINT64_C(4) * MIB)

static inline void set_size(struct rig *r, const char *path, uint64_t size)
{
	struct stat st = {.st_size = (off_t)size}, now;

	assert_int_equal(vfs_setattr(r->f.v, vfs_fixture_find(&r->f, path), &st,
				     VFS_SET_SIZE, &now),
			 0);
}

#endif
