/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local namespace and the dirty table, in one LMDB environment.
 *
 * One write transaction is shared by all changes. They become durable in
 * groups: at most META_COMMIT_NS after the first change, at once when someone
 * waits in meta_sync(); in the redo log first, and now and then by a commit of
 * the transaction. Every access, also reading, goes through that transaction,
 * one thread at a time: meta_lock() takes it, meta_unlock() gives it back.
 * Between the two a caller sees all earlier changes, committed or not, and
 * no network call, no other lock of a higher floor and no wait may happen.
 * (LMDB ties the writer's mutex to the thread that began the transaction, so
 * a committer thread of meta's own begins and commits.)
 *
 * What is committed is durable (synced). What is not yet is in the redo log
 * when meta_unlock() returns, and comes back at the next meta_open() if the
 * process was killed; a loss of power loses what the log was not synced with,
 * as a whole, never in part.
 *
 * When a commit fails (I/O error) the environment is failed: every later call
 * returns -EIO and nothing more is written, since what LMDB holds on disk is
 * still the last good commit. A disk without room puts commits off: nothing is
 * lost, reading goes on, and meta_room() tells who should change nothing now.
 */
#ifndef VERS3_META_META_H
#define VERS3_META_META_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define META_COMMIT_NS (INT64_C(40) * 1000000)
#define META_FORMAT    4 /* of the tables; all but these three are refused */
/*
 * Of an earlier vers3 that was cut off: what was promised may be in the redo
 * log alone.
 */
#define META_FORMAT_MARKED 5
/*
 * While it is open, and while staged bytes stand in the staging log, of which
 * an earlier vers3 knows nothing.
 */
#define META_FORMAT_OPEN 6
#define META_ROOT_INO	 UINT64_C(1)
#define META_FIRST_INO	 UINT64_C(1024) /* those below are the vfs's own */

struct meta;

/*
 * Opens or makes DIR/meta (DIR exists). identity is a line that names the
 * bucket, prefix and endpoint; an environment made for another one is
 * refused with -EXDEV, one of another format with -EPROTO. 0 or -errno;
 * reason (size bytes) gets one line on failure. The caller has made sure
 * that no other process uses DIR. What a killed process had changed is taken
 * over from the redo log, and durable on return; so all files on DIR's file
 * system are.
 */
int meta_open(const char *dir, const char *identity, char *reason, size_t size,
	      struct meta **ret_meta);
/* Commits, syncs and closes. NULL is fine. */
void meta_close(struct meta *m);

/*
 * Takes the transaction. 0, or -EIO when the environment is failed (then
 * there is nothing to unlock).
 */
int meta_lock(struct meta *m);
/*
 * Gives it back. What was put or deleted goes into the redo log as one, and a
 * commit follows.
 */
void meta_unlock(struct meta *m);
/*
 * For whoever says that a change was made, after meta_unlock(): returns when a
 * kill of the process cannot undo it. At once, unless the redo log could not
 * be written; then it waits as meta_sync(), whose errors it has.
 */
int meta_keep(struct meta *m);
/*
 * For whoever is about to change something on a user's behalf: 0, or -ENOSPC
 * while the disk has no room that could be kept for it. Without the lock.
 */
int meta_room(struct meta *m);
/*
 * Returns when all that was changed before is durable. 0, -EIO, or -ENOSPC:
 * not yet, for the disk is full.
 */
int meta_sync(struct meta *m);
/*
 * Once it is closed it is that of another identity. Takes meta_lock(). 0 or
 * -errno: then it is open which, as it is where it is cut off before its end.
 */
int meta_set_identity(struct meta *m, const char *identity);
/*
 * When the oldest change that is not durable yet was made (monotonic time);
 * 0 when all are. Needs the lock; what its holder changed under it does not
 * count.
 */
int64_t meta_pending_ns(struct meta *m);
/*
 * Called on the committer's thread before changes become durable: the place
 * to make the data durable that they speak of. Data is written first and
 * recorded here afterwards; then nothing durable speaks of data that is not on
 * disk. fn runs without the lock; before a commit, again when changes came in
 * the meantime, and after a few times with all others locked out: so it must
 * not call meta, nor take a lock that anyone holds while in meta_lock(). A
 * failure puts the commit off, fails those who wait in meta_sync(), and is
 * logged; it is tried again after a while. meta_close() gives up after three
 * failures and leaves the changes since the last commit unwritten. NULL
 * unsets.
 */
void meta_set_precommit(struct meta *m, int (*fn)(void *ctx), void *ctx);

/* What stands where an object says nothing. */
struct meta_defaults {
	uint32_t uid, gid;
	uint32_t file_mode, dir_mode; /* permission bits */
};
/*
 * What this mount says of all objects that do not say it themselves: their
 * inodes are filled in with it when they are read. All zero until it is set,
 * which is before other threads use m. get: borrowed from m.
 */
void meta_set_defaults(struct meta *m, const struct meta_defaults *defaults);
const struct meta_defaults *meta_get_defaults(const struct meta *m);

/* Generic tables. All below need the lock held. A key has at least a byte. */
#define META_TABLE_KEY_MAX 500 /* bytes of a key */
#define META_KEY_BUF	   512 /* bytes that hold every key */
enum meta_table {
	META_SYS, /* name → small values */
	META_INODE, /* ino → inode.h */
	META_DENTRY, /* parent, name → dentry.h */
	META_ORDER, /* parent, cookie → ino, name */
	META_NAME, /* ino, parent, name → (reverse of DENTRY) */
	META_XATTR, /* ino, name → value */
	META_HEAD, /* ino → the object's metadata as it came */
	META_EXTENT, /* ino, offset → length (staged bytes) */
	META_DIRTY, /* object key, or its hash → dirty.h */
	META_DUE, /* due time, object key or its hash → */
	META_ORPHAN, /* ino → (no name left, not yet reclaimed) */
	META_VIEW, /* versions view: ino → node */
	META_HISTORY, /* versions view: listed versions */
	META_PAST, /* versions view: names at an instant */
	META_GONE, /* ino → path (a directory out of the tree) */
	META_HOLES, /* ino → where its base has zeros: holes.h */
	META_TAGS, /* ino → tags that its object is to be given again */
	META_TABLE_COUNT,
};

struct meta_val {
	const void *data; /* in the map: valid until the next put or delete,
			     or until meta_unlock(), whichever is first */
	size_t size;
};

/* 0, -ENOENT, -EIO. */
int meta_get(struct meta *m, enum meta_table t, const void *key, size_t len,
	     struct meta_val *ret_val);
/*
 * Adds or replaces; val does not point into the map. 0, -EIO, -ENOSPC. A
 * failure other than -EINVAL (a bad key) fails the environment.
 */
int meta_put(struct meta *m, enum meta_table t, const void *key, size_t len,
	     const void *val, size_t size);
/* 0, -ENOENT, -EIO. */
int meta_del(struct meta *m, enum meta_table t, const void *key, size_t len);
/*
 * The first record whose key is >= key (strictly > with `after`), if it
 * starts with the first prefix_len bytes of key. The found key is copied to
 * ret_key (META_KEY_BUF bytes; may be key itself). A key of no bytes is before
 * all others here. Each ret_ may be NULL. 0, -ENOENT, -EIO.
 */
int meta_seek(struct meta *m, enum meta_table t, const void *key, size_t len,
	      size_t prefix_len, bool after, void *ret_key, size_t *ret_key_len,
	      struct meta_val *ret_val);
/* The last record whose key is < key, under the same rule. */
int meta_seek_before(struct meta *m, enum meta_table t, const void *key,
		     size_t len, size_t prefix_len, void *ret_key,
		     size_t *ret_key_len, struct meta_val *ret_val);
/* Deletes every record whose key starts with prefix. 0 or -EIO. */
int meta_del_prefix(struct meta *m, enum meta_table t, const void *prefix,
		    size_t len);
/* The number of records of a table. */
uint64_t meta_count(struct meta *m, enum meta_table t);

/*
 * A number never given before, not even by a run whose last changes a crash
 * undid: inode numbers, cookies, sequence numbers. Ascending, with gaps. 0,
 * -EIO, or -EAGAIN when half a million were asked for since the last commit
 * (numbers are reserved on disk before they are given).
 */
int meta_next_id(struct meta *m, uint64_t *ret_id);

/* META_SYS by a C string. Names "meta.*" are meta's own. */
int meta_sys_get_u64(struct meta *m, const char *name, uint64_t *ret_value);
int meta_sys_put_u64(struct meta *m, const char *name, uint64_t value);

/* Big-endian, so that keys sort as numbers do. */
static inline void meta_be64(void *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint64_t meta_from_be64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

#endif
