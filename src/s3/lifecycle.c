/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle configurations: reading, showing, explaining. */
#include "vers3/s3/lifecycle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/gitconfig.h"
#include "xmltree.h"

#define DAY_NS	  (86400 * NS_PER_S)
#define DAYS_MAX  (INT64_MAX / DAY_NS)
#define DATE_SIZE 21

static void transitions_release(struct lifecycle_transitions *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i].storage_class);
	free(t->items);
	memset(t, 0, sizeof(*t));
}

static void rule_release(struct lifecycle_rule *rule)
{
	free(rule->id);
	free(rule->prefix);
	kvlist_release(&rule->tags);
	transitions_release(&rule->transitions);
	transitions_release(&rule->noncurrent_transitions);
}

void lifecycle_release(struct lifecycle *l)
{
	for (size_t i = 0; i < l->count; i++)
		rule_release(&l->rules[i]);
	free(l->rules);
	memset(l, 0, sizeof(*l));
}

/* A date with or without a time of day. */
static int parse_date(xmlNodePtr parent, const char *name, int64_t *ret_ns)
{
	char whole[64];
	char *text = NULL;
	int err = xmltree_text(parent, name, &text);

	if (err || !text)
		return err;
	snprintf(whole, sizeof(whole), "%s%s", text,
		 strchr(text, 'T') ? "" : "T00:00:00Z");
	free(text);
	return clock_parse_iso8601(whole, ret_ns) ? -EIO : 0;
}

static int parse_transition(xmlNodePtr node, const char *days,
			    struct lifecycle_transition *t)
{
	int err = xmltree_number(node, days, &t->days);

	if (!err)
		err = parse_date(node, "Date", &t->date_ns);
	if (!err)
		err = xmltree_number(node, "NewerNoncurrentVersions",
				     &t->newer_versions);
	if (!err)
		err = xmltree_text(node, "StorageClass", &t->storage_class);
	return !err && !t->storage_class ? -EIO : err;
}

static int parse_transitions(xmlNodePtr rule, const char *name,
			     const char *days, struct lifecycle_transitions *t)
{
	xmlNodePtr node = xmltree_child(rule, name);
	int err = 0;

	for (; !err && node; node = xmltree_next(node)) {
		if (array_room_for_one(t->items, t->count))
			return -ENOMEM;
		memset(&t->items[t->count], 0, sizeof(*t->items));
		err = parse_transition(node, days, &t->items[t->count++]);
	}
	return err;
}

static int parse_actions(xmlNodePtr node, struct lifecycle_rule *rule)
{
	xmlNodePtr expiration = xmltree_child(node, "Expiration");
	xmlNodePtr noncurrent =
		xmltree_child(node, "NoncurrentVersionExpiration");
	xmlNodePtr abort =
		xmltree_child(node, "AbortIncompleteMultipartUpload");
	int err;

	rule->expire_markers = xmltree_text_is(
		expiration, "ExpiredObjectDeleteMarker", "true");
	err = xmltree_number(expiration, "Days", &rule->expire_days);
	if (!err)
		err = parse_date(expiration, "Date", &rule->expire_date_ns);
	if (!err)
		err = xmltree_number(noncurrent, "NoncurrentDays",
				     &rule->noncurrent_days);
	if (!err)
		err = xmltree_number(noncurrent, "NewerNoncurrentVersions",
				     &rule->keep_versions);
	if (!err)
		err = xmltree_number(abort, "DaysAfterInitiation",
				     &rule->abort_days);
	if (!err)
		err = parse_transitions(node, "Transition", "Days",
					&rule->transitions);
	if (!err)
		err = parse_transitions(node, "NoncurrentVersionTransition",
					"NoncurrentDays",
					&rule->noncurrent_transitions);
	return err;
}

