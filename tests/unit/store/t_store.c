/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store suite over the in-memory store, and over a whole stack whose
 * faults the retry layer has to hide; what only the in-memory store can
 * show; the layers' own duties.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../store_suite.h"
#include "vers3/store/fault.h"
#include "vers3/store/memory.h"
#include "vers3/store/metrics.h"
#include "vers3/store/retry.h"
#include "vers3/store/trace.h"
#include "vers3/util/log.h"

/* Faults that leave nothing behind, so that retries hide them wholly. */
static struct fault_decision some_faults(void *ctx,
					 const struct store_request *r)
{
	static const struct fault_decision decisions[] = {
		{FAULT_NONE, 0, NULL, 0}, {FAULT_STATUS, 503, "SlowDown", 0},
		{FAULT_NONE, 0, NULL, 0}, {FAULT_REFUSE, 0, NULL, 0},
		{FAULT_CUT, 0, NULL, 3},
	};
	unsigned *count = ctx;
	struct fault_decision d = decisions[(*count)++ % 5];

	/* What the sink says is not to be asked of it twice. */
	if (d.kind == FAULT_CUT && r->op != STORE_GET)
		d.kind = FAULT_NONE;
	return d;
}

static void no_sleep(void *ctx, int64_t ns)
{
	(void)ctx;
	assert_true(ns >= 0);
}

static struct store *make_stack(fault_fn fn, void *ctx)
{
	const struct retry_config config = {.retries = 5, .sleep = no_sleep};
	struct store *s = NULL, *upper = NULL;

	assert_int_equal(memory_store_new(true, &s), 0);
	assert_int_equal(fault_store_new(fn, ctx, &s, &upper), 0);
	assert_null(s);
	assert_int_equal(trace_store_new(&upper, &s), 0);
	assert_int_equal(retry_store_new(&config, &s, &upper), 0);
	assert_int_equal(metrics_store_new(&upper, &s), 0);
	return s;
}

static void unversioned(void **state)
{
	struct store *s;
	char id[64], text[256];

	(void)state;
	assert_int_equal(memory_store_new(false, &s), 0);
	assert_int_equal(suite_put(s, "k", "one", id), 0);
	assert_string_equal(id, "");
	assert_int_equal(suite_put(s, "k", "two", NULL), 0);
	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "k=^");
	assert_int_equal(suite_get(s, "k", "null", text, sizeof(text)), 0);
	assert_string_equal(text, "two");
	assert_int_equal(suite_delete(s, "k", NULL, id), 0);
	assert_string_equal(id, "");
	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "");
	store_free(s);
}

static void set_versioning(struct store *s, const char *status)
{
	struct store_request r;
	char document[128];

	snprintf(document, sizeof(document),
		 "<VersioningConfiguration><Status>%s</Status>"
		 "</VersioningConfiguration>",
		 status);
	store_request_init(&r, STORE_PUT_VERSIONING);
	r.body.mem = document;
	r.body.length = strlen(document);
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
}

static void suspended(void **state)
{
	struct store *s;
	char id[64], text[256];

	(void)state;
	assert_int_equal(memory_store_new(false, &s), 0);
	assert_int_equal(suite_put(s, "k", "zero", NULL), 0);
	set_versioning(s, "Enabled");
	assert_int_equal(suite_put(s, "k", "one", id), 0);
	set_versioning(s, "Suspended");
	/* The null version moves to the front; the others stay. */
	assert_int_equal(suite_put(s, "k", "two", id), 0);
	assert_string_equal(id, "null");
	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "k=^ k=");
	assert_int_equal(suite_get(s, "k", "null", text, sizeof(text)), 0);
	assert_string_equal(text, "two");
	/* A marker takes the null version's place. */
	assert_int_equal(suite_delete(s, "k", NULL, id), 0);
	assert_string_equal(id, "null");
	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "k-^ k=");
	store_free(s);
}

/* A page goes on behind a version that was deleted meanwhile. */
static void marker_deleted(void **state)
{
	struct store_request r;
	struct store *s;
	char ids[3][64];

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(suite_put(s, "k", "x", ids[i]), 0);
	assert_int_equal(suite_delete(s, "k", ids[1], NULL), 0);
	store_request_init(&r, STORE_LIST_VERSIONS);
	r.key_marker = "k";
	r.version_marker = ids[1];
	r.max_keys = 1;
	assert_int_equal(store_call(s, &r), 0);
	assert_false(r.reply.truncated);
	store_request_release(&r);
	store_free(s);
}

