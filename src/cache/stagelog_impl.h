/* SPDX-License-Identifier: Apache-2.0 */
/* What the staging log (stagelog.c) and its room (stageroom.c) share. */
#ifndef VERS3_SRC_CACHE_STAGELOG_IMPL_H
#define VERS3_SRC_CACHE_STAGELOG_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "stageclaims.h"

#define STAGELOG_NAME_SIZE 9 /* "0123abcd" */
#define STAGELOG_PAGE	   UINT32_C(4096)

/* All but number and, of one in use, fd are protected by the log's lock. */
struct segment {
	uint32_t number;
	int fd; /* owned; -1: closed, and it has nothing to be synced */
	unsigned refs; /* appends, reads and syncs under way */
	bool sealed;
	bool unlisted; /* its directory entry may not be durable yet */
	bool syncing;
	int error; /* the disk failed to take its data; for good */
	uint64_t written; /* appends that have ended */
	uint64_t synced; /* how many of them are durable */
	uint32_t at; /* where the next append goes */
	uint64_t held_bytes; /* on the disk, about */
	/* What was claimed at the last holes, and has come since; at first
	 * UINT64_MAX. */
	uint64_t punched_bytes;
	struct stageclaims claims;
	TAILQ_ENTRY(segment) entry;
};

TAILQ_HEAD(segments, segment);

struct stagelog {
	int fd; /* owned: the directory */
	pthread_mutex_t lock;
	pthread_cond_t synced; /* a sync of some segment has ended */
	/* protected by lock */
	struct segments all; /* owned, by number */
	struct segment *current; /* NULL: the next append makes one */
	uint32_t next; /* number */
	unsigned open_count;
	bool begun; /* all claims are known */
};

void stagelog_name(uint32_t number, char *name);

/* All with the lock held. */

/* With its descriptor open, to be put back. 0 or -errno. */
int stagelog_get(struct stagelog *l, struct segment *g);
void stagelog_put(struct stagelog *l, struct segment *g);
/* Nothing more is written to it. */
void stagelog_seal(struct stagelog *l, struct segment *g);
/* One that is in no list. */
void stagelog_free_segment(struct stagelog *l, struct segment *g);

#endif
