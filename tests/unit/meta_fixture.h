/* SPDX-License-Identifier: Apache-2.0 */
/* An empty namespace in a directory of its own, for one test. */
#ifndef VERS3_TESTS_UNIT_META_FIXTURE_H
#define VERS3_TESTS_UNIT_META_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "work_dir.h"
#include "vers3/meta/check.h"
#include "vers3/meta/meta.h"

#define FIXTURE_IDENTITY "http://localhost bucket prefix/"

struct fixture {
	char dir[64];
	struct meta *m;
	bool damaged; /* by the test: the tables need not agree */
};

/* What has to hold at rest (check.h); not of one that has failed. */
static inline void fixture_check(struct fixture *f)
{
	char words[1200];

	if (f->damaged || !f->m || meta_lock(f->m))
		return;
	meta_unlock(f->m);
	if (meta_check_tables(f->m, words, sizeof(words)))
		fail_msg("%s", words);
}

/* Opens fixture's directory again, as a next mount would. */
static inline void fixture_reopen(struct fixture *f)
{
	char reason[512];

	meta_close(f->m);
	f->m = NULL;
	assert_int_equal(meta_open(f->dir, FIXTURE_IDENTITY, reason,
				   sizeof(reason), &f->m),
			 0);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	/* A test that fails while it holds the lock would hang in teardown. */
	alarm(60);
	assert_non_null(f);
	assert_int_equal(make_work_dir(f->dir, sizeof(f->dir), "t_meta"), 0);
	fixture_reopen(f);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	static const char *const parts[] = {"/meta/data.mdb", "/meta/lock.mdb",
					    "/meta/redo", "/meta", ""};
	struct fixture *f = *state;
	char path[128];

	fixture_check(f);
	meta_close(f->m);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", f->dir, parts[i]);
		remove(path);
	}
	free(f);
	return 0;
}

#define FIXTURE_TEST(fn)                                                       \
	cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

/* The same with the lock held from beginning to end. */
static inline int fixture_setup_locked(void **state)
{
	int rc = fixture_setup(state);
	struct fixture *f = *state;

	return rc ? rc : meta_lock(f->m);
}

static inline int fixture_teardown_locked(void **state)
{
	struct fixture *f = *state;

	meta_unlock(f->m);
	return fixture_teardown(state);
}

/* A next mount in the midst of such a test. */
static inline void fixture_relock(struct fixture *f)
{
	meta_unlock(f->m);
	fixture_reopen(f);
	assert_int_equal(meta_lock(f->m), 0);
}

#define FIXTURE_LOCKED_TEST(fn)                                                \
	cmocka_unit_test_setup_teardown(fn, fixture_setup_locked,              \
					fixture_teardown_locked)

/* A row of a table that takes any: META_VIEW. */
static inline void fixture_put(struct meta *m, const char *key, const char *val)
{
	assert_int_equal(
		meta_put(m, META_VIEW, key, strlen(key), val, strlen(val)), 0);
}

static inline void fixture_put_locked(struct meta *m, const char *key,
				      const char *val)
{
	assert_int_equal(meta_lock(m), 0);
	fixture_put(m, key, val);
	meta_unlock(m);
}

/* What a fresh look at the environment finds; "" for nothing. */
static inline void fixture_get_locked(struct meta *m, const char *key,
				      char *ret, size_t size)
{
	struct meta_val val = {"", 0};
	int rc;

	assert_int_equal(meta_lock(m), 0);
	rc = meta_get(m, META_VIEW, key, strlen(key), &val);
	assert_true(rc == 0 || rc == -ENOENT);
	snprintf(ret, size, "%.*s", (int)val.size, (const char *)val.data);
	meta_unlock(m);
}

static inline void fixture_has(struct meta *m, const char *key,
			       const char *expected)
{
	char val[64];

	fixture_get_locked(m, key, val, sizeof(val));
	assert_string_equal(val, expected);
}

/* The longest string that has room. */
static inline void fixture_fill(char *s, size_t size, char c)
{
	memset(s, c, size - 1);
	s[size - 1] = '\0';
}

#endif