static void archived(void **state)
{
	struct kvlist headers;
	struct store_request r;
	struct store *s;
	char text[16];

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&headers, "X-Amz-Storage-Class", "GLACIER"),
			 0);
	store_request_init(&r, STORE_PUT);
	r.key = "cold";
	r.headers = &headers;
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
	store_request_init(&r, STORE_HEAD);
	r.key = "cold";
	assert_int_equal(store_call(s, &r), 0);
	assert_string_equal(kvlist_get(&r.reply.object.headers,
				       "x-amz-storage-class"),
			    "GLACIER");
	store_request_release(&r);
	assert_int_equal(suite_get(s, "cold", NULL, text, sizeof(text)),
			 -EREMOTE);
	kvlist_release(&headers);
	store_free(s);
}

static void replication(void **state)
{
	unsigned count = 0;
	struct store *s = make_stack(some_faults, &count);
	struct store_request r;

	(void)state;
	assert_int_equal(memory_store_set_replication(s, "<x/>"), 0);
	store_request_init(&r, STORE_GET_REPLICATION);
	assert_int_equal(store_call(s, &r), 0);
	assert_string_equal(r.reply.body.data, "<x/>");
	store_request_release(&r);
	store_free(s);
}

#define THREADS 4
#define ROUNDS	50

struct worker {
	struct store *store;
	int number;
	int errors;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	char key[32], text[64];

	snprintf(key, sizeof(key), "own-%d", w->number);
	for (int i = 0; i < ROUNDS; i++) {
		w->errors += suite_put(w->store, key, "mine", NULL) != 0;
		w->errors += suite_put(w->store, "shared", key, NULL) != 0;
		w->errors +=
			suite_get(w->store, key, NULL, text, sizeof(text)) != 0;
		w->errors += strcmp(text, "mine") != 0;
		w->errors += suite_get(w->store, "shared", NULL, text,
				       sizeof(text)) != 0;
		w->errors += strncmp(text, "own-", 4) != 0;
	}
	return NULL;
}

static struct fault_decision no_faults(void *ctx, const struct store_request *r)
{
	(void)ctx;
	(void)r;
	return (struct fault_decision){FAULT_NONE, 0, NULL, 0};
}

static void threads(void **state)
{
	struct store *s = make_stack(no_faults, NULL);
	struct worker workers[THREADS];
	pthread_t ids[THREADS];
	struct metrics_snapshot m;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){s, i, 0};
		assert_int_equal(
			pthread_create(&ids[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(ids[i], NULL), 0);
		assert_int_equal(workers[i].errors, 0);
	}
	metrics_store_read(s, &m);
	assert_int_equal(m.in_flight, 0);
	assert_int_equal(m.ops[STORE_PUT].calls, THREADS * ROUNDS * 2);
	store_free(s);
}

static struct fault_decision refuse_put(void *ctx,
					const struct store_request *r)
{
	(void)ctx;
	if (r->op == STORE_PUT)
		return (struct fault_decision){FAULT_STATUS, 403,
					       "AccessDenied", 0};
	return (struct fault_decision){FAULT_NONE, 0, NULL, 0};
}

static void metrics(void **state)
{
	struct store *s = make_stack(refuse_put, NULL);
	struct metrics_snapshot m;
	char text[16];

	(void)state;
	metrics_store_read(s, &m);
	assert_int_equal(m.last_ok_mono_ns, 0);
	assert_string_equal(m.last_error, "");
	assert_int_equal(suite_put(s, "k", "four", NULL), -EACCES);
	assert_int_equal(suite_get(s, "k", NULL, text, sizeof(text)), -ENOENT);
	metrics_store_read(s, &m);
	assert_int_equal(m.ops[STORE_PUT].calls, 1);
	assert_int_equal(m.ops[STORE_PUT].errors, 1);
	assert_int_equal(m.ops[STORE_PUT].sent_bytes, 4);
	assert_int_equal(m.ops[STORE_GET].calls, 1);
	assert_int_equal(m.ops[STORE_GET].errors, 0);
	assert_int_equal(m.in_flight, 0);
	assert_true(m.last_error_mono_ns > 0);
	assert_true(m.last_ok_mono_ns >= m.last_error_mono_ns);
	assert_non_null(strstr(m.last_error, "PutObject: 403 AccessDenied"));
	assert_true(m.clock_skew_ns <= 0);
	assert_true(m.clock_skew_ns > INT64_C(-2000000000));
	store_free(s);
}

static int failing; /* what each request comes to */

static int fail_call(struct store *s, struct store_request *r)
{
	(void)s;
	(void)r;
	return failing;
}

static void free_nothing(struct store *s)
{
	(void)s;
}

