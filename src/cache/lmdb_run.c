/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the head of a run of LMDB's pages; see lmdb_run.h. */
#include "lmdb_run.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define OVERFLOW_PAGES 0x04 /* flag in the head */
#define CUT_BYTES      (UINT64_C(256) << 10)

struct page_head {
	uint64_t number;
	uint16_t pad;
	uint16_t flags;
	uint32_t pages;
};

static struct page_head head_of(const MDB_val *value)
{
	struct page_head head;

	memcpy(&head, (const char *)value->mv_data - LMDB_PAGE_HEAD,
	       sizeof(head));
	return head;
}

bool lmdb_run_is_whole(const MDB_val *value, size_t value_bytes,
		       size_t page_bytes)
{
	struct page_head head;

	if (value->mv_size != value_bytes)
		return false;
	head = head_of(value);
	return head.flags & OVERFLOW_PAGES &&
	       head.pages == (value_bytes + LMDB_PAGE_HEAD) / page_bytes;
}

void lmdb_run_cut(int fd, const MDB_val *value, size_t page_bytes)
{
	uint64_t at = head_of(value).number * page_bytes;
	uint64_t end = at + LMDB_PAGE_HEAD + value->mv_size;

	/* By another format it would be another's page. */
	if (!lmdb_run_is_whole(value, value->mv_size, page_bytes))
		return;
	for (at = (at + CUT_BYTES - 1) / CUT_BYTES * CUT_BYTES; at < end;
	     at += CUT_BYTES)
		if (pwrite(fd, "", 1, (off_t)at) != 1)
			return;
}
