/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which numbers may go: a ring of forgotten ones, a table of when each was
 * seen last, the count of open ones, and the turns for when that is not
 * enough.
 */
#include "view_bound.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/map.h"
#include "view_node.h"

#define BEGIN_BATCH 1000 /* removed under one hold of the lock */
#define KEEP_BATCH  8 /* looked at for each that is filed */
#define SLOTS	    65536 /* a power of two */
#define LATELY	    4096 /* looked up so many look-ups ago */

struct forgotten {
	uint64_t ino;
	uint32_t when; /* of the clock */
};

struct view_bound {
	unsigned char at[8]; /* where turns stand; with meta_lock() held */

	pthread_mutex_t mutex; /* a leaf; protects all below */
	struct map *open; /* number → how often */
	uint32_t clock; /* counts look-ups */
	/* By part of the number: when one of these was looked up last. */
	uint32_t seen[SLOTS];
	/* A ring. Of more than fit the oldest are taken for known. */
	struct forgotten ring[SLOTS];
	uint64_t first, end; /* counted on and on */
};

int view_bound_new(struct view_bound **ret_bound)
{
	struct view_bound *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return -ENOMEM;
	rc = map_new(&b->open);
	if (rc) {
		free(b);
		return rc;
	}
	pthread_mutex_init(&b->mutex, NULL);
	*ret_bound = b;
	return 0;
}

void view_bound_free(struct view_bound *b)
{
	if (!b)
		return;
	map_free(b->open);
	pthread_mutex_destroy(&b->mutex);
	free(b);
}

/* Numbers are hashes: any part of one is as good. */
static uint32_t *seen_at(struct view_bound *b, uint64_t ino)
{
	return &b->seen[ino % SLOTS];
}

void view_bound_seen(struct view_bound *b, uint64_t ino)
{
	pthread_mutex_lock(&b->mutex);
	*seen_at(b, ino) = ++b->clock;
	pthread_mutex_unlock(&b->mutex);
}

void view_bound_forgotten(struct view_bound *b, uint64_t ino)
{
	pthread_mutex_lock(&b->mutex);
	if (b->end - b->first == SLOTS)
		b->first++;
	b->ring[b->end++ % SLOTS] = (struct forgotten){ino, b->clock};
	pthread_mutex_unlock(&b->mutex);
}

int view_bound_open(struct view_bound *b, uint64_t ino)
{
	uintptr_t count;
	int rc;

	pthread_mutex_lock(&b->mutex);
	count = (uintptr_t)map_get(b->open, &ino, sizeof(ino));
	rc = map_put(b->open, &ino, sizeof(ino), (void *)(count + 1));
	pthread_mutex_unlock(&b->mutex);
	return rc;
}

void view_bound_close(struct view_bound *b, uint64_t ino)
{
	uintptr_t count;

	pthread_mutex_lock(&b->mutex);
	count = (uintptr_t)map_get(b->open, &ino, sizeof(ino));
	/* One that has a value takes another without memory. */
	if (count > 1)
		map_put(b->open, &ino, sizeof(ino), (void *)(count - 1));
	else
		map_del(b->open, &ino, sizeof(ino));
	pthread_mutex_unlock(&b->mutex);
}

/* The oldest that was forgotten and not looked up since. */
static bool take_forgotten(struct view_bound *b, uint64_t *ret_ino)
{
	bool found = false;

	pthread_mutex_lock(&b->mutex);
	while (!found && b->first != b->end) {
		const struct forgotten *f = &b->ring[b->first++ % SLOTS];

		found = (int32_t)(*seen_at(b, f->ino) - f->when) <= 0 &&
			!map_get(b->open, &f->ino, sizeof(f->ino));
		*ret_ino = f->ino;
	}
	pthread_mutex_unlock(&b->mutex);
	return found;
}

static bool may_go(struct view_bound *b, uint64_t ino)
{
	bool may;

	pthread_mutex_lock(&b->mutex);
	may = b->clock - *seen_at(b, ino) > LATELY &&
	      !map_get(b->open, &ino, sizeof(ino));
	pthread_mutex_unlock(&b->mutex);
	return may;
}

/*
 * The next one by turns, the first after the last. 0, -ENOENT: there is none.
 */
static int next_node(struct view *view, struct view_bound *b, uint64_t *ret_ino)
{
	unsigned char key[META_KEY_BUF];
	size_t len;
	int rc = meta_seek(view->meta, META_VIEW, b->at, sizeof(b->at), 0, true,
			   key, &len, NULL);

	if (rc == -ENOENT)
		rc = meta_seek(view->meta, META_VIEW, "", 0, 0, false, key,
			       &len, NULL);
	if (!rc && len != sizeof(b->at))
		rc = -EIO;
	if (rc)
		return rc;
	memcpy(b->at, key, sizeof(b->at));
	*ret_ino = meta_from_be64(key);
	return 0;
}

static int unfile(struct view *view, uint64_t ino)
{
	unsigned char key[8];
	int rc;

	meta_be64(key, ino);
	rc = meta_del(view->meta, META_VIEW, key, sizeof(key));
	return rc == -ENOENT ? 0 : rc;
}

static uint64_t limit(const struct view *view)
{
	return view->mount->config.view_nodes_max
		       ? view->mount->config.view_nodes_max
		       : VIEW_NODES_MAX;
}

/*
 * What goes is known to the bucket: a name is looked up again, and a version's
 * attributes are asked for once more.
 */
int view_bound_keep(struct view *view, struct view_bound *b)
{
	uint64_t ino, count = meta_count(view->meta, META_VIEW);
	int rc = 0;

	for (int i = 0; !rc && i < KEEP_BATCH && count > limit(view); i++) {
		if (!take_forgotten(b, &ino))
			break;
		rc = unfile(view, ino);
		count = meta_count(view->meta, META_VIEW);
	}
	for (int i = 0; !rc && i < KEEP_BATCH && count > 2 * limit(view); i++) {
		rc = next_node(view, b, &ino);
		if (!rc && may_go(b, ino))
			rc = unfile(view, ino);
		count = meta_count(view->meta, META_VIEW);
	}
	return rc == -ENOENT ? 0 : rc;
}

int view_bound_begin(struct view *view)
{
	unsigned char key[META_KEY_BUF];
	bool many;
	size_t len;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	many = meta_count(view->meta, META_VIEW) > limit(view);
	meta_unlock(view->meta);
	while (many && !rc) {
		rc = meta_lock(view->meta);
		if (rc)
			return rc;
		for (int i = 0; !rc && i < BEGIN_BATCH; i++) {
			rc = meta_seek(view->meta, META_VIEW, "", 0, 0, false,
				       key, &len, NULL);
			if (!rc)
				rc = meta_del(view->meta, META_VIEW, key, len);
		}
		meta_unlock(view->meta);
	}
	return rc == -ENOENT ? 0 : rc;
}
