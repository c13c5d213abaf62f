/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PutBucketLifecycleConfiguration replaces the whole document, knows no
 * condition, and servers differ in what they read. So each edit looks at what
 * came of it:
 *
 *	what is there then		what it means	what is done
 *	all as it was sent		-		looks once more, later
 *	the edited rule is another	overwritten	begins anew
 *	... three times in a row	not kept	the old ones again
 *	another rule is another		either		sends it once more
 *	... and is again		misread		the old ones again
 *
 * Whoever has changed the same rule meanwhile keeps it, and the edit fails: at
 * the later look that is plain. At the first one it may be the server that
 * does not keep the rule as it was sent; so it is sent once more, and where it
 * is kept then, it was somebody, and theirs is put back. Another rule that
 * somebody has changed is put back the same way, and the edit goes on.
 *
 * What is sent once more goes over what somebody may have set, which is kept
 * here until it is back. So an edit that ends in between, since the server
 * fails or nobody waits for it any more, looks once more, for END_NS at most,
 * and puts it back where what was sent from here stands. Where that fails, the
 * reason says so.
 *
 * The later look is for those who had read the document before it was sent,
 * and send theirs after it: they overwrite ours without seeing it. How long
 * an edit takes here tells how long they may take.
 */
#include "lifecycle_change.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/rand.h>

#include "vers3/core/bucket_reply.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"

#define DOCUMENT_MAX  (4 << 20)
#define TRIES	      10
#define PAUSE_MIN_NS  (300 * NS_PER_MS)
#define PAUSE_MAX_NS  (3 * NS_PER_S)
#define MINIMUM_SIZE  "x-amz-transition-default-minimum-object-size"
#define REASON_RULE   120
#define WHY_MAX	      200
#define LOST_MAX      3 /* in a row: not overwritten, but not kept */
#define NOTHING_TO_DO 1
#define END_NS	      (10 * NS_PER_S)

struct document {
	struct buf text; /* empty: there is none */
	struct kvlist headers; /* what goes back with it */
};

struct edit {
	struct store *store; /* borrowed */
	const char *id; /* borrowed */
	struct document before; /* at the first try: what is put back */
	struct document base; /* what this try begins with */
	struct buf next; /* what it sends */
	struct document now; /* what is there then */
	struct document theirs; /* what somebody has set, if anybody has */
	bool over; /* something was sent over that, and it is not back */
	bool others; /* they have set it in several ways: no server does */
	bool sent; /* something was */
	bool settled; /* it has failed, and what is there is known */
	int64_t took_ns; /* from the reading to the end of the writing */
	enum lifecycle_kept kept;
	char rule[REASON_RULE]; /* the one that is not as it was sent */
	char *reason; /* borrowed, size bytes */
	size_t size;
};

static void document_init(struct document *d)
{
	buf_init(&d->text, DOCUMENT_MAX);
	kvlist_init(&d->headers);
}

static void document_release(struct document *d)
{
	buf_release(&d->text);
	kvlist_release(&d->headers);
}

/* The text as bytes, NULL where there is none. */
static const char *document_text(const struct buf *text)
{
	return text->len ? text->data : NULL;
}

static int fail(struct edit *e, const struct store_request *r, int rc)
{
	bucket_explain(r->op, &r->reply, rc, e->reason, e->size);
	return rc;
}

static int fetch(struct edit *e, struct document *d)
{
	struct store_request r;
	const char *minimum;
	int rc;

	document_release(d);
	document_init(d);
	store_request_init(&r, STORE_GET_LIFECYCLE);
	rc = store_call(e->store, &r);
	if (rc == -ENODATA)
		rc = 0;
	else if (rc)
		fail(e, &r, rc);
	else
		rc = buf_add(&d->text, r.reply.body.data, r.reply.body.len);
	/* Without it the PUT would set it to what is usual today. */
	minimum = kvlist_get(&r.reply.object.headers, MINIMUM_SIZE);
	if (!rc && minimum)
		rc = kvlist_set(&d->headers, MINIMUM_SIZE, minimum);
	store_request_release(&r);
	return rc;
}

