/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a table of mounts, with its octal escapes, and finds one option in a
 * list with backslashes.
 */
#include "vers3/util/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/*
 * In place: "\040" is a blank. glibc's getmntent() knows some of these alone,
 * and not what the kernel makes of a "#".
 */
static void decode(char *s)
{
	char *to = s;

	while (*s) {
		if (*s == '\\' && s[1] >= '0' && s[1] <= '3' &&
		    is_octal(s[2]) && is_octal(s[3])) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* False: the line has too few words. */
static bool split(char *line, struct mntent *ret)
{
	char **const words[] = {&ret->mnt_fsname, &ret->mnt_dir, &ret->mnt_type,
				&ret->mnt_opts};

	*ret = (struct mntent){.mnt_freq = 0};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		*words[i] = strsep(&line, " \n");
		if (!*words[i])
			return false;
		decode(*words[i]);
	}
	return true;
}

int mounts_each(const char *table, int (*fn)(void *ctx, const struct mntent *m),
		void *ctx)
{
	FILE *f = fopen(table, "re");
	size_t size = 0;
	char *line = NULL;
	struct mntent m;
	int rc = 0;

	if (!f)
		return -errno;
	while (!rc && getline(&line, &size, f) > 0)
		if (split(line, &m))
			rc = fn(ctx, &m);
	if (!rc && !feof(f))
		rc = -EIO;
	free(line);
	fclose(f);
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
