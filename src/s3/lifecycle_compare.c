/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a server keeps a lifecycle as it was sent. Each rule is brought to
 * one text of all that it says, elements that are not known here included;
 * equal texts are equal rules. What stands deeper in a rule and is not known,
 * such as a further condition, must be there again: a rule without it may take
 * more. There may be more of it: servers add what they like to say.
 */
#include "vers3/s3/lifecycle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "xmltree.h"

#define TEXT_MAX (256 << 10) /* of a rule */

struct side {
	size_t count;
	struct side_rule {
		char *id; /* owned */
		struct buf text;
		struct buf inner; /* a line each, with its newline */
	} * rules; /* owned */
};

static void side_release(struct side *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->rules[i].id);
		buf_release(&s->rules[i].text);
		buf_release(&s->rules[i].inner);
	}
	free(s->rules);
}

static bool is_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static const char *const known[] = {
	"ID",
	"Prefix",
	"Filter",
	"Status",
	"Expiration",
	"Transition",
	"NoncurrentVersionExpiration",
	"NoncurrentVersionTransition",
	"AbortIncompleteMultipartUpload",
	NULL,
};

/* Below those. */
static const char *const known_inner[] = {
	"Prefix",
	"And",
	"Tag",
	"Key",
	"Value",
	"ObjectSizeGreaterThan",
	"ObjectSizeLessThan",
	"Days",
	"Date",
	"ExpiredObjectDeleteMarker",
	"NoncurrentDays",
	"NewerNoncurrentVersions",
	"StorageClass",
	"DaysAfterInitiation",
	NULL,
};

/* An element with what is in it, as a line. */
static int add_line(xmlNodePtr node, struct buf *text)
{
	xmlChar *content = xmlNodeGetContent(node);
	int err;

	if (!content)
		return -ENOMEM;
	for (xmlChar *p = content; *p; p++)
		if (*p == '\n')
			*p = ' ';
	err = buf_printf(text, "%s: %s\n", (const char *)node->name,
			 (const char *)content);
	xmlFree(content);
	return err;
}

/* Of what is known, what is not known in it. Documents are not deep. */
static int add_inner(xmlNodePtr node, struct buf *inner)
{
	int err = 0;

	for (xmlNodePtr n = node->children; !err && n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		err = is_among(known_inner, (const char *)n->name)
			      ? add_inner(n, inner)
			      : add_line(n, inner);
	}
	return err;
}

static int add_unknown(xmlNodePtr rule, struct side_rule *to)
{
	int err = 0;

	for (xmlNodePtr n = rule->children; !err && n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		err = is_among(known, (const char *)n->name)
			      ? add_inner(n, &to->inner)
			      : add_line(n, &to->text);
	}
	return err;
}

static int by_name(const void *a, const void *b)
{
	const struct kv *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->value, y->value);
}

/* A rule's text without its id. Servers keep tags in an order of their own. */
static int describe(struct lifecycle_rule *rule, xmlNodePtr node,
		    struct side_rule *to)
{
	struct lifecycle_rule nameless = *rule;
	const struct lifecycle one = {&nameless, 1};
	int err;

	nameless.id = (char *)"";
	array_sort(rule->tags.items, rule->tags.count,
		   sizeof(*rule->tags.items), by_name);
	err = lifecycle_write(&one, "", &to->text);
	return err ? err : add_unknown(node, to);
}

static int add_rules(const struct lifecycle *l, xmlNodePtr node, struct side *s)
{
	int err = 0;

	s->rules = calloc(l->count ? l->count : 1, sizeof(*s->rules));
	if (!s->rules)
		return -ENOMEM;
	for (; !err && node && s->count < l->count; node = xmltree_next(node)) {
		struct side_rule *rule = &s->rules[s->count];

		buf_init(&rule->text, TEXT_MAX);
		buf_init(&rule->inner, TEXT_MAX);
		rule->id = strdup(l->rules[s->count].id);
		err = rule->id ? describe(&l->rules[s->count], node, rule)
			       : -ENOMEM;
		s->count++;
	}
	return err;
}

static int side_read(const char *doc, size_t len, struct side *s)
{
	struct lifecycle l;
	xmlDocPtr d;
	int err;

	if (!doc)
		return 0;
	err = lifecycle_parse(doc, len, &l);
	if (err)
		return err;
	err = xmltree_parse(doc, len, "LifecycleConfiguration", &d);
	if (!err) {
		err = add_rules(
			&l, xmltree_child(xmlDocGetRootElement(d), "Rule"), s);
		xmlFreeDoc(d);
	}
	lifecycle_release(&l);
	return err;
}

static const struct side_rule *find(const struct side *s, const char *id)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->rules[i].id, id))
			return &s->rules[i];
	return NULL;
}

/* Whether each line of what was sent is among those that are there. */
static bool has_lines(const char *sent, const char *now)
{
	while (*sent) {
		size_t len = strcspn(sent, "\n") + 1;
		const char *at = now;

		while (*at && strncmp(at, sent, len) != 0)
			at += strcspn(at, "\n") + 1;
		if (!*at)
			return false;
		sent += len;
	}
	return true;
}

static bool is_same(const struct side_rule *sent, const struct side_rule *now)
{
	return !strcmp(sent->text.data, now->text.data) &&
	       has_lines(sent->inner.data, now->inner.data);
}

/* Whether a rule is there as it was sent; one without an id under any. */
static bool is_kept(const struct side_rule *rule, const struct side *now)
{
	const struct side_rule *got;

	if (rule->id[0]) {
		got = find(now, rule->id);
		return got && is_same(rule, got);
	}
	for (size_t i = 0; i < now->count; i++)
		if (is_same(rule, &now->rules[i]))
			return true;
	return false;
}

static enum lifecycle_kept judge(const struct side *sent,
				 const struct side *now, const char *id,
				 const char **ret_rule)
{
	const struct side_rule *ours = find(sent, id);

	*ret_rule = id;
	if (ours ? !is_kept(ours, now) : find(now, id) != NULL)
		return LIFECYCLE_RULE_LOST;
	for (size_t i = 0; i < sent->count; i++) {
		*ret_rule = sent->rules[i].id;
		if (!is_kept(&sent->rules[i], now))
			return LIFECYCLE_OTHERS_CHANGED;
	}
	*ret_rule = "";
	return LIFECYCLE_KEPT;
}

int lifecycle_compare(const char *sent, size_t sent_len, const char *now,
		      size_t now_len, const char *id,
		      enum lifecycle_kept *ret_kept, char *ret_rule,
		      size_t size)
{
	struct side a = {0}, b = {0};
	const char *rule;
	int err = side_read(sent, sent_len, &a);

	if (!err)
		err = side_read(now, now_len, &b);
	if (!err) {
		*ret_kept = judge(&a, &b, id, &rule);
		snprintf(ret_rule, size, "%s", rule);
	}
	side_release(&a);
	side_release(&b);
	return err;
}