static int send_document(struct edit *e, const struct buf *text,
			 const struct kvlist *headers)
{
	struct store_request r;
	int rc;

	/* Also where no answer comes. */
	e->sent = true;
	e->over = e->theirs.text.len > 0;
	store_request_init(&r, text->len ? STORE_PUT_LIFECYCLE
					 : STORE_DELETE_LIFECYCLE);
	if (text->len) {
		r.body.mem = text->data;
		r.body.length = text->len;
		r.headers = headers;
	}
	rc = store_call(e->store, &r);
	if (rc)
		fail(e, &r, rc);
	store_request_release(&r);
	return rc;
}

/* Looks at what is there, against what was sent. */
static int look(struct edit *e)
{
	int rc = fetch(e, &e->now);

	return rc ? rc
		  : lifecycle_compare(document_text(&e->next), e->next.len,
				      document_text(&e->now.text),
				      e->now.text.len, e->id, &e->kept, e->rule,
				      sizeof(e->rule));
}

/* scattered: two who meet are not to meet again. 0, or -EINTR: given up. */
static int pause_for(int64_t ns, bool scattered)
{
	unsigned char dice = 0;

	if (scattered && RAND_bytes(&dice, 1) == 1)
		ns += ns * dice / 128;
	return cancel_sleep(ns);
}

static int64_t pause_of(const struct edit *e)
{
	int64_t ns = 3 * e->took_ns;

	if (ns < PAUSE_MIN_NS)
		return PAUSE_MIN_NS;
	return ns < PAUSE_MAX_NS ? ns : PAUSE_MAX_NS;
}

static int send_old(struct edit *e, const struct document *d)
{
	struct buf old;
	int rc = 0;

	buf_init(&old, DOCUMENT_MAX);
	if (d->text.len)
		rc = lifecycle_normalise(d->text.data, d->text.len, &old);
	if (!rc)
		rc = send_document(e, &old, &d->headers);
	buf_release(&old);
	return rc;
}

/*
 * The rules that were there before the edit are those that the server has
 * taken before: they are all that this writes over, and it writes them back.
 */
static int put_back(struct edit *e, const char *why)
{
	int rc = send_old(e, &e->before);

	e->over = false;
	e->settled = true;
	if (rc)
		snprintf(e->reason, e->size,
			 "the server does not keep rule \"%s\" as it was "
			 "sent, and the old rules could not be put back: "
			 "look at all of them",
			 e->rule);
	else
		snprintf(e->reason, e->size,
			 "the server %s rule \"%s\"; the rules are again "
			 "what they were before: set it without what this "
			 "server does not know (Ceph 16: keep=)",
			 why, e->rule);
	return -EIO;
}

/* Whether a document has the edited rule in another way than at first. */
static int is_rule_changed(struct edit *e, const struct document *d,
			   bool *ret_changed)
{
	char rule[REASON_RULE];
	enum lifecycle_kept kept;
	int rc = lifecycle_compare(document_text(&e->before.text),
				   e->before.text.len, document_text(&d->text),
				   d->text.len, e->id, &kept, rule,
				   sizeof(rule));

	if (!rc)
		*ret_changed = kept == LIFECYCLE_RULE_LOST;
	return rc;
}

static int refuse_second(struct edit *e)
{
	e->settled = true;
	snprintf(e->reason, e->size,
		 "somebody else has changed this rule at the same time, and "
		 "theirs stands (checked by reading it back): look at it, and "
		 "set it again");
	return -EBUSY;
}

/* What was sent from here stands, and gives way to what was there before. */
static int give_back(struct edit *e)
{
	int rc = send_old(e, &e->theirs);

	if (!rc) {
		document_release(&e->theirs);
		document_init(&e->theirs);
		e->over = false;
	}
	return rc;
}

static void take_theirs(struct edit *e)
{
	document_release(&e->theirs);
	e->theirs = e->now;
	document_init(&e->now);
}

/*
 * After the first look has found another rule: whose may it be? Nothing of ours
 * is over it yet.
 */
static int keep_theirs(struct edit *e)
{
	const struct buf *old = &e->theirs.text, *now = &e->now.text;
	enum lifecycle_kept kept = LIFECYCLE_KEPT;
	char rule[REASON_RULE];
	bool changed = false;
	int rc = is_rule_changed(e, &e->now, &changed);

	e->over = false;
	if (rc || !changed)
		return rc;
	if (old->len)
		rc = lifecycle_compare(old->data, old->len, document_text(now),
				       now->len, e->id, &kept, rule,
				       sizeof(rule));
	if (rc)
		return rc;
	e->others = e->others || kept == LIFECYCLE_RULE_LOST;
	take_theirs(e);
	return 0;
}

