/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds one version back until the next one is there: whether it was made or
 * changed, the older one of its key tells.
 */
#include "vers3/upkeep/event_log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "versions_below.h"
#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define LINES_BYTES (64 << 10) /* given to the reader at once */
#define OWN_NAME    "/.object" /* of DIR/, as .versions shows it */

/* A version or a marker. */
struct event {
	bool there; /* this is one */
	bool marker;
	bool bytes; /* it has some */
	int64_t time_ns;
	char version_id[META_VERSION_MAX + 1];
	char path[META_KEY_MAX + 1]; /* a directory's own object ends in '/' */
};

struct event_log {
	struct mount *mount; /* borrowed */
	char *path; /* owned */
	struct answer_stream *answer; /* borrowed: of the run */
	struct event held;
	struct buf lines; /* not given yet */
	uint64_t count;
};

int event_log_new(struct mount *mount, const char *path,
		  struct event_log **ret_log)
{
	struct event_log *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->mount = mount;
	buf_init(&l->lines, ANSWER_UNREAD_MAX);
	l->path = strdup(path);
	if (!l->path) {
		event_log_free(l);
		return -ENOMEM;
	}
	*ret_log = l;
	return 0;
}

void event_log_free(void *log)
{
	struct event_log *l = log;

	if (!l)
		return;
	buf_release(&l->lines);
	free(l->path);
	free(l);
}

static int give_lines(struct event_log *l)
{
	int rc = answer_stream_add(l->answer, l->lines.data, l->lines.len);

	buf_reset(&l->lines);
	return rc;
}

/* older: the next one of the key; not there: none. */
static const char *what_of(const struct event *e, const struct event *older)
{
	if (e->marker)
		return "deleted";
	return older->there && !older->marker ? "changed" : "created";
}

/*
 * A directory's own object is shown where it has bytes, with the markers on
 * top of those: else it only says that the directory is there.
 */
static bool is_shown(const struct event *e, const struct event *older)
{
	size_t len = strlen(e->path);

	return e->path[len - 1] != '/' || e->bytes ||
	       (e->marker && older->there && older->bytes);
}

static int tell(struct event_log *l, const struct event *e,
		const struct event *older)
{
	char text[META_KEY_MAX + META_VERSION_MAX + 64], when[24];
	size_t len = strlen(e->path);
	bool own = e->path[len - 1] == '/';

	if (!is_shown(e, older))
		return 0;
	clock_format_iso8601(e->time_ns, when, sizeof(when));
	when[strlen(when) - 1] = '\0';
	snprintf(text, sizeof(text), "%s.%03dZ %s %s %.*s%s", when,
		 (int)(e->time_ns % NS_PER_S / 1000000), what_of(e, older),
		 e->version_id, (int)(own ? len - 1 : len), e->path,
		 own ? OWN_NAME : "");
	l->count++;
	return gitconfig_value(&l->lines, "items", text);
}

/* Whether .versions shows what is at a path. */
static bool is_path(struct mount *mount, const char *path)
{
	char name[META_NAME_MAX + 1];
	bool root = true;

	if (!*path || *path == '/' || mount_is_history(mount, path))
		return false;
	for (; *path; root = false) {
		size_t len = strcspn(path, "/");

		if (!len || len > META_NAME_MAX)
			return false;
		memcpy(name, path, len);
		name[len] = '\0';
		if (!mount_name_ok(root ? mount : NULL, name))
			return false;
		path += len + (path[len] == '/');
	}
	return true;
}

/* The one that was held is told; next is the one after it, or none. */
static int go_on(struct event_log *l, const struct event *next)
{
	static const struct event none;
	bool same = next->there && !strcmp(next->path, l->held.path);
	int rc = 0;

	if (l->held.there)
		rc = tell(l, &l->held, same ? next : &none);
	if (!rc && l->lines.len >= LINES_BYTES)
		rc = give_lines(l);
	l->held = *next;
	return rc;
}

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct event_log *l = ctx;
	const char *path = e->key + strlen(l->mount->config.prefix);
	struct event next = {.there = true,
			     .marker = e->kind == STORE_ENTRY_MARKER,
			     .bytes = e->size_bytes > 0,
			     .time_ns = e->last_modified_ns};

	if (e->key_len > META_KEY_MAX || !is_path(l->mount, path))
		return 0;
	/* What is longer names no version that could be asked for. */
	if (strlen(e->version_id) > META_VERSION_MAX)
		return -EIO;
	strcpy(next.version_id, e->version_id);
	strcpy(next.path, path);
	return go_on(l, &next);
}

static int fail(struct event_log *l, int rc, const char *why)
{
	return answer_stream_fail(l->answer, rc, "log: %s: %s",
				  *l->path ? l->path : "/",
				  *why ? why : errtext(rc));
}

int event_log_run(void *log, struct answer_stream *answer)
{
	static const struct event none;
	struct event_log *l = log;
	struct versions_below walk = {.mount = l->mount,
				      .path = l->path,
				      .on_entry = on_entry,
				      .ctx = l,
				      .answer = answer,
				      .begun_ns = clock_mono_ns()};
	int rc;

	l->answer = answer;
	rc = gitconfig_section(&l->lines, "log", NULL);
	if (!rc)
		rc = versions_below(&walk);
	if (!rc)
		rc = go_on(l, &none);
	if (!rc && !walk.entries && *l->path)
		return fail(l, -ENOENT, "nothing ever was there");
	if (!rc)
		rc = gitconfig_number(&l->lines, "count", (int64_t)l->count);
	if (!rc)
		rc = give_lines(l);
	return rc ? fail(l, rc, walk.why) : 0;
}
