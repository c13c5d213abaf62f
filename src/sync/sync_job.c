/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying out what was decided for a key, and noting the outcome. Whatever
 * happens, the dirty record ends only when the bucket is known to hold what
 * the namespace wants; a failure leaves it there with a later due time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"
#include "syncer_impl.h"
#include "vers3/core/node.h"
#include "vers3/core/version.h"
#include "vers3/journal/journal.h"
#include "vers3/journal/recent_saves.h"
#include "vers3/meta/dirty.h"
#include "vers3/meta/extent.h"
#include "vers3/object/object_meta.h"
#include "vers3/sync/conflict.h"
#include "vers3/sync/failure.h"
#include "vers3/store/store.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/link.h"
#include "vers3/tree/states.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/urgency.h"

#define AGAIN_NS  (25 * NS_PER_MS) /* doubled from try to try */
#define AGAIN_MAX 8 /* in a row: 6 s in all */

/*
 * A job has ended. In an outage one at a time looks whether it is over; so
 * many that have failed in a row tell those who wait that it is not. With the
 * mutex held.
 */
void sync_job_end(struct syncer *s, int rc)
{
	if (sync_outage_probed(&s->outage, rc, s->in_flight == 1))
		pthread_cond_broadcast(&s->event);
	s->in_flight--;
}

void sync_job_note(struct syncer *s, const char *key, int rc)
{
	pthread_mutex_lock(&s->mutex);
	if (rc && rc != -EAGAIN) {
		sync_outage_set(&s->outage, store_is_outage(rc),
				clock_mono_ns());
		s->stats.failures++;
		s->stats.error = -rc;
		strcpy(s->stats.error_key, key);
	} else if (!rc) {
		sync_outage_set(&s->outage, false, clock_mono_ns());
		s->progress++;
	}
	pthread_mutex_unlock(&s->mutex);
	if (!rc)
		journal_saved(s->journal);
}

/*
 * Another try at once would often meet the same again: a pause, longer from
 * try to try, also for whoever waits. 0: it was tried often enough.
 */
static int64_t again_pause(struct syncer *s, const char *key)
{
	size_t len = strlen(key);
	uintptr_t tries;

	pthread_mutex_lock(&s->mutex);
	tries = (uintptr_t)map_get(s->again, key, len) + 1;
	if (tries > AGAIN_MAX || map_put(s->again, key, len, (void *)tries)) {
		map_del(s->again, key, len);
		tries = 0;
	}
	pthread_mutex_unlock(&s->mutex);
	return tries ? AGAIN_NS << (tries - 1) : 0;
}

static void log_failure(struct syncer *s, const char *key, int error)
{
	struct failure why;

	failure_explain(s, key, error, &why);
	log_warning("cannot save %s: %s; it is kept here and tried again%s%s",
		    key, why.words, why.advice ? ": " : "",
		    why.advice ? why.advice : "");
}

/* A try failed: it stays dirty and comes again later. c: NULL before it. */
void sync_job_failed(struct syncer *s, const char *key, int rc,
		     const struct conflict *c)
{
	struct outcome_failed_facts facts = {0};
	struct outcome_failed next;
	struct meta_dirty dirty;
	bool locked;

	if (rc == -EAGAIN) {
		facts.pause_ns = again_pause(s, key);
		rc = facts.pause_ns ? rc : -EBUSY;
	} else {
		sync_job_forget(s, key);
	}
	locked = !meta_lock(s->meta);
	facts.hurried = sync_busy_is_hurried(s, key);
	sync_job_note(s, key, rc);
	if (locked && !meta_dirty_get(s->meta, key, &dirty)) {
		facts.fails = dirty.fails;
		next = outcome_failed(&facts);
		if (next.counts) {
			dirty.fails++;
			dirty.error = -rc;
		}
		/* It was not carried out: what was open before still is. */
		if (c && c->noted && !c->open)
			strcpy(dirty.tried, c->tried);
		syncer_postpone(s, &dirty, clock_real_ns() + next.wait_ns);
	} else {
		next = outcome_failed(&facts);
	}
	/* Under the lock: who comes later waits for another try. */
	if (next.counts)
		waiters_tell_failed(s, key, rc);
	if (locked)
		meta_unlock(s->meta);
	if (rc != -EAGAIN)
		log_failure(s, key, -rc);
}

/* The content of the inode is what was sent: it is based on that now. */
static int rebase(struct syncer *s, struct meta_inode *inode,
		  const struct upload_result *r, enum outcome_saved what)
{
	struct meta *meta = s->meta;
	int rc;

	inode->base = r->version;
	inode->base_bytes = r->version.size_bytes;
	inode->flags &= ~(uint32_t)(META_I_STAGED | META_I_RENAMED);
	if (what == OUTCOME_CLEAN)
		inode->flags &= ~(uint32_t)META_I_ATTR_DIRTY;
	else
		inode->flags |= META_I_ATTR_DIRTY;
	if (what == OUTCOME_PAST)
		inode->flags |= META_I_RENAMED;
	rc = meta_extent_clear(meta, inode->ino);
	if (!rc)
		rc = upload_abandon_locked(s->upload, inode->ino);
	if (!rc)
		rc = object_meta_note_head(s->mount, inode, &r->head);
	if (!rc)
		rc = meta_holes_put(meta, inode->ino, r->version.id, &r->holes);
	if (!rc)
		rc = meta_inode_put(meta, inode);
	if (!rc)
		journal_reap(s->journal, inode->ino);
	return rc;
}

