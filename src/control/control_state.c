/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the mount as text, section by section. Numbers are plain:
 * bytes, seconds where the name says so.
 */
#include "vers3/control/control_state.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "vers3/core/bucket_config.h"
#include "vers3/sync/failure.h"

#include "vers3/core/mount.h"
#include "vers3/meta/dirty.h"
#include "vers3/read/reader.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/s3/replication.h"
#include "vers3/s3/s3.h"
#include "vers3/store/failover.h"
#include "vers3/store/key_journal.h"
#include "vers3/store/limit.h"
#include "vers3/store/metrics.h"
#include "vers3/store/standby.h"
#include "vers3/sync/conflict.h"
#include "vers3/sync/syncer.h"
#include "vers3/tree/dir.h"
#include "vers3/upkeep/replica_told.h"
#include "vers3/util/clock.h"
#include "vers3/util/gitconfig.h"

#define DOCUMENT_MAX  (4 << 20)
#define FAILING_NAMED 100 /* keys that are told with their reasons */
#define SCAN_CHUNK    1000 /* dirty records looked at under one hold */
/* A census is used for so many times as long as taking it took. */
#define CENSUS_REST 20

struct number {
	const char *name;
	uint64_t value;
};

static int numbers(struct buf *out, const struct number *list, size_t count)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++)
		rc = gitconfig_number(out, list[i].name,
				      (int64_t)list[i].value);
	return rc;
}

static int write_mount(struct control *control, struct buf *out)
{
	int rc = gitconfig_section(out, "mount", NULL);

	if (!rc)
		rc = gitconfig_value(out, "bucket",
				     control->mount->config.bucket);
	if (!rc)
		rc = gitconfig_value(out, "prefix",
				     control->mount->config.prefix);
	if (!rc)
		rc = gitconfig_bool(out, "versioned",
				    control->mount->config.versioned);
	if (!rc && control->mount->s3)
		rc = gitconfig_value(out, "url",
				     s3_store_url(control->mount->s3));
	if (!rc && control->mount->s3)
		rc = gitconfig_value(out, "region",
				     s3_store_region(control->mount->s3));
	if (!rc)
		rc = gitconfig_bool(out, "readOnly",
				    !mount_takes_changes(control->mount));
	if (!rc)
		rc = gitconfig_value(out, "versionsDir",
				     control->mount->config.versions_name);
	if (!rc)
		rc = gitconfig_value(out, "controlFile",
				     control->mount->config.control_name);
	if (!rc)
		rc = gitconfig_number(out, "pid", getpid());
	if (!rc)
		rc = gitconfig_value(out, "version", PACKAGE_VERSION);
	return rc;
}

/* How far min_free= and quota= are used up, and a word when it is far. */
static int write_watermarks(const struct mount *mount, struct buf *out)
{
	static const char *const names[WATERMARKS] = {
		[WATERMARK_MIN_FREE] = "roomPercent",
		[WATERMARK_QUOTA] = "quotaPercent",
	};
	char text[128];
	int rc = 0;

	for (int i = 0; !rc && i < WATERMARKS; i++) {
		enum watermark_kind kind = (enum watermark_kind)i;
		struct watermark mark = watermark_read(mount, kind);

		if (!mark.limit_bytes)
			continue;
		rc = gitconfig_number(out, names[i], mark.percent);
		if (rc || mark.percent < WATERMARK_PERCENT)
			continue;
		snprintf(text, sizeof(text), "%s= is used up to %u %%",
			 watermark_name(kind), mark.percent);
		rc = gitconfig_value(out, "warning", text);
	}
	return rc;
}

static int write_cache(struct control *control, struct buf *out)
{
	struct reader_stats rs;
	struct blocks_stats st;
	int rc = gitconfig_section(out, "cache", NULL);

	if (!rc && control->mount->config.cache_dir)
		rc = gitconfig_value(out, "directory",
				     control->mount->config.cache_dir);
	blocks_read_stats(control->mount->blocks, &st);
	reader_read_stats(control->reader, &rs);
	if (!rc) {
		const struct number list[] = {
			{"used", st.used_bytes},
			{"limit", st.limit_bytes},
			{"blocks", st.count},
			{"hits", st.hits},
			{"misses", st.misses},
			{"evicted", st.evicted},
			{"fetchedBytes", rs.fetched_bytes},
			{"aheadFiles", rs.ahead_files},
			{"aheadUsed", rs.ahead_used},
			{"aheadWasted", rs.ahead_wasted},
			{"aheadWastedBytes", rs.ahead_wasted_bytes},
			{"stagingBytes",
			 staging_used_bytes(control->mount->staging)},
			{"spaceLeft", space_left(control->mount->space)},
		};

		rc = numbers(out, list, sizeof(list) / sizeof(list[0]));
	}
	return rc ? rc : write_watermarks(control->mount, out);
}

