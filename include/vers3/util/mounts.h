/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's table of mounts, and the option lists that stand in it. */
#ifndef VERS3_UTIL_MOUNTS_H
#define VERS3_UTIL_MOUNTS_H

#include <mntent.h>
#include <stdbool.h>

#define MOUNTS_TABLE "/proc/self/mounts"
#define MOUNTS_TYPE  "fuse.vers3" /* what mounts of vers3 are */

/*
 * Calls fn for each mount of a table, in its order (of those at one place the
 * last is on top), until one call returns something else than 0. That, 0, or
 * -errno where the table cannot be read. Any thread.
 */
int mounts_each(const char *table, int (*fn)(void *ctx, const struct mntent *m),
		void *ctx);

/* A mount; all owned. */
struct mounts_entry {
	char *source, *type, *options;
};

/*
 * The mount that is on top at a directory, named as the table names it. 0,
 * -ENOENT, -ENOMEM, or -errno where the table cannot be read.
 */
int mounts_find(const char *table, const char *dir, struct mounts_entry *ret);
void mounts_release(struct mounts_entry *e);
/* Whether it is one of vers3. */
bool mounts_is_ours(const struct mounts_entry *e);

/*
 * What a list of mount options says of one: what stands behind its "=", or its
 * end where there is none ("" or what begins with a comma); NULL: it is not in
 * the list. A comma with a backslash before it is part of an option, as it is
 * of names with a comma in them. Borrowed from the list.
 */
const char *mounts_option(const char *list, const char *name);

#endif
