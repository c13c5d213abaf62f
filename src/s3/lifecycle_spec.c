/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to lifecycle rules, from words that people write. */
#include "vers3/s3/lifecycle.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "vers3/util/bytesize.h"
#include "vers3/util/clock.h"

/* What S3 takes in its 32 bits of a number of days. */
#define DAYS_MAX     UINT64_C(2147483647)
#define VERSIONS_MAX UINT64_C(100)

struct parse {
	struct lifecycle_spec *spec;
	char *reason;
	size_t size;
};

static int refuse(const struct parse *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(const struct parse *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->reason, p->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void release_transitions(struct lifecycle_transitions *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i].storage_class);
	free(t->items);
}

void lifecycle_spec_release(struct lifecycle_spec *spec)
{
	free(spec->root);
	free(spec->prefix);
	free(spec->expire_date);
	kvlist_release(&spec->tags);
	release_transitions(&spec->transitions);
	release_transitions(&spec->noncurrent_transitions);
	memset(spec, 0, sizeof(*spec));
}

int lifecycle_spec_below(struct lifecycle_spec *spec, const char *root)
{
	char *whole;

	spec->root = strdup(root);
	if (!spec->root)
		return -ENOMEM;
	if (!spec->prefix)
		return 0;
	if (asprintf(&whole, "%s%s", root, spec->prefix) < 0)
		return -ENOMEM;
	free(spec->prefix);
	spec->prefix = whole;
	return 0;
}

/* Decimal digits and nothing else, up to max. */
static bool digits(const char *text, size_t len, uint64_t max,
		   uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
		if (value > max)
			return false;
	}
	*ret_value = value;
	return true;
}

/* "30d": whole days, the one unit that S3 counts in. */
static bool days(const char *text, uint64_t least, uint64_t *ret_days)
{
	size_t len = strlen(text);
	uint64_t value;

	if (len < 2 || text[len - 1] != 'd' ||
	    !digits(text, len - 1, DAYS_MAX, &value) || value < least)
		return false;
	*ret_days = value;
	return true;
}

/* "2027-01-01": S3 wants midnight. */
static bool date(const char *text, int64_t *ret_ns)
{
	char whole[32];

	if (strlen(text) != 10)
		return false;
	snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
	return !clock_parse_iso8601(whole, ret_ns);
}

static int set_prefix(const struct parse *p, const char *word,
		      const char *value)
{
	(void)word;
	free(p->spec->prefix);
	p->spec->prefix = strdup(value);
	return p->spec->prefix ? 0 : -ENOMEM;
}

static int set_expire(const struct parse *p, const char *word,
		      const char *value)
{
	struct lifecycle_spec *spec = p->spec;
	uint64_t number = 0;
	int64_t ns;

	free(spec->expire_date);
	spec->expire_date = NULL;
	if (strcmp(value, "none") != 0 && !days(value, 1, &number)) {
		if (!date(value, &ns))
			return refuse(p,
				      "%s: want whole days (7d), a date "
				      "(2027-01-01) or none",
				      word);
		if (asprintf(&spec->expire_date, "%sT00:00:00.000Z", value) <
		    0) {
			spec->expire_date = NULL;
			return -ENOMEM;
		}
	}
	spec->expire_days = number;
	return 0;
}

static int set_days(const struct parse *p, const char *word, const char *value,
		    uint64_t *ret_days)
{
	uint64_t number = 0;

	if (strcmp(value, "none") != 0 && !days(value, 1, &number))
		return refuse(p, "%s: want whole days (30d) or none", word);
	*ret_days = number;
	return 0;
}

static int set_noncurrent(const struct parse *p, const char *word,
			  const char *value)
{
	return set_days(p, word, value, &p->spec->noncurrent_days);
}

static int set_abort(const struct parse *p, const char *word, const char *value)
{
	return set_days(p, word, value, &p->spec->abort_days);
}

static int set_keep(const struct parse *p, const char *word, const char *value)
{
	uint64_t number = 0;

	if (strcmp(value, "none") != 0 &&
	    (!digits(value, strlen(value), VERSIONS_MAX, &number) || !number))
		return refuse(p, "%s: want a number from 1 to 100, or none",
			      word);
	p->spec->keep_versions = number;
	return 0;
}

static int set_over(const struct parse *p, const char *word, const char *value)
{
	p->spec->has_over = strcmp(value, "none") != 0;
	if (p->spec->has_over && bytesize_parse(value, &p->spec->over_bytes))
		return refuse(p, "%s: want a size (131072, 128K) or none",
			      word);
	return 0;
}

static int set_under(const struct parse *p, const char *word, const char *value)
{
	uint64_t bytes = 0;

	if (strcmp(value, "none") != 0 &&
	    (bytesize_parse(value, &bytes) || !bytes))
		return refuse(p, "%s: want a size (131072, 128K) or none",
			      word);
	p->spec->under_bytes = bytes;
	return 0;
}

static int set_tag(const struct parse *p, const char *word, const char *value)
{
	const char *equals = strchr(value, '=');
	char *key;
	int err;

	if (!strcmp(value, "none"))
		return 0;
	if (!equals || equals == value)
		return refuse(p, "%s: want tag=KEY=VALUE or tag=none", word);
	key = strndup(value, (size_t)(equals - value));
	if (!key)
		return -ENOMEM;
	err = kvlist_add(&p->spec->tags, key, equals + 1);
	free(key);
	return err == -E2BIG ? refuse(p, "%s: too many tags", word) : err;
}

