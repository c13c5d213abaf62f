/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl diff, and restore of a directory. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "ctl.h"
#include "control_client.h"
#include "tree_diff.h"
#include "vers3/util/array.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/pool.h"
#include "version.h"

#define LINE_MAX_BYTES (1 << 16)
#define AT_ONCE	       16 /* commands, each of which a thread works on */

static const char *kind_word(char change)
{
	switch (change) {
	case COMPARE_ADDED:
		return "added";
	case COMPARE_REMOVED:
		return "removed";
	default:
		return "changed";
	}
}

static int add_size(json_t *item, const char *name,
		    const struct tree_side *side)
{
	if (!side->there || side->dir)
		return 0;
	return json_object_set_new(item, name,
				   json_integer((json_int_t)side->size_bytes));
}

static void size_of(const struct tree_side *side, char *buf, size_t size)
{
	if (!side->there)
		snprintf(buf, size, "-");
	else if (side->dir)
		snprintf(buf, size, "directory");
	else
		ctl_size_text(side->size_bytes, buf, size);
}

/* Prints a difference, or adds it to a list. */
static int show(const struct tree_item *it, json_t *list)
{
	const struct tree_side *left = it->now.there ? &it->now : &it->then;
	char then[16], now[16];
	json_t *item;

	if (!list) {
		size_of(&it->then, then, sizeof(then));
		size_of(&it->now, now, sizeof(now));
		printf("%c  %10s  %10s  %s\n", it->change, then, now, it->path);
		return 0;
	}
	item = json_pack("{s:s, s:o, s:b}", "change", kind_word(it->change),
			 "path", ctl_json_text(it->path), "directory",
			 left->dir ? 1 : 0);
	if (!item || add_size(item, "sizeThen", &it->then) ||
	    add_size(item, "sizeNow", &it->now) ||
	    json_array_append(list, item)) {
		json_decref(item);
		return -ENOMEM;
	}
	json_decref(item);
	return 0;
}

static struct tree_side side_of(const struct stat *st)
{
	struct tree_side side = {.there = st != NULL};

	side.dir = st && S_ISDIR(st->st_mode);
	side.size_bytes = st && !side.dir ? st->st_size : 0;
	return side;
}

static int show_found(void *ctx, const struct compare_item *found)
{
	char path[PATH_MAX];
	const struct tree_item it = {.change = (char)found->kind,
				     .path = path,
				     .then = side_of(found->then),
				     .now = side_of(found->now)};

	snprintf(path, sizeof(path), "%s", found->path);
	return show(&it, ctx);
}

static int show_all(const struct target *p, const char *at, json_t *list,
		    char *reason, size_t size)
{
	struct tree_diff d;
	int rc = tree_diff_ask(p, at, &d, reason, size);

	for (size_t i = 0; !rc && i < d.count; i++)
		rc = show(&d.items[i], list);
	tree_diff_release(&d);
	return rc;
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
		rc = show_all(&p, c->at, list, reason, sizeof(reason));
	/* Who may not ask the mount looks at both trees, as far as he may. */
	if (rc == -EOPNOTSUPP) {
		target_ask_history(&p);
		rc = compare_walk(&p, c->at, &ops, list, reason,
				  sizeof(reason));
	}
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
	struct tree_diff diff;
	struct tree_item **work; /* owned: what is done many at once */
	size_t work_count, work_size;
	struct pool *pool; /* owned */
	json_t *list; /* of what differed, for JSON */
	char reason[CTL_REASON_MAX];
	unsigned restored, removed, failed;
};

static void failed(struct task *t, const char *path, const char *why)
{
	ctl_fail("%s: %s", path, why);
	t->failed++;
}

/*
 * A file of then, by the mount: its version is copied by the server. Several
 * threads.
 */
