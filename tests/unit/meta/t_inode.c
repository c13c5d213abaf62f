/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "../meta_fixture.h"
#include "vers3/meta/extent.h"
#include "vers3/meta/inode.h"
#include "vers3/util/buf.h"

/* Every field of its own value; strings of the greatest length. */
static void full_inode(struct meta_inode *inode)
{
	memset(inode, 0, sizeof(*inode));
	inode->ino = 4711;
	inode->mode = 0100644;
	inode->uid = 1;
	inode->gid = UINT32_MAX;
	inode->nlink = 3;
	inode->flags = META_I_ATTRS | META_I_STAGED;
	inode->rdev = 5;
	inode->size_bytes = UINT64_MAX;
	inode->mtime_ns = -6;
	inode->ctime_ns = INT64_MIN;
	inode->atime_ns = INT64_MAX;
	inode->change = 7;
	inode->data_change = 8;
	inode->base_bytes = 9;
	inode->listed_ns = 10;
	fixture_fill(inode->link_id, sizeof(inode->link_id), 'l');
	fixture_fill(inode->base.key, sizeof(inode->base.key), 'k');
	fixture_fill(inode->base.version_id, sizeof(inode->base.version_id),
		     'v');
	fixture_fill(inode->base.etag, sizeof(inode->base.etag), 'e');
	inode->base.size_bytes = 11;
	inode->base.last_modified_ns = -12;
	memset(inode->base.id, 0x5a, sizeof(inode->base.id));
}

static void assert_version(const struct meta_version *a,
			   const struct meta_version *b)
{
	assert_string_equal(a->key, b->key);
	assert_string_equal(a->version_id, b->version_id);
	assert_string_equal(a->etag, b->etag);
	assert_true(a->size_bytes == b->size_bytes);
	assert_true(a->last_modified_ns == b->last_modified_ns);
	assert_memory_equal(a->id, b->id, sizeof(a->id));
}

static void assert_inode(const struct meta_inode *a, const struct meta_inode *b)
{
	assert_true(
		a->ino == b->ino && a->mode == b->mode && a->uid == b->uid &&
		a->gid == b->gid && a->nlink == b->nlink &&
		a->flags == b->flags && a->rdev == b->rdev &&
		a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns &&
		a->ctime_ns == b->ctime_ns && a->atime_ns == b->atime_ns &&
		a->change == b->change && a->data_change == b->data_change &&
		a->base_bytes == b->base_bytes && a->listed_ns == b->listed_ns);
	assert_string_equal(a->link_id, b->link_id);
	assert_version(&a->base, &b->base);
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	struct meta_inode inode, out;
	struct meta_val val;
	unsigned char key[8];

	assert_int_equal(meta_inode_get(f->m, 4711, &out), -ENOENT);
	full_inode(&inode);
	assert_int_equal(meta_inode_put(f->m, &inode), 0);
	memset(&out, 0xff, sizeof(out));
	assert_int_equal(meta_inode_get(f->m, 4711, &out), 0);
	assert_inode(&inode, &out);

	/* A new file: no version, and a small record. */
	memset(&inode, 0, sizeof(inode));
	inode.ino = 4711;
	inode.mode = 0100600;
	assert_int_equal(meta_inode_put(f->m, &inode), 0);
	assert_int_equal(meta_inode_get(f->m, 4711, &out), 0);
	assert_inode(&inode, &out);
	meta_be64(key, 4711);
	assert_int_equal(meta_get(f->m, META_INODE, key, 8, &val), 0);
	assert_true(val.size < 128);
}

/* A version of which only the id is known is one all the same. */
static void test_partial_version(void **state)
{
	struct fixture *f = *state;
	struct meta_inode inode, out;

	memset(&inode, 0, sizeof(inode));
	inode.ino = 1;
	inode.base.id[META_ID_SIZE - 1] = 1;
	assert_int_equal(meta_inode_put(f->m, &inode), 0);
	assert_int_equal(meta_inode_get(f->m, 1, &out), 0);
	assert_inode(&inode, &out);
}

