/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks: meta_lock() before the syncer's mutex, which is a leaf and is never
 * held across anything that waits. A key is worked on by one job at a time
 * (`busy`).
 *
 * When the bucket cannot be reached, one job at a time probes it, so that an
 * outage costs one request every few seconds however much is waiting.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "examine.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/journal/commit_wait.h"
#include "vers3/journal/journal.h"
#include "vers3/journal/recent_saves.h"
#include "vers3/meta/dirty.h"
#include "vers3/store/limit.h"
#include "vers3/util/boot.h"
#include "vers3/util/clock.h"
#include "vers3/util/hash.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"

#define JOBS_AT_ONCE	  32 /* begun under one hold */
#define SCAN_MAX	  4000 /* records looked at under one hold */
#define WAITERS_MAX	  64 /* looked for one by one: threads of FUSE */
#define LEFT_MAX	  256 /* passed over to find others */
#define REAP_NS		  (NS_PER_S / 4)
#define RETRY_NS	  NS_PER_S /* what no memory was there for */
#define FULL_NS		  (NS_PER_S / 4) /* who ends a job knocks before that */
#define DURABLE_MARGIN_NS (20 * NS_PER_MS) /* between the two clocks */

/* META_SYS: whose records may not say what was sent; first_seq(). */
#define SYS_FIRST_SEQ "sync.first_seq"
#define SYS_ENDED     "sync.ended"

/* What a look at the dirty table brings. */
struct collect_due {
	int64_t now_ns; /* realtime: when it began */
	unsigned job_max; /* so many may start */
	/* Of these, uploads in parts; and if somebody waits for one. */
	unsigned large_max, large_forced_max;
	struct syncer_job *jobs[JOBS_AT_ONCE];
	unsigned job_count, large_count;
	struct deletes deletes;
	unsigned left; /* deletes and uploads for which there was no place */
	int64_t next_due_ns;
	bool full; /* no room for more jobs now */
	bool tired; /* nor a reason to look on before one has ended */
	bool held; /* a key waits for another one, */
	bool dropped; /* which is perhaps one that needed no job */
	struct room_look room;
};

static void on_due(void *ctx, int64_t due_ns)
{
	syncer_wake(ctx, due_ns);
}

