/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one LMDB environment of the namespace, in use: its tables, the numbers
 * meta_next_id() gives, and what is done when a commit meets a full disk.
 *
 * LMDB's writer mutex belongs to the thread that took it, so the committer
 * (committer.c) begins and commits every transaction. Between the two the
 * transaction is plain memory that any thread may use, one at a time, under
 * the committer's lock. What it has is in the redo log as well (redo.h).
 */
#include "vers3/meta/meta.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "meta_impl.h"
#include "vers3/meta/extent.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define KEY_MAX	       META_KEY_LIMIT
#define COMMIT_CHANGES 16384 /* this many do not wait for their time */
#define TABLES_NS      (2 * NS_PER_S) /* from the log into the tables */

int meta_mdb_errno(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return 0;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
		return -ENOSPC;
	case MDB_VERSION_MISMATCH:
		return -EPROTO;
	default:
		return rc > 0 ? -rc : -EIO;
	}
}

int meta_keep_headroom(struct meta *m)
{
	MDB_envinfo info;
	MDB_stat page;

	if (mdb_env_info(m->env, &info) || mdb_env_stat(m->env, &page))
		return 0;
	return headroom_keep(m->headroom,
			     ((uint64_t)info.me_last_pgno + 1) * page.ms_psize);
}

static int txn_begin(void *ctx)
{
	struct meta *m = ctx;
	int rc = mdb_txn_begin(m->env, NULL, 0, &m->txn);

	if (!rc)
		return 0;
	m->txn = NULL;
	log_error("%s: begin: %s", m->path, mdb_strerror(rc));
	return -EIO;
}

struct replay {
	struct meta *m;
	MDB_txn *txn;
};

static int replay_op(void *ctx, const struct redo_op *op)
{
	MDB_val key = {op->key_len, (void *)(uintptr_t)op->key};
	MDB_val val = {op->val_size, (void *)(uintptr_t)op->val};
	struct replay *p = ctx;
	int rc;

	if (op->table >= META_TABLE_COUNT || !op->key_len)
		return -EIO;
	if (op->del)
		rc = mdb_del(p->txn, p->m->dbi[op->table], &key, NULL);
	else
		rc = mdb_put(p->txn, p->m->dbi[op->table], &key, &val, 0);
	return op->del && rc == MDB_NOTFOUND ? 0 : meta_mdb_errno(rc);
}

int meta_replay(struct meta *m, MDB_txn *txn, uint64_t *ret_records)
{
	struct replay p = {m, txn};

	return redo_replay(m->redo, mdb_txn_id(txn), replay_op, &p,
			   ret_records);
}

/*
 * The disk was too full for a commit, and LMDB has dropped the transaction.
 * The next one has its number and gets its changes from the log, so that
 * nothing is missing and the commit can be tried again. -ENOSPC when that
 * went well.
 */
static int begin_again(struct meta *m)
{
	uint64_t want = redo_records(m->redo), records = 0;
	int rc;

	m->met_full = true;
	headroom_set_short(m->headroom);
	if (!redo_is_whole(m->redo)) {
		log_error("%s: commit: %s, and the redo log is not whole; no "
			  "change is taken until it is unmounted and mounted "
			  "again",
			  m->path, strerror(ENOSPC));
		return -EIO;
	}
	rc = txn_begin(m);
	if (!rc)
		rc = meta_replay(m, m->txn, &records);
	if (!rc && records == want)
		return -ENOSPC;
	log_error("%s: the redo log gives %" PRIu64 " of %" PRIu64
		  " changes: %s; no change is taken until it is "
		  "unmounted and mounted again",
		  m->path, records, want, strerror(-rc));
	return -EIO;
}

