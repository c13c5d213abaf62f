/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vers3ctl umount, and umount.vers3 and umount.fuse.vers3, which umount(8)
 * runs for mounts of vers3: it would return as soon as the mount is gone,
 * while the daemon still sends. These return when that has ended. (They never
 * run umount(8), which would run them.) It finds them by the type fuse.vers3;
 * utab.h says when it knows that.
 */
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"
#include "owner.h"
#include "target.h"
#include "control_client.h"
#include "unmount.h"
#include "vers3/util/env.h"
#include "vers3/util/errtext.h"
#include "vers3/util/lock_record.h"
#include "vers3/util/mounts.h"
#include "vers3/util/utab.h"

/* As umount(8) has them. */
#define UMOUNT_USAGE 1
#define UMOUNT_FAIL  32
#define UMOUNT_SOME  64

#define TICK_MS 1000

/* The process behind a mount. */
struct process {
	int fd; /* owned: of the pid; -1: not known */
	long pid;
	char *cache_dir; /* owned; NULL: not known */
};

static void process_release(struct process *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->cache_dir);
}

/* What the mount says of its process. 0 or -errno. */
static int process_ask(struct process *p, const char *root)
{
	char reason[CTL_REASON_MAX];
	json_t *state;
	const char *dir;
	int rc = control_client_state(root, &state, reason, sizeof(reason));

	if (rc)
		return rc;
	p->pid = (long)ctl_number(json_object_get(state, "mount"), "pid");
	dir = ctl_text(json_object_get(state, "cache"), "directory");
	if (*dir)
		p->cache_dir = strdup(dir);
	json_decref(state);
	return 0;
}

/* While it lives, so that its number is its own. */
static void process_hold(struct process *p)
{
	if (p->pid > 0)
		p->fd = (int)syscall(SYS_pidfd_open, (pid_t)p->pid, 0);
}

static void process_wait(const struct process *p)
{
	struct pollfd fd = {.fd = p->fd, .events = POLLIN};
	bool tty = isatty(STDERR_FILENO);
	unsigned ticks = 0;
	int n;

	while ((n = poll(&fd, 1, TICK_MS)) <= 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (tty && n == 0)
			fprintf(stderr,
				"\rvers3: unmounted; process %ld sends what "
				"is left (%u s)\033[K",
				p->pid, ++ticks);
	}
	if (ticks)
		fputs("\r\033[K", stderr);
}

