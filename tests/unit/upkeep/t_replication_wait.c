/* SPDX-License-Identifier: Apache-2.0 */
/* replication wait, as the control file answers, over two buckets. */
#include "replica_rig.h"

#include <pthread.h>

#include "vers3/util/cancel.h"

static void test_all_there(void **state)
{
	struct replica_rig *g = *state;

	both(g, "a", "1");
	both(g, "a", NULL);
	both(g, "b", "1");
	there(g, "more", "1");
	rig_forget_requests(g->r);
	SAYS(g, "replication wait", 0,
	     "[wait]\n\tresult = PASS\n\tversions = 3\n\tmissing = 0\n");
	/* Lists have told all of it. */
	assert_int_equal(rig_count(g->r, "HeadObject"), 0);
	SAYS(g, "replication wait a timeout=5s", 0, "\tversions = 2\n");
	SAYS(g, "sync replica b", 0, "\tversions = 1\n");
	SAYS(g, "sync replica nothing timeout=5s", -ENOENT,
	     "replication wait: nothing: there is no such path\n");
	/* What the replica alone has was never saved here. */
	SAYS(g, "replication wait more", -ENOENT, "more: there is no such");
}

/* The copy, which comes late. */
struct late {
	pthread_t thread;
	struct replica_rig *g;
	int rc;
};

static void *copy_late(void *arg)
{
	struct late *l = arg;
	struct timespec pause = clock_timespec(150 * NS_PER_MS);

	nanosleep(&pause, NULL);
	l->rc = replica_rig_do(l->g->replica, "a", "old", NULL);
	nanosleep(&pause, NULL);
	if (!l->rc)
		l->rc = replica_rig_do(l->g->replica, "a", "new", NULL);
	nanosleep(&pause, NULL);
	if (!l->rc)
		l->rc = replica_rig_do(l->g->replica, "b", NULL, NULL);
	return NULL;
}

/* What comes is waited for: old versions and the marker, too. */
static void test_late(void **state)
{
	struct replica_rig *g = *state;
	struct late late = {.g = g, .rc = -1};
	int64_t began = clock_mono_ns();

	own(g, "a", "old");
	own(g, "a", "new");
	own(g, "b", NULL);
	assert_int_equal(pthread_create(&late.thread, NULL, copy_late, &late),
			 0);
	SAYS(g, "replication wait timeout=30s", 0, "result = PASS",
	     "\tversions = 3\n\tmissing = 0\n");
	pthread_join(late.thread, NULL);
	assert_int_equal(late.rc, 0);
	assert_true(clock_mono_ns() - began >= 450 * NS_PER_MS);
}

static void test_too_late(void **state)
{
	struct replica_rig *g = *state;

	both(g, "a", "1");
	own(g, "a", "2");
	own(g, "b", NULL);
	SAYS(g, "replication wait timeout=1s", -ETIMEDOUT,
	     "\tpath = a\n\tstate = pending\n\tmarker = false\n",
	     "\tpath = b\n\tstate = pending\n\tmarker = true\n",
	     "it is not in the replica",
	     "[wait]\n\tresult = FAIL\n\tversions = 3\n\tmissing = 2\n"
	     "\tseconds = 1\n\toldestSeconds = ",
	     "replication wait: 2 of 3 versions are not in the other region, "
	     "the oldest is ",
	     " s old: a: it is not in the replica\n");
}

/* By that id it is another: no waiting mends it, and none is done. */
static void test_different(void **state)
{
	struct replica_rig *g = *state;

	own(g, "a", "12");
	there(g, "a", "1");
	SAYS(g, "replication wait", -EUCLEAN, "\tstate = different\n",
	     "the replica has another one by its version id");
}