static int txn_commit(void *ctx, bool *ret_durable)
{
	struct meta *m = ctx;
	int rc;

	/*
	 * A try may cost the transaction: not without room once one has
	 * failed, nor where the log could not give the changes again.
	 */
	if ((m->met_full || !redo_is_whole(m->redo)) && meta_keep_headroom(m))
		return -ENOSPC;
	rc = mdb_txn_commit(m->txn);
	m->txn = NULL;
	if (meta_mdb_errno(rc) == -ENOSPC && rc != MDB_MAP_FULL)
		return begin_again(m);
	if (rc) {
		log_error("%s: commit: %s; no change is taken until it is "
			  "unmounted and mounted again",
			  m->path, mdb_strerror(rc));
		return -EIO;
	}
	*ret_durable = true;
	m->met_full = false;
	m->id_durable = m->id_mark;
	/* What the log has is in the tables now. */
	redo_restart(m->redo);
	/* What the tables need comes first. */
	if (!meta_keep_headroom(m))
		redo_take_more(m->redo);
	return txn_begin(m);
}

/*
 * What the log has is as durable as what is committed, and costs no one a
 * wait. Where the disk is short of room commits say so.
 */
static bool log_begin(void *ctx)
{
	struct meta *m = ctx;

	if (!redo_is_whole(m->redo) || m->met_full ||
	    headroom_is_short(m->headroom))
		return false;
	m->log_records = redo_records(m->redo);
	m->log_id_mark = m->id_mark;
	return true;
}

static bool log_is_large(void *ctx, unsigned patience)
{
	const struct meta *m = ctx;

	return redo_is_large(m->redo, patience);
}

static int log_mark(void *ctx)
{
	struct meta *m = ctx;

	if (!redo_is_whole(m->redo))
		return -EIO;
	return redo_mark(m->redo, mdb_txn_id(m->txn), m->log_records);
}

static int log_sync(void *ctx)
{
	struct meta *m = ctx;

	return redo_sync(m->redo);
}

static void log_end(void *ctx)
{
	struct meta *m = ctx;

	m->id_durable = m->log_id_mark;
}

/*
 * The data that changes speak of is not on disk, and perhaps nowhere: a
 * replay could give a file bytes that were never written.
 */
static void txn_put_off(void *ctx)
{
	struct meta *m = ctx;

	redo_void(m->redo, mdb_txn_id(m->txn));
}

static void txn_abort(void *ctx)
{
	struct meta *m = ctx;

	if (m->txn)
		mdb_txn_abort(m->txn);
	m->txn = NULL;
}

static const struct committer_ops ops = {
	.begin = txn_begin,
	.commit = txn_commit,
	.log_begin = log_begin,
	.log_is_large = log_is_large,
	.log_mark = log_mark,
	.log_sync = log_sync,
	.log_end = log_end,
	.put_off = txn_put_off,
	.abort = txn_abort,
};

int meta_start_committer(struct meta *m)
{
	return committer_new(m->path, &ops, m, META_COMMIT_NS, TABLES_NS,
			     COMMIT_CHANGES, &m->committer);
}

/* Whether no extent refers to the staging log. With the lock held. */
static bool is_unlogged(struct meta *m)
{
	unsigned char key[META_KEY_BUF];
	struct meta_val val;
	size_t len = 0;
	int rc;

	while (!(rc = meta_seek(m, META_EXTENT, key, len, 0, true, key, &len,
				&val)))
		if (meta_extent_in_log(meta_extent_place_of(&val)))
			return false;
	return rc == -ENOENT;
}

/*
 * Before the last commit: an earlier vers3 may open it after that, since all
 * is in the tables, if it knows all places where staged bytes stand.
 */
static void leave(struct meta *m)
{
	uint64_t format;

	if (!m->committer || meta_lock(m))
		return;
	if (!meta_sys_get_u64(m, META_SYS_FORMAT, &format) &&
	    format == META_FORMAT_OPEN && is_unlogged(m))
		meta_sys_put_u64(m, META_SYS_FORMAT, META_FORMAT);
	meta_unlock(m);
}

void meta_close(struct meta *m)
{
	if (!m)
		return;
	leave(m);
	committer_free(m->committer);
	redo_close(m->redo);
	headroom_free(m->headroom);
	if (m->env)
		mdb_env_close(m->env);
	free(m->path);
	free(m);
}

int meta_lock(struct meta *m)
{
	return committer_lock(m->committer);
}

