/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarding writes. Where the server knows the condition, it costs nothing.
 * Where it does not, a HEAD before each upload would double the requests of
 * an rsync, so one list of the directory vouches for all of its keys: one
 * that is no older than ttl, which look-ups have mostly brought already. When
 * a list shows something else at a key that is dirty, merge.c says so
 * (journal_suspect()), and that key alone is asked for.
 */
#include "vers3/core/version.h"
#include "vers3/sync/conflict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conflict_impl.h"
#include "conflict_verdict.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/refusal.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/tree/dir.h"
#include "vers3/util/clock.h"

/* A list that was asked for at the same time as others will do for all. */
#define VOUCH_MIN_NS NS_PER_S

void conflict_init(struct conflict *c, const char *path,
		   const struct meta_version *known, bool unsure,
		   const char *tried)
{
	memset(c, 0, sizeof(*c));
	c->path = path;
	c->unsure = unsure;
	strcpy(c->tried, tried);
	c->held = known->key[0];
	strcpy(c->etag, known->etag);
	strcpy(c->version_id, known->version_id);
	c->modified_ns = known->last_modified_ns;
}

/*
 * Whether the key is wanted otherwise than it is sent. Changes after a note are
 * durable after it; those before it, and after the snapshot, may be durable
 * without it, and a loss of power would leave them on top of a save of ours
 * that nobody knows.
 */
static bool has_moved(struct syncer *s, const struct conflict *c)
{
	struct meta_inode now;
	int rc = syncer_wanted(s, c->path, &now);

	if (!c->snap)
		return rc != -ENOENT;
	return rc || now.ino != c->snap->ino || now.change != c->snap->change;
}

int conflict_sending(struct syncer *s, struct conflict *const *list,
		     size_t count, const char *etag)
{
	struct meta_dirty dirty;
	bool moved = false;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < count; i++) {
		rc = meta_dirty_get(s->meta, list[i]->path, &dirty);
		if (!rc) {
			meta_tried_add(dirty.tried, etag);
			rc = meta_dirty_put(s->meta, &dirty);
		}
		moved = moved || (!rc && has_moved(s, list[i]));
		list[i]->noted = list[i]->noted || !rc;
		rc = rc == -ENOENT ? 0 : rc;
	}
	meta_unlock(s->meta);
	if (rc)
		return rc;
	return moved ? meta_sync(s->meta) : meta_keep(s->meta);
}

/* What was found is known, or our own: the change is meant for that. */
static void adopt(struct conflict *c, const struct store_object *o)
{
	c->held = !c->gone;
	if (c->gone)
		c->etag[0] = c->version_id[0] = '\0';
	else
		version_ids(o, c->etag, c->version_id);
}

int conflict_look(struct syncer *s, struct conflict *c)
{
	char key[META_KEY_MAX + 1];
	struct store_request r;
	const char *id;
	int rc = mount_key(s->mount, c->path, key);

	if (rc)
		return rc;
	rc = store_head(s->mount->store, &r, key, NULL);
	c->gone = rc == -ENOENT;
	if (!rc || c->gone)
		c->met = conflict_is_met(c, rc ? NULL : &r.reply.object);
	if (!c->met && (!rc || c->gone))
		adopt(c, &r.reply.object);
	id = r.reply.object.version_id;
	if (c->met && id && strlen(id) <= META_VERSION_MAX)
		strcpy(c->theirs, id);
	store_request_release(&r);
	/* Whoever may write and not read is not kept from writing. */
	c->unseen = refusal_is(rc);
	return rc == -ENOENT || c->unseen ? 0 : rc;
}

static enum conflict_condition condition_of(const struct syncer *s,
					    const struct conflict *c,
					    const struct store_request *r)
{
	return conflict_condition(&s->mount->config.caps, c, r->op);
}

/* The directory of a key: 0 with the inode, -ENOENT. */
static int directory_of(struct syncer *s, const char *path,
			struct meta_inode *ret)
{
	uint64_t ino;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_resolve_parent(s->meta, path, &ino);
	if (!rc)
		rc = meta_inode_get(s->meta, ino, ret);
	meta_unlock(s->meta);
	return rc;
}

/* Whether a list of this mount's life, young enough, has shown the key. */
static bool is_vouched(struct syncer *s, const struct meta_inode *dir)
{
	int64_t age = clock_real_ns() - dir->listed_ns;
	int64_t most = s->mount->config.ttl_ns > VOUCH_MIN_NS
			       ? s->mount->config.ttl_ns
			       : VOUCH_MIN_NS;

	/* The time of a large one's list is that of its end. */
	return (dir->flags & META_I_LISTED) && !(dir->flags & META_I_BIG) &&
	       age >= 0 && age <= most && dir->listed_ns >= s->mount->began_ns;
}

