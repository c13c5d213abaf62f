/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days are counted from the version's last change, or from when it became
 * noncurrent, to the midnight (UTC) that follows. Of what is to happen to one
 * version, a removal makes all that would come later vain, and a move to a
 * class all moves to warmer ones.
 */
#include "verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"

#define MINIMUM_BYTES (UINT64_C(128) << 10)

/* S3's classes as versions move through them: never up again. */
static const char *const waterfall[] = {
	"STANDARD",   "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA",
	"GLACIER_IR", "GLACIER",     "DEEP_ARCHIVE",
};

static int rank(const char *storage_class)
{
	for (size_t i = 0; i < sizeof(waterfall) / sizeof(*waterfall); i++)
		if (!strcmp(waterfall[i], storage_class))
			return (int)i;
	return -1;
}

static const char *class_of(const struct subject *s)
{
	return *s->storage_class ? s->storage_class : "STANDARD";
}

/* Whether the rule is about it; uploads have no size and no tags yet. */
static enum verdict_why match(const struct subject *s, struct verdict *v)
{
	const struct lifecycle_rule *rule = v->rule;
	const uint64_t *size =
		s->kind == SUBJECT_UPLOAD ? NULL : &s->size_bytes;

	switch (lifecycle_match(rule, s->key, s->tags, size, &v->tag)) {
	case LIFECYCLE_MATCHES:
		break;
	case LIFECYCLE_DISABLED:
		return VERDICT_DISABLED;
	case LIFECYCLE_OTHER_PREFIX:
		return VERDICT_PREFIX;
	case LIFECYCLE_TOO_SMALL:
		v->number = rule->size_over_bytes;
		return VERDICT_SMALL;
	case LIFECYCLE_TOO_LARGE:
		v->number = rule->size_under_bytes;
		return VERDICT_LARGE;
	case LIFECYCLE_TAG_MISSING:
		return s->tags ? VERDICT_TAG : VERDICT_TAG_UNKNOWN;
	}
	return VERDICT_ACTS;
}

static int add(struct verdicts *list, struct verdict v)
{
	int rc = array_room(list->items, list->count, list->size);

	if (!rc)
		list->items[list->count++] = v;
	return rc;
}

static bool has_size(const struct lifecycle_rule *rule)
{
	return rule->has_over || rule->has_under;
}

static bool is_too_small(const struct rules *rules, const struct subject *s,
			 const struct verdict *v)
{
	if (s->size_bytes >= MINIMUM_BYTES || has_size(v->rule) ||
	    rules->minimum == MINIMUM_NONE)
		return false;
	return rules->minimum == MINIMUM_ALL ||
	       (strcmp(v->storage_class, "GLACIER") != 0 &&
		strcmp(v->storage_class, "DEEP_ARCHIVE") != 0);
}

/* Has it wait until so many are newer; false: they never are. */
static bool await_newer(const struct subject *s, uint64_t newer,
			int64_t *when_ns)
{
	if (s->newer >= newer)
		return true;
	if (!s->pushed_ns || s->newer + 1 < newer)
		return false;
	if (*when_ns < s->pushed_ns)
		*when_ns = s->pushed_ns;
	return true;
}

static int add_move(const struct rules *rules, const struct subject *s,
		    const struct lifecycle_rule *rule,
		    const struct lifecycle_transition *t, int64_t since_ns,
		    struct verdicts *list)
{
	struct verdict v = {.rule = rule,
			    .action = VERDICT_MOVE,
			    .storage_class = t->storage_class};
	int from = rank(class_of(s)), to = rank(t->storage_class);

	v.when_ns = lifecycle_move_ns(t, since_ns);
	v.number = t->newer_versions;
	if (!strcmp(class_of(s), t->storage_class))
		v.why = VERDICT_CLASS;
	else if (from >= 0 && to >= 0 && from > to)
		v.why = VERDICT_COLDER;
	else if (!await_newer(s, t->newer_versions, &v.when_ns))
		v.why = VERDICT_KEPT;
	else if (is_too_small(rules, s, &v))
		v.why = VERDICT_MINIMUM;
	return add(list, v);
}

static int add_moves(const struct rules *rules, const struct subject *s,
		     const struct lifecycle_rule *rule,
		     const struct lifecycle_transitions *t, int64_t since_ns,
		     struct verdicts *list)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < t->count; i++)
		rc = add_move(rules, s, rule, &t->items[i], since_ns, list);
	return rc;
}

static int judge_current(const struct rules *rules, const struct subject *s,
			 const struct lifecycle_rule *rule,
			 struct verdicts *list)
{
	struct verdict v = {.rule = rule, .action = VERDICT_EXPIRE};
	int rc = 0;

