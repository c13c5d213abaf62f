/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in hexadecimal. */
#ifndef VERS3_UTIL_HEX_H
#define VERS3_UTIL_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* Lower case; text has room for 2 * size + 1 characters. */
void hex_write(const void *bytes, size_t size, char *text);
/* Whether text is size bytes, in either case, and no more. NULL is not. */
bool hex_read(const char *text, size_t size, void *bytes);

#endif
