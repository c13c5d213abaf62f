/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path's resolution done by hand, name after name and link after link, with
 * the owner and mode of each step looked at.
 */
#include "vers3/util/safepath.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel */

struct path_walk {
	char real[PATH_MAX]; /* the part that is known; "" is the root */
	char rest[PATH_MAX]; /* what follows */
	unsigned links;
	char *reason;
	size_t reason_size;
};

int safepath_is_shared(const struct stat *st)
{
	/* A group of one's own, as root's, is no other user. */
	bool own_group = st->st_gid == getegid() && getegid() == geteuid();

	return (st->st_mode & S_IWOTH) ||
	       ((st->st_mode & S_IWGRP) && !own_group);
}

static int refuse(struct path_walk *w, int rc, const char *what)
{
	snprintf(w->reason, w->reason_size, "%s %s", *w->real ? w->real : "/",
		 what);
	return rc;
}

/* Who may change what stands at w->real, a directory or a link. */
static int check(struct path_walk *w, const struct stat *st)
{
	char what[96];

	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		snprintf(what, sizeof(what),
			 "belongs to uid %lu, who could lead it elsewhere",
			 (unsigned long)st->st_uid);
		return refuse(w, -EPERM, what);
	}
	if (S_ISDIR(st->st_mode) && !(st->st_mode & S_ISVTX) &&
	    safepath_is_shared(st))
		return refuse(w, -EPERM,
			      "can be written by others, who could lead it "
			      "elsewhere");
	return 0;
}

/* The kernel's own links lead to what this process has open already. */
static bool in_proc(const char *real)
{
	struct statfs fs;
	char dir[PATH_MAX];

	strcpy(dir, real);
	*strrchr(dir, '/') = '\0';
	return *dir && !statfs(dir, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* Puts the target of the link at w->real before what is left. */
static int follow(struct path_walk *w)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(w->real, target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return refuse(w, -errno, strerror(errno));
	target[n] = '\0';
	if (++w->links > LINKS_MAX)
		return refuse(w, -ELOOP, strerror(ELOOP));
	strcpy(rest, w->rest);
	len = snprintf(w->rest, sizeof(w->rest), "%s/%s", target, rest);
	if (len < 0 || (size_t)len >= sizeof(w->rest))
		return refuse(w, -ENAMETOOLONG, strerror(ENAMETOOLONG));
	*strrchr(w->real, '/') = '\0';
	if (*target == '/')
		w->real[0] = '\0';
	return 0;
}

/* Cuts the next name off w->rest and puts it behind w->real. 0: none. */
static int next(struct path_walk *w)
{
	size_t skip = strspn(w->rest, "/"), len, have = strlen(w->real);
	char *slash;

	memmove(w->rest, w->rest + skip, strlen(w->rest + skip) + 1);
	len = strcspn(w->rest, "/");
	if (!len)
		return 0;
	if (len == 2 && !strncmp(w->rest, "..", 2)) {
		slash = strrchr(w->real, '/');
		if (slash)
			*slash = '\0';
	} else if (len != 1 || *w->rest != '.') {
		if (have + 1 + len >= sizeof(w->real))
			return refuse(w, -ENAMETOOLONG, strerror(ENAMETOOLONG));
		w->real[have] = '/';
		memcpy(w->real + have + 1, w->rest, len);
		w->real[have + 1 + len] = '\0';
	}
	memmove(w->rest, w->rest + len, strlen(w->rest + len) + 1);
	return 1;
}

static bool is_last(const struct path_walk *w)
{
	return !w->rest[strspn(w->rest, "/")];
}

static int walk(struct path_walk *w)
{
	struct stat st;
	int rc;

	for (;;) {
		if (lstat(*w->real ? w->real : "/", &st)) {
			/* What is not there yet is made, or fails later. */
			if (errno != ENOENT)
				return refuse(w, -errno, strerror(errno));
		} else if (S_ISLNK(st.st_mode)) {
			rc = in_proc(w->real) ? 1 : check(w, &st);
			if (!rc)
				rc = follow(w);
			if (rc)
				return rc < 0 ? rc : 0;
			continue;
		} else if (!is_last(w)) {
			if (!S_ISDIR(st.st_mode))
				return refuse(w, -ENOTDIR,
					      "is not a directory");
			rc = check(w, &st);
			if (rc)
				return rc;
		}
		rc = next(w);
		if (rc <= 0)
			return rc;
	}
}

int safepath_resolve(const char *path, char *reason, size_t size,
		     char **ret_real)
{
	struct path_walk *w = calloc(1, sizeof(*w));
	char here[PATH_MAX] = "";
	int rc = -ENOMEM, len;

	snprintf(reason, size, "no memory");
	if (!w)
		return rc;
	w->reason = reason;
	w->reason_size = size;
	if (*path != '/' && !getcwd(here, sizeof(here))) {
		rc = refuse(w, -errno, strerror(errno));
		goto out;
	}
	len = snprintf(w->rest, sizeof(w->rest), "%s/%s", here, path);
	if (len < 0 || (size_t)len >= sizeof(w->rest)) {
		rc = refuse(w, -ENAMETOOLONG, strerror(ENAMETOOLONG));
		goto out;
	}
	rc = walk(w);
	if (rc)
		goto out;
	*ret_real = strdup(*w->real ? w->real : "/");
	if (!*ret_real)
		rc = -ENOMEM;
out:
	free(w);
	return rc;
}
