/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of staging, and their descriptors.
 *
 * A stagefile stands for a file while its descriptor is open, while it has
 * data that is not durable, or while it is in use:
 *
 *	state       fd    refs  in list  leaves the state
 *	in use      >= 0  > 0   -        put: to idle, or freed when dead
 *	idle        >= 0  0     idle     get: to in use; closed when more than
 *	                                 MAX_OPEN are open (oldest first)
 *	closed      -1    0     -        get opens it again; only dirty ones are
 *	                                 kept without a descriptor
 *	dead        >= 0  > 0   -        kill took it while a sync of another
 *	                                 thread still used it
 *
 * A dirty one is also in the dirty list: data was written since the last
 * staging_sync_all(). It enters the list after its write, so that a sync
 * that takes it off the list is certain to find the data.
 *
 * bytes is what the file counts for in used_bytes. It is measured with fstat
 * under the lock after every change; after a sync, when the blocks are
 * allocated for good; and when the descriptor is closed, since some file
 * systems give back then what they had allocated ahead.
 */
#ifndef VERS3_SRC_CACHE_STAGEFILE_H
#define VERS3_SRC_CACHE_STAGEFILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define STAGEFILE_NAME_SIZE 24 /* "xx/0123456789abcdef" */
#define STAGEFILE_SUBDIRS   256

struct map;
struct stagelog;

/* All fields are protected by the lock of staging. */
struct stagefile {
	uint64_t ino;
	int fd; /* of one in use it does not change, and needs no lock */
	unsigned refs;
	bool dead;
	bool dirty; /* in the dirty list */
	bool unlisted; /* its directory entry may not be durable yet */
	int sync_error; /* what was written may be lost; for good */
	uint64_t bytes;
	TAILQ_ENTRY(stagefile) idle_entry, dirty_entry;
};

struct staging {
	int dir_fd; /* DIR/staging */
	struct stagelog *log; /* owned */
	pthread_mutex_t lock;
	/* protected by lock */
	struct map *files; /* ino -> stagefile, owned */
	TAILQ_HEAD(, stagefile) idle; /* oldest first */
	unsigned open_count;
	TAILQ_HEAD(, stagefile) dirty; /* oldest first */
	int64_t used_bytes;
};

/* The file's name within DIR/staging. */
void stagefile_name(uint64_t ino, char *name);

/* Whether the inode has one. */
bool stagefile_exists(struct staging *s, uint64_t ino);

/*
 * The file of an inode with its descriptor open, to be put back; -ENOENT
 * when there is none and create is not set. 0 or -errno.
 */
int stagefile_get(struct staging *s, uint64_t ino, bool create,
		  struct stagefile **ret_file);
void stagefile_put(struct staging *s, struct stagefile *f);
/* As stagefile_put, after the file was changed, successfully or in part. */
void stagefile_put_changed(struct staging *s, struct stagefile *f);

/* The rest with the lock held. */

int stagefile_get_locked(struct staging *s, uint64_t ino, bool create,
			 struct stagefile **ret_file);
void stagefile_put_locked(struct staging *s, struct stagefile *f);
/* Brings the file's bytes up to date. Its descriptor is open. */
void stagefile_measure(struct staging *s, struct stagefile *f);
/* Puts it on the dirty list, or takes it off. */
void stagefile_mark(struct staging *s, struct stagefile *f);
void stagefile_unmark(struct staging *s, struct stagefile *f);
/* Frees one that is closed, not in use and not on the dirty list. */
void stagefile_forget(struct staging *s, struct stagefile *f);
/* Its file was removed: frees it now, or when the last user puts it. */
void stagefile_kill(struct staging *s, struct stagefile *f);

#endif