	v.when_ns = lifecycle_expiry_ns(rule, s->modified_ns);
	if (v.when_ns)
		rc = add(list, v);
	return rc ? rc
		  : add_moves(rules, s, rule, &rule->transitions,
			      s->modified_ns, list);
}

/* Markers are versions here, but have no class. */
static int judge_noncurrent(const struct rules *rules, const struct subject *s,
			    const struct lifecycle_rule *rule,
			    struct verdicts *list)
{
	struct verdict v = {.rule = rule, .action = VERDICT_REMOVE};
	int rc = 0;

	v.when_ns =
		lifecycle_after_days(s->noncurrent_ns, rule->noncurrent_days);
	v.number = rule->keep_versions;
	if (!await_newer(s, rule->keep_versions, &v.when_ns))
		v.why = VERDICT_KEPT;
	if (rule->noncurrent_days)
		rc = add(list, v);
	if (rc || s->kind == SUBJECT_OLD_MARKER)
		return rc;
	return add_moves(rules, s, rule, &rule->noncurrent_transitions,
			 s->noncurrent_ns, list);
}

/* Days of an expiration take markers that hide nothing, too. */
static int judge_marker(const struct subject *s,
			const struct lifecycle_rule *rule,
			struct verdicts *list)
{
	struct verdict v = {.rule = rule, .action = VERDICT_REMOVE};

	if (!rule->expire_markers && !rule->expire_days)
		return 0;
	v.when_ns = lifecycle_after_days(s->modified_ns, rule->expire_days);
	if (!s->alone)
		v.why = VERDICT_NOT_ALONE;
	return add(list, v);
}

static int judge_upload(const struct subject *s,
			const struct lifecycle_rule *rule,
			struct verdicts *list)
{
	struct verdict v = {.rule = rule, .action = VERDICT_ABORT};

	v.when_ns = lifecycle_after_days(s->modified_ns, rule->abort_days);
	return rule->abort_days ? add(list, v) : 0;
}

static int judge_rule(const struct rules *rules, const struct subject *s,
		      const struct lifecycle_rule *rule, struct verdicts *list)
{
	struct verdict v = {.rule = rule};
	size_t before = list->count;
	int rc = 0;

	v.why = match(s, &v);
	if (v.why != VERDICT_ACTS)
		return add(list, v);
	switch (s->kind) {
	case SUBJECT_CURRENT:
		rc = judge_current(rules, s, rule, list);
		break;
	case SUBJECT_NONCURRENT:
	case SUBJECT_OLD_MARKER:
		rc = judge_noncurrent(rules, s, rule, list);
		break;
	case SUBJECT_MARKER:
		rc = judge_marker(s, rule, list);
		break;
	case SUBJECT_UPLOAD:
		rc = judge_upload(s, rule, list);
		break;
	}
	v.why = VERDICT_NOTHING;
	return rc || list->count > before ? rc : add(list, v);
}

static bool is_removal(const struct verdict *v)
{
	return v->why == VERDICT_ACTS && v->action != VERDICT_MOVE &&
	       v->action != VERDICT_NONE;
}

/* Whether there is no way, or none left, from one move's class to another's. */
static bool is_beyond(const struct verdict *a, const struct verdict *b)
{
	int from = rank(a->storage_class), to = rank(b->storage_class);

	return from >= 0 && to >= 0
		       ? from >= to
		       : !strcmp(a->storage_class, b->storage_class);
}

/* Whether what one does leaves the other nothing to do. */
static bool overtakes(const struct verdict *a, const struct verdict *b)
{
	if (a->when_ns > b->when_ns)
		return false;
	if (a->when_ns < b->when_ns)
		return is_removal(a) || (!is_removal(b) && is_beyond(a, b));
	/*
	 * On one day S3 removes before it moves, and moves to the colder class;
	 * else the first rule.
	 */
	if (is_removal(a) != is_removal(b))
		return is_removal(a);
	if (!is_removal(a) && !is_beyond(a, b))
		return false;
	return a < b || (!is_removal(a) && !is_beyond(b, a));
}

static void overtake(struct verdicts *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct verdict *b = &list->items[i];

		for (size_t j = 0; b->why == VERDICT_ACTS && j < list->count;
		     j++) {
			const struct verdict *a = &list->items[j];

			if (a == b || a->why != VERDICT_ACTS ||
			    !overtakes(a, b))
				continue;
			b->why = VERDICT_OVERTAKEN;
			b->by = a->rule;
		}
	}
}

