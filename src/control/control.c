/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of the control file is a stream: at first the state, which is
 * taken at the first read so that who only writes does not pay for it; after
 * a write the answers to what was written last. Lines are carried out as
 * their ends come, however they were cut into writes.
 */
#include "vers3/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/control/control_state.h"
#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define WRITE_MAX (64 << 10) /* bytes of commands at once */

struct control_session {
	struct control *control; /* borrowed */
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	struct buf line; /* the beginning of one whose end has not come */
	struct buf text;
	uint64_t start; /* the file's offset at which text begins */
	bool started; /* start is known */
	bool ready; /* text is there */
};

int control_new(struct mount *mount, struct tree *tree, struct syncer *syncer,
		struct view *view, struct control **ret_control)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->mount = mount;
	c->meta = mount->meta;
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

void control_close(struct control_session *s)
{
	if (!s)
		return;
	buf_release(&s->line);
	buf_release(&s->text);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static int end_line(struct control_session *s);

int control_read(struct control_session *s, uint64_t offset, void *buf,
		 size_t size, size_t *ret_size)
{
	uint64_t at;
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	/* Who asks for the answer has said all; it tells of a failure too. */
	end_line(s);
	if (!s->ready) {
		buf_reset(&s->text);
		rc = control_state_write(s->control, &s->text);
		s->ready = !rc;
		s->start = 0;
		s->started = true;
	}
	if (!rc) {
		/* An answer begins wherever the command has left the file. */
		if (!s->started || offset < s->start)
			s->start = offset;
		s->started = true;
		at = offset - s->start;
		if (at > s->text.len)
			at = s->text.len;
		if (size > s->text.len - at)
			size = s->text.len - at;
		memcpy(buf, s->text.data + at, size);
		*ret_size = size;
	}
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

/* The lines in their order, up to the first that fails. */
static int run_lines(struct control_session *s, const char *data, size_t size)
{
	const char *end = data + size;
	int rc = 0;

	while (!rc && data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));
		size_t len = (size_t)((stop ? stop : end) - data);

		rc = control_command_run(s->control, data, len, &s->text);
		data += len + 1;
	}
	return rc;
}

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

/* What was carried out ended in rc. */
static int note_end(struct control_session *s, int rc)
{
	/* Who is told that it is done sees it done. */
	mount_inval_flush(s->control->mount);
	if (rc)
		note_failure(s->control, s->text.data);
	return rc;
}

/* Carries out what has come of a line: it has no more. Needs the mutex. */
static int end_line(struct control_session *s)
{
	int rc;

	if (!s->line.len)
		return 0;
	rc = run_lines(s, s->line.data, s->line.len);
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
		rc = run_lines(s, s->line.data, s->line.len);
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
	buf_reset(&s->text);
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
