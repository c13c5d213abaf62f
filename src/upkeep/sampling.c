/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a share, and compares it with a hash. */
#include "sampling.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/hash.h"

#define SHARE_MAX 12 /* characters of one */

int sampling_parse_share(const char *text, uint32_t *ret_ppm)
{
	size_t len = strspn(text, "0123456789.");
	double share;
	char *end;

	if (!isdigit((unsigned char)*text) || len > SHARE_MAX ||
	    strcmp(text + len, "%") != 0)
		return -EINVAL;
	share = strtod(text, &end);
	if (end != text + len || share > 100)
		return -EINVAL;
	*ret_ppm = (uint32_t)(share * (SAMPLING_ALL / 100.0) + 0.5);
	return 0;
}

bool sampling_takes(const struct sampling *s, const char *key,
		    const char *version_id)
{
	const struct hash_seed seed = {.at = {s->seed, 0}};
	uint64_t hash;

	if (s->ppm >= SAMPLING_ALL)
		return true;
	/* With its NUL, so that no two run together. */
	hash = hash_add(&seed, 0, key, strlen(key) + 1);
	hash = hash_add(&seed, hash, version_id, strlen(version_id));
	return hash % SAMPLING_ALL < s->ppm;
}