/* No cut record, none with a tail, and none with any byte turned crashes. */
static void test_damaged(void **state)
{
	struct fixture *f = *state;
	unsigned char rec[4096], key[8];
	struct meta_inode inode, out;
	struct meta_val val;
	size_t size;

	full_inode(&inode);
	assert_int_equal(meta_inode_put(f->m, &inode), 0);
	meta_be64(key, 4711);
	assert_int_equal(meta_get(f->m, META_INODE, key, 8, &val), 0);
	size = val.size;
	assert_true(size + 1 < sizeof(rec));
	memcpy(rec, val.data, size);
	rec[size] = 0;
	for (size_t n = 0; n <= size + 1; n++) {
		if (n == size)
			continue;
		assert_int_equal(meta_put(f->m, META_INODE, key, 8, rec, n), 0);
		assert_int_equal(meta_inode_get(f->m, 4711, &out), -EIO);
	}
	for (size_t n = 0; n < size; n++) {
		rec[n] ^= 0xff;
		meta_put(f->m, META_INODE, key, 8, rec, size);
		meta_inode_get(f->m, 4711, &out);
		rec[n] ^= 0xff;
	}
	/* Unterminated strings are our own bug and are not written. */
	memset(inode.link_id, 'x', sizeof(inode.link_id));
	assert_int_equal(meta_inode_put(f->m, &inode), -EINVAL);
}

static int join(void *ctx, const char *name, const void *value, size_t size)
{
	return buf_printf(ctx, "%s=%.*s;", name, (int)size,
			  (const char *)value);
}

static int stop(void *ctx, const char *name, const void *value, size_t size)
{
	(void)name;
	(void)value;
	(void)size;
	++*(int *)ctx;
	return -ECANCELED;
}

static void assert_xattrs(struct meta *m, uint64_t ino, const char *expected)
{
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(meta_xattr_each(m, ino, join, &b), 0);
	assert_string_equal(b.data, expected);
	buf_release(&b);
}

static void test_xattr(void **state)
{
	struct fixture *f = *state;
	char longest[257];
	struct meta_val val;
	int calls = 0;

	assert_int_equal(meta_xattr_get(f->m, 7, "user.a", &val), -ENODATA);
	assert_int_equal(meta_xattr_del(f->m, 7, "user.a"), -ENODATA);
	assert_int_equal(meta_xattr_set(f->m, 7, "user.b", "2", 1), 0);
	assert_int_equal(meta_xattr_set(f->m, 7, "user.a", "1", 1), 0);
	assert_int_equal(meta_xattr_set(f->m, 7, "user.e", "", 0), 0);
	assert_int_equal(meta_xattr_set(f->m, 8, "user.a", "x", 1), 0);
	assert_int_equal(meta_xattr_set(f->m, 7, "user.b", "22", 2), 0);
	assert_xattrs(f->m, 7, "user.a=1;user.b=22;user.e=;");
	assert_xattrs(f->m, 6, "");
	assert_int_equal(meta_xattr_get(f->m, 7, "user.b", &val), 0);
	assert_int_equal(val.size, 2);
	assert_int_equal(meta_xattr_each(f->m, 7, stop, &calls), -ECANCELED);
	assert_int_equal(calls, 1);
	assert_int_equal(meta_xattr_del(f->m, 7, "user.b"), 0);
	assert_xattrs(f->m, 7, "user.a=1;user.e=;");
	assert_int_equal(meta_xattr_clear(f->m, 7), 0);
	assert_xattrs(f->m, 7, "");
	assert_xattrs(f->m, 8, "user.a=x;");
	assert_int_equal(meta_xattr_clear(f->m, 8), 0);
	fixture_fill(longest, sizeof(longest), 'n');
	assert_int_equal(meta_xattr_set(f->m, 8, longest, "", 0), -ERANGE);
	longest[255] = '\0';
	assert_int_equal(meta_xattr_set(f->m, 8, longest, "", 0), 0);
	assert_int_equal(meta_xattr_set(f->m, 8, "", "", 0), -ERANGE);
	assert_int_equal(meta_xattr_get(f->m, 8, longest, &val), 0);
	assert_int_equal(meta_xattr_clear(f->m, 8), 0);
}

