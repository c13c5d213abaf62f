/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the objects of the mount, or below a path of it, take in the bucket:
 * old versions, delete markers and unfinished uploads as well. Counted from
 * the server's flat lists, so it costs a request for each 1,000 versions.
 *
 * Any thread, no lock held. 0 or -errno. Sizes in bytes.
 */
#ifndef VERS3_UPKEEP_USAGE_H
#define VERS3_UPKEEP_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/util/answer_stream.h"

struct mount;
struct syncer;
struct view;
struct usage;

/* Whether it is one of the words below, and so no path. Pure. */
bool usage_is_word(const char *word);
/*
 * What is to be counted: path, "" for all, is copied, mount and syncer are
 * borrowed. The words:
 *
 *	if=noncurrent=30d[,keep=3]	what such a rule would remove; its
 *					words are lifecycle_spec_parse()'s
 *	price=CLASS:PRICE[:BYTES]	in place of all public prices
 *	currency=NAME, date=DATE	of the prices
 *
 * -EINVAL with one line in reason (size bytes) that names the word that is
 * wrong.
 */
int usage_new(struct mount *mount, struct syncer *syncer, struct view *view,
	      const char *path, char *const *words, size_t count,
	      struct usage **ret_usage, char *reason, size_t size);
/* Counts and answers: a run of struct long_command; usage is one of those. */
int usage_run(void *usage, struct answer_stream *answer);
void usage_free(void *usage);

#endif
