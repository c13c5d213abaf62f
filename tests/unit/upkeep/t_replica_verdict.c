/* SPDX-License-Identifier: Apache-2.0 */
/* What makes two versions the same, and what keeps one from the replica. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../src/upkeep/replica_verdict.h"
#include "vers3/upkeep/replica_told.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define PAIRS	 4

/* "etag size", with "m" for a marker and "l" for the latest behind it. */
struct listed {
	const char *etag; /* NULL: there is none */
	uint64_t size;
	bool marker, latest;
};

static const struct {
	const char *what;
	struct listed own, there;
	enum replica_verdict verdict;
} lists[] = {
	{"the same", {"a", 1, 0, 1}, {"a", 1, 0, 1}, REPLICA_SAME},
	{"the same, old", {"a", 1, 0, 0}, {"a", 1, 0, 0}, REPLICA_SAME},
	{"markers", {"", 0, 1, 1}, {"", 0, 1, 1}, REPLICA_SAME},
	{"a marker has no size", {"", 0, 1, 0}, {"x", 9, 1, 0}, REPLICA_SAME},
	{"missing", {"a", 1, 0, 1}, {NULL, 0, 0, 0}, REPLICA_MISSING},
	{"missing marker", {"", 0, 1, 1}, {NULL, 0, 0, 0}, REPLICA_MISSING},
	{"extra", {NULL, 0, 0, 0}, {"a", 1, 0, 1}, REPLICA_EXTRA},
	{"extra marker", {NULL, 0, 0, 0}, {"", 0, 1, 1}, REPLICA_EXTRA},
	{"kind", {"", 0, 1, 1}, {"a", 0, 0, 1}, REPLICA_KIND},
	{"the other kind", {"a", 0, 0, 1}, {"", 0, 1, 1}, REPLICA_KIND},
	{"size", {"a", 1, 0, 1}, {"a", 2, 0, 1}, REPLICA_SIZE},
	{"etag", {"a", 1, 0, 1}, {"b", 1, 0, 1}, REPLICA_CONTENT},
	{"size before etag", {"a", 1, 0, 1}, {"b", 2, 0, 1}, REPLICA_SIZE},
	{"not current", {"a", 1, 0, 1}, {"a", 1, 0, 0}, REPLICA_NOT_CURRENT},
	{"current too early", {"a", 1, 0, 0}, {"a", 1, 0, 1}, REPLICA_SAME},
	{"marker not current",
	 {"", 0, 1, 1},
	 {"", 0, 1, 0},
	 REPLICA_NOT_CURRENT},
};

static const struct version_entry *entry_of(const struct listed *l,
					    struct version_entry *e)
{
	*e = (struct version_entry){.size_bytes = l->size,
				    .marker = l->marker,
				    .latest = l->latest};
	if (!l->etag)
		return NULL;
	strcpy(e->etag, l->etag);
	return e;
}

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct version_entry own, there;
		enum replica_verdict v = replica_verdict_of_lists(
			entry_of(&lists[i].own, &own),
			entry_of(&lists[i].there, &there));

		if (v != lists[i].verdict)
			fail_msg("%s: %s", lists[i].what,
				 replica_verdict_word(v));
	}
}

struct headed {
	const char *etag;
	uint64_t size;
	const char *meta[PAIRS], *headers[PAIRS]; /* name, value, ... */
};

