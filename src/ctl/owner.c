/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds a mount's user in its options, and forks a child that becomes him,
 * answers through a pipe and ends.
 */
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vers3/util/mounts.h"

#define ERRNO_MAX 4095

/* The number that a mount option has; false when it is not there. */
static bool number_of(const char *options, const char *name,
		      unsigned *ret_number)
{
	const char *value = mounts_option(options, name);

	if (!value || value[-1] != '=')
		return false;
	*ret_number = (unsigned)strtoul(value, NULL, 10);
	return true;
}

int owner_find(const char *root, struct owner *ret_owner)
{
	struct mounts_entry e;
	unsigned uid, gid;
	int rc = mounts_find(MOUNTS_TABLE, root, &e);

	if (rc)
		return rc;
	if (number_of(e.options, "user_id", &uid) &&
	    number_of(e.options, "group_id", &gid))
		*ret_owner = (struct owner){.uid = uid, .gid = gid};
	else
		rc = -ENOENT;
	mounts_release(&e);
	return rc;
}

static int become(const struct owner *o)
{
	if (setgroups(0, NULL) || setresgid(o->gid, o->gid, o->gid) ||
	    setresuid(o->uid, o->uid, o->uid))
		return -errno;
	/* Whoever ends this program ends the wait. (A new user undoes it.) */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static void answer(const struct owner *o, struct owner_answer (*ask)(void *),
		   void *ctx, int fd) __attribute__((noreturn));
static void answer(const struct owner *o, struct owner_answer (*ask)(void *),
		   void *ctx, int fd)
{
	struct owner_answer a = {.rc = become(o)};

	if (!a.rc)
		a = ask(ctx);
	/* In one piece: it is shorter than PIPE_BUF. */
	_exit(write(fd, &a, sizeof(a)) == (ssize_t)sizeof(a) ? 0 : 1);
}

int owner_ask(const struct owner *o, struct owner_answer (*ask)(void *),
	      void *ctx, struct owner_answer *ret_answer)
{
	struct owner_answer a;
	int fds[2];
	pid_t child;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	child = fork();
	if (child < 0) {
		n = -errno;
		close(fds[0]);
		close(fds[1]);
		return (int)n;
	}
	if (child == 0) {
		close(fds[0]);
		answer(o, ask, ctx, fds[1]);
	}
	close(fds[1]);
	do {
		n = read(fds[0], &a, sizeof(a));
	} while (n < 0 && errno == EINTR);
	close(fds[0]);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(a) || a.rc > 0 || a.rc < -ERRNO_MAX)
		return -EIO;
	*ret_answer = a;
	return 0;
}

bool owner_runs(const struct owner *o, long pid)
{
	char path[64], line[256];
	unsigned uid;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Uid: %u", &uid) == 1;
	fclose(f);
	return found && uid == o->uid;
}
