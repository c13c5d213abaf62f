/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syncer's decision: the one request that brings a key of the bucket
 * from what it is known to hold to what the namespace wants there. Pure.
 *
 * Any thread. What goes in is borrowed for the call. Sizes in bytes, times in
 * ns.
 */
#ifndef VERS3_JOURNAL_RECONCILE_H
#define VERS3_JOURNAL_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/util/clock.h"

#define RECONCILE_SINGLE_MAX (UINT64_C(8) << 20) /* of one PUT */
#define RECONCILE_COPY_MAX   (UINT64_C(5) << 30) /* of CopyObject: S3's */
#define RECONCILE_QUIET_NS   (30 * NS_PER_S) /* patience with who is at it */

enum reconcile_action {
	RECONCILE_DROP, /* they are equal: the key is clean */
	RECONCILE_DELETE,
	RECONCILE_PUT, /* one PUT of the whole */
	RECONCILE_COPY, /* server-side, from the base, attributes anew */
	RECONCILE_UPLOAD, /* multipart: plan.h */
};

struct reconcile_in {
	const char *key; /* below the mount's prefix */
	const struct meta_version *known; /* key "" : nothing there */
	const struct meta_inode *inode; /* NULL: nothing is wanted there */
	bool versioned; /* the bucket keeps what is overwritten */
	uint64_t copy_max; /* of CopyObject, bytes; 0: S3's 5 GiB */
};

enum reconcile_action reconcile(const struct reconcile_in *in);
/* When a file is left alone for long enough to be saved. */
struct reconcile_due_in {
	int64_t since_ns; /* of its first change that is not saved */
	int64_t changed_ns; /* of its last change */
	int64_t commit_ns; /* to be left alone for so long */
	int64_t save_after_ns; /* not to go unsaved for longer; 0: for ever */
	bool written; /* somebody has it open for writing */
};
/* Realtime, as what goes in. */
int64_t reconcile_due(const struct reconcile_due_in *in);
/* "drop" and so on, for the log. */
const char *reconcile_action_name(enum reconcile_action action);

/*
 * What is no file has its whole state in its attributes, as we know them:
 * unless nobody has asked for them yet, or its object has bytes that others
 * have put there. Then a new state of it is made from the object that it is
 * based on.
 */
bool reconcile_needs_object(const struct meta_inode *inode);
/*
 * Whether the bytes of the inode's base can still be copied by the server:
 * always on a versioned bucket; else unless the key where they stood is
 * known to hold another version now.
 */
bool reconcile_can_copy(const struct reconcile_in *in);

#endif
