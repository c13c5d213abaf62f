/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bound of what is filed of the versions view's numbers (META_VIEW).
 *
 * The kernel asks about a number for as long as it knows it, which may be for
 * ever. So with more than config.view_nodes_max of them those go first that it
 * has forgotten, the longest ago first. Where that is not enough, at twice as
 * many, others go by turns: but none that somebody has open, nor any that was
 * looked up lately. Whoever comes with the number of such a one gets ESTALE,
 * upon which the kernel looks its name up anew, and it is filed again. Only who
 * stands in such a directory without having it open has to enter it again.
 */
#ifndef VERS3_SRC_HISTORY_VIEW_BOUND_H
#define VERS3_SRC_HISTORY_VIEW_BOUND_H

#include <stdint.h>

struct view;

#define VIEW_NODES_MAX 100000 /* when config does not say */

struct view_bound;

int view_bound_new(struct view_bound **ret_bound);
void view_bound_free(struct view_bound *b);

/* All below: any thread; any lock may be held. */

/* The number is given to the kernel, or to one who asks for it. */
void view_bound_seen(struct view_bound *b, uint64_t ino);
/* The kernel has forgotten it. */
void view_bound_forgotten(struct view_bound *b, uint64_t ino);
/* Somebody has it open: counted. 0 or -ENOMEM. */
int view_bound_open(struct view_bound *b, uint64_t ino);
void view_bound_close(struct view_bound *b, uint64_t ino);

/*
 * After one was filed: removes a few, if there are too many; with meta_lock().
 */
int view_bound_keep(struct view *view, struct view_bound *b);
/* Removes all, if there are too many: when the kernel knows none yet. */
int view_bound_begin(struct view *view);

#endif
