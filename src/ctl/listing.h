/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of a command that tells of many things, and at the end of their
 * sums, printed while it comes: however long it is, one of them is kept.
 *
 *	[upload "ID"]		each: printed as a line, or as an element of
 *	...			the list in {"uploads": [...], sums...}
 *	[planned "1"]		of a kind that there are few of: kept, and in
 *	...			JSON given with the sums, as a list
 *	[uploads]		the sums, for whoever prints what they come to
 */
#ifndef VERS3_SRC_CTL_LISTING_H
#define VERS3_SRC_CTL_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "vers3/util/buf.h"

struct listing {
	/* Set by the caller, borrowed. */
	const char *item, *sums; /* the sections' names */
	const char *list; /* the list's, in JSON */
	bool json;
	void (*print)(const json_t *item); /* one line */
	/* The name of the sections to keep; NULL: there are none. */
	const char *kept;
	void (*print_kept)(const json_t *item);
	/* Makes of one what JSON shows: 0 or -errno. */
	int (*shape_kept)(json_t *item);

	/* Its own. */
	struct buf section; /* what has come of it */
	json_t *sums_object; /* owned; NULL: they have not come */
	json_t *kept_items; /* owned; an array; NULL: there are none */
	size_t count;
};

struct errand;
/*
 * Has the mount carry the errand out and prints what it tells of; where it
 * fails, what came until then. An exit status; l is to be released.
 */
int listing_run(struct listing *l, struct errand *e);
void listing_release(struct listing *l);

#endif
