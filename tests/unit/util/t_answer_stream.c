/* SPDX-License-Identifier: Apache-2.0 */
/* A thread writes, the test reads; no thread asserts but the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../read_result.h"
#include "vers3/util/answer_stream.h"

#define LINE_BYTES 64
#define FULL_LINES (ANSWER_UNREAD_MAX / LINE_BYTES)

/* Writes `lines` lines of LINE_BYTES, then fails with rc, if that is set. */
struct writer {
	struct answer_stream *stream;
	unsigned lines;
	int rc;
	atomic_uint written; /* lines that went in */
	int result; /* of its last call, when it has been joined */
	pthread_t thread;
};

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	int rc = 0;

	cancel_enter(answer_stream_cancel_of(w->stream));
	for (unsigned i = 0; !rc && i < w->lines; i++) {
		rc = answer_stream_printf(w->stream, "%-*u\n", LINE_BYTES - 1,
					  i);
		if (!rc)
			atomic_fetch_add(&w->written, 1);
	}
	if (!rc && w->rc)
		rc = answer_stream_fail(w->stream, w->rc, "it is so");
	w->result = rc;
	answer_stream_end(w->stream, rc);
	return NULL;
}

static void begin(struct writer *w, struct cancel *outer)
{
	assert_int_equal(answer_stream_new(outer, &w->stream), 0);
	assert_int_equal(pthread_create(&w->thread, NULL, writer_main, w), 0);
}

static int end(struct writer *w)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	answer_stream_unref(w->stream);
	return w->result;
}

static int read_some(struct answer_stream *a, char *buf, size_t size,
		     size_t *ret_size)
{
	struct read_result r;

	read_result_begin(&r, buf, size);
	answer_stream_read(a, size, read_result_done, &r);
	return read_result_end(&r, ret_size);
}

/* Reads to the end in pieces of size: the error, and how much came. */
static int read_all(struct answer_stream *a, size_t size, char *last,
		    size_t *ret_total)
{
	char *buf = malloc(size + 1);
	size_t got = 0;
	int rc;

	assert_non_null(buf);
	*ret_total = 0;
	while (!(rc = read_some(a, buf, size, &got)) && got) {
		buf[got] = '\0';
		*ret_total += got;
		if (last)
			snprintf(last, 100, "%s", buf);
	}
	free(buf);
	return rc;
}

/* Waits until there is no room; it stays like that while nobody reads. */
static void fill(struct writer *w)
{
	int64_t until = clock_mono_ns() + READ_RESULT_S * NS_PER_S;

	while (atomic_load(&w->written) < FULL_LINES && clock_mono_ns() < until)
		usleep(1000);
	usleep(10000);
	assert_int_equal(atomic_load(&w->written), FULL_LINES);
}

static void test_all_comes(void **state)
{
	static const size_t sizes[] = {LINE_BYTES, 1000, 131072, 1 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct writer w = {.lines = 20000};
		size_t total;

		begin(&w, NULL);
		assert_int_equal(read_all(w.stream, sizes[i], NULL, &total), 0);
		assert_int_equal(total, 20000 * LINE_BYTES);
		/* The end stays. */
		assert_int_equal(read_all(w.stream, sizes[i], NULL, &total), 0);
		assert_int_equal(total, 0);
		assert_int_equal(end(&w), 0);
	}
}

static void test_writer_waits_for_room(void **state)
{
	struct writer w = {.lines = 20000};
	size_t total;

	(void)state;
	begin(&w, NULL);
	fill(&w);
	assert_int_equal(read_all(w.stream, 4096, NULL, &total), 0);
	assert_int_equal(total, 20000 * LINE_BYTES);
	assert_int_equal(end(&w), 0);
}

