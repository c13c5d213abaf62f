/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../../../src/sync/conflict_verdict.h"
#include "vers3/util/clock.h"

#define ID    "3HL4kqtJlcpXroDTDmJ"
#define OTHER "QUpfdndhfd8438MNFDN"

/* What is known of a key; etag NULL: that nothing is there. */
static void know(struct conflict *c, const char *path, const char *etag,
		 const char *version_id, const char *tried)
{
	struct meta_version known = {.last_modified_ns = 0};
	char list[META_TRIED_MAX + 1] = "";

	if (etag) {
		strcpy(known.key, path);
		strcpy(known.etag, etag);
		strcpy(known.version_id, version_id);
	}
	if (tried)
		meta_tried_add(list, tried);
	conflict_init(c, path, &known, false, list);
}

struct met {
	const char *what;
	const char *etag, *id, *tried; /* known */
	const char *has, *has_id; /* NULL: nothing is there */
	bool want;
};

static const struct met mets[] = {
	{"nothing, as known", NULL, "", NULL, NULL, NULL, false},
	{"gone", "a", "", NULL, NULL, NULL, true},
	{"gone, a save was tried", "a", "", "b", NULL, NULL, true},
	{"gone by our delete", "a", "", META_TRIED_NOTHING, NULL, NULL, false},
	{"new", NULL, "", NULL, "b", "", true},
	{"new, our save", NULL, "", "b", "b", "", false},
	{"new, a save of ours that is another", NULL, "", "c", "b", "", true},
	{"new, what we made of it is not known", NULL, "", META_TRIED_UNKNOWN,
	 "b", "", true},
	{"the same", "a", "", NULL, "a", "", false},
	{"the same version", "a", ID, NULL, "a", ID, false},
	{"the same version, its ETag is told otherwise", "a", ID, NULL, "b", ID,
	 false},
	{"the same bytes, another version", "a", ID, NULL, "a", OTHER, true},
	{"the same bytes, now null", "a", ID, NULL, "a", "null", true},
	{"null, the same", "a", "null", NULL, "a", "null", false},
	{"null, written again", "a", "null", NULL, "b", "null", true},
	{"null, now a version", "a", "null", NULL, "a", ID, true},
	{"no id is known", "a", "", NULL, "a", ID, false},
	{"no id is told", "a", ID, NULL, "a", "", false},
	{"no id is told, another", "a", ID, NULL, "b", "", true},
	{"another version, of our save", "a", ID, "b", "b", OTHER, false},
	{"no ETag is known", "", "", NULL, "a", "", true},
	{"no ETag is told", "a", "", NULL, "", "", true},
};

static void test_met(void **state)
{
	struct conflict c;

	(void)state;
	for (size_t i = 0; i < sizeof(mets) / sizeof(mets[0]); i++) {
		const struct met *t = &mets[i];
		struct store_object o = {.etag = (char *)t->has,
					 .version_id = (char *)t->has_id};

		know(&c, "f", t->etag, t->id, t->tried);
		if (conflict_is_met(&c, t->has ? &o : NULL) != t->want)
			fail_msg("%s", t->what);
	}
}

