/* SPDX-License-Identifier: Apache-2.0 */
/* What lifecycle rules do to a version, and why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/upkeep/verdict.h"
#include "vers3/util/clock.h"

#define KIB    UINT64_C(1024)
#define DAY_NS (INT64_C(86400) * NS_PER_S)
#define EMPTY  UINT64_MAX /* a size of nothing */

/* Words of a rule, as `lifecycle set` has them, one rule a line. */
struct row {
	const char *rules; /* "id words;id words" */
	struct subject s;
	const char *tags; /* "a=1", or NULL: not known */
	enum lifecycle_minimum minimum;
	const char *want; /* a line a verdict */
};

/* 2026-03-02T10:30:00Z, and a whole midnight. */
#define MODIFIED (INT64_C(1772447400) * NS_PER_S)
#define MIDNIGHT (INT64_C(1772409600) * NS_PER_S)
/* What they leave out is filled in by fill_in(). */
#define CURRENT(...)                                                           \
	{                                                                      \
		.kind = SUBJECT_CURRENT, ##__VA_ARGS__                         \
	}
#define OLD(...)                                                               \
	{                                                                      \
		.kind = SUBJECT_NONCURRENT, ##__VA_ARGS__                      \
	}
#define MARKER(...)                                                            \
	{                                                                      \
		.kind = SUBJECT_MARKER, ##__VA_ARGS__                          \
	}

