/* SPDX-License-Identifier: Apache-2.0 */
/* Marking keys dirty. */
#include <errno.h>
#include <string.h>

#include "syncer_impl.h"
#include "taken.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/pins.h"

#define DUE_GRID_NS (NS_PER_S / 4) /* so that what is near is sent as one */

int64_t syncer_due(int64_t delay_ns)
{
	int64_t due = clock_real_ns() + delay_ns;

	if (delay_ns >= DUE_GRID_NS)
		due += DUE_GRID_NS - due % DUE_GRID_NS;
	return due;
}

int syncer_mark_at(struct vfs *v, const char *path,
		   const struct meta_version *known, int64_t due_ns)
{
	struct meta_dirty d;
	int rc = meta_dirty_get(v->meta, path, &d);
	bool is_new = rc == -ENOENT;

	/* A directory's mark may be of its attributes alone: see taken.h. */
	if (path[strlen(path) - 1] != '/')
		taken_changed(v, path);
	if (is_new && pins_present_goes(v->pins, path))
		return -EBUSY; /* what it would be made on is going */
	if (is_new) {
		memset(&d, 0, sizeof(d));
		strcpy(d.key, path);
		if (known)
			d.known = *known;
		d.since_ns = clock_real_ns();
		rc = meta_next_id(v->meta, &d.seq);
	}
	if (rc)
		return rc;
	if (!is_new && d.due_ns == due_ns && !d.fails && !d.error)
		return 0; /* nothing of it would change */
	d.due_ns = due_ns;
	d.fails = 0;
	d.error = 0;
	rc = is_new ? meta_dirty_add(v->meta, &d) : meta_dirty_put(v->meta, &d);
	/* It is looked for when the lock is free. */
	if (!rc)
		syncer_wake(v->syncer, d.due_ns);
	return rc;
}

int syncer_mark(struct vfs *v, const char *path,
		const struct meta_version *known, int64_t delay_ns)
{
	return syncer_mark_at(v, path, known, syncer_due(delay_ns));
}