void meta_unlock(struct meta *m)
{
	/* Before anybody can speak of it. */
	if (committer_check(m->committer))
		redo_forget(m->redo);
	else
		redo_record(m->redo, mdb_txn_id(m->txn));
	committer_unlock(m->committer);
}

int meta_keep(struct meta *m)
{
	return redo_is_whole(m->redo) ? 0 : meta_sync(m);
}

int meta_room(struct meta *m)
{
	return headroom_is_short(m->headroom) ? meta_keep_headroom(m) : 0;
}

int meta_sync(struct meta *m)
{
	return committer_sync(m->committer);
}

int64_t meta_pending_ns(struct meta *m)
{
	return committer_pending_ns(m->committer);
}

void meta_set_precommit(struct meta *m, int (*fn)(void *ctx), void *ctx)
{
	committer_set_hook(m->committer, fn, ctx);
}

/*
 * What a failed call means. A transaction in which a put or a delete failed
 * is lost to LMDB, and with it all changes that share it.
 */
static int change_result(struct meta *m, const char *what, int rc)
{
	if (rc == MDB_NOTFOUND)
		return -ENOENT;
	if (rc) {
		log_error("%s: %s: %s; no change is taken until it is "
			  "unmounted and mounted again",
			  m->path, what, mdb_strerror(rc));
		committer_fail(m->committer);
		return meta_mdb_errno(rc) == -ENOSPC ? -ENOSPC : -EIO;
	}
	committer_changed(m->committer);
	return 0;
}

static int read_result(int rc)
{
	if (rc == MDB_NOTFOUND)
		return -ENOENT;
	return rc ? -EIO : 0;
}

static bool key_fits(size_t len)
{
	return len >= 1 && len <= KEY_MAX;
}

int meta_get(struct meta *m, enum meta_table t, const void *key, size_t len,
	     struct meta_val *ret_val)
{
	MDB_val k = {len, (void *)(uintptr_t)key}, v;
	int rc = committer_check(m->committer);

	if (rc)
		return rc;
	if (!key_fits(len))
		return -EINVAL;
	rc = read_result(mdb_get(m->txn, m->dbi[t], &k, &v));
	if (!rc)
		*ret_val = (struct meta_val){v.mv_data, v.mv_size};
	return rc;
}

int meta_put(struct meta *m, enum meta_table t, const void *key, size_t len,
	     const void *val, size_t size)
{
	MDB_val k = {len, (void *)(uintptr_t)key};
	MDB_val v = {size, (void *)(uintptr_t)val};
	int rc = committer_check(m->committer);

	if (rc)
		return rc;
	if (!key_fits(len))
		return -EINVAL;
	rc = change_result(m, "put", mdb_put(m->txn, m->dbi[t], &k, &v, 0));
	if (!rc)
		redo_put(m->redo, t, key, len, val, size);
	return rc;
}

int meta_del(struct meta *m, enum meta_table t, const void *key, size_t len)
{
	MDB_val k = {len, (void *)(uintptr_t)key};
	int rc = committer_check(m->committer);

	if (rc)
		return rc;
	if (!key_fits(len))
		return -EINVAL;
	rc = change_result(m, "delete", mdb_del(m->txn, m->dbi[t], &k, NULL));
	if (!rc)
		redo_del(m->redo, t, key, len);
	return rc;
}

/* Hands out what a cursor found, if it has the wanted prefix. */
static int found(const MDB_val *k, const MDB_val *v, const void *prefix,
		 size_t prefix_len, void *ret_key, size_t *ret_key_len,
		 struct meta_val *ret_val)
{
	if (k->mv_size < prefix_len ||
	    (prefix_len && memcmp(k->mv_data, prefix, prefix_len)))
		return -ENOENT;
	if (ret_key)
		memcpy(ret_key, k->mv_data, k->mv_size);
	if (ret_key_len)
		*ret_key_len = k->mv_size;
	if (ret_val)
		*ret_val = (struct meta_val){v->mv_data, v->mv_size};
	return 0;
}

int meta_seek(struct meta *m, enum meta_table t, const void *key, size_t len,
	      size_t prefix_len, bool after, void *ret_key, size_t *ret_key_len,
	      struct meta_val *ret_val)
{
	unsigned char from[KEY_MAX + 1];
	MDB_val k = {len, from}, v;
	MDB_cursor *cur;
	int rc = committer_check(m->committer);