struct failing_key {
	char key[META_KEY_MAX + 1];
	int error;
	uint32_t fails;
};

/* The keys that a try failed for: how many, which, and one of them. */
struct failing {
	uint64_t count;
	struct failing_key last;
	struct failing_key keys[FAILING_NAMED]; /* the first */
};

static void take_failing(struct failing *f, const struct meta_dirty *dirty,
			 const char *newest)
{
	struct failing_key k = {.error = dirty->error, .fails = dirty->fails};

	strcpy(k.key, dirty->key);
	if (f->count < FAILING_NAMED)
		f->keys[f->count] = k;
	if (!f->count++ || !strcmp(dirty->key, newest))
		f->last = k;
}

/* The next records; -ENOENT after the last. newest: preferred, may be "". */
static int scan_dirty(struct control *control, struct meta_dirty_cursor *cur,
		      const char *newest, struct failing *f)
{
	struct meta_dirty dirty;
	int rc = meta_lock(control->meta);

	if (rc)
		return rc;
	for (int i = 0; !rc && i < SCAN_CHUNK; i++) {
		rc = meta_dirty_next(control->meta, cur, &dirty);
		if (rc || !dirty.fails)
			continue;
		take_failing(f, &dirty, newest);
	}
	meta_unlock(control->meta);
	return rc;
}

static int write_sync_numbers(struct buf *out, const struct syncer_stats *st,
			      const struct failing *f)
{
	int64_t age =
		st->oldest_dirty_ns ? clock_real_ns() - st->oldest_dirty_ns : 0;
	const struct number list[] = {
		{"dirty", st->dirty_keys},
		{"inFlight", st->in_flight},
		{"waitingWriters", st->waiting_writers},
		{"failing", f->count},
		{"oldestSeconds", (uint64_t)(age / NS_PER_S)},
		{"sentBytes", st->sent_bytes},
		{"puts", st->puts},
		{"copies", st->copies},
		{"deletes", st->deletes},
		{"failures", st->failures},
	};

	return numbers(out, list, sizeof(list) / sizeof(list[0]));
}

/* One key that fails: the server's words, and what to do. */
static int write_failing(struct control *control, const struct failing_key *k,
			 struct buf *out)
{
	struct failure why;
	int rc = gitconfig_section(out, "sync", k->key);

	failure_explain(control->syncer, k->key, k->error, &why);
	if (!rc)
		rc = gitconfig_value(out, "error", why.words);
	if (!rc && why.advice)
		rc = gitconfig_value(out, "advice", why.advice);
	return rc ? rc : gitconfig_number(out, "tries", k->fails);
}

static int write_sync_state(struct control *control,
			    const struct syncer_stats *st,
			    const struct failing *f, struct buf *out)
{
	const char *state = f->count	     ? "failing"
			    : st->dirty_keys ? "dirty"
					     : "clean";
	struct failure why;
	int rc = gitconfig_section(out, "sync", NULL);

	if (!rc)
		rc = gitconfig_value(out, "state", state);
	if (!rc)
		rc = write_sync_numbers(out, st, f);
	if (rc || !f->count)
		return rc;
	failure_explain(control->syncer, f->last.key, f->last.error, &why);
	rc = gitconfig_value(out, "lastError", why.words);
	if (!rc)
		rc = gitconfig_value(out, "lastErrorKey", f->last.key);
	for (size_t i = 0; !rc && i < f->count && i < FAILING_NAMED; i++)
		rc = write_failing(control, &f->keys[i], out);
	return rc;
}

static int write_sync(struct control *control, struct buf *out)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct failing *f = calloc(1, sizeof(*f));
	struct syncer_stats st;
	int rc;

	if (!f)
		return -ENOMEM;
	syncer_read_stats(control->syncer, &st);
	do
		rc = scan_dirty(control, &cur, st.error_key, f);
	while (!rc);
	if (rc == -ENOENT)
		rc = write_sync_state(control, &st, f, out);
	free(f);
	return rc;
}

/* "ListObjectsV2" as the names of git-config are spelled. */
static int write_op(struct buf *out, enum store_op op, uint64_t calls)
{
	char name[64];

	snprintf(name, sizeof(name), "%s", store_op_name(op));
	name[0] = (char)tolower((unsigned char)name[0]);
	return gitconfig_number(out, name, (int64_t)calls);
}

