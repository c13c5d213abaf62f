/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl log: what happened below a path, newest first. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "ctl.h"
#include "target.h"
#include "vers3/util/array.h"
#include "vers3/util/errtext.h"
#include "version.h"

#define DEPTH_MAX 512
#define INSTANT	  "user.s3.instant"

struct event {
	char *path; /* owned */
	char *id; /* owned */
	char time[TIME_LEN + 1];
	const char *what;
	size_t order; /* as it came: a file's versions from the oldest */
};

struct events {
	struct event *items; /* owned */
	size_t count, size;
	char path[PATH_MAX]; /* below the mount point */
	unsigned depth;
};

static int add(struct events *l, const struct version *ver, const char *what)
{
	struct event *e;

	if (array_room(l->items, l->count, l->size))
		return -ENOMEM;
	e = &l->items[l->count];
	e->path = strdup(l->path);
	e->id = strdup(ver->id);
	if (!e->path || !e->id) {
		free(e->path);
		free(e->id);
		return -ENOMEM;
	}
	strcpy(e->time, ver->time);
	e->what = what;
	e->order = l->count++;
	return 0;
}

static void release(struct events *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].path);
		free(l->items[i].id);
	}
	free(l->items);
}

static int walk(struct events *l, int parent, const char *name);

static int walk_child(struct events *l, int dir, const char *name)
{
	size_t len = strlen(l->path);
	int rc;

	if (len + 1 + strlen(name) >= sizeof(l->path))
		return -ENAMETOOLONG;
	sprintf(l->path + len, "%s%s", len ? "/" : "", name);
	rc = walk(l, dir, name);
	l->path[len] = '\0';
	return rc;
}

/* A name's own versions, oldest first, and the names below it. */
static int walk_open(struct events *l, DIR *dir)
{
	const char *before = "deleted";
	struct version ver;
	struct dirent *de;
	int rc = 0;

	while (!rc && (errno = 0, de = readdir(dir)) != NULL) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (version_parse(de->d_name, &ver)) {
			const char *what = ver.deleted ? "deleted"
					   : !strcmp(before, "deleted")
						   ? "created"
						   : "changed";

			rc = add(l, &ver, what);
			before = what;
		} else {
			rc = walk_child(l, dirfd(dir), de->d_name);
		}
	}
	return rc ? rc : -errno;
}

/* Whether a directory is the tree of a named point: no name that ever was. */
static bool is_point(int fd)
{
	char instant[64];

	return fgetxattr(fd, INSTANT, instant, sizeof(instant)) > 0;
}

static int walk(struct events *l, int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int rc;

	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (l->depth == 1 && name[0] == '@' && is_point(fd)) {
		closedir(dir);
		return 0;
	}
	rc = ++l->depth > DEPTH_MAX ? -ELOOP : walk_open(l, dir);
	l->depth--;
	closedir(dir);
	return rc;
}

static int newest_first(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	int order = strcmp(y->time, x->time);

	if (order)
		return order;
	return x->order < y->order ? 1 : -1;
}

static int print(const struct events *l, bool json)
{
	json_t *list = json ? json_array() : NULL;

	if (json && !list)
		return ctl_fail("cannot print: no memory");
	for (size_t i = 0; i < l->count; i++) {
		const struct event *e = &l->items[i];

		if (!list)
			printf("%s  %s  %s\n", e->time, e->what, e->path);
		else
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:o, s:o}", "time",
					  e->time, "what", e->what, "path",
					  ctl_json_text(e->path), "versionId",
					  ctl_json_text(e->id)));
	}
	return list ? ctl_print_json(list) : CTL_OK;
}

int ctl_log(const struct ctl_call *c)
{
	char reason[CTL_REASON_MAX], *top = NULL;
	struct events l = {.count = 0};
	struct target p;
	int rc;

	rc = target_find(c->start, c->args[0], &p, reason, sizeof(reason));
	if (rc)
		return ctl_refuse(rc, reason);
	target_leave_history(&p);
	snprintf(l.path, sizeof(l.path), "%s", p.path);
	if (asprintf(&top, "%s/%s/%s", p.root, p.history, p.path) < 0)
		rc = -ENOMEM;
	else
		rc = walk(&l, AT_FDCWD, top);
	if (rc == -ENOENT) {
		rc = ctl_misuse("%s: nothing ever was there; `vers3ctl log` of "
				"the directory above tells what was",
				p.path);
	} else if (rc) {
		rc = ctl_fail("%s: %s", *l.path ? l.path : p.root, errtext(rc));
	} else {
		array_sort(l.items, l.count, sizeof(*l.items), newest_first);
		rc = print(&l, c->json);
	}
	free(top);
	release(&l);
	target_release(&p);
	return rc;
}
