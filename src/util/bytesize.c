/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the units of sizes in words of commands. */
#include "vers3/util/bytesize.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (UINT64_C(1) << 62)

int bytesize_parse(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned shift;
	uint64_t n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (errno || (*end && (!unit || end[1])) || n > BYTES_MAX >> shift)
		return -EINVAL;
	*ret_bytes = n << shift;
	return 0;
}