static int write_ago(struct buf *out, const char *name, int64_t mono_ns)
{
	if (!mono_ns)
		return 0;
	return gitconfig_number(out, name,
				(clock_mono_ns() - mono_ns) / NS_PER_S);
}

static int write_s3_totals(struct buf *out, const struct metrics_snapshot *m)
{
	uint64_t requests = 0, errors = 0;
	int rc;

	for (int op = 0; op < STORE_OP_COUNT; op++) {
		requests += m->ops[op].calls;
		errors += m->ops[op].errors;
	}
	rc = gitconfig_number(out, "requests", (int64_t)requests);
	if (!rc)
		rc = gitconfig_number(out, "errors", (int64_t)errors);
	if (!rc)
		rc = gitconfig_number(out, "inFlight", (int64_t)m->in_flight);
	return rc;
}

/* What the server can, and the bucket does, beside; see caps.h. */
static int write_caps(const struct caps *caps, struct buf *out)
{
	int rc = gitconfig_bool(out, "ifNoneMatch", caps->if_none_match);

	if (!rc)
		rc = gitconfig_bool(out, "ifMatch", caps->if_match);
	if (!rc)
		rc = gitconfig_bool(out, "ifMatchCopy", caps->copy);
	if (!rc)
		rc = gitconfig_bool(out, "ifMatchDelete", caps->remove);
	if (!rc)
		rc = gitconfig_bool(out, "checksum", caps->checksum);
	if (!rc)
		rc = gitconfig_bool(out, "retains", caps->retains);
	return rc ? rc : gitconfig_bool(out, "keepsTags", caps->keeps_tags);
}

/* How many requests go at once, and why so many. */
static int write_limit(struct store *store, struct buf *out)
{
	struct limit_snapshot now;
	int rc;

	limit_store_read(store, &now);
	if (!now.limit)
		return 0;
	rc = gitconfig_number(out, "limit", now.limit);
	if (!rc)
		rc = gitconfig_number(out, "waiting", now.waiting);
	if (!rc && now.least_ns)
		rc = gitconfig_number(out, "leastLatencyUs",
				      now.least_ns / 1000);
	return rc ? rc
		  : gitconfig_number(out, "halvings", (int64_t)now.halvings);
}

/* How requests to one server went, and by operation how many there were. */
static int write_traffic(struct store *store, const struct metrics_snapshot *m,
			 struct buf *out)
{
	int rc = write_s3_totals(out, m);

	if (!rc)
		rc = write_limit(store, out);
	if (!rc)
		rc = gitconfig_bool(out, "reachable", !m->silent_mono_ns);
	if (!rc)
		rc = write_ago(out, "unreachableSeconds", m->silent_mono_ns);
	if (!rc && m->last_error[0])
		rc = gitconfig_value(out, "lastError", m->last_error);
	if (!rc)
		rc = write_ago(out, "lastErrorSeconds", m->last_error_mono_ns);
	if (!rc)
		rc = write_ago(out, "lastAnswerSeconds", m->last_ok_mono_ns);
	if (!rc)
		rc = gitconfig_number(out, "clockSkewMs",
				      m->clock_skew_ns / NS_PER_MS);
	for (int op = 0; !rc && op < STORE_OP_COUNT; op++)
		if (m->ops[op].calls)
			rc = write_op(out, (enum store_op)op, m->ops[op].calls);
	return rc;
}

static int write_s3(struct control *control, struct buf *out)
{
	struct metrics_snapshot m;
	int rc = gitconfig_section(out, "s3", NULL);

	if (rc || !control->mount->metrics)
		return rc;
	metrics_store_read(control->mount->metrics, &m);
	rc = write_caps(&control->mount->config.caps, out);
	return rc ? rc : write_traffic(control->mount->store, &m, out);
}

/* What was read from the replica in the place of the bucket. */
static int write_failover(struct store *failover, struct buf *out)
{
	struct failover_stats now;
	int rc;

	failover_store_read(failover, &now);
	rc = gitconfig_bool(out, "degraded", now.degraded);
	if (!rc && now.degraded)
		rc = write_ago(out, "degradedSeconds", now.since_mono_ns);
	if (!rc)
		rc = gitconfig_number(out, "reads", now.reads);
	return rc ? rc : gitconfig_number(out, "missing", now.missing);
}

/* Whether it stands in for the bucket, and what is to be brought back. */
static int write_standby(const struct mount *mount, struct buf *out)
{
	bool on = standby_store_is_on(mount->standby);
	int rc = gitconfig_bool(out, "standsIn", on);

	if (!rc && on)
		rc = gitconfig_time(out, "standsInSince",
				    key_journal_begun_ns(mount->journal));
	if (!rc && on)
		rc = gitconfig_number(out, "toBringBack",
				      key_journal_count(mount->journal));
	return rc;
}

