/* SPDX-License-Identifier: Apache-2.0 */
/* A cache directory is taken over for the same bucket alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../remove_tree.h"
#include "vers3/main/adopt.h"
#include "vers3/main/cachedir.h"
#include "vers3/meta/inode.h"
#include "vers3/store/fault.h"
#include "vers3/store/memory.h"

#define OLD    "old:80 bucket:p/"
#define NEW    "new:80 bucket:p/"
#define PREFIX "p/"

static char dir[64], reason[1024];

static int setup(void **state)
{
	(void)state;
	alarm(60);
	strcpy(dir, "/tmp/t_adopt.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return remove_tree(dir);
}

/* An object p/f of the bucket, as a mount would know it. */
static void put(struct store *s, const char *text, struct meta_version *ret)
{
	struct store_request r;

	store_request_init(&r, STORE_PUT);
	r.key = PREFIX "f";
	r.body.mem = text;
	r.body.length = strlen(text);
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
	store_request_init(&r, STORE_HEAD);
	r.key = PREFIX "f";
	assert_int_equal(store_call(s, &r), 0);
	memset(ret, 0, sizeof(*ret));
	strcpy(ret->key, "f");
	strcpy(ret->etag, r.reply.object.etag);
	if (r.reply.object.version_id)
		strcpy(ret->version_id, r.reply.object.version_id);
	ret->size_bytes = r.reply.object.size_bytes;
	ret->last_modified_ns = r.reply.object.last_modified_ns;
	store_request_release(&r);
}

/* A cache directory of the old name that knows these, in this order. */
static void use_all(const struct meta_version *vers, size_t count)
{
	struct cachedir *d;
	struct meta *m;

	assert_int_equal(cachedir_open(dir, OLD, 0, reason, sizeof(reason), &d),
			 0);
	assert_int_equal(meta_open(dir, OLD, reason, sizeof(reason), &m), 0);
	assert_int_equal(meta_lock(m), 0);
	for (size_t i = 0; i < count; i++) {
		struct meta_inode inode = {
			.mode = S_IFREG | 0644, .nlink = 1, .base = vers[i]};

		assert_int_equal(meta_next_id(m, &inode.ino), 0);
		assert_int_equal(meta_inode_put(m, &inode), 0);
	}
	meta_unlock(m);
	assert_int_equal(meta_sync(m), 0);
	meta_close(m);
	cachedir_close(d);
}

/* One that knows one object, or a file that was never sent, and no other. */
static void use(const struct meta_version *ver)
{
	static const struct meta_version none;

	use_all(ver ? ver : &none, 1);
}

static int adopt(struct store *s)
{
	return adopt_dir(dir, OLD, NEW, 0, s, PREFIX, reason, sizeof(reason));
}

/* Whose it is, by both of its parts. */
static void is_of(const char *lock, const char *tables)
{
	char *got = NULL;
	struct meta *m;

	assert_int_equal(cachedir_recorded(dir, &got), 0);
	assert_string_equal(got, lock);
	free(got);
	assert_int_equal(meta_open(dir, tables, reason, sizeof(reason), &m), 0);
	meta_close(m);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(cachedir_is_renamed(OLD, NEW));
	assert_false(cachedir_is_renamed(OLD, OLD));
	assert_false(cachedir_is_renamed(OLD, "new:80 other:p/"));
	assert_false(cachedir_is_renamed(OLD, "new:80 bucket:q/"));
	assert_false(cachedir_is_renamed("bucket:", "b bucket:"));
}

static void run_same(bool versioned)
{
	struct store *s = NULL;
	struct meta_version ver;

	assert_int_equal(memory_store_new(versioned, &s), 0);
	put(s, "text", &ver);
	use(&ver);
	assert_int_equal(adopt(s), 0);
	is_of(NEW, NEW);
	store_free(s);
}

static void test_same(void **state)
{
	(void)state;
	run_same(true);
}

static void test_same_unversioned(void **state)
{
	(void)state;
	run_same(false);
}

/* Equal bytes under the same key do not make it the same bucket. */
static void test_another(void **state)
{
	struct store *s = NULL;
	struct meta_version ver, other;

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	put(s, "text", &ver);
	store_free(s);
	strcpy(ver.version_id, "of-another-bucket");
	use(&ver);
	assert_int_equal(memory_store_new(true, &s), 0);
	put(s, "text", &other);
	assert_int_equal(adopt(s), -EXDEV);
	assert_non_null(strstr(reason, "is not taken over"));
	is_of(OLD, OLD);
	store_free(s);
}

static void test_another_unversioned(void **state)
{
	static const char *const texts[] = {"text", ""};
	struct meta_version ver;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct store *s = NULL;

		assert_int_equal(memory_store_new(false, &s), 0);
		put(s, texts[i], &ver);
		/* What is empty tells nothing, whatever its time. */
		if (*texts[i])
			ver.last_modified_ns -= 3600 * INT64_C(1000000000);
		use(&ver);
		assert_int_equal(adopt(s), -EXDEV);
		is_of(OLD, OLD);
		store_free(s);
	}
}

/* Of many that are known some may have gone: the first 32 are asked for. */
static void test_bound(void **state)
{
	(void)state;
	for (size_t at = 31; at <= 32; at++) {
		struct meta_version vers[33], real;
		struct store *s = NULL;

		setup(NULL);
		assert_int_equal(memory_store_new(true, &s), 0);
		put(s, "text", &real);
		for (size_t i = 0; i <= at; i++) {
			vers[i] = real;
			if (i != at)
				strcpy(vers[i].version_id, "gone");
		}
		use_all(vers, at + 1);
		assert_int_equal(adopt(s), at < 32 ? 0 : -EXDEV);
		is_of(at < 32 ? NEW : OLD, at < 32 ? NEW : OLD);
		store_free(s);
		teardown(NULL);
	}
}

/* Nothing is known of the bucket. */
static void test_unknown(void **state)
{
	struct store *s = NULL;

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	use(NULL);
	assert_int_equal(adopt(s), -EXDEV);
	is_of(OLD, OLD);
	store_free(s);
}

static struct fault_decision refuse(void *ctx, const struct store_request *r)
{
	struct fault_decision d = {.kind = FAULT_REFUSE};

	(void)ctx;
	(void)r;
	return d;
}

static void test_not_reached(void **state)
{
	struct store *s = NULL;
	struct meta_version ver;

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	put(s, "text", &ver);
	assert_int_equal(fault_store_new(refuse, NULL, &s, &s), 0);
	use(&ver);
	assert_int_equal(adopt(s), -ECONNREFUSED);
	is_of(OLD, OLD);
	store_free(s);
}

/* Cut off between the two, it goes on without another look. */
static void test_cut_off(void **state)
{
	struct store *s = NULL;
	struct meta_version ver;
	struct meta *m;

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	put(s, "text", &ver);
	use(&ver);
	assert_int_equal(meta_open(dir, OLD, reason, sizeof(reason), &m), 0);
	assert_int_equal(meta_set_identity(m, NEW), 0);
	meta_close(m);
	is_of(OLD, NEW);
	assert_int_equal(adopt(s), 0);
	is_of(NEW, NEW);
	store_free(s);
}

int main(void)
{
#define IN_DIR(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  IN_DIR(test_same),
		IN_DIR(test_same_unversioned),	  IN_DIR(test_another),
		IN_DIR(test_another_unversioned), IN_DIR(test_unknown),
		IN_DIR(test_not_reached),	  IN_DIR(test_cut_off),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
