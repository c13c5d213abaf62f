/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a command reaches the control file of a read-only mount: the kernel
 * opens no file there for writing, but it passes an ioctl(2) of one that is
 * open for reading. The answer is read from the descriptor as after a write.
 */
#ifndef VERS3_UTIL_CONTROL_IOCTL_H
#define VERS3_UTIL_CONTROL_IOCTL_H

#include <sys/ioctl.h>

/* A line without its newline, ended by a NUL. */
struct control_ioctl_line {
	char text[8192];
};

/* Carries the line out. 0, or -1 with the errno that a write would give. */
#define CONTROL_IOCTL_LINE _IOW('V', 1, struct control_ioctl_line)

#endif
