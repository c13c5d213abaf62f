/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl status, lifecycle and replication: what the state says. */
#include <string.h>

#include "ctl.h"
#include "target.h"
#include "control_client.h"

#define FAILING_SHOWN 10

/* The state of the mount that a path is in. An exit status. */
static int get_state(const struct ctl_call *c, const char *path,
		     struct target *ret_target, json_t **ret_state)
{
	char reason[CTL_REASON_MAX];

	if (target_find(c->start, path, ret_target, reason, sizeof(reason)))
		return ctl_fail("%s", reason);
	if (control_client_state(ret_target->root, ret_state, reason,
				 sizeof(reason))) {
		target_release(ret_target);
		return ctl_fail("%s", reason);
	}
	return CTL_OK;
}

/* Some of those that fail, each with what it takes where that is known. */
static void print_failing(const json_t *sync)
{
	const json_t *list = json_object_get(sync, "rules");
	const char *last = ctl_text(sync, "lastErrorKey");
	size_t count = json_array_size(list);

	printf("failing:  %lld; %s: %s\n", ctl_number(sync, "failing"), last,
	       ctl_text(sync, "lastError"));
	for (size_t i = 0; i < count && i < FAILING_SHOWN; i++) {
		const json_t *one = json_array_get(list, i);
		const char *id = ctl_text(one, "id");

		if (strcmp(id, last) != 0)
			printf("          %s: %s\n", id,
			       ctl_text(one, "error"));
		if (*ctl_text(one, "advice"))
			printf("          to do for %s: %s\n", id,
			       ctl_text(one, "advice"));
	}
	if (count > FAILING_SHOWN)
		printf("          vers3ctl --json status tells of more\n");
}

static void print_sync(const json_t *sync)
{
	long long dirty = ctl_number(sync, "dirty");
	char age[24], size[16];

	ctl_age_text(ctl_number(sync, "oldestSeconds"), age, sizeof(age));
	ctl_size_text(ctl_number(sync, "sentBytes"), size, sizeof(size));
	if (!dirty)
		printf("changes:  everything is in the bucket\n");
	else
		printf("changes:  %lld to be sent, the oldest is %s old\n",
		       dirty, age);
	if (ctl_number(sync, "waitingWriters"))
		printf("waiting:  %lld writers, for room on the cache's disk\n",
		       ctl_number(sync, "waitingWriters"));
	if (ctl_number(sync, "failing"))
		print_failing(sync);
	printf("sent:     %s in %lld files, %lld copies, %lld deletions\n",
	       size, ctl_number(sync, "puts"), ctl_number(sync, "copies"),
	       ctl_number(sync, "deletes"));
}

/* One is a text, several are a list. */
static void print_warnings(const json_t *warnings)
{
	const json_t *one;
	size_t i;

	if (json_is_string(warnings))
		printf("warning:  %s\n", json_string_value(warnings));
	json_array_foreach(warnings, i, one)
		printf("warning:  %s\n", json_string_value(one));
}

static void print_cache(const json_t *cache)
{
	long long hits = ctl_number(cache, "hits");
	long long all = hits + ctl_number(cache, "misses");
	char used[16], limit[16], staged[16], left[16];

	ctl_size_text(ctl_number(cache, "used"), used, sizeof(used));
	ctl_size_text(ctl_number(cache, "limit"), limit, sizeof(limit));
	ctl_size_text(ctl_number(cache, "stagingBytes"), staged,
		      sizeof(staged));
	ctl_size_text(ctl_number(cache, "spaceLeft"), left, sizeof(left));
	printf("cache:    %s of %s", used, limit);
	if (all)
		printf(", %lld %% hits", hits * 100 / all);
	printf("; unsent %s, room for %s\n", staged, left);
	print_warnings(json_object_get(cache, "warning"));
}

static void print_requests(const json_t *s3)
{
	char age[24];

	printf("requests: %lld, %lld failed\n", ctl_number(s3, "requests"),
	       ctl_number(s3, "errors"));
	if (!*ctl_text(s3, "lastError"))
		return;
	ctl_age_text(ctl_number(s3, "lastErrorSeconds"), age, sizeof(age));
	printf("last error: %s, %s ago\n", ctl_text(s3, "lastError"), age);
}

