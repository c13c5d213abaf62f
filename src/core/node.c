/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of nodes by inode number, with the counts of references, opens and
 * writers that its mutex protects.
 */
#include "vers3/core/node.h"

#include <errno.h>
#include <stdlib.h>

#include "vers3/util/map.h"

struct nodes {
	pthread_mutex_t mutex; /* a leaf: nothing is taken under it */
	struct map *by_ino; /* protected by mutex */
};

int nodes_new(struct nodes **ret_nodes)
{
	struct nodes *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	rc = map_new(&t->by_ino);
	if (rc) {
		free(t);
		return rc;
	}
	pthread_mutex_init(&t->mutex, NULL);
	*ret_nodes = t;
	return 0;
}

static void free_node(void *ctx, const void *key, size_t len, void *value)
{
	struct node *node = value;

	(void)ctx;
	(void)key;
	(void)len;
	pthread_rwlock_destroy(&node->lock);
	free(node);
}

void nodes_free(struct nodes *t)
{
	if (!t)
		return;
	map_each(t->by_ino, free_node, NULL);
	map_free(t->by_ino);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

int node_get(struct nodes *t, uint64_t ino, struct node **ret_node)
{
	struct node *node;
	int rc = 0;

	pthread_mutex_lock(&t->mutex);
	node = map_get(t->by_ino, &ino, sizeof(ino));
	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node) {
			rc = -ENOMEM;
			goto out;
		}
		node->ino = ino;
		pthread_rwlock_init(&node->lock, NULL);
		rc = map_put(t->by_ino, &ino, sizeof(ino), node);
		if (rc) {
			free_node(NULL, NULL, 0, node);
			goto out;
		}
	}
	node->refs++;
	*ret_node = node;
out:
	pthread_mutex_unlock(&t->mutex);
	return rc;
}

void node_put(struct nodes *t, struct node *node)
{
	bool last;

	if (!node)
		return;
	pthread_mutex_lock(&t->mutex);
	last = --node->refs == 0;
	if (last)
		map_del(t->by_ino, &node->ino, sizeof(node->ino));
	pthread_mutex_unlock(&t->mutex);
	if (last)
		free_node(NULL, NULL, 0, node);
}

unsigned node_count_open(struct nodes *t, struct node *node, int by,
			 bool writing)
{
	unsigned left;

	pthread_mutex_lock(&t->mutex);
	node->opens += by;
	if (writing)
		node->writers += by;
	left = node->opens;
	pthread_mutex_unlock(&t->mutex);
	return left;
}

struct open_list {
	uint64_t *inos;
	size_t count;
};

static void add_open(void *ctx, const void *key, size_t len, void *value)
{
	struct open_list *l = ctx;
	const struct node *node = value;

	(void)key;
	(void)len;
	if (node->opens > 0)
		l->inos[l->count++] = node->ino;
}

int nodes_list_open(struct nodes *t, uint64_t **ret_inos, size_t *ret_count)
{
	struct open_list l = {.count = 0};
	int rc = 0;

	pthread_mutex_lock(&t->mutex);
	l.inos = malloc((map_count(t->by_ino) + 1) * sizeof(*l.inos));
	if (l.inos)
		map_each(t->by_ino, add_open, &l);
	else
		rc = -ENOMEM;
	pthread_mutex_unlock(&t->mutex);
	if (rc)
		return rc;
	*ret_inos = l.inos;
	*ret_count = l.count;
	return 0;
}

bool nodes_is_open(struct nodes *t, uint64_t ino)
{
	struct node *node;
	bool open;

	pthread_mutex_lock(&t->mutex);
	node = map_get(t->by_ino, &ino, sizeof(ino));
	open = node && node->opens > 0;
	pthread_mutex_unlock(&t->mutex);
	return open;
}

bool nodes_is_written(struct nodes *t, uint64_t ino)
{
	struct node *node;
	bool written;

	pthread_mutex_lock(&t->mutex);
	node = map_get(t->by_ino, &ino, sizeof(ino));
	written = node && node->writers > 0;
	pthread_mutex_unlock(&t->mutex);
	return written;
}

bool nodes_forget(struct nodes *t, uint64_t ino)
{
	struct node *node;
	bool open;

	pthread_mutex_lock(&t->mutex);
	node = map_get(t->by_ino, &ino, sizeof(ino));
	open = node && node->opens > 0;
	if (open)
		node->forgotten = true;
	pthread_mutex_unlock(&t->mutex);
	return open;
}

bool node_is_forgotten(struct nodes *t, const struct node *node)
{
	bool forgotten;

	pthread_mutex_lock(&t->mutex);
	forgotten = node->forgotten;
	pthread_mutex_unlock(&t->mutex);
	return forgotten;
}