/* Bucket and replica have it by ids of their own. */
static void test_twins(void **state)
{
	static const struct {
		const char *etag, *id;
		bool met;
	} table[] = {
		{"a", ID, false},   {"b", ID, false},	  {"a", OTHER, false},
		{"b", OTHER, true}, {"a", "null", false}, {"", OTHER, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct store_object o = {.etag = (char *)table[i].etag,
					 .version_id = (char *)table[i].id};
		struct store_entry e = {.kind = STORE_ENTRY_VERSION,
					.key = "f",
					.etag = table[i].etag,
					.version_id = table[i].id,
					.last_modified_ns = 5 * NS_PER_S,
					.latest = true};
		struct conflict c;

		know(&c, "f", "a", ID, NULL);
		c.twins = true;
		c.modified_ns = NS_PER_S;
		assert_int_equal(conflict_is_met(&c, &o), table[i].met);
		assert_int_equal(conflict_shown(&c, &e) == CONFLICT_SHOWN_KNOWN,
				 !strcmp(table[i].etag, "a"));
	}
}

struct shown {
	const char *what, *path;
	const char *etag, *id, *tried; /* known */
	int64_t modified_ns;
	struct store_entry entry;
	enum conflict_shown want;
};

static const struct shown shows[] = {
	{"the same",
	 "f",
	 "a",
	 "",
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_OBJECT, .etag = "a"},
	 CONFLICT_SHOWN_KNOWN},
	{"the same, of its second",
	 "f",
	 "a",
	 "",
	 NULL,
	 NS_PER_S + 7,
	 {.kind = STORE_ENTRY_OBJECT,
	  .etag = "a",
	  .last_modified_ns = NS_PER_S},
	 CONFLICT_SHOWN_KNOWN},
	{"the same bytes, written later",
	 "f",
	 "a",
	 "",
	 NULL,
	 NS_PER_S,
	 {.kind = STORE_ENTRY_OBJECT,
	  .etag = "a",
	  .last_modified_ns = 2 * NS_PER_S},
	 CONFLICT_SHOWN_OTHER},
	{"the same version",
	 "f",
	 "a",
	 ID,
	 NULL,
	 NS_PER_S,
	 {.kind = STORE_ENTRY_VERSION,
	  .etag = "a",
	  .version_id = ID,
	  .latest = true},
	 CONFLICT_SHOWN_KNOWN},
	{"the same bytes, another version",
	 "f",
	 "a",
	 ID,
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_VERSION,
	  .etag = "a",
	  .version_id = OTHER,
	  .latest = true},
	 CONFLICT_SHOWN_OTHER},
	{"an old version",
	 "f",
	 "a",
	 ID,
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_VERSION, .etag = "a", .version_id = ID},
	 CONFLICT_SHOWN_NOTHING},
	{"a delete marker",
	 "f",
	 "a",
	 ID,
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_MARKER, .etag = "", .latest = true},
	 CONFLICT_SHOWN_NOTHING},
	{"another",
	 "f",
	 "a",
	 "",
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_OBJECT, .etag = "b"},
	 CONFLICT_SHOWN_OTHER},
	{"our save",
	 "f",
	 "a",
	 "",
	 "b",
	 0,
	 {.kind = STORE_ENTRY_OBJECT, .etag = "b"},
	 CONFLICT_SHOWN_OWN},
	{"no ETag is known",
	 "f",
	 "",
	 "",
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_OBJECT, .etag = ""},
	 CONFLICT_SHOWN_OTHER},
	{"nothing is known",
	 "f",
	 NULL,
	 "",
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_OBJECT, .etag = "a"},
	 CONFLICT_SHOWN_OTHER},
	{"a directory known by its names",
	 "d/",
	 NULL,
	 "",
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_OBJECT, .etag = "a"},
	 CONFLICT_SHOWN_OWN},
	{"a directory with bytes",
	 "d/",
	 NULL,
	 "",
	 NULL,
	 0,
	 {.kind = STORE_ENTRY_OBJECT, .etag = "a", .size_bytes = 1},
	 CONFLICT_SHOWN_OTHER},
};

static void test_shown(void **state)
{
	struct conflict c;

	(void)state;
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		const struct shown *t = &shows[i];

		know(&c, t->path, t->etag, t->id, t->tried);
		c.modified_ns = t->modified_ns;
		if (conflict_shown(&c, &t->entry) != t->want)
			fail_msg("%s", t->what);
	}
}

#define IF_MATCH      1
#define IF_NONE_MATCH 2
#define COPY	      4
#define REMOVE	      8
#define ALL	      (IF_MATCH | IF_NONE_MATCH | COPY | REMOVE)

struct condition {
	const char *what;
	enum store_op op;
	unsigned caps;
	const char *etag;
	bool unseen;
	enum conflict_condition want;
};

static const struct condition conditions[] = {
	{"put", STORE_PUT, ALL, "a", false, CONFLICT_IF_MATCH},
	{"put, no cap", STORE_PUT, ALL & ~IF_MATCH, "a", false, CONFLICT_BARE},
	{"put, no ETag", STORE_PUT, ALL, "", false, CONFLICT_BARE},
	{"put, unseen", STORE_PUT, ALL, "a", true, CONFLICT_BARE},
	{"put of a new one", STORE_PUT, ALL, NULL, false,
	 CONFLICT_IF_NONE_MATCH},
	{"put of a new one, unseen", STORE_PUT, ALL, NULL, true,
	 CONFLICT_IF_NONE_MATCH},
	{"put of a new one, no cap", STORE_PUT, ALL & ~IF_NONE_MATCH, NULL,
	 false, CONFLICT_BARE},
	{"completed", STORE_COMPLETE_UPLOAD, IF_MATCH, "a", false,
	 CONFLICT_IF_MATCH},
	{"copy", STORE_COPY, ALL, "a", false, CONFLICT_IF_MATCH},
	{"copy, no cap", STORE_COPY, ALL & ~COPY, "a", false, CONFLICT_BARE},
	{"copy to a new one, no cap", STORE_COPY, ALL & ~COPY, NULL, false,
	 CONFLICT_BARE},
	{"delete", STORE_DELETE, REMOVE, "a", false, CONFLICT_IF_MATCH},
	{"deletes", STORE_DELETE_MANY, REMOVE, "a", false, CONFLICT_IF_MATCH},
	{"delete, no cap", STORE_DELETE, ALL & ~REMOVE, "a", false,
	 CONFLICT_BARE},
	{"delete of nothing", STORE_DELETE, ALL, NULL, false, CONFLICT_BARE},
	{"delete, no ETag", STORE_DELETE, ALL, "", false, CONFLICT_BARE},
	{"delete, unseen", STORE_DELETE, ALL, "a", true, CONFLICT_BARE},
};

