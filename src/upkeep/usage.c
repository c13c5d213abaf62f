/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Its words, one walk over all versions and one over the unfinished uploads,
 * and the answer.
 */
#include "vers3/upkeep/usage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usage_count.h"
#include "uploads_below.h"
#include "versions_below.h"
#include "vers3/core/mount.h"
#include "vers3/history/nowhere.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define ANSWER_MAX (128 << 10)
#define RULE_SIZE  128 /* bytes of if= */
#define RULE_WORDS 4

struct usage {
	struct mount *mount; /* borrowed, as the next */
	struct syncer *syncer;
	struct view *view; /* likewise */
	char *path; /* owned; "": the whole mount */
	struct prices prices;
	bool own_prices; /* they were given */
	struct usage_count count;
	char uploads_error[160]; /* "": they were counted */
};

/* "noncurrent=30d,keep=3": words as a rule has them. */
static int take_rule(struct usage *u, const char *text, const char **ret_want)
{
	char words[RULE_SIZE], reason[RULE_SIZE], *rest = words;
	const char *list[RULE_WORDS];
	struct lifecycle_spec spec;
	size_t count = 0;
	int rc = -EINVAL;

	*ret_want = "want such as if=noncurrent=30d or "
		    "if=noncurrent=30d,keep=3";
	if (strlen(text) >= sizeof(words))
		return rc;
	strcpy(words, text);
	while (rest && count < RULE_WORDS)
		list[count++] = strsep(&rest, ",");
	if (rest ||
	    lifecycle_spec_parse(list, count, &spec, reason, sizeof(reason)))
		return rc;
	if (!(spec.set & ~(LIFECYCLE_NONCURRENT | LIFECYCLE_KEEP)) &&
	    spec.noncurrent_days) {
		u->count.rule.days = (unsigned)spec.noncurrent_days;
		u->count.rule.keep = (unsigned)spec.keep_versions;
		rc = 0;
	}
	lifecycle_spec_release(&spec);
	return rc;
}

static int take_price(struct usage *u, const char *text, const char **ret_want)
{
	if (!u->own_prices) {
		u->own_prices = true;
		u->prices.count = 0;
		u->prices.date[0] = '\0';
	}
	return prices_add(&u->prices, text, ret_want);
}

static int take_text(const char *text, char *buf, size_t size,
		     const char **ret_want)
{
	*ret_want = "want 1 to 15 characters";
	if (!*text || strlen(text) >= size)
		return -EINVAL;
	strcpy(buf, text);
	return 0;
}

static int take_currency(struct usage *u, const char *text,
			 const char **ret_want)
{
	return take_text(text, u->prices.currency, sizeof(u->prices.currency),
			 ret_want);
}

static int take_date(struct usage *u, const char *text, const char **ret_want)
{
	return take_text(text, u->prices.date, sizeof(u->prices.date),
			 ret_want);
}

static const struct word {
	const char *name;
	int (*take)(struct usage *u, const char *text, const char **ret_want);
} known[] = {
	{"if=", take_rule},
	{"price=", take_price},
	{"currency=", take_currency},
	{"date=", take_date},
};

static const struct word *find_word(const char *word)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strncmp(word, known[i].name, strlen(known[i].name)))
			return &known[i];
	return NULL;
}

bool usage_is_word(const char *word)
{
	return find_word(word) != NULL;
}

static int take_word(struct usage *u, const char *word, const char **ret_want)
{
	const struct word *w = find_word(word);

	*ret_want = "want if=RULE, price=CLASS:PRICE, currency=NAME or "
		    "date=DATE";
	return w ? w->take(u, word + strlen(w->name), ret_want) : -EINVAL;
}

static int take_words(struct usage *u, char *const *words, size_t count,
		      char *reason, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const char *want;
		int rc = take_word(u, words[i], &want);

		if (rc) {
			snprintf(reason, size, "%.100s: %s", words[i], want);
			return rc;
		}
	}
	return 0;
}

int usage_new(struct mount *mount, struct syncer *syncer, struct view *view,
	      const char *path, char *const *words, size_t count,
	      struct usage **ret_usage, char *reason, size_t size)
{
	struct usage *u = NULL;
	int rc = 0;

