/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the environment: whose it is, whether it is whole, its redo log. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meta_impl.h"
#include "vers3/util/buf.h"
#include "vers3/util/log.h"

#define MAP_BYTES	(UINT64_C(1) << 40)
#define MAP_BYTES_LEAST (UINT64_C(1) << 28)
#define SYS_IDENTITY	"meta.identity"
#define IDENTITY_SHOWN	200 /* bytes of a foreign identity in a reason */
#define LAYOUT_MAX	8192

static const char *const table_names[META_TABLE_COUNT] = {
	[META_SYS] = "sys",	    [META_INODE] = "inode",
	[META_DENTRY] = "dentry",   [META_ORDER] = "order",
	[META_NAME] = "name",	    [META_XATTR] = "xattr",
	[META_HEAD] = "head",	    [META_EXTENT] = "extent",
	[META_DIRTY] = "dirty",	    [META_DUE] = "due",
	[META_ORPHAN] = "orphan",   [META_VIEW] = "view",
	[META_HISTORY] = "history", [META_PAST] = "past",
	[META_GONE] = "gone",	    [META_HOLES] = "holes",
	[META_TAGS] = "tags",
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
		if (!rc && mdb_env_get_maxkeysize(m->env) <= META_KEY_LIMIT)
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
	return meta_mdb_errno(rc);
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
		return meta_mdb_errno(rc);
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

	return meta_mdb_errno(mdb_put(txn, m->dbi[META_SYS], &key, &val, 0));
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

	rc = sys_u64(m, txn, META_SYS_FORMAT, &format);
	if (rc == -ENOENT && !mdb_stat(txn, m->dbi[META_SYS], &st) &&
	    st.ms_entries == 0)
		return 0;
	if (rc) {
		snprintf(reason, size, "%s is damaged: its format is not there",
			 m->path);
		return -EPROTO;
	}
	if (format == META_FORMAT || format == META_FORMAT_MARKED ||
	    format == META_FORMAT_OPEN)
		return 0;
	snprintf(reason, size,
		 "%s has format %llu and this vers3 knows %d to %d: finish its "
		 "uploads with the vers3 that made it, or use another "
		 "cache_dir=",
		 m->path, (unsigned long long)format, META_FORMAT,
		 META_FORMAT_OPEN);
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
		return 0;
	if (rc)
		return meta_mdb_errno(rc);
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

int meta_set_identity(struct meta *m, const char *identity)
{
	int rc = meta_lock(m);

	if (rc)
		return rc;
	rc = meta_put(m, META_SYS, SYS_IDENTITY, strlen(SYS_IDENTITY), identity,
		      strlen(identity));
	meta_unlock(m);
	return rc ? rc : meta_sync(m);
}

/*
 * Starts the numbers after all that an earlier run may have given, and
 * reserves the next range.
 */
static int start_ids(struct meta *m, MDB_txn *txn)
{
	uint64_t mark = META_FIRST_INO;
	int rc;

	rc = sys_u64(m, txn, META_SYS_IDS, &mark);
	if (rc && rc != -ENOENT)
		return rc;
	if (mark < META_FIRST_INO || mark > UINT64_MAX - META_ID_RANGE)
		return -EIO;
	m->next_id = mark;
	m->id_mark = mark + META_ID_RANGE;
	m->id_durable = m->id_mark;
	return sys_put_u64(m, txn, META_SYS_IDS, m->id_mark);
}

/*
 * Takes over what the last life had changed and not committed before it was
 * cut off. The changes are durable with this transaction, so what is staged
 * must be before it: by whom it was written is not known any more, so the
 * whole file system is synced.
 */
static int take_over(struct meta *m, MDB_txn *txn, char *reason, size_t size)
{
	uint64_t records = 0;
	int fd = -1, rc = meta_replay(m, txn, &records);

	if (!rc && records) {
		fd = open(m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || syncfs(fd))
			rc = -errno;
	}
	if (fd >= 0)
		close(fd);
	if (rc == -EPROTO)
		snprintf(reason, size,
			 "%s/redo has changes of another vers3, which this one "
			 "cannot read: mount it once with the vers3 that made "
			 "it, or use another cache_dir=",
			 m->path);
	else if (rc)
		snprintf(reason, size,
			 "%s: what the last mount had changed cannot be "
			 "taken over: %s",
			 m->path, strerror(-rc));
	else if (records)
		log_info("%s: %" PRIu64 " changes of a mount that was cut off "
			 "are taken over",
			 m->path, records);
	return rc;
}

/* Opens the tables and checks whose they are, in a transaction of its own. */
static int tables_open(struct meta *m, const char *identity, char *reason,
		       size_t size)
{
	MDB_txn *txn = NULL;
	int rc;

	meta_keep_headroom(m);
	rc = meta_mdb_errno(mdb_txn_begin(m->env, NULL, 0, &txn));
	for (int t = 0; !rc && t < META_TABLE_COUNT; t++)
		rc = meta_mdb_errno(mdb_dbi_open(txn, table_names[t],
						 MDB_CREATE, &m->dbi[t]));
	if (rc)
		goto out;
	rc = check_format(m, txn, reason, size);
	if (rc)
		goto out;
	rc = check_identity(m, txn, identity, reason, size);
	if (rc)
		goto out;
	rc = take_over(m, txn, reason, size);
	if (rc)
		goto out;
	rc = start_ids(m, txn);
	/*
	 * The log may have that of a meta_set_identity() which was cut off:
	 * what follows is in a log of this one, which that would not look at.
	 */
	if (!rc)
		rc = sys_put(m, txn, SYS_IDENTITY, identity, strlen(identity));
	if (!rc)
		rc = sys_put_u64(m, txn, META_SYS_FORMAT, META_FORMAT_OPEN);
	if (rc)
		goto out;
	rc = meta_mdb_errno(mdb_txn_commit(txn));
	txn = NULL;
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

/* Whose the log is, and which numbers it has for the tables. */
static int open_redo(struct meta *m, const char *identity)
{
	struct buf layout, path;
	int rc;

	buf_init(&layout, LAYOUT_MAX);
	buf_init(&path, PATH_MAX);
	rc = buf_printf(&layout, "meta %d\ntables", META_FORMAT);
	for (int t = 0; !rc && t < META_TABLE_COUNT; t++)
		rc = buf_printf(&layout, " %s", table_names[t]);
	if (!rc)
		rc = buf_printf(&path, "%s/redo", m->path);
	if (!rc)
		rc = redo_open(path.data, layout.data, identity, &m->redo);
	buf_release(&layout);
	buf_release(&path);
	return rc;
}

static int open_helpers(struct meta *m, const char *identity, char *reason,
			size_t size)
{
	int fd, rc;

	mdb_env_get_fd(m->env, &fd);
	rc = headroom_new(fd, m->path, &m->headroom);
	if (!rc)
		rc = open_redo(m, identity);
	if (rc)
		snprintf(reason, size, "%s/redo cannot be opened: %s", m->path,
			 strerror(-rc));
	return rc;
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
	rc = open_helpers(m, identity, reason, size);
	if (rc)
		goto out;
	rc = tables_open(m, identity, reason, size);
	if (rc)
		goto out;
	rc = sync_dir(m->path);
	if (!rc)
		rc = sync_dir(dir);
	if (!rc) {
		/* All that was in it is durable now, or was never ours. */
		redo_begin(m->redo);
		meta_keep_headroom(m);
		rc = meta_start_committer(m);
	}
	if (rc)
		snprintf(reason, size, "%s: %s", m->path, strerror(-rc));
out:
	if (rc)
		meta_close(m);
	else
		*ret_meta = m;
	return rc;
}