static bool is_silent(const json_t *s3)
{
	return json_is_false(json_object_get(s3, "reachable"));
}

static void print_outage(const json_t *s3)
{
	char age[24];

	if (!is_silent(s3))
		return;
	ctl_age_text(ctl_number(s3, "unreachableSeconds"), age, sizeof(age));
	printf("outage:   no answer from the server for %s; changes are kept "
	       "here and sent when it is back\n",
	       age);
}

/* The conflicts stand in their order. */
static void print_conflicts(const json_t *section)
{
	const json_t *list = json_object_get(section, "rules");
	size_t kept = json_array_size(list);

	if (!ctl_number(section, "count"))
		return;
	printf("conflicts: %lld", ctl_number(section, "count"));
	if (kept)
		printf(", the last: %s",
		       ctl_text(json_array_get(list, kept - 1), "id"));
	printf("; [conflicts] in .control lists them\n");
}

static void print_hidden(const json_t *section)
{
	const json_t *list = json_object_get(section, "rules");

	if (!ctl_number(section, "count"))
		return;
	printf("hidden:   %lld objects whose keys can be no names:\n",
	       ctl_number(section, "count"));
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("          %s: %s\n",
		       ctl_text(json_array_get(list, i), "id"),
		       ctl_text(json_array_get(list, i), "why"));
}

static void print_replica(const json_t *replica)
{
	char age[24];

	if (!replica)
		return;
	printf("replica:  %s", ctl_text(replica, "url"));
	if (is_silent(replica)) {
		ctl_age_text(ctl_number(replica, "unreachableSeconds"), age,
			     sizeof(age));
		printf(", no answer for %s", age);
	}
	putchar('\n');
	if (json_is_true(json_object_get(replica, "standsIn")))
		printf("          stands in for the bucket since %s, %lld names "
		       "to bring back: vers3ctl failback\n",
		       ctl_text(replica, "standsInSince"),
		       ctl_number(replica, "toBringBack"));
	if (!json_is_true(json_object_get(replica, "degraded")))
		return;
	ctl_age_text(ctl_number(replica, "degradedSeconds"), age, sizeof(age));
	printf("          degraded for %s: %lld reads came from the replica, "
	       "%lld could not be had\n",
	       age, ctl_number(replica, "reads"),
	       ctl_number(replica, "missing"));
}

static void print_rule_counts(const json_t *state)
{
	const json_t *lifecycle = json_object_get(state, "lifecycle");
	const json_t *replication = json_object_get(state, "replication");
	size_t expiring = json_array_size(json_object_get(lifecycle, "rules"));
	size_t copying = json_array_size(json_object_get(replication, "rules"));

	if (expiring)
		printf("lifecycle: %zu rules; vers3ctl lifecycle lists them\n",
		       expiring);
	if (copying)
		printf("replication: %zu rules, %lld objects pending, %lld "
		       "failed\n",
		       copying, ctl_number(replication, "pending"),
		       ctl_number(replication, "failed"));
}

static void print_status(const struct target *p, const json_t *state)
{
	const json_t *mount = json_object_get(state, "mount");
	const char *prefix = ctl_text(mount, "prefix");

	printf("mount:    %s%s\n", p->root,
	       json_is_true(json_object_get(mount, "readOnly")) ? ", read-only"
								: "");
	printf("bucket:   %s%s%s, %s\n", ctl_text(mount, "bucket"),
	       *prefix ? ":" : "", prefix,
	       json_is_true(json_object_get(mount, "versioned"))
		       ? "versioned"
		       : "keeps no versions");
	if (*ctl_text(mount, "url"))
		printf("server:   %s\n", ctl_text(mount, "url"));
	print_outage(json_object_get(state, "s3"));
	print_replica(json_object_get(state, "replica"));
	print_sync(json_object_get(state, "sync"));
	print_cache(json_object_get(state, "cache"));
	print_requests(json_object_get(state, "s3"));
	print_conflicts(json_object_get(state, "conflicts"));
	print_rule_counts(state);
	print_hidden(json_object_get(state, "hidden"));
}

