/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that are asked for while the one before is worked on. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/store/list_ahead.h"
#include "vers3/store/version_list.h"
#include "vers3/util/clock.h"
#include "vers3/util/urgency.h"

#define PER_PAGE 3
#define WAIT_NS	 (10 * NS_PER_S)

/* A server with so many pages of keys "k0000", "k0001" and so on. */
struct pages {
	struct store store;
	unsigned count;
	unsigned fails; /* this page; 0: none */
	pthread_mutex_t mutex;
	pthread_cond_t asked_more;
	unsigned asked; /* under mutex */
	bool off_thread; /* under mutex: one was asked for by another thread */
	unsigned background; /* under mutex: pages that nobody waits for */
	pthread_t caller;
};

/* A request of this thread's is out. */
static _Thread_local bool asking;

static int pages_call(struct store *s, struct store_request *r)
{
	struct pages *p = (struct pages *)s;
	char key[16], marker[16];
	unsigned page;
	int rc = 0;

	pthread_mutex_lock(&p->mutex);
	page = p->asked++;
	p->off_thread =
		p->off_thread || !pthread_equal(pthread_self(), p->caller);
	p->background += urgency_current() == URGENCY_BACKGROUND;
	pthread_cond_broadcast(&p->asked_more);
	pthread_mutex_unlock(&p->mutex);
	store_reply_reset(&r->reply);
	if (p->fails && page == p->fails)
		return -EACCES;
	asking = true;
	for (unsigned i = 0; !rc && i < PER_PAGE; i++) {
		const struct store_entry e = {.kind = STORE_ENTRY_VERSION,
					      .key = key,
					      .version_id = "v",
					      .etag = "e",
					      .storage_class = "",
					      .owner = ""};
		struct store_entry one = e;

		snprintf(key, sizeof(key), "k%04u", page * PER_PAGE + i);
		one.key_len = strlen(key);
		rc = r->on_entry(r->entry_ctx, &one);
	}
	asking = false;
	snprintf(marker, sizeof(marker), "%s", key);
	r->reply.truncated = page + 1 < p->count;
	if (r->reply.truncated)
		r->reply.next_key_marker = strdup(marker);
	return rc;
}

static const struct store_ops pages_ops = {.name = "pages", .call = pages_call};

static void pages_init(struct pages *p, unsigned count)
{
	memset(p, 0, sizeof(*p));
	p->store.ops = &pages_ops;
	p->count = count;
	p->caller = pthread_self();
	pthread_mutex_init(&p->mutex, NULL);
	assert_int_equal(clock_cond_init(&p->asked_more), 0);
}

static void pages_release(struct pages *p)
{
	pthread_cond_destroy(&p->asked_more);
	pthread_mutex_destroy(&p->mutex);
}

struct reader {
	struct pages *pages;
	struct version_list list;
	unsigned got, page; /* entries, pages */
	unsigned stop_at; /* entries; 0: never */
	unsigned fails_at; /* likewise: the callback fails */
	bool await_next; /* each page from the second on waits for it */
	bool late; /* the next was not asked for in time */
	unsigned disorder;
	unsigned nested; /* entries given while a request was out */
	int told; /* by on_failure */
};

static int take(void *ctx, const struct store_entry *e)
{
	struct reader *r = ctx;
	char key[16];

	snprintf(key, sizeof(key), "k%04u", r->got++);
	r->disorder += strcmp(key, e->key) || strcmp(e->version_id, "v") ||
		       strcmp(e->etag, "e") || e->key_len != strlen(key);
	r->nested += asking;
	r->list.stop = r->got == r->stop_at;
	return r->got == r->fails_at ? -EPERM : 0;
}

static int end_page(void *ctx)
{
	int64_t until = clock_mono_ns() + WAIT_NS;
	struct reader *r = ctx;
	struct pages *p = r->pages;

	r->page++;
	if (!r->await_next || r->page == 1 || !r->list.truncated)
		return 0;
	pthread_mutex_lock(&p->mutex);
	while (p->asked <= r->page && clock_mono_ns() < until)
		clock_cond_wait_until(&p->asked_more, &p->mutex, until);
	r->late = r->late || p->asked <= r->page;
	pthread_mutex_unlock(&p->mutex);
	return 0;
}

static void note(void *ctx, const struct store_reply *reply, int rc)
{
	struct reader *r = ctx;

	(void)reply;
	r->told = rc;
}

static int run(struct reader *r, struct pages *p)
{
	r->pages = p;
	r->list = (struct version_list){.prefix = "k",
					.on_entry = take,
					.on_page = end_page,
					.on_failure = note,
					.ctx = r};
	return version_list(&p->store, &r->list);
}

static void test_rows(void **state)
{
	static const struct {
		unsigned pages, fails, stop_at, fails_at;
		unsigned got, asked_min, asked_max;
		int rc;
	} rows[] = {
		{1, 0, 0, 0, 3, 1, 1, 0},
		{2, 0, 0, 0, 6, 2, 2, 0},
		{7, 0, 0, 0, 21, 7, 7, 0},
		/* Who has enough with the first page asks for no other. */
		{7, 0, 1, 0, 1, 1, 1, 0},
		{7, 0, 3, 0, 3, 1, 1, 0},
		/* Later one may have been asked for in vain. */
		{7, 0, 5, 0, 5, 2, 3, 0},
		{7, 0, 0, 2, 2, 1, 1, -EPERM},
		{7, 0, 0, 8, 8, 3, 4, -EPERM},
		/* What came before a failure is given. */
		{7, 1, 0, 0, 3, 2, 2, -EACCES},
		{7, 4, 0, 0, 12, 5, 5, -EACCES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct reader r = {.stop_at = rows[i].stop_at,
				   .fails_at = rows[i].fails_at};
		struct pages p;

		pages_init(&p, rows[i].pages);
		p.fails = rows[i].fails;
		assert_int_equal(run(&r, &p), rows[i].rc);
		assert_int_equal(r.got, rows[i].got);
		assert_int_equal(r.disorder, 0);
		/* Who gets an entry may wait for a request of his own. */
		assert_int_equal(r.nested, 0);
		assert_in_range(p.asked, rows[i].asked_min, rows[i].asked_max);
		if (!rows[i].fails_at)
			assert_int_equal(r.told, rows[i].fails ? -EACCES : 0);
		/* No thread for what is over with two pages. */
		assert_int_equal(p.off_thread, rows[i].asked_max > 2);
		pages_release(&p);
	}
}

/* The next page is on its way while one is worked on. */
static void test_ahead(void **state)
{
	struct reader r = {.await_next = true};
	struct pages p;

	(void)state;
	pages_init(&p, 9);
	urgency_enter(URGENCY_BACKGROUND);
	assert_int_equal(run(&r, &p), 0);
	urgency_enter(URGENCY_WANTED);
	assert_int_equal(r.got, 9 * PER_PAGE);
	assert_false(r.late);
	/* Who waits for it is the same for all. */
	assert_int_equal(p.background, 9);
	pages_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
