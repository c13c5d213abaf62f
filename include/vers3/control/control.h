/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control file: `.control`. Reading gives the mount's state in git-config
 * syntax, taken at the first read; writing a line runs a command and what is
 * read from the same descriptor afterwards is the command's answer.
 *
 * Any thread, no lock held: a session's own mutex is held while its commands
 * run. 0 or -errno. Sizes in bytes.
 */
#ifndef VERS3_CONTROL_CONTROL_H
#define VERS3_CONTROL_CONTROL_H

#include "vers3/core/mount.h"

struct control;
struct syncer;
struct tree;
struct view;

/* Borrows all. 0 or -errno. */
int control_new(struct mount *mount, struct tree *tree, struct syncer *syncer,
		struct view *view, struct control **ret_control);
void control_free(struct control *c);

struct control_session;
int control_open(struct control *control, struct control_session **ret_session);
/*
 * The text's bytes from offset go to buf. The state begins at 0; a command's
 * answer where the first read after it is, wherever the write has left the
 * descriptor, and at 0 after a seek to it. The first read may ask the bucket
 * for its configuration, and waits a moment at most for it.
 */
int control_read(struct control_session *s, uint64_t offset, void *buf,
		 size_t size, size_t *ret_size);
/*
 * One or more lines, each a command, up to the first that fails. A line whose
 * end has not come is kept, and carried out when it comes, by the next read,
 * or by control_flush(). -EINVAL for an unknown or malformed one, -E2BIG for
 * over 64 KiB; the answer text (readable next) says what was wrong. May wait
 * for the bucket.
 */
int control_write(struct control_session *s, const char *data, size_t size);
/* A descriptor is closed: the line that was begun has ended. As write. */
int control_flush(struct control_session *s);
void control_close(struct control_session *s);

#endif
