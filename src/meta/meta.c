/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one LMDB environment of the namespace: opening and checking it, its
 * tables, and the numbers meta_next_id() gives.
 *
 * LMDB's writer mutex belongs to the thread that took it, so the committer
 * (committer.c) begins and commits every transaction. Between the two the
 * transaction is plain memory that any thread may use, one at a time, under
 * the committer's lock.
 */
#include "vers3/meta/meta.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/meta/committer.h"
#include "vers3/util/log.h"

#define KEY_MAX		META_TABLE_KEY_MAX
#define MAP_BYTES	(UINT64_C(1) << 40)
#define MAP_BYTES_LEAST (UINT64_C(1) << 28)
#define HEADROOM_BYTES	(UINT64_C(64) << 20)
#define COMMIT_CHANGES	16384 /* this many do not wait for their time */
#define ID_RANGE	(UINT64_C(1) << 20) /* numbers reserved at a time */
#define SYS_FORMAT	"meta.format"
#define SYS_IDENTITY	"meta.identity"
#define SYS_IDS		"meta.ids"
#define IDENTITY_SHOWN	200 /* bytes of a foreign identity in a reason */

struct meta {
	MDB_env *env; /* owned */
	MDB_dbi dbi[META_TABLE_COUNT]; /* fixed once open */
	char *path; /* owned: DIR/meta */
	struct committer *committer; /* owned; its lock protects the rest */
	MDB_txn *txn; /* ended by the committer; NULL when failed */
	uint64_t next_id; /* the next number to give */
	uint64_t id_mark; /* stored: all numbers below may be given */
	uint64_t id_durable; /* `id_mark` as of the last commit */
};

static const char *const table_names[META_TABLE_COUNT] = {
	[META_SYS] = "sys",	    [META_INODE] = "inode",
	[META_DENTRY] = "dentry",   [META_ORDER] = "order",
	[META_NAME] = "name",	    [META_XATTR] = "xattr",
	[META_HEAD] = "head",	    [META_EXTENT] = "extent",
	[META_DIRTY] = "dirty",	    [META_DUE] = "due",
	[META_ORPHAN] = "orphan",   [META_VIEW] = "view",
	[META_HISTORY] = "history", [META_PAST] = "past",
};

/* LMDB's codes are positive errno values or its own negative ones. */
static int mdb_errno(int rc)
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

/*
 * LMDB leaves pages that a transaction took and gave back unwritten, so its
 * file may end before the last page it counts. Keeping the file well ahead
 * of that makes "shorter than it counts" mean damage (see check_length()).
 */
