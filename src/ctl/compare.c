/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks both trees at once, names in order, and says of each what differs;
 * directories are opened by openat(2), no link is followed.
 */
#include "compare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vers3/util/control_ioctl.h"
#include "vers3/util/errtext.h"

#define DEPTH_MAX 512 /* a key of 1,024 bytes has no more names */
#define ETAG	  "user.s3.etag"
#define ETAG_MAX  256

struct compare {
	const struct compare_ops *ops;
	void *ctx;
	char *reason;
	size_t size;
	const char *root; /* borrowed: the mount point */
	char path[PATH_MAX]; /* below the mount point */
	unsigned depth;
};

static int complain(struct compare *c, int rc)
{
	if (rc && !*c->reason)
		snprintf(c->reason, c->size, "%s: %s",
			 *c->path ? c->path : c->root, errtext(rc));
	return rc;
}

/* The attribute of a name in an open directory, "" where there is none. */
static void etag_of(int dir, const char *name, char etag[ETAG_MAX])
{
	char path[PATH_MAX + 64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	n = lgetxattr(path, ETAG, etag, ETAG_MAX - 1);
	etag[n > 0 ? n : 0] = '\0';
}

static bool same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool same_target(const struct compare_item *it)
{
	char then[PATH_MAX], now[PATH_MAX];
	ssize_t a = readlinkat(it->then_dir, it->name, then, sizeof(then));
	ssize_t b = readlinkat(it->now_dir, it->name, now, sizeof(now));

	return a >= 0 && a == b && !memcmp(then, now, (size_t)a);
}

static bool is_same(const struct compare_item *it)
{
	char then[ETAG_MAX], now[ETAG_MAX];
	const struct stat *a = it->then, *b = it->now;

	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid ||
	    a->st_gid != b->st_gid || a->st_rdev != b->st_rdev)
		return false;
	if (S_ISDIR(a->st_mode))
		return true;
	if (a->st_size != b->st_size || !same_time(a, b))
		return false;
	/* Links have no attributes, and may share a time. */
	if (S_ISLNK(a->st_mode))
		return same_target(it);
	etag_of(it->then_dir, it->name, then);
	etag_of(it->now_dir, it->name, now);
	/* Equal content may have two: of one upload, and of parts. */
	return !*then || !*now || !strcmp(then, now) || strchr(then, '-') ||
	       strchr(now, '-');
}