static void on_reaping(void *ctx)
{
	struct syncer *s = ctx;

	pthread_mutex_lock(&s->mutex);
	s->reaping = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

static void on_grown(void *ctx, const struct meta_inode *inode)
{
	struct syncer *s = ctx;

	upload_written(s->upload, inode);
}

/* Whether files are being saved in the tree of the root that a key is in. */
static bool is_tree_busy(struct syncer *s, const char *key)
{
	char top[META_KEY_MAX + 1];
	size_t len = strcspn(key, "/") + 1;

	memcpy(top, key, len);
	top[len] = '\0';
	return meta_dirty_file_below(s->meta, top) == 1;
}

/*
 * When the key may be sent: at once if nobody is at it. A file that is being
 * written, or a directory in a tree that is being filled, waits until it is
 * quiet, but not for ever.
 */
static int64_t quiet_at(struct syncer *s, const struct meta_dirty *dirty,
			const struct meta_inode *inode, int64_t now)
{
	bool written = nodes_is_written(s->mount->nodes, inode->ino);
	struct reconcile_due_in due = {
		.since_ns = dirty->since_ns,
		.changed_ns = inode->ctime_ns,
		.commit_ns = written ? s->mount->config.commit_ns
				     : syncer_wait(s, dirty, inode),
		.save_after_ns = s->mount->config.save_after_ns,
		.written = written,
	};
	int64_t latest = dirty->since_ns + s->mount->config.commit_ns +
			 RECONCILE_QUIET_NS;
	int64_t at = reconcile_due(&due), pause = (now - dirty->since_ns) / 2;

	/* Less and less often: there may be many of them. */
	if (S_ISDIR(inode->mode) && at <= now && now < latest &&
	    s->mount->config.commit_ns && is_tree_busy(s, dirty->key)) {
		at = now +
		     (pause > EXAMINE_RECHECK_NS ? pause : EXAMINE_RECHECK_NS);
		at = at > latest ? latest : at;
	}
	return at;
}

/*
 * What a request came to may be unknown, of an earlier mount perhaps even that
 * there was one: the key is looked at before anything is sent.
 */
static bool is_unsure(const struct syncer *s, const struct meta_dirty *dirty)
{
	return dirty->tried[0] || dirty->seq < s->first_seq;
}

/*
 * The bucket is never ahead of the journal: a crash would bring back an older
 * state here, to be sent over the newer one there. Whether a change as old as
 * this may not be durable yet.
 */
static bool is_undurable(struct syncer *s, int64_t quiet_ns)
{
	int64_t pending_ns = meta_pending_ns(s->meta);

	return pending_ns &&
	       clock_mono_ns() - pending_ns + DURABLE_MARGIN_NS >= quiet_ns;
}

/* How long ago the last change of a key was, at least. */
static int64_t quiet_for(struct syncer *s, const struct meta_inode *inode,
			 int64_t now, bool forced)
{
	int64_t quiet = forced ? 0 : s->mount->config.commit_ns;

	if (quiet > COMMIT_WAIT_LEAST_NS)
		quiet = COMMIT_WAIT_LEAST_NS;
	if (inode && now - inode->ctime_ns < quiet)
		quiet = now - inode->ctime_ns;
	return quiet;
}

static int add_job(struct syncer *s, struct collect_due *h,
		   const struct meta_dirty *dirty,
		   const struct meta_inode *inode, enum reconcile_action action,
		   int64_t quiet_ns)
{
	struct syncer_job *j = calloc(1, sizeof(*j));
	int rc = j ? meta_next_id(s->meta, &j->seq) : -ENOMEM;

	if (!rc && !sync_busy_take_content(s, inode, &j->holds_content)) {
		free(j);
		return 0; /* the end of the other name's job wakes us */
	}
	if (!rc) {
		j->snap = *inode;
		rc = file_snapshot_take(s->tree, s->snapshots, &j->snap,
					&j->content);
	}
	if (rc || !sync_busy_set(s, dirty->key)) {
		if (j)
			file_snapshot_drop(s->tree, &j->content);
		if (j && j->holds_content)
			syncer_yield_content(s, inode->ino);
		free(j);
		return rc ? rc : -ENOMEM;
	}
	j->s = s;
	strcpy(j->key, dirty->key);
	j->known = dirty->known;
	j->action = action;
	j->unsure = is_unsure(s, dirty);
	strcpy(j->tried, dirty->tried);
	j->undurable = is_undurable(s, quiet_ns);
	h->jobs[h->job_count++] = j;
	h->large_count += action == RECONCILE_UPLOAD;
	return 0;
}

/* What is to be done at a key; want: NULL for nothing. */
static enum reconcile_action choose(struct syncer *s,
				    const struct meta_dirty *dirty,
				    const struct meta_inode *want)
{
	struct reconcile_in in = {.key = dirty->key,
				  .known = &dirty->known,
				  .inode = want,
				  .versioned = s->mount->config.versioned,
				  .copy_max = s->mount->config.copy_max_bytes};

	return examine_action(&in, dirty->tried);
}

/*
 * What a killed mount had asked for may be carried out after it died. Sent on
 * top of a look that came too early, ours would then be undone: a delete of
 * before takes away what was written since. 0: it may go; else when.
 */
static int64_t settles_at(struct syncer *s, const struct meta_dirty *dirty,
			  int64_t now)
{
	int64_t left;

	if ((dirty->seq >= s->first_seq && !dirty->tried[0]) ||
	    !s->settle_until_ns)
		return 0;
	left = s->settle_until_ns - clock_mono_ns();
	return left > 0 ? now + left : 0;
}

/* A record as it was found, and what is to become of it. */
struct examined {
	enum examine_verdict verdict;
	int64_t until_ns;
	struct meta_inode want;
	bool wanted; /* or nothing is */
	enum reconcile_action action;
	int64_t quiet_ns; /* so long ago was the last change, at least */
};

static void judge_turn(struct syncer *s, const struct collect_due *h,
		       const struct meta_dirty *dirty, bool forced,
		       struct examined *x)
{
	struct examine_turn facts = {
		.now_ns = h->now_ns,
		.due_ns = dirty->due_ns,
		.settles_ns = settles_at(s, dirty, h->now_ns),
		.busy = sync_busy_is(s, dirty->key),
		.forced = forced,
	};

	/* Most records are not due: these are asked only where they matter. */
	if (forced && dirty->due_ns > h->now_ns)
		facts.pauses = sync_job_pauses(s, dirty->key);
	if (examine_turn(&facts, &x->until_ns) == EXAMINE_GO_ON)
		facts.held = syncer_is_held(s, dirty);
	x->verdict = examine_turn(&facts, &x->until_ns);
}

static int judge_request(struct syncer *s, struct collect_due *h,
			 const struct meta_dirty *dirty, bool forced,
			 struct examined *x)
{
	int rc = syncer_wanted(s, dirty->key, &x->want);
	struct examine_request facts = {
		.now_ns = h->now_ns,
		.batch_full = !deletes_have_room(&h->deletes),
		.jobs_full = h->job_count >= h->job_max,
		.large_full = h->large_count >=
			      (forced ? h->large_forced_max : h->large_max),
		.tired = h->left >= LEFT_MAX,
		.forced = forced,
	};
	const struct meta_inode *want = rc ? NULL : &x->want;

	if (rc && rc != -ENOENT)
		return rc;
	x->wanted = want;
	x->quiet_ns = quiet_for(s, want, h->now_ns, forced);
	if (want && !forced && dirty->fails == 0)
		facts.quiet_ns = quiet_at(s, dirty, want, h->now_ns);
	x->action = facts.action = choose(s, dirty, want);
	x->verdict = examine_request(&facts, &x->until_ns);
	if (x->verdict == EXAMINE_LEAVE)
		h->left++;
	return 0;
}

/* The one place that acts on a verdict. 1: dirty->depends_on is to go first. */
static int act(struct syncer *s, struct collect_due *h,
	       struct meta_dirty *dirty, const struct examined *x)
{
	switch (x->verdict) {
	case EXAMINE_LEAVE:
	case EXAMINE_GO_ON: /* never here: it was asked about its request */
		return 0;
	case EXAMINE_HELD:
		h->held = true;
		return syncer_postpone(s, dirty, x->until_ns);
	case EXAMINE_POSTPONE:
		return syncer_postpone(s, dirty, x->until_ns);
	case EXAMINE_FOLLOW:
		h->held = true;
		return 1;
	case EXAMINE_DROP:
		h->dropped = true;
		return syncer_drop(s, dirty->key);
	case EXAMINE_DELETE:
		return deletes_add(s, &h->deletes, dirty, is_unsure(s, dirty),
				   is_undurable(s, x->quiet_ns));
	case EXAMINE_SEND:
		return add_job(s, h, dirty, &x->want, x->action, x->quiet_ns);
	case EXAMINE_FULL:
		h->full = true;
		return 0;
	case EXAMINE_TIRED:
		h->tired = true;
		return 0;
	}
	return 0;
}

/* Looks at one record; forced: it is not to wait. 1: as act(). */
static int look_at(struct syncer *s, struct collect_due *h,
		   struct meta_dirty *dirty, bool forced)
{
	struct examined x;
	int rc = 0;

	judge_turn(s, h, dirty, forced, &x);
	if (x.verdict == EXAMINE_GO_ON) {
		/* A note that has lost its reason goes. */
		if (dirty->depends_on[0]) {
			dirty->depends_on[0] = '\0';
			meta_dirty_put(s->meta, dirty);
		}
		rc = judge_request(s, h, dirty, forced, &x);
	}
	return rc ? rc : act(s, h, dirty, &x);
}

/* Whether this look is over, whatever else is due. */
static bool ends(const struct collect_due *h)
{
	return h->full || h->tired;
}

/*
 * The same with all that it waits for: whoever wants the last of a row wants
 * the first one sent. Those that have just failed keep their backoff.
 */
static int examine_record(struct syncer *s, struct collect_due *h,
			  struct meta_dirty *dirty)
{
	bool forced = sync_reservation_wants(s, &h->room, dirty, h->now_ns) ||
		      waiters_want(s, dirty, h->now_ns);
	int rc = look_at(s, h, dirty, forced);
	struct meta_dirty first = *dirty;

	for (int i = 0; rc == 1 && i < SYNC_HOLDS_MAX && !ends(h); i++) {
		char key[META_KEY_MAX + 1];

		strcpy(key, first.depends_on);
		rc = meta_dirty_get(s->meta, key, &first);
		if (!rc)
			rc = look_at(s, h, &first,
				     !first.fails || first.due_ns <= h->now_ns);
	}
	return rc == 1 ? 0 : rc;
}

/* The keys that single waiters want now, wherever they stand in the order. */
static int collect_due_waiters(struct syncer *s, struct collect_due *h)
{
	char keys[WAITERS_MAX][META_KEY_MAX + 1];
	struct waiter *waiter;
	unsigned count = 0;
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	LIST_FOREACH(waiter, &s->waiters, entry)
		if (!waiter->all && !waiter->done && count < WAITERS_MAX)
			strcpy(keys[count++], waiter->path);
	pthread_mutex_unlock(&s->mutex);
	for (unsigned i = 0; !rc && i < count; i++) {
		struct meta_dirty dirty;

		rc = meta_dirty_get(s->meta, keys[i], &dirty);
		if (!rc)
			rc = examine_record(s, h, &dirty);
		else if (rc == -ENOENT)
			rc = 0, waiters_tell_clean(s, keys[i]);
	}
	return rc;
}

static void look_again(struct syncer *s)
{
	pthread_mutex_lock(&s->mutex);
	s->kicked = true;
	pthread_mutex_unlock(&s->mutex);
}

static int collect_due(struct syncer *s, struct collect_due *h)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty dirty;
	int64_t now;
	bool all;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	sync_reservation_begin(s, &h->room);
	now = h->now_ns;
	all = waiters_all(s) || h->room.any;
	deletes_begin(s, &h->deletes);
	rc = collect_due_waiters(s, h);
	for (int i = 0; !rc && !ends(h) && i < SCAN_MAX; i++) {
		rc = meta_dirty_next(s->meta, &cur, &dirty);
		if (rc)
			break;
		if (dirty.due_ns > now && !all) {
			h->next_due_ns = dirty.due_ns;
			break;
		}
		rc = examine_record(s, h, &dirty);
		if (dirty.due_ns > now &&
		    (!h->next_due_ns || dirty.due_ns < h->next_due_ns))
			h->next_due_ns = dirty.due_ns;
	}
	meta_unlock(s->meta);
	sync_reservation_end(s, &h->room, rc == -ENOENT);
	if (h->held && h->dropped)
		look_again(s);
	return rc == -ENOENT ? 0 : rc;
}