/* Reads, changes, sends, looks. */
static int try_once(struct edit *e, lifecycle_change_fn fn, void *ctx)
{
	int64_t start_ns = clock_mono_ns();
	int rc = fetch(e, &e->base);

	buf_release(&e->next);
	buf_init(&e->next, DOCUMENT_MAX);
	if (!rc)
		rc = fn(ctx, document_text(&e->base.text), e->base.text.len,
			&e->next, e->reason, e->size);
	/* Nothing before and nothing after. */
	if (!rc && !e->base.text.len && !e->next.len)
		return NOTHING_TO_DO;
	if (!rc)
		rc = send_document(e, &e->next, &e->base.headers);
	e->took_ns = clock_mono_ns() - start_ns;
	return rc ? rc : look(e);
}

/* The same once more: is it the server, or was it somebody else? */
static int send_again(struct edit *e)
{
	int rc = send_document(e, &e->next, &e->base.headers);

	return rc ? rc : look(e);
}

/* Ours is there, and another rule is not as it was sent: whose work is it? */
static int settle_others(struct edit *e)
{
	int rc;

	take_theirs(e);
	rc = send_again(e);
	if (rc)
		return rc;
	if (e->kept == LIFECYCLE_OTHERS_CHANGED)
		return put_back(e, "then reads otherwise");
	/* Whoever was faster has read what is gone now, or writes again. */
	if (e->kept == LIFECYCLE_RULE_LOST) {
		document_release(&e->theirs);
		document_init(&e->theirs);
		e->over = false;
		return -EAGAIN;
	}
	/* Theirs has our rule in it. */
	rc = give_back(e);
	if (!rc)
		rc = look(e);
	return !rc && e->kept == LIFECYCLE_RULE_LOST ? -EAGAIN : rc;
}

/*
 * After a try. 0: it stands; -EAGAIN: begin anew; else why not. *lost counts
 * the tries in a row that were not there right after they were sent.
 */
static int settle(struct edit *e, unsigned *lost)
{
	bool changed = false;
	int rc = 0;

	if (e->kept == LIFECYCLE_RULE_LOST) {
		rc = keep_theirs(e);
		if (rc || ++*lost < LOST_MAX)
			return rc ? rc : -EAGAIN;
		/* What is there now is theirs. */
		return e->others ? refuse_second(e)
				 : put_back(e, "does not keep all of");
	}
	*lost = 0;
	/* What this has overwritten since is what was sent from here. */
	if (e->theirs.text.len) {
		rc = give_back(e);
		return rc ? rc : refuse_second(e);
	}
	if (e->kept == LIFECYCLE_OTHERS_CHANGED)
		rc = settle_others(e);
	if (!rc)
		rc = pause_for(pause_of(e), false);
	if (!rc)
		rc = look(e);
	/* By now what others have done to other rules is theirs to do. */
	if (rc || e->kept != LIFECYCLE_RULE_LOST)
		return rc;
	rc = is_rule_changed(e, &e->now, &changed);
	if (!rc)
		rc = changed ? refuse_second(e) : -EAGAIN;
	return rc;
}

/* S3 has no condition for this write (no If-Match): what there is instead. */
static void tell_check(struct edit *e, unsigned tries)
{
	if (tries > 1)
		snprintf(e->reason, e->size,
			 "checked by reading it back: others changed rules at "
			 "the same time, so it was set %u times, on top of "
			 "theirs",
			 tries);
	else
		snprintf(e->reason, e->size,
			 "checked by reading it back, twice: nobody has "
			 "overwritten it");
}

static int edit_until_kept(struct edit *e, lifecycle_change_fn fn, void *ctx)
{
	unsigned lost = 0;
	int rc;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		rc = try_once(e, fn, ctx);
		if (!rc)
			rc = settle(e, &lost);
		if (!rc || rc == NOTHING_TO_DO) {
			tell_check(e, tries + 1);
			return 0;
		}
		if (rc == -EAGAIN)
			rc = pause_for(pause_of(e), true);
		if (rc)
			return rc;
	}
	e->settled = true;
	snprintf(e->reason, e->size,
		 "others change the rules all the time: this was overwritten "
		 "%d times",
		 TRIES);
	return -EBUSY;
}

