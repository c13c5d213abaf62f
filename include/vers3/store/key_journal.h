/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that are written to a replica while it stands in for the bucket: a
 * file that says, before the first change of a key is sent, that there may be
 * one. It exists as long as the replica stands in, and tells so to the next
 * mount. Whoever brings the keys back takes them one by one; what is changed
 * after it was taken is noted once more.
 *
 * Any thread, no lock held: a note waits for the disk. 0 or -errno.
 */
#ifndef VERS3_STORE_KEY_JOURNAL_H
#define VERS3_STORE_KEY_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_JOURNAL_KEY_MAX 1024 /* bytes, as S3 has it */

struct key_journal;

/*
 * The journal at path, which is made by key_journal_begin() alone. place, one
 * line, is where the keys are written: one that was begun with another is
 * -EXDEV, one that is no journal -EILSEQ. Copies both.
 */
int key_journal_open(const char *path, const char *place,
		     struct key_journal **ret_journal);
/* What is noted stays. NULL is fine. */
void key_journal_free(struct key_journal *j);
/* Whether it was begun and has not ended. */
bool key_journal_is_begun(struct key_journal *j);
/* When it was begun, realtime; 0: it is not. */
int64_t key_journal_begun_ns(struct key_journal *j);

/* Durable when it returns. -EALREADY. */
int key_journal_begin(struct key_journal *j);
/* The same, once for a key until that is taken. -EINVAL: no key. */
int key_journal_note(struct key_journal *j, const char *key);
/* How many are there to be taken. */
size_t key_journal_count(struct key_journal *j);
/*
 * Takes one, which is noted no longer in memory, but by the file until its end:
 * after a restart it comes once more. buf has KEY_JOURNAL_KEY_MAX + 1 bytes.
 * False: there is none.
 */
bool key_journal_take(struct key_journal *j, char *buf);
/*
 * Has one be taken once more that the file has already: nothing is written. In
 * want of memory the journal does not end before a restart has read the file.
 */
void key_journal_again(struct key_journal *j, const char *key);
/*
 * The file goes, and is durably over before that. Nothing may be left to be
 * taken: -EBUSY; -ENOMEM: see key_journal_again().
 */
int key_journal_end(struct key_journal *j);

#endif
