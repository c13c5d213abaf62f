/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guarantees that nobody needs a rule that goes: without it files stay
 * that were to expire, which nothing would tell.
 *
 *	what may need it		how that is known
 *	a version, old ones too		each is asked for its tags, in the
 *					whole bucket, whatever the mount's
 *					prefix; one that cannot be asked ends
 *					it, and nothing is removed
 *	a directory that hands it	each directory's present object is
 *	down				asked for its metadata
 *	a change of this mount that	all is sent before the walk
 *	is not sent
 *	what is set in this mount	expire_uses counts that, and is looked
 *	meanwhile			at within the edit; who sets one after
 *					that look finds the rule gone when the
 *					edit is over, and makes it again
 *	what other mounts have not	not known. Their rules are mostly new:
 *	sent, or set meanwhile		what is younger than a day stays. When
 *					one is set again its rule is made again
 */
#include "lifecycle_tidy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle_change.h"
#include "vers3/control/control_state.h"
#include "vers3/control/expire_rule.h"
#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/object/expire.h"
#include "vers3/object/inherited.h"
#include "vers3/store/version_list.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/pool.h"

#define DOCUMENT_MAX (4 << 20)
#define BATCH	     256
#define AT_ONCE	     8
#define SECTION_MAX  4096

enum tidy_state {
	TIDY_UNUSED,
	TIDY_USED,
	TIDY_YOUNG,
	TIDY_REMOVED,
};

struct candidate {
	char *id; /* owned */
	char text[EXPIRE_TEXT_MAX];
	atomic_int state; /* enum tidy_state; by many threads */
};

struct asked {
	char *key, *id; /* owned */
	bool dir;
};

struct tidy {
	struct control *control; /* borrowed */
	bool dry_run;
	struct answer_stream *answer; /* borrowed */
	struct candidate *items; /* owned */
	size_t count, size;
	struct asked batch[BATCH];
	size_t batched;
	struct pool *pool; /* owned */
	struct version_list list;
	uint64_t uses; /* when it began */
	uint64_t versions; /* that were asked */
	uint64_t removed;
};

bool tidy_is_ours(const struct lifecycle_rule *rule, char *ret_text,
		  int64_t *ret_made_ns)
{
	const char *at = rule->id + strlen(EXPIRE_RULE_PREFIX);
	size_t len;
	char day[32];

	if (strncmp(rule->id, EXPIRE_RULE_PREFIX, strlen(EXPIRE_RULE_PREFIX)))
		return false;
	len = strcspn(at, "-");
	if (!len || len >= EXPIRE_TEXT_MAX)
		return false;
	memcpy(ret_text, at, len);
	ret_text[len] = '\0';
	*ret_made_ns = 0;
	if (at[len]) {
		if (snprintf(day, sizeof(day), "%sT00:00:00Z", at + len + 1) !=
			    (int)strlen("2026-01-01T00:00:00Z") ||
		    clock_parse_iso8601(day, ret_made_ns))
			return false;
	}
	return expire_days(ret_text) && rule->enabled && !*rule->prefix &&
	       !rule->has_over && !rule->has_under && rule->tags.count == 1 &&
	       !strcmp(rule->tags.items[0].name, EXPIRE_TAG) &&
	       !strcmp(rule->tags.items[0].value, ret_text) &&
	       rule->expire_days == expire_days(ret_text) &&
	       !rule->expire_markers && !rule->noncurrent_days &&
	       !rule->abort_days && !rule->transitions.count &&
	       !rule->noncurrent_transitions.count;
}

int tidy_new(struct control *control, bool dry_run, struct tidy **ret_tidy)
{
	struct tidy *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->control = control;
	t->dry_run = dry_run;
	*ret_tidy = t;
	return 0;
}

static void drop_batch(struct tidy *t)
{
	for (size_t i = 0; i < t->batched; i++) {
		free(t->batch[i].key);
		free(t->batch[i].id);
	}
	t->batched = 0;
}

