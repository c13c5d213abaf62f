/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One LMDB environment of the block cache: its file, its three tables, its
 * readers, and the pages it gives back to the disk.
 *
 * Counted. A size class swaps a damaged environment for a new one while
 * readers are still in the old: its file is unlinked at once and its map goes
 * with the last reader.
 *
 * Pages: LMDB never shortens its file, but it never looks at a page on its
 * free list either (without MDB_WRITEMAP a page is filled in memory and
 * written whole). So blockenv_punch() gives the disk blocks of free pages back
 * with FALLOC_FL_PUNCH_HOLE, and what the file takes on disk (st_blocks) is
 * what is in use. Only the thread that writes may call it: between its
 * transactions the free list stands still. A page freed by transaction T is
 * still seen by readers of snapshots before T, and is left alone until these
 * have gone.
 */
#ifndef VERS3_SRC_CACHE_BLOCKENV_H
#define VERS3_SRC_CACHE_BLOCKENV_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct sum;

struct blockenv {
	MDB_env *mdb; /* owned */
	MDB_dbi block; /* key -> head, bytes */
	MDB_dbi stamp; /* key -> stamp */
	MDB_dbi age; /* stamp -> key */
	size_t page_bytes;
	uint64_t lock_file_bytes;
	atomic_bool damaged;
	atomic_uint refs;
	pthread_mutex_t lock;
	/* Both protected by lock. */
	SLIST_HEAD(, blockenv_reader) readers; /* all there are */
	SLIST_HEAD(, blockenv_reader) idle;
};

struct blockenv_reader {
	struct blockenv *env; /* counted while busy */
	MDB_txn *txn; /* owned; reset while idle */
	struct sum *sum; /* owned; NULL until first needed */
	_Atomic uint64_t snapshot; /* of a busy one; 0 until it is known */
	bool busy; /* protected by env->lock */
	SLIST_ENTRY(blockenv_reader) entry, idle_entry;
};

/*
 * Opens the file, or makes it: it is there with its tables or not at all,
 * whenever the process is killed. 0, -errno, or -EUCLEAN when it is damaged.
 */
int blockenv_open(const char *path, uint64_t map_bytes,
		  struct blockenv **ret_env);
void blockenv_unref(struct blockenv *e);
/* Removes the file, its lock file, and a half-made one; 0 or -errno. */
int blockenv_unlink(const char *path);

/* A read transaction on the newest commit, with a count of the environment. */
int blockenv_take(struct blockenv *e, struct blockenv_reader **ret_reader);
void blockenv_give(struct blockenv_reader *r);

/* Bytes that its files take on disk. */
uint64_t blockenv_disk_bytes(struct blockenv *e);
/*
 * Gives the free pages back to the disk. 0, -EAGAIN when readers still see
 * some, -EOPNOTSUPP when the file system cannot, -EUCLEAN when damaged.
 */
int blockenv_punch(struct blockenv *e);
/* Makes what is committed durable. */
int blockenv_sync(struct blockenv *e);

/*
 * -errno of an LMDB result: what says that the file is not as LMDB left it,
 * or that it can no longer be used, is -EUCLEAN; MDB_NOTFOUND is -ENOENT.
 */
int blockenv_errno(int rc);

#endif
