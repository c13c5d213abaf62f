/* SPDX-License-Identifier: Apache-2.0 */
/* What is brought back of a key, from two histories that are written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/upkeep/failback_verdict.h"

#define VERSIONS_MAX 8
#define SINCE	     100

/*
 * A history, newest first: words of an id, a content ("-": a marker) and a
 * time, such as "c:two@120". An id of "null" is everybody's.
 */
struct history {
	struct failback_version list[VERSIONS_MAX];
	size_t count;
	char text[256];
};

static void read_history(struct history *h, const char *text)
{
	char *rest, *word;

	memset(h, 0, sizeof(*h));
	snprintf(h->text, sizeof(h->text), "%s", text);
	for (word = strtok_r(h->text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		struct failback_version *v = &h->list[h->count++];
		char *content = strchr(word, ':'), *at = strchr(word, '@');

		*content++ = '\0';
		*at++ = '\0';
		v->id = word;
		v->marker = !strcmp(content, "-");
		v->etag = v->marker ? "" : content;
		v->size_bytes = v->marker ? 0 : strlen(content);
		v->time_ns = strtol(at, NULL, 10);
	}
}

static void test_table(void **state)
{
	static const struct {
		const char *there, *here;
		size_t bring, theirs;
	} cases[] = {
		/* Replicated with its ids: what came by itself stays. */
		{"b:two@120 a:one@50", "a:one@50", 1, 0},
		{"b:two@120 a:one@50", "b:two@120 a:one@50", 0, 0},
		{"c:x@130 b:two@120 a:one@50", "b:two@120 a:one@50", 1, 0},
		{"b:two@120", "", 1, 0},
		{"c:three@130 b:two@120", "", 2, 0},
		/* Removed there. */
		{"m:-@120 a:one@50", "a:one@50", 1, 0},
		{"m:-@120 a:one@50", "n:-@150 a:one@50", 0, 0},
		{"c:three@130 m:-@120 a:one@50", "a:one@50", 2, 0},
		/* Written in both: ours comes on top, theirs is told. */
		{"b:two@120 a:one@50", "x:other@110 a:one@50", 1, 1},
		{"b:two@120 a:one@50", "y:z@112 x:other@110 a:one@50", 1, 2},
		{"b:two@120", "x:other@110", 1, 1},
		/* Saved here before, and the replica did not have it yet. */
		{"b:two@120 a:one@50", "x:late@90 a:one@50", 1, 1},
		/* Both have saved the same. */
		{"b:two@120 a:one@50", "x:two@110 a:one@50", 0, 0},
		/* A crash after some were brought: only the rest is. */
		{"c:three@130 b:two@120 a:one@50", "x:two@200 a:one@50", 1, 0},
		{"c:three@130 b:two@120 a:one@50",
		 "y:three@210 x:two@200 a:one@50", 0, 0},
		{"m:-@130 b:two@120 a:one@50", "x:two@200 a:one@50", 1, 0},
		{"m:-@130 b:two@120 a:one@50", "y:-@210 x:two@200 a:one@50", 0,
		 0},
		/* What is below what was brought is told again. */
		{"b:two@120 a:one@50", "y:two@200 x:other@110 a:one@50", 0, 1},
		/* And somebody wrote on top of them since. */
		{"b:two@120 a:one@50", "y:other@220 x:two@200 a:one@50", 0, 0},
		{"c:three@130 b:two@120 a:one@50",
		 "y:other@220 x:two@200 a:one@50", 1, 1},
		/* The same content again and again. */
		{"d:one@140 c:two@130 b:one@120 a:one@50", "a:one@50", 3, 0},
		{"d:one@140 c:two@130 b:one@120 a:one@50", "x:one@200 a:one@50",
		 2, 0},
		/* A copy with ids of its own: times tell what is older. */
		{"q:two@120 p:one@60", "a:one@50", 1, 0},
		{"q:two@120 p:one@60", "x:two@200 a:one@50", 0, 0},
		{"q:two@120 p:one@60", "x:other@110 a:one@50", 1, 1},
		{"p:one@60", "a:one@50", 0, 0},
		/* "null" says nothing of what it is. */
		{"null:two@120", "null:one@50", 1, 0},
		{"null:two@120", "null:other@110", 1, 1},
		{"", "a:one@50", 0, 0},
		{"", "", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct history there, here;
		struct failback_verdict v;

		read_history(&there, cases[i].there);
		read_history(&here, cases[i].here);
		failback_judge(there.list, there.count, here.list, here.count,
			       SINCE, &v);
		if (v.bring != cases[i].bring || v.theirs != cases[i].theirs)
			fail_msg("%s | %s: %zu to bring, %zu theirs",
				 cases[i].there, cases[i].here, v.bring,
				 v.theirs);
		if (v.theirs)
			assert_true(v.theirs_at < here.count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("failback_verdict", tests, NULL,
					   NULL);
}