int verdicts_judge(const struct rules *rules, const struct subject *s,
		   struct verdicts *ret_verdicts)
{
	const struct lifecycle *l = &rules->lifecycle;
	int rc = 0;

	ret_verdicts->count = 0;
	for (size_t i = 0; !rc && i < l->count; i++)
		rc = judge_rule(rules, s, &l->rules[i], ret_verdicts);
	if (!rc)
		overtake(ret_verdicts);
	return rc;
}

void verdicts_release(struct verdicts *v)
{
	free(v->items);
	memset(v, 0, sizeof(*v));
}

const struct verdict *verdicts_first(const struct verdicts *v)
{
	const struct verdict *first = NULL;

	for (size_t i = 0; i < v->count; i++) {
		const struct verdict *one = &v->items[i];

		if (one->why == VERDICT_ACTS &&
		    (!first || one->when_ns < first->when_ns))
			first = one;
	}
	return first;
}

bool verdicts_need_tags(const struct rules *rules, const char *key)
{
	for (size_t i = 0; i < rules->lifecycle.count; i++) {
		const struct lifecycle_rule *rule = &rules->lifecycle.rules[i];

		if (rule->enabled && rule->tags.count &&
		    !strncmp(key, rule->prefix, strlen(rule->prefix)))
			return true;
	}
	return false;
}

int verdict_write_action(const struct verdict *v, struct buf *out)
{
	static const char *const names[] = {
		[VERDICT_NONE] = "none",     [VERDICT_EXPIRE] = "expire",
		[VERDICT_REMOVE] = "remove", [VERDICT_MOVE] = "move",
		[VERDICT_ABORT] = "abort",
	};
	int rc = buf_puts(out, names[v->action]);

	if (rc || v->action != VERDICT_MOVE)
		return rc;
	return buf_printf(out, ":%s", v->storage_class);
}

/* "128 KiB", where it comes out even; else bytes. */
static int write_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB",
					    "TiB"};
	size_t unit = 0;

	while (unit + 1 < sizeof(units) / sizeof(*units) && bytes &&
	       bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	return buf_printf(out, "%" PRIu64 " %s", bytes, units[unit]);
}

static int write_with_size(struct buf *out, const char *text, uint64_t bytes)
{
	int rc = buf_puts(out, text);

	return rc ? rc : write_size(out, bytes);
}

static const char *kind_text(enum subject_kind kind)
{
	static const char *const texts[] = {
		[SUBJECT_CURRENT] = "the current version",
		[SUBJECT_NONCURRENT] = "noncurrent versions",
		[SUBJECT_MARKER] = "the delete marker of a deleted file",
		[SUBJECT_OLD_MARKER] = "noncurrent delete markers",
		[SUBJECT_UPLOAD] = "unfinished uploads",
	};

	return texts[kind];
}

int verdict_write_why(const struct verdict *v, const struct subject *s,
		      struct buf *out)
{
	switch (v->why) {
	case VERDICT_ACTS:
		return 0;
	case VERDICT_DISABLED:
		return buf_puts(out, "disabled");
	case VERDICT_PREFIX:
		return buf_printf(out, "prefix is %s, the key is %s",
				  v->rule->prefix, s->key);
	case VERDICT_TAG:
		return buf_printf(out, "tag %s=%s is missing", v->tag->name,
				  v->tag->value);
	case VERDICT_TAG_UNKNOWN:
		return buf_printf(out,
				  "wants tag %s=%s, and the tags could not "
				  "be read",
				  v->tag->name, v->tag->value);
	case VERDICT_SMALL:
		return write_with_size(out, "not larger than ", v->number);
	case VERDICT_LARGE:
		return write_with_size(out, "not smaller than ", v->number);
	case VERDICT_KEPT:
		return buf_printf(out, "kept: newest %" PRIu64 " noncurrent",
				  v->number);
	case VERDICT_CLASS:
		return buf_printf(out, "storage class is already %s",
				  v->storage_class);
	case VERDICT_COLDER:
		return buf_printf(out, "there is no way from %s to %s",
				  class_of(s), v->storage_class);
	case VERDICT_MINIMUM:
		return write_with_size(out, "smaller than ", MINIMUM_BYTES);
	case VERDICT_NOT_ALONE:
		return buf_puts(out, "the marker hides versions that are "
				     "there");
	case VERDICT_NOTHING:
		return buf_printf(out, "does nothing to %s",
				  kind_text(s->kind));
	case VERDICT_OVERTAKEN:
		return buf_printf(out, "rule %s comes first", v->by->id);
	}
	return 0;
}
