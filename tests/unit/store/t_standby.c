/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standby layer: where requests go, what is noted before, and how the last
 * of the changes are waited for.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../remove_tree.h"
#include "../store_suite.h"
#include "vers3/store/limit.h"
#include "vers3/store/memory.h"
#include "vers3/store/standby.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

/* The replica: a bucket, whose changes can be held up. */
struct replica {
	struct store store;
	struct store *bucket; /* owned */
	struct key_journal *journal; /* borrowed */
	atomic_bool holds; /* what comes waits */
	atomic_uint calls, unnoted; /* unnoted: changes that came unannounced */
};

struct rig {
	char dir[64], path[96];
	struct key_journal *journal;
	struct replica replica;
	struct store *bucket; /* borrowed: below the layer */
	struct store *store;
};

static int replica_call(struct store *s, struct store_request *r)
{
	struct replica *replica = (struct replica *)s;

	atomic_fetch_add(&replica->calls, 1);
	if (r->op == STORE_PUT && !key_journal_count(replica->journal))
		atomic_fetch_add(&replica->unnoted, 1);
	while (atomic_load(&replica->holds))
		cancel_sleep(NS_PER_MS);
	return store_call(replica->bucket, r);
}

static void replica_free(struct store *s)
{
	(void)s;
}

static const struct store_ops replica_ops = {"replica", replica_call,
					     replica_free};

/* What a mount makes of the directory. */
static void open_rig(struct rig *rig)
{
	struct store *below;

	assert_int_equal(memory_store_new(true, &below), 0);
	rig->bucket = below;
	assert_int_equal(key_journal_open(rig->path, "http://there/b",
					  &rig->journal),
			 0);
	rig->replica.journal = rig->journal;
	assert_int_equal(standby_store_new(&rig->replica.store, rig->journal,
					   &below, &rig->store),
			 0);
}

static void close_rig(struct rig *rig)
{
	store_free(rig->store);
	key_journal_free(rig->journal);
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	strcpy(rig->dir, "/tmp/t_standby.XXXXXX");
	if (!mkdtemp(rig->dir))
		return -1;
	snprintf(rig->path, sizeof(rig->path), "%s/failover", rig->dir);
	rig->replica.store.ops = &replica_ops;
	memory_store_new(true, &rig->replica.bucket);
	open_rig(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	close_rig(rig);
	store_free(rig->replica.bucket);
	remove_tree(rig->dir);
	free(rig);
	return 0;
}

static bool has(struct store *s, const char *key)
{
	char text[64];

	return !suite_get(s, key, NULL, text, sizeof(text));
}

static void test_switch(void **state)
{
	struct rig *rig = *state;
	char key[KEY_JOURNAL_KEY_MAX + 1];

	assert_false(standby_store_is_on(rig->store));
	assert_int_equal(suite_put(rig->store, "before", "x", NULL), 0);
	assert_int_equal(atomic_load(&rig->replica.calls), 0);

	assert_int_equal(standby_store_begin(rig->store), 0);
	assert_int_equal(standby_store_begin(rig->store), -EALREADY);
	assert_int_equal(suite_put(rig->store, "while", "x", NULL), 0);
	assert_int_equal(atomic_load(&rig->replica.unnoted), 0);
	assert_false(has(rig->bucket, "while"));
	assert_true(has(rig->replica.bucket, "while"));
	/* Names are the replica's. */
	assert_false(has(rig->store, "before"));
	/* Reads note nothing. */
	assert_int_equal(key_journal_count(rig->journal), 1);
	assert_int_equal(suite_delete(rig->store, "gone", NULL, NULL), 0);
	assert_int_equal(key_journal_count(rig->journal), 2);

	/* Another mount goes on there. */
	close_rig(rig);
	open_rig(rig);
	assert_true(standby_store_is_on(rig->store));
	assert_true(has(rig->store, "while"));
	assert_int_equal(key_journal_count(rig->journal), 2);

	assert_int_equal(standby_store_close(rig->store), 0);
	assert_int_equal(standby_store_end(rig->store), -EBUSY);
	while (key_journal_take(rig->journal, key))
		;
	assert_int_equal(standby_store_end(rig->store), 0);
	assert_false(standby_store_is_on(rig->store));
	assert_int_equal(suite_put(rig->store, "after", "x", NULL), 0);
	assert_true(has(rig->bucket, "after"));
	assert_false(has(rig->replica.bucket, "after"));
}

static int get_pinned(struct rig *rig, const char *version_id)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET);
	r.key = "k";
	r.version_id = version_id;
	r.pinned = true;
	rc = store_call(rig->store, &r);
	store_request_release(&r);
	return rc;
}

