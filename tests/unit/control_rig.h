/* SPDX-License-Identifier: Apache-2.0 */
/* The control file as a user reads and writes it. After vfs_fixture.h. */
#ifndef VERS3_TESTS_UNIT_CONTROL_RIG_H
#define VERS3_TESTS_UNIT_CONTROL_RIG_H

#include "read_result.h"
#include "vers3/control/control.h"

#define CONTROL_TEXT_MAX (64 << 10)

/* One read, waited for. */
static inline int control_read_now(struct control_session *s, uint64_t offset,
				   char *buf, size_t size, size_t *ret_size)
{
	struct read_result r;

	read_result_begin(&r, buf, size);
	control_read(s, offset, size, read_result_done, &r);
	return read_result_end(&r, ret_size);
}

/* All that a session has to say. */
static inline void control_read_all(struct control_session *s, char *buf,
				    size_t size)
{
	size_t len = 0, got, most;

	do {
		/* Small pieces, as a careful reader's. */
		most = size - 1 - len < 1000 ? size - 1 - len : 1000;
		assert_int_not_equal(most, 0);
		assert_int_equal(
			control_read_now(s, len, buf + len, most, &got), 0);
		len += got;
	} while (got);
	buf[len] = '\0';
}

/* One command on a descriptor of its own: its result. */
static inline int control_run(struct vfs *v, const char *line, char *answer,
			      size_t size)
{
	struct control_session *s;
	int rc;

	assert_int_equal(control_open(v->control, &s), 0);
	rc = control_write(s, line, strlen(line));
	if (!rc)
		rc = control_flush(s);
	control_read_all(s, answer, size);
	control_close(s);
	return rc;
}

/*
 * The same of a command that may fail while it answers: what its write, or its
 * last read, ends with.
 */
static inline int control_ask(struct vfs *v, const char *line, char *answer,
			      size_t size)
{
	struct control_session *s;
	size_t len = 0, got = 0;
	int rc, end = 0;

	assert_int_equal(control_open(v->control, &s), 0);
	rc = control_write(s, line, strlen(line));
	do {
		assert_true(size - len > 1000);
		end = control_read_now(s, len, answer + len, 1000, &got);
		len += end ? 0 : got;
	} while (!end && got);
	answer[len] = '\0';
	control_close(s);
	return rc ? rc : end;
}

/* The state of the mount, malloc'd. */
static inline char *control_show(struct vfs *v)
{
	char *text = malloc(CONTROL_TEXT_MAX);
	struct control_session *s;

	assert_non_null(text);
	assert_int_equal(control_open(v->control, &s), 0);
	control_read_all(s, text, CONTROL_TEXT_MAX);
	control_close(s);
	return text;
}

/* How often a text is in another. */
static inline unsigned count_text(const char *in, const char *text)
{
	unsigned n = 0;

	for (; (in = strstr(in, text)); in += strlen(text))
		n++;
	return n;
}

#endif
