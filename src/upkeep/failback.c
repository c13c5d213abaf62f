/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the walk over the journal of keys, and the histories of one key.
 *
 * Data first: nothing is taken away. What is sent comes on top of what stands
 * there, which has a version id and stays (copy_send.c); a delete is one that
 * makes a marker. The journal's file has each key until all are brought, and
 * goes when nothing is under way that could be written to the replica.
 */
#include "vers3/upkeep/failback.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content_sum.h"
#include "copy_send.h"
#include "failback_verdict.h"
#include "vers3/core/mount.h"
#include "vers3/s3/bucket_audit.h"
#include "vers3/store/key_journal.h"
#include "vers3/store/standby.h"
#include "vers3/store/version_list.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/log.h"

/* Clocks that differ by more are refused by the servers themselves. */
#define SKEW_NS	     (15 * 60 * NS_PER_S)
#define VERSIONS_MAX 100000 /* of one key, since the failover */
#define SECTION_MAX  (16 << 10)

struct failback {
	struct mount *mount; /* borrowed, as all up to answer */
	struct store *bucket; /* without what stands in */
	struct answer_stream *answer;
	struct throttle throttle;
	int64_t since_ns; /* what is older was there before */
	uint64_t keys, versions, markers, bytes, conflicts;
	char why[COPY_WHY_MAX];
};

/* The history of one key, newest first. */
struct history {
	const char *key; /* borrowed; whole */
	const char *until_id; /* borrowed: what ends it; NULL: time does */
	int64_t until_ns;
	struct failback_version *list; /* owned, with its strings */
	size_t count, size;
	struct version_list walk;
};

/* ---- the two histories ---- */

static int take_version(void *ctx, const struct store_entry *e)
{
	struct history *h = ctx;
	struct failback_version *v;
	int rc;

	if (strcmp(e->key, h->key) != 0) {
		h->walk.stop = true;
		return 0;
	}
	if (h->count >= VERSIONS_MAX)
		return -E2BIG;
	rc = array_room(h->list, h->count, h->size);
	if (rc)
		return rc;
	v = &h->list[h->count];
	*v = (struct failback_version){
		.id = strdup(e->version_id),
		.etag = strdup(e->etag),
		.size_bytes = e->size_bytes,
		.time_ns = e->last_modified_ns,
		.marker = e->kind == STORE_ENTRY_MARKER,
	};
	h->count++;
	if (!v->id || !v->etag)
		return -ENOMEM;
	/* The first of those from before is the last that is needed. */
	if (h->until_id ? !strcmp(v->id, h->until_id)
			: v->time_ns < h->until_ns)
		h->walk.stop = true;
	return 0;
}

static int read_history(struct store *store, struct history *h)
{
	h->walk = (struct version_list){
		.prefix = h->key, .on_entry = take_version, .ctx = h};
	return version_list(store, &h->walk);
}

static void release_history(struct history *h)
{
	for (size_t i = 0; i < h->count; i++) {
		free((char *)h->list[i].id);
		free((char *)h->list[i].etag);
	}
	free(h->list);
}

/* ---- one version ---- */

static int add_bytes(void *ctx, uint64_t offset, const void *data, size_t size)
{
	(void)offset;
	return content_sum_add(ctx, data, size);
}

/* Reads what is to be sent once before: what was read twice alike is sent. */
static int prove(struct failback *f, struct copy *from,
		 struct content_sum **ret_sum)
{
	struct content_sum *sum;
	int rc = content_sum_new(&from->fact, &sum);

	if (rc)
		return rc;
	rc = copy_read(from, &f->throttle, 0, from->fact.size_bytes, add_bytes,
		       sum);
	if (!rc)
		rc = content_sum_end(sum);
	if (!rc && content_sum_proves(sum) == PROOF_WRONG)
		rc = -EIO;
	if (rc)
		content_sum_free(sum);
	else
		*ret_sum = sum;
	return rc;
}

