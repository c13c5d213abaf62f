/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a version of a file by its name in .versions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/history/history.h"
#include "vers3/util/clock.h"
#include "view_node.h"

#define RUN_MIN 3 /* asked for in a row: more will be */
/*
 * A version does not change: one that was found in a walk which is too old to
 * tell what is newest is still the one of that name.
 */
#define FOUND_NS (30 * NS_PER_S)

void view_find_forget(struct view *w)
{
	pthread_mutex_lock(&w->found.mutex);
	w->found.path[0] = '\0';
	pthread_mutex_unlock(&w->found.mutex);
}

/* Notes what was found. How many in a row, and how far was asked ahead. */
static unsigned note_found(struct view *w, const char *path, uint64_t walk,
			   uint64_t order, bool next, uint64_t *ret_asked)
{
	struct view_found *f = &w->found;
	unsigned run;

	pthread_mutex_lock(&f->mutex);
	f->run = next ? f->run + 1 : 1;
	if (f->walk != walk || strcmp(f->path, path) != 0)
		f->asked = 0;
	strcpy(f->path, path);
	f->walk = walk;
	f->order = order;
	*ret_asked = f->asked;
	run = f->run;
	pthread_mutex_unlock(&f->mutex);
	return run;
}

static void note_asked(struct view *w, const char *path, uint64_t walk,
		       uint64_t order)
{
	struct view_found *f = &w->found;

	pthread_mutex_lock(&f->mutex);
	if (f->walk == walk && !strcmp(f->path, path) && f->asked < order)
		f->asked = order;
	pthread_mutex_unlock(&f->mutex);
}

/* Asks for the attributes of the versions from this one on. */
static void ask_ahead(struct view *view, const char *path, uint64_t walk,
		      const struct history_entry *from)
{
	struct view_node *nodes = malloc(VIEW_AHEAD * sizeof(*nodes));
	struct history_entry e = *from;
	unsigned count = 0;

	if (!nodes)
		return;
	do {
		view_node_of_entry(path, &e, &nodes[count++]);
	} while (count < VIEW_AHEAD &&
		 !history_next(view, path, walk, e.order, &e));
	note_asked(view, path, walk, e.order);
	view_node_ask(view, nodes, count);
	free(nodes);
}

static void found(struct view *view, const char *path, uint64_t walk,
		  const struct history_entry *e, bool next)
{
	uint64_t asked;
	unsigned run = note_found(view, path, walk, e->order, next, &asked);

	if (run >= RUN_MIN && e->order > asked)
		ask_ahead(view, path, walk, e);
}

/* Whether the version after the one found last has this whole name. */
static bool find_next(struct view *view, const char *path, const char *name,
		      const char *id, struct history_entry *ret)
{
	struct view_found *f = &view->found;
	int64_t now = clock_real_ns();
	struct history_entry e;
	uint64_t walk = 0, order = 0;

	pthread_mutex_lock(&f->mutex);
	if (!strcmp(f->path, path)) {
		walk = f->walk;
		order = f->order;
	}
	pthread_mutex_unlock(&f->mutex);
	if (!walk || (int64_t)walk > now || now - (int64_t)walk > FOUND_NS ||
	    history_next(view, path, walk, order, &e) ||
	    view_entry_match(&e, NULL, name, id) != VIEW_MATCH_WHOLE)
		return false;
	*ret = e;
	found(view, path, walk, &e, true);
	return true;
}

/* The one version whose name is, or uniquely begins with, name. */
static int search(struct view *view, const char *path, uint64_t walk,
		  const char *name, const char *id, struct history_entry *ret)
{
	struct history_entry e = {.order = 0};
	struct view_second second = {.started = false};
	enum view_match match;
	unsigned count = 0;
	int rc;

	while (!(rc = history_next(view, path, walk, e.order, &e))) {
		/* With an id, nothing else has to be known. */
		rc = id ? 0 : view_second_next(view, path, walk, &e, &second);
		if (rc)
			return rc;
		match = view_entry_match(&e, &second, name, id);
		if (match == VIEW_MATCH_NOT)
			continue;
		*ret = e;
		if (match == VIEW_MATCH_WHOLE) {
			found(view, path, walk, &e, false);
			return 0;
		}
		count++;
	}
	if (rc != -ENOENT)
		return rc;
	return count == 1 ? 0 : -ENOENT;
}

int view_find_version(struct view *view, const char *path, const char *name,
		      struct history_entry *ret)
{
	struct history_seen seen = {0};
	const char *id;
	int rc;

	if (!*path || !view_name_scan(name, &id))
		return -ENOENT;
	if (id && find_next(view, path, name, id, ret))
		return 0;
	rc = history_load_name(view, view->history, path, &seen);
	return rc ? rc : search(view, path, seen.walk, name, id, ret);
}
