/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who looks up one name of an instant's directory after the other wants the
 * attributes of all, as `ls -l` does: those of the next many are asked for at
 * once, and for a while also those of directories that are read anew.
 */
#ifndef VERS3_SRC_HISTORY_PAST_ROW_H
#define VERS3_SRC_HISTORY_PAST_ROW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vers3/meta/inode.h"

struct view;
struct view_node;

/* Embedded; zeroed but for the mutex. */
struct past_row {
	pthread_mutex_t mutex; /* a leaf; protects all below */
	uint64_t ino; /* of the directory */
	unsigned run; /* names in a row */
	char name[META_NAME_MAX + 1]; /* the last, or the last asked for */
	int64_t seen_ns; /* monotonic: when there was a row last; 0: never */
};

void past_row_init(struct past_row *r);
void past_row_release(struct past_row *r);
/* Whether attributes of all entries are worth asking for. */
bool past_row_wanted(struct past_row *r);
/*
 * A name is looked up that was not asked for attributes: asks for those of the
 * next ones, too, if it is in a row. dir: the directory, with this number. May
 * wait for the bucket; no lock held.
 */
void past_row_look_up(struct view *view, uint64_t ino,
		      const struct view_node *dir, const char *name);

#endif
