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

/* Whether what is told behind something comes before it. */
static bool is_misplaced(const struct store_entry *behind,
			 const struct store_entry *before)
{
	int order = strcmp(behind->key, before->key);

	if (order)
		return order < 0;
	return behind->latest ||
	       behind->last_modified_ns - before->last_modified_ns > SKEW_NS;
}

/* Whether a comes first of both; of one key and date, the version does. */
static bool is_first(const struct store_entry *a, const struct store_entry *b)
{
	int order = strcmp(a->key, b->key);

	if (order)
		return order < 0;
	if (a->latest || b->latest)
		return a->latest;
	if (a->last_modified_ns != b->last_modified_ns)
		return a->last_modified_ns > b->last_modified_ns;
	return a->kind == STORE_ENTRY_VERSION;
}

int page_order(const struct store_entry **entries, size_t count)
{
	bool markers = count && entries[0]->kind == STORE_ENTRY_MARKER;
	size_t some =
		run_of(entries, 0, count,
		       markers ? STORE_ENTRY_MARKER : STORE_ENTRY_VERSION);
	size_t end = some +
		     run_of(entries, some, count,
			    markers ? STORE_ENTRY_VERSION : STORE_ENTRY_MARKER);
	size_t a = 0, b = some, n = 0;
	const struct store_entry **mixed;

	if (!some || end == some ||
	    (end < count && entries[end]->kind != STORE_ENTRY_PREFIX) ||
	    !is_misplaced(entries[some], entries[some - 1]))
		return 0;
	mixed = malloc(end * sizeof(*mixed));
	if (!mixed)
		return -ENOMEM;
	while (n < end) {
		bool other = a == some ||
			     (b < end && is_first(entries[b], entries[a]));

		mixed[n++] = entries[other ? b++ : a++];
	}
	memcpy(entries, mixed, end * sizeof(*mixed));
	free(mixed);
	return 0;
}
