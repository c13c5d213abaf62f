/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the retry layer sends again, how long it waits, and what a lost
 * answer leaves behind.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../store_suite.h"
#include "vers3/store/fault.h"
#include "vers3/store/memory.h"
#include "vers3/store/retry.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A store that answers the same each time. */
struct fixed {
	struct store store;
	int err, status;
	const char *code;
	int64_t retry_after_ns;
	atomic_uint calls;
	unsigned good_from; /* answers 0 from this call on; 0: never */
};

static int fixed_call(struct store *s, struct store_request *r)
{
	struct fixed *f = (struct fixed *)s;

	store_reply_reset(&r->reply);
	f->calls++;
	if (f->good_from && f->calls >= f->good_from) {
		r->reply.status = 200;
		return 0;
	}
	r->reply.status = f->status;
	r->reply.retry_after_ns = f->retry_after_ns;
	snprintf(r->reply.code, sizeof(r->reply.code), "%s",
		 f->code ? f->code : "");
	return f->err;
}

static void fixed_free(struct store *s)
{
	(void)s; /* lives on the test's stack */
}

static const struct store_ops fixed_ops = {"fixed", fixed_call, fixed_free};

struct slept {
	int64_t ns[64];
	unsigned count;
};

static void note_sleep(void *ctx, int64_t ns)
{
	struct slept *slept = ctx;

	assert_true(slept->count < ARRAY_SIZE(slept->ns));
	slept->ns[slept->count++] = ns;
}

static struct store *retry_over(struct store *below, unsigned retries,
				struct slept *slept)
{
	const struct retry_config config = {
		.retries = retries,
		.sleep = note_sleep,
		.sleep_ctx = slept,
	};
	struct store *s;

	memset(slept, 0, sizeof(*slept));
	assert_int_equal(retry_store_new(&config, &below, &s), 0);
	assert_null(below);
	return s;
}

/* Calls one operation on a store that gives one answer; counts the tries. */
static unsigned tries_of(enum store_op op, const char *version_id, int err,
			 int status, const char *code)
{
	struct fixed f = {
		.store.ops = &fixed_ops,
		.err = err,
		.status = status,
		.code = code,
	};
	struct slept slept;
	struct store *s = retry_over(&f.store, 3, &slept);
	struct store_delete deletes[1] = {
		{.key = "k", .version_id = version_id}};
	struct store_request r;

	store_request_init(&r, op);
	r.key = "k";
	r.version_id = version_id;
	r.deletes = deletes;
	r.delete_count = 1;
	assert_int_equal(store_call(s, &r), err);
	assert_int_equal(r.reply.tries, f.calls);
	assert_int_equal(r.reply.status, status);
	assert_int_equal(slept.count, f.calls - 1);
	store_request_release(&r);
	store_free(s);
	return f.calls;
}

