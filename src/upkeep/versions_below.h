/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All versions and delete markers at a path of the mount and below it, from
 * the server's flat lists.
 */
#ifndef VERS3_SRC_UPKEEP_VERSIONS_BELOW_H
#define VERS3_SRC_UPKEEP_VERSIONS_BELOW_H

#include <stdint.h>

#include "vers3/core/mount.h"
#include "vers3/util/answer_stream.h"

#define VERSIONS_WHY_MAX 320

struct versions_below {
	struct mount *mount; /* borrowed, as all below */
	const char *path; /* "": the whole mount */
	/* In the server's order: by key, each key's newest first. */
	store_entry_fn on_entry;
	/* After each page, while another may be asked for. May be NULL. */
	int (*on_page)(void *ctx);
	void *ctx; /* of both */
	const char *after_key; /* whole: begin behind it; NULL: at the first */
	struct answer_stream *answer; /* gets the progress */
	int64_t begun_ns; /* monotonic */
	uint64_t entries; /* out: that came so far */
	char why[VERSIONS_WHY_MAX]; /* out: the server's words of a failure */
};

/* Blocks. 0, -EINTR when the answer is not wanted any more, or -errno. */
int versions_below(struct versions_below *w);

#endif
