/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the block cache's files can be trusted.
 *
 * They are not synced while they are in use: what was written survives the
 * death of the process, since the kernel has it, but not the death of the
 * system. A file `state` beside them says how they were left:
 *
 *	clean, synced at close               trusted
 *	open, in the boot that still runs    trusted (the process died)
 *	open, in another boot                not trusted
 *	absent, unreadable, another format   not trusted
 */
#ifndef VERS3_SRC_CACHE_CLEANMARK_H
#define VERS3_SRC_CACHE_CLEANMARK_H

#include <stdbool.h>

bool cleanmark_trusted(int dir_fd);
/* Writes the mark durably: clean, or open in this boot. 0 or -errno. */
int cleanmark_set(int dir_fd, bool clean);

#endif
