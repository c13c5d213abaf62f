/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over all versions and one over the unfinished uploads. Each entry
 * is judged as if it had every tag; what nothing happens to then is dropped,
 * the others wait in a batch for the tags that decide. One entry is held back:
 * whether a delete marker is alone, the next entry says.
 *
 * What expires becomes noncurrent, and is judged once more as that; the older
 * versions of its key, which come after it, have one more above them then.
 */
#include "vers3/upkeep/preview.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preview_count.h"
#include "uploads_below.h"
#include "versions_below.h"
#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/history/nowhere.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/pool.h"

#define DAY_NS	     (INT64_C(86400) * NS_PER_S)
#define BATCH	     256
#define TAGS_AT_ONCE 8
#define SECTION_MAX  (32 << 10)
#define REASON_MAX   256

/* A key whose current version expires. */
struct expiring {
	uint64_t key; /* which one of the walk, from 1 on; 0: none */
	int64_t when_ns;
};

/* A version, or a delete marker. */
struct due {
	struct subject subject; /* borrows from here */
	uint64_t nth_key; /* of the walk */
	char *key, *id; /* owned */
	char storage_class[64];
	struct kvlist tags;
	bool ask; /* its tags decide something */
	bool gone; /* it was not there any more when they were asked for */
};

struct preview {
	struct mount *mount; /* borrowed */
	struct view *view; /* likewise */
	char *path; /* owned; "": the whole mount */
	unsigned days;
	bool names;
	/* Of a run. */
	struct answer_stream *answer; /* borrowed */
	struct rules rules;
	struct kvlist every_tag; /* that a rule asks for */
	struct kvlist no_tag; /* what markers and uploads have */
	struct verdicts verdicts; /* of the last that was judged */
	struct preview_count count;
	struct due held; /* key NULL: there is none */
	bool first; /* it is the first of its key */
	uint64_t noncurrent; /* entries of the key that are, so far */
	uint64_t nth_key; /* of the walk, from 1 on */
	struct expiring may_expire; /* the last, if tags are right for it */
	struct expiring expires; /* the last that was judged */
	struct due batch[BATCH];
	size_t batched;
	struct pool *pool;
	uint64_t seen, unknown; /* entries; those whose tags are not known */
	char uploads_error[160]; /* "": they were counted */
	char why[VERSIONS_WHY_MAX]; /* "", or why there was no list */
};

static int take_days(struct preview *p, const char *text)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 5)
		return -EINVAL;
	n = strtoul(text, &end, 10);
	if (*end || n > PREVIEW_DAYS_MAX)
		return -EINVAL;
	p->days = (unsigned)n;
	return 0;
}

static int take_words(struct preview *p, char *const *words, size_t count,
		      char *reason, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		bool days = !strncmp(words[i], "days=", 5);

		if (!strcmp(words[i], "names")) {
			p->names = true;
			continue;
		}
		if (days && !take_days(p, words[i] + 5))
			continue;
		snprintf(reason, size, "%.100s: %s", words[i],
			 days ? "want a number of days, 3650 at most"
			      : "want days=NUMBER or names");
		return -EINVAL;
	}
	return 0;
}

int preview_new(struct mount *mount, struct view *view, const char *path,
		char *const *words, size_t count, struct preview **ret_preview,
		char *reason, size_t size)
{
	struct preview *p;
	int rc = 0;

	if (strlen(path) > META_KEY_MAX) {
		snprintf(reason, size, "%.64s...: the path is too long", path);
		return -EINVAL;
	}
	p = calloc(1, sizeof(*p));
	if (p)
		p->path = strdup(path);
	if (!p || !p->path) {
		snprintf(reason, size, "%s", strerror(ENOMEM));
		rc = -ENOMEM;
		goto out;
	}
	p->mount = mount;
	p->view = view;
	p->days = PREVIEW_DAYS;
	rc = take_words(p, words, count, reason, size);
out:
	if (rc)
		preview_free(p);
	else
		*ret_preview = p;
	return rc;
}

static void due_release(struct due *d)
{
	free(d->key);
	free(d->id);
	kvlist_release(&d->tags);
	memset(d, 0, sizeof(*d));
}

void preview_free(void *preview)
{
	struct preview *p = preview;

	if (!p)
		return;
	for (size_t i = 0; i < p->batched; i++)
		due_release(&p->batch[i]);
	due_release(&p->held);
	verdicts_release(&p->verdicts);
	preview_count_release(&p->count);
	kvlist_release(&p->every_tag);
	rules_release(&p->rules);
	pool_free(p->pool);
	free(p->path);
	free(p);
}

