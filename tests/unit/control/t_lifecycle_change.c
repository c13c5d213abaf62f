/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of the lifecycle, with servers and neighbours that spoil them. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/control/lifecycle_change.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/store/memory.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#define MINIMUM "x-amz-transition-default-minimum-object-size"

/* A layer over the memory store, which keeps rules in a way of its own. */
struct rig {
	struct store store;
	/* Changes a document before it is kept; may be NULL. */
	char *(*keep)(struct rig *rig, const char *doc);
	pthread_mutex_t mutex;
	char minimum[64]; /* as the last PUT had it; protected by mutex */
	_Atomic unsigned puts, looks;
	unsigned before_look; /* a neighbour writes theirs then; 0: never */
	const char *theirs;
	unsigned fail_look; /* that one fails; 0: none */
};

/* Somebody who had read the rules before: what is there goes. */
static void neighbour(struct rig *rig)
{
	struct store_request r;

	store_request_init(&r, STORE_PUT_LIFECYCLE);
	r.body.mem = rig->theirs;
	r.body.length = strlen(rig->theirs);
	assert_int_equal(store_call(rig->store.below, &r), 0);
	store_request_release(&r);
}

static int rig_put(struct rig *rig, struct store_request *r)
{
	const char *minimum =
		r->headers ? kvlist_get(r->headers, MINIMUM) : NULL;
	char *doc = strndup(r->body.mem, r->body.length), *kept;
	struct store_request mine = *r;
	int rc;

	assert_non_null(doc);
	rig->puts++;
	pthread_mutex_lock(&rig->mutex);
	snprintf(rig->minimum, sizeof(rig->minimum), "%s",
		 minimum ? minimum : "");
	pthread_mutex_unlock(&rig->mutex);
	kept = rig->keep ? rig->keep(rig, doc) : strdup(doc);
	mine.body.mem = kept;
	mine.body.length = strlen(kept);
	rc = store_call(rig->store.below, &mine);
	r->reply = mine.reply;
	free(doc);
	free(kept);
	return rc;
}

static int rig_call(struct store *s, struct store_request *r)
{
	struct rig *rig = (struct rig *)s;
	int rc;

	if (r->op == STORE_PUT_LIFECYCLE)
		return rig_put(rig, r);
	if (r->op == STORE_GET_LIFECYCLE && rig->puts &&
	    ++rig->looks == rig->before_look)
		neighbour(rig);
	if (r->op == STORE_GET_LIFECYCLE && rig->fail_look &&
	    rig->looks == rig->fail_look)
		return -EACCES;
	rc = store_call(s->below, r);
	if (!rc && r->op == STORE_GET_LIFECYCLE)
		rc = kvlist_set(&r->reply.object.headers, MINIMUM,
				"varies_by_storage_class");
	return rc;
}

static void rig_free(struct store *s)
{
	struct rig *rig = (struct rig *)s;

	store_free(s->below);
	pthread_mutex_destroy(&rig->mutex);
	free(rig);
}

static const struct store_ops rig_ops = {
	.name = "rig", .call = rig_call, .free = rig_free};

static struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->store.ops = &rig_ops;
	pthread_mutex_init(&rig->mutex, NULL);
	assert_int_equal(memory_store_new(true, &rig->store.below), 0);
	return rig;
}

static int set_rule(void *ctx, const char *doc, size_t len, struct buf *out,
		    char *reason, size_t size)
{
	const char *words[] = {"prefix=x/", "expire=7d"};
	struct lifecycle_spec spec;
	int rc = lifecycle_spec_parse(words, 2, &spec, reason, size);

	assert_int_equal(rc, 0);
	rc = lifecycle_set(doc, len, ctx, &spec, out, reason, size);
	lifecycle_spec_release(&spec);
	return rc;
}

static int drop_rule(void *ctx, const char *doc, size_t len, struct buf *out,
		     char *reason, size_t size)
{
	(void)reason;
	(void)size;
	return doc ? lifecycle_remove(doc, len, ctx, out) : -ENOENT;
}

