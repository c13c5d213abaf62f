/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../../src/upkeep/content_sum.h"

/* Of "hello" */
#define MD5    "5d41402abc4b2a76b9719d911017c592"
#define SHA1   "qvTGHdzF6KLavt4PO0gs2a6pQ00="
#define SHA256 "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
#define CRC32  "NhCmhg=="
#define PARTS  "62109206880d38a4010a98e11243924a-1"
#define OTHER  "0cc175b9c0f1b6a831c399e269772661"
#define CK     "x-amz-checksum-"

static const struct {
	const char *etag;
	const char *headers[4];
	const char *meta[2];
	uint64_t size; /* 0: 5 */
	enum proof wants;
} rows[] = {
	{MD5, {0}, {0}, 0, PROOF_RIGHT},
	{OTHER, {0}, {0}, 0, PROOF_WRONG},
	{MD5, {0}, {0}, 6, PROOF_WRONG},
	{"", {0}, {0}, 0, PROOF_NONE},
	{NULL, {0}, {0}, 0, PROOF_NONE},
	{PARTS, {0}, {0}, 0, PROOF_RIGHT},
	{OTHER "-1", {0}, {0}, 0, PROOF_NONE},
	{OTHER "-3", {0}, {0}, 0, PROOF_NONE},
	/* An ETag that is no MD5, and what else there is. */
	{OTHER,
	 {"x-amz-server-side-encryption", "aws:kms"},
	 {0},
	 0,
	 PROOF_NONE},
	{OTHER,
	 {"x-amz-server-side-encryption", "aws:kms", CK "sha256", SHA256},
	 {0},
	 0,
	 PROOF_RIGHT},
	{OTHER "-3", {CK "sha1", SHA1}, {0}, 0, PROOF_RIGHT},
	{OTHER "-3", {CK "sha1", "AAAA"}, {0}, 0, PROOF_WRONG},
	{OTHER "-3", {CK "crc32", CRC32}, {0}, 0, PROOF_RIGHT},
	{OTHER "-3", {CK "crc32", "AAAAAA=="}, {0}, 0, PROOF_WRONG},
	{OTHER "-3", {CK "crc32", "AAAAAA==-3"}, {0}, 0, PROOF_NONE},
	{OTHER "-3",
	 {CK "crc32", "AAAAAA==", CK "type", "COMPOSITE"},
	 {0},
	 0,
	 PROOF_NONE},
	/* The server contradicts itself. */
	{MD5, {CK "crc32", "AAAAAA=="}, {0}, 0, PROOF_NONE},
	{MD5, {CK "crc32", CRC32, CK "sha256", SHA256}, {0}, 0, PROOF_RIGHT},
	/* Metadata counts for, not against, and only alone. */
	{OTHER "-3",
	 {0},
	 {"md5chksum", "XUFAKrxLKna5cZ2REBfFkg=="},
	 0,
	 PROOF_RIGHT},
	{OTHER "-3",
	 {0},
	 {"md5chksum", "AAAAAAAAAAAAAAAAAAAAAA=="},
	 0,
	 PROOF_NONE},
	{OTHER "-3",
	 {0},
	 {"s3cmd-attrs", "uid:0/md5:" MD5 "/mode:1"},
	 0,
	 PROOF_RIGHT},
	{OTHER, {0}, {"md5chksum", "XUFAKrxLKna5cZ2REBfFkg=="}, 0, PROOF_WRONG},
};

static void fill(const char *const *pairs, size_t count, struct kvlist *list)
{
	kvlist_init(list);
	for (size_t i = 0; i < count && pairs[i]; i += 2)
		assert_int_equal(kvlist_add(list, pairs[i], pairs[i + 1]), 0);
}

static void test_proves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kvlist headers, meta;
		struct content_sum *s;
		struct fact fact = {.there = true,
				    .size_bytes =
					    rows[i].size ? rows[i].size : 5,
				    .etag = rows[i].etag,
				    .headers = &headers,
				    .meta = &meta};
		enum proof got;

		fill(rows[i].headers, 4, &headers);
		fill(rows[i].meta, 2, &meta);
		assert_int_equal(content_sum_new(&fact, &s), 0);
		assert_int_equal(content_sum_add(s, "he", 2), 0);
		assert_int_equal(content_sum_add(s, "llo", 3), 0);
		assert_int_equal(content_sum_end(s), 0);
		got = content_sum_proves(s);
		if (got != rows[i].wants)
			fail_msg("row %zu: %d, not %d", i, got, rows[i].wants);
		content_sum_free(s);
		kvlist_release(&headers);
		kvlist_release(&meta);
	}
}

static struct content_sum *sum_of(const struct fact *fact, const char *text)
{
	struct content_sum *s;

	assert_int_equal(content_sum_new(fact, &s), 0);
	assert_int_equal(content_sum_add(s, text, strlen(text)), 0);
	assert_int_equal(content_sum_end(s), 0);
	return s;
}

static void test_same(void **state)
{
	const struct fact fact = {
		.there = true, .size_bytes = 5, .etag = PARTS};
	const struct fact other = {.there = true, .size_bytes = 5};
	struct content_sum *a = sum_of(&fact, "hello");
	struct content_sum *b = sum_of(&other, "hello");
	struct content_sum *c = sum_of(&other, "hallo");
	struct content_sum *d = sum_of(&other, "hell");

	(void)state;
	assert_true(content_sum_same(a, b));
	assert_false(content_sum_same(b, c));
	assert_false(content_sum_same(b, d));
	assert_int_equal(content_sum_part_bytes(a), 5);
	assert_int_equal(content_sum_part_bytes(b), 0);
	content_sum_free(a);
	content_sum_free(b);
	content_sum_free(c);
	content_sum_free(d);
	content_sum_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proves),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
