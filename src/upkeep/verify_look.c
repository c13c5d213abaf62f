/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at some versions at once, and counts and tells what is found. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "content_sum.h"
#include "verify_impl.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/pool.h"

#define CHECKPOINT_NS (NS_PER_S / 5)

size_t verify_slice(const struct verify *v)
{
	return v->deep || v->repair ? VERIFY_WIDTH : VERIFY_SLICE;
}

bool verify_is_below(const struct verify *v, const char *key)
{
	size_t len = strlen(v->path);

	return !len ||
	       (!strncmp(key, v->path, len) && (!key[len] || key[len] == '/'));
}

int verify_unreadable(struct verify_item *item, int rc, const char *why)
{
	if (rc == -EINTR || rc == -ENOMEM || store_is_outage(rc))
		return rc;
	item->found.what = INTEGRITY_UNCLEAR;
	snprintf(item->found.why, sizeof(item->found.why), "%s",
		 *why ? why : errtext(rc));
	return 0;
}

/* What is read goes to the sum, and to whoever looks at it as well. */
struct reading {
	struct content_sum *sum; /* borrowed */
	copy_bytes_fn extra;
	void *ctx;
};

static int take_bytes(void *ctx, uint64_t offset, const void *data, size_t size)
{
	struct reading *r = ctx;
	int rc = content_sum_add(r->sum, data, size);

	return rc || !r->extra ? rc : r->extra(r->ctx, offset, data, size);
}

int verify_read(struct verify *v, struct verify_item *item, struct copy *c,
		const struct fact *fact, copy_bytes_fn extra, void *ctx,
		struct content_sum **ret_sum)
{
	struct reading r = {.extra = extra, .ctx = ctx};
	int rc = content_sum_new(fact, &r.sum);

	if (rc)
		return rc;
	rc = copy_read(c, &v->throttle, 0, c->fact.size_bytes, take_bytes, &r);
	if (!rc)
		rc = content_sum_end(r.sum);
	if (rc) {
		content_sum_free(r.sum);
		return rc;
	}
	item->found.bytes += c->fact.size_bytes;
	*ret_sum = r.sum;
	return 0;
}

/* A slice of the items, on several threads. */
struct slice {
	struct verify *v;
	struct verify_item *items;
	int (*look)(struct verify *v, struct verify_item *item);
};

static int look_at_one(void *ctx, unsigned i)
{
	struct slice *s = ctx;

	return cancel_asked() ? -EINTR : s->look(s->v, &s->items[i]);
}

static int count_finding(struct verify *v, enum verify_pass pass,
			 const struct verify_item *item)
{
	const struct verify_finding *f = &item->found;

	v->counts.objects += item->met;
	v->counts.sampled++;
	v->counts.bytes += f->bytes;
	v->counts.changed += f->changed;
	v->counts.pending += f->pending;
	if (f->changed || f->pending || f->what == INTEGRITY_SAME)
		return 0;
	if (f->what == INTEGRITY_UNCLEAR)
		v->counts.unclear++;
	else
		v->counts.mismatches++;
	v->counts.repaired += f->repaired;
	v->counts.dropped += f->dropped;
	return verify_tell_finding(v, pass, item);
}

int verify_look_at(struct verify *v, enum verify_pass pass,
		   struct verify_item *items, size_t count,
		   int (*look)(struct verify *v, struct verify_item *item))
{
	struct slice s = {.v = v, .items = items, .look = look};
	int rc = pool_each(v->pool, VERIFY_WIDTH, (unsigned)count, look_at_one,
			   &s);

	for (size_t i = 0; !rc && i < count; i++)
		rc = count_finding(v, pass, &items[i]);
	return rc ? rc
		  : answer_stream_progress(v->answer,
					   "%" PRIu64 " of %" PRIu64
					   " looked at, %" PRIu64 " differ",
					   v->counts.sampled, v->counts.objects,
					   v->counts.mismatches);
}

int verify_checkpoint(struct verify *v, enum verify_pass pass, uint64_t ino,
		      const char *key)
{
	int64_t now = clock_mono_ns();

	if (v->told_ns && now - v->told_ns < CHECKPOINT_NS)
		return cancel_asked() ? -EINTR : 0;
	v->told_ns = now;
	return verify_tell_checkpoint(v, pass, ino, key);
}
