/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is at a path and below it, or was at an instant: each path with
 * both sides. From a flat list of the versions, with what this mount had not
 * sent when it began, or has changed there since, laid over it. Now is the
 * mount's own instant where it shows one.
 *
 * Blocks, ends with the thread's cancel. 0 or -errno. Memory: list_ahead.h's,
 * a path's own directories, and the keys that were not sent.
 */
#ifndef VERS3_SRC_UPKEEP_DIFF_WALK_H
#define VERS3_SRC_UPKEEP_DIFF_WALK_H

#include "diff_verdict.h"
#include "versions_below.h"

struct journal;

struct diff_walk {
	struct mount *mount; /* borrowed, as all below */
	struct journal *journal;
	const char *path; /* "": the whole mount */
	int64_t at_ns;
	/* A directory comes behind all that is below it. */
	int (*on_path)(void *ctx, const char *path,
		       const struct diff_side *then,
		       const struct diff_side *now);
	/* After each page; may be NULL. */
	int (*on_page)(void *ctx);
	void *ctx;
	struct answer_stream *answer; /* gets the progress */
	bool any; /* out: something was there at some time, or is */
	char why[VERSIONS_WHY_MAX]; /* out: the server's words of a failure */
};

int diff_walk(struct diff_walk *w);

#endif
