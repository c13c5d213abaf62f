/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vers3ctl log: what happened below a path, newest first. The mount tells it
 * from flat lists; who may not ask it goes through .versions, where the modes
 * of directories count.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "answer_line.h"
#include "ctl.h"
#include "errand.h"
#include "vers3/util/array.h"
#include "vers3/util/errtext.h"
#include "version.h"

#define DEPTH_MAX 512
#define INSTANT	  "user.s3.instant"
#define TIME_MAX  24 /* of 2026-11-21T23:50:08.123Z */

struct event {
	char *path; /* owned */
	char *id; /* owned */
	char time[TIME_MAX + 1]; /* with milliseconds, if they are known */
	const char *what;
	size_t order; /* the higher, the newer, in what has one time */
};

struct events {
	struct event *items; /* owned */
	size_t count, size;
	char path[PATH_MAX]; /* below the mount point */
	unsigned depth;
};

static int add(struct events *l, const char *time, const char *what,
	       const char *id, const char *path)
{
	struct event *e;

	if (strlen(time) > TIME_MAX)
		return -EIO;
	if (array_room(l->items, l->count, l->size))
		return -ENOMEM;
	e = &l->items[l->count];
	e->path = strdup(path);
	e->id = strdup(id);
	if (!e->path || !e->id) {
		free(e->path);
		free(e->id);
		return -ENOMEM;
	}
	strcpy(e->time, time);
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

			rc = add(l, ver.time, what, ver.id, l->path);
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

		char time[TIME_LEN + 1];

		snprintf(time, sizeof(time), "%.*sZ", TIME_LEN - 1, e->time);
		if (!list)
			printf("%s  %s  %s\n", time, e->what, e->path);
		else
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:o, s:o}", "time", time,
					  "what", e->what, "path",
					  ctl_json_text(e->path), "versionId",
					  ctl_json_text(e->id)));
	}
	return list ? ctl_print_json(list) : CTL_OK;
}

/* "TIME WHAT ID PATH" */
static int take_item(struct events *l, char *text)
{
	static const char *const whats[] = {"created", "changed", "deleted"};
	char *words[4];
	int rc = answer_line_split(text, words, 4);

	for (size_t i = 0; !rc && i < 3; i++)
		if (!strcmp(words[1], whats[i]))
			return add(l, words[0], whats[i], words[2], words[3]);
	return rc ? rc : -EIO;
}

static int take_line(void *ctx, const char *line)
{
	char *text = NULL;
	int rc = answer_line_value(line, "items", &text);

	if (!rc && text)
		rc = take_item(ctx, text);
	free(text);
	return rc;
}

/* Has the mount tell. It tells the newest first, and we count from the old. */
static int ask(struct events *l, struct errand *e, bool *ret_walk)
{
	bool refused = false;
	int rc;

	*ret_walk = !control_client_may(e->target.root);
	if (*ret_walk)
		return 0;
	rc = control_client_stream(e->target.root, e->line.data, take_line, l,
				   e->reason, sizeof(e->reason), &refused);
	*ret_walk = rc && refused && control_client_lacks(e->reason);
	for (size_t i = 0; i < l->count; i++)
		l->items[i].order = l->count - i;
	return *ret_walk ? 0 : rc;
}

static int walk_target(struct events *l, struct errand *e)
{
	const struct target *p = &e->target;
	char *top = NULL;
	int rc;

	snprintf(l->path, sizeof(l->path), "%s", p->path);
	if (asprintf(&top, "%s/%s/%s", p->root, p->history, p->path) < 0)
		return -ENOMEM;
	rc = walk(l, AT_FDCWD, top);
	if (rc)
		snprintf(e->reason, sizeof(e->reason), "%.*s: %s",
			 CTL_REASON_MAX / 2, *l->path ? l->path : p->root,
			 errtext(rc));
	free(top);
	return rc;
}

/* log "PATH" */
int ctl_log(const struct ctl_call *c)
{
	struct events l = {.count = 0};
	bool go = false;
	struct errand e;
	int rc;

	errand_begin(&e, c, c->args[0], "log");
	if (!e.status)
		target_leave_history(&e.target);
	errand_path(&e);
	rc = e.status ? 0 : ask(&l, &e, &go);
	if (go)
		rc = walk_target(&l, &e);
	if (rc == -ENOENT)
		e.status = ctl_misuse("%s: nothing ever was there; `vers3ctl "
				      "log` of the directory above tells what "
				      "was",
				      e.target.path);
	else if (rc)
		e.status = ctl_fail("%s", e.reason);
	if (!e.status) {
		array_sort(l.items, l.count, sizeof(*l.items), newest_first);
		e.status = print(&l, c->json);
	}
	rc = e.status;
	release(&l);
	errand_end(&e);
	return rc;
}
