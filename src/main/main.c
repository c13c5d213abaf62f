/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vers3: mounts a versioned bucket. Also runs as mount.vers3, by whose name
 * options.c knows mount(8)'s order of arguments.
 *
 *	options → (fork) → store → probe → cache directory → vfs
 *		→ session → serve → unmount → drain → close
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

#include "vers3/fs/fs.h"
#include "vers3/fs/signals.h"
#include "vers3/main/daemon.h"
#include "vers3/main/deadmount.h"
#include "vers3/main/options.h"
#include "vers3/main/remount.h"
#include "vers3/main/stack.h"
#include "vers3/util/log.h"
#include "vers3/util/safepath.h"
#include "vers3/util/utab.h"

#define REASON_MAX 1024

struct program {
	struct options o;
	struct daemon *daemon; /* NULL in the foreground */
	struct signals *signals;
	struct stack *stack;
	struct fs *fs;
};

/*
 * Says something to whoever mounts, who sits at stderr until the mount is
 * usable, and to the log.
 */
static void tell(enum log_level level, const char *text)
{
	if (!log_is_stderr())
		fprintf(stderr, "vers3: %s%s\n",
			level == LOG_LEVEL_WARNING ? "warning: " : "", text);
	log_at(level, "%s", text);
}

/*
 * Buffers come and go by the hundred: a few arenas, and large blocks that go
 * back to the system when they are freed, keep the process small. Those of
 * 1 MiB, the block cache's, are kept for a while: to have each page of theirs
 * taken back and zeroed anew would be a third of all that a cold read costs.
 */
static void tune_process(void)
{
	const struct rlimit no_core = {0, 0};
	struct rlimit files;

	mallopt(M_ARENA_MAX, 4);
	mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/*
	 * What was in memory, keys among it, does not come to lie in a file
	 * or with a crash reporter. Root can look all the same.
	 */
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGPIPE, SIG_IGN);
	/* Whatever it was: what is made here is nobody else's to write. */
	umask(027);
}

static int open_log(struct program *p, char *reason, size_t size)
{
	const struct options *o = &p->o;
	const char *target = o->log;
	char why[REASON_MAX / 2], *file = NULL;
	int rc = 0;

	if (!target)
		target = o->foreground ? "stderr" : "syslog";
	if (strcmp(target, "stderr") && strcmp(target, "journal") &&
	    strcmp(target, "syslog"))
		rc = safepath_resolve(target, why, sizeof(why), &file);
	if (!rc) {
		rc = log_open(file ? file : target,
			      o->log_format == OPTIONS_LOG_JSON);
		snprintf(why, sizeof(why), "%s",
			 rc == -EPERM ? "it belongs to another user, or has "
					"another name, too"
				      : strerror(-rc));
	}
	free(file);
	if (rc) {
		snprintf(reason, size,
			 "cannot write to log=%s: %s%s; name another file, or "
			 "log=syslog",
			 target, why,
			 rc == -ENOENT ? " (its directory has to be there)"
				       : "");
		return rc;
	}
	log_set_level(o->log_level);
	return 0;
}

/* What mount(2) would refuse less clearly. */
static int check_mountpoint(const char *path, char *reason, size_t size)
{
	struct stat st;
	int rc = 0;

	if (stat(path, &st))
		rc = -errno;
	else if (!S_ISDIR(st.st_mode))
		rc = -ENOTDIR;
	if (deadmount_is_dead(path))
		rc = -ENOTCONN;
	if (rc == -ENOTCONN)
		snprintf(reason, size,
			 "mount point %s: a dead mount of something else is "
			 "still there; umount it first",
			 path);
	else if (rc == -ENOTDIR)
		snprintf(reason, size,
			 "mount point %s is not a directory; name one that is",
			 path);
	else if (rc)
		snprintf(reason, size, "mount point %s: %s", path,
			 strerror(-rc));
	return rc;
}

