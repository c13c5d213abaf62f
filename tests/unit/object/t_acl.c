/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists: which are valid, and what a mode says of one. */
#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "vers3/object/acl.h"

#define ENTRIES_MAX 8
#define NOBODY	    ((uint32_t)-1)

struct list {
	size_t size;
	char data[sizeof(struct posix_acl_xattr_header) +
		  ENTRIES_MAX * sizeof(struct posix_acl_xattr_entry)];
};

struct entry {
	uint16_t tag, perm;
	uint32_t id;
};

static struct list make(const struct entry *entries, size_t count)
{
	struct posix_acl_xattr_header h = {htole32(POSIX_ACL_XATTR_VERSION)};
	struct list l = {.size = sizeof(h)};

	memcpy(l.data, &h, sizeof(h));
	for (size_t i = 0; i < count; i++) {
		struct posix_acl_xattr_entry e = {
			.e_tag = htole16(entries[i].tag),
			.e_perm = htole16(entries[i].perm),
			.e_id = htole32(entries[i].id),
		};

		memcpy(l.data + l.size, &e, sizeof(e));
		l.size += sizeof(e);
	}
	return l;
}

#define MAKE(...)                                                              \
	make((const struct entry[]){__VA_ARGS__},                              \
	     sizeof((const struct entry[]){__VA_ARGS__}) /                     \
		     sizeof(struct entry))
#define U                                                                      \
	{                                                                      \
		ACL_USER_OBJ, 6, NOBODY                                        \
	}
#define G                                                                      \
	{                                                                      \
		ACL_GROUP_OBJ, 4, NOBODY                                       \
	}
#define O                                                                      \
	{                                                                      \
		ACL_OTHER, 1, NOBODY                                           \
	}
#define M                                                                      \
	{                                                                      \
		ACL_MASK, 5, NOBODY                                            \
	}
#define UN                                                                     \
	{                                                                      \
		ACL_USER, 7, 1                                                 \
	}
#define UN2                                                                    \
	{                                                                      \
		ACL_USER, 7, 2                                                 \
	}
#define GN                                                                     \
	{                                                                      \
		ACL_GROUP, 7, 1                                                \
	}

static void test_check(void **state)
{
	static const char zeros[64];
	struct list l = MAKE(U, G, O);

	(void)state;
	assert_int_equal(acl_check(l.data, l.size), 0);
	for (size_t size = 0; size < l.size; size++)
		assert_int_equal(acl_check(l.data, size),
				 size == 4 ? 0 : -EINVAL);
	assert_true(acl_is_empty(4));
	assert_int_equal(acl_check(zeros, sizeof(zeros)), -EINVAL);
	l = MAKE(U, UN, UN2, G, GN, M, O);
	assert_int_equal(acl_check(l.data, l.size), 0);
	assert_false(acl_is_mode(l.data, l.size));
	assert_int_equal(acl_mode(l.data, l.size), 0651);
	acl_set_mode(l.data, l.size, 0123);
	assert_int_equal(acl_mode(l.data, l.size), 0123);
	assert_int_equal(acl_check(l.data, l.size), 0);

	struct list bad[] = {
		MAKE(U, G), /* others are missing */
		MAKE(U, G, O, M), /* not in order */
		MAKE(U, UN, G, O), /* no mask */
		MAKE(U, GN, G, M, O),
		MAKE(U, UN2, UN, G, M, O),
		MAKE(U, UN, UN, G, M, O),
		MAKE(U, U, G, O),
		MAKE(U, G, M, M, O),
		MAKE(U, {ACL_USER, 7, NOBODY}, G, M, O),
		MAKE({ACL_USER_OBJ, 8, NOBODY}, G, O),
		MAKE(U, {0x40, 7, 1}, G, O),
		MAKE(U, {0, 7, 1}, G, O),
		MAKE({ACL_USER_OBJ | ACL_OTHER, 7, NOBODY}, G, O),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(acl_check(bad[i].data, bad[i].size), -EINVAL);
}

/* A user, and the groups it is in, of: the file's, and the one named. */
struct subject {
	bool owner, named, in_group, in_named;
};

/* As acl(5) has it: what may one do of rwx? The union of what groups grant. */
static unsigned by_list(const struct subject *s, const struct entry *e,
			unsigned mask)
{
	unsigned granted = 0;

	if (s->owner)
		return e[0].perm;
	if (s->named)
		return e[1].perm & mask;
	if (s->in_group)
		granted |= e[2].perm & mask;
	if (s->in_named)
		granted |= e[3].perm & mask;
	return s->in_group || s->in_named ? granted : e[5].perm;
}

static unsigned by_mode(const struct subject *s, uint32_t mode)
{
	return mode >> (s->owner ? 6 : s->in_group ? 3 : 0) & 7;
}

static void try_all_subjects(const struct entry *e)
{
	struct list l = make(e, 6);
	uint32_t mode = acl_mode(l.data, l.size);
	uint32_t strict = acl_strict_mode(l.data, l.size, S_IFREG | mode);

	assert_int_equal(strict & S_IFMT, S_IFREG);
	for (int i = 0; i < 16; i++) {
		struct subject s = {i & 1, i & 2, i & 4, i & 8};

		assert_int_equal(
			by_mode(&s, strict) & ~by_list(&s, e, e[4].perm), 0);
	}
}

/* Nobody gets by the mode alone what the list refuses. */
static void test_strict(void **state)
{
	struct list plain = MAKE(U, G, O);

	(void)state;
	for (unsigned n = 0; n < 1u << 15; n++) {
		struct entry e[] = {
			{ACL_USER_OBJ, 7, NOBODY},
			{ACL_USER, n & 7, 1},
			{ACL_GROUP_OBJ, n >> 3 & 7, NOBODY},
			{ACL_GROUP, n >> 6 & 7, 1},
			{ACL_MASK, n >> 9 & 7, NOBODY},
			{ACL_OTHER, n >> 12 & 7, NOBODY},
		};

		try_all_subjects(e);
	}
	assert_int_equal(acl_strict_mode(plain.data, plain.size, 0641), 0641);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