static void test_failure(void **state)
{
	struct writer w = {.lines = 2, .rc = -EACCES};
	char last[100];
	size_t total;

	(void)state;
	begin(&w, NULL);
	/* All text comes first, and the error is not lost by one read. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(read_all(w.stream, LINE_BYTES, i ? NULL : last,
					  &total),
				 -EACCES);
	assert_string_equal(last, "it is so\n");
	assert_string_equal(answer_stream_why(w.stream), "it is so");
	assert_int_equal(end(&w), -EACCES);
}

static void test_cancelled_while_it_waits(void **state)
{
	struct writer w = {.lines = 20000};
	size_t got;
	char buf[10];

	(void)state;
	begin(&w, NULL);
	fill(&w);
	answer_stream_cancel(w.stream);
	assert_int_equal(read_some(w.stream, buf, 10, &got), -ECANCELED);
	assert_int_equal(end(&w), -EINTR);
}

static void test_outer_cancel(void **state)
{
	struct writer w = {.lines = 20000};
	struct cancel outer;

	(void)state;
	cancel_init(&outer, NULL);
	begin(&w, &outer);
	fill(&w);
	cancel_set(&outer);
	assert_int_equal(end(&w), -EINTR);
}

static void test_reads_are_given_up(void **state)
{
	struct answer_stream *a;
	struct read_result mine, other, late;
	struct cancel cancel;
	char buf[3][10];
	size_t got;

	(void)state;
	assert_int_equal(answer_stream_new(NULL, &a), 0);
	cancel_init(&cancel, NULL);
	read_result_begin(&mine, buf[0], sizeof(buf[0]));
	read_result_begin(&other, buf[1], sizeof(buf[1]));
	read_result_begin(&late, buf[2], sizeof(buf[2]));
	cancel_enter(&cancel);
	answer_stream_read(a, 10, read_result_done, &mine);
	cancel_enter(NULL);
	answer_stream_read(a, 10, read_result_done, &other);
	answer_stream_give_up(a);
	assert_false(read_result_ended(&mine));
	cancel_set(&cancel);
	answer_stream_give_up(a);
	assert_int_equal(read_result_end(&mine, &got), -EINTR);
	assert_false(read_result_ended(&other));
	/* Nor is one begun that nobody would look at again. */
	cancel_enter(&cancel);
	answer_stream_read(a, 10, read_result_done, &late);
	cancel_enter(NULL);
	assert_int_equal(read_result_end(&late, &got), -EINTR);
	/* What was given up has taken nothing. */
	assert_int_equal(answer_stream_add(a, "text\n", 5), 0);
	assert_int_equal(read_result_end(&other, &got), 0);
	assert_int_equal(got, 5);
	answer_stream_end(a, 0);
	answer_stream_unref(a);
}

static void test_reads_end_with_cancel(void **state)
{
	struct answer_stream *a;
	struct read_result r[2];
	char buf[10];
	size_t got;

	(void)state;
	assert_int_equal(answer_stream_new(NULL, &a), 0);
	for (int i = 0; i < 2; i++) {
		read_result_begin(&r[i], buf, sizeof(buf));
		answer_stream_read(a, 10, read_result_done, &r[i]);
	}
	answer_stream_cancel(a);
	for (int i = 0; i < 2; i++)
		assert_int_equal(read_result_end(&r[i], &got), -ECANCELED);
	assert_int_equal(answer_stream_add(a, "text\n", 5), -EINTR);
	assert_int_equal(answer_stream_progress(a, "some"), -EINTR);
	answer_stream_end(a, 0);
	assert_int_equal(read_some(a, buf, 10, &got), -ECANCELED);
	answer_stream_unref(a);
}

static void test_progress(void **state)
{
	struct answer_stream *a;
	char buf[100];
	size_t got = 0;
	unsigned asked = 0;

	(void)state;
	assert_int_equal(answer_stream_new(NULL, &a), 0);
	/* None at once, then one. */
	assert_int_equal(answer_stream_progress(a, "%d keys", 1), 0);
	usleep(1100000);
	for (; asked < 10; asked++)
		assert_int_equal(answer_stream_progress(a, "2\nkeys"), 0);
	assert_int_equal(read_some(a, buf, sizeof(buf), &got), 0);
	assert_int_equal(got, 4);
	assert_memory_equal(buf, "# 2\n", 4);
	/* It does not wait for room. */
	for (size_t i = 0; i < ANSWER_UNREAD_MAX / 4; i++)
		assert_int_equal(answer_stream_add(a, "abc\n", 4), 0);
	usleep(1100000);
	assert_int_equal(answer_stream_progress(a, "full"), 0);
	answer_stream_end(a, 0);
	answer_stream_unref(a);
}

static void test_too_much_at_once(void **state)
{
	static char text[ANSWER_UNREAD_MAX + 1];
	struct answer_stream *a;

	(void)state;
	assert_int_equal(answer_stream_new(NULL, &a), 0);
	assert_int_equal(answer_stream_add(a, text, sizeof(text)), -EFBIG);
	assert_int_equal(answer_stream_add(a, text, sizeof(text) - 1), 0);
	answer_stream_end(a, 0);
	answer_stream_unref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_comes),
		cmocka_unit_test(test_writer_waits_for_room),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_cancelled_while_it_waits),
		cmocka_unit_test(test_outer_cancel),
		cmocka_unit_test(test_reads_are_given_up),
		cmocka_unit_test(test_reads_end_with_cancel),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_too_much_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
