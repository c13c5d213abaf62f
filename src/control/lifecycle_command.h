/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control file's commands on lifecycle rules. Each appends its answer,
 * which says what was wrong when it fails. Wait for the bucket; any thread, no
 * lock held. 0 or -errno.
 */
#ifndef VERS3_SRC_CONTROL_LIFECYCLE_COMMAND_H
#define VERS3_SRC_CONTROL_LIFECYCLE_COMMAND_H

#include <stddef.h>

#include "vers3/control/control_state.h"

/* ID WORD...: see lifecycle_spec_parse(). The word dry-run changes nothing. */
int lifecycle_command_set(struct control *control, char **args, size_t count,
			  struct buf *answer);
/* ID [dry-run] */
int lifecycle_command_remove(struct control *control, char **args, size_t count,
			     struct buf *answer);
int lifecycle_command_list(struct control *control, struct buf *answer);

#endif
