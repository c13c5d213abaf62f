/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an entry of a list means for what is known here: verdicts from facts.
 * Pure; merge.c gathers the facts and acts. meta_lock() is not needed.
 */
#ifndef VERS3_SRC_TREE_MERGE_VERDICT_H
#define VERS3_SRC_TREE_MERGE_VERDICT_H

#include "vers3/tree/merge.h"

/* Whether the local state of a key stands, whatever the list says. */
enum merge_local {
	MERGE_LOCAL_FOLLOWS, /* the key is clean: the bucket's state counts */
	MERGE_LOCAL_STANDS,
	/* The same, but that is not what the change was made on top of. */
	MERGE_LOCAL_SUSPECT,
	MERGE_LOCAL_DATED, /* it is; when that was written is new to us */
};
/*
 * known: what the bucket held under a dirty key, NULL if it is clean. it: NULL
 * if the list says nothing of the key itself.
 */
enum merge_local merge_local(const struct meta_version *known,
			     const struct merge_item *it);

/* What is to become of a name at which a list shows a file. */
enum merge_file {
	MERGE_FILE_ADD, /* it is new */
	MERGE_FILE_HIDE, /* a directory has the name */
	MERGE_FILE_TAKE, /* the bucket holds another version than we know */
	MERGE_FILE_DATE, /* it is what we know; when it was written is new */
	MERGE_FILE_KEEP,
};

struct merge_file_facts {
	bool there; /* the name is known; */
	bool dir; /* and is that of a directory */
	const struct meta_version *known; /* of a file; NULL: nothing */
};
enum merge_file merge_file(const struct merge_file_facts *f,
			   const struct merge_item *it);

#endif