static void test_condition(void **state)
{
	struct conflict c;

	(void)state;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]);
	     i++) {
		const struct condition *t = &conditions[i];
		struct caps caps = {
			.if_match = t->caps & IF_MATCH,
			.if_none_match = t->caps & IF_NONE_MATCH,
			.copy = t->caps & COPY,
			.remove = t->caps & REMOVE,
		};

		know(&c, "f", t->etag, "", NULL);
		c.unseen = t->unseen;
		if (conflict_condition(&caps, &c, t->op) != t->want)
			fail_msg("%s", t->what);
	}
}

struct need {
	const char *what;
	struct conflict_need_facts facts;
	enum conflict_need want;
};

static const struct need needs[] = {
	{"new", {false, false, false, CONFLICT_IF_NONE_MATCH}, CONFLICT_SEND},
	{"known", {false, false, true, CONFLICT_IF_MATCH}, CONFLICT_LIST},
	{"new, no condition",
	 {false, false, false, CONFLICT_BARE},
	 CONFLICT_VOUCH},
	{"known, no condition",
	 {false, false, true, CONFLICT_BARE},
	 CONFLICT_VOUCH},
	{"doubtful", {false, true, true, CONFLICT_IF_MATCH}, CONFLICT_LOOK},
	{"doubtful, new",
	 {false, true, false, CONFLICT_IF_NONE_MATCH},
	 CONFLICT_LOOK},
	{"doubtful, no condition",
	 {false, true, false, CONFLICT_BARE},
	 CONFLICT_LOOK},
	{"directory", {true, false, true, CONFLICT_IF_MATCH}, CONFLICT_PLAIN},
	{"directory, doubtful",
	 {true, true, true, CONFLICT_BARE},
	 CONFLICT_PLAIN},
};

static void test_need(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (conflict_need(&needs[i].facts) != needs[i].want)
			fail_msg("%s", needs[i].what);
}

#define UNSEEN 1
#define MET    2

struct refusal {
	const char *what;
	enum conflict_condition condition;
	int rc;
	unsigned status;
	const char *code;
	enum conflict_refusal why;
	unsigned look; /* what it has found */
	enum conflict_again want;
};

static const struct refusal refusals[] = {
	{"done", CONFLICT_IF_MATCH, 0, 200, "", CONFLICT_ELSE, 0,
	 CONFLICT_STANDS},
	{"others'", CONFLICT_IF_MATCH, -EBUSY, 412, "PreconditionFailed",
	 CONFLICT_REFUSED, MET, CONFLICT_AGAIN},
	{"others' new one", CONFLICT_IF_NONE_MATCH, -EBUSY, 412,
	 "PreconditionFailed", CONFLICT_REFUSED, MET, CONFLICT_AGAIN},
	{"ours, late", CONFLICT_IF_MATCH, -EBUSY, 412, "PreconditionFailed",
	 CONFLICT_REFUSED, 0, CONFLICT_AGAIN},
	{"others', unseen", CONFLICT_IF_NONE_MATCH, -EBUSY, 412,
	 "PreconditionFailed", CONFLICT_REFUSED, UNSEEN, CONFLICT_AGAIN_MET},
	{"412 without a condition", CONFLICT_BARE, -EBUSY, 412,
	 "PreconditionFailed", CONFLICT_ELSE, MET, CONFLICT_STANDS},
	{"at work", CONFLICT_IF_MATCH, -EBUSY, 409, "OperationAborted",
	 CONFLICT_ELSE, MET, CONFLICT_STANDS},
	{"gone", CONFLICT_IF_MATCH, -ENOENT, 404, "NoSuchKey", CONFLICT_ABSENT,
	 MET, CONFLICT_AGAIN},
	{"the source is gone", CONFLICT_IF_MATCH, -ENOENT, 404, "NoSuchKey",
	 CONFLICT_ABSENT, 0, CONFLICT_STANDS},
	{"the upload is gone", CONFLICT_IF_MATCH, -ENOENT, 404, "NoSuchUpload",
	 CONFLICT_ELSE, MET, CONFLICT_STANDS},
	{"a new one's source is gone", CONFLICT_IF_NONE_MATCH, -ENOENT, 404,
	 "NoSuchKey", CONFLICT_ELSE, 0, CONFLICT_STANDS},
	{"not to be read", CONFLICT_IF_MATCH, -EACCES, 403, "AccessDenied",
	 CONFLICT_DENIED, UNSEEN, CONFLICT_AGAIN},
	{"not to be written", CONFLICT_IF_MATCH, -EACCES, 403, "AccessDenied",
	 CONFLICT_DENIED, 0, CONFLICT_STANDS},
	{"a new one is not allowed", CONFLICT_IF_NONE_MATCH, -EACCES, 403,
	 "AccessDenied", CONFLICT_ELSE, UNSEEN, CONFLICT_STANDS},
	{"no answer", CONFLICT_IF_MATCH, -EIO, 0, "", CONFLICT_ELSE, MET,
	 CONFLICT_STANDS},
};