static int parse_rule(xmlNodePtr node, struct lifecycle_rule *rule)
{
	struct xmltree_filter filter;
	int err;

	err = xmltree_filter(node, &filter);
	rule->prefix = filter.prefix ? filter.prefix : strdup("");
	filter.prefix = NULL;
	rule->tags = filter.tags;
	kvlist_init(&filter.tags);
	rule->has_over = filter.has_over;
	rule->has_under = filter.has_under;
	rule->size_over_bytes = filter.size_over_bytes;
	rule->size_under_bytes = filter.size_under_bytes;
	rule->enabled = xmltree_text_is(node, "Status", "Enabled");
	rule->id = strdup("");
	if (!err && (!rule->id || !rule->prefix))
		err = -ENOMEM;
	if (!err)
		err = xmltree_text(node, "ID", &rule->id);
	return err ? err : parse_actions(node, rule);
}

int lifecycle_parse(const char *doc, size_t len, struct lifecycle *ret)
{
	struct lifecycle l = {NULL, 0};
	xmlNodePtr node;
	xmlDocPtr d;
	int err = xmltree_parse(doc, len, "LifecycleConfiguration", &d);

	if (err)
		return err;
	node = xmltree_child(xmlDocGetRootElement(d), "Rule");
	for (; !err && node; node = xmltree_next(node)) {
		err = array_room_for_one(l.rules, l.count);
		if (err)
			break;
		memset(&l.rules[l.count], 0, sizeof(*l.rules));
		err = parse_rule(node, &l.rules[l.count++]);
	}
	xmlFreeDoc(d);
	if (err)
		lifecycle_release(&l);
	else
		*ret = l;
	return err;
}

/* "YYYY-MM-DD" where that says it all. */
static void format_date(int64_t ns, char *date)
{
	clock_format_iso8601(ns, date, DATE_SIZE);
	if (ns % DAY_NS == 0)
		date[10] = '\0';
}

static int write_number(struct buf *out, const char *name, uint64_t value)
{
	return value ? gitconfig_number(out, name, (int64_t)value) : 0;
}

static int write_transitions(const struct lifecycle_transitions *t,
			     const char *name, struct buf *out)
{
	char newer[24] = "";
	int err = 0;

	for (size_t i = 0; !err && i < t->count; i++) {
		const struct lifecycle_transition *item = &t->items[i];
		char when[32];
		char *text;

		if (item->date_ns)
			format_date(item->date_ns, when);
		else
			snprintf(when, sizeof(when), "%" PRIu64 "d",
				 item->days);
		if (item->newer_versions)
			snprintf(newer, sizeof(newer), ":%" PRIu64,
				 item->newer_versions);
		if (asprintf(&text, "%s:%s%s", item->storage_class, when,
			     item->newer_versions ? newer : "") < 0)
			return -ENOMEM;
		err = gitconfig_value(out, name, text);
		free(text);
	}
	return err;
}

static int write_prefix(const char *prefix, const char *root, struct buf *out)
{
	size_t len = strlen(root);

	return strncmp(prefix, root, len)
		       ? gitconfig_value(out, "bucketPrefix", prefix)
		       : gitconfig_value(out, "prefix", prefix + len);
}

static int write_rule(const struct lifecycle_rule *rule, const char *root,
		      struct buf *out)
{
	char date[DATE_SIZE];
	int err = gitconfig_section(out, "lifecycle", rule->id);

