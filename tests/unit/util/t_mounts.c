/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/util/mounts.h"

static const char table_text[] =
	"/dev/vda / ext4 rw,relatime 0 0\n"
	"bucket /mnt/a fuse.vers3 rw,user_id=7 0 0\n"
	"tmpfs /mnt/a tmpfs rw 0 0\n"
	"none /mnt/b tmpfs rw 0 0\n"
	"b:pre/ /mnt/b fuse.vers3 ro,nosuid,user_id=8 0 0\n"
	"bucket /mnt/with\\040blank fuse.vers3 rw 0 0\n"
	"b:a\\043b\\134043/ /mnt/\\134040c fuse.vers3 rw 0 0\n";

static char table[] = "/tmp/t_mounts.XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(table);
	ssize_t n = write(fd, table_text, sizeof(table_text) - 1);

	(void)state;
	close(fd);
	return n == sizeof(table_text) - 1 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(table);
}

static void test_find(void **state)
{
	static const struct {
		const char *dir, *source, *options; /* NULL: none there */
		bool ours;
	} cases[] = {
		{"/", "/dev/vda", "rw,relatime", false},
		{"/mnt/a", "tmpfs", "rw", false}, /* on top of ours */
		{"/mnt/b", "b:pre/", "ro,nosuid,user_id=8", true},
		{"/mnt/with blank", "bucket", "rw", true},
		/* A # and a backslash, as the kernel writes them. */
		{"/mnt/\\040c", "b:a#b\\043/", "rw", true},
		{"/mnt", NULL, NULL, false},
		{"/mnt/a/", NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mounts_entry e;
		int rc = mounts_find(table, cases[i].dir, &e);

		assert_int_equal(rc, cases[i].source ? 0 : -ENOENT);
		if (rc)
			continue;
		assert_string_equal(e.source, cases[i].source);
		assert_string_equal(e.options, cases[i].options);
		assert_int_equal(mounts_is_ours(&e), cases[i].ours);
		mounts_release(&e);
	}
}

static int third(void *ctx, const struct mntent *m)
{
	(void)m;
	return ++*(int *)ctx == 3 ? -EBADMSG : 0;
}

static void test_each(void **state)
{
	struct mounts_entry e;
	int count = 0;

	(void)state;
	assert_int_equal(mounts_each(table, third, &count), -EBADMSG);
	assert_int_equal(count, 3);
	assert_int_equal(mounts_each("/no/such/table", third, &count), -ENOENT);
	/* The kernel's own can be read; a root of chroot(2) is not in it. */
	assert_int_equal(mounts_find(MOUNTS_TABLE, "/proc", &e), 0);
	mounts_release(&e);
}

static void test_options(void **state)
{
	static const struct {
		const char *list, *name, *value; /* NULL: not in it */
	} cases[] = {
		{"remount", "remount", ""},
		{"a,remount,b", "remount", ",b"},
		{"a,b,remount", "remount", ""},
		{"noremount,remounted", "remount", NULL},
		{"", "remount", NULL},
		{"user_id=7,ro", "user_id", "7,ro"},
		{"user_id=7,ro", "user", NULL},
		{"user_id=7,ro", "ro", ""},
		{"x=ro", "ro", NULL},
		/* A comma in a value ends it not. */
		{"prefix=a\\,remount", "remount", NULL},
		{"prefix=a\\,remount\\,b,c", "remount", NULL},
		{"prefix=a\\,remount,remount", "remount", ""},
		{"prefix=a\\\\,remount", "remount", ""},
		{"prefix=a\\", "remount", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = mounts_option(cases[i].list, cases[i].name);

		if (cases[i].value) {
			assert_non_null(got);
			assert_string_equal(got, cases[i].value);
		} else {
			assert_null(got);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
