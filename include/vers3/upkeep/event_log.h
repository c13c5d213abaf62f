/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened at a path and below it: each version and delete marker there,
 * from the server's flat lists. It costs a request for each 1,000 of them, and
 * no more memory for many than for few.
 *
 * Any thread, no lock held. 0 or -errno.
 */
#ifndef VERS3_UPKEEP_EVENT_LOG_H
#define VERS3_UPKEEP_EVENT_LOG_H

#include "vers3/util/answer_stream.h"

struct mount;
struct event_log;

/* path, "" for all, is copied; mount is borrowed. 0 or -ENOMEM. */
int event_log_new(struct mount *mount, const char *path,
		  struct event_log **ret_log);
/*
 * Answers: a run of struct long_command; log is one of those. "[log]", then
 * for each "items = TIME WHAT ID PATH", TIME with milliseconds, WHAT created,
 * changed or deleted, in the order of keys, a key's newest first; then their
 * count.
 * Fails with -ENOENT where nothing ever was.
 */
int event_log_run(void *log, struct answer_stream *answer);
void event_log_free(void *log);

#endif
