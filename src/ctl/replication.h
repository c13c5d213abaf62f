/* SPDX-License-Identifier: Apache-2.0 */
/* What `replication wait` and `sync --replica` share. */
#ifndef VERS3_SRC_CTL_REPLICATION_H
#define VERS3_SRC_CTL_REPLICATION_H

#include "ctl.h"

/*
 * Has the mount wait, by that verb of the control file, until the replica has
 * all at path (NULL: the whole mount), for c->timeout. An exit status.
 */
int replication_wait(const struct ctl_call *c, const char *path,
		     const char *verb);

#endif
