/* SPDX-License-Identifier: Apache-2.0 */
/* The store suite's cases of lists, pages and awkward keys. */
#include "store_suite_int.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void lists(const struct suite *s, const char *prefix)
{
	static const char *const keys[] = {
		"z z", "a/1", "a", "b/x/y", "a/2", "b!", "b/x/z", "\xc3\xa9",
	};
	static const struct {
		const char *prefix, *delimiter, *want;
	} table[] = {
		{"", NULL, "a a/1 a/2 b! b/x/y b/x/z z z \xc3\xa9"},
		{"a", NULL, "a a/1 a/2"},
		{"a/", "/", "1 2"},
		{"b/", "/", " x/*"},
		{"b", "/", "b! b/*"},
		{"none", "/", ""},
	};
	char key[KEY_SIZE], text[TEXT_SIZE];
	unsigned pages;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, keys[i]);
		assert_int_equal(suite_put(s->store, key, keys[i], NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, table[i].prefix);
		for (unsigned max = 0; max < 5; max++) {
			suite_list(s->store, STORE_LIST, key,
				   table[i].delimiter, max, text, sizeof(text),
				   NULL);
			assert_string_equal(text, table[i].want);
		}
	}
	for (unsigned max = 0; max < 2; max++) {
		suite_list(s->store, STORE_LIST, prefix, "/", max, text,
			   sizeof(text), &pages);
		assert_string_equal(text, "a b! z z \xc3\xa9 a/* b/*");
		assert_int_equal(pages, max ? 6 : 1);
	}
}

static void start_after(const struct suite *s, const char *prefix)
{
	char text[TEXT_SIZE] = "";
	struct suite_line line = {text, sizeof(text), strlen(prefix), ""};
	struct store_request r;

	KEY(a);
	KEY(b);
	KEY(c);
	assert_int_equal(suite_put(s->store, a_key, "", NULL), 0);
	assert_int_equal(suite_put(s->store, b_key, "", NULL), 0);
	assert_int_equal(suite_put(s->store, c_key, "", NULL), 0);
	store_request_init(&r, STORE_LIST);
	r.prefix = prefix;
	r.start_after = a_key;
	r.on_entry = suite_to_line;
	r.entry_ctx = &line;
	assert_int_equal(store_call(s->store, &r), 0);
	assert_string_equal(text, "b c");
	store_request_release(&r);
}

static void version_lists(const struct suite *s, const char *prefix)
{
	char text[TEXT_SIZE];

	KEY(a);
	KEY(b);
	KEY(c);
	for (int i = 0; i < 3; i++)
		assert_int_equal(suite_put(s->store, b_key, "x", NULL), 0);
	assert_int_equal(suite_delete(s->store, b_key, NULL, NULL), 0);
	assert_int_equal(suite_put(s->store, b_key, "y", NULL), 0);
	assert_int_equal(suite_put(s->store, a_key, "x", NULL), 0);
	assert_int_equal(suite_delete(s->store, c_key, NULL, NULL), 0);
	for (unsigned max = 0; max < 9; max++) {
		suite_list(s->store, STORE_LIST_VERSIONS, prefix, NULL, max,
			   text, sizeof(text), NULL);
		assert_string_equal(text, "a=^ b=^ b- b= b= b= c-^");
	}
}

static int refuse_entry(void *ctx, const struct store_entry *e)
{
	(void)e;
	++*(int *)ctx;
	return -ECANCELED;
}

static int refuse_data(void *ctx, uint64_t offset, const void *data, size_t len)
{
	(void)offset;
	(void)data;
	(void)len;
	++*(int *)ctx;
	return -ECONNRESET; /* as if the network had said it */
}

static void list_callback_ends(const struct suite *s, const char *prefix)
{
	struct store_request r;
	int calls = 0;

	KEY(a);
	KEY(b);
	assert_int_equal(suite_put(s->store, a_key, "text", NULL), 0);
	assert_int_equal(suite_put(s->store, b_key, "text", NULL), 0);
	store_request_init(&r, STORE_LIST);
	r.prefix = prefix;
	r.on_entry = refuse_entry;
	r.entry_ctx = &calls;
	assert_int_equal(store_call(s->store, &r), -ECANCELED);
	assert_int_equal(calls, 1);
	store_request_release(&r);

	calls = 0;
	store_request_init(&r, STORE_GET);
	r.key = a_key;
	r.sink = refuse_data;
	r.sink_ctx = &calls;
	assert_int_equal(store_call(s->store, &r), -ECONNRESET);
	assert_int_equal(calls, 1);
	store_request_release(&r);
}

static void odd_keys(const struct suite *s, const char *prefix)
{
	static const char *const names[] = {
		"a b", "a+b", "a%20b", "a&b=c",	 "a'\"b", "<a>",
		"a?b", "a#b", "a\nb",  "a\001b", "dir/",  "\xe2\x82\xac",
	};
	char key[KEY_SIZE], other[KEY_SIZE], text[TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(key, sizeof(key), "%sodd/%s", prefix, names[i]);
		snprintf(other, sizeof(other), "%sodd2/%s", prefix, names[i]);
		assert_int_equal(suite_put(s->store, key, names[i], NULL), 0);
		assert_int_equal(suite_copy(s->store, other, key, NULL, NULL),
				 0);
		assert_int_equal(suite_get(s->store, other, NULL, text,
					   sizeof(text)),
				 0);
		assert_string_equal(text, names[i]);
		suite_list(s->store, STORE_LIST, key, NULL, 0, text,
			   sizeof(text), NULL);
		if (names[i][strlen(names[i]) - 1] != '/')
			assert_string_equal(text, names[i]);
	}
}

const struct suite_case suite_list_cases[] = {
	{"lists", lists, 0},
	{"start after a key", start_after, 0},
	{"lists of versions", version_lists, 0},
	{"a callback ends its call", list_callback_ends, 0},
	{"odd keys", odd_keys, 0},
	{NULL, NULL, 0},
};
