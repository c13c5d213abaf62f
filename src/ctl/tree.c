/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl diff, and restore of a directory. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "compare.h"
#include "ctl.h"
#include "control_client.h"
#include "vers3/util/gitconfig.h"
#include "version.h"

#define VERSION_ID     "user.s3.version_id"
#define LINE_MAX_BYTES (1 << 16)

static const char *kind_word(enum compare_kind kind)
{
	switch (kind) {
	case COMPARE_ADDED:
		return "added";
	case COMPARE_REMOVED:
		return "removed";
	default:
		return "changed";
	}
}

static int add_size(json_t *item, const char *name, const struct stat *st)
{
	if (!st || S_ISDIR(st->st_mode))
		return 0;
	return json_object_set_new(item, name,
				   json_integer((json_int_t)st->st_size));
}

static void size_of(const struct stat *st, char *buf, size_t size)
{
	if (!st)
		snprintf(buf, size, "-");
	else if (S_ISDIR(st->st_mode))
		snprintf(buf, size, "directory");
	else
		ctl_size_text(st->st_size, buf, size);
}

/* Prints a difference, or adds it to a list. */
static int show(const struct compare_item *it, json_t *list)
{
	char then[16], now[16];
	json_t *item;

	if (!list) {
		size_of(it->then, then, sizeof(then));
		size_of(it->now, now, sizeof(now));
		printf("%c  %10s  %10s  %s\n", it->kind, then, now, it->path);
		return 0;
	}
	item = json_pack("{s:s, s:o, s:b}", "change", kind_word(it->kind),
			 "path", ctl_json_text(it->path), "directory",
			 S_ISDIR((it->now ? it->now : it->then)->st_mode) ? 1
									  : 0);
	if (!item || add_size(item, "sizeThen", it->then) ||
	    add_size(item, "sizeNow", it->now) ||
	    json_array_append(list, item)) {
		json_decref(item);
		return -ENOMEM;
	}
	json_decref(item);
	return 0;
}

static int show_found(void *ctx, const struct compare_item *it)
{
	return show(it, ctx);
}

int ctl_diff(const struct ctl_call *c)
{
	const struct compare_ops ops = {.found = show_found};
	json_t *list = c->json ? json_array() : NULL;
	char reason[CTL_REASON_MAX] = "no memory";
	struct target p = {.root = NULL};
	int rc;

	if (!c->at)
		return ctl_misuse("diff wants --at TIME");
	rc = target_find(c->start, c->args[0], &p, reason, sizeof(reason));
	if (!rc)
		target_ask_history(&p);
	if (!rc)
		rc = compare_walk(&p, c->at, &ops, list, reason,
				  sizeof(reason));
	target_release(&p);
	if (!rc && list)
		rc = ctl_print_json(json_incref(list));
	else if (rc)
		rc = ctl_refuse(rc, reason);
	json_decref(list);
	return rc;
}

/* The restore of a tree. */
struct task {
	const struct ctl_call *call;
	const struct target *target;
	json_t *list; /* of what differed, for JSON */
	char reason[CTL_REASON_MAX];
	unsigned restored, removed, failed;
};

static void failed(struct task *t, const char *path, const char *why)
{
	ctl_fail("%s: %s", path, why);
	t->failed++;
}

/* A file of then, by the mount: its version is copied by the server. */
static void restore_file(struct task *t, const struct compare_item *it)
{
	char id[VERSION_MAX], path[PATH_MAX], reason[CTL_REASON_MAX];
	struct buf line, answer;
	ssize_t n;
	int rc;

	n = snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", it->then_dir,
		     it->name) < (int)sizeof(path)
		    ? 0
		    : -1;
	if (!n)
		n = lgetxattr(path, VERSION_ID, id, sizeof(id) - 1);
	if (n <= 0) {
		failed(t, it->path, "its version is not known");
		return;
	}
	id[n] = '\0';
	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&answer, TALK_ANSWER_MAX);
	rc = buf_puts(&line, "restore ");
	if (!rc)
		rc = gitconfig_quote(&line, it->path);
	if (!rc)
		rc = buf_putc(&line, ' ');
	if (!rc)
		rc = gitconfig_quote(&line, id);
	snprintf(reason, sizeof(reason), "%s: no memory", it->path);
	if (!rc)
		rc = control_client_command(t->target->root, line.data, &answer,
					    reason, sizeof(reason));
	if (rc) {
		ctl_fail("%s", reason);
		t->failed++;
	} else {
		t->restored++;
	}
	buf_release(&answer);
	buf_release(&line);
}

