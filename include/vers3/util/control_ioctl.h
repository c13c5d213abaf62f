/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How vers3ctl finds a mount's control file and history, and how a command
 * reaches the control file of a read-only mount: the kernel
 * opens no file there for writing, but it passes an ioctl(2) of one that is
 * open for reading. The answer is read from the descriptor as after a write.
 */
#ifndef VERS3_UTIL_CONTROL_IOCTL_H
#define VERS3_UTIL_CONTROL_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

/*
 * The control file is at the root of a mount under this name, too, whatever
 * control_file= calls it. It is no UTF-8, so no file can have it.
 */
#define CONTROL_ANY_NAME                                                       \
	"\xff"                                                                 \
	"vers3"
/* An attribute of the root: what the mount calls .versions; ENODATA: none. */
#define CONTROL_VERSIONS_XATTR "vers3.versions_dir"
/* Another: what was mounted read-only; ENODATA for what was not. */
#define CONTROL_READ_ONLY_XATTR "vers3.read_only"

/* A line without its newline, ended by a NUL. */
struct control_ioctl_line {
	char text[8192];
};

/* Carries the line out. 0, or -1 with the errno that a write would give. */
#define CONTROL_IOCTL_LINE _IOW('V', 1, struct control_ioctl_line)

/* The inode number of the history, as readdir(3) tells it of the root. */
#define CONTROL_VERSIONS_INO UINT64_C(3)

#endif
