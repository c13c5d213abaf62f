/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the head of a run of LMDB's pages; see lmdb_run.h. */
#include "lmdb_run.h"

#include <stdint.h>
#include <string.h>

#define OVERFLOW_PAGES 0x04 /* flag in the head */

struct page_head {
	uint64_t number;
	uint16_t pad;
	uint16_t flags;
	uint32_t pages;
};

bool lmdb_run_is_whole(const MDB_val *value, size_t value_bytes,
		       size_t page_bytes)
{
	struct page_head head;

	if (value->mv_size != value_bytes)
		return false;
	memcpy(&head, (const char *)value->mv_data - LMDB_PAGE_HEAD,
	       sizeof(head));
	return head.flags & OVERFLOW_PAGES &&
	       head.pages == (value_bytes + LMDB_PAGE_HEAD) / page_bytes;
}
