/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole of a mount below the FUSE session, put together from the
 * options and taken apart in the right order:
 *
 *	retry → trace → metrics → S3		the object store
 *	meta, blocks, staging, space		in the cache directory
 *	vfs					over all of them
 *
 * Metrics stand right above S3, so that each try is counted.
 */
#ifndef VERS3_MAIN_STACK_H
#define VERS3_MAIN_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/main/options.h"

struct stack;

/*
 * Makes the object store; sends and writes nothing. Borrows the options. 0
 * or -errno with one line in reason, as all below.
 */
int stack_new(const struct options *o, char *reason, size_t size,
	      struct stack **ret_stack);
/*
 * Asks the bucket what must be known, and switches versioning on when the
 * options say so. When the server cannot be reached but a mount before left
 * a cache directory, that will do, and stack_warning() tells.
 */
int stack_probe(struct stack *s, char *reason, size_t size);
/* Opens the cache directory and starts the vfs; after stack_probe(). */
int stack_open(struct stack *s, char *reason, size_t size);
/* Borrowed; NULL before stack_open(). */
struct vfs *stack_vfs(struct stack *s);
/* The cache directory; borrowed. NULL before stack_open(). */
const char *stack_cache_path(const struct stack *s);
/* One line that whoever mounts should read, or NULL. Borrowed. */
const char *stack_warning(const struct stack *s);
/* Reads the credentials again; any thread. */
void stack_reload(struct stack *s);
/* Lets a mount that waits for the cache directory know that it is near. */
void stack_set_ending(struct stack *s);
/*
 * Sends what is dirty, then ends the vfs. How many keys are left for the
 * next mount, or -errno when that cannot be told.
 */
int stack_drain(struct stack *s);
/* Closes what is open, from the top down. NULL is fine. */
void stack_free(struct stack *s);

#endif
