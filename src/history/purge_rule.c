/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Purging by a rule. A list gives each key's versions newest first, so all
 * that a rule asks is known when one is met: since when it is not the present
 * one (when the one above it was made), and how many such there are above it.
 *
 * Delete markers go in a second walk, where the first has met some, which sees
 * what that has left: one above a version that stayed, for whatever reason,
 * must stay, or the file would be there again.
 *
 * What a page of a list names is removed when the next page is there: the
 * server may look for the place where that begins.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/history/named_snapshots.h"
#include "vers3/history/purge.h"
#include "vers3/store/version_list.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/gitconfig.h"
#include "view_node.h"

#define LINES_MAX   20000 /* of a dry run; more is only counted */
#define MARKERS_MAX 1000 /* of one key; the next purge takes the rest */

struct list {
	struct purge_item *items; /* owned */
	size_t count, size;
};

struct rule_walk {
	struct view *view;
	const struct purge_rule *rule;
	int64_t before_ns; /* replaced by then; INT64_MAX: whenever */
	struct point_list points; /* owned; in order of time */
	bool markers; /* these are looked for, else versions */
	bool any_marker; /* there is one that is old enough */
	struct version_list list;
	size_t skip; /* bytes of the mount's prefix */
	size_t exact_len; /* of the one key that is meant; 0: all */
	char path[META_KEY_MAX + 1]; /* of the key met last */
	bool met; /* a key was */
	int64_t replaced_ns; /* when the entry above was made; 0: none */
	unsigned kept; /* noncurrent versions of this key that stay */
	struct list page, before; /* to go: of this page, of the last */
	/* Markers below which nothing stays so far: the last MARKERS_MAX of
	   one key, the oldest of them at trail_at when it is full. */
	struct list trail;
	size_t trail_at;
	struct buf *answer;
	unsigned lines;
	uint64_t versions, gone_markers, bytes, busy, refused, pointed;
	int rc; /* the first refusal's */
};

static void fill(struct purge_item *it, const char *path,
		 const struct store_entry *e)
{
	memset(it, 0, sizeof(*it));
	strcpy(it->path, path);
	strcpy(it->version.version_id, e->version_id);
	strcpy(it->version.etag, e->etag);
	it->version.marker = e->kind == STORE_ENTRY_MARKER;
	it->version.size_bytes = e->size_bytes;
	it->version.last_modified_ns = e->last_modified_ns;
}

static int add(struct list *l, const char *path, const struct store_entry *e)
{
	if (array_room(l->items, l->count, l->size))
		return -ENOMEM;
	fill(&l->items[l->count++], path, e);
	return 0;
}

static void count_gone(struct rule_walk *w, const struct purge_item *it)
{
	if (it->version.marker) {
		w->gone_markers++;
	} else {
		w->versions++;
		w->bytes += it->version.size_bytes;
	}
}

/* "TIME SIZE ID PATH", of a marker with "deleted" for the size. */
static int show(struct rule_walk *w, const struct purge_item *it)
{
	char text[META_KEY_MAX + META_VERSION_MAX + 64], when[24], size[24];

	if (w->lines++ >= LINES_MAX)
		return 0;
	clock_format_iso8601(it->version.last_modified_ns, when, sizeof(when));
	snprintf(size, sizeof(size), "%" PRIu64, it->version.size_bytes);
	snprintf(text, sizeof(text), "%s %s %s %s", when,
		 it->version.marker ? "deleted" : size, it->version.version_id,
		 it->path);
	return gitconfig_value(w->answer, "items", text);
}

static void take_result(struct rule_walk *w, const struct purge_item *it)
{
	if (!it->result) {
		count_gone(w, it);
	} else if (it->result == -EBUSY) {
		w->busy++;
	} else {
		w->refused++;
		w->rc = w->rc ? w->rc : it->result;
	}
}