/*
 * The file was changed while it was sent, and the bucket no longer holds
 * what it is based on: the new version took its key. It takes the old one's
 * place under what is staged. Bytes that the base still gives are the same
 * in both: what was staged when the new one was made is staged yet, or was
 * cut off, and base_bytes with it.
 */
static int replace_base(struct syncer *s, struct meta_inode *inode,
			const struct meta_version *saved)
{
	if (s->mount->config.versioned || !inode->base.key[0] ||
	    strcmp(inode->base.key, saved->key))
		return 0;
	inode->base = *saved;
	return meta_inode_put(s->meta, inode);
}

/* With meta_lock() held. *inode is as it is now, if it is. */
static int judge_saved(struct syncer_job *j, const struct upload_result *r,
		       struct meta_inode *inode, enum outcome_saved *ret_what)
{
	struct syncer *s = j->s;
	struct outcome_saved_facts facts = {0};
	struct meta_inode here;
	int rc = meta_inode_get(s->meta, j->snap.ino, inode);

	if (rc && rc != -ENOENT)
		return rc;
	if (!rc)
		facts = (struct outcome_saved_facts){
			.there = true,
			.at_key = !syncer_wanted(s, j->key, &here) &&
				  here.ino == j->snap.ino,
			.same = inode->change == j->snap.change,
			.data_same = inode->data_change == j->snap.data_change,
			.staged = inode->flags & META_I_STAGED,
			.attrs_differ = r->attrs_differ,
			.lasting = s->mount->config.versioned &&
				   r->version.version_id[0],
		};
	*ret_what = outcome_saved(&facts);
	return 0;
}

/*
 * The inode after the save. *ret_under: the file was changed since, and goes
 * on on top of the new version.
 */
static int take_saved(struct syncer_job *j, const struct upload_result *r,
		      enum outcome_saved what, struct meta_inode *inode,
		      bool *ret_under)
{
	struct syncer *s = j->s;
	int rc;

	switch (what) {
	case OUTCOME_GONE:
		return 0; /* what its key wants now is decided anew */
	case OUTCOME_OTHER:
		return replace_base(s, inode, &r->version);
	case OUTCOME_PAST:
		return rebase(s, inode, r, what);
	case OUTCOME_CLEAN:
	case OUTCOME_ATTRS:
	case OUTCOME_BASE:
		rc = link_note_saved(s->tree, inode, j->key, &r->version);
		return rc ? rc : rebase(s, inode, r, what);
	case OUTCOME_UNDER:
		break;
	}
	rc = link_note_saved(s->tree, inode, j->key, &r->version);
	if (rc)
		return rc;
	rc = rebase_under(s, inode, &j->content, r);
	*ret_under = !rc;
	return rc == -ESTALE ? replace_base(s, inode, &r->version) : rc;
}

/* With the node's lock and meta_lock() held; *ret_under: as take_saved(). */
static int apply_saved_locked(struct syncer_job *j,
			      const struct upload_result *r, bool *ret_under)
{
	struct syncer *s = j->s;
	enum outcome_saved what = OUTCOME_GONE;
	struct meta_inode inode;
	struct meta_dirty dirty;
	uint64_t seq;
	int rc = meta_dirty_get(s->meta, j->key, &dirty);

	if (rc)
		return rc;
	seq = dirty.seq;
	dirty.known = r->version;
	dirty.seq = j->seq;
	dirty.fails = 0;
	dirty.error = 0;
	dirty.tried[0] = '\0';
	dirty.since_ns = clock_real_ns();
	recent_saves_note(s->saves, j->key, dirty.since_ns);
	dirty.due_ns = dirty.since_ns + s->mount->config.commit_ns;
	rc = judge_saved(j, r, &inode, &what);
	journal_acquit(s->journal, j->key);
	if (j->conflict.met &&
	    conflict_note(s, &j->conflict, r->version.version_id))
		log_error("the conflict of %s cannot be listed", j->key);
	if (between_note(s, &j->conflict, &j->known, &r->version))
		log_error("what came before %s is not looked at", j->key);
	if (!rc)
		rc = take_saved(j, r, what, &inode, ret_under);
	if (!rc && what == OUTCOME_CLEAN)
		return syncer_drop(s, j->key);
	if (rc)
		return rc;
	if (what == OUTCOME_ATTRS) {
		/* Whoever waits for this change waits on. */
		dirty.seq = seq;
		dirty.due_ns = dirty.since_ns;
	}
	return meta_dirty_put(s->meta, &dirty);
}

