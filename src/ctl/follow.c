/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vers3ctl versions --follow: the history of a file under its earlier names
 * too. A version that a rename made says which version it was before
 * (s3.renamed_from); of that name's history, what stands up to it belongs to
 * the file. Nothing is taken twice, so names that went round in a circle come
 * to an end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "ctl.h"
#include "follow.h"
#include "target.h"
#include "vers3/net/uri.h"
#include "vers3/util/array.h"
#include "version.h"

#define RENAMED_XATTR "user.s3.renamed_from"
/* The kernel knows no user attributes of symbolic links. */
#define RENAMED_XATTR_LINK "s3.renamed_from"
#define RENAMED_MAX	   4096
#define PATH_MAX_BYTES	   1024
#define VERSION_WORD	   "?versionId="

/* One version or marker of one of the names. */
struct step {
	struct version ver;
	char *path, *name; /* owned: of the file, in .versions */
	long long size;
	unsigned depth; /* so many renames ago */
	size_t seq;
};

/* A name whose history is to be taken, up to a version. */
struct claim {
	char *path, *id; /* owned; id NULL: all of it */
	unsigned depth;
};

struct follow {
	const char *root, *history; /* borrowed */
	struct step *steps; /* owned */
	size_t count, size;
	struct claim *claims; /* owned; those below `done` were taken */
	size_t claim_count, done;
};

static void follow_release(struct follow *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->steps[i].path);
		free(f->steps[i].name);
	}
	for (size_t i = 0; i < f->claim_count; i++) {
		free(f->claims[i].path);
		free(f->claims[i].id);
	}
	free(f->steps);
	free(f->claims);
}

static int add_claim(struct follow *f, const char *path, const char *id,
		     unsigned depth)
{
	struct claim *p;

	if (array_room_for_one(f->claims, f->claim_count))
		return -ENOMEM;
	p = &f->claims[f->claim_count];
	p->path = strdup(path);
	p->id = id ? strdup(id) : NULL;
	p->depth = depth;
	f->claim_count++;
	return p->path && (p->id || !id) ? 0 : -ENOMEM;
}

/* What others wrote is believed of names in the mount only. */
static bool stays_inside(const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (!len || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len + (path[len] == '/');
	}
	return true;
}

/* PATH?versionId=ID, as the attribute has it. */
static int read_claim(struct follow *f, const char *text, unsigned depth)
{
	const char *end = strstr(text, VERSION_WORD);
	struct buf path, id;
	int rc = end ? 0 : -EINVAL;

	buf_init(&path, PATH_MAX_BYTES);
	buf_init(&id, VERSION_MAX - 1);
	if (!rc)
		rc = uri_decode(&path, text, (size_t)(end - text), false);
	if (!rc && !stays_inside(path.data))
		rc = -EINVAL;
	if (!rc) {
		end += strlen(VERSION_WORD);
		rc = uri_decode(&id, end, strlen(end), false);
	}
	if (!rc)
		rc = add_claim(f, path.data, id.data, depth + 1);
	buf_release(&id);
	buf_release(&path);
	return rc == -ENOMEM ? rc : 0; /* what nobody can read is no past */
}

static char *history_path(const struct follow *f, const char *path,
			  const char *name)
{
	char *full;

	if (asprintf(&full, "%s/%s/%s%s%s", f->root, f->history, path,
		     *name ? "/" : "", name) < 0)
		return NULL;
	return full;
}

static int add_past(struct follow *f, const struct step *s)
{
	char text[RENAMED_MAX], *full = history_path(f, s->path, s->name);
	ssize_t n;

	if (!full)
		return -ENOMEM;
	n = lgetxattr(full, RENAMED_XATTR, text, sizeof(text) - 1);
	if (n < 0)
		n = lgetxattr(full, RENAMED_XATTR_LINK, text, sizeof(text) - 1);
	free(full);
	if (n < 0)
		return 0;
	text[n] = '\0';
	return read_claim(f, text, s->depth);
}

static bool is_known(const struct follow *f, size_t before, const char *path,
		     const char *name)
{
	for (size_t i = 0; i < before; i++)
		if (!strcmp(f->steps[i].name, name) &&
		    !strcmp(f->steps[i].path, path))
			return true;
	return false;
}

