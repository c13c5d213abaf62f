/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the LMDB handles and the readers; blockenv.h says how they live. */
#include "blockenv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/util/sum.h"

#define MAX_READERS 1022 /* slots in the lock file, 64 bytes each */
#define FREE_LIST   0 /* the table of free pages, as mdb_stat opens it */

int blockenv_errno(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return 0;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_READERS_FULL:
	case MDB_TXN_FULL:
		return -EAGAIN;
	default:
		/* LMDB's own codes are negative, the system's positive. */
		return rc < 0 || rc == EINVAL ? -EUCLEAN : -rc;
	}
}

/* A new file's name until it has its tables. */
#define NEW_SUFFIX ".new"

static int add_suffix(const char *path, const char *suffix, char **ret_path)
{
	if (asprintf(ret_path, "%s%s", path, suffix) < 0)
		return -ENOMEM;
	return 0;
}

static int lock_file_path(const char *path, char **ret_path)
{
	return add_suffix(path, "-lock", ret_path);
}

static int unlink_both(const char *path)
{
	char *lock_path;
	int r = lock_file_path(path, &lock_path);

	if (r)
		return r;
	if (unlink(path) && errno != ENOENT)
		r = -errno;
	if (unlink(lock_path) && errno != ENOENT && !r)
		r = -errno;
	free(lock_path);
	return r;
}

int blockenv_unlink(const char *path)
{
	char *new_path;
	int r = add_suffix(path, NEW_SUFFIX, &new_path), r_new;

	if (r)
		return r;
	r = unlink_both(path);
	r_new = unlink_both(new_path);
	free(new_path);
	return r ? r : r_new;
}

static int open_tables(struct blockenv *e)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(e->mdb, NULL, 0, &txn);

	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, "block", MDB_CREATE, &e->block);
	if (!rc)
		rc = mdb_dbi_open(txn, "stamp", MDB_CREATE, &e->stamp);
	if (!rc)
		rc = mdb_dbi_open(txn, "age", MDB_CREATE, &e->age);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static int open_mdb(struct blockenv *e, const char *path, uint64_t map_bytes)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD;
	MDB_stat st;
	int rc = mdb_env_create(&e->mdb);

	if (!rc)
		rc = mdb_env_set_mapsize(e->mdb, map_bytes);
	if (!rc)
		rc = mdb_env_set_maxreaders(e->mdb, MAX_READERS);
	if (!rc)
		rc = mdb_env_set_maxdbs(e->mdb, 3);
	if (!rc)
		rc = mdb_env_open(e->mdb, path, flags, 0600);
	if (!rc)
		rc = open_tables(e);
	if (!rc)
		rc = mdb_env_stat(e->mdb, &st);
	if (rc)
		return blockenv_errno(rc);
	e->page_bytes = st.ms_psize;
	/* A file from a machine with other pages: capacities would not fit. */
	if (e->page_bytes != (size_t)sysconf(_SC_PAGESIZE))
		return -EUCLEAN;
	return 0;
}

static void env_free(struct blockenv *e)
{
	struct blockenv_reader *r;

	while ((r = SLIST_FIRST(&e->readers))) {
		SLIST_REMOVE_HEAD(&e->readers, entry);
		mdb_txn_abort(r->txn);
		sum_free(r->sum);
		free(r);
	}
	if (e->mdb)
		mdb_env_close(e->mdb);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static int open_at(const char *path, uint64_t map_bytes,
		   struct blockenv **ret_env)
{
	struct blockenv *e = calloc(1, sizeof(*e));
	char *lock_path = NULL;
	struct stat st;
	int r;

	if (!e)
		return -ENOMEM;
	pthread_mutex_init(&e->lock, NULL);
	atomic_init(&e->refs, 1);
	r = lock_file_path(path, &lock_path);
	if (r)
		goto out;
	/* The directory is ours alone: an old lock file holds dead readers. */
	if (unlink(lock_path) && errno != ENOENT) {
		r = -errno;
		goto out;
	}
	r = open_mdb(e, path, map_bytes);
	if (!r && !stat(lock_path, &st))
		e->lock_file_bytes = (uint64_t)st.st_blocks * 512;
out:
	free(lock_path);
	if (r)
		env_free(e);
	else
		*ret_env = e;
	return r;
}

void blockenv_unref(struct blockenv *e)
{
	if (e && atomic_fetch_sub(&e->refs, 1) == 1)
		env_free(e);
}

/*
 * Makes a file that has its tables. LMDB makes it in steps, and one killed in
 * between could not be told from a damaged one: it gets its name at the end.
 */
static int make_file(const char *path, uint64_t map_bytes)
{
	struct blockenv *e;
	char *new_path;
	int r = add_suffix(path, NEW_SUFFIX, &new_path);

	if (r)
		return r;
	r = unlink_both(new_path);
	if (!r)
		r = open_at(new_path, map_bytes, &e);
	if (!r) {
		blockenv_unref(e);
		if (rename(new_path, path))
			r = -errno;
	}
	/* Its lock file, or what there is of it; blocks are in neither. */
	unlink_both(new_path);
	free(new_path);
	return r;
}

int blockenv_open(const char *path, uint64_t map_bytes,
		  struct blockenv **ret_env)
{
	int r = 0;

	if (access(path, F_OK))
		r = errno == ENOENT ? make_file(path, map_bytes) : -errno;
	return r ? r : open_at(path, map_bytes, ret_env);
}

static struct blockenv_reader *reader_pop(struct blockenv *e)
{
	struct blockenv_reader *r;

	pthread_mutex_lock(&e->lock);
	r = SLIST_FIRST(&e->idle);
	if (r) {
		SLIST_REMOVE_HEAD(&e->idle, idle_entry);
	} else {
		r = calloc(1, sizeof(*r));
		if (r) {
			r->env = e;
			SLIST_INSERT_HEAD(&e->readers, r, entry);
		}
	}
	if (r) {
		/* Before the snapshot is known it counts as the oldest. */
		atomic_store(&r->snapshot, 0);
		r->busy = true;
		atomic_fetch_add(&e->refs, 1);
	}
	pthread_mutex_unlock(&e->lock);
	return r;
}

static void reader_push(struct blockenv_reader *r)
{
	struct blockenv *e = r->env;

	pthread_mutex_lock(&e->lock);
	r->busy = false;
	SLIST_INSERT_HEAD(&e->idle, r, idle_entry);
	pthread_mutex_unlock(&e->lock);
	blockenv_unref(e);
}

int blockenv_take(struct blockenv *e, struct blockenv_reader **ret_reader)
{
	struct blockenv_reader *r = reader_pop(e);
	int rc;

	if (!r)
		return -ENOMEM;
	if (r->txn)
		rc = mdb_txn_renew(r->txn);
	else
		rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &r->txn);
	if (rc) {
		reader_push(r);
		return blockenv_errno(rc);
	}
	atomic_store(&r->snapshot, mdb_txn_id(r->txn));
	*ret_reader = r;
	return 0;
}