static const char *ended_how(const struct edit *e)
{
	switch (e->kept) {
	case LIFECYCLE_KEPT:
		return "given up after the rule was sent: it stands";
	case LIFECYCLE_RULE_LOST:
		return "given up after the rule was sent: somebody else's "
		       "stands, or the server keeps it in another way: look at "
		       "it";
	case LIFECYCLE_OTHERS_CHANGED:
		break;
	}
	return "given up after the rule was sent: it stands, and another rule "
	       "is not as it was: look at all of them";
}

/* What is there when an edit has failed, and what is to be back. */
static void end_look(struct edit *e, int rc)
{
	char why[WHY_MAX];
	bool over = e->over;
	int end;

	snprintf(why, sizeof(why), "%s", rc == -EINTR ? "" : e->reason);
	end = look(e);
	/* Somebody's who came later is over all of it. */
	if (!end && over && e->kept != LIFECYCLE_RULE_LOST) {
		end = give_back(e);
		if (!end)
			snprintf(e->reason, e->size,
				 "%s%swhat somebody else has set at the same "
				 "time is there again: look at the rules",
				 why, *why ? "; " : "");
	} else if (!end && rc == -EINTR) {
		snprintf(e->reason, e->size, "%s", ended_how(e));
	} else if (!end) {
		snprintf(e->reason, e->size, "%s", why);
	}
	if (end)
		snprintf(e->reason, e->size,
			 "%s%sthe rules were sent, and could not be looked at "
			 "after it: look at all of them",
			 why, *why ? "; " : "");
}

/*
 * The edit has failed after it had sent something. It is looked at also for
 * who does not wait for it any more.
 */
static void end_failed(struct edit *e, int rc)
{
	struct cancel limit, *outer;

	cancel_init_until(&limit, NULL, clock_mono_ns() + END_NS);
	outer = cancel_enter(&limit);
	end_look(e, rc);
	cancel_enter(outer);
}

static void edit_init(struct edit *e)
{
	document_init(&e->before);
	document_init(&e->base);
	document_init(&e->now);
	document_init(&e->theirs);
	buf_init(&e->next, DOCUMENT_MAX);
}

static void edit_release(struct edit *e)
{
	document_release(&e->before);
	document_release(&e->base);
	document_release(&e->now);
	document_release(&e->theirs);
	buf_release(&e->next);
}

int lifecycle_change(struct store *store, const char *id,
		     lifecycle_change_fn edit, void *ctx, struct buf *ret_doc,
		     char *reason, size_t size)
{
	struct edit e = {
		.store = store, .id = id, .reason = reason, .size = size};
	int rc;

	edit_init(&e);
	rc = fetch(&e, &e.before);
	if (!rc)
		rc = edit_until_kept(&e, edit, ctx);
	if (rc && e.sent && !e.settled)
		end_failed(&e, rc);
	if (!rc && e.now.text.len)
		rc = buf_add(ret_doc, e.now.text.data, e.now.text.len);
	edit_release(&e);
	return rc;
}

int lifecycle_change_preview(struct store *store, lifecycle_change_fn edit,
			     void *ctx, struct buf *ret_diff, char *reason,
			     size_t size)
{
	struct edit e = {.store = store, .reason = reason, .size = size};
	int rc;

	*reason = '\0';
	edit_init(&e);
	rc = fetch(&e, &e.before);
	if (!rc)
		rc = edit(ctx, document_text(&e.before.text), e.before.text.len,
			  &e.next, reason, size);
	if (!rc)
		rc = lifecycle_diff(document_text(&e.before.text),
				    e.before.text.len, document_text(&e.next),
				    e.next.len, ret_diff);
	if (rc && !*reason)
		snprintf(reason, size, "%s", errtext(rc));
	edit_release(&e);
	return rc;
}

int lifecycle_change_bucket(struct bucket_config *c, struct store *store,
			    const char *id, lifecycle_change_fn edit, void *ctx,
			    char *reason, size_t size)
{
	struct buf out;
	int rc;

	*reason = '\0';
	buf_init(&out, DOCUMENT_MAX);
	rc = bucket_config_begin_edit(c);
	if (!rc) {
		rc = lifecycle_change(store, id, edit, ctx, &out, reason, size);
		bucket_config_end_edit(c, rc ? NULL : &out);
	}
	if (rc && !*reason)
		snprintf(reason, size, "%s", errtext(rc));
	buf_release(&out);
	return rc;
}
