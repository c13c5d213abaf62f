/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control file's command on when a file expires. Appends its answer, which
 * says what was wrong when it fails. Waits for the bucket; any thread, no lock
 * held. 0 or -errno.
 */
#ifndef VERS3_SRC_CONTROL_EXPIRE_COMMAND_H
#define VERS3_SRC_CONTROL_EXPIRE_COMMAND_H

#include "vers3/control/control_state.h"

/*
 * Sets it where value is not NULL, and tells it: a section [expire] with path,
 * directory, expire (such as 7d, or never) and rule.
 */
int expire_command(struct control *control, const char *path, const char *value,
		   struct buf *answer);

#endif
