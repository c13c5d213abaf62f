/* SPDX-License-Identifier: Apache-2.0 */
/* A whole tree as text: for tests of who goes through one. */
#ifndef VERS3_TESTS_UNIT_RIG_TREE_H
#define VERS3_TESTS_UNIT_RIG_TREE_H

#include "vfs_rig.h"

#define RIG_TREE_MAX (1 << 20)

/* All paths below one, depth first, each with a blank after it. */
static inline void rig_add_tree(struct rig *r, const char *top,
				const char *path, char *tree)
{
	char *names = malloc(RIG_TREE_MAX), *save = NULL, whole[512],
	     below[256];
	int rc;

	assert_non_null(names);
	snprintf(whole, sizeof(whole), "%s%s%s", top, *top && *path ? "/" : "",
		 path);
	rc = rig_list(r, whole, true, names, RIG_TREE_MAX);
	assert_int_equal(rc, 0);
	for (char *n = strtok_r(names, " ", &save); n;
	     n = strtok_r(NULL, " ", &save)) {
		size_t len = strlen(n);
		bool dir = n[len - 1] == '/';

		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "",
			 n);
		assert_true(strlen(tree) + strlen(below) + 2 < RIG_TREE_MAX);
		strcat(tree, below);
		strcat(tree, " ");
		below[strlen(below) - (dir ? 1 : 0)] = '\0';
		if (dir)
			rig_add_tree(r, top, below, tree);
	}
	free(names);
}

/* Owned by the caller. */
static inline char *rig_tree(struct rig *r, const char *top)
{
	char *tree = calloc(1, RIG_TREE_MAX);

	assert_non_null(tree);
	rig_add_tree(r, top, "", tree);
	return tree;
}

#endif
