/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of a sweep: findings and checkpoints as they come, and the end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "verify_impl.h"
#include "vers3/util/clock.h"
#include "vers3/util/gitconfig.h"

#define SECTION_MAX (32 << 10)
#define COUNTS	    10 /* of struct verify_counts */

const char *verify_pass_name(enum verify_pass pass)
{
	return pass == VERIFY_CACHE ? "cache" : "replica";
}

static int add(struct verify *v, struct buf *out)
{
	int rc = answer_stream_add(v->answer, out->data, out->len);

	buf_release(out);
	return rc;
}

static const char *right_name(enum right_side right)
{
	static const char *const names[] = {[RIGHT_NONE] = "none",
					    [RIGHT_BUCKET] = "bucket",
					    [RIGHT_OTHER] = "replica"};

	return names[right];
}

/* `[mismatch "7"]` or `[unclear "8"]` */
int verify_tell_finding(struct verify *v, enum verify_pass pass,
			const struct verify_item *item)
{
	const struct verify_finding *f = &item->found;
	bool unclear = f->what == INTEGRITY_UNCLEAR;
	struct buf out;
	char number[24];
	int rc;

	if (v->counts.listed >= VERIFY_LISTED_MAX)
		return 0;
	snprintf(number, sizeof(number), "%" PRIu64, ++v->counts.listed);
	buf_init(&out, SECTION_MAX);
	rc = gitconfig_section(&out, unclear ? "unclear" : "mismatch", number);
	if (!rc)
		rc = gitconfig_value(&out, "path", item->version.key);
	if (!rc)
		rc = gitconfig_value(&out, "version", item->version.version_id);
	if (!rc)
		rc = gitconfig_value(&out, "against", verify_pass_name(pass));
	if (!rc && !unclear)
		rc = gitconfig_value(&out, "reason", integrity_word(f->what));
	if (!rc && !unclear && (v->deep || v->repair))
		rc = gitconfig_value(&out, "right", right_name(f->right));
	if (!rc && f->dropped)
		rc = gitconfig_bool(&out, "dropped", true);
	if (!rc && !unclear && v->repair)
		rc = gitconfig_bool(&out, "repaired", f->repaired);
	if (!rc && *f->why)
		rc = gitconfig_value(&out, "error", f->why);
	if (rc) {
		buf_release(&out);
		return rc;
	}
	return add(v, &out);
}

/* In the order of struct verify_counts. */
static void list_counts(struct verify_counts *c, uint64_t *list[COUNTS])
{
	list[0] = &c->objects;
	list[1] = &c->sampled;
	list[2] = &c->bytes;
	list[3] = &c->mismatches;
	list[4] = &c->unclear;
	list[5] = &c->changed;
	list[6] = &c->pending;
	list[7] = &c->repaired;
	list[8] = &c->dropped;
	list[9] = &c->listed;
}

/* resume = "replica SEED BEGAN INO COUNT... KEY" */
int verify_tell_checkpoint(struct verify *v, enum verify_pass pass,
			   uint64_t ino, const char *key)
{
	char text[META_KEY_MAX + 400];
	uint64_t *counts[COUNTS];
	struct buf out;
	int len, rc;

	list_counts(&v->counts, counts);
	len = snprintf(text, sizeof(text),
		       "%s %" PRIu64 " %" PRId64 " %" PRIu64,
		       verify_pass_name(pass), v->sampling.seed, v->began_ns,
		       ino);
	for (int i = 0; i < COUNTS; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
				" %" PRIu64, *counts[i]);
	snprintf(text + len, sizeof(text) - (size_t)len, " %s", key ? key : "");
	buf_init(&out, SECTION_MAX);
	rc = gitconfig_section(&out, "checkpoint", NULL);
	if (!rc)
		rc = gitconfig_value(&out, "resume", text);
	/* Who reads lines hands on the one before. */
	if (!rc)
		rc = gitconfig_number(&out, "sampled",
				      (int64_t)v->counts.sampled);
	if (rc) {
		buf_release(&out);
		return rc;
	}
	return add(v, &out);
}

