/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Its words; one walk over both buckets, in which pairs are gathered, so that
 * many can be asked for at once; and what is told of those that differ.
 */
#include "vers3/upkeep/replication_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replica_verdict.h"
#include "version_answer.h"
#include "version_pairs.h"
#include "vers3/core/mount.h"
#include "vers3/history/nowhere.h"
#include "vers3/upkeep/replica_told.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/pool.h"

#define BATCH	    64 /* pairs that are asked for together */
#define WIDTH	    8 /* of these at once */
#define NAMED_MAX   10000 /* that are told one by one */
#define SECTION_MAX (16 << 10)
#define WHY_MAX	    240

struct pair {
	struct version_entry own, there; /* owned; key NULL: it has none */
	enum replica_verdict verdict;
	bool ask; /* HEADs are to tell */
	bool gone; /* the bucket has it no more */
	char why[WHY_MAX];
};

struct replication_check {
	struct mount *mount; /* borrowed, as the next */
	struct view *view;
	char *path; /* owned; "": the whole mount */
	bool quick;
	/* Of a run. */
	struct answer_stream *answer; /* borrowed */
	struct pool *pool; /* owned */
	struct pair pairs[BATCH];
	unsigned held; /* of them */
	uint64_t counts[REPLICA_VERDICTS], markers, bytes, named;
	int64_t oldest_missing_ns; /* its age; 0: none */
};

int replication_check_new(struct mount *mount, struct view *view,
			  const char *path, bool quick,
			  struct replication_check **ret_check, char *reason,
			  size_t size)
{
	struct replication_check *c;

	if (!mount->replica) {
		snprintf(reason, size,
			 "the mount knows no replica to compare with: mount "
			 "it with -o replica=BUCKET");
		return -EOPNOTSUPP;
	}
	if (mount_replica_stands_in(mount)) {
		snprintf(reason, size,
			 "the replica stands in for the bucket: there are no "
			 "two to compare before vers3ctl failback");
		return -EINVAL;
	}
	snprintf(reason, size, "%s", strerror(ENOMEM));
	c = calloc(1, sizeof(*c));
	if (c)
		c->path = strdup(path);
	if (!c || !c->path) {
		free(c);
		return -ENOMEM;
	}
	c->mount = mount;
	c->view = view;
	c->quick = quick;
	*ret_check = c;
	return 0;
}

static void drop_pairs(struct replication_check *c)
{
	for (unsigned i = 0; i < c->held; i++) {
		version_entry_release(&c->pairs[i].own);
		version_entry_release(&c->pairs[i].there);
	}
	c->held = 0;
}

void replication_check_free(void *check)
{
	struct replication_check *c = check;

	if (!c)
		return;
	drop_pairs(c);
	free(c->path);
	free(c);
}

/* A HEAD of one side; what it says of a failure goes into why. */
static int head(struct store *store, const char *side,
		const struct version_entry *e, struct store_request *r,
		char *why)
{
	char text[WHY_MAX - 32];
	int rc = store_head(store, r, e->key, e->version_id);

	if (rc) {
		version_explain(rc, &r->reply, text, sizeof(text));
		snprintf(why, WHY_MAX, "%s: %s", side, text);
	}
	return rc;
}

static void compare_heads(struct pair *p, const struct store_object *own,
			  const struct store_object *there)
{
	const char *what = NULL;
	enum replica_verdict listed = p->verdict;

	p->verdict = replica_verdict_of_heads(own, there, &what);
	if (p->verdict == REPLICA_SAME)
		p->verdict =
			listed == REPLICA_NOT_CURRENT ? listed : REPLICA_SAME;
	else
		snprintf(p->why, sizeof(p->why), "%s is another%s", what,
			 p->verdict == REPLICA_UNKNOWN
				 ? ", and no checksum tells more"
				 : "");
}

static void ask_both(struct replication_check *c, struct pair *p)
{
	struct store_request own, there;
	int rc = head(c->mount->store, "bucket", &p->own, &own, p->why);

	if (rc == -ENOENT) {
		p->gone = true; /* since it was listed */
	} else if (rc) {
		p->verdict = REPLICA_UNKNOWN;
	} else {
		rc = head(c->mount->replica, "replica", &p->there, &there,
			  p->why);
		if (rc == -ENOENT)
			p->verdict = REPLICA_MISSING;
		else if (rc)
			p->verdict = REPLICA_UNKNOWN;
		else
			compare_heads(p, &own.reply.object,
				      &there.reply.object);
		store_request_release(&there);
	}
	store_request_release(&own);
}

/* What the bucket's server says of one that is missing. */
static void ask_why(struct replication_check *c, struct pair *p)
{
	enum replica_told told = REPLICA_TOLD_NOTHING;
	struct store_request r;
	int rc;

	if (!p->own.marker) {
		rc = store_head(c->mount->store, &r, p->own.key,
				p->own.version_id);
		if (!rc)
			told = replica_told(&r.reply.object.headers);
		p->gone = rc == -ENOENT;
		store_request_release(&r);
	}
	snprintf(p->why, sizeof(p->why), "%s",
		 replica_why_missing(told, p->own.marker, true));
}

static int ask_one(void *ctx, unsigned i)
{
	struct replication_check *c = ctx;
	struct pair *p = &c->pairs[i];

	if (p->ask && !cancel_asked())
		ask_both(c, p);
	if (p->verdict == REPLICA_MISSING && !p->gone && !cancel_asked())
		ask_why(c, p);
	return 0;
}

