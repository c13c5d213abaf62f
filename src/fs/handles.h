/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel holds of ours: open files and directories, and reads that
 * wait for their bytes. When a mount ends by a signal the kernel releases
 * nothing any more, so it is done from this list.
 */
#ifndef VERS3_SRC_FS_HANDLES_H
#define VERS3_SRC_FS_HANDLES_H

#include <pthread.h>
#include <sys/queue.h>

#include "vers3/vfs/vfs.h"

/* One open file or directory: the other is NULL. Its address is the fh. */
struct handle {
	struct vfs_file *file;
	struct vfs_dir *dir;
	uint64_t ino; /* of a file that is open for writing, else 0 */
	LIST_ENTRY(handle) entry; /* protected by handles.mutex */
};

struct handles {
	pthread_mutex_t mutex; /* protects all below */
	pthread_cond_t idle; /* no read waits */
	LIST_HEAD(, handle) open; /* owned */
	unsigned long reads;
};

void handles_init(struct handles *h);
/* After handles_end(), or when nothing was ever opened. */
void handles_release(struct handles *h);
/*
 * Takes over what is opened; ino is 0 where nothing can be written. NULL
 * without memory.
 */
struct handle *handles_add(struct handles *h, struct vfs_file *file,
			   struct vfs_dir *dir, uint64_t ino);
/* Frees the handle; the file or directory is the caller's again. */
void handles_del(struct handles *h, struct handle *handle);

/*
 * What is open for writing, some of it perhaps more than once. 0 or -ENOMEM;
 * the caller frees the list.
 */
int handles_written(struct handles *h, uint64_t **ret_inos, size_t *ret_count);

/* Around each read, from the request to its answer. */
void handles_begin_read(struct handles *h);
void handles_end_read(struct handles *h);

/*
 * Waits for the reads, which the vfs answers in bounded time, and releases
 * all that is open. No request may arrive any more.
 */
void handles_end(struct handles *h, struct vfs *v);

#endif