static int edit(struct rig *rig, lifecycle_change_fn fn, const char *id,
		char *reason, size_t size)
{
	struct buf doc;
	int rc;

	buf_init(&doc, 1 << 20);
	rc = lifecycle_change(&rig->store, id, fn, (void *)id, &doc, reason,
			      size);
	buf_release(&doc);
	return rc;
}

/* What the bucket has, below the rig. */
static void read_rules(struct rig *rig, struct lifecycle *l)
{
	struct store_request r;

	memset(l, 0, sizeof(*l));
	store_request_init(&r, STORE_GET_LIFECYCLE);
	if (!store_call(rig->store.below, &r))
		assert_int_equal(lifecycle_parse(r.reply.body.data,
						 r.reply.body.len, l),
				 0);
	store_request_release(&r);
}

static size_t count_rules(struct rig *rig)
{
	struct lifecycle l;
	size_t count;

	read_rules(rig, &l);
	count = l.count;
	lifecycle_release(&l);
	return count;
}

static void plain(void **state)
{
	struct rig *rig = rig_new();
	char reason[256] = "";

	(void)state;
	assert_int_equal(edit(rig, set_rule, "a", reason, sizeof(reason)), 0);
	assert_int_equal(rig->puts, 1);
	assert_string_equal(rig->minimum, "");
	assert_int_equal(edit(rig, set_rule, "b", reason, sizeof(reason)), 0);
	/* What goes with the document goes back with it. */
	assert_string_equal(rig->minimum, "varies_by_storage_class");
	assert_int_equal(count_rules(rig), 2);
	assert_int_equal(edit(rig, drop_rule, "a", reason, sizeof(reason)), 0);
	assert_int_equal(edit(rig, drop_rule, "b", reason, sizeof(reason)), 0);
	assert_int_equal(count_rules(rig), 0);
	store_free(&rig->store);
}

/* In place of what is there the first time, always. */
static char *with(const char *doc, const char *from, const char *to)
{
	const char *at = strstr(doc, from);
	char *text;

	if (!at)
		return strdup(doc);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - doc), doc, to,
			     at + strlen(from)) > 0);
	return text;
}

/* A server that reads another rule otherwise once it is sent by us. */
static char *widen(struct rig *rig, const char *doc)
{
	return rig->puts > 1 && strstr(doc, "<ID>new</ID>")
		       ? with(doc, "<Prefix>x/</Prefix>", "<Prefix></Prefix>")
		       : strdup(doc);
}

static void misread(void **state)
{
	struct rig *rig = rig_new();
	char reason[256] = "";
	struct lifecycle l;

	(void)state;
	rig->keep = widen;
	assert_int_equal(edit(rig, set_rule, "old", reason, sizeof(reason)), 0);
	assert_int_equal(edit(rig, set_rule, "new", reason, sizeof(reason)),
			 -EIO);
	assert_non_null(strstr(reason, "\"old\""));
	read_rules(rig, &l);
	assert_int_equal(l.count, 1);
	assert_string_equal(l.rules[0].id, "old");
	assert_string_equal(l.rules[0].prefix, "x/");
	lifecycle_release(&l);
	store_free(&rig->store);
}

static char *shorten(struct rig *rig, const char *doc)
{
	(void)rig;
	return with(doc, "<Days>7</Days>", "<Days>1</Days>");
}

/* A server that does not keep what was asked for: better nothing than that. */
static void not_kept(void **state)
{
	struct rig *rig = rig_new();
	char reason[256] = "";

	(void)state;
	rig->keep = shorten;
	assert_int_equal(edit(rig, set_rule, "a", reason, sizeof(reason)),
			 -EIO);
	assert_non_null(strstr(reason, "does not keep"));
	assert_int_equal(count_rules(rig), 0);
	store_free(&rig->store);
}

struct editor {
	struct rig *rig;
	int number, failures;
};

#define EDITS 4

