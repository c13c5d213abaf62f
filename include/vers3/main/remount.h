/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount -o remount: mount(8) runs its helper for it. The kernel keeps changes
 * out of a mount that is read-only, while the daemon goes on and sends what was
 * changed before; nothing else of a mount can be changed while it is there.
 */
#ifndef VERS3_MAIN_REMOUNT_H
#define VERS3_MAIN_REMOUNT_H

#include <stddef.h>

#include "vers3/main/options.h"

/*
 * Makes the mount at o->mountpoint read-only or not, as o says; its other flags
 * stay. 0, or -errno with one line in reason (size bytes).
 */
int remount(const struct options *o, char *reason, size_t size);

#endif