static void start_jobs(struct syncer *s, struct collect_due *h)
{
	int64_t soon = clock_real_ns() + RETRY_NS;

	pthread_mutex_lock(&s->mutex);
	s->in_flight += h->job_count;
	s->large_in_flight += h->large_count;
	pthread_mutex_unlock(&s->mutex);
	for (unsigned i = 0; i < h->job_count; i++)
		if (pool_submit(s->pool, sync_job_run, h->jobs[i]))
			sync_job_run(h->jobs[i]);
	if (!deletes_start(s, &h->deletes) &&
	    (!h->next_due_ns || h->next_due_ns > soon))
		h->next_due_ns = soon;
}

/* Sleeps until something is due or someone knocks; false: the end. */
static bool wait_for_work(struct syncer *s, const struct collect_due *last)
{
	int64_t due = last->next_due_ns;
	int64_t now = clock_real_ns();
	int64_t until = clock_mono_ns() + (due ? due - now : 60 * NS_PER_S);
	int64_t look = between_tick(s);
	bool go_on;

	if (look && look < until)
		until = look;
	pthread_mutex_lock(&s->mutex);
	s->next_due_ns = due;
	s->asleep = true;
	while (!s->stop && !s->kicked && !s->reaping &&
	       clock_cond_wait_until(&s->wake, &s->mutex, until) != -ETIMEDOUT)
		;
	/* Each look at what may go costs a commit: it is gathered. */
	until = clock_mono_ns() + REAP_NS;
	while (!s->stop && !s->kicked && s->reaping &&
	       clock_cond_wait_until(&s->wake, &s->mutex, until) != -ETIMEDOUT)
		;
	s->kicked = s->asleep = false;
	s->next_due_ns = 0; /* awake: whatever is marked from now on counts */
	go_on = !s->stop;
	pthread_mutex_unlock(&s->mutex);
	return go_on;
}

