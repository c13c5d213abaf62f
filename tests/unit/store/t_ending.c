/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The retry layer of a daemon that ends: what it still tries, and when it says
 * that the bucket takes no more changes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/store/retry.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

/* What a daemon that ends has: a store that may see that it is of no use. */
struct ending {
	struct store below;
	struct store *store; /* owned: the retry layer over it */
	int err, status; /* what it answers */
	unsigned calls, hopeless;
};

static int fixed_call(struct store *s, struct store_request *r)
{
	struct ending *e = (struct ending *)s;

	store_reply_reset(&r->reply);
	e->calls++;
	r->reply.status = e->status;
	return e->err;
}

static void fixed_free(struct store *s)
{
	(void)s; /* lives on the test's stack */
}

static const struct store_ops fixed_ops = {"fixed", fixed_call, fixed_free};

static void note_hopeless(void *ctx)
{
	struct ending *e = ctx;

	e->hopeless++;
}

static void ending_start(struct ending *e, int64_t patience_ns)
{
	const struct retry_config config = {
		.retries = 3,
		.base_ns = 1,
		.max_ns = 1,
		.on_hopeless = note_hopeless,
		.hopeless_ctx = e,
		.patience_ns = patience_ns,
	};
	struct store *below = &e->below;

	memset(e, 0, sizeof(*e));
	e->below.ops = &fixed_ops;
	assert_int_equal(retry_store_new(&config, &below, &e->store), 0);
}

/* Calls it once; how often that was tried. */
static unsigned ending_call(struct ending *e, enum store_op op, int err,
			    int status)
{
	struct store_request r;
	unsigned before = e->calls;

	e->err = err;
	e->status = status;
	store_request_init(&r, op);
	r.key = "k";
	assert_int_equal(store_call(e->store, &r), err);
	store_request_release(&r);
	return e->calls - before;
}

/* A time-out in which nothing was changed is the last one. */
static void test_timeout(void **state)
{
	struct ending e;

	(void)state;
	ending_start(&e, 3600 * NS_PER_S);
	/* Not while it is mounted. */
	assert_int_equal(ending_call(&e, STORE_PUT, -ETIMEDOUT, 0), 4);
	assert_int_equal(e.hopeless, 0);

	retry_store_set_mood(e.store, RETRY_QUICK);
	/*
	 * What is refused, and what comes to nothing at once, is no time-out.
	 */
	assert_int_equal(ending_call(&e, STORE_PUT, -EACCES, 403), 1);
	assert_int_equal(ending_call(&e, STORE_PUT, -ECONNREFUSED, 0), 4);
	assert_int_equal(ending_call(&e, STORE_PUT, -EIO, 503), 4);
	assert_int_equal(e.hopeless, 0);
	/* Nor is it sent again: each would take as long. */
	assert_int_equal(ending_call(&e, STORE_PUT, -ETIMEDOUT, 0), 1);
	assert_int_equal(e.hopeless, 1);
	assert_int_equal(ending_call(&e, STORE_LIST, -ETIMEDOUT, 0), 1);
	assert_int_equal(e.hopeless, 2);

	retry_store_set_mood(e.store, RETRY_NEVER);
	assert_int_equal(ending_call(&e, STORE_PUT, -ECONNREFUSED, 0), 1);
	assert_int_equal(e.hopeless, 2);
	store_free(e.store);
}

/* Patience is counted from the last change, not from the last answer. */
static void test_patience(void **state)
{
	struct ending e;

	(void)state;
	ending_start(&e, 200 * NS_PER_MS);
	retry_store_set_mood(e.store, RETRY_QUICK);
	usleep(300 * 1000);
	assert_int_equal(ending_call(&e, STORE_PUT, 0, 200), 1);
	ending_call(&e, STORE_PUT, -EACCES, 403);
	assert_int_equal(e.hopeless, 0);
	usleep(300 * 1000);
	assert_int_equal(ending_call(&e, STORE_HEAD, 0, 200), 1);
	assert_int_equal(ending_call(&e, STORE_PUT, -EACCES, 403), 1);
	assert_int_equal(e.hopeless, 0);
	assert_int_equal(ending_call(&e, STORE_PUT, -ECONNREFUSED, 0), 4);
	assert_int_equal(e.hopeless, 1);
	store_free(e.store);
}

/* While it is under way, another one changes the bucket. */
static int slow_call(struct store *s, struct store_request *r)
{
	struct ending *e = (struct ending *)s;
	struct store_request other;
	int rc;

	if (strcmp(r->key, "k") != 0)
		return fixed_call(s, r);
	e->err = 0;
	store_request_init(&other, STORE_PUT);
	other.key = "other";
	rc = store_call(e->store, &other);
	store_request_release(&other);
	e->err = -ETIMEDOUT;
	return rc ? rc : fixed_call(s, r);
}

/* A time-out in which others got something done proves nothing. */
static void test_beside_others(void **state)
{
	static const struct store_ops slow_ops = {"slow", slow_call,
						  fixed_free};
	struct ending e;

	(void)state;
	ending_start(&e, 3600 * NS_PER_S);
	retry_store_set_mood(e.store, RETRY_QUICK);
	e.below.ops = &slow_ops;
	assert_int_equal(ending_call(&e, STORE_PUT, -ETIMEDOUT, 0), 2);
	assert_int_equal(e.hopeless, 0);
	e.below.ops = &fixed_ops;
	assert_int_equal(ending_call(&e, STORE_PUT, -ETIMEDOUT, 0), 1);
	assert_int_equal(e.hopeless, 1);
	store_free(e.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_beside_others),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
