/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the replica has at each key, against the current version in the bucket:
 * first as the list has it; where that differs, as both servers say it at this
 * moment; and with the bytes, where they were asked for or one of the two is
 * to be sent in place of the other.
 *
 * Data first: nothing is sent but bytes that were read just now and are what
 * the bucket's ETag or checksum says (integrity_right_side()), and only where
 * what they come on top of stays as an older version (copy_send.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content_sum.h"
#include "copy_send.h"
#include "verify_impl.h"
#include "versions_below.h"
#include "vers3/core/version.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"

/* The two copies of one object. */
struct pair {
	struct copy bucket, replica;
	struct content_sum *bucket_sum,
		*replica_sum; /* owned; NULL: not read */
	char why[2][COPY_WHY_MAX]; /* why one could not be read */
};

/* A page of the list. */
struct page {
	struct verify *v; /* borrowed */
	struct verify_item *items; /* owned */
	size_t count, size;
	uint64_t met; /* since the last of them */
	char last_key[META_KEY_MAX + 1]; /* whole; "": none came */
};

/*
 * Both are read against what is said of the bucket's: so the replica's bytes
 * are right when they are those that the bucket should have.
 */
static int read_both(struct verify *v, struct verify_item *item, struct pair *p,
		     const struct fact *fact)
{
	struct copy *copies[] = {&p->bucket, &p->replica};
	struct content_sum **sums[] = {&p->bucket_sum, &p->replica_sum};

	for (int i = 0; i < 2; i++) {
		int rc = 0;

		if (copies[i]->fact.there && !*sums[i])
			rc = verify_read(v, item, copies[i], fact, NULL, NULL,
					 sums[i]);
		if (rc == -EINTR || rc == -ENOMEM || store_is_outage(rc))
			return rc;
		if (rc)
			snprintf(p->why[i], sizeof(p->why[i]), "%s",
				 *copies[i]->why ? copies[i]->why
						 : errtext(rc));
	}
	return 0;
}

static enum proof proof_of(const struct content_sum *sum)
{
	return sum ? content_sum_proves(sum) : PROOF_NONE;
}

/* One of them has no bytes to compare: it is not there, or cannot be read. */
static void tell_unread(struct verify_finding *f, const struct pair *p)
{
	static const char *const names[] = {"bucket", "replica"};

	if (f->what == INTEGRITY_SAME)
		f->what = INTEGRITY_UNCLEAR;
	for (int i = 0; i < 2; i++)
		if (*p->why[i])
			snprintf(f->why, sizeof(f->why), "in the %s: %.380s",
				 names[i], p->why[i]);
}

/* What the bytes tell on top of what the facts have told. */
static void judge_bytes(struct verify_finding *f, const struct pair *p)
{
	enum proof bucket = proof_of(p->bucket_sum);
	bool same;

	f->right = integrity_right_side(p->bucket.fact.there, bucket,
					p->replica.fact.there,
					proof_of(p->replica_sum));
	if (!p->bucket_sum || !p->replica_sum) {
		tell_unread(f, p);
		return;
	}
	same = bucket != PROOF_WRONG &&
	       content_sum_same(p->bucket_sum, p->replica_sum);
	if (bucket == PROOF_WRONG)
		snprintf(f->why, sizeof(f->why),
			 "the bucket's bytes are not what is said of them");
	if (same)
		f->what = INTEGRITY_SAME;
	else if (f->what == INTEGRITY_SAME || f->what == INTEGRITY_UNCLEAR)
		f->what = INTEGRITY_CONTENT;
}

/* Whether what was sent is there now, and is what the other one is. */
static int look_again(struct verify_finding *f, const struct copy *from,
		      const struct copy *to)
{
	enum integrity what = INTEGRITY_MISSING;
	struct copy now;
	int rc;

	copy_init(&now, to->store, to->key, NULL);
	rc = copy_look(&now);
	if (!rc)
		what = integrity_compare(&from->fact, &now.fact);
	/* Parts of another size make another ETag of the same bytes. */
	f->repaired = what == INTEGRITY_SAME || what == INTEGRITY_UNCLEAR;
	if (!f->repaired)
		snprintf(f->why, sizeof(f->why),
			 "it was sent, and is not there now: %.300s", now.why);
	copy_release(&now);
	return rc == -EINTR ? rc : 0;
}

static int repair(struct verify *v, struct verify_finding *f, struct pair *p)
{
	bool to_replica = f->right == RIGHT_BUCKET;
	char why[COPY_WHY_MAX] = "";
	struct copy_send s = {
		.from = to_replica ? &p->bucket : &p->replica,
		.to = to_replica ? &p->replica : &p->bucket,
		.proven = to_replica ? p->bucket_sum : p->replica_sum,
		.staging = v->mount->staging,
		.throttle = &v->throttle,
		.why = why,
	};
	int rc;

	if (f->right == RIGHT_NONE) {
		if (!*f->why)
			snprintf(f->why, sizeof(f->why),
				 "neither copy is proven to be right");
		return 0;
	}
	rc = copy_send(&s);
	f->bytes += s.from->fact.size_bytes;
	if (!rc)
		return look_again(f, s.from, s.to);
	snprintf(f->why, sizeof(f->why), "not repaired: %.380s", why);
	return rc == -EINTR || rc == -ENOMEM || store_is_outage(rc) ? rc : 0;
}

/* Whether the replica is to get it yet, as the bucket's server says. */
static bool is_pending(const struct copy *bucket)
{
	const char *status =
		kvlist_get(bucket->fact.headers, "x-amz-replication-status");

	return status && !strcmp(status, "PENDING");
}

/* Both are known, or known not to be there. */
static int judge(struct verify *v, struct verify_item *item, struct pair *p,
		 const struct fact *fact)
{
	struct verify_finding *f = &item->found;
	int rc = 0;

	f->what = integrity_compare(fact, &p->replica.fact);
	if (f->what != INTEGRITY_SAME && p->bucket.fact.there &&
	    is_pending(&p->bucket)) {
		f->pending = true;
		return 0;
	}
	if (v->deep || (v->repair && f->what != INTEGRITY_SAME &&
			f->what != INTEGRITY_UNCLEAR)) {
		rc = read_both(v, item, p, fact);
		if (!rc)
			judge_bytes(f, p);
	}
	if (!rc && f->what == INTEGRITY_UNCLEAR && !*f->why)
		snprintf(f->why, sizeof(f->why),
			 "their ETags and checksums are of different kinds: "
			 "deep reads the bytes");
	if (!rc && v->repair && f->what != INTEGRITY_SAME &&
	    f->what != INTEGRITY_UNCLEAR)
		rc = repair(v, f, p);
	return rc;
}

/* Whether the key's current version is the one that was listed. */
static bool is_as_listed(const struct verify_item *item, const struct copy *c)
{
	const char *id = copy_version(c);

	if (!c->fact.there)
		return false;
	if (id && meta_is_version_id(item->version.version_id))
		return !strcmp(id, item->version.version_id);
	return !strcmp(c->fact.etag, item->version.etag);
}

static int look_at_pair(struct verify *v, struct verify_item *item,
			struct pair *p)
{
	const struct fact listed = {.there = true,
				    .size_bytes = item->version.size_bytes,
				    .etag = item->version.etag};
	int rc = copy_look(&p->replica);

	if (rc)
		return verify_unreadable(item, rc, p->replica.why);
	item->found.what = integrity_compare(&listed, &p->replica.fact);
	if (item->found.what == INTEGRITY_SAME && !v->deep)
		return 0;
	rc = copy_look(&p->bucket);
	if (rc)
		return verify_unreadable(item, rc, p->bucket.why);
	if (!is_as_listed(item, &p->bucket)) {
		item->found.what = INTEGRITY_SAME;
		item->found.changed = true;
		return 0;
	}
	return judge(v, item, p, &p->bucket.fact);
}

static int look(struct verify *v, struct verify_item *item)
{
	char key[META_KEY_MAX + 1];
	struct pair p = {.bucket_sum = NULL};
	int rc = mount_key(v->mount, item->version.key, key);

	if (rc)
		return verify_unreadable(item, rc, "");
	copy_init(&p.bucket, v->mount->store, key, NULL);
	copy_init(&p.replica, v->mount->replica, key, NULL);
	rc = look_at_pair(v, item, &p);
	content_sum_free(p.bucket_sum);
	content_sum_free(p.replica_sum);
	copy_release(&p.bucket);
	copy_release(&p.replica);
	return rc;
}

int verify_replica_restore(struct verify *v, struct verify_item *item,
			   const char *key, const struct fact *known)
{
	struct pair p = {.bucket_sum = NULL};
	int rc;

	copy_init(&p.bucket, v->mount->store, key, NULL);
	copy_init(&p.replica, v->mount->replica, key, NULL);
	rc = copy_look(&p.bucket);
	if (!rc)
		rc = copy_look(&p.replica);
	/* Nothing is on top of it: so nothing can be overwritten. */
	if (!rc && !p.bucket.fact.there && p.replica.fact.there)
		rc = read_both(v, item, &p, known);
	if (!rc && p.replica_sum) {
		item->found.right =
			integrity_right_side(false, PROOF_NONE, true,
					     content_sum_proves(p.replica_sum));
		rc = repair(v, &item->found, &p);
	}
	content_sum_free(p.replica_sum);
	copy_release(&p.bucket);
	copy_release(&p.replica);
	return rc == -EINTR || rc == -ENOMEM || store_is_outage(rc) ? rc : 0;
}

static int on_version(void *ctx, const struct store_entry *e)
{
	struct page *p = ctx;
	struct meta_version version = {.size_bytes = e->size_bytes};
	const char *path = e->key + strlen(p->v->mount->config.prefix);
	int rc;

	if (e->key_len > META_KEY_MAX)
		return 0;
	strcpy(p->last_key, e->key);
	if (e->kind != STORE_ENTRY_VERSION || !e->latest)
		return 0;
	strcpy(version.key, path);
	if (strlen(e->version_id) <= META_VERSION_MAX)
		strcpy(version.version_id, e->version_id);
	if (strlen(e->etag) <= META_ETAG_MAX)
		strcpy(version.etag, e->etag);
	version.last_modified_ns = e->last_modified_ns;
	p->met++;
	if (!sampling_takes(&p->v->sampling, version.key, version.version_id))
		return 0;
	rc = array_room(p->items, p->count, p->size);
	if (!rc)
		p->items[p->count++] =
			(struct verify_item){.version = version, .met = p->met};
	p->met = rc ? p->met : 0;
	return rc;
}

static int on_page(void *ctx)
{
	struct page *p = ctx;
	struct verify *v = p->v;
	size_t slice = verify_slice(v);
	char key[META_KEY_MAX + 1];
	int rc = 0;

	for (size_t i = 0; !rc && i < p->count; i += slice) {
		size_t left = p->count - i;
		size_t count = left < slice ? left : slice;

		rc = verify_look_at(v, VERIFY_REPLICA, p->items + i, count,
				    look);
		if (!rc)
			rc = mount_key(v->mount,
				       p->items[i + count - 1].version.key,
				       key);
		if (!rc && count < left)
			rc = verify_checkpoint(v, VERIFY_REPLICA, 0, key);
	}
	v->counts.objects += p->met;
	p->count = 0;
	p->met = 0;
	return rc || !*p->last_key
		       ? rc
		       : verify_checkpoint(v, VERIFY_REPLICA, 0, p->last_key);
}

int verify_replica(struct verify *v)
{
	struct page p = {.v = v};
	struct versions_below walk = {
		.mount = v->mount,
		.path = v->path,
		.after_key = v->from_pass == VERIFY_REPLICA && *v->from_key
				     ? v->from_key
				     : NULL,
		.on_entry = on_version,
		.on_page = on_page,
		.ctx = &p,
		.answer = v->answer,
		.begun_ns = clock_mono_ns()};
	int rc = versions_below(&walk);

	free(p.items);
	/* Since it began: one side may be the other. */
	return !rc && mount_replica_stands_in(v->mount) ? -EBUSY : rc;
}