static void answers(void **state)
{
	static const struct {
		int err, status;
		const char *code;
		unsigned tries; /* of a read or PUT */
		unsigned tries_unsafe; /* of a DELETE */
	} table[] = {
		{0, 200, NULL, 1, 1},
		{-ENOENT, 404, "NoSuchKey", 1, 1},
		{-EACCES, 403, "AccessDenied", 1, 1},
		{-EINVAL, 400, "InvalidArgument", 1, 1},
		{-EBUSY, 412, "PreconditionFailed", 1, 1},
		{-EBUSY, 409, "BucketAlreadyExists", 1, 1},
		{-EREMOTE, 403, "InvalidObjectState", 1, 1},
		{-ERANGE, 416, "InvalidRange", 1, 1},
		{-EIO, 501, "NotImplemented", 1, 1},
		{-EPROTO, 0, NULL, 1, 1},
		{-EIO, 500, "InternalError", 4, 1},
		{-EIO, 500, NULL, 4, 1},
		{-EIO, 502, NULL, 4, 1},
		{-EIO, 504, NULL, 4, 1},
		{-EIO, 200, "InternalError", 4, 1},
		{-EIO, 503, "SlowDown", 4, 4},
		{-EIO, 503, NULL, 4, 4},
		{-EIO, 429, "TooManyRequests", 4, 4},
		{-EINVAL, 400, "RequestTimeout", 4, 1},
		{-EBUSY, 409, "OperationAborted", 4, 1},
		{-EBUSY, 409, "ConcurrentModification", 4, 1},
		{-ECONNREFUSED, 0, NULL, 4, 4},
		{-EHOSTUNREACH, 0, NULL, 4, 4},
		{-ECONNRESET, 0, NULL, 4, 1},
		{-ECONNRESET, 200, NULL, 4, 1},
		{-ETIMEDOUT, 0, NULL, 4, 1},
		{-EIO, 0, NULL, 4, 1},
		{-EIO, 206, NULL, 4, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const int err = table[i].err, status = table[i].status;
		const char *code = table[i].code;

		assert_int_equal(tries_of(STORE_GET, NULL, err, status, code),
				 table[i].tries);
		assert_int_equal(tries_of(STORE_PUT, NULL, err, status, code),
				 table[i].tries);
		assert_int_equal(tries_of(STORE_DELETE, "v", err, status, code),
				 table[i].tries);
		assert_int_equal(tries_of(STORE_DELETE, NULL, err, status,
					  code),
				 table[i].tries_unsafe);
	}
}

static void operations(void **state)
{
	(void)state;
	for (int i = 0; i < STORE_OP_COUNT; i++) {
		enum store_op op = (enum store_op)i;
		bool unsafe = op == STORE_DELETE || op == STORE_DELETE_MANY;

		assert_int_equal(tries_of(op, NULL, -ECONNRESET, 0, NULL),
				 unsafe ? 1 : 4);
		assert_int_equal(tries_of(op, "v", -ECONNRESET, 0, NULL), 4);
	}
}

/* What is marked so goes out again only where nothing was done. */
static void once(void **state)
{
	static const struct {
		int err, status;
		const char *code;
		unsigned tries;
		bool unsure;
	} table[] = {
		{0, 200, NULL, 1, false},
		{-EACCES, 403, "AccessDenied", 1, false},
		{-EBUSY, 412, "PreconditionFailed", 1, false},
		{-EIO, 503, "SlowDown", 4, false},
		{-ECONNREFUSED, 0, NULL, 4, false},
		{-EIO, 500, "InternalError", 1, true},
		{-EIO, 200, NULL, 1, true},
		{-ECONNRESET, 0, NULL, 1, true},
		{-ETIMEDOUT, 0, NULL, 1, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixed f = {
			.store.ops = &fixed_ops,
			.err = table[i].err,
			.status = table[i].status,
			.code = table[i].code,
		};
		struct slept slept;
		struct store *s = retry_over(&f.store, 3, &slept);
		struct store_request r;

		store_request_init(&r, STORE_PUT);
		r.key = "k";
		r.once = true;
		assert_int_equal(store_call(s, &r), table[i].err);
		assert_int_equal(f.calls, table[i].tries);
		assert_int_equal(r.reply.unsure, table[i].unsure);
		store_request_release(&r);
		store_free(s);
	}
}

static void success_ends_it(void **state)
{
	struct fixed f = {
		.store.ops = &fixed_ops,
		.err = -EIO,
		.status = 503,
		.good_from = 3,
	};
	struct slept slept;
	struct store *s = retry_over(&f.store, 9, &slept);
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_HEAD);
	r.key = "k";
	assert_int_equal(store_call(s, &r), 0);
	assert_int_equal(r.reply.tries, 3);
	assert_int_equal(r.reply.status, 200);
	assert_string_equal(r.reply.code, "");
	store_request_release(&r);
	store_free(s);
}

static void call_until_end(struct fixed *f, unsigned retries,
			   struct slept *slept)
{
	struct store *s = retry_over(&f->store, retries, slept);
	struct store_request r;

	store_request_init(&r, STORE_HEAD);
	r.key = "k";
	assert_int_equal(store_call(s, &r), f->err);
	assert_int_equal(slept->count, retries);
	store_request_release(&r);
	store_free(s);
}

static void jitter(void **state)
{
	struct slept slept;
	int64_t most_ns[12] = {0};

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct fixed f = {
			.store.ops = &fixed_ops,
			.err = -EIO,
			.status = 503,
		};
		int64_t limit_ns = 100 * NS_PER_MS;

		call_until_end(&f, 12, &slept);
		for (size_t i = 0; i < 12; i++) {
			assert_in_range(slept.ns[i], 0, limit_ns);
			if (slept.ns[i] > most_ns[i])
				most_ns[i] = slept.ns[i];
			limit_ns *= 2;
			if (limit_ns > 20 * NS_PER_S)
				limit_ns = 20 * NS_PER_S;
		}
	}
	/* Of 200 draws, one comes near the limit: the whole range is used. */
	assert_true(most_ns[0] > 80 * NS_PER_MS);
	assert_true(most_ns[3] > 640 * NS_PER_MS);
	assert_true(most_ns[11] > 16 * NS_PER_S);
}

