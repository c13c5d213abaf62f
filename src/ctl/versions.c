/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl versions and restore: the history of one file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl.h"
#include "follow.h"
#include "target.h"
#include "control_client.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "version.h"

#define LINE_MAX_BYTES (1 << 16)

static int show_version(int dir, const char *name, const struct version *ver,
			json_t *list)
{
	struct stat st;
	char size[16];
	json_t *item;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	ctl_size_text(st.st_size, size, sizeof(size));
	if (!list) {
		printf("%s  %10s  %s\n", ver->time,
		       ver->deleted ? "deleted" : size, ver->id);
		return 0;
	}
	item = json_pack("{s:s, s:I, s:b, s:o, s:o}", "time", ver->time, "size",
			 (json_int_t)st.st_size, "deleted", ver->deleted,
			 "versionId", ctl_json_text(ver->id), "name",
			 ctl_json_text(name));
	return json_array_append_new(list, item) ? -ENOMEM : 0;
}

/* Each version in the order of the directory, which is that of time. */
static int show_all(DIR *dir, json_t *list, unsigned *ret_count)
{
	struct version ver;
	struct dirent *de;
	int rc = 0;

	*ret_count = 0;
	while (!rc && (errno = 0, de = readdir(dir)) != NULL) {
		if (!version_parse(de->d_name, &ver))
			continue;
		rc = show_version(dirfd(dir), de->d_name, &ver, list);
		++*ret_count;
	}
	return rc ? rc : -errno;
}

static DIR *open_history(const struct target *p)
{
	char *path;
	DIR *dir;

	if (asprintf(&path, "%s/%s/%s", p->root, p->history, p->path) < 0)
		return NULL;
	dir = opendir(path);
	free(path);
	return dir;
}

static int show_history(const struct target *p, json_t *list,
			unsigned *ret_count)
{
	DIR *dir = open_history(p);
	int rc = dir ? show_all(dir, list, ret_count) : -errno;

	if (dir)
		closedir(dir);
	return rc;
}

/* Says why there is no version. */
static int none(const struct target *p)
{
	DIR *dir = open_history(p);
	char *path = NULL;
	struct stat st = {.st_mode = 0};

	/* A file's history is a directory, too, but never empty. */
	if (dir) {
		closedir(dir);
		return ctl_fail("%s is a directory: `vers3ctl log` of it tells "
				"what happened there, `vers3ctl diff --at "
				"TIME` what is other now",
				target_name(p));
	}
	if (asprintf(&path, "%s/%s", p->root, p->path) >= 0)
		lstat(path, &st);
	free(path);
	if (!control_client_versioned(p->root))
		return ctl_fail("%s: the bucket keeps no versions (mount with "
				"-o enable_versioning to have them from then "
				"on)",
				target_name(p));
	if (st.st_mode)
		return ctl_fail("%s is not in the bucket yet; `vers3ctl sync` "
				"has it sent",
				target_name(p));
	return ctl_misuse("%s: the bucket has no version of such a file; "
			  "`vers3ctl log` of its directory tells what was "
			  "there",
			  p->path);
}

int ctl_versions(const struct ctl_call *c)
{
	json_t *list = c->json ? json_array() : NULL;
	char reason[CTL_REASON_MAX];
	unsigned count = 0;
	struct target p;
	int rc;

	rc = target_find(c->start, c->args[0], &p, reason, sizeof(reason));
	if (rc) {
		json_decref(list);
		return ctl_refuse(rc, reason);
	}
	target_leave_history(&p);
	rc = c->follow ? follow_show(&p, list, &count)
		       : show_history(&p, list, &count);
	if (!rc && !count)
		rc = -ENOENT;
	if (rc == -ENOENT)
		rc = none(&p);
	else if (rc)
		rc = ctl_fail("%s: %s", target_name(&p), errtext(rc));
	else if (list)
		rc = ctl_print_json(json_incref(list));
	json_decref(list);
	target_release(&p);
	return rc;
}

/*
 * Which version is meant, as the control file's restore takes it: from the
 * options, or from a path that is a version's own.
 */
static int choose(const struct ctl_call *c, struct target *p, struct buf *which)
{
	const char *text = c->version, *last;
	struct version ver;

	if (c->at)
		return buf_printf(which, "@%s", c->at);
	if (text && version_parse(text, &ver))
		return buf_puts(which, ver.id);
	if (text)
		return version_decode_id(text, strlen(text), ver.id)
			       ? buf_puts(which, text)
			       : buf_puts(which, ver.id);
	last = c->key ? NULL : strrchr(p->path, '/');
	if (last && version_parse(last + 1, &ver)) {
		p->path[last - p->path] = '\0';
		return buf_puts(which, ver.id);
	}
	/* What has no name here has none to look at its history by. */
	return buf_puts(which, c->key ? "@0s" : "@previous");
}

