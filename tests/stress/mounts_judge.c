/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges a round of two mounts and a third writer:
 *
 * - what fsync promised is a version of its name;
 * - a delete marker of a mount stands on nothing that had not been there yet
 *   when the delete was asked for, or that came between the look before it and
 *   the request (where the server takes no conditions, or a freeze was there);
 * - a version of others that a mount has put its own on top of is one that
 *   was there when the change was made, or is listed as a conflict, or came
 *   within ttl to a mount that was killed;
 * - a name that a mount said was not there was not in the bucket for longer
 *   than ttl, unless the mount itself had just taken it away;
 * - both mounts and the bucket show the same.
 *
 * The list holds the last hundred conflicts only: where a mount has counted
 * more, what is not listed is not judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "mounts.h"
#include "vers3/util/clock.h"

#define AGE_NS	  (1500 * NS_PER_MS) /* ttl=1, and the way to the server */
#define OWN_NS	  (5 * NS_PER_S) /* for a delete to reach the bucket */
#define DELETE_NS (500 * NS_PER_MS) /* between a look and its delete */
#define CLOCK_NS  (20 * NS_PER_MS) /* of the server's own dates */

static const struct text *text_of(const struct world *w, const char *etag)
{
	for (unsigned i = 0; i < w->text_count; i++)
		if (!strcmp(w->texts[i].etag, etag))
			return &w->texts[i];
	return NULL;
}

/* Whether who changed the name like that, between two moments. */
static bool called(const struct world *w, unsigned who, unsigned name,
		   bool deletes, int64_t from_ns, int64_t to_ns)
{
	for (unsigned i = 0; i < w->call_count; i++) {
		const struct call *c = &w->calls[i];
		bool is_delete = c->what == DELETE || c->what == RENAME_FROM;

		if (c->who == who && c->name == name && c->what != MISSED &&
		    is_delete == deletes && c->end_ns >= from_ns &&
		    c->begin_ns <= to_ns)
			return true;
	}
	return false;
}

static bool is_theirs(const struct world *w, const struct version *v)
{
	for (unsigned i = 0; i < w->their_count; i++)
		if (!strcmp(w->theirs[i], v->id))
			return true;
	return false;
}

/* All that is known of a name, for whoever looks for the cause. */
static void tell(const struct world *w, unsigned name)
{
	static const char *const words[] = {"write",	   "delete",
					    "rename from", "rename to",
					    "chmod",	   "missed"};
	const struct call *c;
	int64_t from_ns = w->calls[0].begin_ns;

	for (c = w->calls; c < w->calls + w->call_count; c++)
		if (c->name == name)
			fprintf(stderr, "  %.3f to %.3f s: %u %s\n",
				(double)(c->begin_ns - from_ns) / 1e9,
				(double)(c->end_ns - from_ns) / 1e9, c->who,
				words[c->what]);
	for (size_t n = 0; n < w->version_count; n++) {
		const struct version *v = &w->versions[n];
		const struct text *t = text_of(w, v->etag);

		if (v->name == name)
			fprintf(stderr, "  %.3f s: %s %s %s of %d\n",
				(double)(v->at_ns - from_ns) / 1e9,
				v->marker ? "marker" : "version", v->id,
				v->etag, t ? (int)t->who : -1);
	}
}

static void blame(struct world *w, const struct version *v,
		  const struct version *under, const char *what)
{
	const struct text *t = text_of(w, under->etag);

	fprintf(stderr, "round %u: %s %s of %s by %s, %.3f s old: %s %s\n",
		w->round, w->names[v->name], under->id, under->etag,
		!t		       ? "nobody"
		: t->who == OTHERS     ? "the third"
		: t->who == MOUNTS - 1 ? "the second"
				       : "the first",
		(double)(v->at_ns - under->at_ns) / 1e9, what, v->id);
	tell(w, v->name);
	w->bad++;
}

/* A mount's delete: of something that was there when it was asked for. */
static void judge_marker(struct world *w, const struct version *v,
			 const struct version *under)
{
	const struct text *t = text_of(w, under->etag);

	for (unsigned i = 0; i < MOUNTS; i++) {
		if (called(w, i, v->name, true, under->at_ns - CLOCK_NS,
			   v->at_ns + CLOCK_NS))
			return;
		/* Its own, sent after the file was deleted here. */
		if (t && t->who == i &&
		    called(w, i, v->name, true, 0, v->at_ns + CLOCK_NS))
			return;
	}
	for (unsigned i = 0; i < MOUNTS; i++) {
		if (v->at_ns - under->at_ns > DELETE_NS + w->sides[i].froze_ns)
			continue;
		w->in_window++;
		return;
	}
	blame(w, v, under, "is taken away by");
}

static bool is_listed(const struct world *w, unsigned i, const char *id)
{
	const struct side *s = &w->sides[i];

	for (unsigned n = 0; n < s->listed_count; n++)
		if (!strcmp(s->listed[n], id))
			return true;
	return s->conflicts > LISTED;
}

/* Whether a version is the first one of its name that holds its content. */
static bool is_first(const struct world *w, const struct version *v)
{
	const struct version *end = w->versions + w->version_count;

	for (const struct version *o = v + 1; o < end && o->name == v->name;
	     o++)
		if (!strcmp(o->etag, v->etag))
			return false;
	return true;
}