static void apply_saved(struct syncer_job *j, const struct upload_result *r)
{
	struct syncer *s = j->s;
	bool under = false;
	struct node *node;
	int rc = node_get(s->mount->nodes, j->snap.ino, &node);

	if (!rc) {
		pthread_rwlock_wrlock(&node->lock);
		rc = meta_lock(s->meta);
		if (!rc) {
			rc = apply_saved_locked(j, r, &under);
			meta_unlock(s->meta);
		}
		pthread_rwlock_unlock(&node->lock);
		node_put(s->mount->nodes, node);
	}
	if (!rc && under)
		rc = rebase_drop(j->s, &j->content, &r->version);
	if (rc)
		log_error("cannot note that %s was saved: %s", j->key,
			  strerror(-rc));
	sync_job_note(j->s, j->key, 0);
	states_want(s->tree, j->snap.ino, STATES_SAVED);
	sync_job_forget(j->s, j->key);
	/*
	 * Those who waited for the record's end were told when it ended: by
	 * now the key may be dirty anew, and someone may wait for that.
	 */
	if (rc)
		waiters_tell_failed(j->s, j->key, rc);
	else
		waiters_tell_saved(j->s, j->key, &j->snap);
}

/*
 * Only attributes changed, and they are what the bucket holds already. (What is
 * known of a file with several names is of the one that was saved last.)
 */
static bool needs_nothing(struct syncer_job *j, struct upload_result *r)
{
	const struct meta_inode *inode = &j->snap;

	return !j->unsure && !(inode->flags & META_I_STAGED) &&
	       (inode->nlink < 2 || S_ISDIR(inode->mode)) &&
	       inode->base.key[0] && !strcmp(inode->base.key, j->key) &&
	       version_is_same(&inode->base, &j->known) &&
	       upload_is_same(j->s->upload, inode, j->key, r);
}

static int job_send(struct syncer_job *j, struct upload_result *r)
{
	struct uploader *u = j->s->upload;

	log_debug("%s %s", reconcile_action_name(j->action), j->key);
	switch (j->action) {
	case RECONCILE_PUT:
		return upload_put(u, &j->content, &j->conflict, r);
	case RECONCILE_COPY:
		return upload_copy(u, &j->content, &j->conflict, r);
	default:
		return upload_parts(u, &j->content, &j->conflict, r);
	}
}

static void count_sent(struct syncer_job *j, const struct upload_result *r)
{
	struct syncer *s = j->s;

	pthread_mutex_lock(&s->mutex);
	s->stats.sent_bytes += r->sent_bytes;
	if (j->action == RECONCILE_COPY)
		s->stats.copies++;
	else
		s->stats.puts++;
	pthread_mutex_unlock(&s->mutex);
}

/*
 * Why a try failed. Another name's job may have saved the file meanwhile: what
 * this one was to copy from may go as soon as the file is based on that, and
 * a try that then failed says nothing of what is to be tried now. No bytes
 * are lost by it: the old source goes only after the record that it waits
 * for has ended, which is one with the file's change to the new base.
 */
static int why_failed(struct syncer_job *j, int rc)
{
	struct meta *meta = j->s->meta;
	struct meta_inode inode;
	bool moved;

	if (store_is_unanswered(rc) || !j->snap.base.key[0] || meta_lock(meta))
		return rc;
	moved = !meta_inode_get(meta, j->snap.ino, &inode) &&
		!version_is_same(&inode.base, &j->snap.base);
	meta_unlock(meta);
	return moved ? -EAGAIN : rc;
}

void sync_job_run(void *arg)
{
	struct syncer_job *j = arg;
	struct syncer *s = j->s;
	enum urgency before = urgency_enter(URGENCY_BACKGROUND);
	struct upload_result r;
	int rc = j->undurable ? meta_sync(s->meta) : 0;

	waiters_job_begins(s, j);
	urgency_cause_enter(&j->cause);
	upload_result_init(&r);
	/* A copy has those of its source; what is sent says its own. */
	r.holes = j->content.holes;
	conflict_init(&j->conflict, j->key, &j->known, j->unsure, j->tried);
	j->conflict.snap = &j->snap;
	j->conflict.twins = s->mount->standby;
	if (!rc && !needs_nothing(j, &r)) {
		rc = job_send(j, &r);
		if (!rc)
			count_sent(j, &r);
		else if (r.version.key[0])
			/* It was made; what failed is something after it. */
			j->conflict.open = true;
	}
	if (rc && !store_is_unanswered(rc))
		rc = rebase_lost(s, &j->snap, rc);
	if (rc)
		rc = why_failed(j, rc);
	if (rc)
		sync_job_failed(s, j->key, rc, &j->conflict);
	else
		apply_saved(j, &r);
	urgency_cause_enter(NULL);
	waiters_job_ends(s, j);
	pthread_mutex_lock(&s->mutex);
	s->large_in_flight -= j->action == RECONCILE_UPLOAD;
	sync_job_end(s, rc);
	pthread_mutex_unlock(&s->mutex);
	if (j->holds_content)
		syncer_yield_content(s, j->snap.ino);
	syncer_clear_busy(s, j->key);
	upload_result_release(&r);
	file_snapshot_drop(s->tree, &j->content);
	free(j);
	urgency_enter(before);
}
