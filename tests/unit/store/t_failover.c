/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failover layer: what a replica may answer, what it may not, and when the
 * server is asked again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../store_suite.h"
#include "vers3/store/failover.h"
#include "vers3/store/memory.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

/* A server: a bucket behind it, and whether it is to be had. */
struct server {
	struct store store; /* what is called */
	struct store *bucket; /* borrowed */
	atomic_int error; /* 0, or what each call comes to */
	atomic_int status; /* likewise */
	atomic_bool hangs; /* until whoever asks has given up */
	atomic_uint calls;
};

static int server_call(struct store *s, struct store_request *r)
{
	struct server *server = (struct server *)s;

	atomic_fetch_add(&server->calls, 1);
	while (atomic_load(&server->hangs))
		if (cancel_sleep(NS_PER_S))
			return -EINTR;
	if (!atomic_load(&server->error))
		return store_call(server->bucket, r);
	store_reply_reset(&r->reply);
	r->reply.status = atomic_load(&server->status);
	return atomic_load(&server->error);
}

static void server_free(struct store *s)
{
	(void)s; /* lives on the test's stack */
}

static const struct store_ops server_ops = {"server", server_call, server_free};

struct rig {
	struct store *bucket, *copy; /* copy: the same keys, ids of its own */
	struct server primary, replica;
	struct store *store; /* the layer */
	char id[64], old[64]; /* of "k": its version, and the one before */
};

static void set_error(struct server *s, int error, int status)
{
	atomic_store(&s->status, status);
	atomic_store(&s->error, error);
}

static unsigned calls(struct server *s)
{
	return atomic_exchange(&s->calls, 0);
}

static void start(struct rig *rig, int64_t probe_ns)
{
	const struct failover_config config = {
		.replica = &rig->replica.store,
		.probe = &rig->primary.store,
		.probe_ns = probe_ns,
	};
	struct store *below = &rig->primary.store;

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(memory_store_new(true, &rig->bucket), 0);
	assert_int_equal(memory_store_new(true, &rig->copy), 0);
	assert_int_equal(suite_put(rig->bucket, "k", "one", rig->old), 0);
	assert_int_equal(suite_put(rig->bucket, "k", "two", rig->id), 0);
	rig->primary.store.ops = &server_ops;
	rig->primary.bucket = rig->bucket;
	rig->replica.store.ops = &server_ops;
	rig->replica.bucket = rig->bucket;
	assert_int_equal(failover_store_new(&config, &below, &rig->store), 0);
}

static void finish(struct rig *rig)
{
	store_free(rig->store);
	store_free(rig->bucket);
	store_free(rig->copy);
}

struct got {
	char text[64];
	size_t len;
	char version_id[64]; /* as the head told it */
	int status; /* of the reply */
};

static int take_text(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct got *got = ctx;

	if (offset + len >= sizeof(got->text))
		return -EFBIG;
	memcpy(got->text + offset, data, len);
	got->len = (size_t)offset + len;
	got->text[got->len] = '\0';
	return 0;
}

static int take_head(void *ctx, int status, const struct store_object *o)
{
	struct got *got = ctx;

	(void)status;
	snprintf(got->version_id, sizeof(got->version_id), "%s",
		 o->version_id ? o->version_id : "");
	return 0;
}

static int get(struct rig *rig, const char *version_id, const char *etag,
	       bool pinned, struct got *got)
{
	struct store_request r;
	int rc;

	memset(got, 0, sizeof(*got));
	store_request_init(&r, STORE_GET);
	r.key = "k";
	r.version_id = version_id;
	r.if_match = etag;
	r.pinned = pinned;
	r.sink = take_text;
	r.sink_ctx = got;
	r.head = take_head;
	r.head_ctx = got;
	rc = store_call(rig->store, &r);
	got->status = r.reply.status;
	store_request_release(&r);
	return rc;
}

static struct failover_stats stats(struct rig *rig)
{
	struct failover_stats now;

