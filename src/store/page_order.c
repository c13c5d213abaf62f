/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: finds out whether markers stand apart, and mixes them in. */
#include "page_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/clock.h"

/* Dates of one server go back by so much at most. */
#define SKEW_NS NS_PER_S

/* How many from at on are of that kind. */
static size_t run_of(const struct store_entry **entries, size_t at,
		     size_t count, enum store_entry_kind kind)
{
	size_t n = 0;

	while (at + n < count && entries[at + n]->kind == kind)
		n++;
	return n;
}

/* Whether a marker that is told behind a version comes before it. */
static bool is_misplaced(const struct store_entry *marker,
			 const struct store_entry *version)
{
	int order = strcmp(marker->key, version->key);

	if (order)
		return order < 0;
	return marker->latest ||
	       marker->last_modified_ns - version->last_modified_ns > SKEW_NS;
}

/* Which of both comes first; of one key and date, the version. */
static bool is_first(const struct store_entry *marker,
		     const struct store_entry *version)
{
	int order = strcmp(marker->key, version->key);

	if (order)
		return order < 0;
	if (marker->latest || version->latest)
		return marker->latest;
	return marker->last_modified_ns > version->last_modified_ns;
}

int page_order(const struct store_entry **entries, size_t count)
{
	size_t versions = run_of(entries, 0, count, STORE_ENTRY_VERSION);
	size_t markers = run_of(entries, versions, count, STORE_ENTRY_MARKER);
	size_t end = versions + markers, v = 0, m = versions, n = 0;
	const struct store_entry **mixed;

	if (!versions || !markers ||
	    (end < count && entries[end]->kind != STORE_ENTRY_PREFIX) ||
	    !is_misplaced(entries[versions], entries[versions - 1]))
		return 0;
	mixed = malloc(end * sizeof(*mixed));
	if (!mixed)
		return -ENOMEM;
	while (n < end) {
		bool marker = v == versions ||
			      (m < end && is_first(entries[m], entries[v]));

		mixed[n++] = entries[marker ? m++ : v++];
	}
	memcpy(entries, mixed, end * sizeof(*mixed));
	free(mixed);
	return 0;
}
