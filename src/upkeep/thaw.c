/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two walks over the same list. The first asks for what is archived, all of it,
 * so that the server works on all at once. The second, of who waits, stays at
 * each page until nothing of it is pending. Each page is a list of its own,
 * behind the last key of the one before: days may lie between two.
 */
#include "vers3/upkeep/thaw.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thaw_batch.h"
#include "vers3/core/mount.h"
#include "vers3/history/named_object.h"
#include "vers3/store/list.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define DAYS_DEFAULT   7
#define THREADS	       8
#define SECTION_MAX    (32 << 10)
#define PAUSE_FIRST_NS NS_PER_S
#define PAUSE_MOST_NS  (300 * NS_PER_S)

struct thaw {
	struct mount *mount; /* borrowed, as the next */
	struct view *view;
	char *path; /* owned; "": the whole mount */
	unsigned days;
	enum archive_tier tier;
	bool wait;
	/* Of a run. */
	struct answer_stream *answer; /* borrowed */
	struct thaw_batch batch;
	struct named_object what;
	int64_t pause_ns; /* before the next look at what is pending */
	uint64_t asked, extended; /* of both walks */
	/* Of one walk. */
	uint64_t objects, archived, under_way, restored, failed, gone, bytes;
	char why[512]; /* of the first that failed */
};

/* ---- the words ---- */

static int take_days(struct thaw *t, const char *text, const char **ret_want)
{
	unsigned long n;
	char *end;

	*ret_want = "want a number of days, such as days=7";
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*text) || !n ||
	    n > ARCHIVE_DAYS_MAX)
		return -EINVAL;
	t->days = (unsigned)n;
	return 0;
}

static int take_word(struct thaw *t, const char *word, const char **ret_want)
{
	if (!strncmp(word, "days=", 5))
		return take_days(t, word + 5, ret_want);
	if (!strncmp(word, "tier=", 5)) {
		*ret_want = "want tier=standard, tier=bulk or tier=expedited";
		return archive_tier_parse(word + 5, &t->tier);
	}
	if (!strcmp(word, "wait")) {
		t->wait = true;
		return 0;
	}
	*ret_want = "want days=N, tier=NAME or wait";
	return -EINVAL;
}

static int take_words(struct thaw *t, char *const *words, size_t count,
		      char *reason, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const char *want;
		int rc = take_word(t, words[i], &want);

		if (rc) {
			snprintf(reason, size, "%.100s: %s", words[i], want);
			return rc;
		}
	}
	return 0;
}

int thaw_new(struct mount *mount, struct view *view, const char *path,
	     char *const *words, size_t count, struct thaw **ret_thaw,
	     char *reason, size_t size)
{
	struct thaw *t = NULL;
	int rc = 0;

	if (strlen(path) > META_KEY_MAX) {
		snprintf(reason, size, "%.64s...: the path is too long", path);
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t));
	if (t)
		t->path = strdup(path);
	if (!t || !t->path) {
		snprintf(reason, size, "%s", strerror(ENOMEM));
		rc = -ENOMEM;
		goto out;
	}
	t->mount = mount;
	t->view = view;
	t->days = DAYS_DEFAULT;
	rc = take_words(t, words, count, reason, size);
out:
	if (rc)
		thaw_free(t);
	else
		*ret_thaw = t;
	return rc;
}

void thaw_free(void *thaw)
{
	struct thaw *t = thaw;

	if (!t)
		return;
	thaw_batch_release(&t->batch);
	free(t->path);
	free(t);
}

/* ---- the answer ---- */

static const char *path_of(const struct thaw *t, const char *key)
{
	return key + strlen(t->mount->config.prefix);
}

static int put_item(const struct thaw *t, const struct thaw_item *it,
		    struct buf *out)
{
	static const char *const states[] = {
		[THAW_IS_ASKED] = "asked",
		[THAW_IS_EXTENDED] = "extended",
		[THAW_IS_UNDER_WAY] = "underWay",
		[THAW_IS_RESTORED] = "restored",
		[THAW_IS_FAILED] = "failed",
	};
	const char *path = path_of(t, it->key);
	int rc = gitconfig_section(out, "object", path);

	if (!rc)
		rc = gitconfig_value(out, "path", path);
	if (!rc && it->version_id)
		rc = gitconfig_value(out, "version", it->version_id);
	if (!rc)
		rc = gitconfig_value(out, "state", states[it->state]);
	if (!rc && *it->storage_class)
		rc = gitconfig_value(out, "storageClass", it->storage_class);
	if (!rc)
		rc = gitconfig_number(out, "bytes", (int64_t)it->size_bytes);
	if (!rc && it->state == THAW_IS_RESTORED && it->until_ns)
		rc = gitconfig_time(out, "until", it->until_ns);
	return !rc && it->state == THAW_IS_FAILED
		       ? gitconfig_value(out, "error", it->why)
		       : rc;
}

