/* SPDX-License-Identifier: Apache-2.0 */
/* Holes: what stat and SEEK_HOLE say of them, here and of what was sent. */
#include "../vfs_rig.h"

#include <linux/falloc.h>

#include "vers3/core/mount.h"
#include "vers3/object/sparse.h"
#include "vers3/tree/content.h"

#include "sparse_rig.h"

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

static unsigned listed; /* how often a list told blocks */

struct listed {
	uint64_t ino;
	int64_t blocks; /* -1: it was not told */
};

static int take_blocks(void *ctx, const struct vfs_dirent *d)
{
	struct listed *l = ctx;

	if (d->ino == l->ino && d->entry)
		l->blocks = d->entry->st.st_blocks;
	return 0;
}

/* As a look-up tells it; a list says the same, or nothing. */
static uint64_t blocks(struct rig *r, const char *path)
{
	char *parent = strdup(path), *slash = strrchr(parent, '/');
	struct listed l = {.blocks = -1};
	struct vfs_dir *dir;
	struct vfs_entry e;

	assert_int_equal(rig_lookup(r, path, &e), 0);
	l.ino = e.ino;
	*(slash ? slash : parent) = '\0';
	assert_int_equal(vfs_opendir(r->f.v,
				     slash ? vfs_fixture_find(&r->f, parent)
					   : META_ROOT_INO,
				     &dir),
			 0);
	assert_int_equal(vfs_readdir(r->f.v, dir, 0, true, take_blocks, &l), 0);
	vfs_releasedir(r->f.v, dir);
	free(parent);
	if (l.blocks >= 0)
		assert_int_equal(l.blocks, e.st.st_blocks);
	listed += l.blocks >= 0;
	return (uint64_t)e.st.st_blocks;
}

/* A file of `size` with a MiB of data at `at`. */
static void make_island(struct rig *r, const char *path, uint64_t size,
			uint64_t at)
{
	struct vfs_file *file = rig_open(r, path, O_CREAT | O_RDWR);
	unsigned char *data = rig_bytes(at + 1, MIB);

	set_size(r, path, size);
	/* While it can be written to, nobody is told that it has nothing. */
	assert_int_equal(blocks(r, path), 8);
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
	assert_int_equal(rig_seek(r, file, 0, SEEK_HOLE), 0);
	assert_int_equal(rig_seek(r, file, 0, SEEK_DATA), at);
	assert_int_equal(rig_seek(r, file, at + 1, SEEK_DATA), at + 1);
	assert_int_equal(rig_seek(r, file, at, SEEK_HOLE), at + MIB);
	assert_int_equal(rig_seek(r, file, at + MIB, SEEK_DATA), -1);
	assert_int_equal(rig_seek(r, file, size - 1, SEEK_HOLE), size - 1);
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

static bool write_back(void *ctx, uint64_t ino)
{
	struct rig *r = ctx;
	struct vfs_file *file = rig_open(r, "f", O_WRONLY);

	assert_int_equal(ino, vfs_fixture_find(&r->f, "f"));
	rig_pwrite(r, file, 2 * MIB, "mapped", 6);
	vfs_release(r->f.v, file);
	return true;
}

static bool no_write_back(void *ctx, uint64_t ino)
{
	(void)ctx;
	(void)ino;
	return false;
}

/* What the kernel has of a memory map is no hole. */
static void test_mapped(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR), *reader;

	set_size(r, "f", SIZE);
	r->f.v->mount->notify.ctx = r;
	r->f.v->mount->notify.write_back = no_write_back;
	reader = rig_open(r, "f", O_RDONLY);
	assert_int_equal(rig_seek(r, reader, MIB, SEEK_DATA), MIB);
	assert_int_equal(rig_seek(r, reader, MIB, SEEK_HOLE), SIZE);
	assert_int_equal(rig_seek(r, reader, SIZE, SEEK_DATA), -1);
	r->f.v->mount->notify.write_back = write_back;
	assert_int_equal(rig_seek(r, reader, MIB, SEEK_DATA), 2 * MIB);
	vfs_release(r->f.v, file);
	/* Nobody can write to it any more, by a map or otherwise. */
	r->f.v->mount->notify.write_back = no_write_back;
	assert_int_equal(rig_seek(r, reader, MIB, SEEK_DATA), 2 * MIB);
	assert_int_equal(rig_seek(r, reader, MIB, SEEK_HOLE), MIB);
	vfs_release(r->f.v, reader);
	r->f.v->mount->notify.write_back = NULL;
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
	assert_int_equal(rig_seek(r, file, 0, SEEK_HOLE), end);
	assert_int_equal(rig_seek(r, file, end, SEEK_DATA), end + 20 * MIB);
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
		assert_int_equal(rig_seek(r, file, 0, SEEK_HOLE), MIB);
		assert_int_equal(rig_seek(r, file, MIB, SEEK_DATA), 2 * MIB);
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
	assert_int_equal(rig_seek(r, file, MIB, SEEK_DATA), MIB + 8192);
	assert_int_equal(blocks(r, "f"), 2 * 2048 + 8);
	vfs_release(r->f.v, file);
	free(data);
}