static void test_head(void **state)
{
	struct fixture *f = *state;
	unsigned char key[8];
	struct kvlist list;

	kvlist_init(&list);
	assert_int_equal(meta_head_get(f->m, 7, &list), -ENOENT);
	assert_int_equal(meta_head_put(f->m, 7, &list), 0);
	kvlist_add(&list, "old", "1");
	assert_int_equal(meta_head_get(f->m, 7, &list), 0);
	assert_int_equal(list.count, 0);
	kvlist_add(&list, "x-amz-meta-mode", "33188");
	kvlist_add(&list, "Content-Type", "");
	assert_int_equal(meta_head_put(f->m, 7, &list), 0);
	kvlist_release(&list);
	assert_int_equal(meta_head_get(f->m, 7, &list), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].name, "x-amz-meta-mode");
	assert_string_equal(list.items[0].value, "33188");
	assert_string_equal(list.items[1].value, "");
	/* Damage: a name without a value; the list stays as it was. */
	meta_be64(key, 7);
	assert_int_equal(meta_put(f->m, META_HEAD, key, 8, "a\0b", 3), 0);
	assert_int_equal(meta_head_get(f->m, 7, &list), -EIO);
	assert_int_equal(meta_put(f->m, META_HEAD, key, 8, "a\0", 2), 0);
	assert_int_equal(meta_head_get(f->m, 7, &list), -EIO);
	assert_int_equal(list.count, 2);
	assert_int_equal(meta_head_del(f->m, 7), 0);
	assert_int_equal(meta_head_del(f->m, 7), -ENOENT);
	kvlist_release(&list);
}

static void test_del(void **state)
{
	struct fixture *f = *state;
	struct meta_inode inode;
	struct kvlist list;

	kvlist_init(&list);
	for (uint64_t ino = 4710; ino <= 4712; ino++) {
		full_inode(&inode);
		inode.ino = ino;
		assert_int_equal(meta_inode_put(f->m, &inode), 0);
		assert_int_equal(meta_xattr_set(f->m, ino, "user.a", "1", 1),
				 0);
		assert_int_equal(meta_extent_add(f->m, ino, 0, 10, 0), 0);
		assert_int_equal(meta_head_put(f->m, ino, &list), 0);
	}
	assert_int_equal(meta_inode_del(f->m, 4711), 0);
	assert_int_equal(meta_inode_del(f->m, 4711), -ENOENT);
	assert_int_equal(meta_count(f->m, META_INODE), 2);
	assert_int_equal(meta_count(f->m, META_XATTR), 2);
	assert_int_equal(meta_count(f->m, META_EXTENT), 2);
	assert_int_equal(meta_count(f->m, META_HEAD), 2);
	kvlist_release(&list);
}

static void test_orphans(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = 0;

	assert_int_equal(meta_orphan_next(f->m, 0, &ino), -ENOENT);
	assert_int_equal(meta_orphan_add(f->m, 300), 0);
	assert_int_equal(meta_orphan_add(f->m, 5), 0);
	assert_int_equal(meta_orphan_add(f->m, 5), 0);
	assert_int_equal(meta_orphan_next(f->m, 0, &ino), 0);
	assert_int_equal(ino, 5);
	assert_int_equal(meta_orphan_next(f->m, 5, &ino), 0);
	assert_int_equal(ino, 300);
	assert_int_equal(meta_orphan_next(f->m, 300, &ino), -ENOENT);
	assert_int_equal(meta_orphan_del(f->m, 5), 0);
	assert_int_equal(meta_orphan_del(f->m, 5), -ENOENT);
}

static void test_is_base(void **state)
{
	static const struct {
		const char *key;
		uint32_t flags;
		uint64_t base_size, base_bytes, size;
		bool is_base;
	} rows[] = {
		{"f", 0, 9, 9, 9, true},
		{"f", META_I_ATTR_DIRTY, 9, 9, 9, true},
		{"f", 0, 0, 0, 0, true},
		{"f", META_I_STAGED, 9, 9, 9, false},
		{"", 0, 0, 0, 0, false}, /* new */
		{"f", 0, 9, 5, 5, false}, /* cut */
		{"f", 0, 9, 5, 9, false}, /* and extended back */
		{"f", 0, 9, 9, 12, false}, /* extended */
	};
	struct meta_inode inode = {.ino = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		inode.flags = rows[i].flags;
		inode.size_bytes = rows[i].size;
		inode.base_bytes = rows[i].base_bytes;
		inode.base.size_bytes = rows[i].base_size;
		strcpy(inode.base.key, rows[i].key);
		assert_int_equal(meta_inode_is_base(&inode), rows[i].is_base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_LOCKED_TEST(test_round_trip),
		FIXTURE_LOCKED_TEST(test_damaged),
		FIXTURE_LOCKED_TEST(test_partial_version),
		FIXTURE_LOCKED_TEST(test_xattr),
		FIXTURE_LOCKED_TEST(test_head),
		FIXTURE_LOCKED_TEST(test_del),
		FIXTURE_LOCKED_TEST(test_orphans),
		cmocka_unit_test(test_is_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