/* The server is silent from the first request on that no server answers. */
static void silence(void **state)
{
	static const int silent[] = {-ETIMEDOUT, -ECONNREFUSED, -EPROTO, -EIO};
	static const struct store_ops ops = {"failing", fail_call,
					     free_nothing};
	struct store bottom = {.ops = &ops}, *below = &bottom, *s;
	struct metrics_snapshot m;

	(void)state;
	assert_int_equal(metrics_store_new(&below, &s), 0);
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		failing = silent[i];
		assert_int_equal(suite_put(s, "k", "", NULL), failing);
		metrics_store_read(s, &m);
		assert_true(m.silent_mono_ns > 0);
		failing = 0;
		assert_int_equal(suite_put(s, "k", "", NULL), 0);
		metrics_store_read(s, &m);
		assert_int_equal(m.silent_mono_ns, 0);
	}
	failing = -EINTR;
	assert_int_equal(suite_put(s, "k", "", NULL), -EINTR);
	metrics_store_read(s, &m);
	assert_int_equal(m.silent_mono_ns, 0);
	store_free(s);
}

/*
 * A condition that does not hold is an answer; a conflict without one is not.
 */
static void conditions(void **state)
{
	struct store *s = make_stack(no_faults, NULL);
	struct metrics_snapshot m;
	struct store_request r;

	(void)state;
	assert_int_equal(suite_put(s, "k", "12345", NULL), 0);
	store_request_init(&r, STORE_PUT);
	r.key = "k";
	r.body.mem = "";
	r.if_none_match = "*";
	assert_int_equal(store_call(s, &r), -EBUSY);
	assert_int_equal(r.reply.status, 412);
	store_request_release(&r);
	metrics_store_read(s, &m);
	assert_int_equal(m.ops[STORE_PUT].calls, 2);
	assert_int_equal(m.ops[STORE_PUT].errors, 0);
	assert_string_equal(m.last_error, "");
	store_free(s);
}

static void received_bytes(void **state)
{
	struct store *s = make_stack(no_faults, NULL);
	struct metrics_snapshot m;
	struct store_request r;

	(void)state;
	assert_int_equal(suite_put(s, "k", "12345", NULL), 0);
	store_request_init(&r, STORE_GET);
	r.key = "k";
	assert_int_equal(store_call(s, &r), 0); /* nobody takes the body */
	store_request_release(&r);
	metrics_store_read(s, &m);
	assert_int_equal(m.ops[STORE_GET].received_bytes, 5);
	store_free(s);
}

static void names(void **state)
{
	(void)state;
	for (int op = 0; op < STORE_OP_COUNT; op++)
		assert_non_null(store_op_name((enum store_op)op));
	assert_string_equal(store_op_name(STORE_COPY), "CopyObject");
}

static void errors(void **state)
{
	static const struct {
		int rc;
		bool unanswered, outage;
	} rows[] = {
		{0, false, false},	     {-ETIMEDOUT, true, true},
		{-ECONNREFUSED, true, true}, {-ECONNRESET, true, true},
		{-EHOSTUNREACH, true, true}, {-ENETUNREACH, true, true},
		{-EPROTO, true, true},	     {-EIO, false, true},
		{-ENOENT, false, false},     {-EACCES, false, false},
		{-EBUSY, false, false},	     {-EINVAL, false, false},
		{-EINTR, false, false},	     {-ENOMEM, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(store_is_unanswered(rows[i].rc),
				 rows[i].unanswered);
		assert_int_equal(store_is_outage(rows[i].rc), rows[i].outage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unversioned),	  cmocka_unit_test(suspended),
		cmocka_unit_test(marker_deleted), cmocka_unit_test(archived),
		cmocka_unit_test(replication),	  cmocka_unit_test(threads),
		cmocka_unit_test(metrics),	  cmocka_unit_test(conditions),
		cmocka_unit_test(received_bytes), cmocka_unit_test(names),
		cmocka_unit_test(errors),	  cmocka_unit_test(silence),
	};
	struct suite suite = {NULL, "suite/", 0};
	unsigned count = 0;
	int failed;

	/* Trace lines are made, and go nowhere. */
	if (log_open("/dev/null", false))
		return 1;
	log_set_level(LOG_LEVEL_DEBUG);
	if (memory_store_new(true, &suite.store))
		return 1;
	failed = suite_run("store suite over memory", &suite);
	store_free(suite.store);
	suite.store = make_stack(some_faults, &count);
	failed |= suite_run("store suite over a stack with faults", &suite);
	store_free(suite.store);
	failed |= cmocka_run_group_tests(tests, NULL, NULL);
	return failed ? 1 : 0;
}