static int write_name(struct preview *p, const struct subject *s,
		      const char *id, const struct verdict *v)
{
	struct buf out, action;
	int rc;

	buf_init(&out, SECTION_MAX);
	buf_init(&action, 4096);
	rc = gitconfig_section(&out, "due", id);
	if (!rc)
		rc = gitconfig_value(&out, "path",
				     s->key + strlen(p->mount->config.prefix));
	if (!rc)
		rc = gitconfig_time(&out, "date", v->when_ns);
	if (!rc)
		rc = verdict_write_action(v, &action);
	if (!rc)
		rc = gitconfig_value(&out, "action", action.data);
	if (!rc)
		rc = gitconfig_number(&out, "bytes", (int64_t)s->size_bytes);
	if (!rc)
		rc = gitconfig_value(&out, "rule", v->rule->id);
	if (!rc)
		rc = answer_stream_add(p->answer, out.data, out.len);
	buf_release(&action);
	buf_release(&out);
	return rc;
}

/* Counts what was judged of it; *ret_expires: the one by which it does. */
static int count_verdicts(struct preview *p, struct subject *s, const char *id,
			  struct verdict *ret_expires)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->verdicts.count; i++) {
		const struct verdict *v = &p->verdicts.items[i];

		if (!preview_count_wants(&p->count, v))
			continue;
		if (v->action == VERDICT_EXPIRE)
			*ret_expires = *v;
		rc = preview_count_add(&p->count, v, s->size_bytes);
		if (!rc && p->names)
			rc = write_name(p, s, id, v);
	}
	return rc;
}

/* The class that it has moved to by then. */
static void move_on(const struct preview *p, struct subject *s)
{
	int64_t last_ns = INT64_MIN;

	for (size_t i = 0; i < p->verdicts.count; i++) {
		const struct verdict *v = &p->verdicts.items[i];

		if (v->action != VERDICT_MOVE || v->when_ns < last_ns ||
		    !preview_count_wants(&p->count, v))
			continue;
		last_ns = v->when_ns;
		s->storage_class = v->storage_class;
	}
}

/* When the newest of its key becomes noncurrent; 0: it does not. */
static int64_t pushed_ns(const struct expiring *newest, const struct due *d)
{
	return newest->key == d->nth_key ? newest->when_ns : 0;
}

/* That has no tags. */
static bool is_marker(const struct due *d)
{
	return d->subject.kind == SUBJECT_MARKER ||
	       d->subject.kind == SUBJECT_OLD_MARKER;
}

static int judge_due(struct preview *p, struct due *d)
{
	struct verdict expires = {.rule = NULL};
	struct subject s = d->subject;
	int rc;

	s.pushed_ns = pushed_ns(&p->expires, d);
	if (d->ask && !s.tags)
		p->unknown++;
	if (!d->ask)
		s.tags = is_marker(d) ? &p->no_tag : &p->every_tag;
	rc = verdicts_judge(&p->rules, &s, &p->verdicts);
	if (!rc)
		rc = count_verdicts(p, &s, d->id, &expires);
	if (rc || !expires.rule || !p->mount->config.versioned)
		return rc;
	p->expires = (struct expiring){d->nth_key, expires.when_ns};
	move_on(p, &s);
	s.kind = SUBJECT_NONCURRENT;
	s.noncurrent_ns = expires.when_ns;
	rc = verdicts_judge(&p->rules, &s, &p->verdicts);
	return rc ? rc : count_verdicts(p, &s, d->id, &expires);
}

static int ask_tags(void *ctx, unsigned i)
{
	struct preview *p = ctx;
	struct due *d = &p->batch[i];
	int rc;

	if (!d->ask)
		return 0;
	rc = tagset_get(p->mount->store, d->key, *d->id ? d->id : NULL,
			&d->tags);
	if (!rc)
		d->subject.tags = &d->tags;
	d->gone = rc == -ENOENT;
	return rc == -EINTR ? rc : 0;
}

static int flush(struct preview *p)
{
	bool ask = false;
	int rc = 0;

	for (size_t i = 0; i < p->batched; i++)
		ask = ask || p->batch[i].ask;
	if (ask)
		rc = pool_each(p->pool, TAGS_AT_ONCE, (unsigned)p->batched,
			       ask_tags, p);
	for (size_t i = 0; i < p->batched; i++) {
		if (!rc && !p->batch[i].gone)
			rc = judge_due(p, &p->batch[i]);
		due_release(&p->batch[i]);
	}
	p->batched = 0;
	return rc;
}

