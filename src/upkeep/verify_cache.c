/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this mount knows of objects, against the bucket: each file whose
 * content is a version of the bucket's, and nothing of it waits to be sent.
 *
 *	the bucket			it is
 *	has the version, as known	the same
 *	has it otherwise		a mismatch
 *	has another one by now		changed by others: nothing is wrong
 *	has a delete marker		likewise
 *	has nothing of the key at all	missing; without versions it may be
 *					somebody's delete: changed
 *
 * Data first: cached blocks that differ go out of the cache only where the
 * bucket's bytes have just been read and are what its ETag or checksum says
 * they are. Else they may be the last good ones, and stay.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content_sum.h"
#include "verify_impl.h"
#include "vers3/cache/blocks.h"
#include "vers3/core/version.h"
#include "vers3/meta/dirty.h"
#include "vers3/meta/inode.h"
#include "vers3/store/version_list.h"
#include "vers3/util/clock.h"
#include "vers3/util/minmax.h"

#define LOOKED_MAX 500 /* inodes under one hold of the lock */

/* Whether an inode is a version of the bucket's, and nothing of it waits. */
static bool is_clean(struct mount *mount, const struct meta_inode *inode)
{
	struct meta_dirty dirty;

	return inode->base.key[0] && !S_ISDIR(inode->mode) && inode->nlink &&
	       meta_inode_is_base(inode) && !(inode->flags & META_I_REPLACED) &&
	       meta_dirty_get(mount->meta, inode->base.key, &dirty) == -ENOENT;
}

/* The next inodes after *ino that are to be looked at; -ENOENT: no more. */
static int collect(struct verify *v, uint64_t *ino, struct verify_item *items,
		   size_t *ret_count)
{
	struct meta *meta = v->mount->meta;
	struct meta_inode inode;
	uint64_t met = 0;
	int rc = meta_lock(meta);

	*ret_count = 0;
	if (rc)
		return rc;
	for (int i = 0; !rc && i < LOOKED_MAX && *ret_count < verify_slice(v);
	     i++) {
		rc = meta_inode_next(meta, *ino, ino);
		if (!rc)
			rc = meta_inode_get(meta, *ino, &inode);
		if (rc || !is_clean(v->mount, &inode) ||
		    !verify_is_below(v, inode.base.key))
			continue;
		met++;
		if (!sampling_takes(&v->sampling, inode.base.key,
				    inode.base.version_id))
			continue;
		items[*ret_count] = (struct verify_item){
			.version = inode.base, .ino = *ino, .met = met};
		++*ret_count;
		met = 0;
	}
	v->counts.objects += met;
	meta_unlock(meta);
	return rc;
}

/* Whether it is still what the namespace has: it may have changed meanwhile. */
static bool is_known_yet(struct verify *v, const struct verify_item *item)
{
	struct meta_inode inode;
	bool same;

	if (meta_lock(v->mount->meta))
		return false;
	same = !meta_inode_get(v->mount->meta, item->ino, &inode) &&
	       is_clean(v->mount, &inode) &&
	       version_is_same(&inode.base, &item->version);
	meta_unlock(v->mount->meta);
	return same;
}

/* Whether the bucket has anything of the very key. */
struct any {
	struct version_list list;
	const char *key; /* borrowed */
	bool found;
};

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct any *any = ctx;

	any->found = !strcmp(e->key, any->key);
	any->list.stop = true;
	return 0;
}

static int find_any(struct verify *v, const char *key, bool *ret_found)
{
	struct any any = {.key = key};
	int rc;

	any.list = (struct version_list){.prefix = key,
					 .max_keys = 1,
					 .on_entry = on_entry,
					 .ctx = &any};
	rc = version_list(v->mount->store, &any.list);
	*ret_found = any.found;
	return rc;
}

/* The version is not there. */
static int look_missing(struct verify *v, struct verify_item *item,
			const char *key, const struct fact *known)
{
	bool found = false;
	int rc = 0;

	if (v->mount->config.versioned)
		rc = find_any(v, key, &found);
	if (rc)
		return verify_unreadable(item, rc, "");
	if (found || !v->mount->config.versioned || !is_known_yet(v, item)) {
		item->found.changed = true;
		return 0;
	}
	item->found.what = INTEGRITY_MISSING;
	snprintf(item->found.why, sizeof(item->found.why),
		 "the bucket has no version of it any more");
	return v->repair && v->against[VERIFY_REPLICA]
		       ? verify_replica_restore(v, item, key, known)
		       : 0;
}

/* Compares what is read with what is cached of it. */
struct block_look {
	struct verify *v; /* borrowed, as the next */
	const struct verify_item *item;
	uint64_t differ;
};