static unsigned left_of(unsigned most, unsigned taken)
{
	return taken < most ? most - taken : 0;
}

/*
 * As many as the server bears now. Uploads in parts, which may take hours, get
 * half of that (a few make use of all that the server bears), and a quarter
 * more if somebody waits: a small file is always saved beside them. False: none
 * may start.
 */
static bool job_room(struct syncer *s, struct collect_due *h)
{
	unsigned width = limit_store_width(s->limited), limit;

	pthread_mutex_lock(&s->mutex);
	limit = s->outage.on ? 1 : width;
	h->job_max = left_of(limit, s->in_flight);
	h->large_max = left_of((limit + 1) / 2, s->large_in_flight);
	h->large_forced_max = left_of(limit - limit / 4, s->large_in_flight);
	pthread_mutex_unlock(&s->mutex);
	return h->job_max;
}

static void *run_syncer(void *arg)
{
	struct syncer *s = arg;
	struct collect_due h;
	int last = 0;

	do {
		bool more;

		h = (struct collect_due){.now_ns = 0};
		more = job_room(s, &h) && h.job_max > JOBS_AT_ONCE;
		sync_wait_over(s);
		h.now_ns = clock_real_ns();
		if (more)
			h.job_max = JOBS_AT_ONCE;
		if (h.job_max) {
			int rc = collect_due(s, &h);

			if (rc)
				h.next_due_ns =
					clock_real_ns() + EXAMINE_RECHECK_NS;
			if (rc && rc != last)
				log_error("reading what is dirty: %s",
					  strerror(-rc));
			last = rc;
			start_jobs(s, &h);
			if (h.full && more)
				look_again(s);
		}
		/* Else each mark would wake it, to find no place, either. */
		if (!h.next_due_ns && (!h.job_max || ends(&h)))
			h.next_due_ns = clock_real_ns() + FULL_NS;
		sync_reap(s);
	} while (wait_for_work(s, &h));
	return NULL;
}

