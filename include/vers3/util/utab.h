/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line of a mount in /run/mount/utab, where mount(8) notes what only user
 * space knows of a mount.
 *
 * umount(8), given an absolute path, takes every FUSE file system for one of
 * the type "fuse", and runs no helper of ours, unless a line there names the
 * path: then it asks for the true type, fuse.vers3, whose helper waits until
 * everything is in the bucket. The line also says _netdev, by which systemd
 * unmounts before the network goes; and x-vers3=PID, by which we know it. One
 * that was left behind makes umount(8) look closer, and nothing else; it takes
 * the line along, whatever it unmounts there.
 *
 * mount(8) and umount(8) are run for it: they know the file's locks, and who is
 * to be told. That fails where there is no such file or we are not root, which
 * is no error of the mount. (What a user mounts needs no line: umount(8) cannot
 * look at it by its path, and asks for the true type.)
 */
#ifndef VERS3_UTIL_UTAB_H
#define VERS3_UTIL_UTAB_H

/*
 * Whose the last line of a mount point in a file of that format is: the
 * process that its x-vers3 names; 0 when there is none, or it has none.
 */
long utab_pid(const char *file, const char *mountpoint);

/*
 * Adds the line of a mount of this process. mountpoint as the kernel names it;
 * it may be one that nobody serves yet: it is not looked at.
 */
void utab_add(const char *source, const char *mountpoint);
/*
 * After an unmount: takes away the lines of the mount point that are of this
 * process, or of one that has ended, unless others have come on top since.
 */
void utab_clear(const char *mountpoint);

#endif