	failover_store_read(rig->store, &now);
	return now;
}

/* While the server answers, the replica is not asked, whatever it says. */
static void test_idle(void **state)
{
	struct rig rig;
	struct got got;

	(void)state;
	start(&rig, 3600 * NS_PER_S);
	assert_int_equal(get(&rig, rig.id, NULL, true, &got), 0);
	assert_string_equal(got.text, "two");
	assert_int_equal(get(&rig, "none", NULL, true, &got), -ENOENT);
	set_error(&rig.primary, -EACCES, 403);
	assert_int_equal(get(&rig, rig.id, NULL, true, &got), -EACCES);
	assert_int_equal(calls(&rig.replica), 0);
	assert_false(stats(&rig).degraded);
	assert_int_equal(stats(&rig).reads, 0);
	finish(&rig);
}

/* What is pinned is answered, by that very version. */
static void test_pinned(void **state)
{
	static const struct {
		int error, status;
	} outages[] = {
		{-ECONNREFUSED, 0}, {-ETIMEDOUT, 0}, {-EIO, 503}, {-EIO, 500}};
	struct rig rig;
	struct got got;

	(void)state;
	for (size_t i = 0; i < sizeof(outages) / sizeof(*outages); i++) {
		start(&rig, 3600 * NS_PER_S);
		set_error(&rig.primary, outages[i].error, outages[i].status);
		assert_int_equal(get(&rig, rig.id, NULL, true, &got), 0);
		assert_string_equal(got.text, "two");
		assert_string_equal(got.version_id, rig.id);
		assert_int_equal(got.status, 200);
		assert_true(stats(&rig).degraded);
		assert_int_equal(calls(&rig.primary), 1);
		/* The breaker is open: nobody waits for the server again. */
		assert_int_equal(get(&rig, rig.old, NULL, true, &got), 0);
		assert_string_equal(got.text, "one");
		assert_int_equal(calls(&rig.primary), 0);
		assert_int_equal(stats(&rig).reads, 2);
		assert_int_equal(stats(&rig).missing, 0);
		finish(&rig);
	}
}

/* What is not goes to the server alone, and fails as it fails. */
static void test_unpinned(void **state)
{
	static const enum store_op ops[] = {STORE_HEAD, STORE_LIST, STORE_PUT,
					    STORE_DELETE, STORE_GET_TAGGING};
	struct rig rig;
	struct got got;

	(void)state;
	start(&rig, 3600 * NS_PER_S);
	set_error(&rig.primary, -ECONNREFUSED, 0);
	assert_int_equal(get(&rig, rig.id, NULL, false, &got), -ECONNREFUSED);
	assert_int_equal(get(&rig, NULL, NULL, false, &got), -ECONNREFUSED);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		struct store_request r;

		store_request_init(&r, ops[i]);
		r.key = "k";
		assert_int_equal(store_call(rig.store, &r), -ECONNREFUSED);
		store_request_release(&r);
	}
	assert_int_equal(calls(&rig.replica), 0);
	/* It has opened the breaker all the same. */
	assert_true(stats(&rig).degraded);
	assert_int_equal(stats(&rig).reads, 0);
	finish(&rig);
}