/* Nothing that was read of a file before it was saved makes holes of data. */
static void test_saved_meanwhile(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);
	unsigned char *data = rig_bytes(3, 3 * MIB);
	uint64_t ino = vfs_fixture_find(&r->f, "f");
	struct meta_inode inode;
	struct stat st;

	rig_pwrite(r, file, 0, data, 3 * MIB);
	assert_int_equal(meta_lock(r->f.v->mount->meta), 0);
	assert_int_equal(meta_inode_get(r->f.v->mount->meta, ino, &inode), 0);
	meta_unlock(r->f.v->mount->meta);
	rig_sync(r);
	content_stat(r->f.v->tree, &inode, &st);
	assert_int_equal(st.st_blocks, 3 * 2048);
	/* Another size: nothing is known of what was read. */
	set_size(r, "f", MIB);
	content_stat(r->f.v->tree, &inode, &st);
	assert_int_equal(st.st_blocks, 3 * 2048);
	vfs_release(r->f.v, file);
	free(data);
}

/* An object of SIZE by others, with what they say of it. */
static void put_foreign(struct rig *r, const char *path, const char *mtime,
			const char *holes)
{
	unsigned char *data = rig_bytes(4, SIZE);
	struct kvlist meta;

	kvlist_init(&meta);
	assert_int_equal(kvlist_set(&meta, "mtime", mtime), 0);
	assert_int_equal(kvlist_set(&meta, SPARSE_META, holes), 0);
	rig_put_meta(r, path, data, SIZE, &meta);
	kvlist_release(&meta);
	free(data);
}

/*
 * Others who put new bytes under the old metadata change its time. Whatever an
 * object says, what is read of it is what it has.
 */
static void test_foreign(void **state)
{
	static const char word[] = "5.0 4194304 10+20";
	struct rig *r = *state;
	struct vfs_file *file;
	unsigned char *data = rig_bytes(4, SIZE), *buf = malloc(MIB);

	assert_non_null(buf);
	put_foreign(r, "new", "6.0", word);
	put_foreign(r, "lie", "5.0", word);
	rig_forget(r);
	assert_int_equal(blocks(r, "new"), SIZE / 512);
	assert_int_equal(blocks(r, "lie"), (SIZE - 0x20000) / 512);
	file = rig_open(r, "lie", O_RDONLY);
	rig_pread(r, file, 0, buf, MIB);
	assert_memory_equal(buf, data, MIB);
	vfs_release(r->f.v, file);
	free(data);
	free(buf);
}

/* What is moved without having been asked for keeps its word of holes. */
static void test_moved_unasked(void **state)
{
	static const char word[] = "5.0 4194304 10+20";
	struct rig *r = *state;

	put_foreign(r, "d/f", "5.0", word);
	rig_forget(r);
	rig_rename(r, "d", "e");
	rig_sync(r);
	rig_meta_is(r, "e/f", SPARSE_META, word);
	rig_forget(r);
	assert_int_equal(blocks(r, "e/f"), (SIZE - 0x20000) / 512);
}

/* The comparison was made. */
static int check_listed(void **state)
{
	(void)state;
	return listed ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_many),
		RIG_TEST(test_island),	      RIG_TEST_UNVERSIONED(test_island),
		RIG_TEST(test_streamed),      RIG_TEST(test_punched),
		RIG_TEST(test_foreign),	      RIG_TEST(test_saved_meanwhile),
		RIG_TEST(test_mapped),	      RIG_TEST(test_moved_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, check_listed);
}
