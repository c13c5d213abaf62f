/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What two facts about an object say of each other, and which of two copies
 * is the right one. Pure, any thread; all is borrowed. Sizes in bytes.
 */
#ifndef VERS3_SRC_UPKEEP_INTEGRITY_H
#define VERS3_SRC_UPKEEP_INTEGRITY_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/util/kv.h"

/* What is said of a copy: by a list, by the server, or by the mount. */
struct fact {
	bool there;
	uint64_t size_bytes;
	const char *etag; /* without quotes; "" or NULL: not told */
	const struct kvlist *headers; /* NULL: not asked */
	const struct kvlist *meta; /* likewise, without x-amz-meta- */
};

/*
 * The server's check of the whole by the name of its header; NULL: it has none
 * of that kind, or one of the checks of parts.
 */
const char *fact_sum(const struct fact *f, const char *header);

enum integrity {
	INTEGRITY_SAME,
	INTEGRITY_MISSING, /* one of them is not there */
	INTEGRITY_SIZE,
	INTEGRITY_ETAG, /* both are the MD5 of the bytes, and differ */
	INTEGRITY_CHECKSUM, /* both have the same kind of it */
	INTEGRITY_CONTENT, /* the bytes were read, and differ */
	INTEGRITY_BLOCK, /* likewise of a block that is cached */
	INTEGRITY_UNCLEAR, /* nothing that both have tells */
};

/*
 * By what the facts alone tell. ETags that differ say something only where
 * both are an MD5: one of parts says by its dash that it is none, and what is
 * encrypted by its headers; so a fact without headers (a list's) is a first
 * look, of which only INTEGRITY_SAME, _MISSING and _SIZE count.
 */
enum integrity integrity_compare(const struct fact *a, const struct fact *b);
/* "size", "etag", ... as a report has it. */
const char *integrity_word(enum integrity i);

/* What has been read of a copy, against what is said of it. */
enum proof {
	PROOF_NONE, /* nothing that is said can be compared, or it differs */
	PROOF_RIGHT,
	PROOF_WRONG,
};

/*
 * Checks that the server itself keeps count: agree and differ, how many of
 * them do. Metadata of other programs (meta_agrees) may be older than the
 * bytes, so it counts for a proof, not against, and only where there is
 * nothing else.
 */
enum proof integrity_proof(unsigned agree, unsigned differ, bool meta_agrees);

enum right_side {
	RIGHT_NONE, /* nothing may be written */
	RIGHT_BUCKET,
	RIGHT_OTHER,
};

/*
 * Which copy is to be sent in place of the other one. The bucket of the mount
 * is what the other copy was made of: its bytes are right when they are what
 * is said of them, whatever the other's own ETag says. The other copy is right
 * only where the bucket's bytes are not (PROOF_WRONG, or no object at all) and
 * the other's bytes are what is said of the bucket's.
 *
 * bucket: the bucket's bytes against what is said of them; other: the other
 * copy's bytes against the same.
 */
enum right_side integrity_right_side(bool bucket_there, enum proof bucket,
				     bool other_there, enum proof other);

#endif
