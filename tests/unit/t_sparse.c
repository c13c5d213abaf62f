/* SPDX-License-Identifier: Apache-2.0 */
/* Holes: what stat and SEEK_HOLE say of them, here and of what was sent. */
#include "vfs_rig.h"

#include <linux/falloc.h>

#include "sparse.h"
#include "vers3/vfs/objattr.h"

#define MIB  (UINT64_C(1) << 20)
#define SIZE (UINT64_C(4) * MIB)

/* Words of metadata for a file of SIZE with `mtime` 5.0 */
static const struct {
	const char *label, *mtime, *text;
	size_t count;
	uint64_t offset, length; /* of the last */
} words[] = {
	{"none", "5.0", NULL, 0, 0, 0},
	{"one", "5.0", "5.0 4194304 10+20", 1, 0x10000, 0x20000},
	{"two", "5.0", "5.0 4194304 0+1 1+3fe", 2, 0x2000, 0x3fe000},
	{"adjacent", "5.0", "5.0 4194304 1+1 0+1", 1, 0x1000, 0x2000},
	{"another time", "6.0", "5.0 4194304 10+20", 0, 0, 0},
	{"no time", NULL, "5.0 4194304 10+20", 0, 0, 0},
	{"another size", "5.0", "5.0 4194305 10+20", 0, 0, 0},
	{"past the end", "5.0", "5.0 4194304 1+400", 0, 0, 0},
	{"far past it", "5.0", "5.0 4194304 7fffffffffffffff+1", 0, 0, 0},
	{"too large", "5.0", "5.0 4194304 1+ffffffffffffffffff", 0, 0, 0},
	{"empty hole", "5.0", "5.0 4194304 1+0", 0, 0, 0},
	{"half a pair", "5.0", "5.0 4194304 1", 0, 0, 0},
	{"no pair", "5.0", "5.0 4194304", 0, 0, 0},
	{"negative", "5.0", "5.0 4194304 1+-1", 0, 0, 0},
	{"no text", "5.0", "", 0, 0, 0},
	{"words", "5.0", "5.0 4194304 a+b c", 0, 0, 0},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct kvlist meta;
		struct holes h;

		kvlist_init(&meta);
		if (words[i].mtime)
			kvlist_set(&meta, "mtime", words[i].mtime);
		if (words[i].text)
			kvlist_set(&meta, SPARSE_META, words[i].text);
		sparse_parse(&meta, SIZE, &h);
		if (h.count != words[i].count)
			fail_msg("%s: %zu holes", words[i].label, h.count);
		if (h.count) {
			const struct hole *last = &h.items[h.count - 1];

			assert_int_equal(last->offset, words[i].offset);
			assert_int_equal(last->length, words[i].length);
		}
		kvlist_release(&meta);
	}
}

/* What does not fit is left out, the smallest first; no word is untrue. */
static void test_many(void **state)
{
	uint64_t unit = HOLES_UNIT, size = 3000 * unit, seen = 0;
	struct kvlist meta;
	struct holes h = {.count = 0}, back;

	(void)state;
	for (uint64_t i = 0; i < 400; i++)
		holes_add(&h, i * 4 * unit + 1, (i * 4 + 2 + i % 2) * unit,
			  size);
	assert_int_equal(h.count, HOLES_MAX);
	kvlist_init(&meta);
	assert_int_equal(kvlist_set(&meta, "mtime", "17.5"), 0);
	assert_int_equal(sparse_tell(&h, size, &meta), 0);
	assert_true(strlen(kvlist_get(&meta, SPARSE_META)) <= SPARSE_TEXT);
	sparse_parse(&meta, size, &back);
	assert_true(back.count > 20);
	for (size_t i = 0; i < back.count; i++) {
		const struct hole *p = &back.items[i];

		assert_true(holes_cover(&h, p->offset, p->offset + p->length));
		seen += p->length;
	}
	assert_true(seen >= back.count * 2 * unit); /* the larger ones */
	kvlist_release(&meta);
}

static int64_t seek(struct rig *r, struct vfs_file *file, uint64_t at,
		    int whence)
{
	uint64_t offset;
	int rc = vfs_lseek(r->f.v, file, at, whence, &offset);

	if (rc)
		assert_int_equal(rc, -ENXIO);
	return rc ? -1 : (int64_t)offset;
}

static uint64_t blocks(struct rig *r, const char *path)
{
	struct vfs_entry e;

	assert_int_equal(rig_lookup(r, path, &e), 0);
	return (uint64_t)e.st.st_blocks;
}

static void set_size(struct rig *r, const char *path, uint64_t size)
{
	struct stat st = {.st_size = (off_t)size}, now;

	assert_int_equal(vfs_setattr(r->f.v, vfs_fixture_find(&r->f, path), &st,
				     VFS_SET_SIZE, &now),
			 0);
}

/* A file of `size` with a MiB of data at `at`. */
static void make_island(struct rig *r, const char *path, uint64_t size,
			uint64_t at)
{
	struct vfs_file *file = rig_open(r, path, O_CREAT | O_RDWR);
	unsigned char *data = rig_bytes(at + 1, MIB);

	set_size(r, path, size);
	assert_int_equal(blocks(r, path), 0);
	rig_pwrite(r, file, at, data, MIB);
	free(data);
	vfs_release(r->f.v, file);
}

