/* SPDX-License-Identifier: Apache-2.0 */
/* A number of bytes, as people write it in commands. Pure. */
#ifndef VERS3_UTIL_BYTESIZE_H
#define VERS3_UTIL_BYTESIZE_H

#include <stdint.h>

/*
 * Reads whole bytes or, with one of the letters K M G T behind them, so many
 * KiB and so on; as many as a file can have. 0 or -EINVAL.
 */
int bytesize_parse(const char *text, uint64_t *ret_bytes);

#endif