static int add_step(struct follow *f, int dir, const struct claim *c,
		    const char *name, const struct version *ver)
{
	struct step *s;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (array_room(f->steps, f->count, f->size))
		return -ENOMEM;
	s = &f->steps[f->count];
	*s = (struct step){.ver = *ver,
			   .path = strdup(c->path),
			   .name = strdup(name),
			   .size = st.st_size,
			   .depth = c->depth,
			   .seq = f->count};
	f->count++;
	return s->path && s->name ? 0 : -ENOMEM;
}

/* The entries of one name; *ret_whole: the one to end with was among them. */
static int take_entries(struct follow *f, DIR *dir, const struct claim *c,
			bool *ret_whole)
{
	size_t before = f->count;
	struct version ver;
	struct dirent *de;
	bool last = false;
	int rc = 0;

	while (!rc && !last && (errno = 0, de = readdir(dir)) != NULL) {
		if (!version_parse(de->d_name, &ver))
			continue;
		last = c->id && !strcmp(ver.id, c->id);
		if (!is_known(f, before, c->path, de->d_name))
			rc = add_step(f, dirfd(dir), c, de->d_name, &ver);
	}
	*ret_whole = last || !c->id;
	return rc ? rc : last ? 0 : -errno;
}

/* What is no part of the past after all: the version is not there any more. */
static void drop_steps(struct follow *f, size_t from)
{
	while (f->count > from) {
		f->count--;
		free(f->steps[f->count].path);
		free(f->steps[f->count].name);
	}
}

static int take_name(struct follow *f, const struct claim *c)
{
	char *full = history_path(f, c->path, "");
	size_t before = f->count;
	bool whole = false;
	DIR *dir;
	int rc;

	if (!full)
		return -ENOMEM;
	dir = opendir(full);
	rc = dir ? take_entries(f, dir, c, &whole) : -errno;
	if (dir)
		closedir(dir);
	free(full);
	if (!dir && rc == -ENOENT && c->id)
		return 0;
	if (!rc && !whole)
		drop_steps(f, before);
	for (size_t i = before; !rc && i < f->count; i++)
		if (!f->steps[i].ver.deleted)
			rc = add_past(f, &f->steps[i]);
	return rc;
}

/* By time; of one second, what was under the earlier name first. */
static int compare_steps(const void *a, const void *b)
{
	const struct step *x = a, *y = b;
	int order = strcmp(x->ver.time, y->ver.time);

	if (order)
		return order;
	if (x->depth != y->depth)
		return x->depth > y->depth ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int show_step(const struct step *s, json_t *list)
{
	char size[16];
	json_t *item;

	ctl_size_text(s->size, size, sizeof(size));
	if (!list) {
		printf("%s  %10s  %s  %s\n", s->ver.time,
		       s->ver.deleted ? "deleted" : size, s->ver.id, s->path);
		return 0;
	}
	item = json_pack("{s:s, s:I, s:b, s:o, s:o, s:o}", "time", s->ver.time,
			 "size", (json_int_t)s->size, "deleted", s->ver.deleted,
			 "versionId", ctl_json_text(s->ver.id), "name",
			 ctl_json_text(s->name), "path",
			 ctl_json_text(s->path));
	return json_array_append_new(list, item) ? -ENOMEM : 0;
}

int follow_show(const struct target *p, json_t *list, unsigned *ret_count)
{
	struct follow f = {.root = p->root, .history = p->history};
	int rc = add_claim(&f, p->path, NULL, 0);

	while (!rc && f.done < f.claim_count) {
		struct claim c = f.claims[f.done++];

		rc = take_name(&f, &c);
	}
	if (!rc)
		array_sort(f.steps, f.count, sizeof(*f.steps), compare_steps);
	for (size_t i = 0; !rc && i < f.count; i++)
		rc = show_step(&f.steps[i], list);
	*ret_count = f.count > UINT32_MAX ? UINT32_MAX : (unsigned)f.count;
	follow_release(&f);
	return rc;
}
