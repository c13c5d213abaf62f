/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "../meta_fixture.h"
#include "vers3/meta/dentry.h"

#define ROOT META_ROOT_INO

static void add(struct meta *m, uint64_t parent, const char *name, uint64_t ino)
{
	assert_int_equal(meta_dentry_add(m, parent, name, ino), 0);
}

static void add_inode(struct meta *m, uint64_t ino, uint32_t mode)
{
	struct meta_inode inode = {.ino = ino, .mode = mode};

	assert_int_equal(meta_inode_put(m, &inode), 0);
}

static void test_entries(void **state)
{
	struct fixture *f = *state;
	struct meta_dentry dentry, e;
	char longest[META_NAME_MAX + 2];

	assert_int_equal(meta_dentry_get(f->m, ROOT, "a", &dentry), -ENOENT);
	assert_int_equal(meta_dentry_any(f->m, ROOT), 0);
	add(f->m, ROOT, "a", 2000);
	assert_int_equal(meta_dentry_any(f->m, ROOT), 1);
	assert_int_equal(meta_dentry_any(f->m, ROOT + 1), 0);
	assert_int_equal(meta_dentry_add(f->m, ROOT, "a", 2001), -EEXIST);
	assert_int_equal(meta_dentry_get(f->m, ROOT, "a", &dentry), 0);
	assert_true(dentry.parent == ROOT && dentry.ino == 2000 &&
		    dentry.cookie > 2);
	assert_string_equal(dentry.name, "a");

	/* Another inode takes the name: same cookie, names follow. */
	assert_int_equal(meta_dentry_set(f->m, ROOT, "a", 2001), 0);
	assert_int_equal(meta_dentry_get(f->m, ROOT, "a", &e), 0);
	assert_true(e.ino == 2001 && e.cookie == dentry.cookie);
	assert_int_equal(meta_dentry_next(f->m, ROOT, 0, &e), 0);
	assert_true(e.ino == 2001 && e.cookie == dentry.cookie);
	assert_int_equal(meta_name_next(f->m, 2000, 0, "", &e), -ENOENT);
	assert_int_equal(meta_name_next(f->m, 2001, 0, "", &e), 0);
	assert_string_equal(e.name, "a");
	assert_int_equal(meta_dentry_set(f->m, ROOT, "b", 1), -ENOENT);

	assert_int_equal(meta_dentry_del(f->m, ROOT, "a"), 0);
	assert_int_equal(meta_dentry_del(f->m, ROOT, "a"), -ENOENT);
	assert_int_equal(meta_count(f->m, META_DENTRY), 0);
	assert_int_equal(meta_count(f->m, META_ORDER), 0);
	assert_int_equal(meta_count(f->m, META_NAME), 0);

	memset(longest, 'x', sizeof(longest));
	longest[META_NAME_MAX + 1] = '\0';
	assert_int_equal(meta_dentry_add(f->m, ROOT, longest, 1), -EINVAL);
	assert_int_equal(meta_dentry_get(f->m, ROOT, longest, &dentry),
			 -ENOENT);
	longest[META_NAME_MAX] = '\0';
	add(f->m, ROOT, longest, 2002);
	assert_int_equal(meta_dentry_get(f->m, ROOT, longest, &dentry), 0);
	assert_int_equal(meta_dentry_next_name(f->m, ROOT, longest, &dentry),
			 -ENOENT);
	assert_int_equal(meta_dentry_add(f->m, ROOT, "", 1), -EINVAL);
}

