/* SPDX-License-Identifier: Apache-2.0 */
/* The control file's commands, in one table. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expire_command.h"
#include "lifecycle_command.h"
#include "lifecycle_tidy.h"
#include "presign.h"
#include "replication_command.h"
#include "restore.h"
#include "vers3/control/control_state.h"
#include "vers3/core/mount.h"
#include "vers3/history/nowhere.h"
#include "vers3/history/purge.h"
#include "vers3/history/undelete.h"
#include "vers3/sync/failure.h"
#include "vers3/sync/syncer.h"
#include "vers3/upkeep/diff.h"
#include "vers3/upkeep/doctor.h"
#include "vers3/upkeep/event_log.h"
#include "vers3/upkeep/explain.h"
#include "vers3/upkeep/failback.h"
#include "vers3/upkeep/preview.h"
#include "vers3/upkeep/thaw.h"
#include "vers3/upkeep/uploads.h"
#include "vers3/upkeep/usage.h"
#include "vers3/upkeep/verify.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "command_line.h"
#include "long_command.h"

/* A command with what follows its name. */
struct call {
	struct control *control;
	char **args; /* borrowed; paths without slashes at their ends */
	size_t count;
	struct buf *answer;
	struct long_command *long_command; /* what a long one is to do */
};

static int run_help(struct call *c);

static int say(struct call *c, int rc, const char *text)
{
	int full = buf_printf(c->answer, "%s\n", text);

	return rc ? rc : full;
}

static int say_read_only(struct call *c)
{
	return say(c, -EROFS,
		   "the mount is read-only: mount it without ro for that, or "
		   "remount it rw");
}

/* The same of a name, which is quoted where it needs to be. */
static int say_of(struct call *c, int rc, const char *name, const char *text)
{
	return gitconfig_say(c->answer, rc, name, text);
}

/* A path as the namespace has it: below the root, no slash at either end. */
static const char *path_arg(char *arg)
{
	size_t len;

	while (*arg == '/')
		arg++;
	for (len = strlen(arg); len && arg[len - 1] == '/'; len--)
		arg[len - 1] = '\0';
	return strcmp(arg, ".") ? arg : "";
}

static int run_sync(struct call *c)
{
	const char *path = c->count ? path_arg(c->args[0]) : "";
	struct syncer_stats stats;
	struct failure why;
	uint64_t left = 0;
	int rc;

	if (is_nowhere(c->control->view, path))
		return say_of(c, -ENOENT, path, "there is no such path");
	rc = syncer_sync_all(c->control->syncer, path, &left);
	if (!rc)
		return say(c, 0, "everything is in the bucket");
	syncer_read_stats(c->control->syncer, &stats);
	buf_printf(c->answer, "%" PRIu64 " left to be sent: ", left);
	if (left && stats.error) {
		failure_explain(c->control->syncer, stats.error_key,
				stats.error, &why);
		gitconfig_quote(c->answer, stats.error_key);
		buf_printf(c->answer, ": %s; %s%s\n", why.words,
			   why.advice ? "to do: "
				      : "it is tried again by itself",
			   why.advice ? why.advice : "");
		return rc;
	}
	return say(c, rc, errtext(rc));
}

static int run_restore(struct call *c)
{
	const char *path = path_arg(c->args[0]);
	const struct restore what = {
		.path = path,
		.which = c->args[1],
		.to = c->count > 2 ? path_arg(c->args[2]) : path,
	};

	return restore_version(c->control, &what, c->answer);
}

static int run_undelete(struct call *c)
{
	return undelete(c->control->view, path_arg(c->args[0]), c->answer);
}

static bool take_count(const char *text, unsigned *ret)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*text) || n > UINT_MAX)
		return false;
	*ret = (unsigned)n;
	return true;
}