static void keep_headroom(struct meta *m)
{
	MDB_envinfo info;
	struct stat st;
	MDB_stat page;
	uint64_t need;
	int fd;

	if (mdb_env_info(m->env, &info) || mdb_env_stat(m->env, &page) ||
	    mdb_env_get_fd(m->env, &fd) || fstat(fd, &st) < 0)
		return;
	need = ((uint64_t)info.me_last_pgno + 1) * page.ms_psize;
	if ((uint64_t)st.st_size >= need + HEADROOM_BYTES / 2)
		return;
	if (ftruncate(fd, (off_t)(need + HEADROOM_BYTES)) < 0)
		log_debug("%s: cannot grow the file ahead: %s", m->path,
			  strerror(errno));
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

static int txn_commit(void *ctx, bool *ret_durable)
{
	struct meta *m = ctx;
	int rc = mdb_txn_commit(m->txn);

	m->txn = NULL;
	if (rc) {
		log_error("%s: commit: %s; no change is taken until the next "
			  "mount",
			  m->path, mdb_strerror(rc));
		return -EIO;
	}
	*ret_durable = true;
	m->id_durable = m->id_mark;
	keep_headroom(m);
	return txn_begin(m);
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
	.abort = txn_abort,
};

static void on_assert(MDB_env *env, const char *msg)
{
	(void)env;
	log_error("the namespace is damaged: LMDB: %s", msg);
}

/* Opens the environment, with as large a map as the system allows. */
static int env_open(struct meta *m, char *reason, size_t size)
{
	int rc = ENOMEM;

	for (uint64_t map = MAP_BYTES; map >= MAP_BYTES_LEAST; map /= 4) {
		rc = mdb_env_create(&m->env);
		if (rc) {
			m->env = NULL;
			break;
		}
		mdb_env_set_assert(m->env, on_assert);
		mdb_env_set_maxdbs(m->env, META_TABLE_COUNT);
		rc = map > SIZE_MAX ? ENOMEM
				    : mdb_env_set_mapsize(m->env, (size_t)map);
		if (!rc)
			rc = mdb_env_open(m->env, m->path, 0, 0600);
		if (!rc && mdb_env_get_maxkeysize(m->env) <= KEY_MAX)
			rc = MDB_BAD_VALSIZE;
		if (!rc)
			return 0;
		mdb_env_close(m->env);
		m->env = NULL;
		if (rc != ENOMEM)
			break;
	}
	if (rc == MDB_INVALID || rc == MDB_CORRUPTED || rc == MDB_PANIC)
		snprintf(reason, size,
			 "%s is damaged (%s): move it away to start anew; "
			 "changes not yet uploaded are known only to it",
			 m->path, mdb_strerror(rc));
	else
		snprintf(reason, size, "%s cannot be opened for writing: %s",
			 m->path, mdb_strerror(rc));
	return mdb_errno(rc);
}

/* A file that lost its end would kill us at the first look past it. */
static int check_length(struct meta *m, char *reason, size_t size)
{
	MDB_envinfo info;
	MDB_stat page;
	struct stat st;
	uint64_t need;
	int fd;

	mdb_env_info(m->env, &info);
	mdb_env_stat(m->env, &page);
	mdb_env_get_fd(m->env, &fd);
	if (fstat(fd, &st) < 0) {
		snprintf(reason, size, "%s: %s", m->path, strerror(errno));
		return -EIO;
	}
	need = ((uint64_t)info.me_last_pgno + 1) * page.ms_psize;
	if ((uint64_t)st.st_size >= need)
		return 0;
	snprintf(reason, size,
		 "%s is damaged: %llu bytes of %llu are there; move it away "
		 "to start anew; changes not yet uploaded are known only to it",
		 m->path, (unsigned long long)st.st_size,
		 (unsigned long long)need);
	return -EIO;
}

static int sys_u64(struct meta *m, MDB_txn *txn, const char *name,
		   uint64_t *ret_value)
{
	MDB_val key = {strlen(name), (void *)(uintptr_t)name}, val;
	int rc = mdb_get(txn, m->dbi[META_SYS], &key, &val);

	if (rc)
		return mdb_errno(rc);
	if (val.mv_size != 8)
		return -EIO;
	*ret_value = meta_from_be64(val.mv_data);
	return 0;
}

static int sys_put(struct meta *m, MDB_txn *txn, const char *name,
		   const void *data, size_t len)
{
	MDB_val key = {strlen(name), (void *)(uintptr_t)name};
	MDB_val val = {len, (void *)(uintptr_t)data};

	return mdb_errno(mdb_put(txn, m->dbi[META_SYS], &key, &val, 0));
}

static int sys_put_u64(struct meta *m, MDB_txn *txn, const char *name,
		       uint64_t value)
{
	unsigned char be[8];

	meta_be64(be, value);
	return sys_put(m, txn, name, be, sizeof(be));
}

static int check_format(struct meta *m, MDB_txn *txn, char *reason, size_t size)
{
	uint64_t format;
	MDB_stat st;
	int rc;

	rc = sys_u64(m, txn, SYS_FORMAT, &format);
	if (rc == -ENOENT && !mdb_stat(txn, m->dbi[META_SYS], &st) &&
	    st.ms_entries == 0)
		return sys_put_u64(m, txn, SYS_FORMAT, META_FORMAT);
	if (rc) {
		snprintf(reason, size, "%s is damaged: its format is not there",
			 m->path);
		return -EPROTO;
	}
	if (format == META_FORMAT)
		return 0;
	snprintf(reason, size,
		 "%s has format %llu and this vers3 knows %d: finish its "
		 "uploads with the vers3 that made it, or use another "
		 "cache_dir=",
		 m->path, (unsigned long long)format, META_FORMAT);
	return -EPROTO;
}

static int check_identity(struct meta *m, MDB_txn *txn, const char *identity,
			  char *reason, size_t size)
{
	size_t len = strlen(SYS_IDENTITY), want = strlen(identity);
	char name[sizeof(SYS_IDENTITY)] = SYS_IDENTITY;
	char shown[IDENTITY_SHOWN + 1] = "";
	MDB_val key = {len, name}, val;
	size_t n;
	int rc;

	rc = mdb_get(txn, m->dbi[META_SYS], &key, &val);
	if (rc == MDB_NOTFOUND)
		return sys_put(m, txn, SYS_IDENTITY, identity, want);
	if (rc)
		return mdb_errno(rc);
	if (val.mv_size == want && !memcmp(val.mv_data, identity, want))
		return 0;
	n = val.mv_size < IDENTITY_SHOWN ? val.mv_size : IDENTITY_SHOWN;
	memcpy(shown, val.mv_data, n);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)shown[i] < ' ' || shown[i] == 0x7f)
			shown[i] = '?';
	snprintf(reason, size,
		 "%s belongs to %s, not to %s: use another cache_dir=", m->path,
		 shown, identity);
	return -EXDEV;
}

/*
 * Starts the numbers after all that an earlier run may have given, and
 * reserves the next range.
 */