/* Never another version, be it older or newer, under this one's name. */
static void test_others(void **state)
{
	static const char etag_two[] = "b8a9f715dbb64fd5c56e7783c6820a61";
	struct rig rig;
	struct got got;

	(void)state;
	start(&rig, 3600 * NS_PER_S);
	rig.replica.bucket = rig.copy;
	set_error(&rig.primary, -ECONNREFUSED, 0);
	/* What both have at one time has the same id, else. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(suite_put(rig.copy, "other", "", NULL), 0);
	/* It has not come there yet. */
	assert_int_equal(get(&rig, rig.id, etag_two, true, &got),
			 -ECONNREFUSED);
	assert_int_equal(suite_put(rig.copy, "k", "one", NULL), 0);
	assert_int_equal(get(&rig, rig.id, NULL, true, &got), -ECONNREFUSED);
	assert_int_equal(get(&rig, rig.id, etag_two, true, &got),
			 -ECONNREFUSED);
	assert_int_equal(got.len, 0);
	assert_int_equal(stats(&rig).missing, 3);
	/* The same content with an id of its own, which is told to nobody. */
	assert_int_equal(suite_put(rig.copy, "k", "two", NULL), 0);
	assert_int_equal(get(&rig, rig.id, NULL, true, &got), -ECONNREFUSED);
	assert_int_equal(get(&rig, rig.id, etag_two, true, &got), 0);
	assert_string_equal(got.text, "two");
	assert_string_equal(got.version_id, "");
	assert_int_equal(stats(&rig).reads, 1);
	/* "null" can be anything: only its ETag counts. */
	assert_int_equal(get(&rig, "null", NULL, true, &got), -ECONNREFUSED);
	assert_int_equal(get(&rig, "null", etag_two, true, &got), 0);
	finish(&rig);
}

/* A replica that is away, too: the error is the server's own. */
static void test_both(void **state)
{
	struct rig rig;
	struct got got;

	(void)state;
	start(&rig, 3600 * NS_PER_S);
	set_error(&rig.primary, -EIO, 503);
	set_error(&rig.replica, -ECONNREFUSED, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(get(&rig, rig.id, NULL, true, &got), -EIO);
		assert_int_equal(got.status, 503);
	}
	assert_int_equal(stats(&rig).missing, 2);
	/* What the replica lacks while the breaker is open the server has. */
	set_error(&rig.primary, 0, 0);
	assert_int_equal(get(&rig, rig.id, NULL, true, &got), 0);
	assert_string_equal(got.text, "two");
	assert_false(stats(&rig).degraded);
	assert_int_equal(stats(&rig).reads, 0);
	finish(&rig);
}

/* Waits until the breaker is as told; false after ten seconds. */
static bool becomes(struct rig *rig, bool degraded)
{
	int64_t end = clock_mono_ns() + 10 * NS_PER_S;

	while (stats(rig).degraded != degraded && clock_mono_ns() < end)
		cancel_sleep(NS_PER_MS);
	return stats(rig).degraded == degraded;
}

/* It is seen by itself that the server is back, whatever it answers. */
static void test_recovery(void **state)
{
	struct rig rig;
	struct got got;

	(void)state;
	start(&rig, NS_PER_MS);
	set_error(&rig.primary, -ECONNREFUSED, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(get(&rig, rig.id, NULL, true, &got), 0);
		assert_true(becomes(&rig, true));
		set_error(&rig.primary, i ? -EACCES : 0, i ? 403 : 0);
		assert_true(becomes(&rig, false));
		set_error(&rig.primary, -ECONNREFUSED, 0);
	}
	set_error(&rig.primary, 0, 0);
	calls(&rig.replica);
	assert_true(becomes(&rig, false));
	assert_int_equal(get(&rig, rig.id, NULL, true, &got), 0);
	assert_int_equal(calls(&rig.replica), 0);
	finish(&rig);
}

/* The end does not wait for a look that hangs. */
static void test_end(void **state)
{
	int64_t began;
	struct rig rig;
	struct got got;

	(void)state;
	start(&rig, NS_PER_MS);
	set_error(&rig.primary, -ECONNREFUSED, 0);
	assert_int_equal(get(&rig, rig.id, NULL, true, &got), 0);
	atomic_store(&rig.primary.hangs, true);
	calls(&rig.primary);
	while (!atomic_load(&rig.primary.calls))
		cancel_sleep(NS_PER_MS);
	began = clock_mono_ns();
	finish(&rig);
	assert_true(clock_mono_ns() - began < 5 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_unpinned),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests_name("failover", tests, NULL, NULL);
}
