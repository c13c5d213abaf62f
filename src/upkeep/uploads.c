/* SPDX-License-Identifier: Apache-2.0 */
/* Tells of each upload, and aborts it where that was asked for. */
#include "vers3/upkeep/uploads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uploads_below.h"
#include "vers3/core/mount.h"
#include "vers3/history/nowhere.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/clock.h"
#include "vers3/util/duration.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define SECTION_MAX (32 << 10)
#define WHY_MAX	    400
#define OWN_COPY_NS (INT64_C(86400) * NS_PER_S) /* it is over by then */

struct uploads {
	struct mount *mount; /* borrowed, as the next */
	struct syncer *syncer;
	struct view *view; /* likewise */
	char *path; /* owned; "": the whole mount */
	bool abort;
	int64_t older_ns;
	/* Of a run. */
	struct answer_stream *answer; /* borrowed */
	uint64_t count, bytes, own, failed;
	bool any; /* there is one, whether it is told of or not */
	int error; /* of the last one that failed, with why */
	char why[WHY_MAX];
};

static int take_age(struct uploads *u, const char *word, char *reason,
		    size_t size)
{
	if (!duration_parse(word + strlen("older="), &u->older_ns))
		return 0;
	snprintf(reason, size, "%.64s: want an age such as 7d", word);
	return -EINVAL;
}

static int take_path(struct uploads *u, const char *word, char *reason,
		     size_t size)
{
	word += strspn(word, "/");
	if (u->path || strlen(word) > META_KEY_MAX ||
	    mount_is_history(u->mount, word)) {
		snprintf(reason, size, "%.64s: %s", word,
			 u->path ? "one path only"
				 : "is no path of a file or directory");
		return -EINVAL;
	}
	u->path = strdup(word);
	return u->path ? 0 : -ENOMEM;
}

static int take_words(struct uploads *u, const char *const *words, size_t count,
		      char *reason, size_t size)
{
	bool aged = false;
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++) {
		bool age = u->abort && !strncmp(words[i], "older=", 6);

		aged = aged || age;
		rc = age ? take_age(u, words[i], reason, size)
			 : take_path(u, words[i], reason, size);
	}
	if (!rc && u->abort && !aged) {
		snprintf(reason, size, "want older=AGE, such as older=7d");
		rc = -EINVAL;
	}
	if (!rc && !u->path) {
		u->path = strdup("");
		rc = u->path ? 0 : -ENOMEM;
	}
	return rc;
}

int uploads_new(struct mount *mount, struct syncer *syncer, struct view *view,
		bool abort, const char *const *words, size_t count,
		struct uploads **ret_uploads, char *reason, size_t size)
{
	struct uploads *u = calloc(1, sizeof(*u));
	int rc = -ENOMEM;

	snprintf(reason, size, "%s", strerror(ENOMEM));
	if (!u)
		return rc;
	u->mount = mount;
	u->syncer = syncer;
	u->view = view;
	u->abort = abort;
	rc = take_words(u, words, count, reason, size);
	if (rc)
		uploads_free(u);
	else
		*ret_uploads = u;
	return rc;
}

void uploads_free(void *uploads)
{
	struct uploads *u = uploads;

	if (!u)
		return;
	free(u->path);
	free(u);
}

/* The server's words, with what it takes to ask whoever runs it. */
static void explain(struct uploads *u, int rc, const struct store_reply *reply)
{
	u->failed++;
	u->error = rc;
	if (rc == -EOPNOTSUPP)
		snprintf(u->why, sizeof(u->why),
			 "not supported by this server");
	else if (!reply->status)
		snprintf(u->why, sizeof(u->why), "%s", errtext(rc));
	else
		snprintf(u->why, sizeof(u->why), "%d %s: %.160s (request %s)",
			 reply->status, reply->code, reply->message,
			 reply->request_id);
}

/*
 * Aborts one that is old enough and not ours: whether it is, is looked at
 * after it was listed, when one that this mount has begun is on record. One of
 * which that is not known yet is younger than settle_ns.
 */