static int filter(const struct dirent *de)
{
	/* The mount's own history, whatever it is called. */
	return strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
	       de->d_ino != CONTROL_VERSIONS_INO;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The names in a directory, or none of one that is not there. */
struct names {
	int dir; /* open; -1: not there */
	struct dirent **list; /* owned */
	int count, at;
};

static void names_release(struct names *n)
{
	for (int i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
	if (n->dir >= 0)
		close(n->dir);
}

static int names_open(struct names *n, int parent, const char *name,
		      const struct stat *st)
{
	*n = (struct names){.dir = -1};
	if (!st || !S_ISDIR(st->st_mode))
		return 0;
	n->dir = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (n->dir < 0)
		return -errno;
	n->count = scandirat(n->dir, ".", &n->list, filter, by_name);
	if (n->count < 0) {
		n->count = 0;
		return -errno;
	}
	return 0;
}

static const char *names_head(const struct names *n)
{
	return n->at < n->count ? n->list[n->at]->d_name : NULL;
}

static int walk_one(struct compare *c, int then_dir, int now_dir,
		    const char *name);

/* Merges the names of both sides. */
static int walk_names(struct compare *c, struct names *then, struct names *now)
{
	size_t len = strlen(c->path);
	int rc = 0;

	while (!rc) {
		const char *a = names_head(then), *b = names_head(now);
		int order = !a ? 1 : !b ? -1 : strcmp(a, b);
		const char *name = order <= 0 ? a : b;

		if (!name)
			break;
		if (len + 1 + strlen(name) >= sizeof(c->path))
			return -ENAMETOOLONG;
		sprintf(c->path + len, "%s%s", len ? "/" : "", name);
		rc = walk_one(c, order <= 0 ? then->dir : -1,
			      order >= 0 ? now->dir : -1, name);
		c->path[len] = '\0';
		then->at += order <= 0;
		now->at += order >= 0;
	}
	return rc;
}

static int walk_below(struct compare *c, const struct compare_item *it)
{
	struct names then = {.dir = -1}, now = {.dir = -1};
	int rc;

	if (++c->depth > DEPTH_MAX)
		return complain(c, -ELOOP);
	rc = names_open(&then, it->then_dir, it->name, it->then);
	if (!rc)
		rc = names_open(&now, it->now_dir, it->name, it->now);
	complain(c, rc);
	if (!rc)
		rc = walk_names(c, &then, &now);
	names_release(&then);
	names_release(&now);
	c->depth--;
	return rc;
}

/* Looks at a name; *ret stays NULL where it is not there. */
static int look(int dir, const char *name, struct stat *st,
		const struct stat **ret)
{
	if (dir < 0)
		return 0;
	if (!fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW)) {
		*ret = st;
		return 0;
	}
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

static int walk_one(struct compare *c, int then_dir, int now_dir,
		    const char *name)
{
	struct compare_item it = {.path = c->path,
				  .name = name,
				  .then_dir = then_dir,
				  .now_dir = now_dir};
	struct stat then, now;
	int rc = look(then_dir, name, &then, &it.then);

	if (!rc)
		rc = look(now_dir, name, &now, &it.now);
	if (rc)
		return complain(c, rc);
	if (!it.then && !it.now)
		return 0;
	it.kind = !it.then  ? COMPARE_ADDED
		  : !it.now ? COMPARE_REMOVED
			    : COMPARE_CHANGED;
	if (it.kind != COMPARE_CHANGED || !is_same(&it))
		rc = c->ops->found(c->ctx, &it);
	if (!rc && ((it.then && S_ISDIR(then.st_mode)) ||
		    (it.now && S_ISDIR(now.st_mode)))) {
		rc = walk_below(c, &it);
		if (!rc && c->ops->leave)
			rc = c->ops->leave(c->ctx, &it);
	}
	return complain(c, rc);
}

int compare_walk(const struct target *p, const char *at,
		 const struct compare_ops *ops, void *ctx, char *reason,
		 size_t size)
{
	struct compare c = {.ops = ops,
			    .ctx = ctx,
			    .reason = reason,
			    .size = size,
			    .root = p->root};
	char then_path[PATH_MAX];
	int then = -1, now = -1, rc = 0;

	*reason = '\0';
	snprintf(c.path, sizeof(c.path), "%s", p->path);
	if (snprintf(then_path, sizeof(then_path), "%s/%s/@%s", p->root,
		     p->history, at) >= (int)sizeof(then_path))
		return complain(&c, -ENAMETOOLONG);
	/* Held open, a time that is counted from now stays the same. */
	then = open(then_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (then < 0 && errno == ENOENT) {
		snprintf(reason, size,
			 "%s is no time, and no named point; want such as "
			 "2026-11-21T12:00:00Z, 2026-11-21 or 2h",
			 at);
		return -EINVAL;
	}
	now = then < 0 ? -1 : open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (now < 0)
		rc = complain(&c, -errno);
	if (!rc) {
		const char *name = *p->path ? p->path : ".";
		struct stat st;

		if (fstatat(then, name, &st, AT_SYMLINK_NOFOLLOW) &&
		    fstatat(now, name, &st, AT_SYMLINK_NOFOLLOW))
			rc = complain(&c, -errno);
		else
			rc = walk_one(&c, then, now, name);
	}
	if (now >= 0)
		close(now);
	if (then >= 0)
		close(then);
	return rc;
}