/* Whether that list is to be asked for again, if it is too old. */
static bool is_listed(const struct meta_inode *dir)
{
	return (dir->flags & META_I_LISTED) && !(dir->flags & META_I_BIG);
}

/* Sees to it that what is known of a key is young; 0 or an -errno. */
static int look_before(struct syncer *s, struct conflict *c)
{
	struct meta_inode dir;
	int rc = directory_of(s, c->path, &dir);

	if (!rc && is_vouched(s, &dir))
		return 0;
	/* All that wait for this list share it. */
	if (!rc && is_listed(&dir) && !dir_refresh(s->tree, dir.ino)) {
		rc = directory_of(s, c->path, &dir);
		if (!rc && is_vouched(s, &dir) &&
		    !journal_is_suspect(s->journal, c->path))
			return 0;
	}
	return conflict_look(s, c);
}

/*
 * A condition speaks of the content. That others have changed nothing but the
 * attributes is shown by a list of the directory, which is asked for again
 * when it is old. Whether it has made the key suspect.
 */
static bool lists_for(struct syncer *s, const char *path)
{
	struct meta_inode dir;

	return !directory_of(s, path, &dir) && !is_vouched(s, &dir) &&
	       is_listed(&dir) && !dir_refresh(s->tree, dir.ino) &&
	       journal_is_suspect(s->journal, path);
}

static enum conflict_need need_of(struct syncer *s, const struct conflict *c,
				  enum conflict_condition condition)
{
	size_t len = strlen(c->path);

	return conflict_need(&(struct conflict_need_facts){
		.dir = !len || c->path[len - 1] == '/',
		.doubtful =
			c->unsure || journal_is_suspect(s->journal, c->path),
		.held = c->held,
		.condition = condition});
}

void conflict_expect(struct syncer *s, const struct conflict *c,
		     const struct store_request *r)
{
	enum conflict_need need = need_of(s, c, condition_of(s, c, r));
	struct meta_inode dir;

	if ((need == CONFLICT_VOUCH || need == CONFLICT_LIST) &&
	    !directory_of(s, c->path, &dir) && !is_vouched(s, &dir) &&
	    is_listed(&dir))
		dir_refresh(s->tree, dir.ino);
}

int conflict_guard(struct syncer *s, struct conflict *c,
		   struct store_request *r)
{
	enum conflict_need need = need_of(s, c, condition_of(s, c, r));
	int rc;

	if (need == CONFLICT_PLAIN)
		return 0;
	if (need == CONFLICT_VOUCH)
		return look_before(s, c);
	if (need == CONFLICT_LOOK ||
	    (need == CONFLICT_LIST && lists_for(s, c->path))) {
		rc = conflict_look(s, c);
		if (rc || c->met)
			return rc;
	}
	/* By what is known now. */
	switch (condition_of(s, c, r)) {
	case CONFLICT_IF_MATCH:
		r->if_match = c->etag;
		break;
	case CONFLICT_IF_NONE_MATCH:
		r->if_none_match = "*";
		break;
	case CONFLICT_BARE:
		break;
	}
	return 0;
}

bool conflict_refused(struct syncer *s, struct conflict *c,
		      struct store_request *r, int *rc)
{
	enum conflict_refusal why = conflict_refusal(r, *rc);
	enum conflict_again again;
	int looked;

	if (why == CONFLICT_ELSE)
		return false;
	/* If this ends here, the next try looks before it sends anything. */
	journal_suspect(s->journal, c->path);
	looked = conflict_look(s, c);
	if (looked) {
		*rc = looked;
		return false;
	}
	again = conflict_again(why, c);
	if (again == CONFLICT_STANDS)
		return false;
	c->met = c->met || again == CONFLICT_AGAIN_MET;
	r->if_match = r->if_none_match = NULL;
	return true;
}

/* Cut between characters: keys are UTF-8. */
void conflict_range(const char *first, const char *last, char *prefix,
		    char *start)
{
	size_t len = strlen(first), common = 0;

	while (first[common] && first[common] == last[common])
		common++;
	while (common && ((unsigned char)first[common] & 0xc0) == 0x80)
		common--;
	do
		len--;
	while (len && ((unsigned char)first[len] & 0xc0) == 0x80);
	memcpy(prefix, first, common);
	prefix[common] = '\0';
	memcpy(start, first, len);
	start[len] = '\0';
}
