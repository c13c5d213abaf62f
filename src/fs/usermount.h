/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounting where /dev/fuse is closed to this process, or not there, as in many
 * containers: a program fusermount3 that is allowed to has the device opened,
 * mounts, and hands the device over. (libfuse has it mount only where it could
 * open the device itself. Its own fusermount3 opens it as the user who calls;
 * others ask somebody outside of the container.)
 */
#ifndef VERS3_SRC_FS_USERMOUNT_H
#define VERS3_SRC_FS_USERMOUNT_H

/* 0, or the -errno by which this process cannot have the device. */
int usermount_device(void);
/*
 * Mounts; options are those of mount(8), with FUSE's. *ret_fd: the device,
 * owned by the caller. *ret_socket: -1, or with auto_unmount what fusermount3
 * watches, to be kept open as long as the mount is to stay. fusermount3 tells
 * stderr itself what it does not like. 0 or -errno; -ENOENT: there is no
 * fusermount3.
 */
int usermount_mount(const char *options, const char *mountpoint, int *ret_fd,
		    int *ret_socket);
/* Unmounts, lazily, unless somebody has. Ends the connection behind fd. */
void usermount_unmount(const char *mountpoint, int fd);

#endif
