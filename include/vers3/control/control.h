/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control file: `.control`. Reading gives the mount's state in git-config
 * syntax, taken at the first read; writing a line runs a command and what is
 * read from the same descriptor afterwards is the command's answer. A long
 * command works on a thread of its own and is answered while it works.
 *
 * Any thread, no lock held: a session's own mutex is held while its commands
 * run, but for the long ones. 0 or -errno. Sizes in bytes.
 */
#ifndef VERS3_CONTROL_CONTROL_H
#define VERS3_CONTROL_CONTROL_H

#include "vers3/core/entry.h"
#include "vers3/core/mount.h"

struct control;
struct reader;
struct syncer;
struct tree;
struct view;

/* Borrows all. 0 or -errno. */
int control_new(struct mount *mount, struct reader *reader, struct tree *tree,
		struct syncer *syncer, struct view *view,
		struct control **ret_control);
/* Long commands that still work are given up, and waited for. */
void control_free(struct control *c);

struct control_session;
int control_open(struct control *control, struct control_session **ret_session);
/*
 * The text's bytes from offset, handed to done() as vfs_read_fn says. The
 * state begins at 0; a command's answer where the first read after it is,
 * wherever the write has left the descriptor, and at 0 after a seek to it.
 * The first read may ask the bucket for its configuration, and waits a moment
 * at most for it.
 *
 * A long command's answer comes in the order of the reads, whatever their
 * offsets, and once only; done() may come later, on another thread. After all
 * text comes the end, or what the command failed with.
 */
void control_read(struct control_session *s, uint64_t offset, size_t size,
		  vfs_read_fn done, void *arg);
/* Ends the reads whose cancel (cancel.h) is set. */
void control_give_up_reads(struct control *control);
/*
 * One or more lines, each a command, up to the first that fails. A line whose
 * end has not come is kept, and carried out when it comes, by the next read,
 * or by control_flush(). -EINVAL for an unknown or malformed one, -E2BIG for
 * over 64 KiB; the answer text (readable next) says what was wrong. May wait
 * for the bucket. A long command has to stand alone; it has begun when this
 * returns 0, and is given up by the next write and by control_close().
 */
int control_write(struct control_session *s, const char *data, size_t size);
/* A descriptor is closed: the line that was begun has ended. As write. */
int control_flush(struct control_session *s);
void control_close(struct control_session *s);

#endif