static void retry_after(void **state)
{
	static const struct {
		int64_t told_s, least_s, most_s;
	} table[] = {
		{30, 30, 30},
		{3600, 60, 60},
		{0, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixed f = {
			.store.ops = &fixed_ops,
			.err = -EIO,
			.status = 503,
			.retry_after_ns = table[i].told_s * NS_PER_S,
		};
		struct slept slept;

		call_until_end(&f, 2, &slept);
		for (unsigned j = 0; j < slept.count; j++)
			assert_in_range(slept.ns[j],
					table[i].least_s * NS_PER_S,
					table[i].most_s * NS_PER_S);
	}
}

static int64_t sum_of(const struct slept *slept)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < slept->count; i++)
		sum += slept->ns[i];
	return sum;
}

/* However few or many tries there are, they outlast a short trouble. */
static void spread(void **state)
{
	static const unsigned retries[] = {1, 2, 3, 5, 12, 60};
	struct slept slept;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(retries); i++) {
		struct retry_config config = {
			.retries = retries[i],
			.spread_ns = 5 * NS_PER_S,
			.sleep = note_sleep,
			.sleep_ctx = &slept,
		};
		struct fixed f = {.store.ops = &fixed_ops,
				  .err = -ECONNREFUSED};
		struct store *s, *below = &f.store;
		struct store_request r;

		memset(&slept, 0, sizeof(slept));
		assert_int_equal(retry_store_new(&config, &below, &s), 0);
		store_request_init(&r, STORE_HEAD);
		r.key = "k";
		assert_int_equal(store_call(s, &r), -ECONNREFUSED);
		assert_int_equal(slept.count, retries[i]);
		/* What a try takes is less to be waited. */
		assert_true(sum_of(&slept) > 5 * NS_PER_S - NS_PER_S / 2);
		if (retries[i] == 3) {
			assert_in_range(slept.ns[0], 90 * NS_PER_MS,
					130 * NS_PER_MS);
			assert_in_range(slept.ns[1], 1500 * NS_PER_MS,
					1900 * NS_PER_MS);
			assert_true(sum_of(&slept) < 6 * NS_PER_S);
		}
		store_request_release(&r);
		store_free(s);
	}
}

/* Sends one request over a store with real waits; how long it took. */
static int64_t time_of(struct store *s, int err)
{
	int64_t began_ns = clock_mono_ns();
	struct store_request r;

	store_request_init(&r, STORE_HEAD);
	r.key = "k";
	assert_int_equal(store_call(s, &r), err);
	store_request_release(&r);
	return clock_mono_ns() - began_ns;
}