static int restore_file(const struct task *t, const struct tree_item *it)
{
	char reason[CTL_REASON_MAX];
	struct buf line, answer;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&answer, TALK_ANSWER_MAX);
	rc = buf_puts(&line, "restore ");
	if (!rc)
		rc = gitconfig_quote(&line, it->path);
	if (!rc)
		rc = buf_putc(&line, ' ');
	if (!rc)
		rc = gitconfig_quote(&line, it->id);
	snprintf(reason, sizeof(reason), "no memory");
	if (!rc)
		rc = control_client_command(t->target->root, line.data, &answer,
					    reason, sizeof(reason));
	if (rc)
		ctl_fail("%s", reason);
	buf_release(&answer);
	buf_release(&line);
	return rc;
}

static int restore_one(void *ctx, unsigned i)
{
	struct task *t = ctx;

	t->work[i]->result = restore_file(t, t->work[i]);
	return 0;
}

/* What was a directory, as it was. */
static int look_one(void *ctx, unsigned i)
{
	struct task *t = ctx;
	struct tree_item *it = t->work[i];
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s/@%s/%s", t->target->root,
		     t->target->history, t->diff.instant,
		     it->path) >= (int)sizeof(path))
		it->result = -ENAMETOOLONG;
	else
		it->result = lstat(path, &it->st) ? -errno : 0;
	return 0;
}

static int add_work(struct task *t, struct tree_item *it)
{
	if (array_room(t->work, t->work_count, t->work_size))
		return -ENOMEM;
	t->work[t->work_count++] = it;
	return 0;
}

static void do_work(struct task *t, int (*fn)(void *ctx, unsigned i))
{
	pool_each(t->pool, AT_ONCE, (unsigned)t->work_count, fn, t);
}

/* The files that were gathered; each has said what was wrong with it. */
static void restore_files(struct task *t)
{
	do_work(t, restore_one);
	for (size_t i = 0; i < t->work_count; i++) {
		t->restored += !t->work[i]->result;
		t->failed += t->work[i]->result != 0;
	}
	t->work_count = 0;
}

