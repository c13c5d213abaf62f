/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes that nobody waits for yet: of directories to which a reader will
 * come. Who comes to one that is being asked for waits for that answer, which
 * is hurried then (dir_attrs.c).
 */
#include <stdlib.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/meta/dentry.h"
#include "vers3/util/cancel.h"
#include "vers3/util/pool.h"
#include "vers3/util/urgency.h"

#define HOLD_NAMES 256 /* names looked at under one hold of the lock */
#define LOOK_NAMES 4096 /* of a directory; the rest is left to its reader */

struct question {
	struct tree *tree; /* borrowed */
	uint64_t ino;
};

static void ask(void *arg)
{
	struct question *q = arg;
	struct cancel *ended = &q->tree->dirs->ended;
	enum urgency urgency = urgency_enter(URGENCY_BACKGROUND);

	cancel_enter(ended);
	if (!cancel_is_set(ended) && !outage_is_on(q->tree))
		dir_fetch_attrs(q->tree, q->ino, NULL);
	cancel_enter(NULL);
	urgency_enter(urgency);
	free(q);
}

static bool submit(struct tree *tree, uint64_t ino)
{
	struct question *q = malloc(sizeof(*q));

	if (!q)
		return false;
	*q = (struct question){tree, ino};
	if (!pool_submit(tree->dirs->ahead, ask, q))
		return true;
	free(q);
	return false;
}

unsigned dir_ask_ahead(struct tree *tree, uint64_t dir, unsigned max)
{
	bool all = dir_attrs_wanted(tree), more = true;
	unsigned looked = 0;
	struct meta_dentry dentry = {.cookie = 0};
	uint64_t inos[HOLD_NAMES];
	struct meta_inode inode;
	unsigned asked = 0, count;

	while (more && asked < max && looked < LOOK_NAMES &&
	       !meta_lock(tree->meta)) {
		count = 0;
		looked += HOLD_NAMES;
		for (int i = 0; more && i < HOLD_NAMES; i++) {
			more = count < max - asked &&
			       !meta_dentry_next(tree->meta, dir, dentry.cookie,
						 &dentry);
			if (more &&
			    !meta_inode_get(tree->meta, dentry.ino, &inode) &&
			    dir_wants_attrs(&inode, all))
				inos[count++] = dentry.ino;
		}
		meta_unlock(tree->meta);
		for (unsigned i = 0; i < count; i++)
			asked += submit(tree, inos[i]);
	}
	return asked;
}
