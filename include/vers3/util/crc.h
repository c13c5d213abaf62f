/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cyclic redundancy checks that S3 keeps of whole objects (S3 user guide,
 * "Checking object integrity"). By tables, sixteen bytes at a time: about
 * 2 GB/s, where MD5 takes three times as long. libcrypto has none of them.
 */
#ifndef VERS3_UTIL_CRC_H
#define VERS3_UTIL_CRC_H

#include <stddef.h>
#include <stdint.h>

enum crc_kind {
	CRC_32, /* as gzip's */
	CRC_32C, /* Castagnoli */
	CRC_64NVME, /* what Amazon S3 takes by itself */
	CRC_COUNT,
};

#define CRC_TEXT_SIZE 13 /* with its NUL */

/* The check of what had the check crc (0: of nothing), and data. Any thread. */
uint64_t crc_add(enum crc_kind kind, uint64_t crc, const void *data,
		 size_t size);
/* As a header carries it: big-endian, base64. */
void crc_text(enum crc_kind kind, uint64_t crc, char text[CRC_TEXT_SIZE]);

#endif