static int send_version(struct failback *f, const char *key, const char *id)
{
	struct copy from, to;
	struct content_sum *sum = NULL;
	struct copy_send send = {
		.from = &from,
		.to = &to,
		.staging = f->mount->staging,
		.throttle = &f->throttle,
		.why = f->why,
	};
	int rc;

	copy_init(&from, f->mount->replica, key, id);
	copy_init(&to, f->bucket, key, NULL);
	rc = copy_look(&from);
	if (!rc && !from.fact.there)
		rc = -ENOENT;
	if (!rc)
		rc = prove(f, &from, &sum);
	if (rc)
		snprintf(f->why, sizeof(f->why), "in the replica: %.380s",
			 *from.why ? from.why : errtext(rc));
	if (!rc) {
		rc = copy_look(&to);
		if (rc)
			snprintf(f->why, sizeof(f->why), "%s", to.why);
	}
	send.proven = sum;
	if (!rc)
		rc = copy_send(&send);
	if (!rc) {
		f->versions++;
		f->bytes += from.fact.size_bytes;
	}
	content_sum_free(sum);
	copy_release(&to);
	copy_release(&from);
	return rc;
}

/* A marker on top of all that stands there, of which nothing goes. */
static int send_marker(struct failback *f, const char *key)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_DELETE);
	r.key = key;
	rc = store_call(f->bucket, &r);
	if (rc)
		copy_explain(&r, rc, f->why, sizeof(f->why));
	else
		f->markers++;
	store_request_release(&r);
	return rc;
}

/* ---- one key ---- */

static int tell_conflict(struct failback *f, const char *key, const char *ours,
			 const char *theirs)
{
	const char *path = key + strlen(f->mount->config.prefix);
	struct buf out;
	int rc;

	f->conflicts++;
	log_warning("failback: %s was written in the bucket, too: version %s "
		    "stays below what is brought back",
		    path, theirs);
	buf_init(&out, SECTION_MAX);
	rc = gitconfig_section(&out, "conflict", path);
	if (!rc)
		rc = gitconfig_value(&out, "theirs", theirs);
	if (!rc)
		rc = gitconfig_value(&out, "replica", ours);
	if (!rc)
		rc = answer_stream_add(f->answer, out.data, out.len);
	buf_release(&out);
	return rc;
}

static int bring_versions(struct failback *f, const struct history *there,
			  const struct history *here)
{
	struct failback_verdict v;
	int rc = 0;

	failback_judge(there->list, there->count, here->list, here->count,
		       f->since_ns, &v);
	for (size_t i = v.bring; !rc && i-- > 0;)
		rc = there->list[i].marker
			     ? send_marker(f, there->key)
			     : send_version(f, there->key, there->list[i].id);
	/* Also where a failback before this one has brought ours already. */
	if (!rc && v.theirs)
		rc = tell_conflict(f, there->key, there->list[0].id,
				   here->list[v.theirs_at].id);
	return rc;
}

static int bring_key(struct failback *f, const char *key)
{
	struct history there = {.key = key, .until_ns = f->since_ns};
	struct history here = {.key = key, .until_ns = INT64_MIN};
	int rc = read_history(f->mount->replica, &there);

	f->why[0] = '\0';
	if (!rc && there.count &&
	    there.list[there.count - 1].time_ns < f->since_ns)
		here.until_id = there.list[there.count - 1].id;
	if (!rc)
		rc = read_history(f->bucket, &here);
	if (!rc)
		rc = bring_versions(f, &there, &here);
	release_history(&here);
	release_history(&there);
	if (!rc)
		f->keys++;
	return rc;
}

/* ---- the walk ---- */

static int fail_key(struct failback *f, const char *key, int rc)
{
	/* Another failback may come before a restart. */
	key_journal_again(f->mount->journal, key);
	if (rc == -EINTR)
		return rc;
	return answer_stream_fail(f->answer, rc,
				  "failback: %s: %s; the replica stands in as "
				  "before, and another failback goes on",
				  key + strlen(f->mount->config.prefix),
				  *f->why ? f->why : errtext(rc));
}

static int bring_all(struct failback *f)
{
	struct key_journal *journal = f->mount->journal;
	char key[KEY_JOURNAL_KEY_MAX + 1];
	int rc = 0;

	while (!rc && key_journal_take(journal, key)) {
		rc = cancel_asked() ? -EINTR : bring_key(f, key);
		if (rc)
			return fail_key(f, key, rc);
		answer_stream_progress(f->answer,
				       "%" PRIu64 " of %" PRIu64 " names",
				       f->keys,
				       f->keys + key_journal_count(journal));
	}
	return rc;
}

