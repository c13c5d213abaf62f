/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which room is asked for: the namespace, quota=, the disk; and
 * the cached blocks that give way.
 */
#include "vers3/tree/reservation.h"

#include <errno.h>

#include "tree_impl.h"
#include "vers3/cache/blocks.h"
#include "vers3/cache/space.h"
#include "vers3/cache/staging.h"
#include "vers3/core/mount.h"

#define FEW_PAGES  16 /* of a list: some 16,000 names */
#define PAGE_BYTES (UINT64_C(512) << 10) /* that the names of one take here */

#define CHANGE_BYTES (UINT64_C(16) << 20) /* made where changes have none */

int reservation_for_change(struct tree *tree)
{
	int rc = meta_room(tree->meta);

	if (rc != -ENOSPC)
		return rc;
	blocks_make_room(tree->mount->blocks, CHANGE_BYTES);
	return meta_room(tree->meta);
}

int reservation_check(struct tree *tree, uint64_t bytes)
{
	uint64_t quota = tree->mount->config.quota_bytes;
	int rc = meta_room(tree->meta);

	if (rc)
		return rc;
	watermark_look(tree->mount);
	if (quota && staging_used_bytes(tree->mount->staging) + bytes > quota)
		return -EDQUOT;
	return space_check(tree->mount->space, bytes);
}

int reservation_make_clean(struct tree *tree, uint64_t bytes)
{
	int rc = reservation_check(tree, bytes);

	if (rc != -ENOSPC)
		return rc;
	blocks_make_room(tree->mount->blocks, bytes);
	return reservation_check(tree, bytes);
}

/*
 * A directory is listed on a full disk, too; but one that has no end, or a
 * server that makes one up, stops where staged and cached data do.
 */
int reservation_for_page(struct tree *tree, uint64_t pages)
{
	int rc = pages < FEW_PAGES
			 ? space_check_low(tree->mount->space)
			 : space_check(tree->mount->space, PAGE_BYTES);

	if (!rc)
		return 0;
	blocks_make_room(tree->mount->blocks, PAGE_BYTES);
	return pages < FEW_PAGES ? space_check_low(tree->mount->space)
				 : space_check(tree->mount->space, PAGE_BYTES);
}