static int add_transition(struct lifecycle_transitions *t,
			  const struct lifecycle_transition *new)
{
	if (array_room_for_one(t->items, t->count))
		return -ENOMEM;
	t->items[t->count++] = *new;
	return 0;
}

/* "CLASS:30d" or "CLASS:2027-01-01": what is behind it, or NULL. */
static const char *take_transition(const char *value, bool noncurrent,
				   struct lifecycle_transition *t, size_t *len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	char when[16];
	size_t end;

	*len = strspn(value, letters);
	if (!*len || value[*len] != ':')
		return NULL;
	value += *len + 1;
	end = strcspn(value, ":");
	snprintf(when, sizeof(when), "%.*s", (int)end, value);
	if (end >= sizeof(when) || (!days(when, 0, &t->days) &&
				    (noncurrent || !date(when, &t->date_ns))))
		return NULL;
	return value + end;
}

static int keep_transition(struct lifecycle_transitions *list,
			   struct lifecycle_transition *t, const char *value,
			   size_t len)
{
	int err;

	t->storage_class = strndup(value, len);
	err = t->storage_class ? add_transition(list, t) : -ENOMEM;
	if (err)
		free(t->storage_class);
	return err;
}

static int set_class(const struct parse *p, const char *word, const char *value)
{
	struct lifecycle_transition new = {0};
	const char *rest;
	size_t len;

	if (!strcmp(value, "none"))
		return 0;
	rest = take_transition(value, false, &new, &len);
	if (!rest || *rest)
		return refuse(p,
			      "%s: want class=CLASS:30d, such as "
			      "STANDARD_IA:30d, or class=none",
			      word);
	return keep_transition(&p->spec->transitions, &new, value, len);
}

static int set_noncurrent_class(const struct parse *p, const char *word,
				const char *value)
{
	struct lifecycle_transition new = {0};
	const char *rest;
	size_t len;

	if (!strcmp(value, "none"))
		return 0;
	rest = take_transition(value, true, &new, &len);
	if (!rest || (*rest && (!digits(rest + 1, strlen(rest + 1),
					VERSIONS_MAX, &new.newer_versions) ||
				!new.newer_versions)))
		return refuse(p,
			      "%s: want noncurrent-class=CLASS:30d, such as "
			      "GLACIER:30d, or GLACIER:30d:3 to leave the "
			      "newest 3, or noncurrent-class=none",
			      word);
	return keep_transition(&p->spec->noncurrent_transitions, &new, value,
			       len);
}

static int set_status(const struct parse *p, const char *word,
		      const char *value)
{
	p->spec->enabled = !strcmp(value, "enabled");
	if (!p->spec->enabled && strcmp(value, "disabled") != 0)
		return refuse(p, "%s: want enabled or disabled", word);
	return 0;
}

static const struct {
	const char *name;
	enum lifecycle_field field;
	bool repeats;
	int (*set)(const struct parse *p, const char *word, const char *value);
} fields[] = {
	{"prefix", LIFECYCLE_PREFIX, false, set_prefix},
	{"expire", LIFECYCLE_EXPIRE, false, set_expire},
	{"noncurrent", LIFECYCLE_NONCURRENT, false, set_noncurrent},
	{"keep", LIFECYCLE_KEEP, false, set_keep},
	{"abort", LIFECYCLE_ABORT, false, set_abort},
	{"tag", LIFECYCLE_TAGS, true, set_tag},
	{"over", LIFECYCLE_OVER, false, set_over},
	{"under", LIFECYCLE_UNDER, false, set_under},
	{"class", LIFECYCLE_CLASS, true, set_class},
	{"noncurrent-class", LIFECYCLE_NONCURRENT_CLASS, true,
	 set_noncurrent_class},
	{"status", LIFECYCLE_STATUS, false, set_status},
};

static int parse_word(const struct parse *p, const char *word)
{
	size_t len = strcspn(word, "=");

	if (!strcmp(word, "markers") || !strcmp(word, "markers=none")) {
		p->spec->set |= LIFECYCLE_MARKERS;
		p->spec->markers = !word[len];
		return 0;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strlen(fields[i].name) != len ||
		    strncmp(word, fields[i].name, len) != 0)
			continue;
		if (word[len] != '=')
			return refuse(p, "%s: want %s=VALUE", word, word);
		if (p->spec->set & fields[i].field && !fields[i].repeats)
			return refuse(p, "%s: %s= is there twice", word,
				      fields[i].name);
		p->spec->set |= fields[i].field;
		return fields[i].set(p, word, word + len + 1);
	}
	return refuse(p,
		      "%s: unknown; want prefix=, tag=, over=, under=, "
		      "expire=, markers, noncurrent=, keep=, class=, "
		      "noncurrent-class=, abort= or status=",
		      word);
}

int lifecycle_spec_parse(const char *const *words, size_t count,
			 struct lifecycle_spec *ret_spec, char *reason,
			 size_t size)
{
	struct lifecycle_spec spec = {0};
	const struct parse p = {&spec, reason, size};
	int err = 0;

	kvlist_init(&spec.tags);
	if (!count)
		err = refuse(&p, "nothing to set; want such as expire=7d");
	for (size_t i = 0; !err && i < count; i++)
		err = parse_word(&p, words[i]);
	if (!err && spec.markers && (spec.expire_days || spec.expire_date))
		err = refuse(&p, "expire= and markers exclude each other in "
				 "one rule; use two rules");
	if (!err && spec.under_bytes && spec.has_over &&
	    spec.over_bytes >= spec.under_bytes)
		err = refuse(&p, "over= and under= leave no size between them");
	if (err)
		lifecycle_spec_release(&spec);
	else
		*ret_spec = spec;
	return err;
}