/* The order of names is bytewise and knows its own directory only. */
static void test_name_order(void **state)
{
	static const char *const sorted[] = {"A",  "a", "a.b",
					     "aa", "b", "\xc3\xa4"};
	static const int order[] = {4, 1, 5, 0, 3, 2};
	struct fixture *f = *state;
	struct meta_dentry dentry = {.name = ""};
	size_t n = sizeof(order) / sizeof(order[0]);

	for (size_t i = 0; i < n; i++)
		add(f->m, 5000, sorted[order[i]], 6000 + i);
	add(f->m, 4999, "zz", 1);
	add(f->m, 5001, "0", 1);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(meta_dentry_next_name(f->m, 5000, dentry.name,
						       &dentry),
				 0);
		assert_string_equal(dentry.name, sorted[i]);
	}
	assert_int_equal(meta_dentry_next_name(f->m, 5000, dentry.name,
					       &dentry),
			 -ENOENT);
	/* In order of cookies: as they were made. */
	dentry.cookie = 0;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(meta_dentry_next(f->m, 5000, dentry.cookie,
						  &dentry),
				 0);
		assert_string_equal(dentry.name, sorted[order[i]]);
		assert_int_equal(dentry.ino, 6000 + i);
	}
	assert_int_equal(meta_dentry_next(f->m, 5000, dentry.cookie, &dentry),
			 -ENOENT);
}

/* A reader deletes what it has seen and others come and go around it. */
static void test_stable_cookies(void **state)
{
	struct fixture *f = *state;
	struct meta_dentry dentry;
	uint64_t after = 0;
	char name[16];
	unsigned seen = 0;

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		add(f->m, ROOT, name, 2000 + i);
	}
	while (meta_dentry_next(f->m, ROOT, after, &dentry) == 0) {
		snprintf(name, sizeof(name), "f%u", seen);
		assert_string_equal(dentry.name, name);
		assert_true(dentry.cookie > after);
		after = dentry.cookie;
		seen++;
		assert_int_equal(meta_dentry_del(f->m, ROOT, dentry.name), 0);
		if (seen == 500)
			assert_int_equal(meta_dentry_del(f->m, ROOT, "f999"),
					 0);
		if (seen == 600)
			fixture_relock(f);
	}
	assert_int_equal(seen, 999);
	/* A name made again stands after all that were there. */
	add(f->m, ROOT, "f0", 2000);
	assert_int_equal(meta_dentry_next(f->m, ROOT, after, &dentry), 0);
	assert_string_equal(dentry.name, "f0");
}

static void test_names_of_inode(void **state)
{
	struct fixture *f = *state;
	struct meta_dentry dentry = {.name = ""};

	add(f->m, 20, "b", 7);
	add(f->m, 3, "z", 7);
	add(f->m, 20, "a", 7);
	add(f->m, 3, "y", 8);
	static const struct {
		uint64_t parent;
		const char *name;
	} expected[] = {{3, "z"}, {20, "a"}, {20, "b"}};

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(meta_name_next(f->m, 7, dentry.parent,
						dentry.name, &dentry),
				 0);
		assert_int_equal(dentry.parent, expected[i].parent);
		assert_string_equal(dentry.name, expected[i].name);
		assert_true(dentry.ino == 7 && dentry.cookie > 2);
	}
	assert_int_equal(meta_name_next(f->m, 7, dentry.parent, dentry.name,
					&dentry),
			 -ENOENT);
	assert_int_equal(meta_name_next(f->m, 9, 0, "", &dentry), -ENOENT);
}