void tidy_free(void *tidy)
{
	struct tidy *t = tidy;

	if (!t)
		return;
	drop_batch(t);
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i].id);
	free(t->items);
	pool_free(t->pool);
	free(t);
}

/* The whole day on which it was made counts as its making. */
static int take_rule(struct tidy *t, const struct lifecycle_rule *rule)
{
	int64_t now = mount_server_now_ns(t->control->mount), made;
	struct candidate *c;
	char text[EXPIRE_TEXT_MAX];

	if (!tidy_is_ours(rule, text, &made))
		return 0;
	if (array_room(t->items, t->count, t->size))
		return -ENOMEM;
	c = &t->items[t->count];
	memset(c, 0, sizeof(*c));
	c->id = strdup(rule->id);
	if (!c->id)
		return -ENOMEM;
	strcpy(c->text, text);
	atomic_init(&c->state, made && now - made < 2 * TIDY_YOUNG_NS
				       ? TIDY_YOUNG
				       : TIDY_UNUSED);
	t->count++;
	return 0;
}

static int find_rules(struct tidy *t, char *reason, size_t size)
{
	struct lifecycle l = {.count = 0};
	struct buf doc;
	int rc;

	buf_init(&doc, DOCUMENT_MAX);
	rc = bucket_config_get(t->control->mount->bucket, BUCKET_LIFECYCLE,
			       &doc, reason, size);
	if (!rc && doc.len)
		rc = lifecycle_parse(doc.data, doc.len, &l);
	for (size_t i = 0; !rc && i < l.count; i++)
		rc = take_rule(t, &l.rules[i]);
	lifecycle_release(&l);
	buf_release(&doc);
	return rc;
}

static bool any_unused(const struct tidy *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (atomic_load(&t->items[i].state) == TIDY_UNUSED)
			return true;
	return false;
}

static void note_used(struct tidy *t, const char *text)
{
	for (size_t i = 0; text && i < t->count; i++) {
		int unused = TIDY_UNUSED;

		if (!strcmp(t->items[i].text, text))
			atomic_compare_exchange_strong(&t->items[i].state,
						       &unused, TIDY_USED);
	}
}

/* What is gone meanwhile needs nothing. */
static int ask_one(void *ctx, unsigned i)
{
	struct tidy *t = ctx;
	const struct asked *a = &t->batch[i];
	struct store *store = t->control->mount->store;
	struct store_request r;
	struct kvlist tags;
	int rc;

	if (a->dir) {
		rc = store_head(store, &r, a->key, NULL);
		if (!rc)
			note_used(t, kvlist_get(&r.reply.object.meta,
						EXPIRE_META));
		store_request_release(&r);
		return rc == -ENOENT ? 0 : rc;
	}
	kvlist_init(&tags);
	rc = tagset_get(store, a->key, *a->id ? a->id : NULL, &tags);
	if (!rc)
		note_used(t, kvlist_get_exact(&tags, EXPIRE_TAG));
	kvlist_release(&tags);
	return rc == -ENOENT ? 0 : rc;
}

static int flush(struct tidy *t)
{
	int rc = pool_each(t->pool, AT_ONCE, (unsigned)t->batched, ask_one, t);

	t->versions += t->batched;
	drop_batch(t);
	if (!any_unused(t))
		t->list.stop = true;
	return rc ? rc
		  : answer_stream_progress(t->answer, "%" PRIu64 " versions",
					   t->versions);
}

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct tidy *t = ctx;
	struct asked *a;

	if (e->kind != STORE_ENTRY_VERSION)
		return 0;
	a = &t->batch[t->batched];
	a->dir = e->key_len && e->key[e->key_len - 1] == '/';
	/* Only the present one hands anything down. */
	if (a->dir && !e->latest)
		return 0;
	a->key = strdup(e->key);
	a->id = strdup(e->version_id);
	t->batched++;
	if (!a->key || !a->id)
		return -ENOMEM;
	return t->batched == BATCH ? flush(t) : 0;
}

