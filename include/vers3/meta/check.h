/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds whenever nothing is under way. Other files refer to the numbers.
 *
 * The tables, also under meta_lock() in the midst of all:
 *
 *	I1	a dirty record stands in DUE once, under its time; nothing
 *		else stands there
 *	I2	an entry has its ORDER and its NAME, which say the same; nothing
 *		else stands there
 *	I3	the extents of an inode are not empty, do not overlap, and two
 *		whose offsets and places go on from one another are one
 *
 * The namespace, between two holds of meta_lock():
 *
 *	I4	an entry's inode is there, and its parent, a directory
 *	I5	what is no directory has as many names as nlink says; a
 *		directory has one at most
 *	I6	an inode without a name is the root, an orphan or gone; an
 *		orphan has no name
 *	I7	attributes, metadata, extents, holes and tags are of an inode
 *		that is there
 *	I8	no extent ends beyond the size, and base_bytes neither beyond
 *		that nor beyond the base; who has extents is META_I_STAGED
 *	I9	what is META_I_STAGED or META_I_ATTR_DIRTY and has a name with a
 *		path has a dirty key
 *	I10	no dirty record waits for itself
 */
#ifndef VERS3_META_CHECK_H
#define VERS3_META_CHECK_H

#include <stddef.h>

#include "vers3/meta/meta.h"

/*
 * For tests: looks at all records, under one hold of meta_lock(). 0; the number
 * of the first that does not hold, with words (of `size` bytes) that say where;
 * or -EIO.
 */
int meta_check_tables(struct meta *m, char *words, size_t size);
/* The same with the namespace. */
int meta_check(struct meta *m, char *words, size_t size);

#endif
