/* SPDX-License-Identifier: Apache-2.0 */
/* Which mount a path is in, and where in it. */
#ifndef VERS3_SRC_CTL_TARGET_H
#define VERS3_SRC_CTL_TARGET_H

#include <limits.h>
#include <stddef.h>

struct target {
	char *root; /* owned: the mount point, absolute */
	char *path; /* owned: below it, without slashes at its ends */
	/* What the mount calls .versions, once it was asked. */
	char history[NAME_MAX + 1];
};

/*
 * Finds the mount of a path, which need not exist (any more). A symbolic
 * link in the mount is itself meant, one elsewhere may lead there. start is
 * where a relative path starts (NULL: the current directory). 0; -ENOENT when
 * it is in no mount of vers3; -ENOMEM; with one line in reason (size bytes).
 */
int target_find(const char *start, const char *path, struct target *ret_target,
		char *reason, size_t size);
void target_release(struct target *p);
/* What to call it in a message: the path, or the root's if it is that. */
const char *target_name(const struct target *p);
/*
 * Asks the mount what it calls .versions; where it shows no history that is a
 * name under which nothing can be.
 */
void target_ask_history(struct target *p);
/*
 * Asks, and takes a component ".versions" out of the path, which then is the
 * name whose history that is.
 */
void target_leave_history(struct target *p);

#endif
