/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of lifecycle and replication: what has no rule, or a wrong one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor_facts.h"
#include "vers3/core/mount.h"

/* Whether one is about every key of the mount. */
static bool is_for_all(const struct doctor_facts *facts,
		       const struct lifecycle_rule *rule)
{
	return rule->enabled && !rule->tags.count && !rule->has_over &&
	       !rule->has_under &&
	       !strncmp(facts->prefix, rule->prefix, strlen(rule->prefix));
}

static void check_noncurrent(const struct doctor_facts *facts,
			     struct findings *f)
{
	const struct lifecycle *l = &facts->lifecycle;
	const struct lifecycle_rule *found = NULL;
	bool some = false;

	for (size_t i = 0; i < l->count; i++) {
		if (!l->rules[i].enabled || !l->rules[i].noncurrent_days)
			continue;
		some = true;
		if (is_for_all(facts, &l->rules[i]))
			found = &l->rules[i];
	}
	if (found) {
		finding_add(f, SEVERITY_OK, "noncurrent", NULL,
			    "old versions go after %llu days (rule %s)",
			    (unsigned long long)found->noncurrent_days,
			    found->id);
		return;
	}
	finding_add(f, SEVERITY_WARNING, "noncurrent",
		    "they cost as much as what is current, for ever",
		    some ? "no rule removes the old versions of all files, "
			   "only of some"
			 : "no rule ever removes old versions");
	finding_mend(f, "vers3ctl lifecycle set old-versions noncurrent=90d");
}

static void check_uploads(const struct doctor_facts *facts, struct findings *f)
{
	const struct lifecycle *l = &facts->lifecycle;

	for (size_t i = 0; i < l->count; i++) {
		if (!l->rules[i].abort_days || !is_for_all(facts, &l->rules[i]))
			continue;
		finding_add(f, SEVERITY_OK, "uploads", NULL,
			    "unfinished uploads go after %llu days (rule %s)",
			    (unsigned long long)l->rules[i].abort_days,
			    l->rules[i].id);
		return;
	}
	finding_add(f, SEVERITY_WARNING, "uploads",
		    "no list shows their parts, and somebody pays for them",
		    "no rule ever removes unfinished uploads");
	finding_mend(f, "vers3ctl lifecycle set unfinished abort=7d");
}

/* An id that a shell takes as it is: others name rules, too. */
static const char *plain_id(const struct lifecycle_rule *rule)
{
	size_t plain = strspn(rule->id, "abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789._");

	return *rule->id && !rule->id[plain] ? rule->id : "ID";
}

/* What vers3 itself has in the bucket must not go while files need it. */
static void check_own(const struct doctor_facts *facts, struct findings *f)
{
	const struct lifecycle *l = &facts->lifecycle;
	char key[META_KEY_MAX + 64];

	snprintf(key, sizeof(key), "%s" MOUNT_OWN_NAME "/xattrs/",
		 facts->prefix);
	for (size_t i = 0; i < l->count; i++) {
		const struct lifecycle_rule *r = &l->rules[i];

		if (!r->enabled || (!r->expire_days && !r->expire_date_ns) ||
		    r->tags.count ||
		    strncmp(key, r->prefix, strlen(r->prefix)) != 0)
			continue;
		finding_add(f, SEVERITY_WARNING, "expiry",
			    "long access control lists and attributes of files "
			    "stand there, and cannot be read once it has gone",
			    "rule %s expires what is in %s" MOUNT_OWN_NAME
			    " as well",
			    *r->id ? r->id : "without a name", facts->prefix);
		finding_mend(f, "vers3ctl lifecycle set %s prefix=DIRECTORY/",
			     plain_id(r));
		return;
	}
	finding_add(f, SEVERITY_OK, "expiry", NULL,
		    "no rule takes objects of vers3's own");
}

static void check_lifecycle(const struct doctor_facts *facts,
			    struct findings *f)
{
	if (doctor_unanswered(f, "lifecycle", &facts->lifecycle_answer,
			      "s3:GetLifecycleConfiguration"))
		return;
	if (facts->versioning.enabled || facts->versioning.suspended)
		check_noncurrent(facts, f);
	check_uploads(facts, f);
	check_own(facts, f);
}

static void check_replication(const struct doctor_facts *facts,
			      struct findings *f)
{
	const struct replication *r = &facts->replication;
	size_t off = 0, without_markers = 0;
	const char *which = "";

	if (doctor_unanswered(f, "replication", &facts->replication_answer,
			      "s3:GetReplicationConfiguration"))
		return;
	for (size_t i = 0; i < r->count; i++) {
		if (!r->rules[i].enabled && !off++)
			which = r->rules[i].id;
		if (r->rules[i].enabled && !r->rules[i].delete_markers)
			without_markers++;
	}
	if (!r->count)
		finding_add(f, SEVERITY_OK, "replication", NULL,
			    "there are no rules");
	else if (!facts->versioning.enabled && !facts->versioning_answer.rc)
		finding_add(f, SEVERITY_ERROR, "replication",
			    "servers replicate versions alone: nothing is",
			    "there are rules, and the bucket keeps no "
			    "versions");
	else if (off)
		finding_add(f, SEVERITY_WARNING, "replication",
			    "what it was made for has no second copy",
			    "%zu of %zu rules are disabled, the first is %s",
			    off, r->count, *which ? which : "without a name");
	else if (without_markers)
		finding_add(f, SEVERITY_INFO, "replication",
			    "what is deleted here stays there",
			    "%zu of %zu rules do not replicate delete markers",
			    without_markers, r->count);
	else
		finding_add(f, SEVERITY_OK, "replication", NULL,
			    "%zu rules, all enabled", r->count);
}

/* The bucket that reads go to when this one is away. */
static void check_replica(const struct doctor_facts *facts, struct findings *f)
{
	const struct doctor_answer *a = &facts->replica_answer;

	if (!facts->replica)
		return;
	if (a->rc && a->rc != -EOPNOTSUPP) {
		finding_add(f, SEVERITY_ERROR, "replica",
			    "when this bucket is away, nothing can be read "
			    "there",
			    "bucket %s does not answer: %s", facts->replica,
			    a->words);
		finding_mend(f, "see [replica] in the control file, and "
				"replica= and its options in vers3(8)");
	} else if (a->rc || !facts->replica_versioning.enabled) {
		finding_add(f, SEVERITY_ERROR, "replica",
			    "no version of this bucket can be known there "
			    "again",
			    "bucket %s keeps no versions", facts->replica);
		finding_mend(f,
			     "aws s3api put-bucket-versioning --bucket %s "
			     "--versioning-configuration Status=Enabled, at "
			     "its own server",
			     facts->replica);
	} else {
		finding_add(f, SEVERITY_OK, "replica", NULL,
			    "bucket %s answers, and keeps versions",
			    facts->replica);
	}
}

void doctor_check_rules(const struct doctor_facts *facts, struct findings *f)
{
	check_lifecycle(facts, f);
	check_replication(facts, f);
	check_replica(facts, f);
}
