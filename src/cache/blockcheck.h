/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the tree of a block environment can be walked.
 *
 * LMDB trusts its file: on a damaged page it may assert, run past the map or
 * loop. So an environment left by an earlier process is first walked by a
 * child process, and one that ends the child is thrown away. The bytes of the
 * blocks are not read (each has its checksum), only the pages that lead to
 * them.
 */
#ifndef VERS3_SRC_CACHE_BLOCKCHECK_H
#define VERS3_SRC_CACHE_BLOCKCHECK_H

#include <stddef.h>
#include <stdint.h>

/*
 * 0, -EUCLEAN when the file is damaged, or the -errno of having no child.
 * Values have at least min_value and at most max_value bytes.
 */
int blockcheck(const char *path, uint64_t map_bytes, size_t min_value,
	       size_t max_value);

#endif