static int tell(struct replication_check *c, const struct pair *p)
{
	const struct version_entry *e = p->own.key ? &p->own : &p->there;
	struct buf out;
	int rc;

	if (c->named >= NAMED_MAX)
		return 0;
	c->named++;
	buf_init(&out, SECTION_MAX);
	rc = version_answer(c->mount, e, replica_verdict_word(p->verdict),
			    p->why, &out);
	if (!rc)
		rc = answer_stream_add(c->answer, out.data, out.len);
	buf_release(&out);
	return rc;
}

static int count_one(struct replication_check *c, const struct pair *p)
{
	if (p->gone)
		return 0;
	c->counts[p->verdict]++;
	c->markers += p->own.key && p->own.marker;
	if (p->own.key && !p->own.marker)
		c->bytes += p->own.size_bytes;
	if (p->verdict == REPLICA_MISSING) {
		int64_t age = version_age_ns(c->mount, &p->own);

		if (age >= c->oldest_missing_ns)
			c->oldest_missing_ns = age;
	}
	return p->verdict == REPLICA_SAME ? 0 : tell(c, p);
}

static int judge_held(struct replication_check *c)
{
	int rc = pool_each(c->pool, WIDTH, c->held, ask_one, c);

	/* Given up half way, nothing of the rest is known. */
	if (!rc && cancel_asked())
		rc = -EINTR;
	for (unsigned i = 0; !rc && i < c->held; i++)
		rc = count_one(c, &c->pairs[i]);
	drop_pairs(c);
	return rc;
}

static int on_pair(void *ctx, const struct version_pair *v)
{
	static const struct version_entry none = {.key = NULL};
	struct replication_check *c = ctx;
	struct pair *p = &c->pairs[c->held];

	/* Whoever asks what the replica holds is not told a guess. */
	if (v->blind)
		return -EIO;
	c->held++;
	*p = (struct pair){.own = v->own ? *v->own : none,
			   .there = v->there ? *v->there : none,
			   .verdict =
				   replica_verdict_of_lists(v->own, v->there)};
	p->ask = (p->verdict == REPLICA_SAME ||
		  p->verdict == REPLICA_NOT_CURRENT) &&
		 !p->own.marker && !c->quick;
	/* By other ETags the same bytes may be told by their checksum. */
	p->ask = p->ask || p->verdict == REPLICA_CONTENT;
	if (v->own)
		v->own->key = NULL;
	if (v->there)
		v->there->key = NULL;
	return c->held < BATCH ? 0 : judge_held(c);
}

static uint64_t different(const struct replication_check *c)
{
	return c->counts[REPLICA_KIND] + c->counts[REPLICA_SIZE] +
	       c->counts[REPLICA_CONTENT] + c->counts[REPLICA_METADATA] +
	       c->counts[REPLICA_NOT_CURRENT];
}

static int put_sums(struct replication_check *c)
{
	uint64_t missing = c->counts[REPLICA_MISSING];
	uint64_t unknown = c->counts[REPLICA_UNKNOWN], other = different(c);
	uint64_t all = c->counts[REPLICA_SAME] + missing + unknown + other;
	const char *result = missing || other ? "FAIL"
			     : unknown	      ? "UNKNOWN"
					      : "PASS";
	int rc = answer_stream_printf(
		c->answer,
		"[check]\n\tresult = %s\n\tversions = %" PRIu64
		"\n\tmarkers = %" PRIu64 "\n\tbytes = %" PRIu64
		"\n\tsame = %" PRIu64 "\n\tmissing = %" PRIu64
		"\n\tdifferent = %" PRIu64 "\n\tunknown = %" PRIu64
		"\n\textra = %" PRIu64 "\n",
		result, all, c->markers, c->bytes, c->counts[REPLICA_SAME],
		missing, other, unknown, c->counts[REPLICA_EXTRA]);

	if (!rc && missing)
		rc = answer_stream_printf(c->answer,
					  "\toldestMissingSeconds = %" PRId64
					  "\n",
					  c->oldest_missing_ns / NS_PER_S);
	return rc;
}

static bool found_any(const struct replication_check *c)
{
	for (size_t i = 0; i < REPLICA_VERDICTS; i++)
		if (c->counts[i])
			return true;
	return false;
}

int replication_check_run(void *check, struct answer_stream *answer)
{
	struct replication_check *c = check;
	struct version_pairs walk = {.mount = c->mount,
				     .path = c->path,
				     .on_pair = on_pair,
				     .ctx = c,
				     .answer = answer,
				     .begun_ns = clock_mono_ns()};
	int rc;

	c->answer = answer;
	rc = pool_new("vers3-check", WIDTH, &c->pool);
	if (!rc)
		rc = version_pairs_walk(&walk);
	if (walk.there_error)
		rc = answer_stream_fail(answer, walk.there_error,
					"replication check: the replica %s "
					"could not be listed: %s",
					c->mount->config.replica_bucket,
					walk.why);
	if (!rc)
		rc = judge_held(c);
	/* Since it began: one side may be the other. */
	if (!rc && mount_replica_stands_in(c->mount))
		rc = answer_stream_fail(answer, -EINVAL,
					"replication check: the replica stands "
					"in for the bucket now");
	if (!rc && !found_any(c) && is_nowhere(c->view, c->path))
		rc = answer_stream_fail(
			answer, -ENOENT,
			"replication check: %s: there is no such path",
			c->path);
	if (!rc)
		rc = put_sums(c);
	pool_free(c->pool);
	c->pool = NULL;
	if (rc && !*answer_stream_why(answer))
		answer_stream_fail(answer, rc, "replication check: %s: %s",
				   *c->path ? c->path : "/",
				   *walk.why ? walk.why : errtext(rc));
	return rc;
}
