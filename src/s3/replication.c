/* SPDX-License-Identifier: Apache-2.0 */
/* Replication configurations: reading and showing. */
#include "vers3/s3/replication.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "vers3/util/gitconfig.h"
#include "xmltree.h"

static void rule_release(struct replication_rule *rule)
{
	free(rule->id);
	free(rule->prefix);
	kvlist_release(&rule->tags);
	free(rule->bucket);
	free(rule->storage_class);
}

void replication_release(struct replication *r)
{
	for (size_t i = 0; i < r->count; i++)
		rule_release(&r->rules[i]);
	free(r->rules);
	free(r->role);
	memset(r, 0, sizeof(*r));
}

/* arn:aws:s3:::name; other servers have the name alone. */
static void strip_arn(char *bucket)
{
	const char *colon = strrchr(bucket, ':');

	if (!strncmp(bucket, "arn:", 4) && colon)
		memmove(bucket, colon + 1, strlen(colon + 1) + 1);
}

static int parse_destination(xmlNodePtr node, struct replication_rule *rule)
{
	xmlNodePtr destination = xmltree_child(node, "Destination");
	int err = xmltree_text(destination, "Bucket", &rule->bucket);

	if (err)
		return err;
	if (!rule->bucket)
		return -EIO;
	strip_arn(rule->bucket);
	return xmltree_text(destination, "StorageClass", &rule->storage_class);
}

static int parse_rule(xmlNodePtr node, struct replication_rule *rule)
{
	struct xmltree_filter filter;
	int err = xmltree_filter(node, &filter);

	rule->prefix = filter.prefix ? filter.prefix : strdup("");
	filter.prefix = NULL;
	rule->tags = filter.tags;
	rule->id = strdup("");
	if (!err && (!rule->prefix || !rule->id))
		err = -ENOMEM;
	if (!err)
		err = xmltree_text(node, "ID", &rule->id);
	rule->enabled = xmltree_text_is(node, "Status", "Enabled");
	rule->has_priority = xmltree_child(node, "Priority");
	if (!err)
		err = xmltree_number(node, "Priority", &rule->priority);
	/* Rules of the old form, without a Filter, take markers along. */
	if (xmltree_child(node, "DeleteMarkerReplication"))
		rule->delete_markers = xmltree_text_is(
			xmltree_child(node, "DeleteMarkerReplication"),
			"Status", "Enabled");
	else
		rule->delete_markers = !xmltree_child(node, "Filter");
	return err ? err : parse_destination(node, rule);
}

static int parse_rules(xmlNodePtr root, struct replication *r)
{
	xmlNodePtr node = xmltree_child(root, "Rule");
	int err = 0;

	for (; !err && node; node = xmltree_next(node)) {
		if (array_room_for_one(r->rules, r->count))
			return -ENOMEM;
		memset(&r->rules[r->count], 0, sizeof(*r->rules));
		err = parse_rule(node, &r->rules[r->count++]);
	}
	return err;
}

int replication_parse(const char *doc, size_t len, struct replication *ret)
{
	struct replication r = {NULL, NULL, 0};
	xmlNodePtr root;
	xmlDocPtr d;
	int err = xmltree_parse(doc, len, "ReplicationConfiguration", &d);

	if (err)
		return err;
	root = xmlDocGetRootElement(d);
	r.role = strdup("");
	err = r.role ? xmltree_text(root, "Role", &r.role) : -ENOMEM;
	if (!err)
		err = parse_rules(root, &r);
	xmlFreeDoc(d);
	if (err)
		replication_release(&r);
	else
		*ret = r;
	return err;
}

static int write_rule(const struct replication_rule *rule, struct buf *out)
{
	int err = gitconfig_section(out, "replication", rule->id);

	if (!err)
		err = gitconfig_value(out, "status",
				      rule->enabled ? "enabled" : "disabled");
	if (!err && rule->has_priority)
		err = gitconfig_number(out, "priority",
				       (int64_t)rule->priority);
	if (!err)
		err = gitconfig_value(out, "prefix", rule->prefix);
	if (!err)
		err = gitconfig_pairs(out, "tags", &rule->tags);
	if (!err)
		err = gitconfig_value(out, "bucket", rule->bucket);
	if (!err && rule->storage_class)
		err = gitconfig_value(out, "storageClass", rule->storage_class);
	if (!err)
		err = gitconfig_bool(out, "deleteMarkers",
				     rule->delete_markers);
	return err;
}

int replication_write(const struct replication *r, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->count; i++)
		err = write_rule(&r->rules[i], out);
	return err;
}
