/* SPDX-License-Identifier: Apache-2.0 */
/* What opening (open.c) and using (meta.c) the environment share. */
#ifndef VERS3_SRC_META_META_IMPL_H
#define VERS3_SRC_META_META_IMPL_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "headroom.h"
#include "redo.h"
#include "vers3/meta/committer.h"
#include "vers3/meta/meta.h"

#define META_KEY_LIMIT	META_TABLE_KEY_MAX
#define META_ID_RANGE	(UINT64_C(1) << 20) /* numbers reserved at a time */
#define META_SYS_IDS	"meta.ids"
#define META_SYS_FORMAT "meta.format"

struct meta {
	MDB_env *env; /* owned */
	MDB_dbi dbi[META_TABLE_COUNT]; /* fixed once open */
	char *path; /* owned: DIR/meta */
	struct headroom *headroom; /* owned */
	struct committer *committer; /* owned; its lock protects the rest */
	MDB_txn *txn; /* ended by the committer; NULL when failed */
	bool met_full; /* the last commit; the committer's own */
	struct redo *redo; /* owned: what `txn` has so far */
	uint64_t log_records; /* of it, that are being made durable */
	uint64_t log_id_mark; /* `id_mark` as of these */
	uint64_t next_id; /* the next number to give */
	uint64_t id_mark; /* stored: all numbers below may be given */
	uint64_t id_durable; /* `id_mark` as of the last commit */
	struct meta_defaults defaults; /* constant once threads run */
};

/* LMDB's codes are positive errno values or its own negative ones. */
int meta_mdb_errno(int rc);
/* Has room ahead of what the last commit uses. 0 or -ENOSPC. */
int meta_keep_headroom(struct meta *m);
/* Puts what the log has of the transaction into it. 0 or -errno. */
int meta_replay(struct meta *m, MDB_txn *txn, uint64_t *ret_records);
/* The committer's, which open.c starts. */
int meta_start_committer(struct meta *m);

#endif
