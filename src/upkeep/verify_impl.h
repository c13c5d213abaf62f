/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a sweep share: its words, its counts, what it finds. */
#ifndef VERS3_SRC_UPKEEP_VERIFY_IMPL_H
#define VERS3_SRC_UPKEEP_VERIFY_IMPL_H

#include "copy.h"
#include "integrity.h"
#include "sampling.h"
#include "throttle.h"
#include "vers3/core/mount.h"
#include "vers3/util/answer_stream.h"

#define VERIFY_WIDTH	  8 /* looked at at once */
#define VERIFY_SLICE	  64 /* looked at between two checkpoints, at most */
#define VERIFY_LISTED_MAX 10000 /* findings that are told one by one */

enum verify_pass {
	VERIFY_CACHE, /* by inodes */
	VERIFY_REPLICA, /* by keys */
	VERIFY_PASSES,
};

struct verify_counts {
	uint64_t objects; /* that were met */
	uint64_t sampled; /* of those: looked at */
	uint64_t bytes; /* read of both sides */
	uint64_t mismatches;
	uint64_t unclear; /* nothing told whether they are the same */
	uint64_t changed; /* by others, since they were known or listed */
	uint64_t pending; /* the replica is to get them yet */
	uint64_t repaired; /* of the mismatches */
	uint64_t dropped; /* of them: wrong blocks went out of the cache */
	uint64_t listed; /* findings that were told one by one */
};

/* What has come of one version. */
struct verify_finding {
	enum integrity what;
	enum right_side right; /* where what is no INTEGRITY_SAME */
	bool changed, pending; /* no mismatch, nor the same */
	bool repaired, dropped;
	uint64_t bytes; /* that were read for it */
	char why[COPY_WHY_MAX]; /* "" : `what` says it all */
};

struct verify_item {
	struct meta_version version; /* key below the mount's prefix */
	uint64_t ino; /* VERIFY_CACHE */
	uint64_t met; /* objects up to it, that come after the last item */
	struct verify_finding found;
};

/* A sweep. Constant while its threads work, but for the items' findings. */
struct verify {
	struct mount *mount; /* borrowed, as the next */
	struct view *view;
	char *path; /* owned; "": the whole mount */
	bool against[VERIFY_PASSES];
	bool deep, repair;
	struct sampling sampling;
	uint32_t threshold_ppm; /* where has_threshold */
	bool has_threshold;
	uint64_t rate_bytes; /* a second; 0: no bound */
	/* Of a run. */
	bool resumed;
	enum verify_pass from_pass; /* where it goes on, or begins */
	uint64_t from_ino;
	char from_key[META_KEY_MAX + 1]; /* whole; "": at the first */
	struct verify_counts counts;
	int64_t began_ns, told_ns; /* realtime; monotonic: last checkpoint */
	struct throttle throttle;
	struct pool *pool; /* owned */
	struct answer_stream *answer; /* borrowed */
};

/* How many are looked at between checkpoints: fewer where bytes are read. */
size_t verify_slice(const struct verify *v);
/* Whether a key below the prefix is the sweep's path, or below it. */
bool verify_is_below(const struct verify *v, const char *key);
/*
 * Has look() done for each item, some at once, and tells what was found. 0;
 * what look() returns is no finding, but the end of the sweep.
 */
int verify_look_at(struct verify *v, enum verify_pass pass,
		   struct verify_item *items, size_t count,
		   int (*look)(struct verify *v, struct verify_item *item));
/*
 * All up to there was looked at: tells so, once in a while. key: whole, or
 * NULL. Returns 0, or -EINTR when the answer is not wanted any more.
 */
int verify_checkpoint(struct verify *v, enum verify_pass pass, uint64_t ino,
		      const char *key);
/*
 * An error of one copy: a finding that nothing can be told of it, and 0; or
 * the error, where the server is away or nobody waits any more.
 */
int verify_unreadable(struct verify_item *item, int rc, const char *why);
struct content_sum;
/*
 * Reads all bytes of a copy that is there, against a fact that outlives the
 * sum. extra (may be NULL) gets them, too. 0 with a sum that has ended, for
 * content_sum_free(); or -errno with c->why.
 */
int verify_read(struct verify *v, struct verify_item *item, struct copy *c,
		const struct fact *fact, copy_bytes_fn extra, void *ctx,
		struct content_sum **ret_sum);

/* The passes. */
int verify_cache(struct verify *v);
int verify_replica(struct verify *v);
/*
 * The bucket has nothing of a key any more that the mount knows to have had
 * such an object: sends it again from the replica, where its bytes are what
 * is known of it; item->found says what came of it. 0, or the error that ends
 * the sweep.
 */
int verify_replica_restore(struct verify *v, struct verify_item *item,
			   const char *key, const struct fact *known);

/* Words and answers: verify_words.c, verify_report.c. */
int verify_take_words(struct verify *v, char *const *words, size_t count,
		      char *reason, size_t size);
int verify_tell_finding(struct verify *v, enum verify_pass pass,
			const struct verify_item *item);
int verify_tell_checkpoint(struct verify *v, enum verify_pass pass,
			   uint64_t ino, const char *key);
int verify_tell_end(struct verify *v);
/* What verify_tell_checkpoint() has told. 0 or -EINVAL. */
int verify_take_checkpoint(struct verify *v, const char *text);
const char *verify_pass_name(enum verify_pass pass);

#endif
