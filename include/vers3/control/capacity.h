/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large the file system is, for df. A bucket has no size of its own, but
 * some servers (Ceph) say with HeadBucket how much is in it, versions and all,
 * and what it or its owner may have:
 *
 *	x-rgw-bytes-used, x-rgw-object-count
 *	x-rgw-quota-bucket-size, -objects, x-rgw-quota-user-size, -objects
 *					-1: no limit
 *
 * Of an owner's quota it is not known what other buckets take. Where the server
 * knows no limit it is quota=, the room for unsent changes; without that 1 PiB.
 *
 * Any thread, no lock held. Sizes in bytes.
 */
#ifndef VERS3_CONTROL_CAPACITY_H
#define VERS3_CONTROL_CAPACITY_H

#include <sys/statvfs.h>

struct control;

/*
 * Fills ret_st. The server is asked when what it said is older than ttl=; only
 * the first time is it waited for, and not for long.
 */
void capacity_read(struct control *control, struct statvfs *ret_st);

#endif
