/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to a mount through its control file. Any thread. */
#ifndef VERS3_SRC_CTL_CONTROL_CLIENT_H
#define VERS3_SRC_CTL_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "vers3/util/buf.h"

#define TALK_ANSWER_MAX (16 << 20)

/*
 * The state of the mount at root as state.h makes it. 0 or -errno with one
 * line in reason (size bytes).
 */
int control_client_state(const char *root, json_t **ret_state, char *reason,
			 size_t size);
/*
 * Whether this user may give the mount commands; what cannot be found out is
 * found by the command.
 */
bool control_client_may(const char *root);
/* Whether an answer says that the mount, an older one, has no such command. */
bool control_client_lacks(const char *reason);
/* Whether the bucket keeps versions; false only if the mount says so. */
bool control_client_versioned(const char *root);
/*
 * Writes a line, which has no newline, and its end, in as many writes as it
 * takes. 0 or -errno, the last write's when the mount could not do it.
 */
int control_client_send(int fd, const char *line);
/*
 * Has the mount carry out one line. Appends what it answers to answer. 0; or
 * -errno with one line in reason, which is the mount's own if it has one.
 */
int control_client_command(const char *root, const char *line,
			   struct buf *answer, char *reason, size_t size);

/*
 * The same of a command that answers while it works: fn gets each line of the
 * answer, without its end, when the next one comes or there is none; its
 * negative return ends it and is returned. Lines of progress go to stderr
 * where that is a terminal, else nowhere. The last line before a failure is
 * the reason. *ret_refused: the words were wrong, nothing had begun.
 */
typedef int (*control_client_line_fn)(void *ctx, const char *line);
int control_client_stream(const char *root, const char *line,
			  control_client_line_fn fn, void *ctx, char *reason,
			  size_t size, bool *ret_refused);

#endif