static void count_item(struct thaw *t, const struct thaw_item *it)
{
	t->archived++;
	t->bytes += it->size_bytes;
	t->under_way += it->state == THAW_IS_UNDER_WAY;
	t->restored += it->state == THAW_IS_RESTORED;
	if (it->state != THAW_IS_FAILED)
		return;
	if (!t->failed++)
		snprintf(t->why, sizeof(t->why), "%.150s: %s",
			 path_of(t, it->key), it->why);
}

/* What is not archived is not told of one by one. */
static int write_batch(struct thaw *t)
{
	struct buf out;
	int rc = 0;

	buf_init(&out, SECTION_MAX);
	for (size_t i = 0; !rc && i < t->batch.count; i++) {
		const struct thaw_item *it = &t->batch.items[i];

		if (it->state == THAW_IS_OPEN || it->state == THAW_IS_GONE)
			continue;
		count_item(t, it);
		buf_reset(&out);
		rc = put_item(t, it, &out);
		if (!rc)
			rc = answer_stream_add(t->answer, out.data, out.len);
	}
	buf_release(&out);
	return rc;
}

static int write_sums(struct thaw *t)
{
	const struct {
		const char *name;
		uint64_t value;
	} sums[] = {
		{"days", t->days},	    {"objects", t->objects},
		{"archived", t->archived},  {"bytes", t->bytes},
		{"asked", t->asked},	    {"extended", t->extended},
		{"underWay", t->under_way}, {"restored", t->restored},
		{"failed", t->failed},
	};
	struct buf out;
	int rc;

	buf_init(&out, SECTION_MAX);
	rc = gitconfig_section(&out, "thaw", NULL);
	if (!rc)
		rc = gitconfig_value(&out, "path", *t->path ? t->path : "/");
	for (size_t i = 0; !rc && i < sizeof(sums) / sizeof(*sums); i++)
		rc = gitconfig_number(&out, sums[i].name,
				      (int64_t)sums[i].value);
	if (!rc)
		rc = answer_stream_add(t->answer, out.data, out.len);
	buf_release(&out);
	return rc;
}

/* ---- a page ---- */

static uint64_t count_state(const struct thaw *t, enum thaw_state state)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->batch.count; i++)
		n += t->batch.items[i].state == state;
	return n;
}

static int look(struct thaw *t)
{
	uint64_t extended = count_state(t, THAW_IS_EXTENDED);
	int rc = thaw_batch_look(&t->batch);

	/* What is asked for is looked at again; what is extended stays so. */
	t->asked += count_state(t, THAW_IS_ASKED);
	t->extended += count_state(t, THAW_IS_EXTENDED) - extended;
	return rc;
}

/* Sleeps, telling how far it is. */
static int pause_for(struct thaw *t, size_t pending)
{
	int64_t until = clock_mono_ns() + t->pause_ns;
	int rc = 0;

	while (!rc) {
		int64_t left = until - clock_mono_ns();

		if (left <= 0)
			break;
		rc = answer_stream_progress(
			t->answer,
			"%zu under way, %" PRIu64
			" can be read; the next look is in %" PRId64 " s",
			pending, t->restored, left / NS_PER_S);
		if (!rc)
			rc = cancel_sleep(left < NS_PER_S ? left : NS_PER_S);
	}
	t->pause_ns += t->pause_ns / 2;
	if (t->pause_ns > PAUSE_MOST_NS)
		t->pause_ns = PAUSE_MOST_NS;
	return rc;
}

static int wait_for_batch(struct thaw *t)
{
	size_t pending;
	int rc = 0;

	while (!rc && (pending = thaw_batch_pending(&t->batch))) {
		rc = pause_for(t, pending);
		if (!rc)
			rc = look(t);
	}
	return rc;
}

static void explain_unsupported(struct thaw *t)
{
	for (size_t i = 0; i < t->batch.count; i++) {
		const struct thaw_item *it = &t->batch.items[i];

		if (it->state != THAW_IS_FAILED || it->error != -EOPNOTSUPP)
			continue;
		snprintf(t->why, sizeof(t->why),
			 "%.150s: not supported by this server: %s",
			 path_of(t, it->key), it->why);
		break;
	}
}