/* Removes what a list has collected, a request's worth at a time. */
static int flush(struct rule_walk *w, struct list *l)
{
	int rc = 0;

	for (size_t at = 0; !rc && at < l->count; at += PURGE_BATCH) {
		size_t n = l->count - at;

		if (n > PURGE_BATCH)
			n = PURGE_BATCH;
		if (!w->rule->dry_run)
			rc = purge_many(w->view, l->items + at, n);
		for (size_t i = at; !rc && i < at + n; i++) {
			if (w->rule->dry_run)
				rc = show(w, &l->items[i]);
			take_result(w, &l->items[i]);
		}
	}
	l->count = 0;
	return rc;
}

static void clear_trail(struct rule_walk *w)
{
	w->trail.count = 0;
	w->trail_at = 0;
}

/* The end of a key: nothing is left below the markers of the trail. */
static int end_key(struct rule_walk *w)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < w->trail.count; i++) {
		const struct purge_item *it =
			&w->trail.items[(w->trail_at + i) % w->trail.count];
		const struct store_entry e = {
			.kind = STORE_ENTRY_MARKER,
			.version_id = it->version.version_id,
			.etag = "",
			.last_modified_ns = it->version.last_modified_ns};

		rc = add(&w->page, it->path, &e);
	}
	clear_trail(w);
	return rc;
}

static int by_time(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* Whether a named point shows what was there from .. until. */
static bool is_pointed(const struct rule_walk *w, int64_t from_ns,
		       int64_t until_ns)
{
	size_t low = 0, high = w->points.count;

	/* The first that is not before. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->points.items[mid].at_ns < from_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->points.count && w->points.items[low].at_ns < until_ns;
}

/* Whether a version goes; above_ns: when what replaced it was made. */
static bool is_to_go(struct rule_walk *w, const struct store_entry *e,
		     int64_t above_ns)
{
	if (!above_ns || e->latest)
		return false;
	if (w->kept < w->rule->keep || above_ns > w->before_ns) {
		w->kept++;
		return false;
	}
	if (!is_pointed(w, e->last_modified_ns, above_ns))
		return true;
	w->pointed += !w->markers;
	return false;
}

static int take_version(struct rule_walk *w, const struct store_entry *e,
			int64_t above_ns)
{
	bool go = is_to_go(w, e, above_ns);

	/* The second walk takes none: what goes has gone, the rest stays. */
	if (!go || (w->markers && !w->rule->dry_run)) {
		clear_trail(w);
		return 0;
	}
	return w->markers ? 0 : add(&w->page, w->path, e);
}

static int take_marker(struct rule_walk *w, const struct store_entry *e)
{
	struct list *l = &w->trail;
	bool old = e->last_modified_ns <= w->before_ns;

	w->any_marker = w->any_marker || old;
	if (!w->markers)
		return 0;
	if (!old) {
		clear_trail(w);
		return 0;
	}
	if (l->count < MARKERS_MAX)
		return add(l, w->path, e);
	fill(&l->items[w->trail_at], w->path, e);
	w->trail_at = (w->trail_at + 1) % MARKERS_MAX;
	return 0;
}

/* Whether the key is one that the rule speaks of. */
static bool is_meant(struct rule_walk *w, const struct store_entry *e)
{
	const char *path = e->key + w->skip;

	if (w->exact_len && e->key_len != w->exact_len) {
		w->list.stop = true;
		return false;
	}
	/* The named points' own objects are no part of any history. */
	return *path && e->key_len <= META_KEY_MAX &&
	       !mount_is_history(w->view->mount, path) && *e->version_id &&
	       strlen(e->version_id) <= META_VERSION_MAX &&
	       strlen(e->etag) <= META_ETAG_MAX;
}

static int look_at(void *ctx, const struct store_entry *e)
{
	struct rule_walk *w = ctx;
	int64_t above_ns;
	int rc = 0;

	if (!is_meant(w, e))
		return 0;
	if (!w->met || strcmp(e->key + w->skip, w->path) != 0) {
		rc = end_key(w);
		strcpy(w->path, e->key + w->skip);
		w->met = true;
		w->replaced_ns = 0;
		w->kept = 0;
	}
	above_ns = w->replaced_ns;
	w->replaced_ns = e->last_modified_ns;
	if (rc)
		return rc;
	return e->kind == STORE_ENTRY_MARKER ? take_marker(w, e)
					     : take_version(w, e, above_ns);
}

static int end_page(void *ctx)
{
	struct rule_walk *w = ctx;
	struct list last = w->before;
	int rc = flush(w, &last);

	w->before = w->page;
	w->page = last;
	return rc;
}

/* Walks the keys that begin so. */
static int walk_prefix(struct rule_walk *w, const char *prefix)
{
	int rc;

	w->met = false;
	w->list = (struct version_list){.prefix = prefix,
					.on_entry = look_at,
					.on_page = end_page,
					.ctx = w};
	rc = version_list(w->view->mount->store, &w->list);
	if (!rc)
		rc = end_key(w);
	if (!rc)
		rc = flush(w, &w->before);
	return rc ? rc : flush(w, &w->page);
}

/* The rule's own key, and what is below it. */
static int walk_rule(struct rule_walk *w)
{
	char prefix[META_KEY_MAX + 2];
	int rc = mount_key(w->view->mount, w->rule->path, prefix);

	if (!rc && *w->rule->path) {
		w->exact_len = strlen(prefix);
		rc = walk_prefix(w, prefix);
		strcat(prefix, "/");
	}
	w->exact_len = 0;
	return rc ? rc : walk_prefix(w, prefix);
}

static int write_counts(const struct rule_walk *w)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{"versions", w->versions},    {"bytes", w->bytes},
		{"markers", w->gone_markers}, {"busy", w->busy},
		{"pointed", w->pointed},      {"refused", w->refused},
	};
	int rc = gitconfig_bool(w->answer, "dryRun", w->rule->dry_run);

	for (size_t i = 0; !rc && i < sizeof(counts) / sizeof(*counts); i++)
		rc = gitconfig_number(w->answer, counts[i].name,
				      (int64_t)counts[i].value);
	return rc;
}

