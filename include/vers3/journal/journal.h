/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be brought to the bucket, as those note it who change the
 * namespace, and what those must know who change it after a list. The changes
 * themselves stand in the dirty table (dirty.h); here is who is told of them.
 *
 *	marks		a key differs from what the bucket holds (journal.c)
 *	reaping		what is staged and may go (reaping.c)
 *	settled		what no list under way may undo (recent_commits.c)
 *	suspects	keys where a list has shown something else (suspects.c)
 *	watches		paths that somebody wants to know changed (watches.c)
 *
 * All but the marks are in memory only. Any thread; any lock may be held, but
 * where meta_lock() has to be, it says so.
 *
 * Strings are copied. Times are realtime, in ns. 0 or -errno, from meta.h's;
 * what returns nothing is best effort, as it says.
 */
#ifndef VERS3_JOURNAL_JOURNAL_H
#define VERS3_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"

struct journal;
struct pins;

/* Borrows both. 0 or -ENOMEM. */
int journal_new(struct meta *meta, struct pins *pins,
		struct journal **ret_journal);
void journal_free(struct journal *j);

/* Who sends what is noted here. None of them may block. */
struct journal_listener {
	/* Something is due then (realtime); with meta_lock() held. */
	void (*due)(void *ctx, int64_t due_ns);
	/* What is staged of an inode may go. */
	void (*reaping)(void *ctx);
	/* A file's content has changed. Without meta_lock(). */
	void (*grown)(void *ctx, const struct meta_inode *inode);
	void *ctx;
};
/* Copied. NULL: nobody. While no other thread uses the journal. */
void journal_listen(struct journal *j, const struct journal_listener *l);

/*
 * Marks a path's key dirty; with meta_lock() held. known is what the bucket
 * holds there if the key was clean until now (NULL: nothing). The change is
 * sent when delay_ns have passed and the file is quiet; nobody has to tell
 * more. A mark can be refused: it comes before the change.
 */
int journal_mark(struct journal *j, const char *path,
		 const struct meta_version *known, int64_t delay_ns);
/*
 * The same with the time itself, of journal_due(): what is marked twice with
 * one time costs nothing the second time.
 */
int journal_mark_at(struct journal *j, const char *path,
		    const struct meta_version *known, int64_t due_ns);
int64_t journal_due(int64_t delay_ns);
/* A file's content has changed: parts of it may go. Without meta_lock(). */
void journal_grown(struct journal *j, const struct meta_inode *inode);

/*
 * Has what is staged of an inode removed once the namespace durably does not
 * need it (no inode, or none of its bytes staged), or else trimmed. What cannot
 * be noted is found by the next mount.
 */
void journal_reap(struct journal *j, uint64_t ino);
/* The same for the next time that somebody looks: nobody is told of it. */
void journal_reap_later(struct journal *j, const uint64_t *inos, size_t count);
/* Takes all that were noted: *ret_inos is owned by the caller. */
void journal_take_reaping(struct journal *j, uint64_t **ret_inos,
			  size_t *ret_count);
/* Whether it was noted anew: then what is seen now may not be durable. */
bool journal_is_reaping(struct journal *j, uint64_t ino);

/* Lists in flight keep the memory of what was settled: begin, end. */
uint64_t journal_list_begin(struct journal *j);
void journal_list_end(struct journal *j, uint64_t since);
/*
 * A key is clean. Under meta_lock(), so that it is one with the record's end.
 */
void journal_note_commit(struct journal *j, const char *key);
/*
 * Whether the key's state was settled by this mount after `since` (a value
 * of journal_list_begin()): then what a list, asked before, says of it is old.
 */
bool journal_committed_after(struct journal *j, const char *path,
			     uint64_t since);
/*
 * Whether any key below prefix is dirty or was settled after since; with
 * meta_lock() held.
 */
bool journal_pending_below(struct journal *j, const char *prefix,
			   uint64_t since);
/* A request of this mount has changed what the bucket holds. */
void journal_saved(struct journal *j);
/* How often that was, or a key settled: each ends what a walk was worth. */
uint64_t journal_saves(struct journal *j);
/* How many keys are remembered. */
size_t journal_commit_count(struct journal *j);
/*
 * For tests: what is kept of a list under way, in words that are constant;
 * NULL: nothing, as it has to be when all lists have ended.
 */
const char *journal_check(struct journal *j);

/*
 * A list has shown something else at a dirty key than is known there, so
 * that a look is taken before it is sent.
 */
void journal_suspect(struct journal *j, const char *path);
bool journal_is_suspect(struct journal *j, const char *path);
/* The key was settled: what lists have shown before does not matter. */
void journal_acquit(struct journal *j, const char *path);

/*
 * Watches a path and the directories that lead there: a number for
 * journal_has_changed(). What cannot be watched counts as changed.
 */
uint64_t journal_watch(struct journal *j, const char *path);
/*
 * This mount changes what a path holds: of a file, which its mark tells; of a
 * directory, that it is made, removed or moved, which is told where that is
 * done.
 */
void journal_changed(struct journal *j, const char *key);
enum journal_reach {
	JOURNAL_PATH,
	JOURNAL_WAY, /* and the directories that lead there */
};
/* Whether this mount may have changed the path since it was watched. */
bool journal_has_changed(struct journal *j, const char *path, uint64_t since,
			 enum journal_reach reach);

#endif