static int copy_attributes(const char *path, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (lchown(path, st->st_uid, st->st_gid) ||
	    chmod(path, st->st_mode & 07777) ||
	    utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return 0;
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

/* The item's name in the live tree. */
static void live_path(const struct task *t, const struct tree_item *it,
		      char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", t->target->root, it->path);
}

static bool is_file(const struct tree_side *side)
{
	return side->there && !side->dir;
}

/* Whether it is to be changed: what was added only with --exact. */
static bool is_wanted(const struct task *t, const struct tree_item *it)
{
	return it->then.there || t->call->exact;
}

/*
 * What the server would not keep as a version is replaced or removed by nobody
 * who only wants to go back.
 */
static int check_versions(struct task *t)
{
	bool loses = false;

	for (size_t i = 0; i < t->diff.count; i++)
		loses = loses || (is_file(&t->diff.items[i].now) &&
				  is_wanted(t, &t->diff.items[i]));
	if (!loses || control_client_versioned(t->target->root))
		return 0;
	snprintf(t->reason, sizeof(t->reason),
		 "%s: the bucket keeps no versions: what is there now would be "
		 "lost; -n shows what that is",
		 t->target->root);
	return -EPERM;
}

/* Those above the place may be gone as well. */
static int make_parents(struct task *t)
{
	const char *path = t->target->path, *at = path;
	char parent[PATH_MAX];

	while (t->diff.count && (at = strchr(at, '/'))) {
		snprintf(parent, sizeof(parent), "%s/%.*s", t->target->root,
			 (int)(at++ - path), path);
		if (mkdir(parent, 0777) && errno != EEXIST) {
			int rc = -errno;

			snprintf(t->reason, sizeof(t->reason), "%.*s: %s",
				 CTL_REASON_MAX / 2, parent, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

static void make_dir(struct task *t, const struct tree_item *it)
{
	char path[PATH_MAX];

	live_path(t, it, path);
	if (it->now.there && unlink(path))
		failed(t, it->path, strerror(errno));
	else if (mkdir(path, it->st.st_mode & 07777) && errno != EEXIST)
		failed(t, it->path, strerror(errno));
	else
		t->restored++;
}

/* Directories that were there, from the top on. */
static int make_dirs(struct task *t)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < t->diff.count; i++)
		if (t->diff.items[i].then.dir)
			rc = add_work(t, &t->diff.items[i]);
	if (!rc)
		do_work(t, look_one);
	for (size_t i = 0; i < t->work_count; i++) {
		struct tree_item *it = t->work[i];

		if (it->result)
			failed(t, it->path, strerror(-it->result));
		else if (!it->now.dir)
			make_dir(t, it);
	}
	t->work_count = 0;
	return rc;
}

/* Files that were there, and those that were not. */
static int change_files(struct task *t)
{
	char path[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; !rc && i < t->diff.count; i++) {
		struct tree_item *it = &t->diff.items[i];

		if (is_file(&it->then) && !it->now.dir) {
			rc = add_work(t, it);
		} else if (!it->then.there && is_file(&it->now) &&
			   is_wanted(t, it)) {
			live_path(t, it, path);
			if (unlink(path))
				failed(t, it->path, strerror(errno));
			else
				t->removed++;
		}
	}
	restore_files(t);
	return rc;
}

/* What is a directory now alone, once all below it is done. */
static int leave_new(struct task *t, struct tree_item *it, const char *path)
{
	if (!t->call->exact) {
		if (it->then.there)
			failed(t, it->path,
			       "is a directory now; --exact replaces it");
		return 0;
	}
	if (rmdir(path))
		failed(t, it->path, strerror(errno));
	else if (it->then.there)
		return add_work(t, it);
	else
		t->removed++;
	return 0;
}

/*
 * Directories get the attributes that they had, or go, from below; what a
 * directory has replaced comes back in its place.
 */
static int leave_dirs(struct task *t)
{
	char path[PATH_MAX];
	int rc = 0;

	for (size_t i = t->diff.count; !rc && i-- > 0;) {
		struct tree_item *it = &t->diff.items[i];

		live_path(t, it, path);
		if (it->then.dir && !it->result &&
		    copy_attributes(path, &it->st))
			failed(t, it->path, strerror(errno));
		else if (!it->then.dir && it->now.dir)
			rc = leave_new(t, it, path);
	}
	restore_files(t);
	return rc;
}

static int restore_all(struct task *t)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < t->diff.count; i++)
		if (is_wanted(t, &t->diff.items[i]))
			rc = show(&t->diff.items[i], t->list);
	if (rc || t->call->dry_run)
		return rc;
	rc = check_versions(t);
	if (!rc)
		rc = make_parents(t);
	if (!rc)
		rc = make_dirs(t);
	if (!rc)
		rc = change_files(t);
	return rc ? rc : leave_dirs(t);
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
	struct task t = {.call = c, .target = p};
	int rc = c->dry_run ? 0 : save_first(&t);

	t.list = c->json ? json_array() : NULL;
	if (!rc) {
		rc = tree_diff_ask(p, c->at, &t.diff, t.reason,
				   sizeof(t.reason));
		if (rc == -EOPNOTSUPP)
			snprintf(t.reason, sizeof(t.reason),
				 "%s: only the user who mounted it may do "
				 "this, and of a mount of this vers3",
				 p->root);
	}
	/* What was written while it was compared is in no version yet. */
	if (!rc && !c->dry_run)
		rc = save_first(&t);
	if (!rc)
		rc = pool_new("restore", AT_ONCE, &t.pool);
	if (!rc) {
		strcpy(t.reason, "no memory");
		rc = restore_all(&t);
	}
	if (rc)
		ctl_fail("%s", t.reason);
	else
		rc = report(&t);
	json_decref(t.list);
	tree_diff_release(&t.diff);
	free(t.work);
	pool_free(t.pool);
	return rc || t.failed ? CTL_FAILED : CTL_OK;
}