/* A version that has not come to the replica is read from the bucket. */
static void test_pinned(void **state)
{
	char id[64], key[KEY_JOURNAL_KEY_MAX + 1];
	struct rig *rig = *state;

	assert_int_equal(suite_put(rig->store, "k", "x", id), 0);
	assert_int_equal(standby_store_begin(rig->store), 0);
	assert_int_equal(get_pinned(rig, id), 0);
	assert_int_equal(get_pinned(rig, "none"), -ENOENT);
	/* And one that only the replica has, after the failback. */
	assert_int_equal(suite_put(rig->store, "k", "y", NULL), 0);
	assert_int_equal(suite_put(rig->store, "k", "z", id), 0);
	while (key_journal_take(rig->journal, key))
		;
	assert_int_equal(standby_store_end(rig->store), 0);
	assert_int_equal(get_pinned(rig, id), 0);
	assert_int_equal(get_pinned(rig, "none"), -ENOENT);
}

/* What cannot be noted is not sent. */
static void test_unnoted(void **state)
{
	char longest[KEY_JOURNAL_KEY_MAX + 2];
	struct rig *rig = *state;

	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(standby_store_begin(rig->store), 0);
	assert_int_equal(suite_put(rig->store, longest, "x", NULL), -EIO);
	assert_int_equal(atomic_load(&rig->replica.calls), 0);
}

struct putting {
	struct rig *rig;
	const char *key;
	struct cancel cancel;
	atomic_bool done;
	int rc;
};

static void *put_main(void *arg)
{
	struct putting *p = arg;
	struct cancel *before = cancel_enter(&p->cancel);

	p->rc = suite_put(p->rig->store, p->key, "x", NULL);
	atomic_store(&p->done, true);
	cancel_enter(before);
	return NULL;
}

static void *close_main(void *arg)
{
	struct putting *p = arg;
	struct cancel *before = cancel_enter(&p->cancel);

	p->rc = standby_store_close(p->rig->store);
	atomic_store(&p->done, true);
	cancel_enter(before);
	return NULL;
}

static pthread_t begin(struct putting *p, void *(*fn)(void *arg))
{
	pthread_t thread;

	cancel_init(&p->cancel, NULL);
	assert_int_equal(pthread_create(&thread, NULL, fn, p), 0);
	return thread;
}

