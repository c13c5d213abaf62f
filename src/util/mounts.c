/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/util/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 16384

int mounts_each(const char *table, int (*fn)(void *ctx, const struct mntent *m),
		void *ctx)
{
	FILE *f = setmntent(table, "re");
	char line[LINE_BYTES];
	struct mntent m;
	int rc = 0;

	if (!f)
		return -errno;
	while (!rc && getmntent_r(f, &m, line, sizeof(line)))
		rc = fn(ctx, &m);
	endmntent(f);
	return rc;
}

struct search {
	const char *dir; /* borrowed */
	struct mounts_entry found; /* the last; all NULL: none */
};

static int look(void *ctx, const struct mntent *m)
{
	struct search *s = ctx;

	if (strcmp(m->mnt_dir, s->dir) != 0)
		return 0;
	mounts_release(&s->found);
	s->found.source = strdup(m->mnt_fsname);
	s->found.type = strdup(m->mnt_type);
	s->found.options = strdup(m->mnt_opts);
	return s->found.source && s->found.type && s->found.options ? 0
								    : -ENOMEM;
}

int mounts_find(const char *table, const char *dir, struct mounts_entry *ret)
{
	struct search s = {.dir = dir};
	int rc = mounts_each(table, look, &s);

	if (!rc && !s.found.type)
		rc = -ENOENT;
	if (rc)
		mounts_release(&s.found);
	else
		*ret = s.found;
	return rc;
}

void mounts_release(struct mounts_entry *e)
{
	free(e->source);
	free(e->type);
	free(e->options);
	*e = (struct mounts_entry){.source = NULL};
}

bool mounts_is_ours(const struct mounts_entry *e)
{
	return !strcmp(e->type, MOUNTS_TYPE);
}

/* Where an option ends: at a comma that no backslash stands before. */
static const char *end_of(const char *option)
{
	for (; *option && *option != ','; option++)
		if (*option == '\\' && option[1])
			option++;
	return option;
}

const char *mounts_option(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list) {
		const char *end = end_of(list);

		if ((size_t)(end - list) >= len && !strncmp(list, name, len)) {
			if (list + len == end)
				return end;
			if (list[len] == '=')
				return list + len + 1;
		}
		list = *end ? end + 1 : end;
	}
	return NULL;
}