/* A trouble that has proved long is not sat out by each request anew. */
static void spread_once(void **state)
{
	const struct retry_config config = {
		.retries = 2,
		.base_ns = NS_PER_MS,
		.max_ns = 2 * NS_PER_MS,
		.spread_ns = 500 * NS_PER_MS,
	};
	struct fixed f = {.store.ops = &fixed_ops, .err = -ECONNREFUSED};
	struct store *s, *below = &f.store;
	struct store_request r;

	(void)state;
	assert_int_equal(retry_store_new(&config, &below, &s), 0);
	/* One that is not sent again proves nothing. */
	f.err = -ECONNRESET;
	store_request_init(&r, STORE_PUT);
	r.key = "k";
	r.once = true;
	assert_int_equal(store_call(s, &r), -ECONNRESET);
	store_request_release(&r);
	assert_true(time_of(s, -ECONNRESET) >= 500 * NS_PER_MS);
	assert_true(time_of(s, -ECONNRESET) < 500 * NS_PER_MS);
	f.good_from = f.calls + 1;
	time_of(s, 0);
	f.good_from = 0;
	assert_true(time_of(s, -ECONNRESET) >= 500 * NS_PER_MS);
	f.good_from = f.calls + 1;
	time_of(s, 0);
	f.good_from = 0;
	retry_store_set_mood(s, RETRY_QUICK);
	assert_true(time_of(s, -ECONNRESET) < 500 * NS_PER_MS);
	store_free(s);
}

struct expedite {
	struct store *store;
	int64_t took_ns;
};

static void *wait_long(void *arg)
{
	struct expedite *h = arg;
	int64_t began_ns = clock_mono_ns();
	struct store_request r;

	store_request_init(&r, STORE_HEAD);
	r.key = "k";
	store_call(h->store, &r);
	store_request_release(&r);
	h->took_ns = clock_mono_ns() - began_ns;
	return NULL;
}

/*
 * Whoever sits out a wait when the end comes does not sit it out, nor does who
 * is about to: it comes at any moment of a call.
 */
static void hurried(void **state)
{
	const struct retry_config config = {
		.retries = 1,
		.base_ns = 1,
		.spread_ns = 60 * NS_PER_S,
	};
	struct expedite h;
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct fixed f = {.store.ops = &fixed_ops,
				  .err = -ECONNREFUSED};
		struct store *below = &f.store;

		assert_int_equal(retry_store_new(&config, &below, &h.store), 0);
		assert_int_equal(pthread_create(&thread, NULL, wait_long, &h),
				 0);
		while (!atomic_load(&f.calls))
			sched_yield();
		retry_store_set_mood(h.store, RETRY_QUICK);
		pthread_join(thread, NULL);
		assert_true(h.took_ns < 30 * NS_PER_S);
		store_free(h.store);
	}
}

/* The answers to the first `left` requests of one operation get lost. */
struct loss {
	enum store_op op;
	unsigned left;
};

static struct fault_decision lose(void *ctx, const struct store_request *r)
{
	struct loss *loss = ctx;

	if (r->op != loss->op || !loss->left)
		return (struct fault_decision){FAULT_NONE, 0, NULL, 0};
	loss->left--;
	return (struct fault_decision){FAULT_LOST, 0, NULL, 0};
}

static struct store *lossy(struct loss *loss, struct slept *slept)
{
	struct store *memory, *fault;

	assert_int_equal(memory_store_new(true, &memory), 0);
	assert_int_equal(fault_store_new(lose, loss, &memory, &fault), 0);
	return retry_over(fault, 3, slept);
}

static void lost_put(void **state)
{
	struct loss loss = {STORE_PUT, 1};
	struct slept slept;
	struct store *s = lossy(&loss, &slept);
	char text[64];

	(void)state;
	assert_int_equal(suite_put(s, "k", "one", NULL), 0);
	assert_int_equal(suite_get(s, "k", NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "one");
	/* Both tries arrived: same content, one version more. */
	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "k=^ k=");
	store_free(s);
}

