/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"

#include <errno.h>

#include "vers3/cache/blocks.h"
#include "vers3/cache/space.h"
#include "vers3/cache/staging.h"
#include "vers3/vfs/vfs.h"

#define FEW_PAGES  16 /* of a list: some 16,000 names */
#define PAGE_BYTES (UINT64_C(512) << 10) /* that the names of one take here */

#define CHANGE_BYTES (UINT64_C(16) << 20) /* made where changes have none */

int room_for_change(struct vfs *v)
{
	int rc = meta_room(v->meta);

	if (rc != -ENOSPC)
		return rc;
	blocks_make_room(v->blocks, CHANGE_BYTES);
	return meta_room(v->meta);
}

int room_check(struct vfs *v, uint64_t bytes)
{
	uint64_t quota = v->config.quota_bytes;
	int rc = meta_room(v->meta);

	if (rc)
		return rc;
	if (quota && staging_used_bytes(v->staging) + bytes > quota)
		return -EDQUOT;
	return space_check(v->space, bytes);
}

int room_make_clean(struct vfs *v, uint64_t bytes)
{
	int rc = room_check(v, bytes);

	if (rc != -ENOSPC)
		return rc;
	blocks_make_room(v->blocks, bytes);
	return room_check(v, bytes);
}

/*
 * A directory is listed on a full disk, too; but one that has no end, or a
 * server that makes one up, stops where staged and cached data do.
 */
int room_for_page(struct vfs *v, uint64_t pages)
{
	int rc = pages < FEW_PAGES ? space_check_low(v->space)
				   : space_check(v->space, PAGE_BYTES);

	if (!rc)
		return 0;
	blocks_make_room(v->blocks, PAGE_BYTES);
	return pages < FEW_PAGES ? space_check_low(v->space)
				 : space_check(v->space, PAGE_BYTES);
}