static int start_ids(struct meta *m, MDB_txn *txn)
{
	uint64_t mark = META_FIRST_INO;
	int rc;

	rc = sys_u64(m, txn, SYS_IDS, &mark);
	if (rc && rc != -ENOENT)
		return rc;
	if (mark < META_FIRST_INO || mark > UINT64_MAX - ID_RANGE)
		return -EIO;
	m->next_id = mark;
	m->id_mark = mark + ID_RANGE;
	m->id_durable = m->id_mark;
	return sys_put_u64(m, txn, SYS_IDS, m->id_mark);
}

/* Opens the tables and checks whose they are, in a transaction of its own. */
static int tables_open(struct meta *m, const char *identity, char *reason,
		       size_t size)
{
	MDB_txn *txn = NULL;
	int rc;

	keep_headroom(m);
	rc = mdb_errno(mdb_txn_begin(m->env, NULL, 0, &txn));
	for (int t = 0; !rc && t < META_TABLE_COUNT; t++)
		rc = mdb_errno(mdb_dbi_open(txn, table_names[t], MDB_CREATE,
					    &m->dbi[t]));
	if (rc)
		goto out;
	rc = check_format(m, txn, reason, size);
	if (rc)
		goto out;
	rc = check_identity(m, txn, identity, reason, size);
	if (rc)
		goto out;
	rc = start_ids(m, txn);
	if (rc)
		goto out;
	rc = mdb_errno(mdb_txn_commit(txn));
	txn = NULL;
	if (!rc)
		keep_headroom(m);
out:
	if (txn)
		mdb_txn_abort(txn);
	if (rc && !reason[0])
		snprintf(reason, size, "%s cannot be read or written: %s",
			 m->path, strerror(-rc));
	return rc;
}

/* A name just made is durable once its directory is. */
static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int make_dir(struct meta *m, const char *dir, char *reason, size_t size)
{
	if (asprintf(&m->path, "%s/meta", dir) < 0) {
		m->path = NULL;
		snprintf(reason, size, "out of memory");
		return -ENOMEM;
	}
	if (mkdir(m->path, 0700) < 0 && errno != EEXIST) {
		int rc = -errno;

		snprintf(reason, size, "%s cannot be made: %s", m->path,
			 strerror(-rc));
		return rc;
	}
	return 0;
}

int meta_open(const char *dir, const char *identity, char *reason, size_t size,
	      struct meta **ret_meta)
{
	struct meta *m = calloc(1, sizeof(*m));
	char spare[1];
	int rc;

	if (!size) {
		reason = spare;
		size = sizeof(spare);
	}
	reason[0] = '\0';
	if (!m) {
		snprintf(reason, size, "out of memory");
		return -ENOMEM;
	}
	rc = make_dir(m, dir, reason, size);
	if (rc)
		goto out;
	rc = env_open(m, reason, size);
	if (rc)
		goto out;
	rc = check_length(m, reason, size);
	if (rc)
		goto out;
	rc = tables_open(m, identity, reason, size);
	if (rc)
		goto out;
	rc = sync_dir(m->path);
	if (!rc)
		rc = sync_dir(dir);
	if (!rc)
		rc = committer_new(m->path, &ops, m, META_COMMIT_NS,
				   COMMIT_CHANGES, &m->committer);
	if (rc)
		snprintf(reason, size, "%s: %s", m->path, strerror(-rc));
out:
	if (rc)
		meta_close(m);
	else
		*ret_meta = m;
	return rc;
}

void meta_close(struct meta *m)
{
	if (!m)
		return;
	committer_free(m->committer);
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
	committer_unlock(m->committer);
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
		log_error("%s: %s: %s; no change is taken until the next mount",
			  m->path, what, mdb_strerror(rc));
		committer_fail(m->committer);
		return mdb_errno(rc) == -ENOSPC ? -ENOSPC : -EIO;
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
	return change_result(m, "put", mdb_put(m->txn, m->dbi[t], &k, &v, 0));
}

int meta_del(struct meta *m, enum meta_table t, const void *key, size_t len)
{
	MDB_val k = {len, (void *)(uintptr_t)key};
	int rc = committer_check(m->committer);

	if (rc)
		return rc;
	if (!key_fits(len))
		return -EINVAL;
	return change_result(m, "delete", mdb_del(m->txn, m->dbi[t], &k, NULL));
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
	    m->id_mark - m->next_id <= ID_RANGE / 2) {
		rc = meta_sys_put_u64(m, SYS_IDS, m->id_mark + ID_RANGE);
		if (rc)
			return rc;
		m->id_mark += ID_RANGE;
	}
	if (m->next_id == m->id_durable)
		return -EAGAIN;
	*ret_id = m->next_id++;
	return 0;
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