/* For monitoring: the gravest of what is wrong. */
static int health(const json_t *state)
{
	if (is_silent(json_object_get(state, "s3")))
		return CTL_UNREACHABLE;
	return ctl_number(json_object_get(state, "sync"), "failing")
		       ? CTL_FAILED
		       : CTL_OK;
}

int ctl_status(const struct ctl_call *c)
{
	struct target p;
	json_t *state;
	int status = get_state(c, c->count ? c->args[0] : ".", &p, &state);

	if (status)
		return status;
	if (c->json) {
		json_object_set_new(state, "mountpoint", ctl_json_text(p.root));
		status = ctl_print_json(json_incref(state));
	} else {
		print_status(&p, state);
	}
	if (!status)
		status = health(state);
	json_decref(state);
	target_release(&p);
	return status;
}

static void print_member(const char *name, const json_t *value)
{
	if (json_is_string(value))
		printf(" %s=%s", name, json_string_value(value));
	else if (json_is_boolean(value))
		printf(" %s=%s", name, json_is_true(value) ? "yes" : "no");
	else
		printf(" %s=%lld", name, json_integer_value(value));
}

/* One line a rule: its id, then all that it has. */
static void print_rules(const json_t *section)
{
	const json_t *rules = json_object_get(section, "rules");
	size_t i, k;
	json_t *rule, *value, *item;
	const char *name;

	json_array_foreach(rules, i, rule)
	{
		printf("%s:", ctl_text(rule, "id"));
		json_object_foreach(rule, name, value)
		{
			if (!strcmp(name, "id"))
				continue;
			if (!json_is_array(value))
				print_member(name, value);
			json_array_foreach(value, k, item)
				print_member(name, item);
		}
		putchar('\n');
	}
}

/*
 * Prints a section by print, or as JSON; empty in place of no rules at all.
 * Fails if the bucket was not asked.
 */
static int show_section(const struct ctl_call *c, const char *name,
			void (*print)(const json_t *section), const char *empty)
{
	struct target p;
	json_t *state, *section, *list;
	int status = get_state(c, ".", &p, &state);

	if (status)
		return status;
	section = json_object_get(state, name);
	/* Sections of their own in the state, of keys that are no rules. */
	list = json_object_get(json_object_get(state, "unreplicated"), "rules");
	if (list && !strcmp(name, "replication"))
		json_object_set(section, "unreplicated", list);
	if (c->json)
		status = ctl_print_json(json_incref(section));
	else
		print(section);
	if (!c->json && !json_array_size(json_object_get(section, "rules")) &&
	    !*ctl_text(section, "error"))
		puts(empty);
	if (*ctl_text(section, "error")) {
		fflush(stdout);
		status = ctl_fail("%s: the bucket could not be asked: %s", name,
				  ctl_text(section, "error"));
	}
	json_decref(state);
	target_release(&p);
	return status;
}

static void print_replication(const json_t *section)
{
	static const char *const names[] = {"pending", "completed", "failed",
					    "replica", "none"};
	size_t i;
	json_t *key;
	char age[24];

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf("%s: %lld\n", names[i], ctl_number(section, names[i]));
	json_array_foreach(json_object_get(section, "unreplicated"), i, key)
	{
		ctl_age_text(ctl_number(key, "ageSeconds"), age, sizeof(age));
		printf("%s: %s, %s old: %s\n", ctl_text(key, "status"),
		       ctl_text(key, "id"), age, ctl_text(key, "why"));
	}
	print_rules(section);
}

int ctl_replication_list(const struct ctl_call *c)
{
	return show_section(c, "replication", print_replication,
			    "the bucket has no replication rules");
}

int ctl_lifecycle_list(const struct ctl_call *c)
{
	return show_section(c, "lifecycle", print_rules,
			    "the bucket has no lifecycle rules; "
			    "`vers3ctl lifecycle --help` tells how "
			    "to set one");
}