/* Whether a mount may have made it: by a write, or a copy of any content. */
static bool may_be_of(const struct world *w, unsigned who,
		      const struct version *v, const struct text *t)
{
	if (t->name == v->name && is_first(w, v))
		return t->who == who;
	for (unsigned i = 0; i < w->call_count; i++) {
		const struct call *c = &w->calls[i];

		if (c->who == who && c->name == v->name &&
		    (c->what == RENAME_TO || c->what == CHMOD) &&
		    c->begin_ns <= v->at_ns + CLOCK_NS)
			return true;
	}
	return t->who == who;
}

/* What a mount did not see had not been there for long. */
static void judge_missed(struct world *w, const struct call *c)
{
	int64_t from_ns = c->begin_ns - AGE_NS - w->sides[c->who].froze_ns;
	const struct version *end = w->versions + w->version_count;

	if (called(w, c->who, c->name, true, c->begin_ns - OWN_NS, c->end_ns))
		return;
	for (const struct version *v = w->versions; v < end; v++) {
		if (v->name != c->name || v->at_ns > c->end_ns + CLOCK_NS)
			continue;
		if (v->marker)
			return;
		if (v->at_ns > from_ns)
			continue;
		fprintf(stderr,
			"round %u: %s %s of %.3f s was not there for %s\n",
			w->round, w->names[v->name], v->id,
			(double)(c->begin_ns - v->at_ns) / 1e9,
			c->who ? "the second" : "the first");
		tell(w, v->name);
		w->bad++;
		return;
	}
}

/* Whether a mount may put its own on top of this, unlisted or not. */
static bool is_fair(struct world *w, unsigned who, const struct version *v,
		    const struct version *under)
{
	const struct text *t = text_of(w, under->etag);

	if (t && t->who == who)
		return true;
	if (is_listed(w, who, under->id)) {
		w->listed++;
		return true;
	}
	if (called(w, who, v->name, false, under->at_ns - CLOCK_NS,
		   v->at_ns + CLOCK_NS))
		return true;
	/* A kill may take the knowledge of what a request had met. */
	if (!w->sides[who].killed ||
	    v->at_ns - under->at_ns > AGE_NS + w->sides[who].froze_ns)
		return false;
	w->in_window++;
	return true;
}

/* A version on top of one that somebody else has written. */
static void judge_version(struct world *w, const struct version *v,
			  const struct version *under)
{
	const struct text *t = text_of(w, v->etag);
	bool by_mount = false;

	for (unsigned i = 0; t && i < MOUNTS; i++) {
		if (!may_be_of(w, i, v, t))
			continue;
		by_mount = true;
		if (is_fair(w, i, v, under))
			return;
	}
	if (by_mount)
		blame(w, v, under, "is not listed, under");
	else if (!t)
		blame(w, v, under, "is under what nobody wrote:");
}

void judge_history(struct world *w)
{
	for (unsigned i = 0; i < w->text_count; i++) {
		const struct text *t = &w->texts[i];
		bool found = !t->synced;

		for (size_t n = 0; !found && n < w->version_count; n++)
			found = w->versions[n].name == t->name &&
				!strcmp(w->versions[n].etag, t->etag);
		if (found)
			continue;
		fprintf(stderr, "round %u: %s of %s was promised\n", w->round,
			t->etag, w->names[t->name]);
		w->bad++;
	}
	for (unsigned i = 0; i < w->call_count; i++)
		if (w->calls[i].what == MISSED)
			judge_missed(w, &w->calls[i]);
	for (size_t n = 0; n + 1 < w->version_count; n++) {
		const struct version *v = &w->versions[n], *under = v + 1;

		if (under->name != v->name || under->marker)
			continue;
		if (v->marker && !is_theirs(w, v))
			judge_marker(w, v, under);
		else if (!v->marker)
			judge_version(w, v, under);
	}
}

/* The MD5 of what a mount shows; "" : nothing. */
static void shown(struct world *w, unsigned who, unsigned name, char *etag)
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	char body[BODY_MAX], path[512];
	ssize_t size;
	int fd;

	*etag = '\0';
	snprintf(path, sizeof(path), "%s/%s", w->sides[who].d.mnt,
		 w->names[name]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	size = fd < 0 ? -1 : read(fd, body, sizeof(body));
	if (fd >= 0)
		close(fd);
	if (size < 0) {
		strcpy(etag, "unreadable");
		return;
	}
	EVP_Digest(body, (size_t)size, md5, NULL, EVP_md5(), NULL);
	for (unsigned i = 0; i < MODEL_MD5; i++)
		sprintf(etag + 2 * i, "%02x", md5[i]);
}

void judge_end(struct world *w)
{
	char etag[2 * MODEL_MD5 + 16];

	for (unsigned name = 0; name < NAMES; name++) {
		const char *holds = "";

		for (size_t n = 0; n < w->version_count; n++) {
			if (w->versions[n].name != name)
				continue;
			holds = w->versions[n].etag;
			break;
		}
		for (unsigned i = 0; i < MOUNTS; i++) {
			shown(w, i, name, etag);
			if (!strcmp(etag, holds))
				continue;
			fprintf(stderr,
				"round %u: mount %u shows '%s' of %s, "
				"the bucket '%s'\n",
				w->round, i, etag, w->names[name], holds);
			w->bad++;
		}
	}
}
