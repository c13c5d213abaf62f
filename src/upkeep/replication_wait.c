/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	send ──▶ walk ──▶ look ◀──┐
 *	           ▲       │      │ some have not come: a pause
 *	           │       ├──────┘
 *	           │       ├──▶ all have come: done
 *	           └───────┤    more than could be held, or the replica was not
 *	                   │    listed to the end: walk again
 *	                   └──▶ the time is over, or no waiting helps: tell
 *
 * The walk compares lists of both buckets, so that what has come long ago costs
 * no request of its own; what has not is asked for one by one.
 */
#include "vers3/upkeep/replication_wait.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "awaited.h"
#include "replica_verdict.h"
#include "version_answer.h"
#include "version_pairs.h"
#include "vers3/core/mount.h"
#include "vers3/history/nowhere.h"
#include "vers3/meta/inode.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/pool.h"

#define WIDTH	       8
#define FIRST_PAUSE_NS (50 * NS_PER_MS)
#define LAST_PAUSE_NS  (2 * NS_PER_S)
#define PAGE_WAIT_NS   (30 * NS_PER_S) /* for one page of the replica's list */
#define STATUS_NS      (5 * NS_PER_S) /* between two questions to the bucket */
#define STATUS_MAX     100 /* that are asked for then */
#define REASONS_NS     (2 * NS_PER_S) /* for those that are told at the end */
#define NAMED_MAX      1000
#define FRESH_MAX      256 /* that are looked at together in a walk */
#define SECTION_MAX    (16 << 10)
/* How far the server's clock may be from what is known of it. */
#define CLOCK_SLACK_NS (3 * NS_PER_S)

struct replication_wait {
	struct mount *mount; /* borrowed, as the next */
	struct syncer *syncer;
	struct view *view;
	char *path; /* owned; "": the whole mount */
	int64_t timeout_ns; /* 0: none */
	/* Of a run. */
	struct answer_stream *answer; /* borrowed */
	struct pool *pool; /* owned */
	int64_t begun_ns; /* monotonic */
	uint64_t unsent; /* what the sending left */
	int64_t saved_until_ns; /* what is younger is not waited for */
	int there_error; /* of the last walk */
	char why[VERSION_WHY_MAX]; /* likewise: of a failure, in words */
	uint64_t versions; /* of it */
	unsigned fresh; /* added since the last look of that */
	struct awaited_set set;
};

int replication_wait_new(struct mount *mount, struct syncer *syncer,
			 struct view *view, const char *path,
			 int64_t timeout_ns, struct replication_wait **ret_wait)
{
	struct replication_wait *w = calloc(1, sizeof(*w));

	if (w)
		w->path = strdup(path);
	if (!w || !w->path) {
		free(w);
		return -ENOMEM;
	}
	w->mount = mount;
	w->syncer = syncer;
	w->view = view;
	w->timeout_ns = timeout_ns;
	*ret_wait = w;
	return 0;
}

void replication_wait_free(void *wait)
{
	struct replication_wait *w = wait;

	if (!w)
		return;
	awaited_release(&w->set);
	free(w->path);
	free(w);
}

/* Monotonic; 0: it may take as long as it takes. */
static int64_t end_of(const struct replication_wait *w)
{
	int64_t end_ns;

	if (!w->timeout_ns)
		return 0;
	return __builtin_add_overflow(w->begun_ns, w->timeout_ns, &end_ns)
		       ? INT64_MAX
		       : end_ns;
}

/* What has not come is named, so the bucket's list may end a little later. */
static int64_t list_end_of(const struct replication_wait *w)
{
	int64_t end_ns = end_of(w);

	return end_ns && end_ns < INT64_MAX - REASONS_NS ? end_ns + REASONS_NS
							 : end_ns;
}

/* Has fn done until then at most (0: without an end): -ETIMEDOUT. */
static int in_time(struct replication_wait *w,
		   int (*fn)(struct replication_wait *w), int64_t until_ns)
{
	struct cancel enough, *before = cancel_current();
	int rc;

	cancel_init_until(&enough, before, until_ns);
	cancel_enter(&enough);
	rc = fn(w);
	cancel_enter(before);
	return rc && !cancel_is_set(before) && cancel_is_set(&enough)
		       ? -ETIMEDOUT
		       : rc;
}

static bool is_over(const struct replication_wait *w)
{
	return w->timeout_ns && clock_mono_ns() >= end_of(w);
}

static int sync_all(struct replication_wait *w)
{
	w->unsent = 0;
	return syncer_sync_all(w->syncer, w->path, &w->unsent);
}

/* What is unsent, first. */
static int send_all(struct replication_wait *w)
{
	int rc = in_time(w, sync_all, end_of(w));

	if (!rc || rc == -EINTR)
		return rc;
	if (!w->unsent && rc != -ETIMEDOUT)
		return rc;
	return answer_stream_fail(w->answer, rc,
				  "replication wait: not everything is in the "
				  "bucket yet: %s (sync tells more)",
				  rc == -ETIMEDOUT ? "the time is over"
						   : errtext(rc));
}

