/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that take long: each works on a thread of its own and its answer
 * is read while it is made (answer_stream.h). One whose answer nobody reads
 * waits with its thread, and keeps no other from working: there is one for
 * each, and beyond LONG_COMMANDS_MAX none begins.
 *
 * Any thread, no lock held. 0 or -errno.
 */
#ifndef VERS3_SRC_CONTROL_LONG_COMMAND_H
#define VERS3_SRC_CONTROL_LONG_COMMAND_H

#include "vers3/util/answer_stream.h"

#define LONG_COMMANDS_MAX 64

/* What a command is to do, once its words are known to be good. */
struct long_command {
	const char *name; /* borrowed for good: of a table */
	/*
	 * Works and writes the answer: 0, or -errno after
	 * answer_stream_fail(). NULL: there is nothing to do.
	 */
	int (*run)(void *arg, struct answer_stream *answer);
	void (*release)(void *arg); /* frees arg */
	void *arg; /* owned */
};

/* Frees what it is to work on; it is then nothing to do. */
void long_command_release(struct long_command *c);

struct long_commands;
/*
 * ended: called when a command has ended, before its reader knows, on the
 * command's thread; why is the line on its failure, or "".
 */
typedef void (*long_command_ended_fn)(void *ctx, int rc, const char *why);
int long_commands_new(long_command_ended_fn ended, void *ctx,
		      struct long_commands **ret_commands);
/* Cancels what works and waits for its end. NULL is fine. */
void long_commands_free(struct long_commands *l);
/*
 * Begins it and takes it over, whatever this returns. Who has the answer's
 * stream cancels it when it is not wanted any more, and drops it. -EBUSY when
 * LONG_COMMANDS_MAX of them have not ended yet.
 */
int long_commands_begin(struct long_commands *l, struct long_command *command,
			struct answer_stream **ret_stream);
/* Ends all reads of their answers whose cancel is set. */
void long_commands_give_up(struct long_commands *l);

struct control_session;
/*
 * What is read from the session is this command's answer from now on. Needs
 * the session's mutex, or that nobody else uses it; takes the command over.
 */
int control_session_begin(struct control_session *s,
			  struct long_command *command);

#endif
