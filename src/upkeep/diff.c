/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what differs, or may, until there is a batch of it: the attributes of
 * all are asked for at once, and the answer has the order of the walk.
 */
#include "vers3/upkeep/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff_walk.h"
#include "vers3/core/mount.h"
#include "vers3/history/named_snapshots.h"
#include "vers3/history/version_attrs.h"
#include "vers3/history/view.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/pool.h"

#define BATCH	  1000
#define AT_ONCE	  128 /* requests; limit.h has the last word */
#define LINE_SIZE (META_KEY_MAX + META_VERSION_MAX + 128)

struct item {
	char *path; /* owned */
	enum diff_verdict verdict;
	struct diff_side then, now;
};

struct diff {
	struct mount *mount; /* borrowed, as the next */
	struct view *view;
	char *path; /* owned; "": the whole mount */
	int64_t at_ns;
	/* Of a run. */
	struct answer_stream *answer; /* borrowed */
	struct pool *pool; /* owned, as the next two */
	struct item *batch;
	struct version_attrs *attrs;
	size_t batched;
	uint64_t count;
};

int diff_new(struct mount *mount, struct view *view, const char *path,
	     const char *at, struct diff **ret_diff, char *reason, size_t size)
{
	struct diff *d = calloc(1, sizeof(*d));
	int rc = -ENOMEM;

	snprintf(reason, size, "%s", strerror(ENOMEM));
	if (!d)
		return rc;
	d->mount = mount;
	d->view = view;
	d->path = strdup(path);
	if (!d->path)
		goto out;
	rc = named_snapshot_time(view, at, &d->at_ns);
	if (rc == -EINVAL)
		snprintf(reason, size,
			 "%.100s is no time, and no named point; want such as "
			 "2026-11-21T12:00:00Z, 2026-11-21 or 2h",
			 *at == '@' ? at + 1 : at);
	else if (rc)
		snprintf(reason, size, "%s", errtext(rc));
out:
	if (rc)
		diff_free(d);
	else
		*ret_diff = d;
	return rc;
}

void diff_free(void *diff)
{
	struct diff *d = diff;

	if (!d)
		return;
	for (size_t i = 0; i < d->batched; i++)
		free(d->batch[i].path);
	free(d->batch);
	free(d->attrs);
	pool_free(d->pool);
	free(d->path);
	free(d);
}

static void ask_side(struct diff *d, const struct item *it,
		     const struct diff_side *side, unsigned *count)
{
	if (side->known)
		return;
	d->attrs[(*count)++] =
		(struct version_attrs){.path = it->path,
				       .dir = side->kind == DIFF_DIR,
				       .bare = side->bare,
				       .at_ns = d->at_ns,
				       .version = side->version};
}

/* 0; or -errno, but that a version which is gone leaves both different. */
static int take_side(const struct diff *d, struct item *it,
		     struct diff_side *side, unsigned *count)
{
	const struct version_attrs *a = &d->attrs[*count];

	if (side->known)
		return 0;
	++*count;
	if (a->result == -ENOENT)
		it->verdict = DIFF_CHANGED;
	if (a->result)
		return a->result == -ENOENT ? 0 : a->result;
	side->known = true;
	side->mode = a->mode;
	side->uid = a->uid;
	side->gid = a->gid;
	side->rdev = a->rdev;
	side->mtime_ns = a->mtime_ns;
	return 0;
}

/* Decides on those whose attributes have to be asked for. */
static int ask(struct diff *d)
{
	unsigned asked = 0, taken = 0;
	int rc = 0;

	for (size_t i = 0; i < d->batched; i++) {
		const struct item *it = &d->batch[i];

		if (it->verdict != DIFF_ASK)
			continue;
		ask_side(d, it, &it->then, &asked);
		ask_side(d, it, &it->now, &asked);
	}
	version_attrs_ask(d->view, d->pool, AT_ONCE, d->attrs, asked);
	for (size_t i = 0; !rc && i < d->batched; i++) {
		struct item *it = &d->batch[i];

		if (it->verdict != DIFF_ASK)
			continue;
		rc = take_side(d, it, &it->then, &taken);
		if (!rc)
			rc = take_side(d, it, &it->now, &taken);
		if (!rc && it->verdict == DIFF_ASK)
			it->verdict = diff_by_attrs(&it->then, &it->now);
	}
	return rc;
}