/* The same of the replica, where the mount has one; it is not asked. */
static int write_replica(struct control *control, struct buf *out)
{
	const struct mount *mount = control->mount;
	struct metrics_snapshot m;
	int rc;

	if (!mount->replica)
		return 0;
	rc = gitconfig_section(out, "replica", NULL);
	if (!rc)
		rc = gitconfig_value(out, "bucket",
				     mount->config.replica_bucket);
	if (!rc && mount->replica_s3)
		rc = gitconfig_value(out, "url",
				     s3_store_url(mount->replica_s3));
	if (!rc && mount->replica_s3)
		rc = gitconfig_value(out, "region",
				     s3_store_region(mount->replica_s3));
	if (!rc && mount->failover)
		rc = write_failover(mount->failover, out);
	if (!rc && mount->standby)
		rc = write_standby(mount, out);
	if (rc || !mount->replica_metrics)
		return rc;
	metrics_store_read(mount->replica_metrics, &m);
	return write_traffic(mount->replica, &m, out);
}

/* Why a document is not known, or not known to be of now. */
static int write_error(struct buf *out, int error, const char *reason)
{
	if (!error)
		return 0;
	return gitconfig_value(out, "error",
			       *reason ? reason : strerror(-error));
}

static int write_lifecycle(struct control *control, struct buf *out)
{
	char reason[CONTROL_REASON_MAX] = "";
	struct lifecycle l = {.count = 0};
	struct buf doc;
	bool parsed;
	int rc, error;

	buf_init(&doc, DOCUMENT_MAX);
	error = bucket_config_get(control->mount->bucket, BUCKET_LIFECYCLE,
				  &doc, reason, sizeof(reason));
	rc = doc.len ? lifecycle_parse(doc.data, doc.len, &l) : 0;
	parsed = doc.len && !rc;
	buf_release(&doc);
	if (!error)
		error = rc;
	rc = gitconfig_section(out, "lifecycle", NULL);
	if (!rc)
		rc = gitconfig_number(out, "rules",
				      parsed ? (int64_t)l.count : 0);
	if (!rc)
		rc = write_error(out, error, reason);
	if (!rc && parsed)
		rc = lifecycle_write(&l, control->mount->config.prefix, out);
	if (parsed)
		lifecycle_release(&l);
	return rc;
}

/* Takes a census unless the last one will do; with the mutex held. */
static int refresh_census(struct control *c)
{
	int64_t now = clock_mono_ns(), rest = c->census_took_ns * CENSUS_REST;
	struct replication_census taken;
	int rc;

	if (rest < c->mount->config.ttl_ns)
		rest = c->mount->config.ttl_ns;
	if (c->census_ns && now - c->census_ns < rest)
		return 0;
	rc = replication_census_take(c->meta, &taken);
	if (rc)
		return rc;
	replication_census_release(&c->census);
	c->census = taken;
	c->census_ns = clock_mono_ns();
	c->census_took_ns = c->census_ns - now;
	return 0;
}

/* What keeps an object, as far as anybody has told. */
static const char *why_kept(const struct mount *mount,
			    enum census_status status, bool compared)
{
	struct metrics_snapshot m = {.silent_mono_ns = 0};

	if (status == CENSUS_FAILED)
		return replica_why_missing(REPLICA_TOLD_FAILED, false, false);
	if (!compared)
		return replica_why_missing(REPLICA_TOLD_PENDING, false, false);
	if (mount->replica_metrics)
		metrics_store_read(mount->replica_metrics, &m);
	return m.silent_mono_ns ? "the replica gives no answer"
				: "it is not known to be in the replica";
}

/* One section of the state each; with the mutex held. */
static int write_kept(struct control *control, const struct census_key *keys,
		      unsigned count, enum census_status status,
		      struct buf *out)
{
	const char *word = status == CENSUS_FAILED ? "failed" : "pending";
	int64_t now_ns = mount_server_now_ns(control->mount);
	int rc = 0;

	for (unsigned i = 0; !rc && i < count; i++) {
		int64_t age_ns = now_ns - keys[i].written_ns;

		rc = gitconfig_section(out, "unreplicated", keys[i].key);
		if (!rc)
			rc = gitconfig_value(out, "status", word);
		if (!rc)
			rc = gitconfig_number(out, "ageSeconds",
					      age_ns > 0 ? age_ns / NS_PER_S
							 : 0);
		if (!rc)
			rc = gitconfig_value(out, "why",
					     why_kept(control->mount, status,
						      keys[i].compared));
	}
	return rc;
}

