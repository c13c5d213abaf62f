/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables: the server's words, and ours. */
#include "vers3/upkeep/replica_told.h"

#include <stddef.h>
#include <string.h>

enum replica_told replica_told(const struct kvlist *headers)
{
	static const struct {
		const char *word;
		enum replica_told told;
	} words[] = {
		{"PENDING", REPLICA_TOLD_PENDING},
		{"COMPLETED", REPLICA_TOLD_COMPLETED},
		{"COMPLETE", REPLICA_TOLD_COMPLETED},
		{"FAILED", REPLICA_TOLD_FAILED},
		{"REPLICA", REPLICA_TOLD_REPLICA},
	};
	const char *word = kvlist_get(headers, "x-amz-replication-status");

	for (size_t i = 0; word && i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i].word))
			return words[i].told;
	return REPLICA_TOLD_NOTHING;
}

const char *replica_why_missing(enum replica_told told, bool marker,
				bool compared)
{
	switch (told) {
	case REPLICA_TOLD_PENDING:
		return "the server says PENDING";
	case REPLICA_TOLD_COMPLETED:
		return compared ? "the server says COMPLETED, and it is not "
				  "in this replica: is replica= the rule's "
				  "destination?"
				: "the server says COMPLETED";
	case REPLICA_TOLD_FAILED:
		return "the server says FAILED: it is not tried again by "
		       "itself";
	case REPLICA_TOLD_REPLICA:
		return "it is a replica itself, which is not copied on";
	case REPLICA_TOLD_NOTHING:
		break;
	}
	if (compared)
		return "it is not in the replica";
	return marker ? "of delete markers servers tell no replication status"
		      : "the server tells no replication status";
}