/* Whoever put something there thought that a mount was there, or is. */
static void warn_of_files(const char *path)
{
	char text[PATH_MAX + NAME_MAX + 128];
	DIR *dir = opendir(path);
	struct dirent *de = NULL;

	while (dir && (de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0)
			break;
	if (de) {
		snprintf(text, sizeof(text),
			 "%s is not empty: what is in it, %s for one, is "
			 "hidden by this mount, and there again after it",
			 path, de->d_name);
		tell(LOG_LEVEL_WARNING, text);
	}
	if (dir)
		closedir(dir);
}

static void take_ready(void *ctx)
{
	struct program *p = ctx;

	log_info("%s is mounted on %s", p->o.source, p->o.mountpoint);
	if (p->daemon && !log_leave_stderr())
		fprintf(stderr, "vers3: warning: the log ends here, as there "
				"is no syslog (/dev/log); -o log=FILE keeps "
				"it\n");
	daemon_ready(p->daemon);
}

static void take_hangup(void *ctx)
{
	struct program *p = ctx;

	stack_reload(p->stack);
}

/*
 * Signals after the mount has ended. A service manager sends SIGTERM to what
 * is left after an unmount: what is dirty is sent all the same. SIGINT is a
 * person's who does not want to wait; the next mount sends the rest.
 */
static bool take_while_draining(void *ctx, int sig)
{
	(void)ctx;
	if (sig == SIGINT) {
		log_warning("ended before all was sent; the next mount will "
			    "send it");
		_exit(0);
	}
	log_info("still sending what is left");
	return false;
}

/*
 * Clears away what a daemon that died has left on the mount point. The lock of
 * its cache directory is ours, so it does not live on without its mount.
 */
static int clear_mountpoint(const struct options *o, char *reason, size_t size)
{
	int rc = deadmount_clear(o->mountpoint, o->source);

	if (rc && rc != -ENOTCONN) {
		snprintf(reason, size,
			 "mount point %s: a dead mount cannot be removed: %s",
			 o->mountpoint, strerror(-rc));
		return rc;
	}
	if (!rc)
		log_info("a mount whose daemon had died was removed from %s",
			 o->mountpoint);
	return check_mountpoint(o->mountpoint, reason, size);
}

static int start(struct program *p, char *reason, size_t size)
{
	const struct options *o = &p->o;
	const struct fs_config config = {
		.source = o->source,
		.mountpoint = o->mountpoint,
		.options = o->fuse_options,
		.ttl_ns = o->ttl_ns,
		.on_ready = take_ready,
		.ctx = p,
	};
	struct mount_notify notify;
	struct vfs *v;
	bool dead;
	int rc;

	rc = check_mountpoint(o->mountpoint, reason, size);
	if (!rc && deadmount_is_ours(o->mountpoint, o->source)) {
		snprintf(reason, size,
			 "%s is mounted on %s already; umount it first if it "
			 "is to have other options",
			 o->source, o->mountpoint);
		rc = -EBUSY;
	}
	dead = rc == -ENOTCONN && deadmount_is_ours(o->mountpoint, o->source);
	if (!rc || dead)
		rc = stack_new(o, reason, size, &p->stack);
	if (!rc)
		rc = stack_probe(p->stack, reason, size);
	if (!rc)
		rc = stack_open(p->stack, reason, size);
	if (!rc && dead)
		rc = clear_mountpoint(o, reason, size);
	if (rc)
		return rc;
	if (stack_warning(p->stack))
		tell(LOG_LEVEL_WARNING, stack_warning(p->stack));
	warn_of_files(o->mountpoint);
	v = stack_vfs(p->stack);
	rc = fs_new(&config, v, reason, size, &p->fs);
	if (rc)
		return rc;
	fs_notify_hooks(p->fs, &notify);
	vfs_set_notify(v, &notify);
	signals_on_hangup(p->signals, take_hangup, p);
	rc = fs_mount(p->fs, reason, size);
	if (!rc)
		utab_add(o->source, o->mountpoint);
	return rc;
}

/*
 * After the loop: out of the tree, then everything to the bucket. 0, or the
 * error by which it is not known whether everything is there.
 */
static int finish(struct program *p)
{
	int left;

	signals_on_hangup(p->signals, NULL, NULL);
	signals_attach(p->signals, take_while_draining, NULL);
	stack_set_ending(p->stack);
	fs_unmount(p->fs);
	utab_clear(p->o.mountpoint);
	left = stack_drain(p->stack);
	if (left > 0)
		log_warning("%d keys could not be sent and wait in %s: mount "
			    "%s again, which sends them",
			    left, stack_cache_path(p->stack), p->o.source);
	else if (left < 0)
		log_error("draining: %s; what is left waits for the next mount",
			  strerror(-left));
	else
		log_info("%s: everything is in the bucket", p->o.source);
	return left < 0 ? left : 0;
}

static int run(struct program *p)
{
	char reason[REASON_MAX] = "";
	int rc, left;

	rc = open_log(p, reason, sizeof(reason));
	if (!rc) {
		rc = signals_new(&p->signals);
		if (rc)
			snprintf(reason, sizeof(reason), "signals: %s",
				 strerror(-rc));
	}
	if (!rc)
		rc = start(p, reason, sizeof(reason));
	if (rc) {
		tell(LOG_LEVEL_ERROR, reason);
		goto out;
	}
	rc = fs_run(p->fs, p->signals);
	if (rc) {
		snprintf(reason, sizeof(reason), "the FUSE session failed: %s",
			 strerror(-rc));
		tell(LOG_LEVEL_ERROR, reason);
	}
	left = finish(p);
	rc = rc ? rc : left;
out:
	/* The vfs calls the hooks of the session until it is freed. */
	stack_free(p->stack);
	fs_free(p->fs);
	signals_free(p->signals);
	return rc;
}

static int mount_bucket(struct program *p)
{
	int rc = 0;

	tune_process();
	if (!p->o.foreground)
		rc = daemon_start(&p->daemon);
	if (rc)
		fprintf(stderr, "vers3: fork: %s\n", strerror(-rc));
	else
		rc = run(p);
	daemon_free(p->daemon);
	return rc;
}

int main(int argc, char **argv)
{
	struct program p = {.daemon = NULL};
	char reason[REASON_MAX] = "";
	int rc;

	rc = options_parse(argc, argv, &p.o, reason, sizeof(reason));
	if (rc) {
		fprintf(stderr, "vers3: %s\n", reason);
		return 1;
	}
	switch (p.o.action) {
	case OPTIONS_MOUNT:
		rc = mount_bucket(&p);
		break;
	case OPTIONS_CHECK:
		break;
	case OPTIONS_REMOUNT:
		rc = remount(&p.o, reason, sizeof(reason));
		if (rc)
			fprintf(stderr, "vers3: %s\n", reason);
		break;
	case OPTIONS_HELP:
		options_print_help(stdout);
		break;
	case OPTIONS_VERSION:
		printf("vers3 %s\n", PACKAGE_VERSION);
		break;
	case OPTIONS_DUMP_ROFF:
		options_print_roff(stdout);
		break;
	}
	options_release(&p.o);
	if (fflush(stdout) || ferror(stdout))
		rc = -EIO;
	return rc ? 1 : 0;
}