static int run_purge(struct call *c)
{
	struct purge_rule rule = {.path = path_arg(c->args[0])};
	bool keep = false;

	if (c->control->mount->config.versions != MOUNT_VERSIONS_PURGE)
		return say(c, -EPERM,
			   "versions are removed only where the mount has "
			   "-o versions=purge");
	for (size_t i = 1; i < c->count; i++) {
		const char *arg = c->args[i];

		if (!strncmp(arg, "older=", 6))
			rule.older = arg + 6;
		else if (!strncmp(arg, "keep=", 5) &&
			 take_count(arg + 5, &rule.keep))
			keep = true;
		else if (!strcmp(arg, "preview"))
			rule.dry_run = true;
		else
			return say_of(c, -EINVAL, arg,
				      "want older=AGE, keep=NUMBER or preview");
	}
	if (!rule.older && !keep)
		return say(c, -EINVAL, "want older=AGE, keep=NUMBER or both");
	if (is_nowhere(c->control->view, rule.path))
		return say_of(c, -ENOENT, rule.path, "there is no such path");
	return purge_by_rule(c->control->view, &rule, c->answer);
}

static int run_presign(struct call *c)
{
	return presign(c->control, path_arg(c->args[0]),
		       (const char *const *)c->args + 1, c->count - 1,
		       c->answer);
}

/* To ask changes nothing. */
static int run_expire(struct call *c)
{
	const char *value = c->count > 1 ? c->args[1] : NULL;

	if (value && !mount_takes_changes(c->control->mount))
		return say_read_only(c);
	return expire_command(c->control, path_arg(c->args[0]), value,
			      c->answer);
}

static int run_lifecycle_set(struct call *c)
{
	return lifecycle_command_set(c->control, c->args, c->count, c->answer);
}

static int run_lifecycle_remove(struct call *c)
{
	return lifecycle_command_remove(c->control, c->args, c->count,
					c->answer);
}

static int run_lifecycle_list(struct call *c)
{
	return lifecycle_command_list(c->control, c->answer);
}

static int run_lifecycle_explain(struct call *c)
{
	return lifecycle_explain(c->control->mount, path_arg(c->args[0]),
				 c->answer);
}

static int run_lifecycle_tidy(struct call *c)
{
	bool dry = c->count > 0;
	struct tidy *t = NULL;
	int rc;

	if (dry && strcmp(c->args[0], "dry-run") != 0)
		return say_of(c, -EINVAL, c->args[0],
			      "want nothing or dry-run");
	if (!dry && !mount_takes_changes(c->control->mount))
		return say_read_only(c);
	rc = tidy_new(c->control, dry, &t);
	if (rc)
		return say(c, rc, errtext(rc));
	*c->long_command =
		(struct long_command){"lifecycle tidy", tidy_run, tidy_free, t};
	return 0;
}

/* The path may be left out, as with usage; one called names is /names. */
static int run_lifecycle_preview(struct call *c)
{
	bool all = !c->count || !strncmp(c->args[0], "days=", 5) ||
		   !strcmp(c->args[0], "names");
	const char *path = all ? "" : path_arg(c->args[0]);
	char reason[CONTROL_REASON_MAX];
	struct preview *p = NULL;
	int rc = preview_new(c->control->mount, c->control->view, path,
			     c->args + !all, c->count - !all, &p, reason,
			     sizeof(reason));

	if (rc)
		return say(c, rc, reason);
	*c->long_command = (struct long_command){"lifecycle preview",
						 preview_run, preview_free, p};
	return 0;
}

/* The path may be left out where the first word is another one. */
static int run_usage(struct call *c)
{
	bool all = !c->count || usage_is_word(c->args[0]);
	const char *path = all ? "" : path_arg(c->args[0]);
	char reason[CONTROL_REASON_MAX];
	struct usage *u = NULL;
	int rc = usage_new(c->control->mount, c->control->syncer,
			   c->control->view, path, c->args + !all,
			   c->count - !all, &u, reason, sizeof(reason));

	if (rc)
		return say(c, rc, reason);
	*c->long_command =
		(struct long_command){"usage", usage_run, usage_free, u};
	return 0;
}