/* last: they are told of, and waited for if that is wanted. */
static int do_batch(struct thaw *t, bool last)
{
	int rc = t->batch.count ? look(t) : 0;

	if (rc == -EOPNOTSUPP)
		explain_unsupported(t);
	if (!rc && last && t->wait)
		rc = wait_for_batch(t);
	if (!rc && last)
		rc = write_batch(t);
	if (!rc)
		rc = answer_stream_progress(t->answer,
					    "%" PRIu64 " objects, %" PRIu64
					    " asked for",
					    t->objects, t->asked);
	t->gone += count_state(t, THAW_IS_GONE);
	thaw_batch_clear(&t->batch);
	return rc;
}

/* ---- the walks ---- */

struct page {
	struct thaw *t;
	struct store_list list;
	char *last; /* owned: the last key of the page */
};

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct page *p = ctx;
	char *last;

	if (e->kind != STORE_ENTRY_OBJECT)
		return 0;
	last = strdup(e->key);
	if (!last)
		return -ENOMEM;
	free(p->last);
	p->last = last;
	p->t->objects++;
	return archive_may_be(e->storage_class)
		       ? thaw_batch_add(&p->t->batch, e->key, NULL)
		       : 0;
}

/* Fills the batch from the list behind *after, which becomes its last key. */
static int list_page(struct thaw *t, const char *prefix, char **after,
		     bool *ret_more)
{
	struct page p = {.t = t, .last = NULL};
	int rc;

	store_list_init(&p.list, STORE_LIST, prefix, NULL);
	p.list.start_after = *after;
	p.list.on_entry = on_entry;
	p.list.ctx = &p;
	rc = store_list_page(t->mount->store, &p.list);
	/* A page that brings nothing is the end, whatever it says. */
	*ret_more = p.list.more && p.last;
	store_list_release(&p.list);
	if (!p.last)
		return rc;
	free(*after);
	*after = p.last;
	return rc;
}

static int walk_tree(struct thaw *t, bool last)
{
	char prefix[META_KEY_MAX + 2], *after = NULL;
	bool more = true;
	int rc = mount_key(t->mount, t->path, prefix);

	if (!rc && *t->path)
		strcat(prefix, "/");
	while (!rc && more) {
		rc = list_page(t, prefix, &after, &more);
		if (!rc)
			rc = do_batch(t, last);
	}
	free(after);
	return rc;
}

static int walk_one(struct thaw *t, bool last)
{
	const char *id = t->what.version_id;
	char key[META_KEY_MAX + 1];
	int rc = mount_key(t->mount, t->what.path, key);

	t->objects++;
	if (!rc)
		rc = thaw_batch_add(&t->batch, key, *id ? id : NULL);
	if (!rc)
		rc = do_batch(t, last);
	if (rc || !t->gone || t->what.unsent)
		return rc;
	snprintf(t->why, sizeof(t->why), "%.150s: it is not in the bucket",
		 t->path);
	return -ENOENT;
}

static int walk(struct thaw *t, bool last)
{
	t->objects = t->archived = t->under_way = 0;
	t->restored = t->failed = t->gone = t->bytes = 0;
	t->pause_ns = PAUSE_FIRST_NS;
	return t->what.directory ? walk_tree(t, last) : walk_one(t, last);
}

/* What the path names; -errno with why. */
static int find(struct thaw *t)
{
	struct buf words;
	int rc;

	buf_init(&words, sizeof(t->why));
	rc = named_object_find(t->view, t->path, &t->what, &words);
	if (rc)
		snprintf(t->why, sizeof(t->why), "%.*s",
			 (int)strcspn(words.data, "\n"), words.data);
	buf_release(&words);
	return rc;
}

static int run(struct thaw *t)
{
	int rc = find(t);

	if (!rc)
		rc = pool_new("vers3-thaw", THREADS, &t->batch.pool);
	if (rc)
		return rc;
	t->batch.mount = t->mount;
	t->batch.days = t->days;
	t->batch.tier = t->tier;
	rc = walk(t, !t->wait);
	if (!rc && t->wait)
		rc = walk(t, true);
	pool_free(t->batch.pool);
	return rc ? rc : write_sums(t);
}

int thaw_run(void *thaw, struct answer_stream *answer)
{
	struct thaw *t = thaw;
	int rc;

	t->answer = answer;
	rc = run(t);
	if (rc && *t->why)
		return answer_stream_fail(answer, rc, "thaw: %s", t->why);
	if (rc)
		return answer_stream_fail(answer, rc, "thaw: %s: %s",
					  *t->path ? t->path : "/",
					  errtext(rc));
	if (t->failed)
		return answer_stream_fail(answer, -EIO,
					  "thaw: %" PRIu64 " failed: %s",
					  t->failed, t->why);
	return 0;
}