/* What an id names is made once: there it will not be what it is here. */
static enum awaited_state state_of(enum replica_verdict v, const char *id)
{
	return (v == REPLICA_KIND || v == REPLICA_SIZE) &&
			       meta_is_version_id(id)
		       ? AWAITED_OTHER
		       : AWAITED_PENDING;
}

static int on_pair(void *ctx, const struct version_pair *p)
{
	struct replication_wait *w = ctx;
	enum replica_verdict v;
	int rc;

	if (!p->own || p->own->last_modified_ns > w->saved_until_ns)
		return 0;
	w->versions++;
	v = replica_verdict_of_lists(p->own, p->there);
	/* Another ETag is another key's; whether more is, `check` tells. */
	if (v == REPLICA_CONTENT && meta_is_version_id(p->own->version_id))
		return 0;
	if (v == REPLICA_SAME || v == REPLICA_NOT_CURRENT)
		return 0;
	rc = awaited_add(&w->set, p->own, state_of(v, p->own->version_id),
			 p->blind && w->mount->replica ? -ETIMEDOUT : 0);
	if (rc || w->mount->replica || ++w->fresh < FRESH_MAX)
		return rc;
	/* No list tells of a status: what has come is let go on the way. */
	w->fresh = 0;
	rc = awaited_look(&w->set);
	awaited_drop_done(&w->set);
	return rc;
}

static int walk(struct replication_wait *w)
{
	struct version_pairs pairs = {.mount = w->mount,
				      .path = w->path,
				      .on_pair = on_pair,
				      .ctx = w,
				      .answer = w->answer,
				      .alone = !w->mount->replica,
				      .there_wait_ns = PAGE_WAIT_NS,
				      .begun_ns = w->begun_ns};
	int64_t left = end_of(w) - clock_mono_ns();
	int rc;

	/* A silent replica leaves time for what is to be told of the bucket. */
	if (w->timeout_ns && left / 2 < PAGE_WAIT_NS)
		pairs.there_wait_ns = left > 1 ? left / 2 : 1;
	awaited_release(&w->set);
	w->versions = 0;
	w->fresh = 0;
	rc = version_pairs_walk(&pairs);
	w->there_error = pairs.there_error;
	memcpy(w->why, pairs.why, sizeof(w->why));
	return rc;
}

/* The one that was saved first, of those that have not come. */
static const struct awaited *oldest(const struct replication_wait *w)
{
	const struct awaited *found = NULL;

	for (size_t i = 0; i < w->set.count; i++) {
		const struct awaited *a = &w->set.items[i];

		if (a->state == AWAITED_THERE || a->state == AWAITED_GONE)
			continue;
		if (!found ||
		    a->entry.last_modified_ns < found->entry.last_modified_ns)
			found = a;
	}
	return found;
}

static uint64_t missing(const struct replication_wait *w)
{
	return w->set.count + w->set.passed_over -
	       awaited_count(&w->set, AWAITED_THERE) -
	       awaited_count(&w->set, AWAITED_GONE);
}

static int progress(struct replication_wait *w)
{
	const struct awaited *a = oldest(w);

	if (!a)
		return 0;
	return answer_stream_progress(
		w->answer,
		"%" PRIu64 " of %" PRIu64 " versions are to come, the oldest "
		"is %" PRId64 " s old: %s",
		missing(w), w->versions,
		version_age_ns(w->mount, &a->entry) / NS_PER_S,
		a->entry.key + strlen(w->mount->config.prefix));
}

/* Not past the end. */
static int64_t sleep_for(const struct replication_wait *w, int64_t pause_ns)
{
	int64_t left_ns = end_of(w) - clock_mono_ns();

	if (!w->timeout_ns || left_ns > pause_ns)
		return pause_ns;
	return left_ns > 0 ? left_ns : 0;
}

/*
 * Looks until nothing that could come is to come, or the time is over. 0, or
 * -EINTR.
 */
static int look_out(struct replication_wait *w)
{
	int64_t pause_ns = FIRST_PAUSE_NS, asked_ns = clock_mono_ns();
	int rc;

	w->set.until_ns = end_of(w);
	for (;;) {
		rc = awaited_look(&w->set);
		if (!rc)
			rc = progress(w);
		if (rc || !awaited_count(&w->set, AWAITED_PENDING) ||
		    is_over(w))
			return rc;
		if (w->mount->replica &&
		    clock_mono_ns() - asked_ns >= STATUS_NS) {
			rc = awaited_ask_status(&w->set, STATUS_MAX);
			asked_ns = clock_mono_ns();
		}
		if (!rc)
			rc = cancel_sleep(sleep_for(w, pause_ns));
		if (rc)
			return rc;
		pause_ns *= 2;
		if (pause_ns > LAST_PAUSE_NS)
			pause_ns = LAST_PAUSE_NS;
	}
}

static const char *state_word(enum awaited_state state)
{
	switch (state) {
	case AWAITED_FAILED:
		return "failed";
	case AWAITED_OTHER:
		return "different";
	case AWAITED_UNTOLD:
		return "unknown";
	default:
		return "pending";
	}
}

