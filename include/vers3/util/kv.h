/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ordered list of name=value strings: HTTP headers, object metadata,
 * options, tags. Names compare without case, as HTTP's do, unless a call says
 * otherwise. Small by nature (a linear search); the number of pairs is capped
 * at KV_MAX.
 */
#ifndef VERS3_UTIL_KV_H
#define VERS3_UTIL_KV_H

#include <stdbool.h>
#include <stddef.h>

#define KV_MAX 1024

struct kv {
	char *name; /* owned */
	char *value; /* owned */
};

struct kvlist {
	struct kv *items; /* owned */
	size_t count;
	size_t size;
};

void kvlist_init(struct kvlist *l);
void kvlist_release(struct kvlist *l);
/* Appends a pair (copies). -ENOMEM, -E2BIG past KV_MAX. */
int kvlist_add(struct kvlist *l, const char *name, const char *value);
/* Replaces the first pair of that name and drops its doubles, or appends. */
int kvlist_set(struct kvlist *l, const char *name, const char *value);
/* Drops every pair of that name. */
void kvlist_del(struct kvlist *l, const char *name);
/* Borrowed value of the first pair of that name; NULL if none. */
const char *kvlist_get(const struct kvlist *l, const char *name);
/* The same where case counts, as in tags. */
const char *kvlist_get_exact(const struct kvlist *l, const char *name);
/* Whether it holds this pair, among others of that name: case counts. */
bool kvlist_has(const struct kvlist *l, const struct kv *want);
/* Makes dst an equal copy of src (dst is initialised; old pairs freed). */
int kvlist_copy(struct kvlist *dst, const struct kvlist *src);

#endif
