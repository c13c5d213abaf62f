/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that nobody waits for any more: those of processes that are being
 * killed, and all of them when the session ends.
 *
 * The kernel tells that a process has got a signal, once, whatever signal it
 * is. On a local disk only one that kills ends a call, and programs count on
 * it; so an interrupted request goes on, and its process is looked at now and
 * then. What waits for the bucket ends when a kill is pending there.
 */
#ifndef VERS3_SRC_FS_INTERRUPT_H
#define VERS3_SRC_FS_INTERRUPT_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "vers3/util/cancel.h"

struct vfs;
struct interrupts;

/* One request; embedded. Not to be moved. */
struct interrupt {
	struct interrupts *owner; /* borrowed */
	fuse_req_t req; /* borrowed, until interrupt_end() */
	struct cancel cancel;
	/* Protected by the owner's mutex. */
	bool watched;
	LIST_ENTRY(interrupt) entry;
};

/* vfs: whose reads are given up. 0 or -errno. */
int interrupts_new(struct vfs *vfs, struct interrupts **ret_interrupts);
/* No request may be under way. NULL is fine. */
void interrupts_free(struct interrupts *s);
/* Whoever waits for the bucket in somebody's name need not wait any more. */
void interrupts_end(struct interrupts *s);

/*
 * From here on the request can be given up. `lasting` ones go on when the
 * session ends.
 */
void interrupt_begin(struct interrupt *i, struct interrupts *s, fuse_req_t req,
		     bool lasting);
/* To be called before the reply, on any thread. */
void interrupt_end(struct interrupt *i);
#endif
