/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notes in META_SYS, and the look at them: batches sorted by key, each
 * matched with one list of versions.
 */
#include "vers3/sync/between.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conflict_impl.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/record.h"
#include "vers3/store/list.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"

#define SYS_NOTE    "between:" /* and the number, big-endian */
#define HEAD_LEN    (sizeof(SYS_NOTE) - 1)
#define NOTE_LEN    (HEAD_LEN + 8)
#define BATCH	    256 /* looked at with one list, */
#define FEW	    3 /* or one by one, */
#define PAGES_MAX   8 /* as what such a list has not come to */
#define BATCHES_MAX 40 /* at a time */
#define DELAY_NS    (2 * NS_PER_S) /* so that many are looked at as one */
#define AGAIN_NS    (30 * NS_PER_S) /* when the bucket could not be asked */

enum state {
	ABOVE, /* ours has not come yet */
	BELOW, /* nor has what it was made on */
	CLEAR, /* it was directly below */
	FOUND, /* something of others was */
};

/* A save, and what its key's history has shown so far. */
struct save {
	unsigned char at[NOTE_LEN]; /* the note's own key */
	char path[META_KEY_MAX + 1], key[META_KEY_MAX + 1];
	char ours[META_VERSION_MAX + 1]; /* "" : what was tried, if anything */
	char etag[META_ETAG_MAX + 1];
	char tried[META_TRIED_MAX + 1]; /* other contents that we have sent */
	bool held; /* it was made on: */
	char base[META_VERSION_MAX + 1], base_etag[META_ETAG_MAX + 1];
	int64_t base_modified_ns;
	/* Of others, and listed already: */
	bool met_gone;
	char met[META_VERSION_MAX + 1];
	enum state state;
	bool gone; /* others had deleted it */
	char theirs[META_VERSION_MAX + 1];
};

struct look {
	struct syncer *s;
	struct save *saves; /* owned; sorted by key */
	size_t count;
	const char *last; /* borrowed: of the keys that are asked for now */
	char reached[META_KEY_MAX + 1]; /* what comes before is decided */
};

static int64_t delay_ns(const struct syncer *s)
{
	return s->mount->config.commit_ns > DELAY_NS
		       ? s->mount->config.commit_ns
		       : DELAY_NS;
}

static int put_note(struct syncer *s, const struct conflict *c,
		    const struct meta_version *known,
		    const struct meta_version *ours)
{
	struct record_writer w = {.len = 0};
	unsigned char key[NOTE_LEN];
	size_t len = strlen(c->path);
	uint64_t number;
	int64_t none = 0;
	int rc;

	/* A directory's own object holds nothing but its attributes. */
	if (!s->mount->config.versioned || !len || c->path[len - 1] == '/')
		return 0;
	record_put_str(&w, c->path, sizeof(ours->key));
	record_put_str(&w, ours->version_id, sizeof(ours->version_id));
	record_put_str(&w, ours->etag, sizeof(ours->etag));
	record_put_str(&w, c->tried, sizeof(c->tried));
	record_put_u32(&w, known->key[0] != '\0');
	record_put_str(&w, known->version_id, sizeof(known->version_id));
	record_put_str(&w, known->etag, sizeof(known->etag));
	record_put_u64(&w, (uint64_t)known->last_modified_ns);
	record_put_u32(&w, c->gone);
	record_put_str(&w, c->theirs, sizeof(c->theirs));
	rc = w.bad ? -EINVAL : meta_next_id(s->meta, &number);
	if (rc)
		return rc;
	memcpy(key, SYS_NOTE, HEAD_LEN);
	meta_be64(key + HEAD_LEN, number);
	rc = meta_put(s->meta, META_SYS, key, sizeof(key), w.data, w.len);
	if (!rc &&
	    atomic_compare_exchange_strong(&s->between.due_ns, &none,
					   clock_mono_ns() + delay_ns(s)))
		syncer_wake(s, 0);
	return rc;
}

int between_note(struct syncer *s, const struct conflict *c,
		 const struct meta_version *known,
		 const struct meta_version *ours)
{
	return c->bare ? put_note(s, c, known, ours) : 0;
}

int between_note_tries(struct syncer *s, const struct conflict *c,
		       const struct meta_version *known)
{
	static const struct meta_version unknown;

	return c->unsure && c->tried[0] ? put_note(s, c, known, &unknown) : 0;
}

