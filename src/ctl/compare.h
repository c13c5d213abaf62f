/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing a tree as it was at an instant with what it is now. */
#ifndef VERS3_SRC_CTL_COMPARE_H
#define VERS3_SRC_CTL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "target.h"

enum compare_kind {
	COMPARE_ADDED = '+', /* since then */
	COMPARE_REMOVED = '-',
	COMPARE_CHANGED = '~', /* content or attributes */
};

/* One difference; of a directory before what is below it. */
struct compare_item {
	enum compare_kind kind;
	const char *path; /* below the mount point */
	const char *name; /* the path's last name */
	int then_dir, now_dir; /* open directories it is in; -1: none */
	const struct stat *then, *now; /* NULL where it is not there */
};

struct compare_ops {
	/* A negative return ends the walk and is returned. */
	int (*found)(void *ctx, const struct compare_item *item);
	/* May be NULL. After all below a directory that differs or is on one
	 * side only; or below one that is on both sides. */
	int (*leave)(void *ctx, const struct compare_item *item);
};

/*
 * Walks what is at a place, a file or a directory, at an instant and now, in
 * the order of names. 0 or -errno, with one line in reason (size bytes).
 */
int compare_walk(const struct target *p, const char *at,
		 const struct compare_ops *ops, void *ctx, char *reason,
		 size_t size);

#endif