#define ENDED 1 /* SYS_ENDED: in order; else the boot that a mount is of */

/* A number for this boot of the machine; 0: it has none. */
static uint64_t boot_number(void)
{
	/* The next mount compares it. */
	const struct hash_seed fixed = {{0, 0}};
	char id[BOOT_ID_SIZE];
	uint64_t n;

	if (boot_id(id))
		return 0;
	n = hash_add(&fixed, 0, id, strlen(id));
	return n == ENDED ? 0 : n;
}

/*
 * Records say what may have been sent. Of a mount that was killed they all do,
 * since the redo log has the last of these notes; of one that lost its power
 * the last 50 ms are gone. Which of it, if any, comes next is noted before
 * this one sends anything.
 */
static int first_seq(struct syncer *s)
{
	uint64_t ended = ENDED, boot = boot_number();
	int rc;

	if (s->mount->config.read_only)
		return 0;
	rc = meta_lock(s->meta);
	if (rc)
		return rc;
	meta_sys_get_u64(s->meta, SYS_FIRST_SEQ, &s->first_seq);
	meta_sys_get_u64(s->meta, SYS_ENDED, &ended);
	if (ended != ENDED)
		s->settle_until_ns =
			clock_mono_ns() + s->mount->config.settle_ns;
	if (ended != ENDED && (!boot || ended != boot)) {
		rc = meta_next_id(s->meta, &s->first_seq);
		if (!rc)
			rc = meta_sys_put_u64(s->meta, SYS_FIRST_SEQ,
					      s->first_seq);
	}
	if (!rc)
		rc = meta_sys_put_u64(s->meta, SYS_ENDED, boot);
	meta_unlock(s->meta);
	return rc ? rc : meta_sync(s->meta);
}

