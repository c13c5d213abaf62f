/* SPDX-License-Identifier: Apache-2.0 */
/* Fills struct stat; blocks of 512 bytes are counted here. */
#include "vers3/core/stat.h"

#include <string.h>

#include "vers3/core/link_id.h"
#include "vers3/util/clock.h"

void inode_stat(const struct meta_inode *inode, struct stat *ret_st)
{
	memset(ret_st, 0, sizeof(*ret_st));
	ret_st->st_ino = inode->ino;
	ret_st->st_mode = inode->mode;
	ret_st->st_nlink = link_count(inode);
	/* 1 says that nobody has counted what is in it. */
	if (S_ISDIR(inode->mode) && inode->nlink &&
	    !(inode->flags & META_I_LISTED))
		ret_st->st_nlink = 1;
	ret_st->st_uid = inode->uid;
	ret_st->st_gid = inode->gid;
	ret_st->st_rdev = inode->rdev;
	ret_st->st_size =
		S_ISDIR(inode->mode) ? 4096 : (off_t)inode->size_bytes;
	ret_st->st_blksize = 1 << 20;
	ret_st->st_blocks = (ret_st->st_size + 511) / 512;
	ret_st->st_mtim = clock_timespec(inode->mtime_ns);
	ret_st->st_ctim = clock_timespec(inode->ctime_ns);
	ret_st->st_atim = clock_timespec(inode->atime_ns);
}

void inode_stat_data(const struct meta_inode *inode, uint64_t data_bytes,
		     struct stat *ret_st)
{
	inode_stat(inode, ret_st);
	if (S_ISREG(inode->mode))
		ret_st->st_blocks = (blkcnt_t)((data_bytes + 511) / 512);
}