/* A version here and a delete marker there, and the other way round. */
static void test_other_kind(void **state)
{
	struct replica_rig *g = *state;

	own(g, "a", "1");
	there(g, "a", NULL);
	own(g, "b", NULL);
	there(g, "b", "1");
	both(g, "c", "1");
	SAYS(g, "replication wait", -EUCLEAN,
	     "\tpath = a\n\tstate = different\n\tmarker = false\n",
	     "\tpath = b\n\tstate = different\n\tmarker = true\n",
	     "[wait]\n\tresult = FAIL\n\tversions = 3\n\tmissing = 2\n",
	     "a: the replica has another one by its version id");
	SAYS(g, "replication wait a", -EUCLEAN, "\tstate = different\n");
	SAYS(g, "replication wait c", 0, "result = PASS");
}

/* What the bucket's server says, and that the replica refuses. */
struct saying {
	struct store store; /* first */
	struct store *under; /* borrowed */
	const char *status;
	bool refuses;
};

static int saying_call(struct store *s, struct store_request *r)
{
	struct saying *w = (struct saying *)s;
	int rc;

	if (r->op == STORE_HEAD && w->refuses) {
		r->reply.status = 403;
		strcpy(r->reply.code, "AccessDenied");
		strcpy(r->reply.request_id, "abc-1");
		return -EACCES;
	}
	rc = store_call(w->under, r);
	if (!rc && r->op == STORE_HEAD && w->status)
		rc = kvlist_set(&r->reply.object.headers,
				"x-amz-replication-status", w->status);
	return rc;
}

static const struct store_ops saying_ops = {.name = "saying",
					    .call = saying_call};

/* Done, it says, and it is not there: that is not waited for without end. */
static void test_told_done(void **state)
{
	struct replica_rig *g = *state;
	struct mount *mount = g->r->f.v->mount;
	struct saying bucket = {.store = {.ops = &saying_ops},
				.under = mount->store,
				.status = "COMPLETED"};

	own(g, "a", "1");
	mount->store = &bucket.store;
	SAYS(g, "replication wait", -EUCLEAN, "\tstate = failed\n",
	     "the server says COMPLETED, and it is not in this replica");
	mount->store = bucket.under;
}

/* The server's code and its number of the request. */
static void test_refused(void **state)
{
	struct replica_rig *g = *state;
	struct mount *mount = g->r->f.v->mount;
	struct saying replica = {.store = {.ops = &saying_ops},
				 .under = g->replica,
				 .refuses = true};

	own(g, "a", "1");
	mount->replica = &replica.store;
	SAYS(g, "replication wait", -EUCLEAN, "\tpath = a\n\tstate = unknown\n",
	     "\twhy = \"HeadObject: 403 AccessDenied", "(request abc-1)");
	mount->replica = g->replica;
}

/* "null" names whatever was saved last: its ETag tells whether it is that. */
static int setup_unversioned(void **state)
{
	return replica_rig_begin(state, false);
}

static void test_null(void **state)
{
	struct replica_rig *g = *state;

	own(g, "a", "new");
	there(g, "a", "old");
	SAYS(g, "replication wait timeout=1s", -ETIMEDOUT,
	     "\tpath = a\n\tstate = pending\n");
	there(g, "a", "new");
	SAYS(g, "replication wait timeout=1s", 0, "result = PASS");
}

/* What is unsent is sent first. */
static void test_unsent(void **state)
{
	struct replica_rig *g = *state;

	rig_write(g->r, "new", "text");
	SAYS(g, "replication wait timeout=1s", -ETIMEDOUT,
	     "\tpath = new\n\tstate = pending\n");
	rig_holds(g->r, "new", "text");
	rig_fail(g->r, "PutObject", RIG_BEFORE, -EACCES, 1000);
	rig_write(g->r, "newer", "text");
	SAYS(g, "replication wait newer timeout=1s", -EACCES,
	     "not everything is in the bucket yet: ");
	rig_fail(g->r, "none", RIG_BEFORE, 0, 0);
}

/* Without a replica the server's word has to do, and it says none. */
static void test_no_replica(void **state)
{
	struct replica_rig *g = *state;

	g->r->f.v->mount->replica = NULL;
	own(g, "a", "1");
	own(g, "b", NULL);
	SAYS(g, "replication wait", -EUCLEAN, "\tstate = unknown\n",
	     "the server tells no replication status",
	     "of delete markers servers tell no", "replica=BUCKET has it");
}

