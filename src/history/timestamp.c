/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One parser for each spelling: dates, names of .versions and of Samba (turned
 * into ISO 8601 for clock.h), and what counts back from now.
 */
#include "timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/util/clock.h"
#include "vers3/util/duration.h"

#define NAME_LEN 20 /* of 2026-11-21T12-00-00Z */
#define DATE_LEN 10 /* of 2026-11-21 */
#define GMT_LEN	 23 /* of GMT-2026.11.21-12.00.00 */

static int parse_ago(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	int64_t ago;
	int rc = duration_parse(text, &ago);

	if (!rc)
		*ret_ns = now_ns - ago;
	return rc;
}

/* GMT-2026.11.21-12.00.00 as 2026-11-21T12:00:00Z; false: it is another. */
static bool from_gmt(const char *text, char iso[NAME_LEN + 1])
{
	if (strlen(text) != GMT_LEN || strncmp(text, "GMT-", 4) ||
	    text[8] != '.' || text[11] != '.' || text[14] != '-' ||
	    text[17] != '.' || text[20] != '.')
		return false;
	memcpy(iso, text + 4, GMT_LEN - 4);
	iso[4] = iso[7] = '-';
	iso[10] = 'T';
	iso[13] = iso[16] = ':';
	strcpy(iso + NAME_LEN - 1, "Z");
	return true;
}

bool timestamp_is_relative(const char *text)
{
	int64_t ns;

	return !parse_ago(text, 0, &ns);
}

int timestamp_parse(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	size_t len = strlen(text);
	char iso[NAME_LEN + 1];
	bool gmt = from_gmt(text, iso);

	if (len == DATE_LEN && text[4] == '-') {
		snprintf(iso, sizeof(iso), "%sT00:00:00Z", text);
		return clock_parse_iso8601(iso, ret_ns);
	}
	if (gmt || len == NAME_LEN) {
		if (!gmt)
			strcpy(iso, text);
		if (iso[13] == '-' && iso[16] == '-')
			iso[13] = iso[16] = ':';
		if (clock_parse_iso8601(iso, ret_ns))
			return -EINVAL;
		*ret_ns += NS_PER_S - 1;
		return 0;
	}
	if (!clock_parse_iso8601(text, ret_ns))
		return 0;
	return parse_ago(text, now_ns, ret_ns);
}
