/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes of a file are zeros that take no room: what stat(2) counts, what
 * SEEK_HOLE finds, and what an object's metadata says of it:
 *
 *	vers3-holes: MTIME SIZE D+H D+H ...
 *
 * D units of data and H of zeros (4 KiB each, hexadecimal), by turns; what
 * follows is data. MTIME is the object's own `mtime`, SIZE its size (both
 * decimal): others who put new bytes under old metadata (s3fs does) change one
 * of them, and then it says nothing. What does not fit is left out, the
 * smallest hole first. An upload that began before all was known has it in the
 * tag vers3-holes (deferred_attrs.h).
 *
 * It is a word about a content, which is bound to a version as its metadata is;
 * a copy has both. Nobody reads zeros for it: bytes come from the bucket
 * always. Whoever copies a file by its holes trusts it, as much as any
 * attribute that the object's writer has set.
 *
 * Any thread; no call waits. Holes are the caller's. Sizes in bytes.
 */
#ifndef VERS3_OBJECT_SPARSE_H
#define VERS3_OBJECT_SPARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/meta/holes.h"
#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"
#include "vers3/util/kv.h"

#define SPARSE_META "vers3-holes"
#define SPARSE_TEXT 256 /* bytes at most: what a tag's value holds */

/* What an object's metadata (names without x-amz-meta-) says; pure. */
void sparse_parse(const struct kvlist *meta, uint64_t size_bytes,
		  struct holes *ret);
/* Has it say so, in place of what it said, if there is room. 0, -ENOMEM. */
int sparse_tell(const struct holes *h, uint64_t size_bytes,
		struct kvlist *meta);
/* Whether two texts (NULL: none) name the same holes. */
bool sparse_same(const char *a, const char *b);

/* What is known of the inode's base; with meta_lock() held. 0, -EIO. */
int sparse_of_base(struct meta *meta, const struct meta_inode *inode,
		   struct holes *ret);

#endif
