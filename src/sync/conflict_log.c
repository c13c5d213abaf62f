/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conflicts that were: in META_SYS, under a number that counts up, so
 * that the count is the last number and the oldest goes when there are a
 * hundred.
 */
#include "syncer_impl.h"
#include "vers3/sync/conflict.h"

#include <errno.h>
#include <string.h>

#include "vers3/meta/record.h"
#include "vers3/util/clock.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/log.h"

#define KEPT	  100
#define SYS_COUNT "conflict.count"
#define SYS_NOTE  "conflict:" /* and the number, big-endian */
#define NOTE_LEN  (sizeof(SYS_NOTE) - 1 + 8)

struct note {
	char path[META_KEY_MAX + 1];
	char theirs[META_VERSION_MAX + 1], ours[META_VERSION_MAX + 1];
	bool ours_kept; /* ours is current; else theirs */
	bool gone; /* theirs was a delete */
	int64_t when_ns;
};

static void note_key(uint64_t number, char key[NOTE_LEN])
{
	memcpy(key, SYS_NOTE, sizeof(SYS_NOTE) - 1);
	meta_be64(key + sizeof(SYS_NOTE) - 1, number);
}

static int put_note(struct meta *meta, uint64_t number, const struct note *n)
{
	struct record_writer w = {.len = 0};
	char key[NOTE_LEN];

	record_put_str(&w, n->path, sizeof(n->path));
	record_put_str(&w, n->theirs, sizeof(n->theirs));
	record_put_str(&w, n->ours, sizeof(n->ours));
	record_put_u32(&w, n->ours_kept);
	record_put_u32(&w, n->gone);
	record_put_u64(&w, (uint64_t)n->when_ns);
	if (w.bad)
		return -EINVAL;
	note_key(number, key);
	return meta_put(meta, META_SYS, key, sizeof(key), w.data, w.len);
}

static int get_note(struct meta *meta, uint64_t number, struct note *n)
{
	struct record_reader r;
	struct meta_val val;
	char key[NOTE_LEN];
	int rc;

	note_key(number, key);
	rc = meta_get(meta, META_SYS, key, sizeof(key), &val);
	if (rc)
		return rc;
	r = record_read(&val);
	record_get_str(&r, n->path, sizeof(n->path));
	record_get_str(&r, n->theirs, sizeof(n->theirs));
	record_get_str(&r, n->ours, sizeof(n->ours));
	n->ours_kept = record_get_u32(&r) != 0;
	n->gone = record_get_u32(&r) != 0;
	n->when_ns = (int64_t)record_get_u64(&r);
	return record_end(&r);
}

static uint64_t count_of(struct meta *meta)
{
	uint64_t count = 0;

	return meta_sys_get_u64(meta, SYS_COUNT, &count) ? 0 : count;
}

static void say(const struct syncer *s, const struct conflict *c,
		const char *ours)
{
	const char *id = c->theirs[0] ? c->theirs : "not known";

	if (!ours)
		log_warning("conflict: %s was changed by others, so it is not "
			    "deleted (their version: %s)",
			    c->path, id);
	else if (c->gone)
		log_warning("conflict: %s was deleted by others, and is "
			    "written anew",
			    c->path);
	else if (s->mount->config.versioned)
		log_warning("conflict: %s was changed by others; ours is on "
			    "top, theirs is in the history (version: %s)",
			    c->path, id);
	else
		log_warning("conflict: %s was changed by others; ours has "
			    "overwritten theirs, and the bucket keeps no "
			    "versions",
			    c->path);
}

int conflict_note(struct syncer *s, const struct conflict *c, const char *ours)
{
	struct note n = {.ours_kept = ours != NULL,
			 .gone = c->gone,
			 .when_ns = clock_real_ns()};
	uint64_t number = count_of(s->meta) + 1;
	char oldest[NOTE_LEN];
	int rc;

	/* A look may find what an answer that was lost has not told. */
	if (ours && ours[0] && !strcmp(ours, c->theirs))
		return 0;
	say(s, c, ours);
	strcpy(n.path, c->path);
	strcpy(n.theirs, c->theirs);
	if (ours)
		strcpy(n.ours, ours);
	rc = put_note(s->meta, number, &n);
	if (!rc)
		rc = meta_sys_put_u64(s->meta, SYS_COUNT, number);
	if (rc || number <= KEPT)
		return rc;
	note_key(number - KEPT, oldest);
	rc = meta_del(s->meta, META_SYS, oldest, sizeof(oldest));
	return rc == -ENOENT ? 0 : rc;
}

/* What became of theirs, where no version can be named. */
static const char *theirs_word(const struct syncer *s, const struct note *n)
{
	if (n->gone)
		return "deleted";
	return n->ours_kept && !s->mount->config.versioned ? "overwritten"
							   : "unknown";
}

static int write_note(const struct syncer *s, const struct note *n,
		      struct buf *out)
{
	int rc = gitconfig_section(out, "conflicts", n->path);

	if (!rc)
		rc = gitconfig_value(out, "theirs",
				     n->theirs[0] ? n->theirs
						  : theirs_word(s, n));
	if (!rc && n->ours_kept)
		rc = gitconfig_value(out, "ours",
				     n->ours[0] ? n->ours : "unknown");
	else if (!rc)
		rc = gitconfig_value(out, "ours", "deleted");
	if (!rc)
		rc = gitconfig_value(out, "current",
				     n->ours_kept ? "ours" : "theirs");
	return rc ? rc : gitconfig_time(out, "when", n->when_ns);
}

int conflict_write(struct syncer *s, struct buf *out)
{
	uint64_t count, number;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	count = count_of(s->meta);
	number = count > KEPT ? count - KEPT : 0;
	rc = gitconfig_section(out, "conflicts", NULL);
	if (!rc)
		rc = gitconfig_number(out, "count", (int64_t)count);
	while (!rc && number++ < count) {
		struct note n;

		rc = get_note(s->meta, number, &n);
		if (rc == -ENOENT)
			rc = 0;
		else if (!rc)
			rc = write_note(s, &n, out);
	}
	meta_unlock(s->meta);
	return rc;
}
