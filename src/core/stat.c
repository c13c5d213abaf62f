/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/core/stat.h"

#include <string.h>

#include "vers3/core/link_id.h"
#include "vers3/util/clock.h"

void inode_stat(const struct meta_inode *in, struct stat *ret_st)
{
	memset(ret_st, 0, sizeof(*ret_st));
	ret_st->st_ino = in->ino;
	ret_st->st_mode = in->mode;
	ret_st->st_nlink = link_count(in);
	/* 1 says that nobody has counted what is in it. */
	if (S_ISDIR(in->mode) && in->nlink && !(in->flags & META_I_LISTED))
		ret_st->st_nlink = 1;
	ret_st->st_uid = in->uid;
	ret_st->st_gid = in->gid;
	ret_st->st_rdev = in->rdev;
	ret_st->st_size = S_ISDIR(in->mode) ? 4096 : (off_t)in->size_bytes;
	ret_st->st_blksize = 1 << 20;
	ret_st->st_blocks = (ret_st->st_size + 511) / 512;
	ret_st->st_mtim = clock_timespec(in->mtime_ns);
	ret_st->st_ctim = clock_timespec(in->ctime_ns);
	ret_st->st_atim = clock_timespec(in->atime_ns);
}

void inode_stat_data(const struct meta_inode *in, uint64_t data_bytes,
		     struct stat *ret_st)
{
	inode_stat(in, ret_st);
	if (S_ISREG(in->mode))
		ret_st->st_blocks = (blkcnt_t)((data_bytes + 511) / 512);
}
