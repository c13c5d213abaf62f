/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vers3/util/crc.h"

/* The check values of the catalogue of CRCs: of the digits from 1 to 9. */
static const struct {
	enum crc_kind kind;
	uint64_t check;
	const char *text;
} rows[] = {
	{CRC_32, 0xcbf43926, "y/Q5Jg=="},
	{CRC_32C, 0xe3069283, "4waSgw=="},
	{CRC_64NVME, UINT64_C(0xae8b14860a799888), "rosUhgp5mIg="},
};

static void test_values(void **state)
{
	char text[CRC_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(crc_add(rows[i].kind, 0, "123456789", 9),
				 rows[i].check);
		assert_int_equal(crc_add(rows[i].kind, 0, "", 0), 0);
		crc_text(rows[i].kind, rows[i].check, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* However it is cut, and wherever it lies. */
static void test_pieces(void **state)
{
	unsigned char data[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * i >> 3 ^ i);
	for (int kind = 0; kind < CRC_COUNT; kind++) {
		uint64_t whole = crc_add(kind, 0, data, sizeof(data));
		uint64_t one = 0;

		for (size_t i = 0; i < sizeof(data); i++)
			one = crc_add(kind, one, data + i, 1);
		assert_int_equal(one, whole);
		for (size_t cut = 0; cut <= 64; cut++) {
			uint64_t crc = crc_add(kind, 0, data, cut);

			crc = crc_add(kind, crc, data + cut,
				      sizeof(data) - cut);
			assert_int_equal(crc, whole);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
