/* SPDX-License-Identifier: Apache-2.0 */
/* Digits to bytes and back; the table of digits is here alone. */
#include "vers3/util/hex.h"

#include <string.h>
#include <openssl/crypto.h>

void hex_write(const void *bytes, size_t size, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;

	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[b[i] >> 4];
		text[2 * i + 1] = digits[b[i] & 15];
	}
	text[2 * size] = '\0';
}

bool hex_read(const char *text, size_t size, void *bytes)
{
	unsigned char *b = bytes;

	if (!text || strlen(text) != 2 * size ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++)
		b[i] = (unsigned char)(OPENSSL_hexchar2int(
					       (unsigned char)text[2 * i])
					       << 4 |
				       OPENSSL_hexchar2int(
					       (unsigned char)text[2 * i + 1]));
	return true;
}