static int write_unreplicated(struct control *control, struct buf *out)
{
	const struct replication_census *c = &control->census;
	int rc = write_kept(control, c->failed, c->failed_count, CENSUS_FAILED,
			    out);

	return rc ? rc
		  : write_kept(control, c->pending, c->pending_count,
			       CENSUS_PENDING, out);
}

/*
 * How objects stand with replication. Where the bucket has no rules and no
 * object has told of any, nothing is looked for and nothing is said.
 */
static int write_census(struct control *control, bool has_rules,
			struct buf *out)
{
	static const char *const names[CENSUS_COUNT] = {
		[CENSUS_PENDING] = "pending", [CENSUS_COMPLETED] = "completed",
		[CENSUS_FAILED] = "failed",   [CENSUS_REPLICA] = "replica",
		[CENSUS_NONE] = "none",
	};
	int64_t oldest;
	int rc;

	if (!has_rules && !replication_census_may_find(control->meta))
		return 0;
	pthread_mutex_lock(&control->mutex);
	rc = refresh_census(control);
	if (!rc && !has_rules && !replication_census_may_find(control->meta)) {
		pthread_mutex_unlock(&control->mutex);
		return 0;
	}
	for (int i = 0; !rc && i < CENSUS_COUNT; i++)
		rc = gitconfig_number(out, names[i],
				      (int64_t)control->census.counts[i]);
	oldest = control->census.oldest_pending_ns;
	if (!rc && oldest)
		rc = gitconfig_number(out, "oldestPendingSeconds",
				      (clock_real_ns() - oldest) / NS_PER_S);
	for (unsigned i = 0; !rc && i < control->census.failed_count; i++)
		rc = gitconfig_value(out, "failedKey",
				     control->census.failed[i].key);
	if (!rc)
		rc = write_unreplicated(control, out);
	pthread_mutex_unlock(&control->mutex);
	return rc;
}

static int write_replication(struct control *control, struct buf *out)
{
	char reason[CONTROL_REASON_MAX] = "";
	struct replication r = {.count = 0};
	struct buf doc;
	bool parsed;
	int rc, error;

	buf_init(&doc, DOCUMENT_MAX);
	error = bucket_config_get(control->mount->bucket, BUCKET_REPLICATION,
				  &doc, reason, sizeof(reason));
	rc = doc.len ? replication_parse(doc.data, doc.len, &r) : 0;
	parsed = doc.len && !rc;
	buf_release(&doc);
	if (!error)
		error = rc;
	rc = gitconfig_section(out, "replication", NULL);
	if (!rc)
		rc = gitconfig_number(out, "rules",
				      parsed ? (int64_t)r.count : 0);
	if (!rc)
		rc = write_error(out, error, reason);
	if (!rc)
		rc = write_census(
			control, (parsed && r.count) || control->mount->replica,
			out);
	if (!rc && parsed)
		rc = replication_write(&r, out);
	if (parsed)
		replication_release(&r);
	return rc;
}

static int write_control(struct control *control, struct buf *out)
{
	char error[CONTROL_ERROR_MAX];
	int64_t when_ns;
	int rc;

	pthread_mutex_lock(&control->mutex);
	strcpy(error, control->last_error);
	when_ns = control->last_error_mono_ns;
	pthread_mutex_unlock(&control->mutex);
	if (!error[0])
		return 0;
	rc = gitconfig_section(out, "control", NULL);
	if (!rc)
		rc = gitconfig_value(out, "lastError", error);
	return rc ? rc : write_ago(out, "lastErrorSeconds", when_ns);
}

static int write_hidden(struct control *control, struct buf *out)
{
	return dir_write_hidden(control->tree, out);
}

static int write_conflicts(struct control *control, struct buf *out)
{
	return conflict_write(control->syncer, out);
}

int control_state_write(struct control *control, struct buf *out)
{
	static int (*const sections[])(struct control * control,
				       struct buf * out) = {
		write_mount,	   write_cache,	    write_sync,
		write_s3,	   write_replica,   write_lifecycle,
		write_replication, write_conflicts, write_hidden,
		write_control,
	};
	int rc = 0;

	/* Both are asked for at once, while the rest is written. */
	bucket_config_refresh(control->mount->bucket, BUCKET_LIFECYCLE);
	bucket_config_refresh(control->mount->bucket, BUCKET_REPLICATION);
	for (size_t i = 0; !rc && i < sizeof(sections) / sizeof(sections[0]);
	     i++)
		rc = sections[i](control, out);
	return rc;
}
