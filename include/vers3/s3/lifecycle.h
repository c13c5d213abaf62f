/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lifecycle configurations of a bucket: read, explained, and edited rule by
 * rule. See "PutBucketLifecycleConfiguration" and "Lifecycle configuration
 * elements" of Amazon S3.
 *
 * Pure: no I/O, no locks, any thread.
 */
#ifndef VERS3_S3_LIFECYCLE_H
#define VERS3_S3_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

struct lifecycle_transition {
	uint64_t days; /* 0 is a number of days too */
	int64_t date_ns; /* instead of days; 0: none */
	uint64_t newer_versions; /* noncurrent: as keep_versions */
	char *storage_class; /* owned */
};

struct lifecycle_transitions {
	struct lifecycle_transition *items; /* owned */
	size_t count;
};

struct lifecycle_rule {
	char *id; /* owned; "" if it has none */
	bool enabled;
	char *prefix; /* owned; "" for every key */
	struct kvlist tags; /* an object must carry all of them */
	bool has_over, has_under; /* 0 bytes is a size, too */
	uint64_t size_over_bytes;
	uint64_t size_under_bytes;
	uint64_t expire_days; /* 0: none */
	int64_t expire_date_ns; /* 0: none */
	bool expire_markers; /* a delete marker with nothing below it */
	uint64_t noncurrent_days; /* 0: none */
	uint64_t keep_versions; /* noncurrent ones that stay; 0: none */
	uint64_t abort_days; /* unfinished uploads; 0: none */
	struct lifecycle_transitions transitions;
	struct lifecycle_transitions noncurrent_transitions;
};

struct lifecycle {
	struct lifecycle_rule *rules; /* owned; in the document's order */
	size_t count;
};

/*
 * Reads a LifecycleConfiguration document. 0, -EIO when it cannot be
 * understood, -EFBIG, -ENOMEM; release it after 0 alone.
 */
int lifecycle_parse(const char *doc, size_t len, struct lifecycle *ret);
void lifecycle_release(struct lifecycle *l);

/*
 * Appends each rule as a `[lifecycle "id"]` section of git-config syntax,
 * with those of these keys that it has: status, prefix (what follows root, a
 * text that keys begin with), bucketPrefix (where the rule's prefix does not
 * begin with root), tags (k=v, one a value), sizeOver, sizeUnder, expireDays,
 * expireDate, expireMarkers, noncurrentDays, keepVersions, transitions and
 * noncurrentTransitions (CLASS:30d, one a value; CLASS:30d:3 where the newest
 * three stay), abortUploadsDays. 0, -ENOMEM, -EFBIG.
 */
int lifecycle_write(const struct lifecycle *l, const char *root,
		    struct buf *out);

/*
 * That many days after a time, at the midnight (UTC) that follows, as S3
 * counts; INT64_MAX past what a time can hold.
 */
int64_t lifecycle_after_days(int64_t ns, uint64_t days);

/* When a rule expires a current version of that mtime; 0: never. */
int64_t lifecycle_expiry_ns(const struct lifecycle_rule *rule,
			    int64_t mtime_ns);
/* When a version of that mtime, or noncurrent since then, changes class. */
int64_t lifecycle_move_ns(const struct lifecycle_transition *t,
			  int64_t since_ns);

/* Why a rule is not about an object. */
enum lifecycle_match {
	LIFECYCLE_MATCHES,
	LIFECYCLE_DISABLED,
	LIFECYCLE_OTHER_PREFIX,
	LIFECYCLE_TOO_SMALL,
	LIFECYCLE_TOO_LARGE,
	LIFECYCLE_TAG_MISSING,
};

/*
 * The first reason. tags NULL: none; size_bytes NULL: no size decides. ret_tag:
 * of LIFECYCLE_TAG_MISSING, borrowed from the rule.
 */
enum lifecycle_match lifecycle_match(const struct lifecycle_rule *rule,
				     const char *key, const struct kvlist *tags,
				     const uint64_t *size_bytes,
				     const struct kv **ret_tag);

/* What awaits a current version. Rules are borrowed from the lifecycle. */
struct lifecycle_fate {
	int64_t expire_ns; /* 0: never */
	const struct lifecycle_rule *expire_rule; /* NULL: never */
	int64_t transition_ns; /* the first one still to come after mtime */
	const struct lifecycle_transition *transition; /* NULL: none */
	const struct lifecycle_rule *transition_rule;
};

/*
 * When a current version written at mtime_ns expires and changes class. Days
 * end at the midnight (UTC) that follows, as S3 counts them; of several
 * rules the earliest decides. Size limits of the service's own (128 KiB for
 * transitions) are not looked at.
 */
void lifecycle_fate(const struct lifecycle *l, const char *key,
		    const struct kvlist *tags, uint64_t size_bytes,
		    int64_t mtime_ns, struct lifecycle_fate *ret_fate);