static void *edit_often(void *arg)
{
	struct editor *e = arg;

	for (int i = 0; i < EDITS; i++) {
		char id[16], reason[256];

		snprintf(id, sizeof(id), "%d-%d", e->number, i);
		if (edit(e->rig, set_rule, id, reason, sizeof(reason)))
			e->failures++;
	}
	return NULL;
}

/* Slow enough that each is overwritten by the other now and then. */
static char *slowly(struct rig *rig, const char *doc)
{
	struct timespec pause = {0, 20 * NS_PER_MS};

	(void)rig;
	nanosleep(&pause, NULL);
	return strdup(doc);
}

/* Whoever is told that a rule is set finds it there in the end. */
static void two_at_once(void **state)
{
	struct rig *rig = rig_new();
	struct editor e[2] = {{rig, 0, 0}, {rig, 1, 0}};
	pthread_t threads[2];

	(void)state;
	rig->keep = slowly;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, edit_often,
						&e[i]),
				 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(e[0].failures + e[1].failures, 0);
	assert_int_equal(count_rules(rig), 2 * EDITS);
	store_free(&rig->store);
}

#define THEIRS(id)                                                             \
	"<LifecycleConfiguration><Rule><ID>" id "</ID><Filter><Prefix>y/"      \
	"</Prefix></Filter><Status>Enabled</Status><Expiration><Days>99"       \
	"</Days></Expiration></Rule></LifecycleConfiguration>"