static void test_paths(void **state)
{
	static const struct {
		const char *path;
		int rc;
		uint64_t ino;
	} cases[] = {
		{"", 0, ROOT},		{"a", 0, 2000},
		{"a/", 0, 2000},	{"a/b", 0, 2001},
		{"a/b/", 0, 2001},	{"a/b/c", 0, 2002},
		{"a/b/c/", -ENOENT, 0}, {"a/b/c/d", -ENOENT, 0},
		{"a//b", -ENOENT, 0},	{"/a", -ENOENT, 0},
		{"x", -ENOENT, 0},	{"a/x", -ENOENT, 0},
	};
	struct fixture *f = *state;
	char buf[META_KEY_MAX + 1];

	add_inode(f->m, 2000, S_IFDIR | 0755);
	add_inode(f->m, 2001, S_IFDIR | 0755);
	add_inode(f->m, 2002, S_IFREG | 0644);
	add(f->m, ROOT, "a", 2000);
	add(f->m, 2000, "b", 2001);
	add(f->m, 2001, "c", 2002);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ino = 0;

		assert_int_equal(meta_resolve(f->m, cases[i].path, &ino),
				 cases[i].rc);
		assert_int_equal(ino, cases[i].ino);
	}
	assert_int_equal(meta_path(f->m, ROOT, NULL, buf), 0);
	assert_string_equal(buf, "");
	assert_int_equal(meta_path(f->m, ROOT, "n", buf), 0);
	assert_string_equal(buf, "n");
	assert_int_equal(meta_path(f->m, 2001, NULL, buf), 0);
	assert_string_equal(buf, "a/b");
	assert_int_equal(meta_path(f->m, 2001, "new", buf), 0);
	assert_string_equal(buf, "a/b/new");
	assert_int_equal(meta_dentry_del(f->m, ROOT, "a"), 0);
	assert_int_equal(meta_path(f->m, 2001, "c", buf), -ESTALE);
	assert_string_equal(buf, "a/b/new");
}

static void test_parents(void **state)
{
	static const struct {
		const char *path;
		int rc;
		uint64_t ino;
	} cases[] = {
		{"", 0, ROOT},	     {"x", 0, ROOT},	    {"a/x", 0, 2000},
		{"a/b", 0, 2000},    {"a/b/", 0, 2001},	    {"a/b/d", 0, 2001},
		{"x/y", -ENOENT, 0}, {"a/x/y", -ENOENT, 0},
	};
	struct fixture *f = *state;

	add_inode(f->m, 2000, S_IFDIR | 0755);
	add_inode(f->m, 2001, S_IFDIR | 0755);
	add(f->m, ROOT, "a", 2000);
	add(f->m, 2000, "b", 2001);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ino = 0;

		assert_int_equal(meta_resolve_parent(f->m, cases[i].path, &ino),
				 cases[i].rc);
		assert_int_equal(ino, cases[i].ino);
	}
}

/* META_KEY_MAX bytes fit and one more does not; a loop ends. */
static void test_path_limit(void **state)
{
	struct fixture *f = *state;
	char name[META_NAME_MAX + 1], buf[META_KEY_MAX + 1];
	uint64_t ino;

	memset(name, 'n', sizeof(name));
	name[META_NAME_MAX] = '\0';
	/* Three names of 255 and their slashes: 768 bytes. */
	add(f->m, ROOT, name, 2000);
	add(f->m, 2000, name, 2001);
	add(f->m, 2001, name, 2002);
	assert_int_equal(meta_path(f->m, 2002, name, buf), 0);
	assert_int_equal(strlen(buf), 1023);
	add(f->m, 2002, name, 2003);
	assert_int_equal(meta_resolve(f->m, buf, &ino), 0);
	assert_int_equal(ino, 2003);
	assert_int_equal(meta_path(f->m, 2003, NULL, buf), 0);
	assert_int_equal(meta_path(f->m, 2003, "x", buf), -ENAMETOOLONG);
	assert_int_equal(meta_dentry_del(f->m, 2002, name), 0);
	name[251] = '\0';
	add(f->m, 2002, name, 2003);
	assert_int_equal(meta_path(f->m, 2003, "xxxx", buf), 0);
	assert_int_equal(strlen(buf), META_KEY_MAX);
	assert_int_equal(meta_path(f->m, 2003, "xxxxx", buf), -ENAMETOOLONG);
	add(f->m, 3001, "loop", 3000);
	add(f->m, 3000, "loop", 3001);
	assert_int_equal(meta_path(f->m, 3000, NULL, buf), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_LOCKED_TEST(test_entries),
		FIXTURE_LOCKED_TEST(test_name_order),
		FIXTURE_LOCKED_TEST(test_stable_cookies),
		FIXTURE_LOCKED_TEST(test_names_of_inode),
		FIXTURE_LOCKED_TEST(test_paths),
		FIXTURE_LOCKED_TEST(test_parents),
		FIXTURE_LOCKED_TEST(test_path_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
