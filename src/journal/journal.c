/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's life, and marking keys dirty. */
#include "vers3/journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal_impl.h"
#include "vers3/core/pins.h"
#include "vers3/meta/dirty.h"
#include "vers3/util/clock.h"

#define DUE_GRID_NS (NS_PER_S / 4) /* so that what is near is sent as one */

int journal_new(struct meta *meta, struct pins *pins,
		struct journal **ret_journal)
{
	struct journal *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return -ENOMEM;
	j->meta = meta;
	j->pins = pins;
	j->last = 1;
	pthread_mutex_init(&j->mutex, NULL);
	rc = map_new(&j->settled.young);
	if (!rc)
		rc = map_new(&j->settled.old);
	if (!rc)
		rc = map_new(&j->suspects);
	if (!rc)
		rc = map_new(&j->watched);
	if (rc) {
		journal_free(j);
		return rc;
	}
	*ret_journal = j;
	return 0;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	map_free(j->settled.young);
	map_free(j->settled.old);
	map_free(j->suspects);
	map_free(j->watched);
	free(j->reaping);
	pthread_mutex_destroy(&j->mutex);
	free(j);
}

void journal_listen(struct journal *j, const struct journal_listener *l)
{
	static const struct journal_listener nobody;

	j->listener = l ? *l : nobody;
}

int64_t journal_due(int64_t delay_ns)
{
	int64_t due = clock_real_ns() + delay_ns;

	if (delay_ns >= DUE_GRID_NS)
		due += DUE_GRID_NS - due % DUE_GRID_NS;
	return due;
}

int journal_mark_at(struct journal *j, const char *path,
		    const struct meta_version *known, int64_t due_ns)
{
	struct meta_dirty dirty;
	int rc = meta_dirty_get(j->meta, path, &dirty);
	bool is_new = rc == -ENOENT;

	/* A directory's mark may be of its attributes alone. */
	if (path[strlen(path) - 1] != '/')
		journal_changed(j, path);
	if (is_new && pins_present_goes(j->pins, path))
		return -EBUSY; /* what it would be made on is going */
	if (is_new) {
		memset(&dirty, 0, sizeof(dirty));
		strcpy(dirty.key, path);
		if (known)
			dirty.known = *known;
		dirty.since_ns = clock_real_ns();
		rc = meta_next_id(j->meta, &dirty.seq);
	}
	if (rc)
		return rc;
	if (!is_new && dirty.due_ns == due_ns && !dirty.fails && !dirty.error)
		return 0; /* nothing of it would change */
	dirty.due_ns = due_ns;
	dirty.fails = 0;
	dirty.error = 0;
	rc = is_new ? meta_dirty_add(j->meta, &dirty)
		    : meta_dirty_put(j->meta, &dirty);
	/* It is looked for when the lock is free. */
	if (!rc && j->listener.due)
		j->listener.due(j->listener.ctx, dirty.due_ns);
	return rc;
}

int journal_mark(struct journal *j, const char *path,
		 const struct meta_version *known, int64_t delay_ns)
{
	return journal_mark_at(j, path, known, journal_due(delay_ns));
}

void journal_grown(struct journal *j, const struct meta_inode *inode)
{
	if (j->listener.grown)
		j->listener.grown(j->listener.ctx, inode);
}
