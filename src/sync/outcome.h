/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a try came to, and what follows: verdicts from facts. Pure; sync_job.c
 * gathers the facts and acts.
 */
#ifndef VERS3_SRC_SYNC_OUTCOME_H
#define VERS3_SRC_SYNC_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/util/clock.h"

#define OUTCOME_BACKOFF_MAX_NS (60 * NS_PER_S)

/* What a version that was saved is to the inode that it was made of. */
enum outcome_saved {
	OUTCOME_CLEAN, /* all of it: the record ends */
	OUTCOME_ATTRS, /* all but the attributes, which follow at once */
	OUTCOME_BASE, /* its content; the attributes have changed since */
	OUTCOME_PAST, /* the same at a name that it no longer has */
	OUTCOME_UNDER, /* what it goes on from: the content has changed since */
	OUTCOME_OTHER, /* nothing: at that key stands something else now */
	OUTCOME_GONE, /* it was removed, with all of its names */
};

struct outcome_saved_facts {
	bool there; /* the inode is; if not, nothing of the next four counts */
	bool at_key; /* the key it was saved at is one of its names */
	bool same; /* nothing of it was changed since the snapshot, */
	bool data_same; /* or its content was not */
	bool staged; /* it has staged bytes */
	bool attrs_differ; /* the version has others than were asked for */
	/* The version can be named once something else stands at its key. */
	bool lasting;
};
enum outcome_saved outcome_saved(const struct outcome_saved_facts *f);

/* What a try that failed leaves in its record. */
struct outcome_failed {
	int64_t wait_ns; /* until the next */
	bool counts; /* as a failure: of the record, and for who waits */
};

struct outcome_failed_facts {
	int64_t pause_ns; /* it was without a result; 0: it failed */
	bool hurried; /* somebody has come to wait since it began */
	uint32_t fails; /* those before it */
};
struct outcome_failed outcome_failed(const struct outcome_failed_facts *f);

#endif
