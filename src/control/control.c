/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of the control file is a stream: at first the state, which is
 * taken at the first read so that who only writes does not pay for it; after
 * a write the answers to what was written last. Lines are carried out as
 * their ends come, however they were cut into writes.
 *
 * A long command works on a thread of its own; what is read then is its
 * stream, until the next write.
 */
#include "vers3/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "long_command.h"
#include "vers3/control/control_state.h"
#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/log.h"

#define WRITE_MAX (64 << 10) /* bytes of commands at once */

struct control_session {
	struct control *control; /* borrowed */
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	struct buf line; /* the beginning of one whose end has not come */
	struct buf text;
	size_t last; /* where the last command's answer begins in text */
	uint64_t start; /* the file's offset at which text begins */
	bool started; /* start is known */
	bool ready; /* text is there */
	struct answer_stream *stream; /* counted: is read in text's place */
};

/* Shells show the number alone: the words are in the log and state, too. */
static void note_failure(struct control *c, const char *answer)
{
	int len = (int)strcspn(answer, "\n");

	log_info("control: %.*s", len, answer);
	pthread_mutex_lock(&c->mutex);
	snprintf(c->last_error, sizeof(c->last_error), "%.*s", len, answer);
	c->last_error_mono_ns = clock_mono_ns();
	pthread_mutex_unlock(&c->mutex);
}

/* A long command has ended. */
static void on_ended(void *ctx, int rc, const char *why)
{
	struct control *c = ctx;

	mount_inval_flush(c->mount);
	/* Who has closed the file does not want to know. */
	if (rc && rc != -EINTR)
		note_failure(c, why);
}

int control_new(struct mount *mount, struct reader *reader, struct tree *tree,
		struct syncer *syncer, struct view *view,
		struct control **ret_control)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	rc = long_commands_new(on_ended, c, &c->long_commands);
	if (rc) {
		free(c);
		return rc;
	}
	c->mount = mount;
	c->meta = mount->meta;
	c->reader = reader;
	c->tree = tree;
	c->syncer = syncer;
	c->view = view;
	pthread_mutex_init(&c->mutex, NULL);
	*ret_control = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	long_commands_free(c->long_commands);
	replication_census_release(&c->census);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

int control_open(struct control *control, struct control_session **ret_session)
{
	struct control_session *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->control = control;
	pthread_mutex_init(&s->mutex, NULL);
	buf_init(&s->line, WRITE_MAX);
	buf_init(&s->text, CONTROL_TEXT_MAX);
	*ret_session = s;
	return 0;
}

/* Its answer is not wanted any more. */
static void drop_stream(struct control_session *s)
{
	if (s->stream)
		answer_stream_cancel(s->stream);
	answer_stream_unref(s->stream);
	s->stream = NULL;
}