static int name_missing(struct replication_wait *w)
{
	size_t named = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < w->set.count && named < NAMED_MAX; i++) {
		const struct awaited *a = &w->set.items[i];
		struct buf out;

		if (a->state == AWAITED_THERE || a->state == AWAITED_GONE)
			continue;
		named++;
		buf_init(&out, SECTION_MAX);
		rc = version_answer(w->mount, &a->entry, state_word(a->state),
				    awaited_why(&w->set, a), &out);
		if (!rc)
			rc = answer_stream_add(w->answer, out.data, out.len);
		buf_release(&out);
	}
	return rc;
}

static int put_sums(struct replication_wait *w)
{
	const struct awaited *a = oldest(w);
	uint64_t left = missing(w);
	int rc = answer_stream_printf(
		w->answer,
		"[wait]\n\tresult = %s\n\tversions = %" PRIu64
		"\n\tmissing = %" PRIu64 "\n\tseconds = %" PRId64 "\n",
		left ? "FAIL" : "PASS", w->versions, left,
		(clock_mono_ns() - w->begun_ns) / NS_PER_S);

	if (!rc && a)
		rc = answer_stream_printf(
			w->answer, "\toldestSeconds = %" PRId64 "\n",
			version_age_ns(w->mount, &a->entry) / NS_PER_S);
	return rc;
}

static int ask_status(struct replication_wait *w)
{
	return awaited_ask_status(&w->set, STATUS_MAX);
}

/* What has not come is named, with its age and what keeps it. */
static int tell_missing(struct replication_wait *w)
{
	const struct awaited *a = oldest(w);
	bool untold = awaited_count(&w->set, AWAITED_UNTOLD) > 0;
	int error = is_over(w) ? -ETIMEDOUT : -EUCLEAN;
	int rc = 0;

	/* Whoever has waited long enough does not wait for the reasons. */
	if (w->mount->replica)
		rc = in_time(w, ask_status, clock_mono_ns() + REASONS_NS);
	if (!rc || rc == -ETIMEDOUT)
		rc = name_missing(w);
	if (!rc)
		rc = put_sums(w);
	if (rc)
		return rc;
	return answer_stream_fail(
		w->answer, error,
		"replication wait: %" PRIu64 " of %" PRIu64
		" versions are not in the other region, the oldest is %" PRId64
		" s old: %.200s: %.160s%s",
		missing(w), w->versions,
		a ? version_age_ns(w->mount, &a->entry) / NS_PER_S : 0,
		a ? a->entry.key + strlen(w->mount->config.prefix) : "",
		a ? awaited_why(&w->set, a) : "",
		untold ? "; replica=BUCKET has it compared" : "");
}

/* What the server refuses will not be otherwise in a minute. */
static bool refuses(int there_error)
{
	return there_error && there_error != -ETIMEDOUT &&
	       !store_is_outage(there_error);
}

static int wait_for_all(struct replication_wait *w)
{
	int rc;

	for (;;) {
		rc = in_time(w, walk, list_end_of(w));
		if (rc == -ETIMEDOUT && is_over(w))
			return answer_stream_fail(
				w->answer, rc,
				"replication wait: the time is over, and not "
				"all versions of the bucket are listed");
		if (!rc && refuses(w->there_error))
			return answer_stream_fail(
				w->answer, w->there_error,
				"replication wait: the replica %s could not be "
				"listed: %s",
				w->mount->config.replica_bucket, w->why);
		if (!rc)
			rc = in_time(w, look_out, end_of(w));
		if (rc == -ETIMEDOUT && is_over(w))
			rc = 0; /* what has not come by now is told */
		if (rc)
			return rc;
		/* Since it began: what was found is the replica's own. */
		if (mount_replica_stands_in(w->mount))
			return answer_stream_fail(
				w->answer, -EINVAL,
				"replication wait: the replica stands in for "
				"the bucket now");
		if (awaited_count(&w->set, AWAITED_THERE) +
			    awaited_count(&w->set, AWAITED_GONE) <
		    w->set.count)
			return tell_missing(w);
		if (!w->versions && is_nowhere(w->view, w->path))
			return answer_stream_fail(
				w->answer, -ENOENT,
				"replication wait: %s: there is no such path",
				w->path);
		if (!w->set.passed_over)
			return put_sums(w);
		if (is_over(w))
			return tell_missing(w);
	}
}

int replication_wait_run(void *wait, struct answer_stream *answer)
{
	struct replication_wait *w = wait;
	int rc;

	w->answer = answer;
	w->begun_ns = clock_mono_ns();
	rc = pool_new("vers3-wait", WIDTH, &w->pool);
	w->set.mount = w->mount;
	w->set.pool = w->pool;
	if (!rc)
		rc = send_all(w);
	w->saved_until_ns = mount_server_now_ns(w->mount) + CLOCK_SLACK_NS;
	if (!rc)
		rc = wait_for_all(w);
	pool_free(w->pool);
	w->pool = NULL;
	if (rc && !*answer_stream_why(answer))
		answer_stream_fail(answer, rc, "replication wait: %s: %s",
				   *w->path ? w->path : "/",
				   *w->why ? w->why : errtext(rc));
	return rc;
}