static const struct row table[] = {
	/* Days are counted to the midnight that follows. */
	{"a expire=3d", CURRENT(), "", 0, "2026-03-06T00:00:00Z expire a\n"},
	{"a expire=3d", CURRENT(.modified_ns = MIDNIGHT), "", 0,
	 "2026-03-05T00:00:00Z expire a\n"},
	{"a expire=2027-01-01", CURRENT(), "", 0,
	 "2027-01-01T00:00:00Z expire a\n"},
	{"a noncurrent=3d", OLD(), "", 0, "2026-03-06T00:00:00Z remove a\n"},
	{"a noncurrent=3d", CURRENT(), "", 0,
	 "a: does nothing to the current version\n"},
	{"a expire=3d", OLD(), "", 0,
	 "a: does nothing to noncurrent versions\n"},
	/* Whom it is about. */
	{"a expire=3d status=disabled", CURRENT(), "", 0, "a: disabled\n"},
	{"a expire=3d prefix=tmp/", CURRENT(), "", 0,
	 "a: prefix is tmp/, the key is data/x\n"},
	{"a expire=3d prefix=data/", CURRENT(), "", 0,
	 "2026-03-06T00:00:00Z expire a\n"},
	{"a expire=3d tag=class=tmp", CURRENT(), "", 0,
	 "a: tag class=tmp is missing\n"},
	{"a expire=3d tag=class=tmp", CURRENT(), "class=Tmp", 0,
	 "a: tag class=tmp is missing\n"},
	{"a expire=3d tag=class=tmp", CURRENT(), "class=tmp", 0,
	 "2026-03-06T00:00:00Z expire a\n"},
	{"a expire=3d tag=class=tmp", CURRENT(), NULL, 0,
	 "a: wants tag class=tmp, and the tags could not be read\n"},
	{"a expire=3d over=128K", CURRENT(.size_bytes = 128 * KIB), "", 0,
	 "a: not larger than 128 KiB\n"},
	{"a expire=3d over=128K", CURRENT(.size_bytes = 128 * KIB + 1), "", 0,
	 "2026-03-06T00:00:00Z expire a\n"},
	/* Nothing at all is a size, too. */
	{"a expire=3d over=0", CURRENT(.size_bytes = EMPTY), "", 0,
	 "a: not larger than 0 bytes\n"},
	{"a expire=3d over=0", CURRENT(.size_bytes = 1), "", 0,
	 "2026-03-06T00:00:00Z expire a\n"},
	{"a expire=3d under=1000", CURRENT(.size_bytes = 1000), "", 0,
	 "a: not smaller than 1000 bytes\n"},
	{"a expire=3d under=1000", CURRENT(.size_bytes = 999), "", 0,
	 "2026-03-06T00:00:00Z expire a\n"},
	/* The newest stay. */
	{"a noncurrent=3d keep=3", OLD(.newer = 2), "", 0,
	 "a: kept: newest 3 noncurrent\n"},
	{"a noncurrent=3d keep=3", OLD(.newer = 3), "", 0,
	 "2026-03-06T00:00:00Z remove a\n"},
	/* One more is newer from a day on: before, or after its own day. */
	{"a noncurrent=3d keep=3", OLD(.newer = 2, .pushed_ns = MIDNIGHT), "",
	 0, "2026-03-06T00:00:00Z remove a\n"},
	{"a noncurrent=3d keep=3",
	 OLD(.newer = 2, .pushed_ns = MIDNIGHT + 9 * DAY_NS), "", 0,
	 "2026-03-11T00:00:00Z remove a\n"},
	{"a noncurrent=3d keep=3",
	 OLD(.newer = 1, .pushed_ns = MIDNIGHT + 9 * DAY_NS), "", 0,
	 "a: kept: newest 3 noncurrent\n"},
	{"a noncurrent=3d keep=3",
	 OLD(.newer = 3, .pushed_ns = MIDNIGHT + 9 * DAY_NS), "", 0,
	 "2026-03-06T00:00:00Z remove a\n"},
	{"a noncurrent-class=GLACIER:1d:2",
	 OLD(.newer = 1, .pushed_ns = MIDNIGHT + 9 * DAY_NS), "", 0,
	 "2026-03-11T00:00:00Z move:GLACIER a\n"},
	{"a noncurrent-class=GLACIER:1d:2", OLD(.newer = 1), "", 0,
	 "a: kept: newest 2 noncurrent\n"},
	/* Classes. */
	{"a class=GLACIER:0d", CURRENT(), "", 0,
	 "2026-03-03T00:00:00Z move:GLACIER a\n"},
	{"a class=GLACIER:0d", CURRENT(.storage_class = "GLACIER"), "", 0,
	 "a: storage class is already GLACIER\n"},
	{"a class=STANDARD_IA:0d", CURRENT(.storage_class = "GLACIER"), "", 0,
	 "a: there is no way from GLACIER to STANDARD_IA\n"},
	{"a class=COLD:0d", CURRENT(.storage_class = "GLACIER"), "", 0,
	 "2026-03-03T00:00:00Z move:COLD a\n"},
	{"a class=STANDARD_IA:30d", CURRENT(), "", MINIMUM_ALL,
	 "a: smaller than 128 KiB\n"},
	{"a class=GLACIER:30d", CURRENT(), "", MINIMUM_ALL,
	 "a: smaller than 128 KiB\n"},
	{"a class=GLACIER:30d", CURRENT(), "", MINIMUM_BY_CLASS,
	 "2026-04-02T00:00:00Z move:GLACIER a\n"},
	{"a class=STANDARD_IA:30d over=0", CURRENT(), "", MINIMUM_ALL,
	 "2026-04-02T00:00:00Z move:STANDARD_IA a\n"},
	{"a class=STANDARD_IA:30d", CURRENT(.size_bytes = 128 * KIB), "",
	 MINIMUM_ALL, "2026-04-02T00:00:00Z move:STANDARD_IA a\n"},
	/* Several rules. */
	{"a expire=3d;b expire=2d;c class=GLACIER:1d;d class=COLD:9d",
	 CURRENT(), "", 0,
	 "a: rule b comes first\n2026-03-05T00:00:00Z expire b\n"
	 "2026-03-04T00:00:00Z move:GLACIER c\nd: rule b comes first\n"},
	{"a class=GLACIER:2d;b expire=2d;c expire=2d", CURRENT(), "", 0,
	 "a: rule b comes first\n2026-03-05T00:00:00Z expire b\n"
	 "c: rule b comes first\n"},
	{"a class=GLACIER:2d;b class=GLACIER:1d", CURRENT(), "", 0,
	 "a: rule b comes first\n2026-03-04T00:00:00Z move:GLACIER b\n"},
	/* From the colder class there is no way back; on one day it is it. */
	{"a class=GLACIER:2d;b class=STANDARD_IA:9d", CURRENT(), "", 0,
	 "2026-03-05T00:00:00Z move:GLACIER a\nb: rule a comes first\n"},
	{"a class=STANDARD_IA:2d;b class=GLACIER:2d", CURRENT(), "", 0,
	 "a: rule b comes first\n2026-03-05T00:00:00Z move:GLACIER b\n"},
	{"a class=GLACIER:2d;b class=STANDARD_IA:2d", CURRENT(), "", 0,
	 "2026-03-05T00:00:00Z move:GLACIER a\nb: rule a comes first\n"},
	{"a class=STANDARD_IA:2d;b class=GLACIER:3d", CURRENT(), "", 0,
	 "2026-03-05T00:00:00Z move:STANDARD_IA a\n"
	 "2026-03-06T00:00:00Z move:GLACIER b\n"},
	{"a class=COLD:2d;b class=COLDER:2d", CURRENT(), "", 0,
	 "2026-03-05T00:00:00Z move:COLD a\n"
	 "2026-03-05T00:00:00Z move:COLDER b\n"},
	/* Delete markers. */
	{"a markers",
	 {.kind = SUBJECT_MARKER,
	  .key = "x",
	  .storage_class = "",
	  .modified_ns = MODIFIED,
	  .alone = true},
	 "",
	 0,
	 "2026-03-03T00:00:00Z remove a\n"},
	{"a markers;b expire=9d",
	 {.kind = SUBJECT_MARKER,
	  .key = "x",
	  .storage_class = "",
	  .modified_ns = MODIFIED},
	 "",
	 0,
	 "a: the marker hides versions that are there\n"
	 "b: the marker hides versions that are there\n"},
	{"a expire=9d",
	 {.kind = SUBJECT_MARKER,
	  .key = "x",
	  .storage_class = "",
	  .modified_ns = MODIFIED,
	  .alone = true},
	 "",
	 0,
	 "2026-03-12T00:00:00Z remove a\n"},
	{"a noncurrent=1d noncurrent-class=GLACIER:0d",
	 {.kind = SUBJECT_OLD_MARKER,
	  .key = "x",
	  .storage_class = "",
	  .noncurrent_ns = MODIFIED},
	 "",
	 0,
	 "2026-03-04T00:00:00Z remove a\n"},
	/* Uploads have no size yet. */
	{"a abort=7d;b expire=1d over=1K",
	 {.kind = SUBJECT_UPLOAD,
	  .key = "x",
	  .storage_class = "",
	  .modified_ns = MODIFIED},
	 "",
	 0,
	 "2026-03-10T00:00:00Z abort a\n"
	 "b: does nothing to unfinished uploads\n"},
	/* A time past all times stays there. */
	{"a expire=2147483647d", CURRENT(), "", 0,
	 "2262-04-11T23:47:16Z expire a\n"},
};

