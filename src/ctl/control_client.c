/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens, reads and writes the control file; where files cannot be opened for
 * writing, the command goes by ioctl(2).
 */
#include "control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state.h"
#include "vers3/util/control_ioctl.h"
#include "vers3/util/errtext.h"

static int open_control(const char *root, int flags, int *ret_fd, char *reason,
			size_t size)
{
	char path[4096 + sizeof(CONTROL_ANY_NAME)];
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/" CONTROL_ANY_NAME, root) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	rc = -errno;
	if (rc == -ENOTCONN)
		snprintf(reason, size,
			 "%s: the mount is dead; mount it again by the same "
			 "command, and what was not sent is sent",
			 root);
	else if (rc == -EACCES || rc == -EPERM)
		snprintf(reason, size,
			 "%s: only the user who mounted it may do this", root);
	else
		snprintf(reason, size, "%s: its control file: %s", root,
			 strerror(-rc));
	return rc;
}

static int read_all(int fd, struct buf *out)
{
	char chunk[65536];
	ssize_t n;
	int rc = 0;

	while (!rc && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n > 0)
			rc = buf_add(out, chunk, (size_t)n);
		else if (errno != EINTR)
			rc = -errno;
	}
	return rc;
}

int control_client_state(const char *root, json_t **ret_state, char *reason,
			 size_t size)
{
	struct buf text;
	int fd = -1, rc;

	buf_init(&text, TALK_ANSWER_MAX);
	rc = open_control(root, O_RDONLY, &fd, reason, size);
	if (rc)
		goto out;
	rc = read_all(fd, &text);
	if (!rc)
		rc = state_parse(text.data, ret_state);
	if (rc)
		snprintf(reason, size, "%s: %s", root, errtext(rc));
out:
	if (fd >= 0)
		close(fd);
	buf_release(&text);
	return rc;
}

int control_client_send(int fd, const char *line)
{
	char *text, *at;
	int rc = 0;

	if (asprintf(&text, "%s\n", line) < 0)
		return -ENOMEM;
	/* The newline has it carried out: no part of it is a command. */
	for (at = text; !rc && *at;) {
		ssize_t n = write(fd, at, strlen(at));

		if (n >= 0)
			at += n;
		else if (errno != EINTR)
			rc = -errno;
	}
	free(text);
	return rc;
}

/* The same, of a mount whose files cannot be opened for writing. */
static int send_by_ioctl(int fd, const char *line)
{
	struct control_ioctl_line *arg;
	int rc;

	if (strlen(line) >= sizeof(arg->text))
		return -E2BIG;
	arg = calloc(1, sizeof(*arg));
	if (!arg)
		return -ENOMEM;
	strcpy(arg->text, line);
	rc = ioctl(fd, CONTROL_IOCTL_LINE, arg) ? -errno : 0;
	free(arg);
	return rc;
}

int control_client_command(const char *root, const char *line,
			   struct buf *answer, char *reason, size_t size)
{
	size_t from = answer->len;
	int fd, rc = open_control(root, O_RDWR, &fd, reason, size);
	bool read_only = rc == -EROFS;

	if (read_only)
		rc = open_control(root, O_RDONLY, &fd, reason, size);
	if (rc)
		return rc;
	rc = read_only ? send_by_ioctl(fd, line)
		       : control_client_send(fd, line);
	/* The answer says more than the number does. */
	if (read_all(fd, answer) || answer->len == from)
		snprintf(reason, size, "%s: %s", root, errtext(rc));
	else
		snprintf(reason, size, "%.*s",
			 (int)strcspn(answer->data + from, "\n"),
			 answer->data + from);
	close(fd);
	return rc;
}
