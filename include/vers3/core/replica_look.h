/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a version is in the replica already, asked there and then, and
 * waiting until it is.
 *
 * Any thread, no lock held; blocks, and ends with the thread's cancel
 * (-EINTR). Only for mounts that have a replica. S3 API: HeadObject.
 */
#ifndef VERS3_CORE_REPLICA_LOOK_H
#define VERS3_CORE_REPLICA_LOOK_H

#include "vers3/core/mount.h"

enum replica_look {
	REPLICA_LOOK_LACKS,
	REPLICA_LOOK_HAS, /* it can be read there */
	REPLICA_LOOK_OTHER, /* by that version id it has another size */
};

/* A version to look for. Strings are borrowed. */
struct replica_version {
	const char *key; /* the whole one */
	const char *version_id; /* "" : not known, then the present one */
	const char *etag; /* "" : not known */
	uint64_t size_bytes;
};

/*
 * Asks until until_ns at most (monotonic; 0: without an end). 0; -ETIMEDOUT;
 * or why it could not be asked, as store_call(), with one line in why (size
 * bytes; NULL: it is not wanted), as store_describe() has it.
 */
int replica_look(struct mount *mount, const struct replica_version *v,
		 int64_t until_ns, enum replica_look *ret_look, char *why,
		 size_t size);
/*
 * Returns when the replica has it. 0; -ETIMEDOUT at until_ns, as when it has
 * not come or the replica does not answer; -EUCLEAN where it has another one
 * by that id; or what will not change by waiting, as -EACCES.
 */
int replica_wait(struct mount *mount, const struct replica_version *v,
		 int64_t until_ns);

#endif