/* The last change is waited for, those that come then wait themselves. */
static void test_close(void **state)
{
	struct rig *rig = *state;
	struct putting first = {.rig = rig, .key = "first"};
	struct putting later = {.rig = rig, .key = "later"};
	struct putting given_up = {.rig = rig, .key = "given-up"};
	struct putting closing = {.rig = rig}, closing_again = {.rig = rig};
	char key[KEY_JOURNAL_KEY_MAX + 1];
	pthread_t threads[5];

	assert_int_equal(standby_store_begin(rig->store), 0);
	atomic_store(&rig->replica.holds, true);
	threads[0] = begin(&first, put_main);
	while (!atomic_load(&rig->replica.calls))
		cancel_sleep(NS_PER_MS);
	threads[1] = begin(&closing, close_main);
	cancel_sleep(20 * NS_PER_MS);
	assert_false(atomic_load(&closing.done));
	/* Who gives that up lets the others go on. */
	cancel_set(&closing.cancel);
	pthread_join(threads[1], NULL);
	assert_int_equal(closing.rc, -EINTR);
	threads[1] = begin(&closing_again, close_main);
	cancel_sleep(20 * NS_PER_MS);
	atomic_store(&rig->replica.holds, false);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(first.rc, 0);
	assert_int_equal(closing_again.rc, 0);

	atomic_store(&rig->replica.calls, 0);
	threads[2] = begin(&later, put_main);
	threads[3] = begin(&given_up, put_main);
	cancel_set(&given_up.cancel);
	pthread_join(threads[3], NULL);
	assert_int_equal(given_up.rc, -EINTR);
	cancel_sleep(20 * NS_PER_MS);
	assert_false(atomic_load(&later.done));
	assert_int_equal(atomic_load(&rig->replica.calls), 0);
	while (key_journal_take(rig->journal, key))
		assert_string_equal(key, "first");
	assert_int_equal(standby_store_end(rig->store), 0);
	pthread_join(threads[2], NULL);
	assert_int_equal(later.rc, 0);
	assert_true(has(rig->bucket, "later"));
	assert_false(has(rig->replica.bucket, "later"));
}

/* A change that is under way while its key is taken is not forgotten. */
static void test_taken_meanwhile(void **state)
{
	struct rig *rig = *state;
	struct putting first = {.rig = rig, .key = "first"};
	char key[KEY_JOURNAL_KEY_MAX + 1];
	pthread_t thread;

	assert_int_equal(standby_store_begin(rig->store), 0);
	atomic_store(&rig->replica.holds, true);
	thread = begin(&first, put_main);
	while (!atomic_load(&rig->replica.calls))
		cancel_sleep(NS_PER_MS);
	/* Who brings it back now finds nothing there yet. */
	assert_true(key_journal_take(rig->journal, key));
	assert_false(has(rig->replica.bucket, "first"));
	atomic_store(&rig->replica.holds, false);
	pthread_join(thread, NULL);
	assert_int_equal(first.rc, 0);
	assert_int_equal(standby_store_close(rig->store), 0);
	assert_int_equal(standby_store_end(rig->store), -EBUSY);
	assert_true(key_journal_take(rig->journal, key));
	assert_string_equal(key, "first");
	assert_int_equal(standby_store_end(rig->store), 0);
}

static void test_claim(void **state)
{
	struct rig *rig = *state;

	assert_true(standby_store_claim(rig->store));
	assert_false(standby_store_claim(rig->store));
	standby_store_disclaim(rig->store);
	assert_true(standby_store_claim(rig->store));
}

/* A server that has too much to do. */
static int refuse(struct store *s, struct store_request *r)
{
	(void)s;
	store_reply_reset(&r->reply);
	r->reply.status = 503;
	return -EIO;
}

/* How much goes at once is the matter of the side that is used. */
static void test_limits(void **state)
{
	static const struct store_ops ops = {"busy", refuse, replica_free};
	struct rig *rig = *state;
	struct store busy = {.ops = &ops};
	struct store *top = &busy, *replica = &rig->replica.store;

	assert_int_equal(limit_store_new(&top, &top), 0);
	assert_int_equal(limit_store_new(&replica, &replica), 0);
	assert_int_equal(standby_store_new(replica, rig->journal, &top, &top),
			 0);
	assert_int_equal(limit_store_now(top), LIMIT_START);
	assert_int_equal(suite_put(top, "k", "x", NULL), -EIO);
	assert_int_equal(limit_store_now(top), 1);
	assert_int_equal(limit_store_width(top), LIMIT_START);
	assert_int_equal(standby_store_begin(top), 0);
	assert_int_equal(limit_store_now(top), LIMIT_START);
	assert_int_equal(limit_store_width(top), LIMIT_START * 3 / 2);
	store_free(top);
	store_free(replica);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pinned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unnoted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_meanwhile, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_claim, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests_name("standby", tests, NULL, NULL);
}
