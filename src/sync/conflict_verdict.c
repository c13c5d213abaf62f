/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first that holds counts.
 *
 *	a look has shown				is met
 *	nothing, and nothing was known, or we deleted	no
 *	nothing						yes
 *	what one of our tries has made			no
 *	something, and nothing was known		yes
 *	a version, both ids are told, and it can have
 *	no twin in a replica				if they differ
 *	else						if the ETags differ
 *
 *	before a write					it is
 *	a directory's own object			sent plain
 *	doubtful					looked at
 *	without a condition				vouched for
 *	with one, and something is known there		listed
 *	else						sent
 *
 *	after it, looked at				it is
 *	not for its condition				failed
 *	not allowed, and the look was			failed
 *	nothing there, as we know			failed
 *	others' there, but not to be seen		a conflict, sent again
 *	else						sent again
 *
 *	a delete's look					it is
 *	failed						failed
 *	nothing						done
 *	others'						left
 *	what is known, but the delete was not allowed,
 *	and the look was				failed
 *	else						sent
 *
 *	a delete's answer				it is
 *	lost						open
 *	refused, or not allowed, with its ETag		open, the first time
 *	else						done
 */
#include "conflict_verdict.h"

#include <errno.h>
#include <string.h>

#include "vers3/util/clock.h"

/* Equal bytes are the same where no version says that they are others'. */
static bool is_known(const struct conflict *c, const struct store_object *o)
{
	if (o->etag && meta_tried_has(c->tried, o->etag))
		return true;
	if (!c->held)
		return false;
	if (o->version_id && o->version_id[0] && c->version_id[0]) {
		bool same = !strcmp(o->version_id, c->version_id);

		if (same && meta_is_version_id(c->version_id))
			return true;
		if (!same && !c->twins)
			return false;
	}
	return o->etag && c->etag[0] && !strcmp(o->etag, c->etag);
}

bool conflict_is_met(const struct conflict *c, const struct store_object *o)
{
	if (o)
		return !is_known(c, o);
	return c->held && !meta_tried_has(c->tried, META_TRIED_NOTHING);
}

static bool shows_known(const struct conflict *c, const struct store_entry *e)
{
	if (!c->held || !c->etag[0] || strcmp(c->etag, e->etag) != 0)
		return false;
	if (c->twins)
		return true;
	if (e->kind == STORE_ENTRY_VERSION && meta_is_version_id(c->version_id))
		return !strcmp(c->version_id, e->version_id);
	/* Others may have given the same bytes other attributes. */
	return !c->modified_ns ||
	       c->modified_ns / NS_PER_S == e->last_modified_ns / NS_PER_S;
}

enum conflict_shown conflict_shown(const struct conflict *c,
				   const struct store_entry *e)
{
	size_t len = strlen(c->path);

	if (e->kind == STORE_ENTRY_MARKER ||
	    (e->kind == STORE_ENTRY_VERSION && !e->latest))
		return CONFLICT_SHOWN_NOTHING;
	if (shows_known(c, e))
		return CONFLICT_SHOWN_KNOWN;
	/* What is there of a directory may be known by its names alone. */
	if (meta_tried_has(c->tried, e->etag) ||
	    (len && c->path[len - 1] == '/' && !e->size_bytes))
		return CONFLICT_SHOWN_OWN;
	return CONFLICT_SHOWN_OTHER;
}

enum conflict_condition conflict_condition(const struct caps *caps,
					   const struct conflict *c,
					   enum store_op op)
{
	bool removes = op == STORE_DELETE || op == STORE_DELETE_MANY;

	if (op == STORE_COPY && !caps->copy)
		return CONFLICT_BARE;
	if (!c->held)
		return !removes && caps->if_none_match ? CONFLICT_IF_NONE_MATCH
						       : CONFLICT_BARE;
	/* To compare an ETag is to read; that nothing is there is not. */
	if (!c->etag[0] || c->unseen)
		return CONFLICT_BARE;
	return (removes ? caps->remove : caps->if_match) ? CONFLICT_IF_MATCH
							 : CONFLICT_BARE;
}

enum conflict_need conflict_need(const struct conflict_need_facts *f)
{
	/* A directory's own object holds nothing but its attributes. */
	if (f->dir)
		return CONFLICT_PLAIN;
	if (f->doubtful)
		return CONFLICT_LOOK;
	if (f->condition == CONFLICT_BARE)
		return CONFLICT_VOUCH;
	/* A condition speaks of the content, not of the attributes. */
	return f->held ? CONFLICT_LIST : CONFLICT_SEND;
}

enum conflict_refusal conflict_refusal(const struct store_request *r, int rc)
{
	if (rc == -EBUSY && r->reply.status == 412 &&
	    (r->if_match || r->if_none_match))
		return CONFLICT_REFUSED;
	if (!r->if_match)
		return CONFLICT_ELSE;
	if (rc == -ENOENT && strcmp(r->reply.code, "NoSuchUpload") != 0)
		return CONFLICT_ABSENT;
	/* A condition is a look, for which Amazon wants the right to read. */
	return rc == -EACCES ? CONFLICT_DENIED : CONFLICT_ELSE;
}

enum conflict_again conflict_again(enum conflict_refusal why,
				   const struct conflict *c)
{
	switch (why) {
	case CONFLICT_REFUSED:
		/* Not to be read, and yet it is said to be another one. */
		return c->unseen ? CONFLICT_AGAIN_MET : CONFLICT_AGAIN;
	case CONFLICT_ABSENT:
		/* Else the source of a copy is what is missing. */
		return c->met ? CONFLICT_AGAIN : CONFLICT_STANDS;
	case CONFLICT_DENIED:
		return c->unseen ? CONFLICT_AGAIN : CONFLICT_STANDS;
	default:
		return CONFLICT_STANDS;
	}
}

enum conflict_delete_look
conflict_delete_looked(const struct conflict_looked_facts *f)
{
	if (f->rc)
		return CONFLICT_DELETE_UNKNOWN;
	if (f->gone)
		return CONFLICT_DELETE_AGREED;
	if (f->met)
		return CONFLICT_DELETE_THEIRS;
	return f->denied && !f->unseen ? CONFLICT_DELETE_DENIED
				       : CONFLICT_DELETE_KNOWN;
}

bool conflict_delete_reopens(const struct conflict_answered_facts *f)
{
	/* Who may not read it may not set a condition either (Amazon). */
	bool refused =
		f->condition && (f->result == -EBUSY || f->result == -EACCES);

	return f->lost || (refused && !f->last);
}