static void put_side(const struct diff_side *side, char *buf, size_t size)
{
	if (side->kind == DIFF_FILE)
		snprintf(buf, size, "%" PRIu64, side->version.size_bytes);
	else
		snprintf(buf, size, "%s",
			 side->kind == DIFF_DIR ? "directory" : "-");
}

static int put_item(struct diff *d, const struct item *it, struct buf *out)
{
	static const char signs[] = {
		[DIFF_ADDED] = '+', [DIFF_REMOVED] = '-', [DIFF_CHANGED] = '~'};
	const char *id = it->then.version.version_id;
	char text[LINE_SIZE], then[24], now[24];

	if (it->verdict == DIFF_SAME)
		return 0;
	d->count++;
	put_side(&it->then, then, sizeof(then));
	put_side(&it->now, now, sizeof(now));
	snprintf(text, sizeof(text), "%c %s %s %s %s", signs[it->verdict], then,
		 now, *id ? id : "-", it->path);
	return gitconfig_value(out, "items", text);
}

static int flush(struct diff *d)
{
	struct buf out;
	int rc = ask(d);

	for (size_t i = 0; i < d->batched; i++) {
		buf_init(&out, 4 * LINE_SIZE);
		if (!rc)
			rc = put_item(d, &d->batch[i], &out);
		if (!rc && out.len)
			rc = answer_stream_add(d->answer, out.data, out.len);
		buf_release(&out);
		free(d->batch[i].path);
	}
	d->batched = 0;
	return rc;
}

/* Nothing says what the attributes of such a directory are. */
static bool is_untold(const struct diff_side *side)
{
	return side->kind == DIFF_DIR && !side->known &&
	       !*side->version.version_id && !*side->version.etag;
}

static int on_path(void *ctx, const char *path, const struct diff_side *then,
		   const struct diff_side *now)
{
	enum diff_verdict verdict = diff_by_lists(then, now);
	struct diff *d = ctx;
	struct item *it;

	if (verdict == DIFF_SAME || (verdict == DIFF_ASK && is_untold(now)))
		return 0;
	it = &d->batch[d->batched];
	*it = (struct item){strdup(path), verdict, *then, *now};
	if (!it->path)
		return -ENOMEM;
	return ++d->batched == BATCH ? flush(d) : 0;
}

/* So exact that it can be asked for again. */
static int put_head(struct diff *d)
{
	char when[24];

	clock_format_iso8601(d->at_ns, when, sizeof(when));
	when[strlen(when) - 1] = '\0';
	return answer_stream_printf(d->answer,
				    "[diff]\n\tinstant = %s.%09" PRId64 "Z\n",
				    when, d->at_ns % NS_PER_S);
}

static int fail(struct diff *d, int rc, const char *why)
{
	return answer_stream_fail(d->answer, rc, "diff: %s: %s",
				  *d->path ? d->path : "/",
				  *why ? why : errtext(rc));
}

int diff_run(void *diff, struct answer_stream *answer)
{
	struct diff *d = diff;
	struct diff_walk walk = {.mount = d->mount,
				 .journal = view_journal(d->view),
				 .path = d->path,
				 .at_ns = d->at_ns,
				 .on_path = on_path,
				 .ctx = d,
				 .answer = answer};
	int rc;

	d->answer = answer;
	d->batch = calloc(BATCH, sizeof(*d->batch));
	d->attrs = calloc((size_t)2 * BATCH, sizeof(*d->attrs));
	rc = d->batch && d->attrs ? pool_new("diff", AT_ONCE, &d->pool)
				  : -ENOMEM;
	if (!rc)
		rc = put_head(d);
	if (!rc)
		rc = diff_walk(&walk);
	if (!rc)
		rc = flush(d);
	if (!rc && !walk.any && *d->path)
		return fail(d, -ENOENT, "nothing is there, and nothing was");
	if (!rc)
		rc = answer_stream_printf(answer, "\tcount = %" PRIu64 "\n",
					  d->count);
	return rc ? fail(d, rc, walk.why) : 0;
}