int verify_take_checkpoint(struct verify *v, const char *text)
{
	uint64_t *counts[COUNTS];
	char pass[16];
	int at = 0, more;

	list_counts(&v->counts, counts);
	if (sscanf(text, "%15s %" SCNu64 " %" SCNd64 " %" SCNu64 "%n", pass,
		   &v->sampling.seed, &v->began_ns, &v->from_ino, &at) != 4)
		return -EINVAL;
	for (int i = 0; i < COUNTS; i++, at += more)
		if (sscanf(text + at, " %" SCNu64 "%n", counts[i], &more) != 1)
			return -EINVAL;
	/* The key is the rest, whatever is in it. */
	if (text[at] != ' ' || strlen(text + at + 1) > META_KEY_MAX ||
	    (strcmp(pass, "cache") != 0 && strcmp(pass, "replica") != 0))
		return -EINVAL;
	strcpy(v->from_key, text + at + 1);
	v->from_pass = !strcmp(pass, "cache") ? VERIFY_CACHE : VERIFY_REPLICA;
	v->resumed = true;
	return 0;
}

static const char *result_of(const struct verify *v)
{
	const struct verify_counts *c = &v->counts;
	double most = v->has_threshold
			      ? (double)v->threshold_ppm * (double)c->sampled /
					SAMPLING_ALL
			      : 0;

	if (c->mismatches && (double)c->mismatches > most)
		return "FAIL";
	/* One that has looked at nothing of something knows nothing. */
	if (c->unclear || (c->objects && !c->sampled))
		return "UNKNOWN";
	return "PASS";
}

/* A share of a million in percent, without needless zeros. */
static int put_share(struct buf *out, const char *name, uint32_t ppm)
{
	char text[32];

	snprintf(text, sizeof(text), "%g%%", ppm / (SAMPLING_ALL / 100.0));
	return gitconfig_value(out, name, text);
}

static int put_when(struct buf *out, const char *name, int64_t ns)
{
	char text[32];

	clock_format_iso8601(ns, text, sizeof(text));
	return gitconfig_value(out, name, text);
}

static int put_words(const struct verify *v, struct buf *out)
{
	bool both = v->against[VERIFY_CACHE] && v->against[VERIFY_REPLICA];
	int rc = gitconfig_value(out, "path", *v->path ? v->path : "/");

	if (!rc)
		rc = gitconfig_value(
			out, "against",
			both ? "both"
			     : verify_pass_name(v->against[VERIFY_REPLICA]));
	if (!rc)
		rc = gitconfig_bool(out, "deep", v->deep);
	if (!rc)
		rc = gitconfig_bool(out, "repair", v->repair);
	if (!rc)
		rc = put_share(out, "sample", v->sampling.ppm);
	if (!rc)
		rc = gitconfig_number(out, "seed", (int64_t)v->sampling.seed);
	if (!rc && v->has_threshold)
		rc = put_share(out, "threshold", v->threshold_ppm);
	if (!rc)
		rc = put_when(out, "started", v->began_ns);
	if (!rc)
		rc = put_when(out, "finished", clock_real_ns());
	return rc ? rc : gitconfig_bool(out, "resumed", v->resumed);
}

static int put_counts(const struct verify *v, struct buf *out)
{
	static const char *const names[COUNTS] = {
		"objects", "sampled", "bytes",	  "mismatched",	   "unclear",
		"changed", "pending", "repaired", "droppedBlocks", "listed"};
	struct verify_counts c = v->counts;
	uint64_t *counts[COUNTS];
	char rate[32];
	int rc = 0;

	list_counts(&c, counts);
	for (int i = 0; !rc && i < COUNTS; i++)
		rc = gitconfig_number(out, names[i], (int64_t)*counts[i]);
	snprintf(rate, sizeof(rate), "%.6f",
		 c.sampled ? (double)c.mismatches / (double)c.sampled : 0);
	return rc ? rc : gitconfig_value(out, "mismatchRate", rate);
}

int verify_tell_end(struct verify *v)
{
	struct buf out;
	int rc;

	buf_init(&out, SECTION_MAX);
	rc = gitconfig_section(&out, "verify", NULL);
	if (!rc)
		rc = gitconfig_value(&out, "result", result_of(v));
	if (!rc)
		rc = put_words(v, &out);
	if (!rc)
		rc = put_counts(v, &out);
	if (rc) {
		buf_release(&out);
		return rc;
	}
	return add(v, &out);
}