void blockenv_give(struct blockenv_reader *r)
{
	mdb_txn_reset(r->txn);
	reader_push(r);
}

uint64_t blockenv_disk_bytes(struct blockenv *e)
{
	struct stat st;
	int fd;

	if (mdb_env_get_fd(e->mdb, &fd) || fstat(fd, &st))
		return 0;
	return (uint64_t)st.st_blocks * 512 + e->lock_file_bytes;
}

int blockenv_sync(struct blockenv *e)
{
	return blockenv_errno(mdb_env_sync(e->mdb, 1));
}

/* Pages freed by this transaction or an earlier one are seen by nobody. */
static uint64_t unseen_txn(struct blockenv *e, uint64_t last)
{
	struct blockenv_reader *r;
	uint64_t oldest = last;

	pthread_mutex_lock(&e->lock);
	SLIST_FOREACH(r, &e->readers, entry) {
		uint64_t snapshot = atomic_load(&r->snapshot);

		if (r->busy && snapshot < oldest)
			oldest = snapshot;
	}
	pthread_mutex_unlock(&e->lock);
	return oldest;
}

/*
 * Punches the pages of one record of the free list: their number, then the
 * page numbers from the highest to the lowest.
 */
static int punch_record(struct blockenv *e, int fd, uint64_t end_page,
			const MDB_val *record)
{
	const size_t *pages = record->mv_data;
	size_t count, i, run;

	if (record->mv_size < sizeof(*pages))
		return -EUCLEAN;
	count = pages[0];
	if (count > record->mv_size / sizeof(*pages) - 1)
		return -EUCLEAN;
	for (i = 1; i <= count; i += run) {
		for (run = 1;
		     i + run <= count && pages[i + run] == pages[i] - run;
		     run++)
			;
		/* The first two pages are LMDB's roots. */
		if (pages[i] >= end_page || pages[i] < run + 1)
			return -EUCLEAN;
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      (off_t)((pages[i] - run + 1) * e->page_bytes),
			      (off_t)(run * e->page_bytes)))
			return -errno;
	}
	return 0;
}

static int punch_all(struct blockenv *e, MDB_txn *txn, int fd)
{
	MDB_cursor *cursor = NULL;
	uint64_t unseen, id;
	MDB_val key, record;
	MDB_envinfo info;
	bool skipped = false;
	int rc, r = 0;

	rc = mdb_env_info(e->mdb, &info);
	if (!rc)
		rc = mdb_cursor_open(txn, FREE_LIST, &cursor);
	if (rc)
		return blockenv_errno(rc);
	unseen = unseen_txn(e, info.me_last_txnid);
	while (!r && !(rc = mdb_cursor_get(cursor, &key, &record, MDB_NEXT))) {
		if (key.mv_size != sizeof(size_t)) {
			r = -EUCLEAN;
			break;
		}
		id = *(const size_t *)key.mv_data;
		if (id <= unseen)
			r = punch_record(e, fd, info.me_last_pgno + 1, &record);
		else
			skipped = true;
	}
	if (!r && rc != MDB_NOTFOUND)
		r = blockenv_errno(rc);
	mdb_cursor_close(cursor);
	return r ? r : skipped ? -EAGAIN : 0;
}

int blockenv_punch(struct blockenv *e)
{
	MDB_txn *txn;
	int fd, r, rc = mdb_env_get_fd(e->mdb, &fd);

	if (!rc)
		rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
	if (rc)
		return blockenv_errno(rc);
	r = punch_all(e, txn, fd);
	mdb_txn_abort(txn);
	return r;
}
