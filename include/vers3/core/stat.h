/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stat(2) tells of an inode.
 *
 * Pure; any thread. Sizes in bytes, blocks in 512 bytes, as stat(2).
 */
#ifndef VERS3_CORE_STAT_H
#define VERS3_CORE_STAT_H

#include <sys/stat.h>

#include "vers3/meta/inode.h"

/* From the inode alone: a file has as many blocks as it has bytes. */
void inode_stat(const struct meta_inode *inode, struct stat *ret_st);
/* The same of one with so many bytes of data; holes take no blocks. */
void inode_stat_data(const struct meta_inode *inode, uint64_t data_bytes,
		     struct stat *ret_st);

#endif
