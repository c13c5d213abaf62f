/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: the in-memory side of inodes that are open or being worked on. A
 * node is there while someone holds a reference; everything else about an
 * inode is in LMDB, so memory does not grow with the tree.
 *
 * The node's lock orders changes of content: writers (write, truncate, the
 * end of an upload) hold it exclusively, readers of staged bytes shared. It
 * is taken before meta_lock() and never held across the network.
 *
 * Any thread. A reference is the holder's until node_put(); the table's mutex
 * is a leaf.
 */
#ifndef VERS3_CORE_NODE_H
#define VERS3_CORE_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nodes;

struct node {
	uint64_t ino; /* constant */
	pthread_rwlock_t lock; /* see above */
	unsigned refs; /* protected by the table's mutex */
	unsigned opens; /* likewise: open files */
	unsigned writers; /* likewise: of those, for writing */
	bool forgotten; /* likewise: by the kernel, while it was open */
};

int nodes_new(struct nodes **ret_nodes);
void nodes_free(struct nodes *t);

/* The inode's node with one more reference; made when absent. 0/-ENOMEM. */
int node_get(struct nodes *t, uint64_t ino, struct node **ret_node);
void node_put(struct nodes *t, struct node *n);
/* Counts an open file in (+1) or out (-1); returns the opens left. */
unsigned node_count_open(struct nodes *t, struct node *n, int by, bool writing);
/* The inodes that are open; the caller frees them. 0 or -ENOMEM. */
int nodes_list_open(struct nodes *t, uint64_t **ret_inos, size_t *ret_count);
/* Whether the inode is open; for writing. Leaf lock: any lock may be held. */
bool nodes_is_open(struct nodes *t, uint64_t ino);
bool nodes_is_written(struct nodes *t, uint64_t ino);
/*
 * The kernel has forgotten the inode: false when it is not open, else its last
 * close is told so by node_is_forgotten().
 */
bool nodes_forget(struct nodes *t, uint64_t ino);
bool node_is_forgotten(struct nodes *t, const struct node *n);

#endif
