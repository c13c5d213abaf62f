/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a sweep whose report goes to FILE has come: FILE.part has its words,
 * what was found, and the last checkpoint. It stays when the sweep is
 * interrupted, and the same sweep goes on from it.
 */
#ifndef VERS3_SRC_CTL_SWEEP_PART_H
#define VERS3_SRC_CTL_SWEEP_PART_H

#include <stdbool.h>
#include <stdio.h>

#include "vers3/util/buf.h"

struct sweep_part {
	char *path; /* owned: FILE.part */
	FILE *file; /* owned; NULL: there is none */
	char *resume; /* owned: the last checkpoint that it had; NULL: none */
};

/*
 * Opens FILE.part, or makes it, for the sweep of those words (one line). What
 * it has of the same sweep goes to found, up to its last checkpoint; else it
 * begins anew. 0 or -errno with one line in reason (size bytes); -EBUSY while
 * another process has it; -EEXIST: it is somebody else's file, and stays.
 */
int sweep_part_open(struct sweep_part *p, const char *report, const char *words,
		    struct buf *found, char *reason, size_t size);
/* Adds a line of what was found. 0 or -errno. */
int sweep_part_add(struct sweep_part *p, const char *line);
/* Adds a checkpoint: what was added before is kept from now on. */
int sweep_part_checkpoint(struct sweep_part *p, const char *resume);
/* The report is whole: there is no part any more. */
void sweep_part_remove(struct sweep_part *p);
void sweep_part_close(struct sweep_part *p);

#endif
