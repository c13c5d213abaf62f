/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "vers3/util/log.h"

#define THREADS 4
#define LINES	200

static char path[] = "/tmp/vers3-t_log-XXXXXX";

/* The log's content so far; the file is emptied. */
static char *take_log(void)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	assert_int_equal(truncate(path, 0), 0);
	return text;
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_open("stderr", false);
	return unlink(path);
}

static void test_text(void **state)
{
	char *text;

	(void)state;
	assert_int_equal(log_open(path, false), 0);
	assert_int_equal(log_open("/nonexistent/log", false), -ENOENT);
	log_set_level(LOG_LEVEL_INFO);
	log_debug("not %s", "seen");
	errno = EXDEV;
	log_warning("key %s", "a\nb\x7f\xc3\xa9");
	assert_int_equal(errno, EXDEV);
	text = take_log();
	assert_int_equal(text[4], '-');
	assert_int_equal(text[19], 'Z');
	assert_string_equal(text + 20, " warning: key a\\x0ab\\x7f\xc3\xa9\n");

	log_set_level(LOG_LEVEL_ERROR);
	log_warning("not seen");
	assert_int_equal(log_get_level(), LOG_LEVEL_ERROR);
	assert_string_equal(take_log(), "");
	log_set_level(LOG_LEVEL_INFO);
}

static void test_long(void **state)
{
	static char message[100000];
	char *text;

	(void)state;
	memset(message, '\x01', sizeof(message) - 1);
	for (int json = 0; json < 2; json++) {
		assert_int_equal(log_open(path, json), 0);
		log_error("%s", message);
		text = take_log();
		assert_true(strlen(text) > 4000);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	}
}

static void test_json(void **state)
{
	static const struct {
		const char *message, *logged;
	} cases[] = {
		{"plain", "plain"},
		{"a \"b\"\n\\", "a \"b\"\n\\"},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"not utf8 \xff", "not utf8 \\xff"},
	};

	(void)state;
	assert_int_equal(log_open(path, true), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *event;

		log_info("%s", cases[i].message);
		event = json_loads(take_log(), 0, NULL);
		assert_non_null(event);
		assert_string_equal(
			json_string_value(json_object_get(event, "level")),
			"info");
		assert_string_equal(
			json_string_value(json_object_get(event, "message")),
			cases[i].logged);
		assert_int_equal(
			json_string_length(json_object_get(event, "time")), 20);
		json_decref(event);
	}
}

static void test_stderr(void **state)
{
	static const struct {
		const char *target, *line;
	} cases[] = {
		{"stderr", "vers3: error: no bucket\n"},
		{"journal", "<3>no bucket\n"},
	};
	int saved = dup(STDERR_FILENO);

	(void)state;
	assert_true(saved >= 0);
	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(path, "a");

		assert_non_null(f);
		assert_int_equal(log_open(cases[i].target, false), 0);
		dup2(fileno(f), STDERR_FILENO);
		log_error("no %s", "bucket");
		dup2(saved, STDERR_FILENO);
		fclose(f);
		assert_string_equal(take_log(), cases[i].line);
	}
	close(saved);
}

static void *chatter(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_info("thread %s line %d of many", (const char *)arg, i);
	return NULL;
}

static void test_threads(void **state)
{
	static const char names[THREADS][2] = {"a", "b", "c", "d"};
	pthread_t threads[THREADS];
	int count = 0;
	char *save = NULL;

	(void)state;
	assert_int_equal(log_open(path, false), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, chatter,
						(void *)names[i]),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (char *line = strtok_r(take_log(), "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		int n;
		char name;

		assert_int_equal(sscanf(line + 20,
					" info: thread %c line %d of many",
					&name, &n),
				 2);
		count++;
	}
	assert_int_equal(count, THREADS * LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	cmocka_unit_test(test_long),
		cmocka_unit_test(test_json),	cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
