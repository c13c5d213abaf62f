/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an audit finds: for each check a severity, what is so, why it matters,
 * and the command that mends it. One thread's own. No memory is remembered and
 * told at the end.
 */
#ifndef VERS3_SRC_UPKEEP_FINDING_H
#define VERS3_SRC_UPKEEP_FINDING_H

#include <stddef.h>

#include "vers3/util/buf.h"

enum severity {
	SEVERITY_OK,
	SEVERITY_INFO,
	SEVERITY_WARNING,
	SEVERITY_ERROR,
	SEVERITIES,
};

/* "ok", "info", "warning", "error". */
const char *severity_name(enum severity s);

struct finding {
	enum severity severity;
	char *check; /* owned, as the next; which one */
	char *what;
	const char *why; /* borrowed for good; NULL: "what" says it */
	char *mend; /* owned; a command or what to do; NULL: nothing is to do */
};

struct findings {
	struct finding *items; /* owned */
	size_t count;
	int error; /* -ENOMEM: some are lacking */
};

void findings_init(struct findings *f);
void findings_release(struct findings *f);
/* Adds one; why is a literal, or NULL. */
void finding_add(struct findings *f, enum severity severity, const char *check,
		 const char *why, const char *what, ...)
	__attribute__((format(printf, 5, 6)));
/* How to mend the one that was added last. */
void finding_mend(struct findings *f, const char *mend, ...)
	__attribute__((format(printf, 2, 3)));
/* How many of that severity. */
size_t findings_count(const struct findings *f, enum severity severity);
/*
 * Appends a section [finding "CHECK"] in git-config syntax with severity,
 * what, why and mend. 0 or -errno.
 */
int finding_write(const struct finding *f, struct buf *out);

#endif