/* Of two who change one rule, one is told, and the other's stands whole. */
static void same_rule(void **state)
{
	static const struct {
		unsigned before_look;
		const char *theirs;
		int rc;
		const char *says;
		uint64_t days[2]; /* of a, of b */
	} table[] = {
		{1, THEIRS("a"), -EBUSY, "somebody else", {99, 0}},
		{2, THEIRS("a"), -EBUSY, "somebody else", {99, 0}},
		{1, THEIRS("b"), 0, "set 2 times", {7, 99}},
		{2, THEIRS("b"), 0, "set 2 times", {7, 99}},
		{0, NULL, 0, "reading it back, twice", {7, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rig *rig = rig_new();
		uint64_t days[2] = {0, 0};
		char reason[256] = "";
		struct lifecycle l;

		rig->before_look = table[i].before_look;
		rig->theirs = table[i].theirs;
		assert_int_equal(edit(rig, set_rule, "a", reason,
				      sizeof(reason)),
				 table[i].rc);
		assert_non_null(strstr(reason, table[i].says));
		read_rules(rig, &l);
		for (size_t j = 0; j < l.count; j++)
			days[l.rules[j].id[0] - 'a'] = l.rules[j].expire_days;
		assert_int_equal(days[0], table[i].days[0]);
		assert_int_equal(days[1], table[i].days[1]);
		lifecycle_release(&l);
		store_free(&rig->store);
	}
}

/* What would change is told, and nothing is sent. */
static struct cancel given_up;

static char *give_up(struct rig *rig, const char *doc)
{
	(void)rig;
	cancel_set(&given_up);
	return strdup(doc);
}

/* Who gives up does not wait for the later look. */
static void interrupted(void **state)
{
	struct rig *rig = rig_new();
	char reason[256] = "";

	(void)state;
	rig->keep = give_up;
	cancel_init(&given_up, NULL);
	cancel_enter(&given_up);
	assert_int_equal(edit(rig, set_rule, "a", reason, sizeof(reason)),
			 -EINTR);
	cancel_enter(NULL);
	assert_int_equal(rig->puts, 1);
	assert_int_equal(count_rules(rig), 1);
	/* But what was sent was looked at. */
	assert_true(rig->looks >= 1);
	assert_non_null(strstr(reason, "it stands"));
	store_free(&rig->store);
}

static void put_below(struct rig *rig, const char *doc)
{
	rig->theirs = doc;
	neighbour(rig);
}

static void days_are(struct rig *rig, uint64_t a, uint64_t b)
{
	uint64_t days[2] = {0, 0};
	struct lifecycle l;

	read_rules(rig, &l);
	for (size_t j = 0; j < l.count; j++)
		days[l.rules[j].id[0] - 'a'] = l.rules[j].expire_days;
	lifecycle_release(&l);
	assert_int_equal(days[0], a);
	assert_int_equal(days[1], b);
}

#define ONE(id, prefix, days)                                                  \
	"<Rule><ID>" id "</ID><Filter><Prefix>" prefix "</Prefix></Filter>"    \
	"<Status>Enabled</Status><Expiration><Days>" days                      \
	"</Days></Expiration></Rule>"
#define DOC(rules) "<LifecycleConfiguration>" rules "</LifecycleConfiguration>"

/*
 * Somebody who has read ours changes another rule before it is looked at: the
 * edit sends its own once more to tell the server from them, and gives theirs
 * back, also where nobody waits for it any more or the server fails.
 */
static void other_rule(void **state)
{
	static const struct {
		unsigned fail_look;
		int rc;
	} table[] = {{0, 0}, {2, -EACCES}, {3, -EACCES}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rig *rig = rig_new();
		char reason[256] = "";

		put_below(rig, DOC(ONE("b", "y/", "99")));
		rig->theirs = DOC(ONE("b", "y/", "55") ONE("a", "x/", "7"));
		rig->before_look = 1;
		rig->fail_look = table[i].fail_look;
		assert_int_equal(edit(rig, set_rule, "a", reason,
				      sizeof(reason)),
				 table[i].rc);
		days_are(rig, 7, 55);
		store_free(&rig->store);
	}
}

/* The same rule: what was sent over theirs goes, whatever ends the edit. */
static void ends_early(void **state)
{
	struct rig *rig = rig_new();
	char reason[256] = "";

	(void)state;
	put_below(rig, DOC(ONE("a", "x/", "3")));
	rig->theirs = DOC(ONE("a", "x/", "99"));
	rig->before_look = 1;
	/* The try that is sent over theirs reads, sends, and cannot look. */
	rig->fail_look = 3;
	assert_int_equal(edit(rig, set_rule, "a", reason, sizeof(reason)),
			 -EACCES);
	assert_int_equal(rig->puts, 3);
	assert_non_null(strstr(reason, "is there again"));
	days_are(rig, 99, 0);
	store_free(&rig->store);
}

static char *set_by_others(struct rig *rig, const char *doc)
{
	(void)doc;
	return rig->puts == 1
		       ? strdup(DOC(ONE("a", "x/", "91")))
		       : strdup(rig->puts == 2 ? DOC(ONE("a", "x/", "92"))
					       : DOC(ONE("a", "x/", "93")));
}

/* A rule that is another each time is no server's: theirs stands. */
static void set_all_the_time(void **state)
{
	struct rig *rig = rig_new();
	char reason[256] = "";

	(void)state;
	rig->keep = set_by_others;
	assert_int_equal(edit(rig, set_rule, "a", reason, sizeof(reason)),
			 -EBUSY);
	assert_int_equal(rig->puts, 3);
	days_are(rig, 93, 0);
	store_free(&rig->store);
}

static void previewed(void **state)
{
	struct rig *rig = rig_new();
	char reason[256] = "";
	struct buf diff;

	(void)state;
	buf_init(&diff, 1 << 20);
	assert_int_equal(lifecycle_change_preview(&rig->store, set_rule,
						  (void *)"a", &diff, reason,
						  sizeof(reason)),
			 0);
	assert_non_null(strstr(diff.data, "\n+    <ID>a</ID>\n"));
	assert_int_equal(rig->puts, 0);
	buf_reset(&diff);
	assert_int_equal(lifecycle_change_preview(&rig->store, drop_rule,
						  (void *)"a", &diff, reason,
						  sizeof(reason)),
			 -ENOENT);
	assert_string_not_equal(reason, "");
	assert_int_equal(rig->puts, 0);
	buf_release(&diff);
	store_free(&rig->store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(misread),
		cmocka_unit_test(not_kept),
		cmocka_unit_test(two_at_once),
		cmocka_unit_test(same_rule),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(other_rule),
		cmocka_unit_test(ends_early),
		cmocka_unit_test(set_all_the_time),
		cmocka_unit_test(previewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