/* Without a path it is of all that the mount shows. */
static int run_log(struct call *c)
{
	const char *path = c->count ? path_arg(c->args[0]) : "";
	struct event_log *l = NULL;
	int rc;

	if (strlen(path) > META_KEY_MAX ||
	    mount_is_history(c->control->mount, path))
		return say_of(c, -EINVAL, path,
			      "is no path of a file or directory");
	rc = event_log_new(c->control->mount, path, &l);
	if (rc)
		return say(c, rc, errtext(rc));
	*c->long_command =
		(struct long_command){"log", event_log_run, event_log_free, l};
	return 0;
}

static int run_diff(struct call *c)
{
	const char *path = path_arg(c->args[0]);
	char reason[CONTROL_REASON_MAX];
	struct diff *d = NULL;
	int rc;

	if (strlen(path) > META_KEY_MAX ||
	    mount_is_history(c->control->mount, path))
		return say_of(c, -EINVAL, path,
			      "is no path of a file or directory");
	rc = diff_new(c->control->mount, c->control->view, path, c->args[1], &d,
		      reason, sizeof(reason));
	if (rc)
		return say(c, rc, reason);
	*c->long_command =
		(struct long_command){"diff", diff_run, diff_free, d};
	return 0;
}

static int run_doctor(struct call *c)
{
	struct doctor *d = NULL;
	int rc = doctor_new(c->control->mount, &d);

	if (rc)
		return say(c, rc, errtext(rc));
	*c->long_command =
		(struct long_command){"doctor", doctor_run, doctor_free, d};
	return 0;
}

static int run_thaw(struct call *c)
{
	char reason[CONTROL_REASON_MAX];
	struct thaw *t = NULL;
	int rc = thaw_new(c->control->mount, c->control->view,
			  path_arg(c->args[0]), c->args + 1, c->count - 1, &t,
			  reason, sizeof(reason));

	if (rc)
		return say(c, rc, reason);
	*c->long_command =
		(struct long_command){"thaw", thaw_run, thaw_free, t};
	return 0;
}

/* A path that is spelled like a word is to be written with a slash before. */
static int run_verify(struct call *c)
{
	bool all = !c->count || verify_is_word(c->args[0]);
	const char *path = all ? "" : path_arg(c->args[0]);
	char reason[CONTROL_REASON_MAX];
	struct verify *v = NULL;
	int rc = verify_new(c->control->mount, c->control->view, path,
			    c->args + !all, c->count - !all, &v, reason,
			    sizeof(reason));

	if (rc)
		return say(c, rc, reason);
	*c->long_command =
		(struct long_command){"verify", verify_run, verify_free, v};
	return 0;
}

static int run_failover(struct call *c)
{
	char reason[CONTROL_REASON_MAX];
	int rc = failover_begin(c->control->mount, reason, sizeof(reason));

	return say(c, rc, rc ? reason : "the replica stands in for the bucket");
}

static int run_failback(struct call *c)
{
	char reason[CONTROL_REASON_MAX];
	struct failback *f = NULL;
	int rc = failback_new(c->control->mount, &f, reason, sizeof(reason));

	if (rc)
		return say(c, rc, reason);
	*c->long_command = (struct long_command){"failback", failback_run,
						 failback_free, f};
	return 0;
}

/* A word that is no path is as it was: its end is no slash. */
static int begin_uploads(struct call *c, bool abort)
{
	char reason[CONTROL_REASON_MAX];
	struct uploads *u = NULL;
	const char *words[2];
	int rc;

	assert(c->count <= 2);
	/* What begins with a slash is a path, whatever comes behind it. */
	for (size_t i = 0; i < c->count; i++) {
		words[i] = path_arg(c->args[i]);
		if (*c->args[i] == '/')
			words[i] = c->args[i];
	}
	rc = uploads_new(c->control->mount, c->control->syncer,
			 c->control->view, abort, words, c->count, &u, reason,
			 sizeof(reason));
	if (rc)
		return say(c, rc, reason);
	*c->long_command =
		(struct long_command){abort ? "uploads abort" : "uploads list",
				      uploads_run, uploads_free, u};
	return 0;
}

static int run_uploads_list(struct call *c)
{
	return begin_uploads(c, false);
}

static int run_uploads_abort(struct call *c)
{
	return begin_uploads(c, true);
}

