/* SPDX-License-Identifier: Apache-2.0 */
/* Small configuration documents as libxml2 trees. */
#include "xmltree.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libxml/parser.h>

/* 1,000 rules, S3's most, stay well below. */
#define DOCUMENT_MAX ((size_t)4 << 20)

static pthread_once_t xml_once = PTHREAD_ONCE_INIT;

int xmltree_parse(const char *doc, size_t len, const char *root,
		  xmlDocPtr *ret_doc)
{
	xmlNodePtr node;
	xmlDocPtr d;

	if (len > DOCUMENT_MAX)
		return -EFBIG;
	pthread_once(&xml_once, xmlInitParser);
	d = xmlReadMemory(doc, (int)len, NULL, NULL,
			  XML_PARSE_NONET | XML_PARSE_NOERROR |
				  XML_PARSE_NOWARNING);
	if (!d)
		return -EIO;
	node = xmlDocGetRootElement(d);
	if (d->intSubset || d->extSubset || !node ||
	    strcmp((const char *)node->name, root)) {
		xmlFreeDoc(d);
		return -EIO;
	}
	*ret_doc = d;
	return 0;
}

int xmltree_write(xmlDocPtr doc, struct buf *ret_text)
{
	xmlChar *text = NULL;
	int size = 0;
	int err;

	xmlDocDumpMemoryEnc(doc, &text, &size, "UTF-8");
	if (!text)
		return -ENOMEM;
	err = buf_add(ret_text, text, (size_t)size);
	xmlFree(text);
	return err;
}

xmlNodePtr xmltree_from(xmlNodePtr node, const char *name)
{
	for (; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE &&
		    !strcmp((const char *)node->name, name))
			return node;
	return NULL;
}

xmlNodePtr xmltree_child(xmlNodePtr parent, const char *name)
{
	return parent ? xmltree_from(parent->children, name) : NULL;
}

xmlNodePtr xmltree_next(xmlNodePtr node)
{
	return xmltree_from(node->next, (const char *)node->name);
}

size_t xmltree_count_elements(xmlNodePtr parent)
{
	return xmlChildElementCount(parent);
}

/* Text as C has it, without the blanks around it. NULL without memory. */
static char *trimmed(xmlNodePtr node)
{
	xmlChar *content = xmlNodeGetContent(node);
	char *s = (char *)content;
	char *copy;
	size_t len;

	if (!content)
		return NULL;
	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	copy = strndup(s, len);
	xmlFree(content);
	return copy;
}

int xmltree_text(xmlNodePtr parent, const char *name, char **ret_text)
{
	xmlNodePtr node = xmltree_child(parent, name);
	char *text;

	if (!node)
		return 0;
	text = trimmed(node);
	if (!text)
		return -ENOMEM;
	free(*ret_text);
	*ret_text = text;
	return 0;
}

bool xmltree_text_is(xmlNodePtr parent, const char *name, const char *text)
{
	char *got = NULL;
	bool same;

	if (xmltree_text(parent, name, &got))
		return false;
	same = got && !strcasecmp(got, text);
	free(got);
	return same;
}

int xmltree_number(xmlNodePtr parent, const char *name, uint64_t *ret_value)
{
	unsigned long long value;
	char *text = NULL;
	char *end;
	int err = xmltree_text(parent, name, &text);

	if (err || !text)
		return err;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || !isdigit((unsigned char)text[0]) || *end ||
	    value > INT64_MAX)
		err = -EIO;
	else
		*ret_value = value;
	free(text);
	return err;
}

static int filter_tags(xmlNodePtr parent, struct kvlist *tags)
{
	xmlNodePtr tag = xmltree_child(parent, "Tag");
	int err = 0;

	for (; !err && tag; tag = xmltree_next(tag)) {
		char *key = NULL, *value = NULL;

		err = xmltree_text(tag, "Key", &key);
		if (!err)
			err = xmltree_text(tag, "Value", &value);
		if (!err)
			err = key ? kvlist_add(tags, key, value ? value : "")
				  : -EIO;
		free(key);
		free(value);
	}
	return err == -E2BIG ? -EIO : err;
}

/* The conditions that stand right below one element. */
static int filter_conditions(xmlNodePtr in, struct xmltree_filter *f)
{
	int err = xmltree_text(in, "Prefix", &f->prefix);

	if (!err)
		err = filter_tags(in, &f->tags);
	if (!err)
		err = xmltree_number(in, "ObjectSizeGreaterThan",
				     &f->size_over_bytes);
	if (!err)
		err = xmltree_number(in, "ObjectSizeLessThan",
				     &f->size_under_bytes);
	f->has_over |= xmltree_child(in, "ObjectSizeGreaterThan") != NULL;
	f->has_under |= xmltree_child(in, "ObjectSizeLessThan") != NULL;
	return err;
}

int xmltree_filter(xmlNodePtr rule, struct xmltree_filter *ret_filter)
{
	xmlNodePtr filter = xmltree_child(rule, "Filter");
	xmlNodePtr and = xmltree_child(filter, "And");
	int err;

	memset(ret_filter, 0, sizeof(*ret_filter));
	kvlist_init(&ret_filter->tags);
	/* The old form has the prefix, and nothing else, in the rule. */
	err = xmltree_text(rule, "Prefix", &ret_filter->prefix);
	/* Some servers (Ceph 16) write the prefix beside the And. */
	if (!err && filter)
		err = filter_conditions(filter, ret_filter);
	if (!err && and)
		err = filter_conditions(and, ret_filter);
	return err;
}

void xmltree_filter_release(struct xmltree_filter *filter)
{
	free(filter->prefix);
	filter->prefix = NULL;
	kvlist_release(&filter->tags);
}

xmlNodePtr xmltree_make(xmlNodePtr parent, const char *name)
{
	xmlNodePtr node = xmltree_child(parent, name);

	return node ? node : xmlNewTextChild(parent, NULL, BAD_CAST name, NULL);
}

int xmltree_set(xmlNodePtr parent, const char *name, const char *text)
{
	xmlNodePtr node = xmltree_make(parent, name);
	xmlNodePtr content;

	if (!node)
		return -ENOMEM;
	content = xmlNewText(BAD_CAST text);
	if (!content)
		return -ENOMEM;
	xmlNodeSetContent(node, NULL);
	if (!xmlAddChild(node, content)) {
		xmlFreeNode(content);
		return -ENOMEM;
	}
	return 0;
}

void xmltree_cut(xmlNodePtr node)
{
	xmlNodePtr before = node->prev;

	/* One line's indentation goes; blanks on one side alone stay. */
	if (before && xmlIsBlankNode(before) && node->next &&
	    xmlIsBlankNode(node->next)) {
		xmlUnlinkNode(before);
		xmlFreeNode(before);
	}
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

void xmltree_drop(xmlNodePtr parent, const char *name)
{
	xmlNodePtr node;

	while ((node = xmltree_child(parent, name)))
		xmltree_cut(node);
}