static int abort_one(struct uploads *u, const struct store_entry *e,
		     bool *ret_aborted)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_ABORT_UPLOAD);
	r.key = e->key;
	r.upload_id = e->version_id;
	rc = store_call(u->mount->store, &r);
	/*
	 * It has ended meanwhile, by completion or by others; or by the first
	 * try, whose answer was lost.
	 */
	*ret_aborted = !rc || (rc == -ENOENT && r.reply.tries > 1);
	if (rc == -ENOENT)
		rc = 0;
	if (rc && rc != -EINTR)
		explain(u, rc, &r.reply);
	store_request_release(&r);
	return rc;
}

static int write_section(const struct uploads *u, const struct store_entry *e,
			 int64_t age_ns, bool own, struct buf *out)
{
	int rc = gitconfig_section(out, "upload", e->version_id);

	if (!rc)
		rc = gitconfig_value(out, "path",
				     e->key + strlen(u->mount->config.prefix));
	if (!rc)
		rc = gitconfig_time(out, "started", e->last_modified_ns);
	if (!rc)
		rc = gitconfig_number(out, "ageSeconds", age_ns / NS_PER_S);
	if (!rc)
		rc = gitconfig_number(out, "bytes", (int64_t)e->size_bytes);
	if (!rc && *e->owner)
		rc = gitconfig_value(out, "owner", e->owner);
	return rc ? rc : gitconfig_bool(out, "own", own);
}

static int64_t age_of(const struct uploads *u, const struct store_entry *e)
{
	return mount_server_now_ns(u->mount) - e->last_modified_ns;
}

/* What is too young is not told of when they are aborted. */
static bool wants(void *ctx, const struct store_entry *e)
{
	struct uploads *u = ctx;
	int64_t least = u->mount->config.settle_ns;

	u->any = true;
	if (least < u->older_ns)
		least = u->older_ns;
	return !u->abort || age_of(u, e) >= least;
}

/* What vers3 copies for itself (the syncer's zeros) is on no record. */
static bool is_own(struct uploads *u, const struct store_entry *e)
{
	const char *path = e->key + strlen(u->mount->config.prefix);

	if (mount_is_history(u->mount, path) && age_of(u, e) < OWN_COPY_NS)
		return true;
	return syncer_owns_upload(u->syncer, e->key, e->version_id);
}

static int on_upload(void *ctx, const struct store_entry *e)
{
	struct uploads *u = ctx;
	int64_t age = age_of(u, e);
	bool own = is_own(u, e);
	bool aborted = false;
	struct buf out;
	int rc = 0;

	if (u->abort && own) {
		u->own++;
		return 0;
	}
	if (u->abort && abort_one(u, e, &aborted) == -EINTR)
		return -EINTR;
	if (u->abort && !aborted)
		return 0;
	u->count++;
	u->bytes += e->size_bytes;
	u->own += own;
	buf_init(&out, SECTION_MAX);
	rc = write_section(u, e, age < 0 ? 0 : age, own, &out);
	if (!rc)
		rc = answer_stream_add(u->answer, out.data, out.len);
	buf_release(&out);
	return rc;
}

int uploads_run(void *uploads, struct answer_stream *answer)
{
	struct uploads *u = uploads;
	const char *what = u->abort ? "uploads abort" : "uploads list";
	const char *path = *u->path ? u->path : "/";
	int rc;

	u->answer = answer;
	rc = uploads_below(u->mount, u->path, wants, on_upload, u, answer);
	if (!rc && !u->any && is_nowhere(u->view, u->path))
		return answer_stream_fail(answer, -ENOENT,
					  "%s: %s: there is no such path", what,
					  path);
	if (!rc)
		rc = answer_stream_printf(
			answer,
			"[uploads]\n\tcount = %" PRIu64 "\n\tbytes = %" PRIu64
			"\n\town = %" PRIu64 "\n\tfailed = %" PRIu64 "\n",
			u->count, u->bytes, u->own, u->failed);
	if (rc)
		return answer_stream_fail(answer, rc, "%s: %s: %s", what, path,
					  rc == -EOPNOTSUPP
						  ? "not supported by this "
						    "server"
						  : errtext(rc));
	if (u->failed)
		return answer_stream_fail(answer, u->error,
					  "%s: %" PRIu64
					  " could not be aborted: %s",
					  what, u->failed, u->why);
	return 0;
}
