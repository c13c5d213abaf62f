/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One copy of an object, in the mount's bucket or in another one: what is said
 * of it, and its bytes. What fails is told in words, the server's with what it
 * takes to ask whoever runs it.
 *
 * Blocks; one thread at a time, no lock held. Sizes in bytes.
 */
#ifndef VERS3_SRC_UPKEEP_COPY_H
#define VERS3_SRC_UPKEEP_COPY_H

#include "integrity.h"
#include "throttle.h"
#include "vers3/store/store.h"

#define COPY_WHY_MAX	400
#define COPY_READ_BYTES (UINT64_C(4) << 20) /* that one reader holds */

struct copy {
	struct store *store; /* borrowed, as the next two */
	const char *key; /* whole */
	const char *version_id; /* NULL: the current version */
	struct store_request head; /* of copy_look() */
	struct fact fact; /* borrows from head */
	char why[COPY_WHY_MAX]; /* the last failure */
};

void copy_init(struct copy *c, struct store *store, const char *key,
	       const char *version_id);
void copy_release(struct copy *c);
/*
 * Asks what is there (HeadObject), again if it was before. 0, also when
 * nothing is: fact.there. -errno: why says it.
 */
int copy_look(struct copy *c);
/* The id of the version that was looked at; NULL: it has none of its own. */
const char *copy_version(const struct copy *c);
/* Whether two looks have met the same version, or nothing twice. */
bool copy_is_as_before(const struct copy *before, const struct copy *now);

/* Gets bytes in their order; a negative return ends it and is returned. */
typedef int (*copy_bytes_fn)(void *ctx, uint64_t offset, const void *data,
			     size_t size);
/*
 * Reads bytes of the very version that was looked at, which is there, on the
 * calling thread (GetObject). 0; -ESTALE when it is gone, or is not as long.
 */
int copy_read(struct copy *c, struct throttle *t, uint64_t offset,
	      uint64_t length, copy_bytes_fn fn, void *ctx);
/* Puts why a request of this store has failed into text, size bytes. */
void copy_explain(const struct store_request *r, int rc, char *text,
		  size_t size);

#endif
