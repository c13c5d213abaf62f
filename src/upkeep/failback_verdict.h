/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a key that was written to the replica the bucket lacks. Pure.
 */
#ifndef VERS3_SRC_UPKEEP_FAILBACK_VERDICT_H
#define VERS3_SRC_UPKEEP_FAILBACK_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A version or a delete marker, as a list tells of it. */
struct failback_version {
	const char *id;
	const char *etag; /* "": a marker */
	uint64_t size_bytes;
	int64_t time_ns; /* realtime, of the server that has it */
	bool marker;
};

struct failback_verdict {
	/* So many of the replica's newest are to be brought, oldest first. */
	size_t bring;
	/*
	 * So many of the bucket's are of others, who wrote them without what
	 * is brought, which comes on top of them.
	 */
	size_t theirs;
	size_t theirs_at; /* the newest of them */
};

/*
 * Both lists begin with the newest. What has the same id in both is what both
 * began with; where nothing has, what is older than since_ns is that. What was
 * brought already, before a crash, is told by its content.
 */
void failback_judge(const struct failback_version *there, size_t there_count,
		    const struct failback_version *here, size_t here_count,
		    int64_t since_ns, struct failback_verdict *ret);

#endif
