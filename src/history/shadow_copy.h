/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .versions/@GMT: what Samba's shadow_copy2 lists as previous versions, each
 * instant under its own spelling, @GMT-2026.11.21-12.00.00. Any instant is
 * found there; listed are
 *
 *	the named points
 *	the full hours of the last day
 *	the beginnings of the last thirty days, in UTC
 *
 * A name in whole seconds that a named point has means that very point.
 */
#ifndef VERS3_SRC_HISTORY_SHADOW_COPY_H
#define VERS3_SRC_HISTORY_SHADOW_COPY_H

#include "vers3/history/named_snapshots.h"

struct view;

#define GMT_DIR "@GMT" /* in .versions */

/* What is listed, the names without '@'; the caller releases it. May wait. */
int shadow_copy_list(struct view *view, struct point_list *ret_list);
/* The instant of a name with its '@'. 0, -ENOENT. May wait. */
int shadow_copy_time(struct view *view, const char *name, int64_t *ret_ns);

#endif
