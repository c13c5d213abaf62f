/* SPDX-License-Identifier: Apache-2.0 */
/* The cache directory: identities, default names, refusals, the lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../remove_tree.h"
#include "vers3/main/cachedir.h"
#include "vers3/util/lock_record.h"

#define ID "host bucket:"

static char work[64];

static const char *at(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", work, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	strcpy(work, "/tmp/t_cachedir.XXXXXX");
	return mkdtemp(work) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return remove_tree(work);
}

static void test_identity(void **state)
{
	static const struct {
		const char *url, *bucket, *prefix, *expected;
	} cases[] = {
		{"http://127.0.0.1:7480/b", "b", "", "127.0.0.1:7480 b:"},
		{"https://127.0.0.1:7480/b", "b", "", "127.0.0.1:7480 b:"},
		{"http://h/b", "b", "p/", "h b:p/"},
		{"http://h:80/b", "b", "", "h b:"},
		{"http://b.h:81", "b", "", "h:81 b:"},
		{"https://bb.h", "b", "", "bb.h b:"},
		{"https://b.s3.eu-west-1.amazonaws.com", "b", "", "aws b:"},
		{"https://s3.us-east-1.amazonaws.com/b", "b", "", "aws b:"},
		{"https://b.s3.cn-north-1.amazonaws.com.cn", "b", "", "aws b:"},
		{"https://amazonaws.com.example", "b", "",
		 "amazonaws.com.example b:"},
		{"http://h/b", "b", "a b\n\xc3\xa4/", "h b:a%20b%0A%C3%A4/"},
	};
	char *got = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(cachedir_identity(cases[i].url,
						   cases[i].bucket,
						   cases[i].prefix, &got),
				 0);
		assert_string_equal(got, cases[i].expected);
		free(got);
	}
	assert_int_equal(cachedir_identity("gopher://x", "b", "", &got),
			 -EINVAL);
}

/* Opens, expecting rc and, for a failure, a word of the reason. */
static struct cachedir *open_dir(const char *name, const char *identity, int rc,
				 const char *word)
{
	struct cachedir *d = NULL;
	char reason[512] = "";

	assert_int_equal(cachedir_open(at(name), identity, 100, reason,
				       sizeof(reason), &d),
			 rc);
	if (rc) {
		assert_null(d);
		assert_non_null(strstr(reason, word));
		assert_non_null(strstr(reason, at(name)));
		assert_null(strchr(reason, '\n'));
	}
	return d;
}

static void test_default_base(void **state)
{
	char *base = NULL;

	(void)state;
	assert_int_equal(cachedir_default_base(&base), 0);
	if (geteuid() == 0)
		assert_string_equal(base, "/var/cache/vers3");
	free(base);
	if (geteuid() == 0)
		return;
	setenv("XDG_CACHE_HOME", "/x", 1);
	assert_int_equal(cachedir_default_base(&base), 0);
	assert_string_equal(base, "/x/vers3");
	free(base);
	setenv("XDG_CACHE_HOME", "relative", 1);
	setenv("HOME", "/h", 1);
	assert_int_equal(cachedir_default_base(&base), 0);
	assert_string_equal(base, "/h/.cache/vers3");
	free(base);
}

static void expect_default(const char *identity, const char *end)
{
	char expected[512];
	char *path = NULL;

	assert_int_equal(cachedir_default(work, "b", identity, &path), 0);
	snprintf(expected, sizeof(expected), "%s/%s", work, end);
	assert_string_equal(path, expected);
	free(path);
}

static void test_default(void **state)
{
	static const char one[] = "h b:", two[] = "h b:p/";
	struct cachedir *d;
	char *own = NULL;

	(void)state;
	expect_default(one, "b");
	expect_default(two, "b");
	cachedir_close(open_dir("b", one, 0, NULL));
	expect_default(one, "b");
	assert_int_equal(cachedir_default(work, "b", two, &own), 0);
	assert_string_not_equal(own, at("b"));
	assert_memory_equal(own, at("b-"), strlen(at("b-")));
	assert_false(cachedir_used(own));
	/* What it was given once it keeps, whoever goes away. */
	d = open_dir(own + strlen(work) + 1, two, 0, NULL);
	assert_true(cachedir_used(own));
	cachedir_close(d);
	assert_int_equal(unlink(at("b/lock")), 0);
	expect_default(two, own + strlen(work) + 1);
	expect_default(one, "b");
	free(own);
}