static int read_save(const struct meta_val *val, struct save *s)
{
	struct record_reader r = record_read(val);

	record_get_str(&r, s->path, sizeof(s->path));
	record_get_str(&r, s->ours, sizeof(s->ours));
	record_get_str(&r, s->etag, sizeof(s->etag));
	record_get_str(&r, s->tried, sizeof(s->tried));
	s->held = record_get_u32(&r) != 0;
	record_get_str(&r, s->base, sizeof(s->base));
	record_get_str(&r, s->base_etag, sizeof(s->base_etag));
	s->base_modified_ns = (int64_t)record_get_u64(&r);
	s->met_gone = record_get_u32(&r) != 0;
	record_get_str(&r, s->met, sizeof(s->met));
	return record_end(&r);
}

static int compare_saves(const void *a, const void *b)
{
	return strcmp(((const struct save *)a)->key,
		      ((const struct save *)b)->key);
}

/* The next notes after a key of NOTE_LEN bytes, which moves on. */
static int read_batch(struct look *l, unsigned char *at)
{
	unsigned char key[META_KEY_BUF];
	struct meta_val val;
	size_t len;
	int rc = meta_lock(l->s->meta);

	l->count = 0;
	if (rc)
		return rc;
	while (l->count < BATCH) {
		struct save *s = &l->saves[l->count];

		rc = meta_seek(l->s->meta, META_SYS, at, NOTE_LEN, HEAD_LEN,
			       true, key, &len, &val);
		if (rc || len != NOTE_LEN)
			break;
		memcpy(at, key, NOTE_LEN);
		memset(s, 0, sizeof(*s));
		memcpy(s->at, key, NOTE_LEN);
		if (read_save(&val, s) ||
		    mount_key(l->s->mount, s->path, s->key))
			meta_del(l->s->meta, META_SYS, key, len);
		else
			l->count++;
	}
	meta_unlock(l->s->meta);
	array_sort(l->saves, l->count, sizeof(*l->saves), compare_saves);
	return rc == -ENOENT ? 0 : rc;
}

static bool is_base(const struct save *s, const struct store_entry *e)
{
	if (!s->held || e->kind != STORE_ENTRY_VERSION)
		return false;
	if (s->base[0])
		return !strcmp(s->base, e->version_id);
	return !strcmp(s->base_etag, e->etag) &&
	       (!s->base_modified_ns || s->base_modified_ns / NS_PER_S ==
						e->last_modified_ns / NS_PER_S);
}

static bool is_own_try(const struct save *s, const struct store_entry *e)
{
	return e->kind == STORE_ENTRY_VERSION && e->etag[0] &&
	       (!strcmp(s->etag, e->etag) || meta_tried_has(s->tried, e->etag));
}

static bool is_ours(const struct save *s, const struct store_entry *e)
{
	if (!s->ours[0])
		return is_own_try(s, e);
	return e->kind == STORE_ENTRY_VERSION &&
	       !strcmp(s->ours, e->version_id);
}

/*
 * The next version of its key, newest first. Where something was known to be
 * there, others' counts only if that is found below it: where it is not, it
 * was removed since, and who knows what else.
 */
static void step(struct save *s, const struct store_entry *e)
{
	if (s->state == ABOVE && is_ours(s, e)) {
		if (strlen(e->version_id) < sizeof(s->ours))
			strcpy(s->ours, e->version_id);
		s->state = BELOW;
	} else if (s->state != BELOW) {
		return;
	} else if (is_base(s, e)) {
		s->state = s->theirs[0] || s->gone ? FOUND : CLEAR;
	} else if (is_own_try(s, e)) {
		return;
	} else if (e->kind == STORE_ENTRY_MARKER) {
		if (!s->held)
			s->state = CLEAR;
		else if (!s->theirs[0])
			s->gone = true;
	} else if (!s->theirs[0] && !s->gone &&
		   strlen(e->version_id) < sizeof(s->theirs)) {
		strcpy(s->theirs, e->version_id);
		if (!s->held)
			s->state = FOUND;
	}
}

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct look *l = ctx;
	size_t low = 0, high = l->count;

	if (strcmp(e->key, l->last) > 0)
		return -ECANCELED;
	if (strlen(e->key) < sizeof(l->reached))
		strcpy(l->reached, e->key);
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(l->saves[mid].key, e->key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	/* Several saves of one key are each looked at. */
	for (; low < l->count && !strcmp(l->saves[low].key, e->key); low++)
		step(&l->saves[low], e);
	return 0;
}

/*
 * Lists the history of the keys from first to last; 0, also where it broke off
 * after many pages: then `reached` is how far it has come, else "".
 */
