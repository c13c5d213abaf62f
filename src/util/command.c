/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children with a deadline: fork, what they are left with, reading what a
 * user's command prints, and killing it with all that it has started.
 */
#include "vers3/util/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vers3/util/clock.h"

#define CHILD_UMASK 077
#define TOOL_UMASK  022
#define TOOL_PATH   "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

/* As a shell has them. */
static void reset_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* After fork(2) in a process with threads: system calls alone. */
static void become(const char *command, int out, bool apart)
	__attribute__((noreturn));
static void become(const char *command, int out, bool apart)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (apart)
		setpgid(0, 0);
	umask(CHILD_UMASK);
	reset_signals();
	if (null < 0 || (apart && dup2(null, STDIN_FILENO) < 0) ||
	    dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	/* Also those that a library has opened without O_CLOEXEC. */
	if (close_range(STDERR_FILENO + 1, ~0U, 0))
		_exit(127);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Milliseconds for poll(2), rounded up; 0 when it is over. */
static int left_ms(int64_t end_ns)
{
	int64_t left = end_ns - clock_mono_ns();

	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Takes what is there now. *ret_end: nobody can write any more. */
static int take(int fd, char *text, size_t size, size_t *len, bool *ret_end)
{
	char over;

	for (;;) {
		size_t room = size - *len;
		ssize_t n =
			read(fd, room ? text + *len : &over, room ? room : 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n > 0 && !room)
			return -EMSGSIZE;
		if (n == 0) {
			*ret_end = true;
			return 0;
		}
		*len += (size_t)n;
	}
}

/* Reads until the process has ended, or the time is over. */
static int follow(int fd, int pid_fd, int64_t end_ns, char *text, size_t size,
		  size_t *len)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
			       {.fd = pid_fd, .events = POLLIN}};
	bool end = false;

	for (;;) {
		int rc, ready = poll(fds, 2, left_ms(end_ns));

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0)
			continue;
		rc = end ? 0 : take(fd, text, size, len, &end);
		if (rc || fds[1].revents)
			return rc;
		if (end)
			fds[0].fd = -1;
	}
}

int command_read(const char *command, int64_t limit_ns, char *text, size_t size,
		 size_t *ret_len, int *ret_status)
{
	int64_t end_ns = clock_mono_ns() + limit_ns;
	int fds[2] = {-1, -1}, pid_fd = -1, rc = 0, status = 0;
	bool apart = !isatty(STDIN_FILENO);
	pid_t child = -1;
	size_t len = 0;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0) {
		rc = -errno;
		goto out;
	}
	if (child == 0)
		become(command, fds[1], apart);
	/* By whoever is first, so that the kill below meets the group. */
	if (apart)
		setpgid(child, child);
	close(fds[1]);
	fds[1] = -1;
	pid_fd = pidfd_open(child, 0);
	if (pid_fd < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK))
		rc = -errno;
	if (!rc)
		rc = follow(fds[0], pid_fd, end_ns, text, size, &len);
	if (rc)
		kill(apart ? -child : child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
out:
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (pid_fd >= 0)
		close(pid_fd);
	if (rc)
		return rc;
	*ret_len = len;
	*ret_status = status;
	return 0;
}

/* The same. */
static void become_tool(const char *const argv[]) __attribute__((noreturn));
static void become_tool(const char *const argv[])
{
	static char *const environment[] = {(char *)TOOL_PATH, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	umask(TOOL_UMASK);
	reset_signals();
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(127);
	if (close_range(STDERR_FILENO + 1, ~0U, 0))
		_exit(127);
	execve(argv[0], (char *const *)argv, environment);
	_exit(127);
}

/* Waits until a process has ended, or the time is over. */
static int wait_end(int pid_fd, int64_t end_ns)
{
	struct pollfd fd = {.fd = pid_fd, .events = POLLIN};
	int ready;

	do {
		ready = poll(&fd, 1, left_ms(end_ns));
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}

int command_tool(const char *const argv[], int64_t limit_ns, int *ret_status)
{
	int64_t end_ns = clock_mono_ns() + limit_ns;
	int pid_fd, rc, status = 0;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0)
		become_tool(argv);
	pid_fd = pidfd_open(child, 0);
	rc = pid_fd < 0 ? -errno : wait_end(pid_fd, end_ns);
	if (rc)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (pid_fd >= 0)
		close(pid_fd);
	if (!rc)
		*ret_status = status;
	return rc;
}