	if (strlen(path) > META_KEY_MAX) {
		snprintf(reason, size, "%.64s...: the path is too long", path);
		return -EINVAL;
	}
	u = calloc(1, sizeof(*u));
	if (u)
		u->path = strdup(path);
	if (!u || !u->path) {
		snprintf(reason, size, "%s", strerror(ENOMEM));
		rc = -ENOMEM;
		goto out;
	}
	u->mount = mount;
	u->syncer = syncer;
	u->view = view;
	prices_default(&u->prices);
	u->count.prices = &u->prices;
	u->count.skip = strlen(mount->config.prefix);
	rc = take_words(u, words, count, reason, size);
out:
	if (rc)
		usage_free(u);
	else
		*ret_usage = u;
	return rc;
}

void usage_free(void *usage)
{
	struct usage *u = usage;

	if (!u)
		return;
	free(u->path);
	free(u);
}

static int on_version(void *ctx, const struct store_entry *e)
{
	struct usage *u = ctx;

	usage_count_version(&u->count, e,
			    mount_is_history(u->mount, e->key + u->count.skip));
	return 0;
}

static int on_upload(void *ctx, const struct store_entry *e)
{
	struct usage *u = ctx;

	usage_count_upload(&u->count, e->storage_class, e->size_bytes);
	return 0;
}

/* Costs have four places: a few cents of a small bucket are not nothing. */
static int put_cost(struct buf *out, const char *name, double cost)
{
	char text[64];

	snprintf(text, sizeof(text), "%.4f", cost);
	return gitconfig_value(out, name, text);
}

static int put_sum(struct buf *out, const char *count, const char *bytes,
		   const struct usage_sum *sum)
{
	int rc = gitconfig_number(out, count, (int64_t)sum->count);

	return rc ? rc : gitconfig_number(out, bytes, (int64_t)sum->bytes);
}

/* "BYTES VERSIONS SIZE PATH" */
static int put_files(struct buf *out, const char *name,
		     const struct usage_file *files, size_t count)
{
	char text[META_KEY_MAX + 80];
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s",
			 files[i].bytes, files[i].versions, files[i].size_bytes,
			 files[i].path);
		rc = gitconfig_value(out, name, text);
	}
	return rc;
}

/* What this mount has not sent yet, wherever it is. */
static int put_unsent(struct usage *u, struct buf *out)
{
	struct syncer_stats stats;
	int rc;

	syncer_read_stats(u->syncer, &stats);
	rc = gitconfig_number(out, "unsent", (int64_t)stats.dirty_keys);
	return rc ? rc
		  : gitconfig_number(
			    out, "unsentBytes",
			    (int64_t)staging_used_bytes(u->mount->staging));
}

static int put_usage(struct usage *u, struct buf *out)
{
	const struct usage_count *c = &u->count;
	int rc = gitconfig_section(out, "usage", NULL);

	if (!rc)
		rc = gitconfig_value(out, "path", *u->path ? u->path : "/");
	if (!rc)
		rc = gitconfig_time(out, "time", c->rule.now_ns);
	if (!rc)
		rc = put_sum(out, "objects", "bytes", &c->current);
	if (!rc)
		rc = put_sum(out, "noncurrent", "noncurrentBytes",
			     &c->noncurrent);
	if (!rc)
		rc = gitconfig_number(out, "markers", (int64_t)c->markers);
	if (!rc)
		rc = put_sum(out, "own", "ownBytes", &c->own);
	if (!rc && *u->uploads_error)
		rc = gitconfig_value(out, "uploadsError", u->uploads_error);
	if (!rc && !*u->uploads_error)
		rc = put_sum(out, "uploads", "uploadBytes", &c->uploads);
	if (!rc)
		rc = put_unsent(u, out);
	if (!rc)
		rc = put_files(out, "biggest", c->biggest, c->biggest_count);
	return rc ? rc : put_files(out, "most", c->most, c->most_count);
}

