/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves a path up to where it exists, finds the nearest mount of vers3
 * above it, and asks that for the name of its history.
 */
#include "target.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vers3/util/control_ioctl.h"
#include "vers3/util/mounts.h"

#define HISTORY	   ".versions" /* usually */
#define NO_HISTORY CONTROL_ANY_NAME "-none" /* no file's name, either */

/* Joins two with one slash. NULL without memory. */
static char *join(const char *dir, const char *name)
{
	size_t len = strlen(dir);
	char *text;

	while (len && dir[len - 1] == '/')
		len--;
	if (asprintf(&text, "%.*s/%s", (int)len, dir, name) < 0)
		return NULL;
	return text;
}

/* Parts an absolute path at its last name; *ret_name points into path. */
static char *split(char *path, const char **ret_name)
{
	size_t len = strlen(path);
	char *slash;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = strrchr(path, '/');
	*ret_name = slash + 1;
	return slash == path ? strdup("/")
			     : strndup(path, (size_t)(slash - path));
}

/* The directory that a path is in. */
static void to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		slash[slash == path ? 1 : 0] = '\0';
}

/*
 * Resolves links as far as the path exists, and takes the rest as it is
 * spelled. NULL without memory.
 */
static char *resolve(const char *path)
{
	char *real = realpath(path, NULL), *copy, *parent, *dir;
	const char *name;

	if (real || !strcmp(path, "/"))
		return real ? real : strdup("/");
	copy = strdup(path);
	if (!copy)
		return NULL;
	parent = split(copy, &name);
	dir = parent ? resolve(parent) : NULL;
	if (dir && !strcmp(name, "..")) {
		to_parent(dir);
	} else if (dir && *name && strcmp(name, ".") != 0) {
		real = join(dir, name);
		free(dir);
		dir = real;
	}
	free(parent);
	free(copy);
	return dir;
}

/* The same, but the last name is not followed if it is a link. */
static char *resolve_name(const char *path)
{
	char *copy = strdup(path), *parent, *dir, *whole = NULL;
	const char *name;

	if (!copy)
		return NULL;
	parent = split(copy, &name);
	if (parent && (!*name || !strcmp(name, ".") || !strcmp(name, ".."))) {
		whole = resolve(path);
	} else if (parent) {
		dir = resolve(parent);
		whole = dir ? join(dir, name) : NULL;
		free(dir);
	}
	free(parent);
	free(copy);
	return whole;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return true;
	return !strncmp(path, dir, len) &&
	       (path[len] == '/' || path[len] == '\0');
}

struct search {
	const char *path; /* borrowed, absolute */
	size_t best; /* the length of the nearest mount point so far */
	char *root; /* owned: that, if it is of vers3 */
};

static int look(void *ctx, const struct mntent *m)
{
	struct search *s = ctx;
	size_t len = strlen(m->mnt_dir);

	if (!is_below(s->path, m->mnt_dir) || len < s->best)
		return 0;
	s->best = len;
	free(s->root);
	s->root = NULL;
	if (strcmp(m->mnt_type, MOUNTS_TYPE) != 0)
		return 0;
	s->root = strdup(m->mnt_dir);
	return s->root ? 0 : -ENOMEM;
}

/*
 * The mount point of vers3 that an absolute path is in: of all mounts above
 * it the nearest, of those at one place the last. -ENOENT when that is
 * another file system's.
 */
static int find_root(const char *path, char **ret_root)
{
	struct search s = {.path = path};
	int rc = mounts_each(MOUNTS_TABLE, look, &s);

	if (!rc && !s.root)
		rc = -ENOENT;
	if (!rc)
		*ret_root = s.root;
	else
		free(s.root);
	return rc;
}

static int locate(const char *path, struct target *ret)
{
	char *root;
	int rc = path ? find_root(path, &root) : -ENOMEM;

	if (rc)
		return rc;
	path += strlen(root);
	while (*path == '/')
		path++;
	ret->path = strdup(path);
	if (!ret->path) {
		free(root);
		return -ENOMEM;
	}
	ret->root = root;
	ret->history[0] = '\0';
	return 0;
}

static char *absolute(const char *start, const char *path)
{
	char *here = NULL, *base = NULL, *whole = NULL;

	if (*path == '/')
		return strdup(path);
	if (!start || *start != '/')
		here = getcwd(NULL, 0);
	if (!start)
		base = here ? strdup(here) : NULL;
	else if (*start == '/')
		base = strdup(start);
	else
		base = here ? join(here, start) : NULL;
	if (base)
		whole = join(base, path);
	free(base);
	free(here);
	return whole;
}

int target_find(const char *start, const char *path, struct target *ret_target,
		char *reason, size_t size)
{
	char *whole = absolute(start, path), *real = NULL;
	int rc = whole ? 0 : -errno;

	if (!rc) {
		real = resolve_name(whole);
		rc = locate(real, ret_target);
	}
	if (rc == -ENOENT && whole) {
		free(real);
		real = resolve(whole);
		rc = locate(real, ret_target);
	}
	if (rc == -ENOENT)
		snprintf(
			reason, size,
			"%s is not in a mount of vers3; `findmnt -t " MOUNTS_TYPE
			"` lists those there are",
			real ? real : path);
	else if (rc)
		snprintf(reason, size, "%s: %s", path, strerror(-rc));
	free(real);
	free(whole);
	return rc;
}

void target_release(struct target *p)
{
	free(p->root);
	free(p->path);
	p->root = p->path = NULL;
}

const char *target_name(const struct target *p)
{
	return *p->path ? p->path : p->root;
}

void target_ask_history(struct target *p)
{
	ssize_t n = -1;

	if (p->root)
		n = lgetxattr(p->root, CONTROL_VERSIONS_XATTR, p->history,
			      sizeof(p->history) - 1);
	if (n > 0)
		p->history[n] = '\0';
	else
		strcpy(p->history, n < 0 && p->root && errno == ENODATA
					   ? NO_HISTORY
					   : HISTORY);
}

void target_leave_history(struct target *p)
{
	char *at = p->path;
	size_t len;

	if (!*p->history)
		target_ask_history(p);
	len = strlen(p->history);
	while (at && !(!strncmp(at, p->history, len) &&
		       (at[len] == '/' || at[len] == '\0'))) {
		at = strchr(at, '/');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return;
	if (at[len] == '/')
		memmove(at, at + len + 1, strlen(at + len + 1) + 1);
	else
		at[at > p->path ? -1 : 0] = '\0';
}