/*
 * First while changes go on, then the few that came meanwhile, while no change
 * can come.
 */
static int go_back(struct failback *f)
{
	struct store *standby = f->mount->standby;
	int rc = bring_all(f);

	if (rc)
		return rc;
	rc = standby_store_close(standby);
	if (rc)
		return rc;
	rc = bring_all(f);
	if (!rc) {
		rc = standby_store_end(standby);
		if (rc)
			answer_stream_fail(f->answer, rc, "failback: %s",
					   errtext(rc));
	}
	if (rc)
		standby_store_open(standby);
	return rc;
}

int failback_run(void *failback, struct answer_stream *answer)
{
	struct failback *f = failback;
	int rc;

	f->answer = answer;
	f->since_ns = key_journal_begun_ns(f->mount->journal) - SKEW_NS;
	rc = go_back(f);
	if (rc)
		return rc;
	log_info("failback: %" PRIu64 " versions and %" PRIu64
		 " delete markers of %" PRIu64 " names were brought back, with "
		 "%" PRIu64 " conflicts; the bucket is used again",
		 f->versions, f->markers, f->keys, f->conflicts);
	return answer_stream_printf(
		answer,
		"[failback]\n\tkeys = %" PRIu64 "\n\tversions = %" PRIu64
		"\n\tmarkers = %" PRIu64 "\n\tbytes = %" PRIu64
		"\n\tmet = %" PRIu64 "\n",
		f->keys, f->versions, f->markers, f->bytes, f->conflicts);
}

int failback_new(struct mount *mount, struct failback **ret_failback,
		 char *reason, size_t size)
{
	struct failback *f;

	if (!mount->standby || !standby_store_is_on(mount->standby)) {
		snprintf(reason, size,
			 "failback: no replica stands in for the bucket");
		return -EINVAL;
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		snprintf(reason, size, "failback: no memory");
		return -ENOMEM;
	}
	if (!standby_store_claim(mount->standby)) {
		free(f);
		snprintf(reason, size, "failback: one is under way already");
		return -EBUSY;
	}
	f->mount = mount;
	f->bucket = standby_store_bucket(mount->standby);
	throttle_init(&f->throttle, 0);
	*ret_failback = f;
	return 0;
}

void failback_free(void *failback)
{
	struct failback *f = failback;

	if (f) {
		standby_store_disclaim(f->mount->standby);
		throttle_release(&f->throttle);
	}
	free(f);
}

/* Whether what is written there stays when more is written on top of it. */
static int check_replica(struct mount *mount, char *reason, size_t size)
{
	struct bucket_versioning v;
	char why[COPY_WHY_MAX];
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET_VERSIONING);
	rc = store_call(mount->replica, &r);
	if (rc)
		copy_explain(&r, rc, why, sizeof(why));
	else
		rc = bucket_audit_versioning(r.reply.body.data,
					     r.reply.body.len, &v);
	if (rc && !r.reply.status)
		snprintf(reason, size, "failover: the replica: %s", why);
	else if (rc)
		snprintf(reason, size, "failover: the replica: %s",
			 *r.reply.code ? why : "its answer is not understood");
	else if (!v.enabled) {
		rc = -EOPNOTSUPP;
		snprintf(reason, size,
			 "failover: the replica %s keeps no versions",
			 mount->config.replica_bucket);
	}
	store_request_release(&r);
	return rc;
}

int failover_begin(struct mount *mount, char *reason, size_t size)
{
	int rc = -EINVAL;

	if (!mount->standby)
		snprintf(reason, size,
			 "failover: the mount has no replica=, or can write to "
			 "none");
	else if (standby_store_is_on(mount->standby))
		snprintf(reason, size,
			 "failover: the replica stands in already");
	else if (!mount->config.versioned)
		snprintf(reason, size, "failover: bucket %s keeps no versions",
			 mount->config.bucket);
	else
		rc = check_replica(mount, reason, size);
	if (rc)
		return rc;
	rc = standby_store_begin(mount->standby);
	if (rc)
		snprintf(reason, size, "failover: %s", errtext(rc));
	else
		log_warning("failover: bucket %s stands in until a failback",
			    mount->config.replica_bucket);
	return rc;
}