/* restore "PATH" "WHICH" "TO" */
static int make_line(const char *path, const char *which, const char *to,
		     struct buf *line)
{
	int rc = buf_puts(line, "restore ");

	if (!rc)
		rc = gitconfig_quote(line, path);
	if (!rc)
		rc = buf_putc(line, ' ');
	if (!rc)
		rc = gitconfig_quote(line, which);
	if (!rc)
		rc = buf_putc(line, ' ');
	return rc ? rc : gitconfig_quote(line, to);
}

/* Has the mount carry a line out and prints its answer. */
static int do_line(const struct ctl_call *c, const char *root, const char *line,
		   char *reason, size_t size)
{
	struct buf answer;
	int rc;

	buf_init(&answer, TALK_ANSWER_MAX);
	rc = control_client_command(root, line, &answer, reason, size);
	if (!rc && c->json)
		rc = ctl_print_json(
			json_pack("{s:o}", "answer", ctl_json_text(reason)));
	else if (!rc)
		fputs(answer.data, stdout);
	buf_release(&answer);
	return rc;
}

static int do_restore(const struct ctl_call *c, struct target *from,
		      const struct target *to, char *reason, size_t size)
{
	struct buf line, which;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&which, LINE_MAX_BYTES);
	rc = choose(c, from, &which);
	if (!rc)
		rc = make_line(from->path, which.data,
			       to->path ? to->path : from->path, &line);
	if (!rc)
		rc = do_line(c, from->root, line.data, reason, size);
	buf_release(&which);
	buf_release(&line);
	return rc;
}

/* Of a key that may be no path: nothing is made of its slashes and dots. */
static int restore_key(const struct ctl_call *c)
{
	struct target from = {.root = NULL}, to = {.root = NULL};
	char reason[CTL_REASON_MAX] = "no memory";
	int rc = target_find(c->start, c->to, &to, reason, sizeof(reason));

	if (!rc) {
		from.root = strdup(to.root);
		from.path = strdup(c->key);
		rc = from.root && from.path ? 0 : -ENOMEM;
	}
	if (!rc)
		rc = do_restore(c, &from, &to, reason, sizeof(reason));
	target_release(&from);
	target_release(&to);
	return rc ? ctl_refuse(rc, reason) : CTL_OK;
}

int ctl_restore(const struct ctl_call *c)
{
	struct target from = {.root = NULL}, to = {.root = NULL};
	char reason[CTL_REASON_MAX] = "no memory";
	int rc;

	if (c->version && c->at)
		return ctl_misuse("--version and --at exclude each other");
	if (!c->count == !c->key)
		return ctl_misuse("restore wants a PATH, or --key KEY and "
				  "--to PATH");
	if (c->key && (!c->to || c->exact || c->dry_run))
		return ctl_misuse("--key wants --to, and no --exact or -n");
	if (c->key)
		return restore_key(c);
	rc = target_find(c->start, c->args[0], &from, reason, sizeof(reason));
	if (!rc && c->to)
		rc = target_find(c->start, c->to, &to, reason, sizeof(reason));
	if (!rc && c->to && strcmp(from.root, to.root) != 0) {
		snprintf(reason, sizeof(reason),
			 "%s is in another mount; use cp", c->to);
		rc = -EXDEV;
	}
	if (!rc)
		target_leave_history(&from);
	if (!rc && c->at && ctl_was_directory(&from, c->at)) {
		rc = c->to ? ctl_misuse("of a directory, --to is not taken; "
					"use cp -a")
			   : ctl_restore_tree(c, &from);
	} else if (!rc && (c->exact || c->dry_run)) {
		rc = ctl_misuse("--exact and -n want a directory, and --at");
	} else {
		if (!rc)
			rc = do_restore(c, &from, &to, reason, sizeof(reason));
		rc = rc ? ctl_refuse(rc, reason) : CTL_OK;
	}
	target_release(&from);
	target_release(&to);
	return rc;
}

int ctl_undelete(const struct ctl_call *c)
{
	char reason[CTL_REASON_MAX] = "no memory";
	struct target p = {.root = NULL};
	struct buf line;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	rc = target_find(c->start, c->args[0], &p, reason, sizeof(reason));
	if (!rc) {
		target_leave_history(&p);
		rc = buf_puts(&line, "undelete ");
	}
	if (!rc)
		rc = gitconfig_quote(&line, p.path);
	if (!rc)
		rc = do_line(c, p.root, line.data, reason, sizeof(reason));
	buf_release(&line);
	target_release(&p);
	return rc ? ctl_refuse(rc, reason) : CTL_OK;
}
