/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small configuration documents as libxml2 trees; private to this floor.
 * Namespaces are passed over when elements are looked for, since servers
 * differ in them. New elements take their parent's.
 */
#ifndef VERS3_SRC_S3_XMLTREE_H
#define VERS3_SRC_S3_XMLTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/*
 * Reads a document whose root is to be `root`. 0, -EIO when it is not
 * well-formed, has a DOCTYPE or another root, -EFBIG, -ENOMEM.
 */
int xmltree_parse(const char *doc, size_t len, const char *root,
		  xmlDocPtr *ret_doc);
/* Writes the whole document. 0, -ENOMEM, -EFBIG. */
int xmltree_write(xmlDocPtr doc, struct buf *ret_text);

/* The first child element of that name at or behind `node`; NULL if none. */
xmlNodePtr xmltree_from(xmlNodePtr node, const char *name);
/* The first child element of that name; NULL if none, or parent is NULL. */
xmlNodePtr xmltree_child(xmlNodePtr parent, const char *name);
/* The next sibling element of the same name. */
xmlNodePtr xmltree_next(xmlNodePtr node);
size_t xmltree_count_elements(xmlNodePtr parent);

/*
 * The text of a child element, trimmed. When there is none *ret_text stays.
 * The old string is freed. 0 or -ENOMEM.
 */
int xmltree_text(xmlNodePtr parent, const char *name, char **ret_text);
bool xmltree_text_is(xmlNodePtr parent, const char *name, const char *text);
/*
 * Whole numbers that an int64_t holds: -EIO for anything else. Absent:
 * *ret_value stays.
 */
int xmltree_number(xmlNodePtr parent, const char *name, uint64_t *ret_value);

/* What the Filter of a rule, or its old Prefix, says. */
struct xmltree_filter {
	char *prefix; /* owned; NULL: none */
	struct kvlist tags;
	bool has_over, has_under; /* 0 bytes is a size, too */
	uint64_t size_over_bytes;
	uint64_t size_under_bytes;
};
/* 0, -EIO, -ENOMEM; the filter is to be released in any case. */
int xmltree_filter(xmlNodePtr rule, struct xmltree_filter *ret_filter);
void xmltree_filter_release(struct xmltree_filter *filter);

/* Sets the text of a child element, made at the end where missing. */
int xmltree_set(xmlNodePtr parent, const char *name, const char *text);
/* The child element, made at the end where missing; NULL without memory. */
xmlNodePtr xmltree_make(xmlNodePtr parent, const char *name);
/* Removes each child element of that name. */
void xmltree_drop(xmlNodePtr parent, const char *name);
/* Takes one node out and frees it, with its indentation. */
void xmltree_cut(xmlNodePtr node);

#endif