static void add_rule(struct buf *doc, char *text)
{
	const char *words[16];
	struct lifecycle_spec spec;
	char reason[200], *save;
	size_t count = 0;
	char *id = strtok_r(text, " ", &save), *w;
	struct buf next;

	while ((w = strtok_r(NULL, " ", &save)))
		words[count++] = w;
	assert_int_equal(lifecycle_spec_parse(words, count, &spec, reason,
					      sizeof(reason)),
			 0);
	buf_init(&next, 1 << 20);
	assert_int_equal(lifecycle_set(doc->len ? doc->data : NULL, doc->len,
				       id, &spec, &next, reason,
				       sizeof(reason)),
			 0);
	buf_release(doc);
	*doc = next;
	lifecycle_spec_release(&spec);
}

static void make_rules(const char *text, struct rules *rules)
{
	char *copy = strdup(text), *save;
	struct buf doc;

	assert_non_null(copy);
	buf_init(&doc, 1 << 20);
	for (char *one = strtok_r(copy, ";", &save), *next; one; one = next) {
		next = strtok_r(NULL, ";", &save);
		add_rule(&doc, one);
	}
	assert_int_equal(lifecycle_parse(doc.data, doc.len, &rules->lifecycle),
			 0);
	buf_release(&doc);
	free(copy);
}

