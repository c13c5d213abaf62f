/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERS3_SRC_CTL_FOLLOW_H
#define VERS3_SRC_CTL_FOLLOW_H

#include <jansson.h>

struct target;

/*
 * Shows the versions of a file and of what it was before it was renamed, by
 * time, each with its name: on stdout, or appended to list unless NULL. 0 or
 * -errno.
 */
int follow_show(const struct target *p, json_t *list, unsigned *ret_count);

#endif
