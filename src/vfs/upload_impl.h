/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the uploader: its state, shared by upload.c (objects sent as one)
 * and multipart.c.
 */
#ifndef VERS3_VFS_UPLOAD_IMPL_H
#define VERS3_VFS_UPLOAD_IMPL_H

#include <semaphore.h>

#include "dress.h"
#include "send.h"
#include "vers3/vfs/upload.h"

struct uploader {
	struct vfs *v; /* borrowed */
	struct pool *parts; /* owned */
	sem_t big; /* large buffers left */
};

/*
 * Memory for what is to be sent; waits while many large ones are out. NULL
 * without memory; given back with its size.
 */
void *upload_buffer_get(struct uploader *u, uint64_t size);
void upload_buffer_put(struct uploader *u, void *p, uint64_t size);
/* Whether the file still holds what the snapshot held: 0, else -EAGAIN. */
int upload_check_unchanged(struct vfs *v, const struct meta_inode *snap);
/* The version that an answer speaks of; may ask for its id. */
int upload_take_reply(struct vfs *v, const struct store_object *o,
		      const char *path, const char *key, uint64_t size,
		      struct meta_version *ver);
/*
 * Sends what changes a key: once, and on the condition that it holds what is
 * known. As send_once().
 */
int upload_send(struct vfs *v, struct store_request *r,
		const struct send_want *want, struct conflict *c);
/* Names the version to copy from; source is its object's key. */
void upload_set_source(struct store_request *r, const struct meta_version *ver,
		       const char *source);

#endif
