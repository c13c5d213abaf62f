/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: one list of the path's own key, one of those below it. */
#include "versions_below.h"

#include <inttypes.h>
#include <string.h>

#include "vers3/core/bucket_reply.h"
#include "vers3/store/version_list.h"
#include "vers3/util/clock.h"

/* One list. */
struct below_list {
	struct versions_below *w; /* borrowed */
	size_t exact_len; /* of the one key that is meant; 0: all */
	struct version_list list;
};

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct below_list *l = ctx;

	/* The key itself comes before all that begin with it. */
	if (l->exact_len && e->key_len != l->exact_len) {
		l->list.stop = true;
		return 0;
	}
	l->w->entries++;
	return l->w->on_entry(l->w->ctx, e);
}

static void on_failure(void *ctx, const struct store_reply *reply, int rc)
{
	struct below_list *l = ctx;

	bucket_explain(STORE_LIST_VERSIONS, reply, rc, l->w->why,
		       sizeof(l->w->why));
}

static int on_page(void *ctx)
{
	struct below_list *l = ctx;
	int64_t took = clock_mono_ns() - l->w->begun_ns;
	int rc = l->w->on_page ? l->w->on_page(l->w->ctx) : 0;

	if (rc)
		return rc;
	return answer_stream_progress(l->w->answer,
				      "%" PRIu64 " versions, %" PRId64 " s",
				      l->w->entries, took / NS_PER_S);
}

static int list_below(struct versions_below *w, const char *prefix,
		      size_t exact_len)
{
	struct below_list l = {.w = w, .exact_len = exact_len};

	l.list = (struct version_list){.prefix = prefix,
				       .after_key = w->after_key,
				       .on_entry = on_entry,
				       .on_page = on_page,
				       .on_failure = on_failure,
				       .ctx = &l};
	return version_list(w->mount->store, &l.list);
}

int versions_below(struct versions_below *w)
{
	char prefix[META_KEY_MAX + 2];
	int rc = mount_key(w->mount, w->path, prefix);

	if (!rc && *w->path) {
		rc = list_below(w, prefix, strlen(prefix));
		strcat(prefix, "/");
	}
	return rc ? rc : list_below(w, prefix, 0);
}
