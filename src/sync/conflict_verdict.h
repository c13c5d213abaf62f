/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands at a key, what a request is sent with, and what follows when it
 * is refused: verdicts from facts. Pure; conflict.c and conflict_delete.c
 * gather the facts and act.
 */
#ifndef VERS3_SRC_SYNC_CONFLICT_VERDICT_H
#define VERS3_SRC_SYNC_CONFLICT_VERDICT_H

#include <stdbool.h>

#include "vers3/core/caps.h"
#include "vers3/store/store.h"
#include "vers3/sync/conflict.h"

/* Whether a look (o NULL: nothing is there) has met others' change. */
bool conflict_is_met(const struct conflict *c, const struct store_object *o);

/* What an entry of a list, of the key itself, is to what is known. */
enum conflict_shown {
	CONFLICT_SHOWN_NOTHING, /* no current version: says nothing */
	CONFLICT_SHOWN_KNOWN, /* just what is known */
	/* A save of ours whose answer was lost; a directory's empty object. */
	CONFLICT_SHOWN_OWN,
	CONFLICT_SHOWN_OTHER,
};
enum conflict_shown conflict_shown(const struct conflict *c,
				   const struct store_entry *e);

/* The condition that a request of this kind can carry. */
enum conflict_condition {
	CONFLICT_BARE,
	CONFLICT_IF_MATCH, /* of the known ETag */
	CONFLICT_IF_NONE_MATCH,
};
enum conflict_condition conflict_condition(const struct caps *caps,
					   const struct conflict *c,
					   enum store_op op);

/* What has to be learnt before a write goes out. */
enum conflict_need {
	CONFLICT_PLAIN, /* nothing, and it carries no condition */
	CONFLICT_SEND, /* nothing */
	CONFLICT_LOOK, /* what the key holds */
	CONFLICT_VOUCH, /* the same, unless a young list has shown it */
	CONFLICT_LIST, /* by a young list what its condition does not tell */
};

struct conflict_need_facts {
	bool dir; /* the own object of a directory */
	bool doubtful; /* the key is suspect, or an earlier try is unsure */
	bool held; /* something is known to be there */
	enum conflict_condition condition;
};
enum conflict_need conflict_need(const struct conflict_need_facts *f);

/* Why a write that carried a condition has failed. */
enum conflict_refusal {
	CONFLICT_ELSE, /* for something else */
	CONFLICT_REFUSED, /* others' version is there */
	CONFLICT_ABSENT, /* nothing is there, or no source of a copy */
	CONFLICT_DENIED, /* a condition is a look, which is not allowed */
};
/* rc: store_call()'s. The request and its reply are as they came back. */
enum conflict_refusal conflict_refusal(const struct store_request *r, int rc);

/* And, once the key was looked at, what becomes of the write. */
enum conflict_again {
	CONFLICT_STANDS, /* it has failed */
	CONFLICT_AGAIN, /* once more, without the condition */
	CONFLICT_AGAIN_MET, /* the same, and it is a conflict */
};
enum conflict_again conflict_again(enum conflict_refusal why,
				   const struct conflict *c);

/* What a look of a key that is to be deleted has come to. */
enum conflict_delete_look {
	CONFLICT_DELETE_KNOWN, /* what is known is there: is sent */
	CONFLICT_DELETE_AGREED, /* nothing is */
	CONFLICT_DELETE_THEIRS, /* is left */
	CONFLICT_DELETE_UNKNOWN, /* it has failed */
	CONFLICT_DELETE_DENIED, /* it is not for the look that it was refused */
};

struct conflict_looked_facts {
	int rc; /* of the look */
	bool denied; /* the delete was not allowed before */
	bool unseen, gone, met; /* as in struct conflict */
};
enum conflict_delete_look
conflict_delete_looked(const struct conflict_looked_facts *f);

struct conflict_answered_facts {
	int result; /* of the key */
	bool condition; /* it carried its ETag */
	bool lost; /* no answer: it may have been carried out */
	bool last; /* a refusal is final: it was looked at before */
};
/* Whether a delete that went out is open again: what is there is unknown. */
bool conflict_delete_reopens(const struct conflict_answered_facts *f);

#endif
