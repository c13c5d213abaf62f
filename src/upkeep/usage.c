/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over all versions, and sums of a fixed size. */
#include "vers3/upkeep/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "versions_below.h"
#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define ANSWER_MAX (128 << 10)

struct sum {
	uint64_t count, bytes;
};

struct usage {
	struct mount *mount; /* borrowed */
	char *path; /* owned; "": the whole mount */
	struct sum current, noncurrent;
	uint64_t markers;
};

int usage_new(struct mount *mount, const char *path, struct usage **ret_usage,
	      char *reason, size_t size)
{
	struct usage *u;

	if (strlen(path) > META_KEY_MAX) {
		snprintf(reason, size, "%.64s...: the path is too long", path);
		return -EINVAL;
	}
	u = calloc(1, sizeof(*u));
	if (u)
		u->path = strdup(path);
	if (!u || !u->path) {
		usage_free(u);
		snprintf(reason, size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	u->mount = mount;
	*ret_usage = u;
	return 0;
}

void usage_free(void *usage)
{
	struct usage *u = usage;

	if (!u)
		return;
	free(u->path);
	free(u);
}

static void add(struct sum *sum, uint64_t bytes)
{
	sum->count++;
	sum->bytes += bytes;
}

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct usage *u = ctx;

	if (e->kind == STORE_ENTRY_MARKER)
		u->markers++;
	else
		add(e->latest ? &u->current : &u->noncurrent, e->size_bytes);
	return 0;
}

static int write_answer(const struct usage *u, struct buf *out)
{
	int rc = gitconfig_section(out, "usage", NULL);

	if (!rc)
		rc = gitconfig_value(out, "path", *u->path ? u->path : "/");
	if (!rc)
		rc = gitconfig_number(out, "objects",
				      (int64_t)u->current.count);
	if (!rc)
		rc = gitconfig_number(out, "bytes", (int64_t)u->current.bytes);
	if (!rc)
		rc = gitconfig_number(out, "noncurrent",
				      (int64_t)u->noncurrent.count);
	if (!rc)
		rc = gitconfig_number(out, "noncurrentBytes",
				      (int64_t)u->noncurrent.bytes);
	return rc ? rc : gitconfig_number(out, "markers", (int64_t)u->markers);
}

int usage_run(void *usage, struct answer_stream *answer)
{
	struct usage *u = usage;
	struct versions_below walk = {.mount = u->mount,
				      .path = u->path,
				      .on_entry = on_entry,
				      .ctx = u,
				      .answer = answer,
				      .begun_ns = clock_mono_ns()};
	struct buf out;
	int rc = versions_below(&walk);

	if (rc)
		return answer_stream_fail(answer, rc, "usage: %s: %s",
					  *u->path ? u->path : "/",
					  errtext(rc));
	buf_init(&out, ANSWER_MAX);
	rc = write_answer(u, &out);
	if (!rc)
		rc = answer_stream_add(answer, out.data, out.len);
	buf_release(&out);
	return rc;
}
