/* SPDX-License-Identifier: Apache-2.0 */
/* Pages whose markers stand apart, and pages that are left as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/store/page_order.h"
#include "vers3/util/clock.h"

#define ENTRIES_MAX 16

struct page {
	struct store_entry entries[ENTRIES_MAX];
	const struct store_entry *order[ENTRIES_MAX];
	char words[ENTRIES_MAX][16];
	size_t count;
};

/* "Va5* Ma4": kind, a letter for the key, seconds, the latest. */
static void fill(struct page *p, const char *text)
{
	memset(p, 0, sizeof(*p));
	while (*text) {
		struct store_entry *e = &p->entries[p->count];
		char *word = p->words[p->count], *end;

		text += strspn(text, " ");
		snprintf(word, sizeof(p->words[0]), "%.*s",
			 (int)strcspn(text, " "), text);
		text += strcspn(text, " ");
		e->kind = *word == 'V'	 ? STORE_ENTRY_VERSION
			  : *word == 'M' ? STORE_ENTRY_MARKER
					 : STORE_ENTRY_PREFIX;
		e->key = word[1] == 'a' ? "a" : word[1] == 'b' ? "b" : "c";
		e->last_modified_ns = strtol(word + 2, &end, 10) * NS_PER_S;
		e->latest = *end == '*';
		p->order[p->count++] = e;
	}
}

static void test_rows(void **state)
{
	static const struct {
		const char *given, *want;
	} rows[] = {
		{"", ""},
		{"Va1*", "Va1*"},
		{"Ma1*", "Ma1*"},
		/* Mixed as it is, the server's order stands. */
		{"Ma5* Va4 Vb3*", "Ma5* Va4 Vb3*"},
		{"Va5* Ma4 Va3", "Va5* Ma4 Va3"},
		{"Va5* Va4 Ma3 Vb6*", "Va5* Va4 Ma3 Vb6*"},
		/* So does it where dates go back, which clocks do. */
		{"Va5* Va4 Ma5", "Va5* Va4 Ma5"},
		{"Va5* Vb5* Mb6", "Va5* Vb5* Mb6"},
		/* Behind all versions, but in its place. */
		{"Va5* Va4 Mb6* Mc3*", "Va5* Va4 Mb6* Mc3*"},
		/* Apart: another key's, the latest, one between two. */
		{"Va4 Vb3* Ma5*", "Ma5* Va4 Vb3*"},
		{"Va4 Ma4*", "Ma4* Va4"},
		{"Va9* Va1 Ma5", "Va9* Ma5 Va1"},
		{"Va9* Va5 Vb8* Vc2 Ma7 Ma3 Mc4*",
		 "Va9* Ma7 Va5 Ma3 Vb8* Mc4* Vc2"},
		/* Of one date the version, if the marker is not the latest. */
		{"Va5* Vb5* Ma5", "Va5* Ma5 Vb5*"},
		/* The other way round. */
		{"Ma5* Va4 Va3", "Ma5* Va4 Va3"},
		{"Ma5* Ma4 Vb3*", "Ma5* Ma4 Vb3*"},
		{"Ma5* Mb4* Vb3", "Ma5* Mb4* Vb3"},
		{"Ma5 Va5 Vb3*", "Ma5 Va5 Vb3*"},
		{"Ma5* Mb3* Va4", "Ma5* Va4 Mb3*"},
		{"Ma4 Va5*", "Va5* Ma4"},
		{"Ma7 Ma3 Mc4* Va9* Va5 Vb8* Vc2",
		 "Va9* Ma7 Va5 Ma3 Vb8* Mc4* Vc2"},
		{"Ma5 Mb4 Va5 Vb6*", "Va5 Ma5 Vb6* Mb4"},
		/* Prefixes come behind. */
		{"Va4 Vb3* Ma5* Pc0", "Ma5* Va4 Vb3* Pc0"},
		{"Pa0 Vb3* Ma5*", "Pa0 Vb3* Ma5*"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char got[256] = "";
		struct page p;

		fill(&p, rows[i].given);
		assert_int_equal(page_order(p.order, p.count), 0);
		for (size_t k = 0; k < p.count; k++) {
			size_t at = (size_t)(p.order[k] - p.entries);

			strcat(strcat(got, k ? " " : ""), p.words[at]);
		}
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].given, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