/* Nothing is under way any more, and each outcome is noted. */
static void note_end(struct syncer *s)
{
	if (meta_lock(s->meta))
		return;
	meta_sys_put_u64(s->meta, SYS_ENDED, ENDED);
	meta_unlock(s->meta);
}

int syncer_new(struct mount *mount, struct journal *journal,
	       struct reader *reader, struct tree *tree,
	       struct syncer **ret_syncer)
{
	struct syncer *s = calloc(1, sizeof(*s));
	const struct journal_listener listener = {on_due, on_reaping, on_grown,
						  s};
	int rc;

	if (!s)
		return -ENOMEM;
	s->mount = mount;
	s->meta = mount->meta;
	s->limited = mount->store;
	s->journal = journal;
	s->reader = reader;
	s->tree = tree;
	pthread_mutex_init(&s->mutex, NULL);
	rc = clock_cond_init(&s->wake);
	if (!rc)
		rc = clock_cond_init(&s->event);
	if (!rc)
		rc = map_new(&s->busy);
	if (!rc)
		rc = map_new(&s->again);
	if (!rc)
		rc = uploader_new(s, &s->upload);
	if (!rc)
		rc = file_snapshots_new(&s->snapshots);
	if (!rc)
		rc = recent_saves_new(&s->saves);
	if (!rc)
		rc = pool_new("sync", LIMIT_MAX, &s->pool);
	if (!rc)
		rc = first_seq(s);
	if (!rc && !s->mount->config.read_only)
		between_init(s);
	if (!rc && !s->mount->config.read_only)
		upload_abort_leftovers(s->upload);
	if (!rc && !s->mount->config.read_only)
		journal_listen(s->journal, &listener);
	if (!rc && !s->mount->config.read_only)
		rc = -pthread_create(&s->thread, NULL, run_syncer, s);
	if (rc) {
		syncer_end(s);
		syncer_free(s);
		return rc;
	}
	s->started = !s->mount->config.read_only;
	*ret_syncer = s;
	return 0;
}

void syncer_end(struct syncer *s)
{
	if (!s)
		return;
	if (s->upload)
		upload_ending(s->upload);
	pthread_mutex_lock(&s->mutex);
	s->stop = true;
	pthread_cond_broadcast(&s->wake);
	pthread_cond_broadcast(&s->event);
	/* They end with -ESHUTDOWN, and need what is freed below. */
	while (!LIST_EMPTY(&s->waiters) || s->reservation.waiters)
		pthread_cond_wait(&s->event, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	if (s->started)
		pthread_join(s->thread, NULL);
	pool_free(s->pool);
	s->pool = NULL;
	journal_listen(s->journal, NULL);
	if (s->started)
		sync_reap(s);
	/* With what that has given up. */
	if (s->upload)
		uploader_end(s->upload);
	if (s->started)
		note_end(s);
}

void syncer_free(struct syncer *s)
{
	if (!s)
		return;
	uploader_free(s->upload);
	file_snapshots_free(s->snapshots);
	recent_saves_free(s->saves);
	map_free(s->busy);
	map_free(s->again);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->event);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}
