/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for what a thread does: somebody, or nobody yet. Where only so many
 * things go at a time, what is wanted goes first. A thread says it of itself,
 * so that nothing has to be handed through; pool_each() hands it on to its
 * helpers.
 */
#ifndef VERS3_UTIL_URGENCY_H
#define VERS3_UTIL_URGENCY_H

#include <stdatomic.h>
#include <stdbool.h>

enum urgency {
	URGENCY_WANTED, /* a call waits: what each thread begins with */
	URGENCY_BACKGROUND, /* it has to be done some time */
	URGENCY_COUNT,
};

/* From now on; returns what it was before, to be put back. */
enum urgency urgency_enter(enum urgency u);
/* WANTED also if the thread's cause is. */
enum urgency urgency_current(void);

/*
 * What several threads do for one end, which somebody may come to wait for when
 * they are at it: all that they do is wanted from then on. What stands in a
 * queue by then is, when whoever keeps the queue looks again
 * (limit_store_hurry()). Any thread; nothing has to be released.
 */
struct urgency_cause {
	atomic_bool wanted; /* for good */
	/* Borrowed, or NULL: its being wanted counts, too. */
	_Atomic(struct urgency_cause *) outer;
};

void urgency_cause_init(struct urgency_cause *c);
void urgency_cause_want(struct urgency_cause *c);
/* From now on: borrowed; NULL: nobody. */
void urgency_cause_serve(struct urgency_cause *c, struct urgency_cause *outer);
/* NULL: no. */
bool urgency_cause_is_wanted(struct urgency_cause *c);

/*
 * What the calling thread works for from now on, beside what it said of itself
 * (borrowed; NULL: nothing). Returns what it was before, to be put back.
 */
struct urgency_cause *urgency_cause_enter(struct urgency_cause *c);
struct urgency_cause *urgency_cause_current(void);

#endif
