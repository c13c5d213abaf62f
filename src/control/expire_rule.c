/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the rule that there is not, and then sets the tag that it is for. */
#include "vers3/control/expire_rule.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle_change.h"
#include "vers3/control/control_state.h"
#include "vers3/core/mount.h"
#include "vers3/object/expire.h"
#include "vers3/sync/syncer.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"

#define DOCUMENT_MAX (4 << 20)

struct wanted {
	const char *text; /* "7d" */
	struct lifecycle_spec spec;
	const char *id;
};

/* Whether it is one of these rules: by what it does, or by its name. */
static bool is_for(const struct lifecycle_rule *rule, const char *text)
{
	char name[64];
	const struct kv *tag = rule->tags.items;
	size_t len = (size_t)snprintf(name, sizeof(name),
				      EXPIRE_RULE_PREFIX "%s", text);

	if (!strncmp(rule->id, name, len) &&
	    (!rule->id[len] || rule->id[len] == '-'))
		return true;
	return rule->enabled && !*rule->prefix && !rule->has_over &&
	       !rule->has_under && rule->tags.count == 1 &&
	       !strcmp(tag->name, EXPIRE_TAG) && !strcmp(tag->value, text) &&
	       rule->expire_days == expire_days(text);
}

const struct lifecycle_rule *expire_rule_find(const struct lifecycle *l,
					      const char *text)
{
	for (size_t i = 0; i < l->count; i++)
		if (is_for(&l->rules[i], text))
			return &l->rules[i];
	return NULL;
}

static int find_in(const char *doc, size_t len, const char *text, bool *ret)
{
	struct lifecycle l;
	int rc = lifecycle_parse(doc, len, &l);

	if (rc)
		return rc;
	*ret = expire_rule_find(&l, text) != NULL;
	lifecycle_release(&l);
	return 0;
}

/* A change that leaves the document as it is where somebody was faster. */
static int add_rule(void *ctx, const char *doc, size_t len, struct buf *out,
		    char *reason, size_t size)
{
	struct wanted *w = ctx;
	bool there = false;
	int rc = doc ? find_in(doc, len, w->text, &there) : 0;

	if (rc)
		return rc;
	if (there)
		return lifecycle_normalise(doc, len, out);
	return lifecycle_set(doc, len, w->id, &w->spec, out, reason, size);
}

/* What is known of the rules; -EOPNOTSUPP is known only when it is asked. */
static int is_known(struct control *control, const char *text, bool *ret)
{
	char reason[CONTROL_REASON_MAX];
	struct buf doc;
	int rc;

	buf_init(&doc, DOCUMENT_MAX);
	rc = bucket_config_get(control->mount->bucket, BUCKET_LIFECYCLE, &doc,
			       reason, sizeof(reason));
	if (!rc && doc.len)
		rc = find_in(doc.data, doc.len, text, ret);
	buf_release(&doc);
	return rc;
}

static int make_rule(struct control *control, const char *text, char *reason,
		     size_t size)
{
	char id[96], day[24], tag[64], expire[32];
	const char *words[] = {tag, expire};
	struct wanted w = {.text = text, .id = id};
	bool known = false;
	int rc;

	if (!is_known(control, text, &known) && known)
		return 0;
	clock_format_iso8601(mount_server_now_ns(control->mount), day,
			     sizeof(day));
	day[10] = '\0';
	snprintf(id, sizeof(id), EXPIRE_RULE_PREFIX "%s-%s", text, day);
	snprintf(tag, sizeof(tag), "tag=" EXPIRE_TAG "=%s", text);
	snprintf(expire, sizeof(expire), "expire=%s", text);
	rc = lifecycle_spec_parse(words, 2, &w.spec, reason, size);
	if (rc)
		return rc;
	rc = lifecycle_change_bucket(control->mount->bucket,
				     control->mount->store, id, add_rule, &w,
				     reason, size);
	lifecycle_spec_release(&w.spec);
	return rc;
}

static int await_edit(struct control *control)
{
	int rc = bucket_config_begin_edit(control->mount->bucket);

	if (!rc)
		bucket_config_end_edit(control->mount->bucket, NULL);
	return rc;
}

int expire_rule_set(struct control *control, uint64_t ino, const char *value,
		    size_t value_size, char *reason, size_t size)
{
	char text[EXPIRE_TEXT_MAX];
	int rc;

	*reason = '\0';
	atomic_fetch_add(&control->expire_uses, 1);
	if (expire_parse(value, value_size, text)) {
		snprintf(reason, size,
			 "want whole days such as 7d, %d at most, or never",
			 EXPIRE_DAYS_MAX);
		return -EINVAL;
	}
	rc = tree_check_expire(control->tree, ino);
	if (!rc)
		rc = syncer_sync_inode(control->syncer, ino);
	/* The rule first: a tag without it would do nothing. */
	if (!rc && *text)
		rc = make_rule(control, text, reason, size);
	if (!rc)
		rc = tree_set_expire(control->tree, ino, text);
	/* Who was about to remove the rule has done so, or seen this. */
	if (!rc && *text)
		rc = await_edit(control);
	if (!rc && *text)
		rc = make_rule(control, text, reason, size);
	if (rc && !*reason)
		snprintf(reason, size, "%s", errtext(rc));
	return rc;
}
