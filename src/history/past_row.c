/* SPDX-License-Identifier: Apache-2.0 */
/* Owns where the latest row of look-ups stands. */
#include "past_row.h"

#include <stdlib.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "view_node.h"

#define RUN_MIN	  3 /* asked for in a row: more will be */
#define ROW_SKIP  8 /* names passed over that were known */
#define WANTED_NS (10 * NS_PER_S)

void past_row_init(struct past_row *r)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->mutex, NULL);
}

void past_row_release(struct past_row *r)
{
	pthread_mutex_destroy(&r->mutex);
}

bool past_row_wanted(struct past_row *r)
{
	bool wanted;

	pthread_mutex_lock(&r->mutex);
	wanted = r->seen_ns && clock_mono_ns() - r->seen_ns < WANTED_NS;
	pthread_mutex_unlock(&r->mutex);
	return wanted;
}

/* Whether a name comes soon after the last of the row, "" for none. */
static bool is_next(struct view *view, uint64_t ino,
		    const struct view_node *dir, const char *name)
{
	struct past_row *r = &view->row;
	char at[META_NAME_MAX + 1] = "";
	struct past_entry e;

	pthread_mutex_lock(&r->mutex);
	if (r->ino == ino)
		strcpy(at, r->name);
	pthread_mutex_unlock(&r->mutex);
	for (int i = 0; *at && i < ROW_SKIP; i++) {
		if (snapshot_next(view, view->snapshot, dir->at_ns, dir->path,
				  at, at, &e))
			return false;
		if (!strcmp(at, name))
			return true;
	}
	return false;
}

/* Notes a name: whether it makes a row. */
static bool note(struct past_row *r, uint64_t ino, const char *name, bool next)
{
	bool row;

	pthread_mutex_lock(&r->mutex);
	r->run = next ? r->run + 1 : 1;
	r->ino = ino;
	strcpy(r->name, name);
	row = r->run >= RUN_MIN;
	if (row)
		r->seen_ns = clock_mono_ns();
	pthread_mutex_unlock(&r->mutex);
	return row;
}

/* The row goes on behind what was asked for. */
static void note_asked(struct past_row *r, uint64_t ino, const char *last)
{
	pthread_mutex_lock(&r->mutex);
	if (r->ino == ino)
		strcpy(r->name, last);
	pthread_mutex_unlock(&r->mutex);
}

void past_row_look_up(struct view *view, uint64_t ino,
		      const struct view_node *dir, const char *name)
{
	char at[META_NAME_MAX + 1], path[META_KEY_MAX + 1];
	struct view_node *nodes;
	struct past_entry e;
	unsigned count = 0;

	if (!note(&view->row, ino, name, is_next(view, ino, dir, name)))
		return;
	nodes = malloc(VIEW_AHEAD * sizeof(*nodes));
	if (!nodes)
		return;
	strcpy(at, name);
	while (count < VIEW_AHEAD &&
	       !snapshot_next(view, view->snapshot, dir->at_ns, dir->path, at,
			      at, &e) &&
	       !mount_child_path(dir->path, at, path))
		view_node_of_snapshot(dir, path, &e, &nodes[count++]);
	note_asked(&view->row, ino, at);
	view_node_ask(view, nodes, count);
	free(nodes);
}