	assert(prefix_len <= len);
	if (rc)
		return rc;
	if (len > KEY_MAX)
		return -EINVAL;
	if (len)
		memcpy(from, key, len);
	/* The next key there can be is this one and a zero byte. */
	from[len] = 0;
	k.mv_size += after;
	rc = mdb_cursor_open(m->txn, m->dbi[t], &cur);
	if (rc)
		return -EIO;
	rc = read_result(mdb_cursor_get(cur, &k, &v,
					k.mv_size ? MDB_SET_RANGE : MDB_FIRST));
	if (!rc)
		rc = found(&k, &v, key, prefix_len, ret_key, ret_key_len,
			   ret_val);
	mdb_cursor_close(cur);
	return rc;
}

int meta_seek_before(struct meta *m, enum meta_table t, const void *key,
		     size_t len, size_t prefix_len, void *ret_key,
		     size_t *ret_key_len, struct meta_val *ret_val)
{
	MDB_val k = {len, (void *)(uintptr_t)key}, v;
	MDB_cursor *cur;
	int rc = committer_check(m->committer);

	assert(prefix_len <= len);
	if (rc)
		return rc;
	if (!key_fits(len))
		return -EINVAL;
	rc = mdb_cursor_open(m->txn, m->dbi[t], &cur);
	if (rc)
		return -EIO;
	rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	if (!rc)
		rc = mdb_cursor_get(cur, &k, &v, MDB_PREV);
	else if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(cur, &k, &v, MDB_LAST);
	rc = read_result(rc);
	if (!rc)
		rc = found(&k, &v, key, prefix_len, ret_key, ret_key_len,
			   ret_val);
	mdb_cursor_close(cur);
	return rc;
}

int meta_del_prefix(struct meta *m, enum meta_table t, const void *prefix,
		    size_t len)
{
	unsigned char key[META_KEY_BUF];
	size_t key_len;
	int rc;

	for (;;) {
		rc = meta_seek(m, t, prefix, len, len, false, key, &key_len,
			       NULL);
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		rc = meta_del(m, t, key, key_len);
		if (rc)
			return rc;
	}
}

uint64_t meta_count(struct meta *m, enum meta_table t)
{
	MDB_stat st;

	if (committer_check(m->committer) || mdb_stat(m->txn, m->dbi[t], &st))
		return 0;
	return st.ms_entries;
}

int meta_next_id(struct meta *m, uint64_t *ret_id)
{
	int rc = committer_check(m->committer);

	if (rc)
		return rc;
	/*
	 * Ask for the next range while half of this one is left: what is
	 * given must be below a mark that is on disk already, or a crash
	 * would have the number given again.
	 */
	if (m->id_mark == m->id_durable &&
	    m->id_mark - m->next_id <= META_ID_RANGE / 2) {
		rc = meta_sys_put_u64(m, META_SYS_IDS,
				      m->id_mark + META_ID_RANGE);
		if (rc)
			return rc;
		m->id_mark += META_ID_RANGE;
	}
	if (m->next_id == m->id_durable)
		return -EAGAIN;
	*ret_id = m->next_id++;
	return 0;
}

void meta_set_defaults(struct meta *m, const struct meta_defaults *defaults)
{
	m->defaults = *defaults;
}

const struct meta_defaults *meta_get_defaults(const struct meta *m)
{
	return &m->defaults;
}

int meta_sys_get_u64(struct meta *m, const char *name, uint64_t *ret_value)
{
	struct meta_val val;
	int rc = meta_get(m, META_SYS, name, strlen(name), &val);

	if (rc)
		return rc;
	if (val.size != 8)
		return -EIO;
	*ret_value = meta_from_be64(val.data);
	return 0;
}

int meta_sys_put_u64(struct meta *m, const char *name, uint64_t value)
{
	unsigned char be[8];

	meta_be64(be, value);
	return meta_put(m, META_SYS, name, strlen(name), be, sizeof(be));
}
