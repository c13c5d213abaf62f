/* SPDX-License-Identifier: Apache-2.0 */
/* Files of SSE-C keys, good and bad, and that no reason has a key in it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/s3/sse_keys.h"

#define RAW   "0123456789abcdef0123456789abcdef"
#define KEY_1 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define KEY_2 "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="

static char path[] = "/tmp/t_sse_keys.XXXXXX";
static struct digest *digest;

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return digest_new(&digest);
}

static int teardown(void **state)
{
	(void)state;
	digest_free(digest);
	return unlink(path);
}

static void write_file(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static int read_it(struct sse_keys *keys, char reason[256])
{
	reason[0] = '\0';
	return sse_keys_read(path, digest, keys, reason, 256);
}

static void test_files(void **state)
{
	static const struct {
		const char *text;
		int rc;
		size_t count;
		const char *word; /* of the reason */
	} cases[] = {
		{RAW, 0, 1, ""},
		{KEY_1, 0, 1, ""},
		{KEY_1 "\n", 0, 1, ""},
		{KEY_1 "\r\n\r\n" KEY_2 " \n", 0, 2, ""},
		{"# old ones\n\n" KEY_2 "\n#" KEY_1 "\n", 0, 1, ""},
		{"", -EINVAL, 0, "no key"},
		{"\n# none\n", -EINVAL, 0, "no key"},
		{RAW "\n", -EINVAL, 0, "line 1"},
		{KEY_1 "\n" KEY_2 "=\n", -EINVAL, 1, "line 2"},
		/* Bits that no key has, and what is no base64. */
		{"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWZ=", -EINVAL, 0,
		 "line 1"},
		{"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNk!WY=", -EINVAL, 0,
		 "line 1"},
		{"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYA", -EINVAL, 0,
		 "line 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sse_keys keys;
		char reason[256];

		write_file(cases[i].text, strlen(cases[i].text));
		if (read_it(&keys, reason) != cases[i].rc ||
		    keys.count != cases[i].count ||
		    !strstr(reason, cases[i].word))
			fail_msg("%zu: %s", i, reason);
		assert_null(strstr(reason, "MDEy"));
		assert_null(strstr(reason, "0123"));
		sse_keys_wipe(&keys);
	}
}

static void test_key(void **state)
{
	struct sse_keys keys;
	char reason[256];

	(void)state;
	write_file(RAW, sizeof(RAW) - 1);
	assert_int_equal(read_it(&keys, reason), 0);
	assert_string_equal(keys.at[0].base64, KEY_1);
	assert_string_equal(keys.at[0].md5, "hRasmdxgYDKV3nvbahU1MA==");
	sse_keys_wipe(&keys);
	assert_int_equal(keys.at[0].base64[0], 0);
}

/* A byte of zero is none of base64, though it ends what C compares. */
static void test_zeros(void **state)
{
	char text[SSE_KEY_BASE64_SIZE] = "";
	struct sse_keys keys;
	char reason[256];

	(void)state;
	memset(text + 1, 'A', sizeof(text) - 2);
	text[sizeof(text) - 1] = '\n';
	write_file(text, sizeof(text));
	assert_int_equal(read_it(&keys, reason), -EINVAL);
	assert_int_equal(keys.count, 0);
	sse_keys_wipe(&keys);
}

static void test_too_many(void **state)
{
	char text[(SSE_KEYS_MAX + 1) * sizeof(KEY_1)];
	struct sse_keys keys;
	char reason[256];
	size_t len = 0;

	(void)state;
	for (int i = 0; i <= SSE_KEYS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n",
					KEY_1);
	write_file(text, len);
	assert_int_equal(read_it(&keys, reason), -EINVAL);
	assert_non_null(strstr(reason, "at most"));
	sse_keys_wipe(&keys);
}

static void test_whose(void **state)
{
	struct sse_keys keys;
	char reason[256];

	(void)state;
	write_file(RAW, sizeof(RAW) - 1);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(read_it(&keys, reason), -EINVAL);
	assert_non_null(strstr(reason, "chmod 600"));
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(read_it(&keys, reason), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(sse_keys_read("/", digest, &keys, reason,
				       sizeof(reason)),
			 -EINVAL);
	assert_int_equal(sse_keys_read("/nowhere", digest, &keys, reason,
				       sizeof(reason)),
			 -ENOENT);
	assert_non_null(strstr(reason, "/nowhere"));
	sse_keys_wipe(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files), cmocka_unit_test(test_key),
		cmocka_unit_test(test_zeros), cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_whose),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