static void write_verdict(const struct verdict *v, const struct subject *s,
			  struct buf *out)
{
	char when[32];

	if (v->why == VERDICT_ACTS) {
		clock_format_iso8601(v->when_ns, when, sizeof(when));
		assert_int_equal(buf_printf(out, "%s ", when), 0);
		assert_int_equal(verdict_write_action(v, out), 0);
		assert_int_equal(buf_printf(out, " %s\n", v->rule->id), 0);
		return;
	}
	assert_int_equal(buf_printf(out, "%s: ", v->rule->id), 0);
	assert_int_equal(verdict_write_why(v, s, out), 0);
	assert_int_equal(buf_putc(out, '\n'), 0);
}

static void fill_in(struct subject *s)
{
	s->key = "data/x";
	if (!s->storage_class)
		s->storage_class = "";
	if (!s->size_bytes)
		s->size_bytes = 5;
	if (s->size_bytes == EMPTY)
		s->size_bytes = 0;
	if (!s->modified_ns)
		s->modified_ns = MODIFIED;
	s->noncurrent_ns = s->modified_ns;
}

static void judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rules rules = {.minimum = table[i].minimum};
		struct subject s = table[i].s;
		struct verdicts v = {.items = NULL};
		struct kvlist tags;
		struct buf got;

		fill_in(&s);
		kvlist_init(&tags);
		buf_init(&got, 1 << 20);
		if (table[i].tags && *table[i].tags)
			assert_int_equal(kvlist_add(&tags, "class",
						    table[i].tags + 6),
					 0);
		s.tags = table[i].tags ? &tags : NULL;
		make_rules(table[i].rules, &rules);
		assert_int_equal(verdicts_judge(&rules, &s, &v), 0);
		for (size_t j = 0; j < v.count; j++)
			write_verdict(&v.items[j], &s, &got);
		assert_string_equal(got.data, table[i].want);
		lifecycle_release(&rules.lifecycle);
		verdicts_release(&v);
		kvlist_release(&tags);
		buf_release(&got);
	}
}

static void first(void **state)
{
	struct rules rules = {.minimum = MINIMUM_NONE};
	struct subject s = CURRENT();
	struct verdicts v = {.items = NULL};

	(void)state;
	fill_in(&s);
	make_rules("a expire=9d;b class=GLACIER:3d;c expire=1d tag=k=v;"
		   "d expire=1d prefix=no/ tag=k=v",
		   &rules);
	assert_int_equal(verdicts_judge(&rules, &s, &v), 0);
	assert_string_equal(verdicts_first(&v)->rule->id, "b");
	assert_true(verdicts_need_tags(&rules, "data/x"));
	rules.lifecycle.rules[2].enabled = false;
	assert_false(verdicts_need_tags(&rules, "data/x"));
	for (size_t i = 0; i < 4; i++)
		rules.lifecycle.rules[i].enabled = false;
	assert_int_equal(verdicts_judge(&rules, &s, &v), 0);
	assert_null(verdicts_first(&v));
	lifecycle_release(&rules.lifecycle);
	verdicts_release(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judged),
		cmocka_unit_test(first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
