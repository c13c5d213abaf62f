/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test's own directory. It is below $TMPDIR, which contrib/check has in
 * memory where the disk is not what is tested.
 */
#ifndef VERS3_TESTS_UNIT_WORK_DIR_H
#define VERS3_TESTS_UNIT_WORK_DIR_H

#include <stdio.h>
#include <stdlib.h>

/* Makes it; its path has to fit. 0, or -1 with errno. */
static inline int make_work_dir(char *path, size_t size, const char *name)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, size, "%s/%s.XXXXXX", tmp && *tmp ? tmp : "/tmp", name);
	return mkdtemp(path) ? 0 : -1;
}

#endif
