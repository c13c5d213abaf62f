/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lifecycle rules do to a version: the facts of the version and the rules
 * go in, and a verdict on each comes out, why not included.
 *
 *	the rule		verdicts
 *	is not about it		one, with the reason
 *	is about it		one each action that it has for this kind
 *	has no such action	one: VERDICT_NOTHING
 *
 * Pure, any thread. Times in ns since the epoch, sizes in bytes. Strings and
 * rules are borrowed from what goes in.
 */
#ifndef VERS3_SRC_UPKEEP_VERDICT_H
#define VERS3_SRC_UPKEEP_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules.h"
#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

enum subject_kind {
	SUBJECT_CURRENT,
	SUBJECT_NONCURRENT,
	SUBJECT_MARKER, /* the key's newest is a delete marker */
	SUBJECT_OLD_MARKER, /* one that is not the newest */
	SUBJECT_UPLOAD,
};

struct subject {
	enum subject_kind kind;
	const char *key;
	const char *storage_class; /* "" : STANDARD */
	uint64_t size_bytes;
	const struct kvlist *tags; /* NULL: they are not known */
	int64_t modified_ns; /* an upload: when it began */
	int64_t noncurrent_ns; /* since when it is that */
	uint64_t newer; /* noncurrent ones of the key that are newer */
	/* From then on it is one more: the current one expires. 0: it stays. */
	int64_t pushed_ns;
	bool alone; /* the key has nothing else */
};

enum verdict_action {
	VERDICT_NONE,
	VERDICT_EXPIRE, /* a marker on top; unversioned: for good */
	VERDICT_REMOVE, /* for good */
	VERDICT_MOVE, /* to another storage class */
	VERDICT_ABORT,
};

enum verdict_why {
	VERDICT_ACTS,
	VERDICT_DISABLED,
	VERDICT_PREFIX,
	VERDICT_TAG, /* `tag` is missing */
	VERDICT_TAG_UNKNOWN, /* `tag` is needed, and tags are not known */
	VERDICT_SMALL, /* not over `number` bytes */
	VERDICT_LARGE, /* not under `number` bytes */
	VERDICT_KEPT, /* among the newest `number` noncurrent ones */
	VERDICT_CLASS, /* it has the storage class */
	VERDICT_COLDER, /* it is in a class from which there is no way there */
	VERDICT_MINIMUM, /* smaller than what changes its class */
	VERDICT_NOT_ALONE, /* a marker that hides versions */
	VERDICT_NOTHING, /* nothing for what is of this kind */
	VERDICT_OVERTAKEN, /* `by` comes first */
};

struct verdict {
	const struct lifecycle_rule *rule;
	enum verdict_action action;
	enum verdict_why why;
	int64_t when_ns; /* where it acts */
	const char *storage_class; /* of VERDICT_MOVE */
	const struct kv *tag;
	uint64_t number;
	const struct lifecycle_rule *by;
};

struct verdicts {
	struct verdict *items; /* owned; in the rules' order */
	size_t count, size;
};

/* ret: zeroed, or from before; what was in it goes. 0 or -ENOMEM. */
int verdicts_judge(const struct rules *rules, const struct subject *s,
		   struct verdicts *ret_verdicts);
void verdicts_release(struct verdicts *v);
/* What comes first; NULL: nothing ever does. */
const struct verdict *verdicts_first(const struct verdicts *v);
/* Whether the tags of a key's versions decide anything. */
bool verdicts_need_tags(const struct rules *rules, const char *key);

/* "expire", "remove", "move:GLACIER", "abort": appended. 0 or -errno. */
int verdict_write_action(const struct verdict *v, struct buf *out);
/* Why it does nothing, for people, appended without its rule. 0 or -errno. */
int verdict_write_why(const struct verdict *v, const struct subject *s,
		      struct buf *out);

#endif
