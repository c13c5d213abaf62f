/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a server keeps a lifecycle as it was sent. Each rule is brought to
 * one text of all that it says, elements that are not known here included;
 * equal texts are equal rules.
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
	} * rules; /* owned */
};

static void side_release(struct side *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->rules[i].id);
		buf_release(&s->rules[i].text);
	}
	free(s->rules);
}

static bool is_known(const char *name)
{
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
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i]))
			return true;
	return false;
}

static int add_unknown(xmlNodePtr rule, struct buf *text)
{
	int err = 0;

	for (xmlNodePtr n = rule->children; !err && n; n = n->next) {
		xmlChar *content;

		if (n->type != XML_ELEMENT_NODE ||
		    is_known((const char *)n->name))
			continue;
		content = xmlNodeGetContent(n);
		if (!content)
			return -ENOMEM;
		err = buf_printf(text, "%s: %s\n", (const char *)n->name,
				 (const char *)content);
		xmlFree(content);
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
		    struct buf *text)
{
	struct lifecycle_rule nameless = *rule;
	const struct lifecycle one = {&nameless, 1};
	int err;

	nameless.id = (char *)"";
	array_sort(rule->tags.items, rule->tags.count,
		   sizeof(*rule->tags.items), by_name);
	err = lifecycle_write(&one, "", text);
	return err ? err : add_unknown(node, text);
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
		rule->id = strdup(l->rules[s->count].id);
		err = rule->id
			      ? describe(&l->rules[s->count], node, &rule->text)
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

static bool same_text(const struct side_rule *a, const struct side_rule *b)
{
	return a->text.len == b->text.len &&
	       !memcmp(a->text.data, b->text.data, a->text.len);
}

/* Whether a rule is there as it was sent; one without an id under any. */
static bool is_kept(const struct side_rule *rule, const struct side *now)
{
	const struct side_rule *got;

	if (rule->id[0]) {
		got = find(now, rule->id);
		return got && same_text(rule, got);
	}
	for (size_t i = 0; i < now->count; i++)
		if (same_text(rule, &now->rules[i]))
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
