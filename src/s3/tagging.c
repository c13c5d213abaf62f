/* SPDX-License-Identifier: Apache-2.0 */
/* Tag sets of objects: reading and writing their documents. */
#include "vers3/s3/tagging.h"

#include <errno.h>
#include <stdlib.h>

#include "xmltree.h"

static int parse_tag(xmlNodePtr node, struct kvlist *tags)
{
	char *name = NULL, *value = NULL;
	int err = xmltree_text(node, "Key", &name);

	if (!err)
		err = xmltree_text(node, "Value", &value);
	if (!err && !name)
		err = -EIO;
	if (!err)
		err = kvlist_add(tags, name, value ? value : "");
	free(name);
	free(value);
	return err;
}

int tagging_parse(const char *doc, size_t len, struct kvlist *tags)
{
	xmlNodePtr set, node;
	xmlDocPtr d;
	int err = xmltree_parse(doc, len, "Tagging", &d);

	if (err)
		return err;
	set = xmltree_child(xmlDocGetRootElement(d), "TagSet");
	node = xmltree_child(set, "Tag");
	for (; !err && node; node = xmltree_next(node))
		err = parse_tag(node, tags);
	xmlFreeDoc(d);
	return err;
}

static int add_tag(xmlNodePtr set, const struct kv *tag)
{
	xmlNodePtr node = xmlNewTextChild(set, NULL, BAD_CAST "Tag", NULL);
	int err = node ? xmltree_set(node, "Key", tag->name) : -ENOMEM;

	return err ? err : xmltree_set(node, "Value", tag->value);
}

int tagging_write(const struct kvlist *tags, struct buf *out)
{
	xmlDocPtr d = xmlNewDoc(BAD_CAST "1.0");
	xmlNodePtr root = NULL, set = NULL;
	int err = -ENOMEM;

	if (d)
		root = xmlNewNode(NULL, BAD_CAST "Tagging");
	if (!root)
		goto out;
	xmlDocSetRootElement(d, root);
	if (!xmlNewNs(root, BAD_CAST "http://s3.amazonaws.com/doc/2006-03-01/",
		      NULL))
		goto out;
	set = xmltree_make(root, "TagSet");
	err = set ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < tags->count; i++)
		err = add_tag(set, &tags->items[i]);
	if (!err)
		err = xmltree_write(d, out);
out:
	if (d)
		xmlFreeDoc(d);
	return err;
}