static const struct {
	const char *what;
	struct headed own, there;
	enum replica_verdict verdict;
	const char *named;
} heads[] = {
	{"the same",
	 {"a", 1, {"mtime", "1"}, {"content-type", "text/plain"}},
	 {"a", 1, {"mtime", "1"}, {"content-type", "text/plain"}},
	 REPLICA_SAME,
	 NULL},
	{"another order",
	 {"a", 1, {"x", "1", "y", "2"}, {NULL}},
	 {"a", 1, {"y", "2", "x", "1"}, {NULL}},
	 REPLICA_SAME,
	 NULL},
	{"status and date are nobody's metadata",
	 {"a", 1, {NULL}, {"x-amz-replication-status", "COMPLETED"}},
	 {"a", 1, {NULL}, {"x-amz-replication-status", "REPLICA"}},
	 REPLICA_SAME,
	 NULL},
	{"size",
	 {"a", 1, {NULL}, {NULL}},
	 {"a", 2, {NULL}, {NULL}},
	 REPLICA_SIZE,
	 "size"},
	{"etag",
	 {"a", 1, {NULL}, {NULL}},
	 {"b", 1, {NULL}, {NULL}},
	 REPLICA_CONTENT,
	 "etag"},
	{"no etag there",
	 {"a", 1, {NULL}, {NULL}},
	 {NULL, 1, {NULL}, {NULL}},
	 REPLICA_CONTENT,
	 "etag"},
	{"one checksum says the same",
	 {"a", 1, {NULL}, {"x-amz-checksum-crc32", "abc="}},
	 {"b", 1, {NULL}, {"x-amz-checksum-crc32", "abc="}},
	 REPLICA_SAME,
	 NULL},
	{"one checksum says another",
	 {"a", 1, {NULL}, {"x-amz-checksum-crc32", "abc="}},
	 {"a", 1, {NULL}, {"x-amz-checksum-crc32", "abd="}},
	 REPLICA_CONTENT,
	 "x-amz-checksum-crc32"},
	{"checksums of two kinds say nothing",
	 {"a", 1, {NULL}, {"x-amz-checksum-crc32", "abc="}},
	 {"b", 1, {NULL}, {"x-amz-checksum-sha256", "abc="}},
	 REPLICA_CONTENT,
	 "etag"},
	{"one of parts is none of the whole",
	 {"a",
	  1,
	  {NULL},
	  {"x-amz-checksum-crc32", "abc=", "x-amz-checksum-type", "COMPOSITE"}},
	 {"a",
	  1,
	  {NULL},
	  {"x-amz-checksum-crc32", "abd=", "x-amz-checksum-type",
	   "FULL_OBJECT"}},
	 REPLICA_SAME,
	 NULL},
	{"another key, another etag",
	 {"a", 1, {NULL}, {"x-amz-server-side-encryption", "aws:kms"}},
	 {"b", 1, {NULL}, {"x-amz-server-side-encryption", "aws:kms"}},
	 REPLICA_UNKNOWN,
	 "etag"},
	{"the server's key tells",
	 {"a", 1, {NULL}, {"x-amz-server-side-encryption", "AES256"}},
	 {"b", 1, {NULL}, {"x-amz-server-side-encryption", "AES256"}},
	 REPLICA_CONTENT,
	 "etag"},
	{"other parts",
	 {"a-2", 1, {NULL}, {NULL}},
	 {"b-3", 1, {NULL}, {NULL}},
	 REPLICA_UNKNOWN,
	 "etag"},
	{"metadata missing",
	 {"a", 1, {"x", "1"}, {NULL}},
	 {"a", 1, {NULL}, {NULL}},
	 REPLICA_METADATA,
	 "x"},
	{"metadata more",
	 {"a", 1, {NULL}, {NULL}},
	 {"a", 1, {"x", "1"}, {NULL}},
	 REPLICA_METADATA,
	 "x"},
	{"metadata other",
	 {"a", 1, {"x", "1"}, {NULL}},
	 {"a", 1, {"x", "2"}, {NULL}},
	 REPLICA_METADATA,
	 "x"},
	{"type",
	 {"a", 1, {NULL}, {"content-type", "text/plain"}},
	 {"a", 1, {NULL}, {"content-type", "text/html"}},
	 REPLICA_METADATA,
	 "content-type"},
};

static void fill(struct kvlist *l, const char *const *pairs)
{
	for (int i = 0; i < PAIRS && pairs[i]; i += 2)
		assert_int_equal(kvlist_add(l, pairs[i], pairs[i + 1]), 0);
}

static void object_of(const struct headed *h, struct store_object *o)
{
	store_object_init(o);
	o->etag = h->etag ? strdup(h->etag) : NULL;
	o->size_bytes = h->size;
	fill(&o->meta, h->meta);
	fill(&o->headers, h->headers);
}

static void test_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		struct store_object own, there;
		const char *what = NULL;
		enum replica_verdict v;

		object_of(&heads[i].own, &own);
		object_of(&heads[i].there, &there);
		v = replica_verdict_of_heads(&own, &there, &what);
		if (v != heads[i].verdict)
			fail_msg("%s: %s, %s", heads[i].what,
				 replica_verdict_word(v), what ? what : "-");
		if (heads[i].named)
			assert_string_equal(what, heads[i].named);
		store_object_release(&own);
		store_object_release(&there);
	}
}

static void test_told(void **state)
{
	static const struct {
		const char *word; /* NULL: none */
		enum replica_told told;
		const char *why; /* of a version that was compared */
	} cases[] = {
		{"PENDING", REPLICA_TOLD_PENDING, "PENDING"},
		{"COMPLETED", REPLICA_TOLD_COMPLETED, "destination"},
		{"COMPLETE", REPLICA_TOLD_COMPLETED, "destination"},
		{"FAILED", REPLICA_TOLD_FAILED, "FAILED"},
		{"REPLICA", REPLICA_TOLD_REPLICA, "replica itself"},
		{"completed", REPLICA_TOLD_NOTHING, "not in the replica"},
		{"", REPLICA_TOLD_NOTHING, "not in the replica"},
		{NULL, REPLICA_TOLD_NOTHING, "not in the replica"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct kvlist headers = {.count = 0};

		if (cases[i].word)
			assert_int_equal(kvlist_add(&headers,
						    "x-amz-replication-status",
						    cases[i].word),
					 0);
		assert_int_equal(replica_told(&headers), cases[i].told);
		assert_non_null(
			strstr(replica_why_missing(cases[i].told, false, true),
			       cases[i].why));
		kvlist_release(&headers);
	}
	/* Without a replica to look into. */
	assert_string_equal(replica_why_missing(REPLICA_TOLD_NOTHING, false,
						false),
			    "the server tells no replication status");
	assert_non_null(
		strstr(replica_why_missing(REPLICA_TOLD_NOTHING, true, false),
		       "delete markers"));
}

static void test_words(void **state)
{
	(void)state;
	for (int i = 0; i < REPLICA_VERDICTS; i++)
		assert_non_null(replica_verdict_word((enum replica_verdict)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
