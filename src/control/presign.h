/* SPDX-License-Identifier: Apache-2.0 */
/* The command presign: a URL that lets whoever has it read or write a file. */
#ifndef VERS3_SRC_CONTROL_PRESIGN_H
#define VERS3_SRC_CONTROL_PRESIGN_H

#include <stddef.h>

#include "vers3/util/buf.h"

struct control;

/*
 * path as path_arg() leaves it; words: [expires=T] [put] [version=ID]. Appends
 * a section [presign] in git-config syntax, or on failure one line that says
 * why. Sends nothing where the name is known. 0 or -errno.
 */
int presign(struct control *control, const char *path, const char *const *words,
	    size_t count, struct buf *answer);

#endif