/* The pieces that come begin with a block. */
static int compare_blocks(void *ctx, uint64_t offset, const void *data,
			  size_t size)
{
	struct block_look *l = ctx;
	struct blocks *blocks = l->v->mount->blocks;
	const unsigned char *p = data;

	for (size_t done = 0; done < size; done += (size_t)BLOCK_SIZE) {
		size_t n = (size_t)min_u64(size - done, BLOCK_SIZE);
		struct blocks_key key = {.number =
						 (offset + done) / BLOCK_SIZE};
		struct blocks_hit hit;

		memcpy(key.id, l->item->version.id, sizeof(key.id));
		/* What is not cached counts as no miss. */
		if (!blocks_has(blocks, &key) || blocks_get(blocks, &key, &hit))
			continue;
		if (hit.size != n || memcmp(hit.data, p + done, n) != 0)
			l->differ++;
		blocks_release(blocks, &hit);
	}
	return 0;
}

static void judge_blocks(struct verify *v, struct verify_item *item,
			 const struct block_look *l, enum proof proof)
{
	struct verify_finding *f = &item->found;

	if (proof == PROOF_WRONG) {
		f->what = INTEGRITY_CONTENT;
		snprintf(f->why, sizeof(f->why),
			 "the bucket's bytes are not what is said of them");
		return;
	}
	if (!l->differ)
		return;
	f->what = INTEGRITY_BLOCK;
	snprintf(f->why, sizeof(f->why), "%llu cached blocks differ",
		 (unsigned long long)l->differ);
	/* See above: only what is proven takes their place. */
	if (proof != PROOF_RIGHT)
		return;
	f->right = RIGHT_BUCKET;
	f->dropped = !blocks_drop(v->mount->blocks, item->version.id);
}

static int look_deep(struct verify *v, struct verify_item *item, struct copy *c)
{
	struct block_look l = {.v = v, .item = item};
	bool cached = version_has_content_id(&item->version);
	struct content_sum *sum = NULL;
	int rc = verify_read(v, item, c, &c->fact,
			     cached ? compare_blocks : NULL, &l, &sum);

	if (rc == -ESTALE)
		item->found.changed = true;
	if (rc)
		return rc == -ESTALE ? 0 : verify_unreadable(item, rc, c->why);
	judge_blocks(v, item, &l, content_sum_proves(sum));
	content_sum_free(sum);
	return 0;
}

/* Without an id it may be another one by now. */
static bool is_other(const struct verify_item *item, const struct copy *c)
{
	const struct store_object *o = &c->head.reply.object;

	return !c->version_id && c->fact.there &&
	       strcmp(c->fact.etag, item->version.etag) != 0 &&
	       o->last_modified_ns / NS_PER_S !=
		       item->version.last_modified_ns / NS_PER_S;
}

static int look(struct verify *v, struct verify_item *item)
{
	const struct meta_version *known = &item->version;
	const struct fact fact = {.there = true,
				  .size_bytes = known->size_bytes,
				  .etag = known->etag};
	char key[META_KEY_MAX + 1];
	struct copy c;
	int rc = mount_key(v->mount, known->key, key);

	if (rc)
		return verify_unreadable(item, rc, "");
	copy_init(&c, v->mount->store, key, known->version_id);
	rc = copy_look(&c);
	if (rc) {
		rc = verify_unreadable(item, rc, c.why);
	} else if (is_other(item, &c)) {
		item->found.changed = true;
	} else if (!c.fact.there) {
		rc = look_missing(v, item, key, &fact);
	} else {
		item->found.what = integrity_compare(&fact, &c.fact);
		/* Of one version the server may not tell another ETag. */
		if (item->found.what == INTEGRITY_UNCLEAR && *known->etag)
			item->found.what = INTEGRITY_ETAG;
		if (item->found.what == INTEGRITY_SAME && v->deep)
			rc = look_deep(v, item, &c);
	}
	copy_release(&c);
	return rc;
}

int verify_cache(struct verify *v)
{
	uint64_t ino = v->from_pass == VERIFY_CACHE ? v->from_ino : 0;
	struct verify_item *items = calloc(VERIFY_SLICE, sizeof(*items));
	int rc = items ? 0 : -ENOMEM;

	while (!rc) {
		size_t count;
		int more = collect(v, &ino, items, &count);

		if (more && more != -ENOENT)
			rc = more;
		if (!rc)
			rc = verify_look_at(v, VERIFY_CACHE, items, count,
					    look);
		if (!rc)
			rc = verify_checkpoint(v, VERIFY_CACHE, ino, NULL);
		if (more)
			break;
	}
	free(items);
	return rc;
}
