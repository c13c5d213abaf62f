/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the inodes and counts their last known status; one record of the
 * namespace says whether any has ever had one.
 */
#include "vers3/tree/replication_census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vers3/meta/inode.h"
#include "vers3/object/object_meta.h"
#include "vers3/util/array.h"
#include "vers3/util/kv.h"

#define STATUS "x-amz-replication-status"
#define CHUNK  1000 /* inodes looked at under one hold of the lock */
/* 1: some object has told a status, 0: none has; absent: not known. */
#define SYS_SEEN "census.seen"

static enum census_status status_of(const struct kvlist *head)
{
	static const struct {
		const char *word;
		enum census_status status;
	} words[] = {
		{"PENDING", CENSUS_PENDING},	{"COMPLETED", CENSUS_COMPLETED},
		{"COMPLETE", CENSUS_COMPLETED}, {"FAILED", CENSUS_FAILED},
		{"REPLICA", CENSUS_REPLICA},
	};
	const char *text = kvlist_get(head, STATUS);

	if (!text)
		text = kvlist_get(head, OBJECT_META_COMPARED);

	for (size_t i = 0; text && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i].word))
			return words[i].status;
	return CENSUS_NONE;
}

bool replication_census_is_pending(const struct kvlist *head)
{
	return status_of(head) == CENSUS_PENDING;
}

/* Where to keep a key; NULL: there are older ones enough. */
static struct census_key *place_for(struct replication_census *c,
				    enum census_status status,
				    int64_t written_ns)
{
	struct census_key *youngest = &c->pending[0];

	if (status == CENSUS_FAILED)
		return c->failed_count < CENSUS_KEYS_MAX
			       ? &c->failed[c->failed_count++]
			       : NULL;
	if (c->pending_count < CENSUS_KEYS_MAX)
		return &c->pending[c->pending_count++];
	for (unsigned i = 1; i < c->pending_count; i++)
		if (c->pending[i].written_ns > youngest->written_ns)
			youngest = &c->pending[i];
	return youngest->written_ns > written_ns ? youngest : NULL;
}

static int count(struct replication_census *c, const struct meta_inode *inode,
		 enum census_status status, bool compared)
{
	/* What was saved here was written when, or after, it was changed. */
	int64_t written_ns = inode->base.last_modified_ns
				     ? inode->base.last_modified_ns
				     : inode->ctime_ns;
	struct census_key *at;

	c->counts[status]++;
	if (status == CENSUS_PENDING &&
	    (!c->oldest_pending_ns || written_ns < c->oldest_pending_ns))
		c->oldest_pending_ns = written_ns;
	if (status != CENSUS_PENDING && status != CENSUS_FAILED)
		return 0;
	at = place_for(c, status, written_ns);
	if (!at)
		return 0;
	free(at->key);
	*at = (struct census_key){strdup(inode->base.key), written_ns,
				  compared};
	return at->key ? 0 : -ENOMEM;
}

static int by_age(const void *a, const void *b)
{
	const struct census_key *x = a, *y = b;

	if (x->written_ns != y->written_ns)
		return x->written_ns < y->written_ns ? -1 : 1;
	return strcmp(x->key, y->key);
}

/* One inode, if it is based on an object. */
static int look(struct meta *m, uint64_t ino, struct replication_census *c)
{
	enum census_status status;
	struct meta_inode inode;
	struct kvlist head;
	bool compared;
	int rc = meta_inode_get(m, ino, &inode);

	if (rc || !inode.base.key[0] || S_ISDIR(inode.mode))
		return rc;
	kvlist_init(&head);
	rc = meta_head_get(m, ino, &head);
	status = rc ? CENSUS_NONE : status_of(&head);
	compared = !rc && !kvlist_get(&head, STATUS);
	kvlist_release(&head);
	return rc && rc != -ENOENT ? rc : count(c, &inode, status, compared);
}

/* The next inodes after *ino; -ENOENT after the last. */
static int take_chunk(struct meta *m, uint64_t *ino,
		      struct replication_census *c)
{
	int rc = meta_lock(m);

	if (rc)
		return rc;
	for (int i = 0; !rc && i < CHUNK; i++) {
		rc = meta_inode_next(m, *ino, ino);
		if (!rc)
			rc = look(m, *ino, c);
	}
	meta_unlock(m);
	return rc;
}

static bool found_any(const struct replication_census *c)
{
	for (int i = 0; i < CENSUS_COUNT; i++)
		if (i != CENSUS_NONE && c->counts[i])
			return true;
	return false;
}

/* What a walk has found, unless something has been noted meanwhile. */
static int note_walk(struct meta *m, bool found)
{
	uint64_t seen;
	int rc = meta_lock(m);

	if (rc)
		return rc;
	rc = meta_sys_get_u64(m, SYS_SEEN, &seen);
	if (rc == -ENOENT)
		rc = meta_sys_put_u64(m, SYS_SEEN, found);
	meta_unlock(m);
	return rc;
}

int replication_census_take(struct meta *m,
			    struct replication_census *ret_census)
{
	struct replication_census c = {.failed_count = 0};
	uint64_t ino = 0;
	int rc;

	do
		rc = take_chunk(m, &ino, &c);
	while (!rc);
	if (rc == -ENOENT)
		rc = note_walk(m, found_any(&c));
	if (rc) {
		replication_census_release(&c);
		return rc;
	}
	array_sort(c.pending, c.pending_count, sizeof(*c.pending), by_age);
	*ret_census = c;
	return 0;
}

int replication_census_note(struct meta *m, const struct kvlist *head)
{
	uint64_t seen = 0;
	int rc;

	if (status_of(head) == CENSUS_NONE)
		return 0;
	rc = meta_sys_get_u64(m, SYS_SEEN, &seen);
	if (rc && rc != -ENOENT)
		return rc;
	return seen ? 0 : meta_sys_put_u64(m, SYS_SEEN, 1);
}

bool replication_census_may_find(struct meta *m)
{
	uint64_t seen = 1;

	if (meta_lock(m))
		return true;
	if (meta_sys_get_u64(m, SYS_SEEN, &seen))
		seen = 1;
	meta_unlock(m);
	return seen;
}

bool replication_census_has_found(struct meta *m)
{
	uint64_t seen = 0;

	if (meta_lock(m))
		return false;
	if (meta_sys_get_u64(m, SYS_SEEN, &seen))
		seen = 0;
	meta_unlock(m);
	return seen;
}

void replication_census_release(struct replication_census *c)
{
	for (unsigned i = 0; i < c->failed_count; i++)
		free(c->failed[i].key);
	for (unsigned i = 0; i < c->pending_count; i++)
		free(c->pending[i].key);
	c->failed_count = c->pending_count = 0;
}