static int list(struct look *l, const char *first, const char *last)
{
	char prefix[META_KEY_MAX + 1], start[META_KEY_MAX + 1];
	struct store_list list;
	int pages = 0, rc;

	l->last = last;
	conflict_range(first, last, prefix, start);
	store_list_init(&list, STORE_LIST_VERSIONS, prefix, NULL);
	if (strlen(start) > strlen(prefix))
		list.key_marker = strdup(start);
	list.on_entry = on_entry;
	list.ctx = l;
	do
		rc = store_list_page(l->s->mount->store, &list);
	while (!rc && list.more && ++pages < PAGES_MAX);
	if (rc == -ECANCELED || (!rc && !list.more))
		l->reached[0] = rc = 0;
	store_list_release(&list);
	return rc;
}

/* Lists what has come between; the save needs no look any more. */
static int settle(struct look *l, const struct save *s)
{
	struct conflict c = {.path = s->path, .met = true, .gone = s->gone};
	int rc = meta_lock(l->s->meta);

	if (rc)
		return rc;
	strcpy(c.theirs, s->theirs);
	rc = meta_del(l->s->meta, META_SYS, s->at, sizeof(s->at));
	if (!rc && s->state == FOUND &&
	    (s->gone ? !s->met_gone : strcmp(s->theirs, s->met) != 0))
		rc = conflict_note(l->s, &c, s->ours);
	meta_unlock(l->s->meta);
	return rc == -ENOENT ? 0 : rc; /* somebody else has looked, too */
}

/* Those of which all is known by now. */
static int settle_some(struct look *l, size_t from, size_t to)
{
	int rc = 0;

	for (size_t i = from; !rc && i < to; i++)
		rc = settle(l, &l->saves[i]);
	return rc;
}

static void begin_anew(struct save *s)
{
	s->state = ABOVE;
	s->gone = false;
	s->theirs[0] = '\0';
}

/* The saves of one key, from `at` on, by a list of their own. */
static int look_at_key(struct look *l, size_t *at)
{
	const char *key = l->saves[*at].key;
	size_t end = *at;
	int rc;

	for (; end < l->count && !strcmp(l->saves[end].key, key); end++)
		begin_anew(&l->saves[end]);
	rc = list(l, key, key);
	if (!rc)
		rc = settle_some(l, *at, end);
	*at = end;
	return rc;
}

static int look_at_batch(struct look *l)
{
	size_t next = 0;
	int rc = 0;

	if (l->count > FEW) {
		rc = list(l, l->saves[0].key, l->saves[l->count - 1].key);
		while (next < l->count &&
		       (!l->reached[0] ||
			strcmp(l->saves[next].key, l->reached) < 0))
			next++;
		if (!rc)
			rc = settle_some(l, 0, next);
	}
	while (!rc && next < l->count)
		rc = look_at_key(l, &next);
	return rc;
}

/* Whoever may not list versions learns nothing by trying again. */
static bool is_vain(int rc)
{
	return rc == -EACCES || rc == -EOPNOTSUPP || rc == -EINVAL;
}

void between_look(struct syncer *s)
{
	struct between *b = &s->between;
	struct look l = {.s = s};
	unsigned char at[NOTE_LEN] = SYS_NOTE;
	int rc;

	atomic_store(&b->due_ns, 0);
	l.saves = malloc(BATCH * sizeof(*l.saves));
	rc = l.saves ? 0 : -ENOMEM;
	for (int i = 0; !rc && i < BATCHES_MAX; i++) {
		rc = read_batch(&l, at);
		if (rc || !l.count)
			break;
		rc = look_at_batch(&l);
		if (is_vain(rc))
			rc = settle_some(&l, 0, l.count);
	}
	if (rc || l.count)
		atomic_store(&b->due_ns,
			     clock_mono_ns() + (rc ? AGAIN_NS : DELAY_NS));
	if (rc)
		log_debug("what came between saves: %s", strerror(-rc));
	free(l.saves);
}

void between_init(struct syncer *s)
{
	unsigned char at[NOTE_LEN] = SYS_NOTE;

	if (meta_lock(s->meta))
		return;
	if (!meta_seek(s->meta, META_SYS, at, sizeof(at), HEAD_LEN, true, NULL,
		       NULL, NULL))
		s->between.due_ns = clock_mono_ns() + delay_ns(s);
	meta_unlock(s->meta);
}

static void run(void *arg)
{
	struct syncer *s = arg;

	between_look(s);
	atomic_store(&s->between.running, false);
	syncer_wake(s, 0);
}

int64_t between_tick(struct syncer *s)
{
	struct between *b = &s->between;
	int64_t due = atomic_load(&b->due_ns);

	if (!due || clock_mono_ns() < due || atomic_load(&b->running))
		return atomic_load(&b->running) ? 0 : due;
	atomic_store(&b->running, true);
	if (!pool_submit(s->pool, run, s))
		return 0;
	atomic_store(&b->running, false);
	atomic_store(&b->due_ns, clock_mono_ns() + AGAIN_NS);
	return 0;
}