/* Whether a rule does anything in time, were the tags right. */
static int look_ahead(struct preview *p, struct due *d, bool *ret_wanted)
{
	bool wanted = false;
	int rc;

	d->subject.pushed_ns = pushed_ns(&p->may_expire, d);
	d->subject.tags = &p->every_tag;
	rc = verdicts_judge(&p->rules, &d->subject, &p->verdicts);
	for (size_t i = 0; !rc && i < p->verdicts.count; i++) {
		const struct verdict *v = &p->verdicts.items[i];

		if (!preview_count_wants(&p->count, v))
			continue;
		wanted = true;
		if (v->action == VERDICT_EXPIRE)
			p->may_expire =
				(struct expiring){d->nth_key, v->when_ns};
		/* What changes with that needs all the tags. */
		d->ask = d->ask || v->rule->tags.count ||
			 ((v->action == VERDICT_EXPIRE ||
			   d->subject.pushed_ns) &&
			  verdicts_need_tags(&p->rules, d->key));
	}
	d->ask = d->ask && !is_marker(d);
	d->subject.tags = NULL;
	*ret_wanted = wanted;
	return rc;
}

/* The next one has come, or none does any more. */
static int let_go(struct preview *p)
{
	struct due *d = &p->held;
	bool wanted = false;
	int rc;

	if (!d->key)
		return 0;
	rc = look_ahead(p, d, &wanted);
	if (rc || !wanted) {
		due_release(d);
		return rc;
	}
	p->batch[p->batched++] = *d;
	memset(d, 0, sizeof(*d));
	d = &p->batch[p->batched - 1];
	d->subject.storage_class = d->storage_class;
	return p->batched == BATCH ? flush(p) : 0;
}

static void take_kind(struct preview *p, const struct store_entry *e,
		      int64_t above_ns, struct subject *s)
{
	bool marker = e->kind == STORE_ENTRY_MARKER;

	if (e->latest) {
		s->kind = marker ? SUBJECT_MARKER : SUBJECT_CURRENT;
		return;
	}
	s->kind = marker ? SUBJECT_OLD_MARKER : SUBJECT_NONCURRENT;
	s->newer = p->noncurrent++;
	s->noncurrent_ns = above_ns;
}

static int hold(struct preview *p, const struct store_entry *e,
		int64_t above_ns)
{
	struct due *d = &p->held;

	d->key = strdup(e->key);
	d->id = strdup(e->version_id);
	if (!d->key || !d->id) {
		due_release(d);
		return -ENOMEM;
	}
	snprintf(d->storage_class, sizeof(d->storage_class), "%s",
		 e->storage_class);
	d->nth_key = p->nth_key;
	d->subject.key = d->key;
	d->subject.storage_class = d->storage_class;
	d->subject.size_bytes = e->size_bytes;
	d->subject.modified_ns = e->last_modified_ns;
	take_kind(p, e, above_ns, &d->subject);
	return 0;
}

static int on_version(void *ctx, const struct store_entry *e)
{
	struct preview *p = ctx;
	bool same = p->held.key && !strcmp(p->held.key, e->key);
	int64_t above_ns = p->held.subject.modified_ns;
	int rc;

	p->seen++;
	p->held.subject.alone = p->first && !same;
	rc = let_go(p);
	if (rc)
		return rc;
	if (!same) {
		p->noncurrent = 0;
		p->nth_key++;
	}
	p->first = !same;
	return hold(p, e, above_ns);
}

static int judge_upload(struct preview *p, const struct store_entry *e,
			struct subject *s)
{
	*s = (struct subject){.kind = SUBJECT_UPLOAD,
			      .key = e->key,
			      .storage_class = e->storage_class,
			      .size_bytes = e->size_bytes,
			      .tags = &p->no_tag,
			      .modified_ns = e->last_modified_ns};
	return verdicts_judge(&p->rules, s, &p->verdicts);
}

static bool wants_upload(void *ctx, const struct store_entry *e)
{
	struct preview *p = ctx;
	struct subject s;

	if (judge_upload(p, e, &s))
		return true; /* no memory: the next judgement says so */
	for (size_t i = 0; i < p->verdicts.count; i++)
		if (preview_count_wants(&p->count, &p->verdicts.items[i]))
			return true;
	return false;
}

static int on_upload(void *ctx, const struct store_entry *e)
{
	struct preview *p = ctx;
	struct verdict expires = {.rule = NULL};
	struct subject s;
	int rc = judge_upload(p, e, &s);

	return rc ? rc : count_verdicts(p, &s, e->version_id, &expires);
}