/* The path, if it comes first: what has another meaning there is none. */
static const char *path_first(struct call *c, const char *other)
{
	size_t len = strlen(other);
	bool value = other[len - 1] == '=';

	if (!c->count || (value ? !strncmp(c->args[0], other, len)
				: !strcmp(c->args[0], other)))
		return NULL;
	c->count--;
	return path_arg(*c->args++);
}

static int run_replication_check(struct call *c)
{
	const char *path = path_first(c, "quick");

	return replication_command_check(c->control, path, c->args, c->count,
					 c->answer, c->long_command);
}

static int run_replication_wait(struct call *c)
{
	const char *path = path_first(c, "timeout=");

	return replication_command_wait(c->control, "replication wait", path,
					c->args, c->count, c->answer,
					c->long_command);
}

static int run_sync_replica(struct call *c)
{
	const char *path = path_first(c, "timeout=");

	return replication_command_wait(c->control, "sync replica", path,
					c->args, c->count, c->answer,
					c->long_command);
}

/* One that takes long only reads its words, and fills in c->long_command. */
static const struct command {
	const char *name; /* one word, or two */
	const char *args; /* as the help has them */
	const char *help;
	unsigned min, max; /* how many args */
	bool changes; /* not on a read-only mount */
	const char *dry; /* the word behind the first with which it does not */
	int (*run)(struct call *c);
} commands[] = {
	{"sync replica", "[PATH] [timeout=T]",
	 "wait until the replica has every change, too", 0, 2, false, NULL,
	 run_sync_replica},
	{"sync", "[PATH]", "wait until the bucket has every change", 0, 1,
	 false, NULL, run_sync},
	{"restore", "PATH VERSION|@TIME|@previous [TO]",
	 "bring a version of a file back", 2, 3, true, NULL, run_restore},
	{"undelete", "PATH", "bring a deleted file back as it was", 1, 1, true,
	 NULL, run_undelete},
	{"purge", "PATH [older=AGE] [keep=NUMBER] [preview]",
	 "remove old versions for good", 2, 4, true, "preview", run_purge},
	{"log", "[PATH]", "what was created, changed and deleted", 0, 1, false,
	 NULL, run_log},
	{"diff", "PATH @TIME", "what is other now than it was then", 2, 2,
	 false, NULL, run_diff},
	{"presign", "PATH [expires=T] [put] [version=ID]",
	 "make a URL of a file that needs no credentials", 1, 4, false, NULL,
	 run_presign},
	{"expire", "PATH [AGE|never]",
	 "when a file expires, or what is made in a directory; set it", 1, 2,
	 false, NULL, run_expire},
	{"lifecycle list", "", "show the rules", 0, 0, false, NULL,
	 run_lifecycle_list},
	{"lifecycle set", "ID WORD...",
	 "change or add a rule: prefix=, tag=, over=, under=, expire=, "
	 "markers, noncurrent=, keep=, class=, noncurrent-class=, abort=, "
	 "status=; with dry-run show what it would change",
	 2, WORDS_MAX, true, "dry-run", run_lifecycle_set},
	{"lifecycle remove", "ID [dry-run]", "remove a rule", 1, 2, true,
	 "dry-run", run_lifecycle_remove},
	{"lifecycle explain", "PATH",
	 "what the rules do to a file and its old versions, and why not", 1, 1,
	 false, NULL, run_lifecycle_explain},
	{"lifecycle tidy", "[dry-run]",
	 "remove rules for files that expire which nobody needs", 0, 1, false,
	 NULL, run_lifecycle_tidy},
	{"lifecycle preview", "[PATH] [days=N] [names]",
	 "what the rules will do within some days, to how many bytes", 0, 3,
	 false, NULL, run_lifecycle_preview},
	{"failover", "", "have the replica stand in for the bucket", 0, 0, true,
	 NULL, run_failover},
	{"failback", "", "bring back what was written to the replica", 0, 0,
	 true, NULL, run_failback},
	{"usage", "[PATH] [if=RULE] [price=CLASS:PRICE]...",
	 "what the versions take in the bucket", 0, WORDS_MAX, false, NULL,
	 run_usage},
	{"doctor", "", "look for what is wrong, and change nothing", 0, 0,
	 false, NULL, run_doctor},
	{"verify",
	 "[PATH] [sample=1%] [against=cache|replica|both] [deep] [repair] "
	 "[threshold=0.5%] [rate=32M]",
	 "compare what is known of the objects, or the replica, with the "
	 "bucket",
	 0, WORDS_MAX, false, NULL, run_verify},
	{"uploads list", "[PATH]", "show the unfinished uploads", 0, 1, false,
	 NULL, run_uploads_list},
	{"uploads abort", "older=AGE [PATH]",
	 "abort unfinished uploads of others", 1, 2, true, NULL,
	 run_uploads_abort},
	{"thaw", "PATH [days=N] [tier=NAME] [wait]",
	 "have the server restore what is archived, to be read for some days",
	 1, 4, false, NULL, run_thaw},
	{"replication check", "[PATH] [quick]",
	 "compare the replica with the bucket, version by version", 0, 2, false,
	 NULL, run_replication_check},
	{"replication wait", "[PATH] [timeout=T]",
	 "wait until every version can be read in the other region", 0, 2,
	 false, NULL, run_replication_wait},
	{"help", "", "list the commands", 0, 0, false, NULL, run_help},
};

