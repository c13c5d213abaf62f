/* SPDX-License-Identifier: Apache-2.0 */
/* What fails is told in the server's words, and with what it takes. */
#include "../vfs_fixture.h"
#include "../control_rig.h"
#include "../store_count.h"

#include <errno.h>

#include "../../../src/store/refusals.h"
#include "vers3/core/caps.h"
#include "vers3/sync/failure.h"

#define WORDS	     "PutObject: 403 AccessDenied: not you (request r-1)"
#define DELETE_WORDS "DeleteObjects: AccessDenied: not you (request r-1)"

/* A server that refuses some, by what the test says. */
struct refuser {
	struct store store; /* first */
	const char *key; /* changes of it; NULL: of none. Set while idle */
	bool all; /* any upload that begins */
};

static struct refuser *refuser; /* of the running test */

static void say_no(struct store_request *r, int status, const char *code,
		   const char *message)
{
	store_reply_reset(&r->reply);
	r->reply.status = status;
	snprintf(r->reply.code, sizeof(r->reply.code), "%s", code);
	snprintf(r->reply.message, sizeof(r->reply.message), "%s", message);
	strcpy(r->reply.request_id, "r-1");
}

/* All of them, each with words of its own. */
static int refuse_deletes(struct store_request *r)
{
	for (size_t i = 0; i < r->delete_count; i++) {
		r->deletes[i].result = -EACCES;
		strcpy(r->deletes[i].code, "AccessDenied");
		strcpy(r->deletes[i].message, "not you");
	}
	store_reply_reset(&r->reply);
	r->reply.status = 200;
	strcpy(r->reply.request_id, "r-1");
	return 0;
}

static int refuser_call(struct store *s, struct store_request *r)
{
	const char *class = NULL;

	if (r->headers)
		class = kvlist_get(r->headers, "x-amz-storage-class");
	if (r->op == STORE_CREATE_UPLOAD &&
	    (refuser->all || (class && !strcmp(class, "NOSUCH")))) {
		say_no(r, 400, "InvalidArgument", "");
		return -EINVAL;
	}
	if (r->op == STORE_DELETE_MANY && refuser->key)
		return refuse_deletes(r);
	if (r->op == STORE_PUT && refuser->key &&
	    !strcmp(r->key, refuser->key)) {
		say_no(r, 403, "AccessDenied", "not you");
		return -EACCES;
	}
	return store_call(s->below, r);
}

static const struct store_ops refuser_ops = {"refuser", refuser_call,
					     vfs_fixture_free_layer};

static int setup(void **state)
{
	refuser = calloc(1, sizeof(*refuser));
	assert_non_null(refuser);
	return vfs_fixture_setup_over(state, &refuser->store, &refuser_ops);
}

#define FAILURE_TEST(fn)                                                       \
	cmocka_unit_test_setup_teardown(fn, setup, vfs_fixture_teardown)

/* Whether the state has this text. */
static void tells(struct vfs_fixture *f, const char *text, bool wanted)
{
	char *all = control_show(f->v);

	if (!strstr(all, text) == wanted)
		fail_msg("%s %s in:\n%s", wanted ? "no" : "a", text, all);
	free(all);
}

static void test_put(void **state)
{
	struct vfs_fixture *f = *state;
	struct failure why;

	refuser->key = VFS_FIXTURE_PREFIX "file";
	vfs_fixture_write(f, "file", "x");
	vfs_fixture_write(f, "other", "x");
	assert_int_not_equal(vfs_drain(f->v), 0);
	tells(f, "[sync \"file\"]", true);
	tells(f, "[sync \"other\"]", false);
	tells(f, "lastError = \"" WORDS "\"", true);
	tells(f, "\terror = \"" WORDS "\"", true);
	tells(f, "\tadvice = ", true);
	tells(f, "\ttries = ", true);
	failure_explain(f->v->syncer, "file", EACCES, &why);
	assert_string_equal(why.words, WORDS);
	assert_non_null(strstr(why.advice, "allow these credentials"));
	/* Of another error the server has said nothing. */
	failure_explain(f->v->syncer, "file", EIO, &why);
	assert_string_equal(why.words, strerror(EIO));
	assert_null(why.advice);
	failure_explain(f->v->syncer, "other", EDQUOT, &why);
	assert_string_equal(why.words, strerror(EDQUOT));
	assert_non_null(strstr(why.advice, "quota"));
	/* Once it is taken nothing is left of it. */
	refuser->key = NULL;
	assert_int_equal(vfs_drain(f->v), 0);
	tells(f, "[sync \"", false);
	failure_explain(f->v->syncer, "file", EACCES, &why);
	assert_string_equal(why.words, strerror(EACCES));
}

