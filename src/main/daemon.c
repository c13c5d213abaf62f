/* SPDX-License-Identifier: Apache-2.0 */
/* A process in the background, and the one that waits for it. */
#include "vers3/main/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct daemon {
	int fd; /* owned: the pipe to the parent; -1 once it has been told */
};

/* The parent's rest of life. */
static void wait_for_child(int fd, pid_t child) __attribute__((noreturn));
static void wait_for_child(int fd, pid_t child)
{
	int status;
	ssize_t n;
	char c;

	do {
		n = read(fd, &c, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		fprintf(stderr, "vers3: ended by signal %d (%s)\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	_exit(1);
}

int daemon_start(struct daemon **ret_daemon)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int fds[2] = {-1, -1};
	pid_t child;
	int rc = 0;

	if (!d)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC)) {
		rc = -errno;
		goto out;
	}
	child = fork();
	if (child < 0) {
		rc = -errno;
		goto out;
	}
	if (child > 0) {
		close(fds[1]);
		wait_for_child(fds[0], child);
	}
	d->fd = fds[1];
	fds[1] = -1;
	*ret_daemon = d;
out:
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (rc)
		free(d);
	return rc;
}

void daemon_ready(struct daemon *d)
{
	int null;

	if (!d || d->fd < 0)
		return;
	setsid();
	/* So that the directory it was started in can be unmounted. */
	if (chdir("/"))
		fprintf(stderr, "vers3: /: %s\n", strerror(errno));
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		if (null > STDERR_FILENO)
			close(null);
	}
	/* If nobody reads it any more, the mount is there all the same. */
	(void)!write(d->fd, "0", 1);
	close(d->fd);
	d->fd = -1;
}

void daemon_free(struct daemon *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}
