/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts fusermount3, and receives the descriptor of the device over a socket.
 */
#include "usermount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vers3/util/env.h"
#include "vers3/util/mounts.h"

#define DEVICE	   "/dev/fuse"
#define PROGRAM	   "fusermount3"
#define SOCKET_ENV "_FUSE_COMMFD="

int usermount_device(void)
{
	return access(DEVICE, R_OK | W_OK) ? -errno : 0;
}

/* Starts it with a socket, -1 for none. */
static int start(char *const argv[], int sock, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	char number[32], **env;
	int rc;

	snprintf(number, sizeof(number), SOCKET_ENV "%d", sock);
	env = env_without_keys(number);
	if (!env)
		return -ENOMEM;
	rc = posix_spawn_file_actions_init(&actions);
	if (rc) {
		free(env);
		return -rc;
	}
	/* Onto itself: it stays open there. */
	if (sock >= 0)
		rc = posix_spawn_file_actions_adddup2(&actions, sock, sock);
	if (!rc)
		rc = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return -rc;
}

/* Its exit status, or -errno. */
static int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* The descriptor that comes over the socket. -EIO: it ended without one. */
static int receive(int sock, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (!n || !c || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EIO;
	memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return 0;
}

int usermount_mount(const char *options, const char *mountpoint, int *ret_fd,
		    int *ret_socket)
{
	char *const argv[] = {(char *)PROGRAM,	  (char *)"-o",
			      (char *)options,	  (char *)"--",
			      (char *)mountpoint, NULL};
	bool stays = mounts_option(options, "auto_unmount");
	int socks[2], rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return -errno;
	rc = start(argv, socks[0], &pid);
	close(socks[0]);
	if (!rc) {
		rc = receive(socks[1], ret_fd);
		/* It goes on in a process of its own where it is to watch. */
		if (rc || !stays)
			await(pid);
	}
	if (rc || !stays) {
		close(socks[1]);
		socks[1] = -1;
	}
	if (!rc)
		*ret_socket = socks[1];
	return rc;
}

void usermount_unmount(const char *mountpoint, int fd)
{
	char *const argv[] = {(char *)PROGRAM, (char *)"-uqz", (char *)"--",
			      (char *)mountpoint, NULL};
	struct pollfd p = {.fd = fd};
	int null;
	pid_t pid;

	/* An error at the device: the mount is gone already. */
	if (poll(&p, 1, 0) == 1 && (p.revents & POLLERR))
		return;
	/*
	 * Nobody reads requests any more: who waits is told so, as by closing
	 * it. libfuse closes the number itself.
	 */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup3(null, fd, O_CLOEXEC);
		close(null);
	}
	if (!start(argv, -1, &pid))
		await(pid);
}