static int walk(struct tidy *t)
{
	int rc = pool_new("tidy", AT_ONCE, &t->pool);

	if (rc)
		return rc;
	t->list = (struct version_list){
		.prefix = "", .on_entry = on_entry, .ctx = t};
	rc = version_list(t->control->mount->store, &t->list);
	return rc ? rc : flush(t);
}

struct removal {
	struct tidy *tidy;
	const char *id;
};

/* Looks at the rule as it is now, and whether anybody has used any since. */
static int drop_rule(void *ctx, const char *doc, size_t len, struct buf *out,
		     char *reason, size_t size)
{
	const struct removal *m = ctx;
	char text[EXPIRE_TEXT_MAX];
	struct lifecycle l;
	bool ours = false;
	int64_t made;
	int rc = doc ? lifecycle_parse(doc, len, &l) : -ENOENT;

	if (rc)
		return rc;
	for (size_t i = 0; i < l.count; i++)
		if (!strcmp(l.rules[i].id, m->id))
			ours = tidy_is_ours(&l.rules[i], text, &made);
	lifecycle_release(&l);
	if (!ours ||
	    atomic_load(&m->tidy->control->expire_uses) != m->tidy->uses) {
		snprintf(reason, size,
			 ours ? "a file was told to expire meanwhile: run it "
				"again"
			      : "somebody has changed this rule meanwhile");
		return -EBUSY;
	}
	return lifecycle_remove(doc, len, m->id, out);
}

static int remove_unused(struct tidy *t, char *reason, size_t size)
{
	struct mount *mount = t->control->mount;
	int rc = 0;

	for (size_t i = 0; !rc && i < t->count; i++) {
		struct candidate *c = &t->items[i];
		struct removal m = {t, c->id};

		if (atomic_load(&c->state) != TIDY_UNUSED)
			continue;
		rc = lifecycle_change_bucket(mount->bucket, mount->store, c->id,
					     drop_rule, &m, reason, size);
		if (!rc) {
			atomic_store(&c->state, TIDY_REMOVED);
			t->removed++;
		}
	}
	return rc;
}

static int write_answer(struct tidy *t)
{
	static const char *const states[] = {
		[TIDY_UNUSED] = "unused",
		[TIDY_USED] = "used",
		[TIDY_YOUNG] = "young",
		[TIDY_REMOVED] = "removed",
	};
	struct buf out;
	int rc = 0;

	for (size_t i = 0; !rc && i < t->count; i++) {
		struct candidate *c = &t->items[i];

		buf_init(&out, SECTION_MAX);
		rc = gitconfig_section(&out, "rule", c->id);
		if (!rc)
			rc = gitconfig_value(&out, "expire", c->text);
		if (!rc)
			rc = gitconfig_value(&out, "state",
					     states[atomic_load(&c->state)]);
		if (!rc)
			rc = answer_stream_add(t->answer, out.data, out.len);
		buf_release(&out);
	}
	return rc ? rc
		  : answer_stream_printf(t->answer,
					 "[tidy]\n\tversions = %" PRIu64
					 "\n\tremoved = %" PRIu64 "\n",
					 t->versions, t->removed);
}

int tidy_run(void *tidy, struct answer_stream *answer)
{
	struct tidy *t = tidy;
	char reason[CONTROL_REASON_MAX] = "";
	uint64_t left;
	int rc;

	t->answer = answer;
	t->uses = atomic_load(&t->control->expire_uses);
	rc = find_rules(t, reason, sizeof(reason));
	if (!rc && any_unused(t))
		rc = syncer_sync_all(t->control->syncer, "", &left);
	if (!rc && any_unused(t))
		rc = walk(t);
	if (!rc && !t->dry_run)
		rc = remove_unused(t, reason, sizeof(reason));
	if (!rc)
		rc = write_answer(t);
	return rc ? answer_stream_fail(answer, rc, "lifecycle tidy: %s",
				       *reason ? reason : errtext(rc))
		  : 0;
}