static void test_delete(void **state)
{
	struct vfs_fixture *f = *state;

	vfs_fixture_write(f, "file", "x");
	vfs_fixture_write(f, "more", "x");
	assert_int_equal(vfs_drain(f->v), 0);
	refuser->key = VFS_FIXTURE_PREFIX "file";
	assert_int_equal(vfs_unlink(f->v, META_ROOT_INO, "file"), 0);
	assert_int_equal(vfs_unlink(f->v, META_ROOT_INO, "more"), 0);
	assert_int_not_equal(vfs_drain(f->v), 0);
	tells(f, "\terror = \"" DELETE_WORDS "\"", true);
	refuser->key = NULL;
	assert_int_equal(vfs_drain(f->v), 0);
	tells(f, "[sync \"", false);
}

/* Only so many keys are remembered: the newest. */
static void test_bound(void **state)
{
	struct refusals *f = calloc(1, sizeof(*f));
	struct metrics_refusal what;
	struct store_request r;
	char key[16];

	(void)state;
	assert_non_null(f);
	store_request_init(&r, STORE_PUT);
	r.key = key;
	r.reply.status = 403;
	for (int i = 0; i < REFUSALS_MAX + 10; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		refusals_note(f, &r, -EACCES, false);
	}
	assert_int_equal(f->count, REFUSALS_MAX);
	assert_false(refusals_find(f, "k0", &what));
	assert_true(refusals_find(f, "k10", &what));
	assert_true(refusals_find(f, key, &what));
	/* What found nothing of it is another request. */
	r.op = STORE_HEAD;
	refusals_note(f, &r, -ENOENT, true);
	assert_true(refusals_find(f, key, &what));
	r.op = STORE_PUT;
	refusals_note(f, &r, 0, true);
	assert_false(refusals_find(f, key, &what));
	refusals_release(f);
	store_request_release(&r);
	free(f);
}

static void test_class(void **state)
{
	struct vfs_fixture *f = *state;
	struct metrics_snapshot m;
	char answer[512];

	assert_int_equal(caps_class(f->meta, f->store, "p/", "STANDARD_IA"), 0);
	assert_int_equal(caps_class(f->meta, f->store, "p/", "NOSUCH"),
			 -EINVAL);
	/* A rule is the server's to judge: this is told beside it. */
	assert_int_equal(control_run(f->v, "lifecycle set a class=NOSUCH:30d\n",
				     answer, sizeof(answer)),
			 0);
	assert_non_null(strstr(answer, "class=NOSUCH: the server takes no"));
	assert_int_equal(control_run(f->v, "lifecycle remove a\n", answer,
				     sizeof(answer)),
			 0);
	tells(f, "[lifecycle \"a\"]", false);
	assert_int_equal(control_run(f->v,
				     "lifecycle set a class=STANDARD_IA:30d\n",
				     answer, sizeof(answer)),
			 0);
	assert_null(strstr(answer, "takes no uploads"));
	tells(f, "[lifecycle \"a\"]", true);
	/* Where no upload can be begun nothing is known of classes. */
	refuser->all = true;
	assert_int_equal(caps_class(f->meta, f->store, "p/", "NOSUCH"), 0);
	assert_int_equal(store_count(f->store, STORE_LIST_UPLOADS), 0);
	metrics_store_read(f->store, &m);
	assert_int_equal(m.ops[STORE_CREATE_UPLOAD].errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAILURE_TEST(test_put),
		FAILURE_TEST(test_delete),
		cmocka_unit_test(test_bound),
		FAILURE_TEST(test_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