void control_close(struct control_session *s)
{
	if (!s)
		return;
	drop_stream(s);
	buf_release(&s->line);
	buf_release(&s->text);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static int end_line(struct control_session *s);

/* The bytes from offset that there are, size at most. Needs the mutex. */
static int copy_text(struct control_session *s, uint64_t offset, size_t size,
		     struct iovec *ret_iov)
{
	uint64_t at;

	/* An answer begins wherever the command has left the file. */
	if (!s->started || offset < s->start)
		s->start = offset;
	s->started = true;
	at = offset - s->start;
	if (at > s->text.len)
		at = s->text.len;
	if (size > s->text.len - at)
		size = s->text.len - at;
	ret_iov->iov_base = malloc(size ? size : 1);
	if (!ret_iov->iov_base)
		return -ENOMEM;
	memcpy(ret_iov->iov_base, s->text.data + at, size);
	ret_iov->iov_len = size;
	return 0;
}

/* Who asks for the answer has said all; it tells of a failure, too. */
static int read_text(struct control_session *s, uint64_t offset, size_t size,
		     struct iovec *ret_iov)
{
	int rc = 0;

	if (!s->ready) {
		buf_reset(&s->text);
		rc = control_state_write(s->control, &s->text);
		s->ready = !rc;
		s->start = 0;
		s->started = true;
	}
	return rc ? rc : copy_text(s, offset, size, ret_iov);
}

void control_read(struct control_session *s, uint64_t offset, size_t size,
		  vfs_read_fn done, void *arg)
{
	struct answer_stream *stream = NULL;
	struct iovec iov = {NULL, 0};
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	end_line(s);
	if (s->stream)
		stream = answer_stream_ref(s->stream);
	else
		rc = read_text(s, offset, size, &iov);
	pthread_mutex_unlock(&s->mutex);
	if (stream)
		answer_stream_read(stream, size, done, arg);
	else
		done(arg, rc, &iov, rc ? 0 : 1);
	answer_stream_unref(stream);
	free(iov.iov_base);
}

void control_give_up_reads(struct control *control)
{
	long_commands_give_up(control->long_commands);
}

static bool is_blank(const char *data, const char *end)
{
	while (data < end && strchr(" \t\r\n", *data))
		data++;
	return data == end;
}

int control_session_begin(struct control_session *s,
			  struct long_command *command)
{
	drop_stream(s);
	return long_commands_begin(s->control->long_commands, command,
				   &s->stream);
}

/* alone: nothing stands behind it in what was written. */
static int run_line(struct control_session *s, const char *line, size_t len,
		    bool alone)
{
	struct long_command command = {.run = NULL};
	int rc = control_command_run(s->control, line, len, &s->text, &command);
	const char *name = command.name;

	if (rc || !command.run)
		return rc;
	/* Other answers would have to stand in its stream. */
	if (!alone || s->text.len) {
		buf_printf(&s->text,
			   "%s answers while it works: no other command can "
			   "stand in the same write\n",
			   name);
		long_command_release(&command);
		return -EINVAL;
	}
	rc = control_session_begin(s, &command);
	if (rc == -EBUSY)
		buf_printf(&s->text,
			   "%s: %d such commands work already: read their "
			   "answers, or close them\n",
			   name, LONG_COMMANDS_MAX);
	else if (rc)
		buf_printf(&s->text, "%s: %s\n", name, errtext(rc));
	return rc;
}

/* The lines in their order, up to the first that fails; more: and a part. */
static int run_lines(struct control_session *s, const char *data, size_t size,
		     bool more)
{
	const char *end = data + size;
	int rc = 0;

	while (!rc && data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));
		size_t len = (size_t)((stop ? stop : end) - data);

		s->last = s->text.len;
		rc = run_line(s, data, len,
			      !more && (!stop || is_blank(stop, end)));
		data += len + 1;
	}
	return rc;
}

/* What was carried out ended in rc. */
static int note_end(struct control_session *s, int rc)
{
	/* Who is told that it is done sees it done. */
	mount_inval_flush(s->control->mount);
	if (rc)
		note_failure(s->control, s->text.data + s->last);
	return rc;
}

/* Carries out what has come of a line: it has no more. Needs the mutex. */
static int end_line(struct control_session *s)
{
	int rc;

	if (!s->line.len)
		return 0;
	rc = run_lines(s, s->line.data, s->line.len, false);
	buf_reset(&s->line);
	return note_end(s, rc);
}

/* Adds what was written, carries out what is whole. Needs the mutex. */
static int take(struct control_session *s, const char *data, size_t size)
{
	const char *last = memrchr(data, '\n', size);
	size_t whole = last ? (size_t)(last - data) + 1 : 0;
	int rc;

	if (size > WRITE_MAX - s->line.len) {
		buf_printf(&s->text, "more than %d bytes at once\n", WRITE_MAX);
		rc = -E2BIG;
	} else {
		rc = buf_add(&s->line, data, whole ? whole : size);
	}
	if (!rc && whole)
		rc = run_lines(s, s->line.data, s->line.len, whole < size);
	/* Of lines after one that fails none is carried out, nor a part. */
	if (rc || whole)
		buf_reset(&s->line);
	if (!rc && whole)
		rc = buf_add(&s->line, data + whole, size - whole);
	return rc || whole ? note_end(s, rc) : 0;
}

int control_write(struct control_session *s, const char *data, size_t size)
{
	int rc;

	pthread_mutex_lock(&s->mutex);
	drop_stream(s);
	buf_reset(&s->text);
	s->last = 0;
	s->started = false;
	s->ready = true;
	rc = take(s, data, size);
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

int control_flush(struct control_session *s)
{
	int rc;

	pthread_mutex_lock(&s->mutex);
	rc = end_line(s);
	pthread_mutex_unlock(&s->mutex);
	return rc;
}