/* One island of a MiB at `at` of `size`, as everybody is to see it. */
static void check_island(struct rig *r, const char *path, uint64_t size,
			 uint64_t at)
{
	struct vfs_file *file = rig_open(r, path, O_RDONLY);

	assert_int_equal(blocks(r, path), 2048);
	assert_int_equal(seek(r, file, 0, SEEK_HOLE), 0);
	assert_int_equal(seek(r, file, 0, SEEK_DATA), at);
	assert_int_equal(seek(r, file, at + 1, SEEK_DATA), at + 1);
	assert_int_equal(seek(r, file, at, SEEK_HOLE), at + MIB);
	assert_int_equal(seek(r, file, at + MIB, SEEK_DATA), -1);
	assert_int_equal(seek(r, file, size - 1, SEEK_HOLE), size - 1);
	vfs_release(r->f.v, file);
}

/* Before it is sent, after, of another mount, after a chmod, of a copy. */
static void keeps_island(struct rig *r, uint64_t size)
{
	struct vfs_file *from, *to;
	uint64_t at = 2 * MIB;
	size_t done;

	make_island(r, "f", size, at);
	check_island(r, "f", size, at);
	rig_sync(r);
	check_island(r, "f", size, at);
	rig_forget(r);
	check_island(r, "f", size, at);
	rig_chmod(r, "f", 0600);
	rig_utimens(r, "f", 17);
	rig_sync(r);
	check_island(r, "f", size, at);
	rig_forget(r);
	check_island(r, "f", size, at);
	/* As cp does it: data alone, then the size. */
	from = rig_open(r, "f", O_RDONLY);
	to = rig_open(r, "g", O_CREAT | O_RDWR);
	assert_int_equal(vfs_copy_range(r->f.v, from, at, to, at, MIB, &done),
			 0);
	assert_int_equal(done, MIB);
	set_size(r, "g", size);
	vfs_release(r->f.v, from);
	vfs_release(r->f.v, to);
	check_island(r, "g", size, at);
	rig_sync(r);
	rig_forget(r);
	check_island(r, "g", size, at);
	rig_unlink(r, "f");
	rig_unlink(r, "g");
	rig_sync(r);
}

static void test_island(void **state)
{
	keeps_island(*state, SIZE);
	keeps_island(*state, 40 * MIB);
}

/* One that was sent while it was written knew nothing of its holes then. */
static void test_streamed(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);
	unsigned char *data = rig_bytes(3, MIB);
	uint64_t end = 40 * MIB;

	for (uint64_t at = 0; at < end; at += MIB)
		rig_pwrite(r, file, at, data, MIB);
	rig_pwrite(r, file, end + 20 * MIB, data, MIB);
	free(data);
	vfs_release(r->f.v, file);
	rig_sync(r);
	assert_true(rig_count(r, "UploadPart f") >= 5);
	rig_forget(r);
	file = rig_open(r, "f", O_RDONLY);
	assert_int_equal(seek(r, file, 0, SEEK_HOLE), end);
	assert_int_equal(seek(r, file, end, SEEK_DATA), end + 20 * MIB);
	assert_int_equal(blocks(r, "f"), 41 * 2048);
	vfs_release(r->f.v, file);
}

/* A hole that is punched is one, before it is sent and after. */
static void test_punched(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);
	unsigned char *data = rig_bytes(3, 3 * MIB);

	rig_pwrite(r, file, 0, data, 3 * MIB);
	rig_sync(r);
	assert_int_equal(blocks(r, "f"), 3 * 2048);
	assert_int_equal(vfs_fallocate(r->f.v, file,
				       FALLOC_FL_PUNCH_HOLE |
					       FALLOC_FL_KEEP_SIZE,
				       MIB, MIB),
			 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(seek(r, file, 0, SEEK_HOLE), MIB);
		assert_int_equal(seek(r, file, MIB, SEEK_DATA), 2 * MIB);
		assert_int_equal(blocks(r, "f"), 2 * 2048);
		if (i == 1) {
			vfs_release(r->f.v, file);
			rig_forget(r);
			file = rig_open(r, "f", O_RDWR);
		}
		rig_sync(r);
	}
	memset(data + MIB, 0, MIB);
	rig_holds_bytes(r, "f", data, 3 * MIB);
	/* Data in the hole is data. */
	rig_pwrite(r, file, MIB + 8192, data, 4096);
	assert_int_equal(seek(r, file, MIB, SEEK_DATA), MIB + 8192);
	assert_int_equal(blocks(r, "f"), 2 * 2048 + 8);
	vfs_release(r->f.v, file);
	free(data);
}

/* Others who put new bytes under the old metadata change its time. */
static void test_foreign(void **state)
{
	struct rig *r = *state;
	char *text;

	make_island(r, "f", SIZE, MIB);
	rig_sync(r);
	text = rig_meta(r, "f", SPARSE_META);
	assert_non_null(text);
	free(text);
	rig_put_text(r, "g", "x");
	rig_forget(r);
	assert_int_equal(blocks(r, "g"), 1);
	assert_int_equal(blocks(r, "f"), 2048);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_many),
		RIG_TEST(test_island),	      RIG_TEST_UNVERSIONED(test_island),
		RIG_TEST(test_streamed),      RIG_TEST(test_punched),
		RIG_TEST(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
