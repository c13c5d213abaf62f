/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server does with an object after it was written, and tells in the
 * headers of a HEAD: how its replication stands, when a rule will remove it,
 * which class a rule moved it to, how its restoring stands, how long it is
 * locked. No list shows a change of these, so they are asked for again when
 * they are read and what is known is older than ttl. Of saves of this mount
 * nothing is known but what was sent; they are marked in what is kept of the
 * object (meta_head_put()) until they were asked for.
 *
 * Replication goes on whether anybody looks or not, and the control file
 * counts how it stands. So what was PENDING, and, where the bucket has rules,
 * what this mount saved, is asked for in the background: so many objects at
 * a time, each ever more rarely while it stays as it is.
 *
 * S3 API: HeadObject, response headers.
 */
#ifndef VERS3_TREE_STATES_H
#define VERS3_TREE_STATES_H

#include "vers3/core/mount.h"

struct tree;

struct states;

/*
 * Asks in the background every mount_config.states_ns, from states_begin() to
 * states_end(). 0 or -errno.
 */
int states_new(struct tree *tree, struct states **ret_states);
int states_begin(struct states *s);
/* Gives up what is being asked. NULL is fine, as it is next. */
void states_end(struct states *s);
void states_free(struct states *s);

/* An inode's version has just told its states. Any lock may be held. */
void states_told(struct tree *tree, const struct meta_inode *inode);
enum states_why {
	STATES_PENDING, /* the replication is not done */
	STATES_SAVED, /* a rule may be for it, where there are any */
};

/* Has the background ask for an inode before long. Any lock may be held. */
void states_want(struct tree *tree, uint64_t ino, enum states_why why);

/*
 * Asks for an inode's states unless they are known to be young. What cannot be
 * asked stays as it is known. Blocks; no lock held.
 */
void states_refresh(struct tree *tree, const struct meta_inode *inode);
/* The same however young: this mount has just changed one. */
void states_renew(struct tree *tree, const struct meta_inode *inode);

#endif