static void test_refusal(void **state)
{
	struct conflict c;

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *t = &refusals[i];
		struct store_request r;

		store_request_init(&r, STORE_PUT);
		if (t->condition == CONFLICT_IF_MATCH)
			r.if_match = "a";
		if (t->condition == CONFLICT_IF_NONE_MATCH)
			r.if_none_match = "*";
		r.reply.status = (int)t->status;
		strcpy(r.reply.code, t->code);
		if (conflict_refusal(&r, t->rc) != t->why)
			fail_msg("%s: why", t->what);
		store_request_release(&r);
		know(&c, "f", "a", "", NULL);
		c.unseen = t->look & UNSEEN;
		c.met = t->look & MET;
		if (conflict_again(t->why, &c) != t->want)
			fail_msg("%s", t->what);
	}
}

struct looked {
	const char *what;
	struct conflict_looked_facts facts;
	enum conflict_delete_look want;
};

static const struct looked looks[] = {
	{"known", {0, false, false, false, false}, CONFLICT_DELETE_KNOWN},
	{"gone", {0, false, false, true, false}, CONFLICT_DELETE_AGREED},
	{"deleted by others",
	 {0, false, false, true, true},
	 CONFLICT_DELETE_AGREED},
	{"others'", {0, false, false, false, true}, CONFLICT_DELETE_THEIRS},
	{"unseen, a list shows it",
	 {0, false, true, false, false},
	 CONFLICT_DELETE_KNOWN},
	{"not allowed with its ETag",
	 {0, true, true, false, false},
	 CONFLICT_DELETE_KNOWN},
	{"not allowed", {0, true, false, false, false}, CONFLICT_DELETE_DENIED},
	{"not allowed, gone",
	 {0, true, false, true, false},
	 CONFLICT_DELETE_AGREED},
	{"not allowed, others'",
	 {0, true, false, false, true},
	 CONFLICT_DELETE_THEIRS},
	{"no answer",
	 {-EIO, false, false, false, false},
	 CONFLICT_DELETE_UNKNOWN},
	{"no answer, not allowed before",
	 {-EIO, true, true, false, false},
	 CONFLICT_DELETE_UNKNOWN},
};

static void test_looked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (conflict_delete_looked(&looks[i].facts) != looks[i].want)
			fail_msg("%s", looks[i].what);
}

struct answered {
	const char *what;
	struct conflict_answered_facts facts;
	bool want;
};

static const struct answered answers[] = {
	{"done", {0, true, false, false}, false},
	{"nothing was there", {-ENOENT, true, false, false}, false},
	{"another ETag", {-EBUSY, true, false, false}, true},
	{"another ETag, looked at", {-EBUSY, true, false, true}, false},
	{"busy, without its ETag", {-EBUSY, false, false, false}, false},
	{"not allowed", {-EACCES, true, false, false}, true},
	{"not allowed, looked at", {-EACCES, true, false, true}, false},
	{"not allowed, without its ETag",
	 {-EACCES, false, false, false},
	 false},
	{"failed", {-EIO, true, false, false}, false},
	{"lost", {-EIO, false, true, false}, true},
	{"lost, looked at", {-EIO, true, true, true}, true},
};

static void test_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (conflict_delete_reopens(&answers[i].facts) !=
		    answers[i].want)
			fail_msg("%s", answers[i].what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_met),	  cmocka_unit_test(test_shown),
		cmocka_unit_test(test_condition), cmocka_unit_test(test_need),
		cmocka_unit_test(test_refusal),	  cmocka_unit_test(test_looked),
		cmocka_unit_test(test_answered),  cmocka_unit_test(test_twins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
