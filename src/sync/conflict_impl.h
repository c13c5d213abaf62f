/* SPDX-License-Identifier: Apache-2.0 */
/* Conflicts: what conflict.c, conflict_delete.c and conflict_log.c share. */
#ifndef VERS3_SRC_SYNC_CONFLICT_IMPL_H
#define VERS3_SRC_SYNC_CONFLICT_IMPL_H

#include "vers3/sync/conflict.h"

struct syncer;

/*
 * Asks what the key holds now: c->met, c->gone and c->theirs. 0, also when
 * the server does not allow to ask; or why it could not be asked. Blocks.
 */
int conflict_look(struct syncer *s, struct conflict *c);

/*
 * Where a list of the keys from first to last begins: below what they have in
 * common (prefix), and not far before the first (start; if it is no longer than
 * prefix, there). Each has room for META_KEY_MAX + 1 bytes.
 */
void conflict_range(const char *first, const char *last, char *prefix,
		    char *start);

#endif
