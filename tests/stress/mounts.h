/* SPDX-License-Identifier: Apache-2.0 */
/* What the test of two mounts has done and found, and who judges it. */
#ifndef VERS3_TESTS_STRESS_MOUNTS_H
#define VERS3_TESTS_STRESS_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy.h"
#include "rig.h"

#define MOUNTS	 2
#define OTHERS	 MOUNTS /* the third writer's number */
#define NAMES	 8
#define CALLS	 150
#define BODY_MAX 20000
#define LISTED	 100 /* conflicts that the control file keeps */
#define ID_MAX	 128

enum what {
	WRITE,
	DELETE,
	RENAME_FROM,
	RENAME_TO,
	CHMOD,
	MISSED, /* it was not there */
};

struct call {
	unsigned who, name;
	enum what what;
	int64_t begin_ns, end_ns; /* realtime */
};

/* A content that was written once. */
struct text {
	unsigned who, name;
	char etag[2 * MODEL_MD5 + 1];
	bool synced;
};

struct version {
	unsigned name;
	char id[ID_MAX], etag[80];
	int64_t at_ns;
	bool marker;
};

struct side {
	struct daemon d;
	char cache[256];
	bool frozen;
	bool killed; /* in this round */
	int64_t thaw_ns; /* monotonic */
	int64_t froze_ns; /* how long it was, at the most */
	uint64_t conflicts;
	char listed[LISTED][ID_MAX]; /* versions of others */
	unsigned listed_count;
};

struct world {
	struct rig *r;
	struct proxy p;
	struct side sides[MOUNTS];
	char names[NAMES][32];
	struct call calls[4 * CALLS];
	struct text texts[CALLS];
	struct version *versions; /* owned; a name's newest first */
	size_t version_count, version_size;
	char theirs[CALLS][ID_MAX]; /* the third writer's markers */
	unsigned call_count, text_count, their_count, round;
	unsigned kills, freezes, in_window, listed;
	int bad;
};

/*
 * Both count what is wrong in w->bad and say it. The first needs the history
 * and the conflicts of the round, the second both mounts up again.
 */
void judge_history(struct world *w);
void judge_end(struct world *w);

#endif
