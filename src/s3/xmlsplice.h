/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a document of which some elements were changed as a tree (xmltree.h):
 * those are written anew, and all that is around them goes out byte for byte
 * as it came. Private to this floor. Any thread; a document has one owner.
 */
#ifndef VERS3_SRC_S3_XMLSPLICE_H
#define VERS3_SRC_S3_XMLSPLICE_H

#include <stddef.h>

#include <libxml/tree.h>

#include "vers3/util/buf.h"

/* What became of a child of the root. */
enum xmlsplice_mark {
	XMLSPLICE_SAME,
	XMLSPLICE_CHANGED,
	XMLSPLICE_REMOVED, /* it stays in the tree until then */
	XMLSPLICE_NEW, /* behind all others of its name */
};

void xmlsplice_mark(xmlNodePtr node, enum xmlsplice_mark mark);
/*
 * Appends the text that doc was read from, with the root's children `name` as
 * they are marked. A text that is not in UTF-8 is written from the tree as a
 * whole. 0, -EIO, -ENOMEM, -EFBIG.
 */
int xmlsplice_write(xmlDocPtr doc, const char *text, size_t len,
		    const char *name, struct buf *out);

#endif