/* Not every server lists them, nor may everybody: the rest is told then. */
static int walk_uploads(struct preview *p)
{
	bool any = false;
	int rc;

	for (size_t i = 0; i < p->rules.lifecycle.count; i++)
		any = any || p->rules.lifecycle.rules[i].abort_days;
	if (!any)
		return 0;
	rc = uploads_below(p->mount, p->path, wants_upload, on_upload, p,
			   p->answer);
	if (rc == -EINTR || rc == -ENOMEM)
		return rc;
	if (rc)
		snprintf(p->uploads_error, sizeof(p->uploads_error), "%s",
			 errtext(rc));
	return 0;
}

static int walk_versions(struct preview *p)
{
	struct versions_below walk = {.mount = p->mount,
				      .path = p->path,
				      .on_entry = on_version,
				      .ctx = p,
				      .answer = p->answer,
				      .begun_ns = clock_mono_ns()};
	int rc = versions_below(&walk);

	snprintf(p->why, sizeof(p->why), "%s", walk.why);
	p->held.subject.alone = p->first;
	if (!rc)
		rc = let_go(p);
	return rc ? rc : flush(p);
}

/* Without one that acts there is nothing to look at. */
static bool has_enabled(const struct lifecycle *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->rules[i].enabled)
			return true;
	return false;
}

static int gather_tags(struct preview *p)
{
	const struct lifecycle *l = &p->rules.lifecycle;
	int rc = 0;

	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; !rc && k < l->rules[i].tags.count; k++)
			rc = kvlist_add(&p->every_tag,
					l->rules[i].tags.items[k].name,
					l->rules[i].tags.items[k].value);
	return rc;
}

/* A section of a few thousand days has room in an answer, many may not. */
static int write_groups(struct preview *p)
{
	struct buf out;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->count.count; i++) {
		buf_init(&out, ANSWER_UNREAD_MAX);
		rc = preview_count_write(&p->count, i, &out);
		if (!rc)
			rc = answer_stream_add(p->answer, out.data, out.len);
		buf_release(&out);
	}
	return rc;
}

static int write_answer(struct preview *p)
{
	struct buf out;
	int rc;

	buf_init(&out, SECTION_MAX);
	rc = gitconfig_section(&out, "preview", NULL);
	if (!rc)
		rc = gitconfig_value(&out, "path", *p->path ? p->path : "/");
	if (!rc)
		rc = gitconfig_number(&out, "days", p->days);
	if (!rc)
		rc = gitconfig_time(&out, "until", p->count.until_ns);
	if (!rc)
		rc = gitconfig_number(&out, "ruleCount",
				      (int64_t)p->rules.lifecycle.count);
	if (!rc)
		rc = gitconfig_number(&out, "versions", (int64_t)p->seen);
	if (!rc)
		rc = gitconfig_number(&out, "tagsUnknown", (int64_t)p->unknown);
	if (!rc && *p->uploads_error)
		rc = gitconfig_value(&out, "uploadsError", p->uploads_error);
	if (!rc)
		rc = answer_stream_add(p->answer, out.data, out.len);
	buf_release(&out);
	return rc;
}

int preview_run(void *preview, struct answer_stream *answer)
{
	struct preview *p = preview;
	char reason[REASON_MAX] = "";
	int rc;

	p->answer = answer;
	p->count.now_ns = mount_server_now_ns(p->mount);
	p->count.until_ns = p->count.now_ns + p->days * DAY_NS;
	rc = rules_ask(p->mount->store, &p->rules, reason, sizeof(reason));
	if (!rc)
		rc = gather_tags(p);
	if (!rc)
		rc = pool_new("preview-tags", TAGS_AT_ONCE, &p->pool);
	if (!rc && has_enabled(&p->rules.lifecycle)) {
		rc = walk_versions(p);
		if (!rc)
			rc = walk_uploads(p);
		if (!rc && !p->seen && !p->count.count &&
		    is_nowhere(p->view, p->path)) {
			rc = -ENOENT;
			snprintf(reason, sizeof(reason),
				 "there is no such path");
		}
	}
	if (!rc)
		rc = write_groups(p);
	if (!rc)
		rc = write_answer(p);
	return rc ? answer_stream_fail(answer, rc, "lifecycle preview: %s: %s",
				       *p->path ? p->path : "/",
				       *reason	 ? reason
				       : *p->why ? p->why
						 : errtext(rc))
		  : 0;
}
