/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the control file's commands about the replica. Each fills in
 * what is to be done by a long command. Any thread; 0, or -errno after one line
 * of the answer that says why.
 */
#ifndef VERS3_SRC_CONTROL_REPLICATION_COMMAND_H
#define VERS3_SRC_CONTROL_REPLICATION_COMMAND_H

#include <stddef.h>

#include "long_command.h"
#include "vers3/util/buf.h"

struct control;

/*
 * path: what comes first, as path of the namespace; NULL: none was named. args:
 * the words behind it, borrowed.
 *
 * check [PATH] [quick]
 */
int replication_command_check(struct control *control, const char *path,
			      char **args, size_t count, struct buf *answer,
			      struct long_command *command);
/* wait [PATH] [timeout=T]; also as `sync replica`: name is the command's. */
int replication_command_wait(struct control *control, const char *name,
			     const char *path, char **args, size_t count,
			     struct buf *answer, struct long_command *command);

#endif