static void release(struct rule_walk *w)
{
	point_list_release(&w->points);
	free(w->page.items);
	free(w->before.items);
	free(w->trail.items);
}

int purge_by_rule(struct view *view, const struct purge_rule *rule,
		  struct buf *answer)
{
	struct rule_walk w = {.view = view,
			      .rule = rule,
			      .before_ns = INT64_MAX,
			      .skip = strlen(view->mount->config.prefix),
			      .answer = answer};
	int rc = rule->older
			 ? named_snapshot_time(view, rule->older, &w.before_ns)
			 : 0;

	if (rc == -EINVAL)
		return gitconfig_say(answer, rc, rule->older,
				     "is no age; want such as 90d");
	/* One that another mount has just made counts. */
	named_snapshots_look_again(view);
	if (!rc)
		rc = named_snapshots_list(view, &w.points);
	array_sort(w.points.items, w.points.count, sizeof(*w.points.items),
		   by_time);
	if (!rc)
		rc = gitconfig_section(answer, "purge", NULL);
	if (!rc)
		rc = walk_rule(&w);
	w.markers = true;
	if (!rc && w.any_marker)
		rc = walk_rule(&w);
	if (!rc)
		rc = write_counts(&w);
	release(&w);
	if (!rc && (!w.rc || w.versions || w.gone_markers))
		return 0;
	/* What was written so far is no answer. */
	buf_reset(answer);
	return gitconfig_say(
		answer, rc ? rc : w.rc, *rule->path ? rule->path : "/",
		rc ? strerror(-rc)
		   : "the server allows none to be removed: a lock, "
		     "or a permission");
}