static void test_make(void **state)
{
	struct cachedir *d;
	struct stat st;

	(void)state;
	assert_false(cachedir_used(at("a/b/c")));
	d = open_dir("a/b/c", ID, 0, NULL);
	assert_string_equal(cachedir_path(d), at("a/b/c"));
	assert_int_equal(stat(at("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(at("a/b/c/lock"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(cachedir_used(at("a/b/c")));
	cachedir_close(d);
	cachedir_close(open_dir("a/b/c/", ID, 0, NULL));
}

static void test_refusals(void **state)
{
	struct cachedir *d;
	int fd;

	(void)state;
	fd = open(at("file"), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	open_dir("file", ID, -ENOTDIR, "not a directory");
	open_dir("file/below", ID, -ENOTDIR, "not a directory");

	assert_int_equal(mkdir(at("open"), 0700), 0);
	assert_int_equal(chmod(at("open"), 0777), 0);
	open_dir("open", ID, -EPERM, "everyone");

	assert_int_equal(mkdir(at("group"), 0700), 0);
	assert_int_equal(chmod(at("group"), 0770), 0);
	assert_int_equal(chown(at("group"), -1, geteuid() ? getegid() : 1), 0);
	if (geteuid() == 0)
		open_dir("group", ID, -EPERM, "its group");
	open_dir("open/below", ID, -EPERM, "written by others");
	assert_int_equal(access(at("open/below"), F_OK), -1);

	assert_int_equal(mkdir(at("planted"), 0700), 0);
	assert_int_equal(symlink("/dev/null", at("planted/lock")), 0);
	open_dir("planted", ID, -ELOOP, "cannot write");

	d = open_dir("first", ID, 0, NULL);
	open_dir("first", ID, -EBUSY, "in use");
	open_dir("first", "other:", -EBUSY, "in use");
	cachedir_close(d);
	open_dir("first", "other:", -EXDEV, "belongs to " ID);
	cachedir_close(open_dir("first", ID, 0, NULL));

	if (geteuid() == 0) {
		assert_int_equal(mkdir(at("foreign"), 0700), 0);
		assert_int_equal(chown(at("foreign"), 1, 1), 0);
		open_dir("foreign", ID, -EPERM, "uid 1");
		open_dir("foreign/below", ID, -EPERM, "uid 1");
		/* Through a link of another user's, though it leads home. */
		assert_int_equal(symlink("first", at("link")), 0);
		cachedir_close(open_dir("link", ID, 0, NULL));
		assert_int_equal(lchown(at("link"), 1, 1), 0);
		open_dir("link", ID, -EPERM, "uid 1");
	}
}

static void test_damaged_record(void **state)
{
	static const char *const texts[] = {"", "\n\n", "x", "12 mounted",
					    "12\nid\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		FILE *f;

		mkdir(at("d"), 0700);
		f = fopen(at("d/lock"), "w");
		assert_non_null(f);
		fputs(texts[i], f);
		fclose(f);
		assert_false(cachedir_used(at("d")));
		cachedir_close(open_dir("d", ID, 0, NULL));
		assert_true(cachedir_used(at("d")));
	}
}

/* The next mount waits for one that is about to end. */
static void test_ending(void **state)
{
	struct cachedir *d = open_dir("d", ID, 0, NULL);
	char reason[512];
	int fds[2], status;
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		cachedir_set_ending(d);
		if (write(fds[1], "", 1) != 1)
			_exit(1);
		usleep(1500 * 1000); /* longer than anyone else is waited for */
		_exit(0);
	}
	/* The lock stays with the child's copy of the descriptor. */
	cachedir_close(d);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(cachedir_open(at("d"), ID, 20000, reason,
				       sizeof(reason), &d),
			 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	cachedir_close(d);
	cachedir_close(NULL);
}

/* Who waited for a daemon's end learns whether anything is left. */
static void test_outcome(void **state)
{
	struct cachedir *d = open_dir("d", ID, 0, NULL);
	long pid = getpid();

	(void)state;
	assert_int_equal(lock_record_outcome(at("none"), pid), -ENOENT);
	assert_int_equal(lock_record_outcome(at("d"), pid), 0);
	cachedir_set_ending(d);
	assert_int_equal(lock_record_outcome(at("d"), pid), 0);
	cachedir_set_ended(d, false);
	assert_int_equal(lock_record_outcome(at("d"), pid), 0);
	cachedir_set_ended(d, true);
	assert_int_equal(lock_record_outcome(at("d"), pid), 1);
	assert_int_equal(lock_record_outcome(at("d"), pid + 1), -ENOENT);
	cachedir_close(d);
	assert_int_equal(lock_record_outcome(at("d"), pid), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_default_base),
		cmocka_unit_test_setup_teardown(test_default, setup, teardown),
		cmocka_unit_test_setup_teardown(test_make, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_record, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outcome, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
