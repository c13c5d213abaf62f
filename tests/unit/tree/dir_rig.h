/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of directories share. */
#ifndef VERS3_TESTS_UNIT_TREE_DIR_RIG_H
#define VERS3_TESTS_UNIT_TREE_DIR_RIG_H

#include "../vfs_rig.h"

static inline void put_all(struct rig *r, const char *keys)
{
	char *copy = strdup(keys), *rest = NULL, *key;

	assert_non_null(copy);
	for (key = strtok_r(copy, " ", &rest); key;
	     key = strtok_r(NULL, " ", &rest))
		rig_put_text(r, key, "x");
	free(copy);
}

#endif
