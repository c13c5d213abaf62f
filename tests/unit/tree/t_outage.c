/* SPDX-License-Identifier: Apache-2.0 */
/* Directories while the bucket is out of reach. */
#include "../vfs_rig.h"

#include <unistd.h>

#include "../../../src/tree/dir_impl.h"
#include "../../../src/tree/tree_impl.h"

#include "dir_rig.h"

static void test_outage(void **state)
{
	struct rig *r = *state;
	char names[64];

	put_all(r, "a d/x e/y");
	rig_is(r, "a", "x");
	rig_is(r, "d/x", "x");
	assert_int_equal(rig_there(r, "e"), 0);
	atomic_store(&r->f.silent, true);
	rig_lists(r, "", "a d/ e/");
	rig_is(r, "a", "x");
	rig_is(r, "d/x", "x");
	assert_int_equal(rig_there(r, "b"), -ENOENT);
	/* What was never asked for is not known to be absent. */
	assert_int_not_equal(rig_list(r, "e", false, names, sizeof(names)), 0);
	assert_int_not_equal(rig_there(r, "e/none"), -ENOENT);
	rig_write(r, "b", "mine");
	rig_unlink(r, "a");
	rig_rename(r, "d", "f");
	rig_lists(r, "", "b e/ f/");
	atomic_store(&r->f.silent, false);
	rig_sync(r);
	rig_holds(r, "a", NULL);
	rig_holds(r, "b", "mine");
	rig_holds(r, "f/x", "x");
}

/* The first answer to anything is the end of it. */
static void test_outage_over(void **state)
{
	struct rig *r = *state;

	put_all(r, "a d/x");
	rig_is(r, "a", "x");
	rig_is(r, "d/x", "x");
	atomic_store(&r->f.silent, true);
	assert_int_equal(rig_there(r, "b"), -ENOENT);
	atomic_store(&r->f.silent, false);
	put_all(r, "b d/y");
	/* It is not asked at once, with each call. */
	assert_int_equal(rig_there(r, "b"), -ENOENT);
	rig_write(r, "c", "mine");
	rig_sync(r);
	assert_int_equal(rig_there(r, "b"), 0);
	assert_int_equal(rig_there(r, "d/y"), 0);
}

struct asker {
	struct rig *r;
	const char *path;
	int rc;
};

static void *ask_thread(void *arg)
{
	struct asker *a = arg;

	a->rc = rig_there(a->r, a->path);
	return NULL;
}

/* One question that fails beside others that are answered is no outage. */
static void test_no_outage(void **state)
{
	struct rig *r = *state;
	struct asker a = {.r = r, .path = "b"};
	struct store_request q;
	pthread_t thread;

	put_all(r, "a d/x");
	rig_is(r, "a", "x");
	assert_int_equal(rig_there(r, "d/x"), 0);
	put_all(r, "b");
	rig_gate(r, "ListObjectsV2 ", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, ask_thread, &a), 0);
	rig_wait_held(r);
	/* Meanwhile another question is answered. */
	store_request_init(&q, STORE_HEAD_BUCKET);
	assert_int_equal(store_call(r->f.store, &q), 0);
	store_request_release(&q);
	rig_fail(r, "ListObjectsV2 ", RIG_BEFORE, -EIO, 1);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	assert_int_equal(a.rc, 0);
	put_all(r, "d/y");
	assert_int_equal(rig_there(r, "d/y"), 0);
}

static bool is_scouting(struct rig *r)
{
	struct dirs *d = r->f.v->tree->dirs;
	bool is;

	pthread_mutex_lock(&d->mutex);
	is = d->scouting;
	pthread_mutex_unlock(&d->mutex);
	return is;
}

/* A list that does not come is not waited for where older names are known. */
static void test_hanging(void **state)
{
	struct rig *r = *state;

	r->f.config.patience_ns = NS_PER_S;
	rig_restart(r);
	put_all(r, "a d/x");
	rig_is(r, "a", "x");
	rig_lists(r, "d", "x");
	rig_forget_requests(r);
	put_all(r, "b d/y");
	rig_gate(r, "ListObjectsV2 ", RIG_BEFORE);
	rig_lists(r, "", "a d/");
	assert_int_equal(rig_there(r, "d/x"), 0);
	assert_int_equal(rig_there(r, "b"), -ENOENT);
	/* The list goes on, by itself, and its answer counts when it comes. */
	assert_true(is_scouting(r));
	assert_int_equal(rig_count(r, "List"), 2);
	rig_gate(r, NULL, RIG_BEFORE);
	while (is_scouting(r))
		usleep(1000);
	r->f.v->mount->config.ttl_ns = 600 * NS_PER_S;
	assert_int_equal(rig_there(r, "b"), 0);
	assert_int_equal(rig_count(r, "List"), 2);
	r->f.v->mount->config.ttl_ns = 0;
	assert_int_equal(rig_there(r, "d/y"), 0);

	/* The end does not wait for it either. */
	rig_gate(r, "ListObjectsV2 ", RIG_BEFORE);
	rig_lists(r, "d", "x y");
	assert_true(is_scouting(r));
	rig_restart(r);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_outage),
		RIG_TEST(test_outage_over),
		RIG_TEST(test_no_outage),
		RIG_TEST(test_hanging),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
