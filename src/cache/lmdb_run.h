/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of pages that one large value fills in LMDB's file: its format, as
 * lmdb.h does not tell it (mdb.c, MDB_page). No locks; any thread.
 */
#ifndef VERS3_SRC_CACHE_LMDB_RUN_H
#define VERS3_SRC_CACHE_LMDB_RUN_H

#include <lmdb.h>
#include <stdbool.h>

#define LMDB_PAGE_HEAD 16 /* bytes before the value on its first page */

/*
 * Whether the head of a value's run says the pages that a value of value_bytes
 * takes. LMDB frees as many as it says, whatever that is; a damaged one would
 * free the pages of others.
 */
bool lmdb_run_is_whole(const MDB_val *value, size_t value_bytes,
		       size_t page_bytes);
/*
 * Prepares the file for the run of a value that was put just now, in a
 * transaction which has not ended, without MDB_WRITEMAP. LMDB writes all of a
 * transaction at once, and for so large a write the kernel takes pieces of
 * memory that are as large. On a virtual machine which gives free memory back
 * in such pieces the host has to find each page of them again, and that costs
 * ten times as much as the copy does. A byte here and there has it take small
 * ones. Nothing is lost by that: nobody sees these pages before the
 * transaction ends, and then all of them are written. What does not look like a
 * run is left alone. Best effort.
 */
void lmdb_run_cut(int fd, const MDB_val *value, size_t page_bytes);

#endif