static int copy_attributes(const char *path, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (lchown(path, st->st_uid, st->st_gid) ||
	    (!S_ISLNK(st->st_mode) && chmod(path, st->st_mode & 07777)) ||
	    utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return 0;
}

static int make_link(const struct compare_item *it, const char *path)
{
	char target[PATH_MAX];
	ssize_t n =
		readlinkat(it->then_dir, it->name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlink(target, path) ? -errno : 0;
}

/* Links and devices have no attributes that tell their version: made anew. */
static void restore_special(struct task *t, const struct compare_item *it,
			    const char *path)
{
	const struct stat *then = it->then;
	int rc = unlink(path) && errno != ENOENT ? -errno : 0;

	if (!rc && S_ISLNK(then->st_mode))
		rc = make_link(it, path);
	else if (!rc && mknod(path, then->st_mode, then->st_rdev))
		rc = -errno;
	if (!rc)
		rc = copy_attributes(path, then);
	if (rc)
		failed(t, it->path, strerror(-rc));
	else
		t->restored++;
}

/* What was no directory. */
static void restore_name(struct task *t, const struct compare_item *it,
			 const char *path)
{
	if (S_ISREG(it->then->st_mode))
		restore_file(t, it);
	else
		restore_special(t, it, path);
}

/* Has the mount send what it holds, so that nothing of it is lost. */
static int save_first(struct task *t)
{
	struct buf line, answer;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&answer, TALK_ANSWER_MAX);
	rc = buf_puts(&line, "sync ");
	if (!rc)
		rc = gitconfig_quote(&line, t->target->path);
	if (!rc)
		rc = control_client_command(t->target->root, line.data, &answer,
					    t->reason, sizeof(t->reason));
	buf_release(&answer);
	buf_release(&line);
	return rc;
}

static bool is_dir(const struct stat *st)
{
	return st && S_ISDIR(st->st_mode);
}

static void make_dir(struct task *t, const struct compare_item *it,
		     const char *path)
{
	if (it->now && unlink(path))
		failed(t, it->path, strerror(errno));
	else if (mkdir(path, it->then->st_mode & 07777) && errno != EEXIST)
		failed(t, it->path, strerror(errno));
	else
		t->restored++;
}

/* The item's name in the live tree. */
static void live_path(const struct task *t, const struct compare_item *it,
		      char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", t->target->root, it->path);
}

static int restore_found(void *ctx, const struct compare_item *it)
{
	struct task *t = ctx;
	char path[PATH_MAX];
	int rc;

	if (it->kind == COMPARE_ADDED && !t->call->exact)
		return 0;
	rc = show(it, t->list);
	if (rc || t->call->dry_run)
		return rc;
	live_path(t, it, path);
	if (is_dir(it->then) && !is_dir(it->now))
		make_dir(t, it, path);
	else if (is_dir(it->then) || is_dir(it->now))
		return 0; /* when all below is done */
	else if (it->then)
		restore_name(t, it, path);
	else if (unlink(path))
		failed(t, it->path, strerror(errno));
	else
		t->removed++;
	return 0;
}

/* A directory of then gets its attributes, one of now alone goes. */
static int restore_leave(void *ctx, const struct compare_item *it)
{
	struct task *t = ctx;
	const struct stat *then = it->then, *now = it->now;
	char path[PATH_MAX];

	if (t->call->dry_run)
		return 0;
	live_path(t, it, path);
	if (is_dir(then)) {
		if (is_dir(now) && now->st_mode == then->st_mode &&
		    now->st_uid == then->st_uid && now->st_gid == then->st_gid)
			return 0;
		if (copy_attributes(path, then))
			failed(t, it->path, strerror(errno));
		return 0;
	}
	if (!t->call->exact) {
		if (then)
			failed(t, it->path,
			       "is a directory now; --exact replaces it");
		return 0;
	}
	if (rmdir(path))
		failed(t, it->path, strerror(errno));
	else if (then)
		restore_name(t, it, path);
	else
		t->removed++;
	return 0;
}

bool ctl_was_directory(const struct target *p, const char *at)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s/@%s/%s", p->root, p->history,
		     at, p->path) >= (int)sizeof(path))
		return false;
	return !lstat(path, &st) && S_ISDIR(st.st_mode);
}

static int report(struct task *t)
{
	if (t->list)
		return ctl_print_json(
			json_pack("{s:O, s:i, s:i, s:i}", "changes", t->list,
				  "restored", (int)t->restored, "removed",
				  (int)t->removed, "failed", (int)t->failed));
	if (!t->call->dry_run)
		printf("%u restored, %u removed, %u failed\n", t->restored,
		       t->removed, t->failed);
	return CTL_OK;
}

int ctl_restore_tree(const struct ctl_call *c, const struct target *p)
{
	const struct compare_ops ops = {restore_found, restore_leave};
	struct task t = {.call = c, .target = p};
	int rc = c->dry_run ? 0 : save_first(&t);

	t.list = c->json ? json_array() : NULL;
	if (!rc)
		rc = compare_walk(p, c->at, &ops, &t, t.reason,
				  sizeof(t.reason));
	if (rc)
		ctl_fail("%s", t.reason);
	else
		rc = report(&t);
	json_decref(t.list);
	return rc || t.failed ? CTL_FAILED : CTL_OK;
}
