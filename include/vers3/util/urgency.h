/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for what a thread does: somebody, or nobody yet. Where only so many
 * things go at a time, what is wanted goes first. A thread says it of itself,
 * so that nothing has to be handed through; pool_each() hands it on to its
 * helpers.
 */
#ifndef VERS3_UTIL_URGENCY_H
#define VERS3_UTIL_URGENCY_H

enum urgency {
	URGENCY_WANTED, /* a call waits: what each thread begins with */
	URGENCY_BACKGROUND, /* it has to be done some time */
	URGENCY_COUNT,
};

/* From now on; returns what it was before, to be put back. */
enum urgency urgency_enter(enum urgency u);
enum urgency urgency_current(void);

#endif