static void lost_conditional_put(void **state)
{
	struct loss loss = {STORE_PUT, 1};
	struct slept slept;
	struct store *s = lossy(&loss, &slept);
	struct store_request r;

	(void)state;
	store_request_init(&r, STORE_PUT);
	r.key = "k";
	r.if_none_match = "*";
	r.body.mem = "one";
	r.body.length = 3;
	/* Our own first try stands in the way: the tries tell the caller. */
	assert_int_equal(store_call(s, &r), -EBUSY);
	assert_int_equal(r.reply.status, 412);
	assert_int_equal(r.reply.tries, 2);
	store_request_release(&r);
	store_free(s);
}

static void lost_delete(void **state)
{
	struct loss loss = {STORE_DELETE, 1};
	struct slept slept;
	struct store *s = lossy(&loss, &slept);
	char id[64], text[64];

	(void)state;
	assert_int_equal(suite_put(s, "k", "one", id), 0);
	assert_int_equal(suite_delete(s, "k", NULL, NULL), -ECONNRESET);
	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "k-^ k=");
	loss.left = 1;
	assert_int_equal(suite_delete(s, "k", id, NULL), 0);
	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, "k-^");
	store_free(s);
}

/* A store whose lists break off behind a number of entries. */
struct broken_list {
	struct store store;
	unsigned good_entries; /* of the first try */
	unsigned calls;
};

static int broken_list_call(struct store *s, struct store_request *r)
{
	static const char *const keys[] = {"a", "b", "c", "d"};
	struct broken_list *b = (struct broken_list *)s;
	bool first = !b->calls++;

	store_reply_reset(&r->reply);
	r->reply.status = 200;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct store_entry e = {
			.kind = STORE_ENTRY_OBJECT,
			.key = keys[i],
			.key_len = 1,
			.version_id = "",
			.etag = "",
			.storage_class = "",
		};
		int err;

		if (first && i == b->good_entries)
			return -ECONNRESET;
		err = r->on_entry(r->entry_ctx, &e);
		if (err < 0)
			return err;
	}
	return 0;
}

static const struct store_ops broken_list_ops = {"broken", broken_list_call,
						 fixed_free};

static void broken_lists(void **state)
{
	(void)state;
	for (unsigned good = 0; good < 4; good++) {
		struct broken_list b = {
			.store.ops = &broken_list_ops,
			.good_entries = good,
		};
		struct slept slept;
		struct store *s = retry_over(&b.store, 1, &slept);
		char text[64];

		suite_list(s, STORE_LIST, "", NULL, 0, text, sizeof(text),
			   NULL);
		assert_string_equal(text, "a b c d");
		assert_int_equal(b.calls, 2);
		store_free(s);
	}
}

static struct fault_decision cut_first(void *ctx, const struct store_request *r)
{
	unsigned *calls = ctx;

	if (r->op == STORE_GET && !(*calls)++)
		return (struct fault_decision){FAULT_CUT, 0, NULL, 4};
	return (struct fault_decision){FAULT_NONE, 0, NULL, 0};
}

static void cut_body(void **state)
{
	struct store *memory, *fault, *s;
	struct slept slept;
	unsigned calls = 0;
	char text[64];

	(void)state;
	assert_int_equal(memory_store_new(true, &memory), 0);
	assert_int_equal(fault_store_new(cut_first, &calls, &memory, &fault),
			 0);
	s = retry_over(fault, 1, &slept);
	assert_int_equal(suite_put(s, "k", "0123456789", NULL), 0);
	assert_int_equal(suite_get(s, "k", NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "0123456789");
	assert_int_equal(slept.count, 1);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(operations),
		cmocka_unit_test(once),
		cmocka_unit_test(success_ends_it),
		cmocka_unit_test(jitter),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(spread),
		cmocka_unit_test(spread_once),
		cmocka_unit_test(hurried),
		cmocka_unit_test(lost_put),
		cmocka_unit_test(lost_conditional_put),
		cmocka_unit_test(lost_delete),
		cmocka_unit_test(broken_lists),
		cmocka_unit_test(cut_body),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