static int put_class(const struct usage_class *class, struct buf *out)
{
	int rc = gitconfig_section(out, "class", class->name);

	if (!rc)
		rc = put_sum(out, "objects", "bytes", &class->current);
	if (!rc)
		rc = put_sum(out, "noncurrent", "noncurrentBytes",
			     &class->noncurrent);
	if (!rc)
		rc = put_sum(out, "uploads", "uploadBytes", &class->uploads);
	if (rc || !class->price)
		return rc;
	return put_cost(out, "cost",
			class->current.cost + class->noncurrent.cost +
				class->uploads.cost);
}

static int put_costs(const struct usage *u, struct buf *out)
{
	const struct usage_count *c = &u->count;
	const struct prices *p = &u->prices;
	int rc = gitconfig_section(out, "cost", NULL);

	if (!rc)
		rc = gitconfig_value(out, "currency", p->currency);
	if (!rc && *p->date)
		rc = gitconfig_value(out, "date", p->date);
	if (!rc)
		rc = put_cost(out, "current", c->current.cost);
	if (!rc)
		rc = put_cost(out, "noncurrent", c->noncurrent.cost);
	if (!rc)
		rc = put_cost(out, "uploads", c->uploads.cost);
	if (!rc)
		rc = put_cost(out, "month",
			      c->current.cost + c->noncurrent.cost +
				      c->uploads.cost);
	for (size_t i = 0; !rc && i < c->class_count; i++)
		if (!c->classes[i].price)
			rc = gitconfig_value(out, "unpriced",
					     c->classes[i].name);
	return rc;
}

static int put_saving(const struct usage_rule *rule, struct buf *out)
{
	int rc = gitconfig_section(out, "saving", NULL);

	if (!rc)
		rc = gitconfig_number(out, "noncurrentDays", rule->days);
	if (!rc)
		rc = gitconfig_number(out, "keepVersions", rule->keep);
	if (!rc)
		rc = put_sum(out, "versions", "bytes", &rule->saved);
	return rc ? rc : put_cost(out, "month", rule->saved.cost);
}

static int put_answer(struct usage *u, struct buf *out)
{
	int rc = put_usage(u, out);

	for (size_t i = 0; !rc && i < u->count.class_count; i++)
		rc = put_class(&u->count.classes[i], out);
	if (!rc)
		rc = put_costs(u, out);
	return rc || !u->count.rule.days ? rc : put_saving(&u->count.rule, out);
}

/* Not every server lists them, nor may everybody: the rest is told then. */
static int count_uploads(struct usage *u, struct answer_stream *answer)
{
	int rc = uploads_below(u->mount, u->path, NULL, on_upload, u, answer);

	if (rc == -EINTR || rc == -ENOMEM)
		return rc;
	if (rc)
		snprintf(u->uploads_error, sizeof(u->uploads_error), "%s",
			 errtext(rc));
	return 0;
}

int usage_run(void *usage, struct answer_stream *answer)
{
	struct usage *u = usage;
	struct versions_below walk = {.mount = u->mount,
				      .path = u->path,
				      .on_entry = on_version,
				      .ctx = u,
				      .answer = answer,
				      .begun_ns = clock_mono_ns()};
	struct buf out;
	int rc;

	buf_init(&out, ANSWER_MAX);
	u->count.rule.now_ns = mount_server_now_ns(u->mount);
	rc = versions_below(&walk);
	usage_count_end(&u->count);
	if (!rc)
		rc = count_uploads(u, answer);
	if (!rc && !walk.entries && !u->count.uploads.count &&
	    is_nowhere(u->view, u->path)) {
		buf_release(&out);
		return answer_stream_fail(answer, -ENOENT,
					  "usage: %s: there is no such path",
					  u->path);
	}
	if (!rc)
		rc = put_answer(u, &out);
	if (!rc)
		rc = answer_stream_add(answer, out.data, out.len);
	buf_release(&out);
	return rc ? answer_stream_fail(answer, rc, "usage: %s: %s",
				       *u->path ? u->path : "/",
				       *walk.why ? walk.why : errtext(rc))
		  : 0;
}