/* By the set-user-id helper, which says itself what is wrong. */
static int unmount_as_user(const char *root, bool lazy)
{
	char *const argv[] = {(char *)"fusermount3",
			      (char *)(lazy ? "-uz" : "-u"), (char *)"--",
			      (char *)root, NULL};
	char **env = env_without_keys(NULL);
	int status, rc;
	pid_t pid;

	if (!env)
		return ctl_fail("%s", strerror(ENOMEM));
	rc = posix_spawnp(&pid, argv[0], NULL, NULL, argv, env);
	free(env);
	if (rc)
		return ctl_fail("fusermount3: %s", strerror(rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ctl_fail("fusermount3: %s", strerror(errno));
	return WIFEXITED(status) && !WEXITSTATUS(status) ? CTL_OK : CTL_FAILED;
}

static int unmount(const char *root, int flags)
{
	/* Whoever stands in it keeps it busy. */
	if (chdir("/"))
		return ctl_fail("/: %s", strerror(errno));
	if (geteuid() != 0)
		return unmount_as_user(root, flags & MNT_DETACH);
	if (!umount2(root, flags | UMOUNT_NOFOLLOW))
		return CTL_OK;
	if (errno == EBUSY)
		return ctl_fail("%s is in use: it is still mounted; `fuser -vm "
				"%s` names who uses it",
				root, root);
	return ctl_fail("%s: %s", root, errtext(errno));
}

/*
 * Unmounts, and waits for the daemon's end. CTL_OK when the mount is gone;
 * *ret_left when something is left for the next mount.
 */
static int unmount_and_wait(const char *root, struct process *p, bool *ret_left)
{
	int rc = unmount(root, 0);

	if (rc == CTL_OK && p->fd < 0)
		utab_clear(root); /* a process that lives does it itself */
	if (rc != CTL_OK || p->fd < 0)
		return rc;
	process_wait(p);
	/* By who may not read it, what was sent before is believed. */
	if (p->cache_dir && !lock_record_outcome(p->cache_dir, p->pid))
		*ret_left = true;
	return rc;
}

/* For a child that is the user who mounted. */
static struct owner_answer ask_as_owner(void *ctx)
{
	struct target p = {.root = ctx, .path = (char *)""};
	struct process process = {.fd = -1};
	struct owner_answer a = {.rc = process_ask(&process, ctx)};
	char reason[CTL_REASON_MAX];

	if (!a.rc)
		a.rc = sync_place(&p, "", reason, sizeof(reason));
	a.pid = process.pid;
	process_release(&process);
	return a;
}

/*
 * By root, who is not let in. A process that is not that user's is not waited
 * for, whatever the mount says; nor is its text shown on root's terminal.
 */
static int send_as_owner(const char *root, struct process *p, char *reason,
			 size_t size)
{
	struct owner_answer a;
	struct owner o;
	int rc = owner_find(root, &o);

	if (!rc)
		rc = owner_ask(&o, ask_as_owner, (void *)root, &a);
	if (rc) {
		snprintf(reason, size, "%s: its user cannot be asked: %s", root,
			 errtext(rc));
		return rc;
	}
	p->pid = a.pid;
	process_hold(p);
	if (p->fd >= 0 && !owner_runs(&o, p->pid)) {
		close(p->fd);
		p->fd = -1;
	}
	if (a.rc)
		snprintf(reason, size, "%s: %s", root, errtext(a.rc));
	return a.rc;
}

/*
 * Finds the process and has everything sent. 0 or -errno with one line in
 * reason; -ENOTCONN: its process has died; -EACCES: nobody is let in.
 */
static int send_all(const struct target *target, struct process *p,
		    char *reason, size_t size)
{
	int rc = process_ask(p, target->root);

	if (rc == -EACCES && geteuid() == 0)
		return send_as_owner(target->root, p, reason, size);
	process_hold(p);
	return sync_place(target, "", reason, size);
}

static void tell_dead(const char *root)
{
	fprintf(stderr,
		"vers3ctl: %s: its process had died; mount it again: that "
		"sends what it had not sent\n",
		root);
}

static void tell_left(const char *root)
{
	fprintf(stderr,
		"vers3ctl: %s: unmounted; not all could be sent: mount it "
		"again, which sends it\n",
		root);
}

int ctl_umount(const struct ctl_call *c)
{
	struct process process = {.fd = -1};
	char reason[CTL_REASON_MAX];
	bool left = false;
	struct target p;
	int rc = target_find(c->start, c->count ? c->args[0] : ".", &p, reason,
			     sizeof(reason));

	if (rc)
		return ctl_fail("%s", reason);
	rc = send_all(&p, &process, reason, sizeof(reason));
	if (rc == -ENOTCONN) {
		tell_dead(p.root);
		rc = 0;
	} else if (rc && c->force) {
		fprintf(stderr, "vers3ctl: %s; the next mount sends it\n",
			reason);
		rc = 0;
	}
	if (rc)
		rc = ctl_fail("%s: not unmounted: %s (with --force it is, and "
			      "the next mount sends the rest)",
			      p.root, reason);
	else
		rc = unmount_and_wait(p.root, &process, &left);
	if (rc == CTL_OK && left && !c->force) {
		tell_left(p.root);
		rc = CTL_FAILED;
	}
	process_release(&process);
	target_release(&p);
	return rc;
}

/* For umount(8): unmounts whatever becomes of the sending. */
static int umount_sent(const char *root, bool verbose)
{
	struct target p = {.root = (char *)root, .path = (char *)""};
	struct process process = {.fd = -1};
	char reason[CTL_REASON_MAX];
	int sent = send_all(&p, &process, reason, sizeof(reason)), rc;
	bool left = sent && sent != -ENOTCONN && sent != -EACCES;

	if (sent == -ENOTCONN)
		tell_dead(root);
	else if (sent)
		fprintf(stderr, "vers3ctl: %s\n", reason);
	if (unmount_and_wait(root, &process, &left) != CTL_OK)
		rc = UMOUNT_FAIL;
	else
		rc = left ? UMOUNT_SOME : 0;
	if (rc == UMOUNT_SOME)
		tell_left(root);
	else if (!rc && sent == -EACCES)
		fprintf(stderr,
			"vers3ctl: %s: unmounted; its process may still send\n",
			root);
	else if (!rc && verbose)
		printf("%s unmounted\n", root);
	process_release(&process);
	return rc;
}

int unmount_helper(int argc, char **argv)
{
	bool verbose = false;
	char reason[CTL_REASON_MAX];
	struct target p;
	int option, flags = 0, rc;

	while ((option = getopt(argc, argv, "flnrst:v")) != -1) {
		switch (option) {
		case 'f':
			flags |= MNT_FORCE;
			break;
		case 'l':
			flags |= MNT_DETACH;
			break;
		case 'v':
			verbose = true;
			break;
		case '?':
			return UMOUNT_USAGE;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "usage: umount.vers3 DIRECTORY [-flnrv]\n");
		return UMOUNT_USAGE;
	}
	rc = target_find(NULL, argv[optind], &p, reason, sizeof(reason));
	if (rc || *p.path) {
		ctl_fail(
			"%s: not a mount point of vers3; `findmnt -t " MOUNTS_TYPE
			"` lists those there are",
			argv[optind]);
		if (!rc)
			target_release(&p);
		return UMOUNT_FAIL;
	}
	/* Who asks for that wants it gone now, and does not wait. */
	if (flags)
		rc = unmount(p.root, flags) == CTL_OK ? 0 : UMOUNT_FAIL;
	else
		rc = umount_sent(p.root, verbose);
	target_release(&p);
	return rc;
}
