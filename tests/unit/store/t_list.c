/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over lists of a server that says what it should not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/store/list.h"

/*
 * A server in a string: pages are divided by '|', entries by ' '. An entry
 * is a key, behind '!' that of a delete marker, behind '/' a folded prefix;
 * '@' names the token or key marker of what follows, '^' the version marker.
 * "..." at the end: the pages from the first one on come again for ever; one
 * with '#' has a number in its place that grows for ever.
 */
struct liar {
	struct store store;
	enum store_op op;
	const char *pages;
	unsigned asked;
};

static char *number_in(const char *text, unsigned number)
{
	char *whole = malloc(strlen(text) + 16), *p = whole;

	assert_non_null(whole);
	for (; *text; text++)
		if (*text == '#')
			p += sprintf(p, "%08u", number);
		else
			*p++ = *text;
	*p = '\0';
	return whole;
}

static int tell(struct liar *l, struct store_request *r, char *word)
{
	struct store_entry e = {.version_id = "v",
				.etag = "e",
				.storage_class = "",
				.kind = l->op == STORE_LIST
						? STORE_ENTRY_OBJECT
						: STORE_ENTRY_VERSION};

	if (*word == '!')
		e.kind = STORE_ENTRY_MARKER;
	if (*word == '/')
		e.kind = STORE_ENTRY_PREFIX;
	e.key = *word == '!' || *word == '/' ? word + 1 : word;
	e.key_len = strlen(e.key);
	return r->on_entry(r->entry_ctx, &e);
}

static int liar_call(struct store *s, struct store_request *r)
{
	struct liar *l = (struct liar *)s;
	const char *from = l->pages, *end;
	bool endless = strstr(l->pages, "...") != NULL;
	unsigned count = 1, page = l->asked++;
	char *text, *word, *save = NULL;
	int rc = 0;

	assert_int_equal(r->op, l->op);
	for (const char *p = l->pages; *p; p++)
		count += *p == '|';
	assert_true(endless || page < count);
	for (unsigned i = 0; i < page % count; i++)
		from = strchr(from, '|') + 1;
	end = from + strcspn(from, "|.");
	store_reply_reset(&r->reply);
	r->reply.truncated = *end != '\0';
	word = strndup(from, (size_t)(end - from));
	text = number_in(word, l->asked);
	free(word);
	for (word = strtok_r(text, " ", &save); word && !rc;
	     word = strtok_r(NULL, " ", &save)) {
		if (*word == '@' && l->op == STORE_LIST)
			r->reply.next_token = strdup(word + 1);
		else if (*word == '@')
			r->reply.next_key_marker = strdup(word + 1);
		else if (*word == '^')
			r->reply.next_version_marker = strdup(word + 1);
		else
			rc = tell(l, r, word);
	}
	free(text);
	return rc;
}

static const struct store_ops liar_ops = {.name = "liar", .call = liar_call};

static int count_entry(void *ctx, const struct store_entry *e)
{
	unsigned *count = ctx;

	(void)e;
	++*count;
	return 0;
}

static int walk(enum store_op op, const char *delimiter, const char *pages,
		unsigned *ret_count)
{
	struct liar liar = {.store.ops = &liar_ops, .op = op, .pages = pages};
	struct store_list l;
	int rc;

	*ret_count = 0;
	store_list_init(&l, op, "p-", delimiter);
	l.on_entry = count_entry;
	l.ctx = ret_count;
	do
		rc = store_list_page(&liar.store, &l);
	while (!rc && l.more && liar.asked < 100000);
	store_list_release(&l);
	assert_true(rc || !l.more);
	return rc;
}

