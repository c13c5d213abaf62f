/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data and holes of a file, by turns: what is staged, over what its base has
 * (sparse.h), over zeros.
 *
 * Any thread; none waits. Offsets and sizes in bytes.
 */
#ifndef VERS3_TREE_RUNS_H
#define VERS3_TREE_RUNS_H

#include "vers3/meta/holes.h"
#include "vers3/tree/file_snapshot.h"

/* The holes of what a snapshot holds. Pure. */
void runs_of_snapshot(const struct file_snapshot *snap, struct holes *ret);
/*
 * Of what kind the inode's byte at `at` is, before its end, and how far that
 * goes on at least; base: its base's holes. In units of HOLES_UNIT, as on a
 * local disk: one that has a byte of data is data, and programs that look for
 * the size of a unit find it. With meta_lock() held. 0, -EIO.
 */
int runs_at(struct meta *meta, const struct meta_inode *inode,
	    const struct holes *base, uint64_t at, bool *ret_hole,
	    uint64_t *ret_end);
/*
 * How many bytes of it are data. What is in very many pieces is counted as
 * data from some point on. With meta_lock() held.
 */
uint64_t runs_data_bytes(struct meta *meta, const struct meta_inode *inode);

#endif
