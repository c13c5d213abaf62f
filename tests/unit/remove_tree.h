/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a test's own directory. */
#ifndef VERS3_TESTS_UNIT_REMOVE_TREE_H
#define VERS3_TESTS_UNIT_REMOVE_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int remove_entry(const char *path, const struct stat *st,
			       int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Removes a directory and all below it; 0 when it is gone. */
static inline int remove_tree(const char *dir)
{
	return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
