/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the view share. */
#ifndef VERS3_TESTS_UNIT_HISTORY_VIEW_RIG_H
#define VERS3_TESTS_UNIT_HISTORY_VIEW_RIG_H

#include "../vfs_rig.h"

#include <ctype.h>

#define NAMES_MAX 131072

/* Names in the order in which they come, each with a blank after it. */
static inline int take_name(void *ctx, const struct vfs_dirent *d)
{
	char *names = ctx;

	if (strcmp(d->name, ".") && strcmp(d->name, "..")) {
		assert_true(strlen(names) + strlen(d->name) + 2 < NAMES_MAX);
		strcat(names, d->name);
		strcat(names, S_ISDIR(d->mode) ? "/ " : " ");
	}
	return 0;
}

static inline void names_of(struct rig *r, const char *path, char *names)
{
	struct vfs_dir *d;

	*names = '\0';
	assert_int_equal(vfs_opendir(r->f.v, rig_ino(r, path), &d), 0);
	assert_int_equal(vfs_readdir(r->f.v, d, 0, true, take_name, names), 0);
	vfs_releasedir(r->f.v, d);
}

/*
 * The names of a directory with every time and version id taken out:
 * "v v d sub/" for two versions, a marker and a directory.
 */
static inline void shape_of(struct rig *r, const char *path, char *shape)
{
	char names[NAMES_MAX], *rest = NULL, *at;

	*shape = '\0';
	names_of(r, path, names);
	for (at = strtok_r(names, " ", &rest); at;
	     at = strtok_r(NULL, " ", &rest)) {
		size_t len = strlen(at);
		bool version = strchr(at, '~') && isdigit((unsigned char)*at);

		if (*shape)
			strcat(shape, " ");
		if (!version)
			strcat(shape, at);
		else if (len > 8 && !strcmp(at + len - 8, ".deleted"))
			strcat(shape, "d");
		else
			strcat(shape, "v");
	}
}

#endif