static struct fault_decision refuse_all(void *ctx,
					const struct store_request *r)
{
	(void)ctx;
	(void)r;
	return (struct fault_decision){.kind = FAULT_REFUSE};
}

/* The bucket answers: only the replica is silent. */
static void test_no_answer(void **state)
{
	struct replica_rig *g = *state;
	struct store *down = NULL;

	own(g, "a", "1");
	assert_int_equal(memory_store_new(true, &down), 0);
	assert_int_equal(fault_store_new(refuse_all, NULL, &down, &down), 0);
	g->r->f.v->mount->replica = down;
	SAYS(g, "sync replica timeout=1s", -ETIMEDOUT,
	     "\tpath = a\n\tstate = pending\n");
	g->r->f.v->mount->replica = g->replica;
	store_free(down);
}

/* A bucket that gives no answer to some requests. */
struct silent {
	struct store store; /* first */
	struct store *under; /* borrowed */
	enum store_op op;
};

static int silent_call(struct store *s, struct store_request *r)
{
	struct silent *silent = (struct silent *)s;
	int rc = r->op == silent->op ? cancel_sleep(20 * NS_PER_S) : 0;

	return rc ? rc : store_call(silent->under, r);
}

/* The time that was given holds, whoever does not answer. */
static void test_silent_bucket(void **state)
{
	static const struct store_ops ops = {.name = "silent",
					     .call = silent_call};
	struct replica_rig *g = *state;
	struct mount *mount = g->r->f.v->mount;
	struct silent silent = {.store = {.ops = &ops},
				.under = mount->store,
				.op = STORE_LIST_VERSIONS};
	int64_t began = clock_mono_ns();

	own(g, "a", "1");
	mount->store = &silent.store;
	SAYS(g, "replication wait timeout=1s", -ETIMEDOUT,
	     "the time is over, and not all versions of the bucket");
	silent.op = STORE_HEAD;
	SAYS(g, "replication wait timeout=1s", -ETIMEDOUT,
	     "\tpath = a\n\tstate = pending\n");
	mount->store = silent.under;
	silent.under = g->replica;
	silent.op = STORE_LIST_VERSIONS;
	mount->replica = &silent.store;
	SAYS(g, "replication wait timeout=1s", -ETIMEDOUT,
	     "\tpath = a\n\tstate = pending\n");
	silent.under = mount->store;
	silent.op = STORE_HEAD;
	mount->store = &silent.store;
	mount->replica = NULL;
	SAYS(g, "replication wait timeout=1s", -ETIMEDOUT,
	     "the server gives no answer");
	mount->replica = g->replica;
	mount->store = silent.under;
	assert_true(clock_mono_ns() - began < 15 * NS_PER_S);
	/* The longest that can be written is no time that is over. */
	there(g, "a", "1");
	SAYS(g, "replication wait timeout=106751d", 0, "result = PASS");
}

static void test_bad_words(void **state)
{
	struct replica_rig *g = *state;

	SAYS(g, "replication wait a timeout=soon", -EINVAL,
	     "timeout=soon: want a time such as 90s");
	SAYS(g, "replication wait timeout=0s", -EINVAL, "want a time");
	SAYS(g, "sync replica a b", -EINVAL, "b: want timeout=T");
	SAYS(g, "replication wait a b c", -EINVAL, "usage: replication wait");
	SAYS(g, "sync replica .versions/a", -EINVAL, "is no path of a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLICA_TEST(test_all_there),
		REPLICA_TEST(test_late),
		REPLICA_TEST(test_too_late),
		REPLICA_TEST(test_different),
		REPLICA_TEST(test_other_kind),
		REPLICA_TEST(test_told_done),
		REPLICA_TEST(test_refused),
		REPLICA_TEST(test_unsent),
		REPLICA_TEST(test_no_replica),
		REPLICA_TEST(test_no_answer),
		REPLICA_TEST(test_bad_words),
		REPLICA_TEST(test_silent_bucket),
		cmocka_unit_test_setup_teardown(test_null, setup_unversioned,
						replica_rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