static int run_help(struct call *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(commands) / sizeof(*commands); i++)
		rc = buf_printf(c->answer, "%s%s%s: %s\n", commands[i].name,
				*commands[i].args ? " " : "", commands[i].args,
				commands[i].help);
	return rc;
}

/* How many words of the line are the command's name; 0: it is another. */
static size_t match(const struct command *cmd, const struct command_line *w)
{
	const char *second = strchr(cmd->name, ' ');
	size_t len = second ? (size_t)(second - cmd->name) : strlen(cmd->name);

	if (strlen(w->items[0]) != len ||
	    strncmp(w->items[0], cmd->name, len) != 0)
		return 0;
	if (!second)
		return 1;
	return w->count > 1 && !strcmp(w->items[1], second + 1) ? 2 : 0;
}

/* Of two words the second may be what is wrong, or missing. */
static int refuse_unknown(struct call *c, const char *word)
{
	size_t len = strlen(word), found = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const char *name = commands[i].name;

		if (strncmp(name, word, len) != 0 || name[len] != ' ')
			continue;
		buf_printf(c->answer, "%s%s%s%s",
			   found++ ? " | " : "usage: ", name,
			   *commands[i].args ? " " : "", commands[i].args);
	}
	if (!found)
		return say_of(c, -EINVAL, word,
			      "no such command; help lists them, and "
			      "vers3-control(5)");
	return say(c, -EINVAL, "");
}

static bool does_change(const struct command *cmd, const struct call *c)
{
	bool changes = cmd->changes;

	for (size_t i = 1; cmd->dry && i < c->count; i++)
		changes = changes && strcmp(c->args[i], cmd->dry) != 0;
	return changes;
}

static int dispatch(struct call *c, struct command_line *w)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const struct command *cmd = &commands[i];
		size_t used = match(cmd, w);

		if (!used)
			continue;
		c->args = w->items + used;
		c->count = w->count - used;
		if (c->count < cmd->min || c->count > cmd->max) {
			buf_printf(c->answer, "usage: %s %s\n", cmd->name,
				   cmd->args);
			return -EINVAL;
		}
		if (does_change(cmd, c) &&
		    !mount_takes_changes(c->control->mount))
			return say_read_only(c);
		return cmd->run(c);
	}
	return refuse_unknown(c, w->items[0]);
}

int control_command_run(struct control *control, const char *line, size_t len,
			struct buf *answer, struct long_command *command)
{
	struct call c = {
		.control = control, .answer = answer, .long_command = command};
	char reason[CONTROL_REASON_MAX] = "no memory";
	struct command_line w;
	int rc = command_line_split(line, len, &w, reason, sizeof(reason));

	if (rc)
		return say(&c, rc, reason);
	if (w.count)
		rc = dispatch(&c, &w);
	command_line_release(&w);
	return rc;
}