	if (!err)
		err = gitconfig_value(out, "status",
				      rule->enabled ? "enabled" : "disabled");
	if (!err)
		err = write_prefix(rule->prefix, root, out);
	if (!err)
		err = gitconfig_pairs(out, "tags", &rule->tags);
	if (!err && rule->has_over)
		err = gitconfig_number(out, "sizeOver",
				       (int64_t)rule->size_over_bytes);
	if (!err && rule->has_under)
		err = gitconfig_number(out, "sizeUnder",
				       (int64_t)rule->size_under_bytes);
	if (!err)
		err = write_number(out, "expireDays", rule->expire_days);
	if (!err && rule->expire_date_ns) {
		format_date(rule->expire_date_ns, date);
		err = gitconfig_value(out, "expireDate", date);
	}
	if (!err && rule->expire_markers)
		err = gitconfig_bool(out, "expireMarkers", true);
	if (!err)
		err = write_number(out, "noncurrentDays",
				   rule->noncurrent_days);
	if (!err)
		err = write_number(out, "keepVersions", rule->keep_versions);
	if (!err)
		err = write_transitions(&rule->transitions, "transitions", out);
	if (!err)
		err = write_transitions(&rule->noncurrent_transitions,
					"noncurrentTransitions", out);
	if (!err)
		err = write_number(out, "abortUploadsDays", rule->abort_days);
	return err;
}

int lifecycle_write(const struct lifecycle *l, const char *root,
		    struct buf *out)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->count; i++)
		err = write_rule(&l->rules[i], root, out);
	return err;
}

enum lifecycle_match lifecycle_match(const struct lifecycle_rule *rule,
				     const char *key, const struct kvlist *tags,
				     const uint64_t *size_bytes,
				     const struct kv **ret_tag)
{
	if (!rule->enabled)
		return LIFECYCLE_DISABLED;
	if (strncmp(key, rule->prefix, strlen(rule->prefix)) != 0)
		return LIFECYCLE_OTHER_PREFIX;
	if (size_bytes && rule->has_over &&
	    *size_bytes <= rule->size_over_bytes)
		return LIFECYCLE_TOO_SMALL;
	if (size_bytes && rule->has_under &&
	    *size_bytes >= rule->size_under_bytes)
		return LIFECYCLE_TOO_LARGE;
	for (size_t i = 0; i < rule->tags.count; i++) {
		if (tags && kvlist_has(tags, &rule->tags.items[i]))
			continue;
		*ret_tag = &rule->tags.items[i];
		return LIFECYCLE_TAG_MISSING;
	}
	return LIFECYCLE_MATCHES;
}

int64_t lifecycle_after_days(int64_t ns, uint64_t days)
{
	int64_t day = ns / DAY_NS + (ns % DAY_NS > 0);

	if (days > (uint64_t)(DAYS_MAX - day))
		return INT64_MAX;
	return (day + (int64_t)days) * DAY_NS;
}

int64_t lifecycle_expiry_ns(const struct lifecycle_rule *rule, int64_t mtime_ns)
{
	if (rule->expire_days)
		return lifecycle_after_days(mtime_ns, rule->expire_days);
	return rule->expire_date_ns;
}

int64_t lifecycle_move_ns(const struct lifecycle_transition *t,
			  int64_t since_ns)
{
	return t->date_ns ? t->date_ns
			  : lifecycle_after_days(since_ns, t->days);
}

void lifecycle_fate(const struct lifecycle *l, const char *key,
		    const struct kvlist *tags, uint64_t size_bytes,
		    int64_t mtime_ns, struct lifecycle_fate *ret_fate)
{
	struct lifecycle_fate fate = {0};
	const struct kv *tag;

	for (size_t i = 0; i < l->count; i++) {
		const struct lifecycle_rule *rule = &l->rules[i];
		int64_t ns = lifecycle_expiry_ns(rule, mtime_ns);

		if (lifecycle_match(rule, key, tags, &size_bytes, &tag) !=
		    LIFECYCLE_MATCHES)
			continue;
		if (ns && (!fate.expire_rule || ns < fate.expire_ns)) {
			fate.expire_ns = ns;
			fate.expire_rule = rule;
		}
		for (size_t j = 0; j < rule->transitions.count; j++) {
			const struct lifecycle_transition *t =
				&rule->transitions.items[j];

			ns = lifecycle_move_ns(t, mtime_ns);
			if (fate.transition && ns >= fate.transition_ns)
				continue;
			fate.transition_ns = ns;
			fate.transition = t;
			fate.transition_rule = rule;
		}
	}
	*ret_fate = fate;
}
