/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../../src/upkeep/integrity.h"

#define A    "0cc175b9c0f1b6a831c399e269772661"
#define UP   "0CC175B9C0F1B6A831C399E269772661"
#define B    "92eb5ffee6ae2fec3ad71c777531578f"
#define SSE  "x-amz-server-side-encryption"
#define CRC  "x-amz-checksum-crc32"
#define SHA  "x-amz-checksum-sha256"
#define TYPE "x-amz-checksum-type"

/* A fact as a row has it: up to two headers. */
struct said {
	bool away;
	uint64_t size;
	const char *etag;
	const char *headers[4];
};

static const struct {
	struct said a, b;
	enum integrity wants;
} rows[] = {
	{{0, 1, A, {0}}, {0, 1, A, {0}}, INTEGRITY_SAME},
	{{0, 1, A, {0}}, {0, 1, UP, {0}}, INTEGRITY_SAME},
	{{0, 1, A, {0}}, {0, 1, B, {0}}, INTEGRITY_ETAG},
	{{0, 1, A, {0}}, {0, 2, A, {0}}, INTEGRITY_SIZE},
	{{0, 1, A, {0}}, {1, 0, NULL, {0}}, INTEGRITY_MISSING},
	{{1, 0, NULL, {0}}, {0, 1, A, {0}}, INTEGRITY_MISSING},
	/* Of parts: the same, or it says nothing. */
	{{0, 9, A "-2", {0}}, {0, 9, A "-2", {0}}, INTEGRITY_SAME},
	{{0, 9, A "-2", {0}}, {0, 9, B "-2", {0}}, INTEGRITY_UNCLEAR},
	{{0, 9, A "-2", {0}}, {0, 9, B, {0}}, INTEGRITY_UNCLEAR},
	{{0, 9, NULL, {0}}, {0, 9, B, {0}}, INTEGRITY_UNCLEAR},
	{{0, 9, "", {0}}, {0, 9, "", {0}}, INTEGRITY_UNCLEAR},
	/* Encrypted by KMS it looks like an MD5 and is none. */
	{{0, 1, A, {SSE, "aws:kms"}}, {0, 1, B, {0}}, INTEGRITY_UNCLEAR},
	{{0, 1, A, {SSE, "AES256"}}, {0, 1, B, {0}}, INTEGRITY_ETAG},
	/* Checksums of one kind tell, where the ETags do not. */
	{{0, 9, A "-2", {CRC, "AAAAAA=="}},
	 {0, 9, B, {CRC, "AAAAAA=="}},
	 INTEGRITY_SAME},
	{{0, 9, A "-2", {CRC, "AAAAAA=="}},
	 {0, 9, B, {CRC, "AAAAAQ=="}},
	 INTEGRITY_CHECKSUM},
	{{0, 9, A "-2", {CRC, "AAAAAA=="}},
	 {0, 9, B, {SHA, "AAAAAQ=="}},
	 INTEGRITY_UNCLEAR},
	/* The strongest of those that both have. */
	{{0, 9, A "-2", {CRC, "AAAAAA==", SHA, "x"}},
	 {0, 9, B, {CRC, "AAAAAA==", SHA, "y"}},
	 INTEGRITY_CHECKSUM},
	/* A check of the checks of parts is none. */
	{{0, 9, A "-2", {CRC, "AAAAAA==-2"}},
	 {0, 9, B, {CRC, "AAAAAQ==-2"}},
	 INTEGRITY_UNCLEAR},
	{{0, 9, A "-2", {CRC, "AAAAAA==", TYPE, "COMPOSITE"}},
	 {0, 9, B, {CRC, "AAAAAQ=="}},
	 INTEGRITY_UNCLEAR},
	{{0, 9, A "-2", {CRC, "AAAAAA==", TYPE, "FULL_OBJECT"}},
	 {0, 9, B, {CRC, "AAAAAQ=="}},
	 INTEGRITY_CHECKSUM},
};

static void make_fact(const struct said *s, struct kvlist *headers,
		      struct fact *ret)
{
	kvlist_init(headers);
	for (int i = 0; i < 4 && s->headers[i]; i += 2)
		assert_int_equal(kvlist_add(headers, s->headers[i],
					    s->headers[i + 1]),
				 0);
	*ret = (struct fact){.there = !s->away,
			     .size_bytes = s->size,
			     .etag = s->etag,
			     .headers = s->headers[0] ? headers : NULL};
}

static void test_compare(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kvlist one, two;
		struct fact a, b;

		make_fact(&rows[i].a, &one, &a);
		make_fact(&rows[i].b, &two, &b);
		if (integrity_compare(&a, &b) != rows[i].wants ||
		    integrity_compare(&b, &a) != rows[i].wants)
			fail_msg("row %zu: %s, not %s", i,
				 integrity_word(integrity_compare(&a, &b)),
				 integrity_word(rows[i].wants));
		kvlist_release(&one);
		kvlist_release(&two);
	}
}

static void test_words(void **state)
{
	(void)state;
	for (int i = 0; i <= INTEGRITY_UNCLEAR; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				integrity_word((enum integrity)i),
				integrity_word((enum integrity)k));
}

static void test_proof(void **state)
{
	static const struct {
		unsigned agree, differ;
		bool meta;
		enum proof wants;
	} cases[] = {
		{0, 0, false, PROOF_NONE},  {1, 0, false, PROOF_RIGHT},
		{2, 0, false, PROOF_RIGHT}, {0, 1, false, PROOF_WRONG},
		{1, 1, false, PROOF_NONE},  {1, 1, true, PROOF_NONE},
		{0, 0, true, PROOF_RIGHT},  {0, 1, true, PROOF_WRONG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(integrity_proof(cases[i].agree,
						 cases[i].differ,
						 cases[i].meta),
				 cases[i].wants);
}

/* All there are: the bucket's is right, or it is wrong and the other is. */
static void test_right_side(void **state)
{
	static const enum proof proofs[] = {PROOF_NONE, PROOF_RIGHT,
					    PROOF_WRONG};

	(void)state;
	for (int b = 0; b < 3; b++)
		for (int o = 0; o < 3; o++)
			for (int there = 0; there < 4; there++) {
				bool bucket = there & 1, other = there & 2;
				enum right_side wants = RIGHT_NONE;

				if (bucket && proofs[b] == PROOF_RIGHT)
					wants = RIGHT_BUCKET;
				else if (other && proofs[o] == PROOF_RIGHT &&
					 (!bucket || proofs[b] == PROOF_WRONG))
					wants = RIGHT_OTHER;
				assert_int_equal(
					integrity_right_side(bucket, proofs[b],
							     other, proofs[o]),
					wants);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_right_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
