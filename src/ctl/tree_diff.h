/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between a tree as it was at an instant and now, as the mount
 * tells it, in the order in which one goes through it: a directory before what
 * is below it.
 */
#ifndef VERS3_SRC_CTL_TREE_DIFF_H
#define VERS3_SRC_CTL_TREE_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "target.h"

/* What a path is on one side. */
struct tree_side {
	bool there, dir;
	long long size_bytes; /* of a file */
};

struct tree_item {
	char change; /* '+', '-' or '~' */
	char *path; /* owned, below the mount point */
	char *id; /* owned: the version of then, if it was a file */
	struct tree_side then, now;
	/* For who works on it. */
	struct stat st;
	int result;
};

struct tree_diff {
	struct tree_item *items; /* owned */
	size_t count, size;
	char *instant; /* owned: what at meant, for good */
};

/*
 * Has the mount compare a place with what it was. 0 or -errno with one line in
 * reason (size bytes). -EOPNOTSUPP: the mount does not tell: it is an older
 * one, or not this user's. To be released in any case.
 */
int tree_diff_ask(const struct target *p, const char *at, struct tree_diff *d,
		  char *reason, size_t size);
void tree_diff_release(struct tree_diff *d);

#endif