static void test_true(void **state)
{
	static const struct {
		enum store_op op;
		const char *delimiter, *pages;
		unsigned count;
	} cases[] = {
		{STORE_LIST, NULL, "", 0},
		{STORE_LIST, NULL, "p- p-a p-b", 3},
		{STORE_LIST, NULL, "p-a @1|p-b @2|p-c", 3},
		{STORE_LIST, NULL, "@1|@2|p-a", 1},
		{STORE_LIST, "/", "p-a p-c /p-b/ /p-d/", 4},
		{STORE_LIST, "/", "/p-b/ /p-d/ p-a p-c", 4},
		/* The page ended within what is folded. */
		{STORE_LIST, "/", "p-a /p-b/ @1|/p-b/ /p-c/ p-d", 5},
		/* UTF-8 by its bytes: U+FFFD is before U+10000. */
		{STORE_LIST, NULL, "p-z p-\xef\xbf\xbd p-\xf0\x90\x80\x80", 3},
		{STORE_LIST_VERSIONS, NULL, "p-a p-a !p-a p-b !p-c", 5},
		/* All versions before all markers, as some have it. */
		{STORE_LIST_VERSIONS, NULL, "p-a p-b p-b !p-a !p-b", 5},
		{STORE_LIST_VERSIONS, NULL,
		 "p-a p-b @p-b ^2|p-b p-b @p-b ^1|p-b !p-c", 6},
		{STORE_LIST_VERSIONS, NULL, "p-a @p-a|p-b @p-b|p-c", 3},
		{STORE_LIST_UPLOADS, NULL, "p-a @p-a ^1|p-a p-b", 3},
	};
	unsigned count;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (walk(cases[i].op, cases[i].delimiter, cases[i].pages,
			 &count))
			fail_msg("case %zu is refused", i);
		assert_int_equal(count, cases[i].count);
	}
}

static void test_lies(void **state)
{
	static const struct {
		enum store_op op;
		const char *delimiter, *pages;
		unsigned count; /* of what is believed before */
	} cases[] = {
		/* Not of the prefix, or shorter than it. */
		{STORE_LIST, NULL, "p-a q", 1},
		{STORE_LIST, NULL, "p", 0},
		{STORE_LIST_VERSIONS, NULL, "a", 0},
		{STORE_LIST_VERSIONS, NULL, "!p", 0},
		{STORE_LIST_UPLOADS, NULL, "p", 0},
		{STORE_LIST, "/", "/p/", 0},
		/* Not folded, folded too late, folded unasked. */
		{STORE_LIST, "/", "p-a/b", 0},
		{STORE_LIST, "/", "p-a/", 0},
		{STORE_LIST, "/", "/p-a/b/", 0},
		{STORE_LIST, "/", "/p-a", 0},
		{STORE_LIST, NULL, "/p-a/", 0},
		/* Names that do not increase. */
		{STORE_LIST, NULL, "p-b p-a", 1},
		{STORE_LIST, NULL, "p-a p-a", 1},
		{STORE_LIST, NULL, "p-b @1|p-a", 1},
		{STORE_LIST, NULL, "p-a @1|p-a", 1},
		{STORE_LIST, "/", "/p-b/ /p-a/", 1},
		{STORE_LIST, "/", "/p-b/ /p-b/", 1},
		{STORE_LIST, "/", "p-c @1|/p-b/", 1},
		{STORE_LIST_VERSIONS, NULL, "p-b p-a", 1},
		{STORE_LIST_VERSIONS, NULL, "!p-b !p-a", 1},
		{STORE_LIST_VERSIONS, NULL, "p-b @p-b ^1|!p-a", 1},
		{STORE_LIST_UPLOADS, NULL, "p-b p-a", 1},
		/* Tokens and markers: absent, again, back, in a circle. */
		{STORE_LIST, NULL, "p-a |p-b", 1},
		{STORE_LIST, NULL, "p-a @1|p-b @1...", 2},
		{STORE_LIST, NULL, "@1|@2...", 0},
		{STORE_LIST, NULL, "@#...", 0},
		{STORE_LIST, "/", "/p-a/ @#...", 1002},
		{STORE_LIST_VERSIONS, NULL, "p-a |p-b", 1},
		{STORE_LIST_VERSIONS, NULL, "p-a @p-a|p-b @p-a|", 2},
		{STORE_LIST_VERSIONS, NULL, "p-b @p-b|p-c @p-a|", 2},
		{STORE_LIST_VERSIONS, NULL, "p-a @p-a ^1|p-a @p-a ^1|", 2},
		{STORE_LIST_VERSIONS, NULL,
		 "p-a @p-a ^1|p-a @p-a ^2|p-a @p-a ^3...", 7},
		{STORE_LIST_UPLOADS, NULL, "@p-a ^1|@p-a ^2...", 0},
		{STORE_LIST_VERSIONS, NULL, "@p-#...", 0},
	};
	unsigned count;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int rc = walk(cases[i].op, cases[i].delimiter, cases[i].pages,
			      &count);

		if (rc != -EIO)
			fail_msg("case %zu: %d", i, rc);
		if (count != cases[i].count)
			fail_msg("case %zu: %u entries", i, count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_true),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
