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

bool control_client_may(const char *root)
{
	char reason[256];
	int fd = -1,
	    rc = open_control(root, O_RDONLY, &fd, reason, sizeof(reason));

	if (fd >= 0)
		close(fd);
	return rc != -EACCES && rc != -EPERM;
}

bool control_client_lacks(const char *reason)
{
	return strstr(reason, "no such command") != NULL;
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

bool control_client_versioned(const char *root)
{
	char reason[256];
	bool none = false;
	json_t *state;

	if (control_client_state(root, &state, reason, sizeof(reason)))
		return true;
	none = json_is_false(
		json_object_get(json_object_get(state, "mount"), "versioned"));
	json_decref(state);
	return !none;
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

/* Opens the control file in the way that it goes, and has the line begun. */
static int begin(const char *root, const char *line, int *ret_fd, int *ret_sent,
		 char *reason, size_t size)
{
	int rc = open_control(root, O_RDWR, ret_fd, reason, size);
	bool read_only = rc == -EROFS;

	if (read_only)
		rc = open_control(root, O_RDONLY, ret_fd, reason, size);
	if (!rc)
		*ret_sent = read_only ? send_by_ioctl(*ret_fd, line)
				      : control_client_send(*ret_fd, line);
	return rc;
}

/* The answer to what ended in sent; its first line is the reason. */
static void take_answer(int fd, const char *root, int sent, struct buf *answer,
			char *reason, size_t size)
{
	size_t from = answer->len;

	/* The answer says more than the number does. */
	if (read_all(fd, answer) || answer->len == from)
		snprintf(reason, size, "%s: %s", root, errtext(sent));
	else
		snprintf(reason, size, "%.*s",
			 (int)strcspn(answer->data + from, "\n"),
			 answer->data + from);
}

int control_client_command(const char *root, const char *line,
			   struct buf *answer, char *reason, size_t size)
{
	int fd = -1, sent = 0, rc = begin(root, line, &fd, &sent, reason, size);

	if (rc)
		return rc;
	take_answer(fd, root, sent, answer, reason, size);
	close(fd);
	return sent;
}

/* An answer that comes in pieces. */
struct incoming {
	control_client_line_fn fn;
	void *ctx;
	struct buf text; /* behind the last line's end */
	struct buf held; /* the last line: it may be the reason */
	bool holds;
	bool terminal; /* stderr is one */
	bool shown; /* a line of progress stands there */
};

static void show_progress(struct incoming *in, const char *line)
{
	if (!in->terminal)
		return;
	fprintf(stderr, "\r%s\033[K", line + strspn(line, "# "));
	fflush(stderr);
	in->shown = true;
}

static void clear_progress(struct incoming *in)
{
	if (in->shown)
		fputs("\r\033[K", stderr);
	in->shown = false;
}

/* Hands on the line that was held. */
static int hand_on(struct incoming *in)
{
	if (!in->holds)
		return 0;
	in->holds = false;
	clear_progress(in);
	return in->fn(in->ctx, in->held.data);
}

static int take_line(struct incoming *in, const char *line)
{
	int rc;

	if (*line == '#') {
		show_progress(in, line);
		return 0;
	}
	rc = hand_on(in);
	if (rc)
		return rc;
	buf_reset(&in->held);
	in->holds = true;
	return buf_puts(&in->held, line);
}

/* Takes what is whole of the text, and keeps the rest. */
static int take_lines(struct incoming *in)
{
	char *at = in->text.data, *end;
	int rc = 0;

	while (!rc && (end = strchr(at, '\n'))) {
		*end = '\0';
		rc = take_line(in, at);
		at = end + 1;
	}
	in->text.len -= (size_t)(at - in->text.data);
	memmove(in->text.data, at, in->text.len + 1);
	return rc;
}

/* Reads to the end: 0, or what a read has failed with. */
static int receive(int fd, struct incoming *in)
{
	char chunk[65536];
	ssize_t n;
	int rc = 0;

	while (!rc && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n > 0)
			rc = buf_add(&in->text, chunk, (size_t)n);
		else if (errno != EINTR)
			return -errno;
		if (!rc && n > 0)
			rc = take_lines(in);
	}
	return rc ? rc : hand_on(in);
}

int control_client_stream(const char *root, const char *line,
			  control_client_line_fn fn, void *ctx, char *reason,
			  size_t size, bool *ret_refused)
{
	struct incoming in = {
		.fn = fn, .ctx = ctx, .terminal = isatty(STDERR_FILENO)};
	int fd = -1, sent = 0, rc = begin(root, line, &fd, &sent, reason, size);

	if (rc)
		return rc;
	*ret_refused = sent == -EINVAL;
	buf_init(&in.text, TALK_ANSWER_MAX);
	buf_init(&in.held, TALK_ANSWER_MAX);
	if (sent) {
		take_answer(fd, root, sent, &in.text, reason, size);
		rc = sent;
	} else {
		rc = receive(fd, &in);
		clear_progress(&in);
		if (rc && in.holds)
			snprintf(reason, size, "%s", in.held.data);
		else if (rc)
			snprintf(reason, size, "%s: %s", root, errtext(rc));
	}
	buf_release(&in.held);
	buf_release(&in.text);
	close(fd);
	return rc;
}