/*
 * A change to a rule, from words as `lifecycle set` has them:
 *
 *	prefix=TEXT		expire=7d|2027-01-01|none	markers[=none]
 *	tag=KEY=VALUE|none	noncurrent=30d|none	keep=3|none
 *	abort=7d|none		class=CLASS:30d|none	status=enabled|disabled
 *	over=128K|none		under=1G|none
 *	noncurrent-class=CLASS:30d[:3]|none
 *
 * tag=, class= and noncurrent-class= may be there several times; together they
 * replace the rule's tags or transitions. A rule holds expire= or markers, not
 * both: the one that is set takes the other away.
 */
struct lifecycle_spec {
	unsigned set; /* bits of enum lifecycle_field */
	char *root; /* owned; the prefix of a new rule; NULL: every key */
	char *prefix; /* owned */
	struct kvlist tags;
	bool has_over; /* 0 bytes is a size, too */
	uint64_t over_bytes;
	uint64_t under_bytes; /* 0: none */
	uint64_t expire_days; /* this or the next, or neither for "none" */
	char *expire_date; /* owned; as S3 spells it */
	bool markers;
	uint64_t noncurrent_days;
	uint64_t keep_versions;
	uint64_t abort_days;
	struct lifecycle_transitions transitions;
	struct lifecycle_transitions noncurrent_transitions;
	bool enabled;
};

enum lifecycle_field {
	LIFECYCLE_PREFIX = 1 << 0,
	LIFECYCLE_TAGS = 1 << 1,
	LIFECYCLE_EXPIRE = 1 << 2,
	LIFECYCLE_MARKERS = 1 << 3,
	LIFECYCLE_NONCURRENT = 1 << 4,
	LIFECYCLE_KEEP = 1 << 5,
	LIFECYCLE_ABORT = 1 << 6,
	LIFECYCLE_CLASS = 1 << 7,
	LIFECYCLE_STATUS = 1 << 8,
	LIFECYCLE_OVER = 1 << 9,
	LIFECYCLE_UNDER = 1 << 10,
	LIFECYCLE_NONCURRENT_CLASS = 1 << 11,
};

/*
 * 0, -EINVAL with one line in reason (size bytes) that names the bad word
 * and what it should be, -ENOMEM. Release it after 0 alone.
 */
int lifecycle_spec_parse(const char *const *words, size_t count,
			 struct lifecycle_spec *ret_spec, char *reason,
			 size_t size);
void lifecycle_spec_release(struct lifecycle_spec *spec);
/*
 * Has the words mean keys that begin with root, to which prefix= is added; a
 * new rule without prefix= is for those keys. 0 or -ENOMEM.
 */
int lifecycle_spec_below(struct lifecycle_spec *spec, const char *root);

/*
 * Appends to out the document with rule `id` changed as spec says, or added.
 * doc NULL: there was none. The rest of the document stays as it came, byte
 * for byte; the rest of the rule does, element for element, those unknown to
 * vers3 included. 0, -EINVAL with a
 * reason (the rule would do nothing, an id or text that XML cannot carry),
 * -EIO for a document that cannot be understood, -ENOMEM, -EFBIG.
 */
int lifecycle_set(const char *doc, size_t len, const char *id,
		  const struct lifecycle_spec *spec, struct buf *out,
		  char *reason, size_t size);
/*
 * Appends the document as every server reads it: some write what they do not
 * read (a Prefix beside an And). lifecycle_set() and _remove() do the same.
 * 0, -EIO (also for a rule that says two things), -ENOMEM, -EFBIG.
 */
int lifecycle_normalise(const char *doc, size_t len, struct buf *out);
/*
 * Appends the document without that rule; nothing when it was the last one,
 * which S3 wants as DeleteBucketLifecycle. 0, -ENOENT, -EIO, -ENOMEM, -EFBIG.
 */
int lifecycle_remove(const char *doc, size_t len, const char *id,
		     struct buf *out);

/*
 * Appends what differs between two documents (NULL: none) as a unified diff of
 * their lines, an element each; nothing where they say the same. 0, -EIO,
 * -ENOMEM, -EFBIG.
 */
int lifecycle_diff(const char *old, size_t old_len, const char *new,
		   size_t new_len, struct buf *out);

/* What became of a document that was sent. */
enum lifecycle_kept {
	LIFECYCLE_KEPT, /* every rule that was sent is there as it was sent */
	LIFECYCLE_RULE_LOST, /* the named rule is another, or (not) there */
	LIFECYCLE_OTHERS_CHANGED, /* the named one is right, another is not */
};

/*
 * Compares what was sent (NULL: nothing) with what is there now (NULL:
 * nothing), by meaning. Rules that were not sent, but for `id`, are somebody
 * else's and do not count; nor does the id that a server gives to a rule that
 * was sent without. ret_rule (size bytes): the id of the rule that is not as
 * it was sent, "" where it has none. 0, -EIO, -ENOMEM, -EFBIG.
 */
int lifecycle_compare(const char *sent, size_t sent_len, const char *now,
		      size_t now_len, const char *id,
		      enum lifecycle_kept *ret_kept, char *ret_rule,
		      size_t size);

#endif
