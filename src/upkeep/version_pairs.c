/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns a cursor over each bucket. Keys come in one order on both sides; the
 * versions of one key are matched by their ids, which both sides share.
 */
#include "version_pairs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"

struct walk {
	struct version_pairs *w; /* borrowed */
	struct version_cursor own, there;
	bool blind; /* the replica is not asked, or not any more */
};

/* One step on the replica's side, for as long as it may take. */
static int step_there(struct walk *k, struct version_group *group,
		      const char **ret_key)
{
	struct cancel enough, *before = cancel_current();
	int rc;

	if (k->w->there_wait_ns)
		cancel_init_until(&enough, before,
				  clock_mono_ns() + k->w->there_wait_ns);
	else
		cancel_init(&enough, before);
	cancel_enter(&enough);
	rc = group ? version_cursor_take(&k->there, group)
		   : version_cursor_key(&k->there, ret_key);
	cancel_enter(before);
	if (rc && !cancel_is_set(before) && cancel_is_set(&enough))
		rc = -ETIMEDOUT;
	return rc;
}

/* A replica that cannot be asked ends its own side alone. */
static int fail_there(struct walk *k, int rc)
{
	if (rc == -EINTR || rc == -ENOMEM)
		return rc;
	k->w->there_error = rc;
	k->blind = true;
	return 0;
}

static int give(struct walk *k, struct version_entry *own,
		struct version_entry *there, bool blind)
{
	const struct version_pair p = {own, there, blind};

	return k->w->on_pair(k->w->ctx, &p);
}

static struct version_entry *find(struct version_group *g, const char *id)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].key && !strcmp(g->items[i].version_id, id))
			return &g->items[i];
	return NULL;
}

/* The versions of one key: each of ours with its like, then theirs alone. */
static int give_groups(struct walk *k, struct version_group *own,
		       struct version_group *there, bool blind)
{
	struct version_entry *like;
	int rc = 0;

	for (size_t i = 0; !rc && i < own->count; i++) {
		/* Nearly always in the same place. */
		like = i < there->count && there->items[i].key &&
				       !strcmp(there->items[i].version_id,
					       own->items[i].version_id)
			       ? &there->items[i]
			       : find(there, own->items[i].version_id);
		rc = give(k, &own->items[i], like, blind && !like);
		if (like)
			version_entry_release(like);
	}
	for (size_t i = 0; !rc && i < there->count; i++)
		if (there->items[i].key)
			rc = give(k, NULL, &there->items[i], false);
	return rc;
}

static int walk_key(struct walk *k, bool own, bool there)
{
	struct version_group mine = {.count = 0}, theirs = {.count = 0};
	bool blind = k->blind;
	int rc = own ? version_cursor_take(&k->own, &mine) : 0;

	if (!rc && there) {
		rc = step_there(k, &theirs, NULL);
		/* Some of a key's versions say nothing of the others. */
		blind = blind || rc;
		rc = rc ? fail_there(k, rc) : 0;
	}
	if (!rc)
		rc = give_groups(k, &mine, &theirs, blind);
	version_group_release(&mine);
	version_group_release(&theirs);
	return rc;
}

static int progress(struct walk *k)
{
	struct version_pairs *w = k->w;

	w->entries = k->own.entries;
	if (!w->answer)
		return cancel_asked() ? -EINTR : 0;
	return answer_stream_progress(
		w->answer, "%" PRIu64 " versions, %" PRId64 " s", w->entries,
		(clock_mono_ns() - w->begun_ns) / NS_PER_S);
}

static int walk_all(struct walk *k)
{
	int rc;

	do {
		const char *own = NULL, *there = NULL;
		int order;

		rc = version_cursor_key(&k->own, &own);
		if (!rc && !k->blind) {
			rc = step_there(k, NULL, &there);
			rc = rc ? fail_there(k, rc) : 0;
		}
		if (rc || (!own && !there))
			break;
		order = !own ? 1 : !there ? -1 : strcmp(own, there);
		rc = walk_key(k, order <= 0, order >= 0 && there);
		if (!rc)
			rc = progress(k);
	} while (!rc);
	return rc;
}

static void explain(struct walk *k, int rc)
{
	int error = k->w->there_error ? k->w->there_error : rc;
	const char *why = k->w->there_error ? k->there.why : k->own.why;

	if (error)
		snprintf(k->w->why, sizeof(k->w->why), "%s",
			 *why && error != -ETIMEDOUT ? why : errtext(error));
}

int version_pairs_walk(struct version_pairs *w)
{
	struct walk k = {.w = w, .blind = w->alone};
	char key[META_KEY_MAX + 1];
	int rc = mount_key(w->mount, w->path, key);

	w->there_error = 0;
	w->why[0] = '\0';
	if (rc)
		return rc;
	version_cursor_init(&k.own, w->mount->store, key, !*w->path);
	version_cursor_init(&k.there, w->mount->replica, key, !*w->path);
	rc = walk_all(&k);
	explain(&k, rc);
	version_cursor_release(&k.own);
	version_cursor_release(&k.there);
	return rc;
}
