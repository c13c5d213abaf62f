/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions that are to come to the replica: which there are, which have come,
 * and what keeps the others. Not for several threads at a time, but that a
 * look asks for many at once.
 */
#ifndef VERS3_SRC_UPKEEP_AWAITED_H
#define VERS3_SRC_UPKEEP_AWAITED_H

#include "version_cursor.h"
#include "vers3/core/mount.h"
#include "vers3/upkeep/replica_told.h"

#define AWAITED_MAX 10000 /* that are held; beyond, they are looked up anew */

enum awaited_state {
	AWAITED_PENDING, /* not there yet, for all that is known */
	AWAITED_THERE,
	AWAITED_GONE, /* the bucket has it no more: nobody waits for it */
	AWAITED_FAILED, /* the server has given it up, or says it is done */
	AWAITED_OTHER, /* the replica has another one by its id */
	AWAITED_UNTOLD, /* nothing tells, nor will */
};

struct awaited {
	struct version_entry entry; /* owned */
	enum awaited_state state;
	enum replica_told told; /* by the bucket's server, when last asked */
	int error; /* why it could not be asked for, last time; 0 */
	char *why; /* owned: of a refusal, in the server's words; or NULL */
};

struct pool;

struct awaited_set {
	struct mount *mount; /* borrowed, as the next */
	struct pool *pool;
	int64_t until_ns; /* monotonic: no look at the replica goes on beyond */
	struct awaited *items; /* owned */
	size_t count, size;
	uint64_t passed_over; /* for which there was no room */
	size_t looked; /* of the look under way */
};

/*
 * Takes the entry over (key NULL then), where there is room. state: PENDING, or
 * OTHER where the lists have told so. error: why the replica could not be asked
 * for it so far, or 0. 0 or -ENOMEM.
 */
int awaited_add(struct awaited_set *s, struct version_entry *e,
		enum awaited_state state, int error);
void awaited_release(struct awaited_set *s);
/* Lets those go that have come, or are gone. */
void awaited_drop_done(struct awaited_set *s);
/*
 * Asks for all that is PENDING: in the replica, or where there is none, how the
 * bucket's server says that it stands. Blocks. 0 or -EINTR.
 */
int awaited_look(struct awaited_set *s);
/*
 * Asks the bucket's server how those stand that have not come, the first `most`
 * of them: what FAILED is not waited for any more. Blocks. 0 or -EINTR.
 */
int awaited_ask_status(struct awaited_set *s, size_t most);
/* How many have that state. */
size_t awaited_count(const struct awaited_set *s, enum awaited_state state);
/* What keeps it, in words; of one that has not come. */
const char *awaited_why(const struct awaited_set *s, const struct awaited *a);

#endif
