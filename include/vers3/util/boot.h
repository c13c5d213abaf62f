/* SPDX-License-Identifier: Apache-2.0 */
/* Which boot of the machine this is. */
#ifndef VERS3_UTIL_BOOT_H
#define VERS3_UTIL_BOOT_H

#define BOOT_ID_SIZE 64

/*
 * Writes the boot's id, of at most BOOT_ID_SIZE - 1 bytes without a line
 * feed. What was written to files and not synced is whole as long as the id
 * stays the same. -ENOENT where the system does not tell.
 */
int boot_id(char *buf);

#endif
