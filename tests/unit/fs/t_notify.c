/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of invalidations: order, doubles, bound, end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../../src/fs/notify.h"

/* A sink that can be held up, so that the queue fills behind it. */
struct sink {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool held;
	unsigned entered; /* calls that began */
	unsigned ended;
	char last[64];
	char all[256]; /* what was sent, one word each */
};

static void record(struct sink *s, const char *word)
{
	pthread_mutex_lock(&s->mutex);
	s->entered++;
	pthread_cond_broadcast(&s->changed);
	while (s->held)
		pthread_cond_wait(&s->changed, &s->mutex);
	s->ended++;
	snprintf(s->last, sizeof(s->last), "%s", word);
	if (strlen(s->all) + strlen(word) + 2 < sizeof(s->all)) {
		strcat(s->all, word);
		strcat(s->all, " ");
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

static void sink_inode(void *ctx, uint64_t ino)
{
	char word[64];

	snprintf(word, sizeof(word), "%llu", (unsigned long long)ino);
	record(ctx, word);
}

static void sink_entry(void *ctx, uint64_t parent, const char *name)
{
	char word[64];

	snprintf(word, sizeof(word), "%llu/%s", (unsigned long long)parent,
		 name);
	record(ctx, word);
}

static struct notify *start(struct sink *s)
{
	const struct notify_sink to = {sink_inode, sink_entry, s};
	struct notify *n = NULL;

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->changed, NULL);
	assert_int_equal(notify_new(&to, &n), 0);
	return n;
}

static void hold(struct sink *s, bool held)
{
	pthread_mutex_lock(&s->mutex);
	s->held = held;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

static void wait_for(struct sink *s, const unsigned *counter, unsigned value)
{
	pthread_mutex_lock(&s->mutex);
	while (*counter < value)
		pthread_cond_wait(&s->changed, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
}

static void end(struct sink *s, struct notify *n)
{
	notify_free(n);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->mutex);
}

static void test_order_and_doubles(void **state)
{
	struct sink s;
	struct notify *n = start(&s);

	(void)state;
	hold(&s, true);
	notify_inode(n, 1);
	wait_for(&s, &s.entered, 1);
	/* 1 is on its way, so it is queued again; the rest has doubles. */
	notify_inode(n, 1);
	notify_entry(n, 7, "name");
	notify_inode(n, 1);
	notify_inode(n, 7);
	notify_entry(n, 7, "name");
	notify_entry(n, 7, "");
	notify_entry(n, 8, "name");
	hold(&s, false);
	wait_for(&s, &s.ended, 6);
	assert_string_equal(s.all, "1 1 7/name 7 7/ 8/name ");
	end(&s, n);
}

static void test_bound(void **state)
{
	struct sink s;
	struct notify *n = start(&s);

	(void)state;
	hold(&s, true);
	notify_inode(n, 0);
	wait_for(&s, &s.entered, 1);
	for (uint64_t i = 1; i <= NOTIFY_MAX + 5; i++)
		notify_inode(n, i);
	assert_int_equal(notify_dropped(n), 5);
	hold(&s, false);
	wait_for(&s, &s.ended, NOTIFY_MAX + 1);
	notify_inode(n, 77);
	wait_for(&s, &s.ended, NOTIFY_MAX + 2);
	assert_string_equal(s.last, "77");
	end(&s, n);
}

static void *release_later(void *arg)
{
	struct sink *s = arg;

	usleep(50 * 1000);
	hold(s, false);
	return NULL;
}

static void test_stop_with_work(void **state)
{
	struct sink s;
	struct notify *n = start(&s);
	pthread_t thread;

	(void)state;
	hold(&s, true);
	for (uint64_t i = 0; i < 100; i++)
		notify_inode(n, i);
	/* One is on its way when the rest is thrown away. */
	wait_for(&s, &s.entered, 1);
	pthread_create(&thread, NULL, release_later, &s);
	notify_stop(n);
	notify_stop(n);
	pthread_join(thread, NULL);
	assert_int_equal(s.entered, 1);
	assert_int_equal(s.ended, 1);
	notify_inode(n, 5); /* taken, and never sent */
	notify_entry(n, 5, "x");
	assert_int_equal(notify_dropped(n), 0);
	assert_int_equal(s.entered, s.ended);
	end(&s, n);
}

/* What was queued before is sent when it returns, or the time is over. */
static void test_flush(void **state)
{
	struct sink s;
	struct notify *n = start(&s);

	(void)state;
	assert_true(notify_flush(n, INT64_MAX / 2));
	for (unsigned i = 0; i < 20; i++)
		notify_inode(n, i);
	notify_flush(n, INT64_MAX / 2);
	assert_int_equal(s.ended, 20);
	hold(&s, true);
	notify_inode(n, 99);
	assert_false(notify_flush(n, 1000000));
	assert_int_equal(s.ended, 20);
	hold(&s, false);
	notify_flush(n, INT64_MAX / 2);
	assert_int_equal(s.ended, 21);
	notify_free(n);
}

static void test_free_null(void **state)
{
	(void)state;
	notify_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_doubles),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_stop_with_work),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_free_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
