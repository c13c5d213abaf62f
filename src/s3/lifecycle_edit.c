/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits of lifecycle documents. A rule is changed as a tree, and only at the
 * elements that a change is about; all around it goes back byte for byte.
 */
#include "vers3/s3/lifecycle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/clock.h"
#include "xmlsplice.h"
#include "xmltree.h"

#define ROOT "LifecycleConfiguration"
#define EMPTY                                                                  \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<" ROOT                   \
	" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>\n"
#define ID_MAX 255

static xmlNodePtr find_rule(xmlDocPtr doc, const char *id)
{
	xmlNodePtr node = xmltree_child(xmlDocGetRootElement(doc), "Rule");

	for (; node; node = xmltree_next(node)) {
		char *got = NULL;
		bool same = !xmltree_text(node, "ID", &got) && got &&
			    !strcmp(got, id);

		free(got);
		if (same)
			return node;
	}
	return NULL;
}

/* Text that XML can carry and servers give back as it was. */
static bool is_text(const char *s)
{
	if (!xmlCheckUTF8(BAD_CAST s))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int set_number(xmlNodePtr parent, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return xmltree_set(parent, name, text);
}

/* Puts a node first among its parent's children. */
static void move_first(xmlNodePtr node)
{
	xmlNodePtr first = node->parent->children;

	if (first != node)
		xmlAddPrevSibling(first, node);
}

static int add_tags(xmlNodePtr parent, const struct kvlist *tags)
{
	int err = 0;

	for (size_t i = 0; !err && i < tags->count; i++) {
		xmlNodePtr tag =
			xmlNewTextChild(parent, NULL, BAD_CAST "Tag", NULL);

		if (!tag)
			return -ENOMEM;
		err = xmltree_set(tag, "Key", tags->items[i].name);
		if (!err)
			err = xmltree_set(tag, "Value", tags->items[i].value);
	}
	return err;
}

static void move_children(xmlNodePtr from, xmlNodePtr to)
{
	xmlNodePtr next;

	for (xmlNodePtr node = from->children; node; node = next) {
		next = node->next;
		if (node == to)
			continue;
		xmlUnlinkNode(node);
		xmlAddChild(to, node);
	}
}

/*
 * A Filter holds one condition, or an And of several, or, for every key, an
 * empty Prefix. What servers write besides (Ceph 16: a Prefix beside the And)
 * they do not read: of that only the And would count.
 */
static int normalise_filter(xmlNodePtr filter)
{
	xmlNodePtr and = xmltree_child(filter, "And");
	size_t count;

	if (and&&xmltree_count_elements(filter) > 1) {
		move_children(filter, and);
		if (xmltree_child(and, "Prefix"))
			move_first(xmltree_child(and, "Prefix"));
	}
	count = xmltree_count_elements(and? and : filter);
	if (and&&count < 2) {
		move_children(and, filter);
		xmltree_cut(and);
	} else if (!and&&count > 1) {
		and = xmlNewTextChild(filter, NULL, BAD_CAST "And", NULL);
		if (!and)
			return -ENOMEM;
		move_children(filter, and);
	}
	return count ? 0 : xmltree_set(filter, "Prefix", "");
}

/* All rules as every server reads them. -EIO: one says two things. */
static int normalise_rules(xmlDocPtr doc)
{
	xmlNodePtr rule = xmltree_child(xmlDocGetRootElement(doc), "Rule");
	int err = 0;

	for (; !err && rule; rule = xmltree_next(rule)) {
		xmlNodePtr filter = xmltree_child(rule, "Filter");
		xmlNodePtr and = xmltree_child(filter, "And");
		xmlNodePtr beside = xmltree_child(filter, "Prefix");

		if (and&&beside && xmltree_child(and, "Prefix"))
			return -EIO;
		if (!and || !beside)
			continue;
		err = normalise_filter(filter);
		xmlsplice_mark(rule, XMLSPLICE_CHANGED);
	}
	return err;
}

static int parse_rules(const char *doc, size_t len, xmlDocPtr *ret_doc)
{
	xmlDocPtr d;
	int err = xmltree_parse(doc, len, ROOT, &d);

	if (err)
		return err;
	err = normalise_rules(d);
	if (err)
		xmlFreeDoc(d);
	else
		*ret_doc = d;
	return err;
}

int lifecycle_normalise(const char *doc, size_t len, struct buf *out)
{
	xmlDocPtr d;
	int err = parse_rules(doc, len, &d);

	if (err)
		return err;
	err = xmlsplice_write(d, doc, len, "Rule", out);
	xmlFreeDoc(d);
	return err;
}

/* A rule's Filter; one that takes the place of an old Prefix if need be. */
static xmlNodePtr make_filter(xmlNodePtr rule)
{
	xmlNodePtr filter = xmltree_child(rule, "Filter");
	xmlNodePtr old = xmltree_child(rule, "Prefix");

	if (filter)
		return filter;
	filter = xmlNewTextChild(rule, NULL, BAD_CAST "Filter", NULL);
	if (!filter || !old)
		return filter;
	xmlAddNextSibling(old, filter);
	xmlUnlinkNode(old);
	xmlAddChild(filter, old);
	return filter;
}

static int edit_size(xmlNodePtr in, const char *name, bool given,
		     uint64_t bytes)
{
	if (given)
		return set_number(in, name, bytes);
	xmltree_drop(in, name);
	return 0;
}

/* Conditions that a rule in the old form has no place for. */
#define NOT_PREFIX (LIFECYCLE_TAGS | LIFECYCLE_OVER | LIFECYCLE_UNDER)

static int edit_filter(xmlNodePtr rule, const struct lifecycle_spec *spec)
{
	xmlNodePtr old = xmltree_child(rule, "Prefix");
	xmlNodePtr filter, in;
	int err = 0;

	if (!(spec->set & (LIFECYCLE_PREFIX | NOT_PREFIX)))
		return 0;
	if (old && !(spec->set & NOT_PREFIX))
		return xmltree_set(rule, "Prefix", spec->prefix);
	filter = make_filter(rule);
	if (!filter)
		return -ENOMEM;
	in = xmltree_child(filter, "And");
	if (!in)
		in = filter;
	if (spec->set & LIFECYCLE_PREFIX) {
		err = xmltree_set(in, "Prefix", spec->prefix);
		if (!err)
			move_first(xmltree_child(in, "Prefix"));
	}
	if (!err && spec->set & LIFECYCLE_TAGS) {
		xmltree_drop(in, "Tag");
		err = add_tags(in, &spec->tags);
	}
	if (!err && spec->set & LIFECYCLE_OVER)
		err = edit_size(in, "ObjectSizeGreaterThan", spec->has_over,
				spec->over_bytes);
	if (!err && spec->set & LIFECYCLE_UNDER)
		err = edit_size(in, "ObjectSizeLessThan", spec->under_bytes > 0,
				spec->under_bytes);
	/* An empty prefix says nothing beside other conditions. */
	if (!err && xmltree_count_elements(in) > 1 &&
	    xmltree_text_is(in, "Prefix", ""))
		xmltree_drop(in, "Prefix");
	return err ? err : normalise_filter(filter);
}

/* Removes an element that says nothing any more. */
static void drop_if_empty(xmlNodePtr rule, const char *name)
{
	xmlNodePtr node = xmltree_child(rule, name);

	if (node && !xmltree_count_elements(node))
		xmltree_cut(node);
}

/* Days, Date and ExpiredObjectDeleteMarker exclude each other. */
static int edit_expiration(xmlNodePtr rule, const struct lifecycle_spec *spec)
{
	static const char markers[] = "ExpiredObjectDeleteMarker";
	bool expires = spec->expire_days || spec->expire_date;
	xmlNodePtr node;
	int err = 0;

	if (!(spec->set & (LIFECYCLE_EXPIRE | LIFECYCLE_MARKERS)))
		return 0;
	node = xmltree_make(rule, "Expiration");
	if (!node)
		return -ENOMEM;
	if (spec->set & LIFECYCLE_MARKERS || expires)
		xmltree_drop(node, markers);
	if (spec->set & LIFECYCLE_EXPIRE || spec->markers) {
		/* What stays is set in place. */
		if (!spec->expire_days)
			xmltree_drop(node, "Days");
		if (!spec->expire_date)
			xmltree_drop(node, "Date");
	}
	if (spec->markers)
		err = xmltree_set(node, markers, "true");
	if (!err && spec->expire_days)
		err = set_number(node, "Days", spec->expire_days);
	if (!err && spec->expire_date)
		err = xmltree_set(node, "Date", spec->expire_date);
	drop_if_empty(rule, "Expiration");
	return err;
}

/* A number inside an action's element; 0 takes it away. */
static int edit_number(xmlNodePtr rule, const char *action, const char *name,
		       uint64_t value)
{
	xmlNodePtr node;
	int err = 0;

	node = value ? xmltree_make(rule, action) : xmltree_child(rule, action);
	if (!node)
		return value ? -ENOMEM : 0;
	if (value)
		err = set_number(node, name, value);
	else
		xmltree_drop(node, name);
	drop_if_empty(rule, action);
	return err;
}

static int add_transition(xmlNodePtr rule, const char *name, const char *days,
			  const struct lifecycle_transition *t)
{
	xmlNodePtr node = xmlNewTextChild(rule, NULL, BAD_CAST name, NULL);
	char date[21];
	int err;

	if (!node)
		return -ENOMEM;
	clock_format_iso8601(t->date_ns, date, sizeof(date));
	err = t->date_ns ? xmltree_set(node, "Date", date)
			 : set_number(node, days, t->days);
	if (!err && t->newer_versions)
		err = set_number(node, "NewerNoncurrentVersions",
				 t->newer_versions);
	return err ? err : xmltree_set(node, "StorageClass", t->storage_class);
}

/* All of them are replaced by what was said. */
static int edit_transitions(xmlNodePtr rule, const char *name, const char *days,
			    const struct lifecycle_transitions *t)
{
	int err = 0;

	xmltree_drop(rule, name);
	for (size_t i = 0; !err && i < t->count; i++)
		err = add_transition(rule, name, days, &t->items[i]);
	return err;
}

static int edit_rule(xmlNodePtr rule, const struct lifecycle_spec *spec)
{
	static const char noncurrent[] = "NoncurrentVersionExpiration";
	int err = edit_filter(rule, spec);

	xmlsplice_mark(rule, XMLSPLICE_CHANGED);
	if (!err && spec->set & LIFECYCLE_STATUS)
		err = xmltree_set(rule, "Status",
				  spec->enabled ? "Enabled" : "Disabled");
	if (!err && spec->set & LIFECYCLE_CLASS)
		err = edit_transitions(rule, "Transition", "Days",
				       &spec->transitions);
	if (!err && spec->set & LIFECYCLE_NONCURRENT_CLASS)
		err = edit_transitions(rule, "NoncurrentVersionTransition",
				       "NoncurrentDays",
				       &spec->noncurrent_transitions);
	if (!err)
		err = edit_expiration(rule, spec);
	if (!err && spec->set & LIFECYCLE_NONCURRENT)
		err = edit_number(rule, noncurrent, "NoncurrentDays",
				  spec->noncurrent_days);
	if (!err && spec->set & LIFECYCLE_KEEP)
		err = edit_number(rule, noncurrent, "NewerNoncurrentVersions",
				  spec->keep_versions);
	if (!err && spec->set & LIFECYCLE_ABORT)
		err = edit_number(rule, "AbortIncompleteMultipartUpload",
				  "DaysAfterInitiation", spec->abort_days);
	return err;
}

/* What S3 would refuse with less clear words. */
static int check_rule(xmlNodePtr rule, const struct lifecycle_spec *spec,
		      char *reason, size_t size)
{
	static const char *const actions[] = {
		"Expiration",
		"Transition",
		"NoncurrentVersionExpiration",
		"NoncurrentVersionTransition",
		"AbortIncompleteMultipartUpload",
	};
	xmlNodePtr noncurrent =
		xmltree_child(rule, "NoncurrentVersionExpiration");

	if (spec->set & (LIFECYCLE_KEEP | LIFECYCLE_NONCURRENT) && noncurrent &&
	    !xmltree_child(noncurrent, "NoncurrentDays")) {
		snprintf(reason, size, "keep= needs noncurrent= beside it");
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (xmltree_child(rule, actions[i]))
			return 0;
	snprintf(reason, size,
		 "the rule would do nothing: want expire=, markers, "
		 "noncurrent=, class=, noncurrent-class= or abort=");
	return -EINVAL;
}

static int new_rule(xmlDocPtr doc, const char *id, const char *prefix,
		    xmlNodePtr *ret_rule)
{
	xmlNodePtr rule = xmlNewTextChild(xmlDocGetRootElement(doc), NULL,
					  BAD_CAST "Rule", NULL);
	xmlNodePtr filter;
	int err;

	if (!rule)
		return -ENOMEM;
	xmlsplice_mark(rule, XMLSPLICE_NEW);
	err = xmltree_set(rule, "ID", id);
	if (err)
		return err;
	filter = xmltree_make(rule, "Filter");
	err = filter ? xmltree_set(filter, "Prefix", prefix) : -ENOMEM;
	if (!err)
		err = xmltree_set(rule, "Status", "Enabled");
	*ret_rule = rule;
	return err;
}

static int check_texts(const char *id, const struct lifecycle_spec *spec,
		       char *reason, size_t size)
{
	const char *bad = NULL;

	if (!id[0] || strlen(id) > ID_MAX || !is_text(id)) {
		snprintf(reason, size,
			 "a rule's name is 1 to %d bytes of plain text",
			 ID_MAX);
		return -EINVAL;
	}
	if (spec->prefix && !is_text(spec->prefix))
		bad = "prefix=";
	for (size_t i = 0; i < spec->tags.count; i++)
		if (!is_text(spec->tags.items[i].name) ||
		    !is_text(spec->tags.items[i].value))
			bad = "tag=";
	if (!bad)
		return 0;
	snprintf(reason, size,
		 "%s: control bytes and what is not UTF-8 have "
		 "no place in a rule",
		 bad);
	return -EINVAL;
}

int lifecycle_set(const char *doc, size_t len, const char *id,
		  const struct lifecycle_spec *spec, struct buf *out,
		  char *reason, size_t size)
{
	xmlDocPtr d = NULL;
	xmlNodePtr rule;
	int err = check_texts(id, spec, reason, size);

	if (err)
		return err;
	if (!doc) {
		doc = EMPTY;
		len = strlen(EMPTY);
	}
	err = parse_rules(doc, len, &d);
	if (err) {
		snprintf(reason, size,
			 "the bucket's lifecycle document is not understood");
		return err;
	}
	rule = find_rule(d, id);
	if (!rule)
		err = new_rule(d, id, spec->root ? spec->root : "", &rule);
	if (!err)
		err = edit_rule(rule, spec);
	if (!err)
		err = check_rule(rule, spec, reason, size);
	if (!err)
		err = xmlsplice_write(d, doc, len, "Rule", out);
	xmlFreeDoc(d);
	return err;
}

int lifecycle_remove(const char *doc, size_t len, const char *id,
		     struct buf *out)
{
	xmlDocPtr d;
	xmlNodePtr rule;
	int err = parse_rules(doc, len, &d);

	if (err)
		return err;
	rule = find_rule(d, id);
	if (!rule)
		err = -ENOENT;
	else if (xmltree_next(rule) ||
		 xmltree_child(xmlDocGetRootElement(d), "Rule") != rule) {
		xmlsplice_mark(rule, XMLSPLICE_REMOVED);
		err = xmlsplice_write(d, doc, len, "Rule", out);
	}
	xmlFreeDoc(d);
	return err;
}
