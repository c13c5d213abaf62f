/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All three are reflected, begin with all ones and end inverted, so one loop
 * does for them: a check of 32 bits is one of 64 whose upper half is 0.
 *
 * Table k tells what a byte becomes that has k bytes after it in its step.
 */
#include "vers3/util/crc.h"

#include <endian.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define STEP 16

static const struct {
	uint64_t polynomial; /* reflected */
	unsigned bytes;
} kinds[CRC_COUNT] = {
	[CRC_32] = {UINT64_C(0xedb88320), 4},
	[CRC_32C] = {UINT64_C(0x82f63b78), 4},
	[CRC_64NVME] = {UINT64_C(0x9a6c9329ac4bc9b5), 8},
};

static uint64_t tables[CRC_COUNT][STEP][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
	for (int kind = 0; kind < CRC_COUNT; kind++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint64_t crc = byte;

			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^
				      (crc & 1 ? kinds[kind].polynomial : 0);
			tables[kind][0][byte] = crc;
		}
		for (int k = 1; k < STEP; k++) {
			for (unsigned byte = 0; byte < 256; byte++) {
				uint64_t crc = tables[kind][k - 1][byte];

				tables[kind][k][byte] =
					crc >> 8 ^ tables[kind][0][crc & 0xff];
			}
		}
	}
}

static uint64_t add_step(uint64_t table[STEP][256], uint64_t crc,
			 const unsigned char *p)
{
	uint64_t low, high, next = 0;

	memcpy(&low, p, 8);
	memcpy(&high, p + 8, 8);
	low = le64toh(low) ^ crc;
	high = le64toh(high);
	for (int k = 0; k < 8; k++) {
		next ^= table[15 - k][low >> 8 * k & 0xff];
		next ^= table[7 - k][high >> 8 * k & 0xff];
	}
	return next;
}

uint64_t crc_add(enum crc_kind kind, uint64_t crc, const void *data,
		 size_t size)
{
	uint64_t all = kinds[kind].bytes == 8 ? UINT64_MAX : UINT32_MAX;
	const unsigned char *p = data;

	pthread_once(&once, make_tables);
	crc ^= all;
	for (; size >= STEP; size -= STEP, p += STEP)
		crc = add_step(tables[kind], crc, p);
	for (; size; size--, p++)
		crc = crc >> 8 ^ tables[kind][0][(crc ^ *p) & 0xff];
	return crc ^ all;
}

void crc_text(enum crc_kind kind, uint64_t crc, char text[CRC_TEXT_SIZE])
{
	unsigned bytes = kinds[kind].bytes;
	uint64_t raw = htobe64(crc << 8 * (8 - bytes));

	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)&raw,
			(int)bytes);
}
