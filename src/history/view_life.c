/* SPDX-License-Identifier: Apache-2.0 */
/* The view's life: what it is made of. */
#include <errno.h>
#include <stdlib.h>

#include "vers3/core/mount.h"
#include "vers3/history/named_snapshots.h"
#include "vers3/history/purge.h"
#include "vers3/util/clock.h"
#include "vers3/util/pool.h"
#include "view_bound.h"
#include "view_node.h"

#define VIEW_POOL 32

int view_new(struct mount *mount, struct journal *journal,
	     struct reader *reader, struct tree *tree, struct syncer *syncer,
	     struct view **ret_view)
{
	struct view *view = calloc(1, sizeof(*view));
	const char *at = mount->config.at;
	int rc;

	if (!view)
		return -ENOMEM;
	view->mount = mount;
	view->meta = mount->meta;
	view->journal = journal;
	view->reader = reader;
	view->tree = tree;
	view->syncer = syncer;
	view->born_ns = clock_real_ns();
	pthread_mutex_init(&view->found.mutex, NULL);
	past_row_init(&view->row);
	rc = view_bound_begin(view);
	if (!rc)
		rc = view_bound_new(&view->bound);
	if (!rc)
		rc = history_new(&view->history);
	if (!rc)
		rc = snapshot_new(view, &view->snapshot);
	if (!rc)
		rc = named_snapshots_new(&view->points);
	if (!rc)
		rc = purge_new(&view->purge);
	if (!rc)
		rc = pool_new("view", VIEW_POOL, &view->pool);
	if (!rc && at)
		rc = named_snapshot_time(view, at, &mount->at_ns);
	if (rc) {
		view_free(view);
		return rc;
	}
	*ret_view = view;
	return 0;
}

struct journal *view_journal(struct view *w)
{
	return w->journal;
}

void view_free(struct view *view)
{
	if (!view)
		return;
	pool_free(view->pool);
	snapshot_free(view->snapshot);
	history_free(view->history);
	view_bound_free(view->bound);
	named_snapshots_free(view->points);
	purge_free(view->purge);
	past_row_release(&view->row);
	pthread_mutex_destroy(&view->found.mutex);
	free(view);
}
