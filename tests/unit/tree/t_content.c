/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of files, against a plain array that goes through the same:
 * writes, truncations, holes, saves in between, mounts that know nothing.
 */
#include "../vfs_rig.h"

#include <linux/falloc.h>

#include "../../../src/sync/plan.h"
#include "vers3/cache/staging.h"
#include "vers3/core/node.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/extent.h"
#include "vers3/read/reader.h"
#include "vers3/tree/content.h"

#define MIB (UINT64_C(1) << 20)

struct model {
	struct rig *r;
	uint64_t seed;
	uint64_t max; /* no file grows past it */
	unsigned char *bytes; /* owned; max of them */
	uint64_t size;
	struct vfs_file *file; /* NULL while nobody has it open */
};

static struct vfs_file *opened(struct model *m)
{
	if (!m->file)
		m->file = rig_open(m->r, "f", O_RDWR);
	return m->file;
}

static void close_it(struct model *m)
{
	vfs_release(m->r->f.v, m->file);
	m->file = NULL;
}

static uint64_t below(struct model *m, uint64_t n)
{
	return n ? rig_random(&m->seed) % n : 0;
}

/* Lengths of every order: bytes, pages, blocks. */
static uint64_t some_length(struct model *m, uint64_t most)
{
	uint64_t n = UINT64_C(1) << below(m, 24);

	n = n / 2 + below(m, n) + 1;
	return n < most ? n : most;
}

static void do_write(struct model *m)
{
	uint64_t offset = below(m, m->max - 1);
	uint64_t n = some_length(m, m->max - offset);
	unsigned char *data = rig_bytes(rig_random(&m->seed), n);

	rig_pwrite(m->r, opened(m), offset, data, n);
	if (offset > m->size)
		memset(m->bytes + m->size, 0, offset - m->size);
	memcpy(m->bytes + offset, data, n);
	if (offset + n > m->size)
		m->size = offset + n;
	free(data);
}

static void do_truncate(struct model *m)
{
	uint64_t size = below(m, 4) ? below(m, m->max) : 0;
	struct stat st = {.st_size = (off_t)size}, now;

	opened(m);
	assert_int_equal(vfs_setattr(m->r->f.v, vfs_fixture_find(&m->r->f, "f"),
				     &st, VFS_SET_SIZE, &now),
			 0);
	assert_int_equal(now.st_size, size);
	if (size > m->size)
		memset(m->bytes + m->size, 0, size - m->size);
	m->size = size;
}

static void do_zero(struct model *m)
{
	uint64_t offset = below(m, m->max - 1), end;
	uint64_t n = some_length(m, m->max - offset);
	bool keep = below(m, 2);
	int mode = keep ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
			: FALLOC_FL_ZERO_RANGE;

	assert_int_equal(vfs_fallocate(m->r->f.v, opened(m), mode, offset, n),
			 0);
	end = offset + n;
	if (!keep && end > m->size) {
		memset(m->bytes + m->size, 0, end - m->size);
		m->size = end;
	}
	if (end > m->size)
		end = m->size;
	if (offset < end)
		memset(m->bytes + offset, 0, end - offset);
}

static void check_read(struct model *m, uint64_t offset, uint64_t n)
{
	unsigned char *buf = malloc(n + 1);

	assert_non_null(buf);
	rig_pread(m->r, opened(m), offset, buf, n);
	for (uint64_t i = 0; i < n; i++)
		if (buf[i] != m->bytes[offset + i])
			fail_msg("byte %llu of %llu: %02x, not %02x",
				 (unsigned long long)(offset + i),
				 (unsigned long long)m->size, buf[i],
				 m->bytes[offset + i]);
	free(buf);
}

static void do_read(struct model *m)
{
	uint64_t offset = below(m, m->size);

	if (m->size)
		check_read(m, offset,
			   some_length(m, m->size - offset > READER_READ_MAX
						  ? READER_READ_MAX
						  : m->size - offset));
}

static void check_all(struct model *m)
{
	for (uint64_t at = 0; at < m->size; at += MIB)
		check_read(m, at, m->size - at < MIB ? m->size - at : MIB);
}

/* What is said to be a hole has nothing but zeros, and stat counts the rest. */
static void do_seek(struct model *m)
{
	uint64_t at = 0, data = 0;
	struct vfs_entry e;

	opened(m);
	while (at < m->size) {
		uint64_t from = m->size, to = m->size;
		int rc = vfs_lseek(m->r->f.v, m->file, at, SEEK_DATA, &from);

		if (rc)
			assert_int_equal(rc, -ENXIO);
		for (; at < from; at++)
			if (m->bytes[at])
				fail_msg("byte %llu of %llu is in a hole",
					 (unsigned long long)at,
					 (unsigned long long)m->size);
		if (at < m->size)
			assert_int_equal(vfs_lseek(m->r->f.v, m->file, at,
						   SEEK_HOLE, &to),
					 0);
		data += to - at;
		at = to;
	}
	assert_int_equal(rig_lookup(m->r, "f", &e), 0);
	/* Of what can be written to nobody is told that it has nothing. */
	if (!data && m->size)
		data = 4096;
	assert_int_equal(e.st.st_blocks, (data + 511) / 512);
}

static void do_save(struct model *m)
{
	rig_sync(m->r);
	rig_holds_bytes(m->r, "f", m->bytes, m->size);
	do_seek(m);
	assert_int_equal(rig_dirty(m->r), 0);
}

/* A kill of the daemon, with changes that are not in the bucket yet. */
static void do_restart(struct model *m)
{
	close_it(m);
	rig_restart(m->r);
	check_all(m);
}

static void do_forget(struct model *m)
{
	do_save(m);
	close_it(m);
	rig_forget(m->r);
	do_seek(m);
	do_read(m);
}

static void do_fsync(struct model *m)
{
	assert_int_equal(vfs_fsync(m->r->f.v, opened(m)), 0);
	rig_holds_bytes(m->r, "f", m->bytes, m->size);
}

/*
 * The file goes on while it is sent: the bucket gets what it held when it was
 * asked for, and here it goes on on top of that.
 */
static void do_overlap(struct model *m)
{
	static void (*const changes[])(
		struct model * m) = {do_write, do_truncate, do_zero, do_write};
	enum rig_when when = below(m, 2) ? RIG_BEFORE : RIG_AFTER;
	unsigned char *then;
	uint64_t size, ino;
	pthread_t thread;
	void *rc;

	do_write(m);
	then = malloc(m->size);
	assert_non_null(then);
	memcpy(then, m->bytes, m->size);
	size = m->size;
	ino = vfs_fixture_find(&m->r->f, "f");
	rig_gate(m->r,
		 size > PLAN_SINGLE_MAX ? "CompleteMultipartUpload f"
					: "PutObject f",
		 when);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, m->r),
			 0);
	rig_wait_held(m->r);
	for (uint64_t n = below(m, 4); n < 4; n++)
		changes[below(m, 4)](m);
	journal_reap(m->r->f.v->journal, ino);
	if (when == RIG_AFTER)
		rig_holds_bytes(m->r, "f", then, size);
	rig_gate(m->r, NULL, when);
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, 0);
	rig_holds_bytes(m->r, "f", then, size);
	check_all(m);
	free(then);
}

static const struct {
	void (*fn)(struct model *m);
	unsigned weight;
} ops[] = {
	{do_write, 28}, {do_truncate, 10}, {do_zero, 12}, {do_read, 20},
	{close_it, 8},	{do_save, 4},	   {do_fsync, 4}, {do_restart, 2},
	{do_forget, 2}, {do_overlap, 6},   {do_seek, 4},
};

static void run_model(struct rig *r, uint64_t seed, uint64_t max, unsigned n)
{
	struct model m = {.r = r, .seed = seed, .max = max};

	m.bytes = calloc(1, max);
	assert_non_null(m.bytes);
	rig_write(r, "f", "");
	for (unsigned i = 0; i < n; i++) {
		uint64_t pick = below(&m, 100);
		size_t k = 0;

		while (pick >= ops[k].weight)
			pick -= ops[k++].weight;
		ops[k].fn(&m);
	}
	check_all(&m);
	do_save(&m);
	close_it(&m);
	free(m.bytes);
	rig_unlink(r, "f");
}

/* Files of one PUT, of a few blocks, and such that go up in parts. */
static void test_random(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++)
		run_model(*state, seed, 5000, 60);
	for (uint64_t seed = 31; seed <= 33; seed++)
		run_model(*state, seed, 3 * MIB, 60);
	for (uint64_t seed = 51; seed <= 52; seed++)
		run_model(*state, seed, 24 * MIB, 40);
}

enum step_kind {
	STEP_END,
	STEP_WRITE, /* `length` bytes at `offset` */
	STEP_TRUNCATE, /* to `offset` */
	STEP_ZERO,
	STEP_SAVE,
};

static const struct {
	const char *label;
	struct step {
		enum step_kind kind;
		uint64_t offset, length;
	} steps[8];
	/* SEEK_DATA and SEEK_HOLE from `at`; -1: ENXIO. */
	struct seek {
		uint64_t at;
		int64_t data, hole;
	} seeks[5];
	unsigned seek_count;
} layouts[] = {
	{"empty", {{STEP_END, 0, 0}}, {{0, -1, -1}}, 1},
	{"one hole", {{STEP_TRUNCATE, 100, 0}}, {{0, -1, 0}, {100, -1, -1}}, 2},
	{"data only",
	 {{STEP_WRITE, 0, 100}},
	 {{0, 0, 100}, {99, 99, 100}, {100, -1, -1}},
	 3},
	{"hole before data",
	 {{STEP_WRITE, 4096, 10}},
	 {{0, 4096, 0}, {4100, 4100, 4106}},
	 2},
	{"data fills its unit, where the file goes on",
	 {{STEP_TRUNCATE, 20480, 0}, {STEP_WRITE, 4100, 10}},
	 {{0, 4096, 0},
	  {4096, 4096, 8192},
	  {8191, 8191, 8192},
	  {8192, -1, 8192}},
	 4},
	{"a hole has whole units",
	 {{STEP_WRITE, 0, 16384}, {STEP_ZERO, 4000, 5000}},
	 {{0, 0, 4096},
	  {4096, 8192, 4096},
	  {8191, 8192, 8191},
	  {9000, 9000, 16384}},
	 4},
	{"hole between data",
	 {{STEP_WRITE, 0, 10}, {STEP_WRITE, 50, 10}},
	 {{0, 0, 60}, {10, 10, 60}, {55, 55, 60}},
	 3},
	{"saved is data",
	 {{STEP_WRITE, 50, 10}, {STEP_SAVE, 0, 0}},
	 {{0, 0, 60}, {59, 59, 60}},
	 2},
	{"a hole after what is saved",
	 {{STEP_WRITE, 0, 60}, {STEP_SAVE, 0, 0}, {STEP_TRUNCATE, 9000, 0}},
	 {{0, 0, 4096}, {60, 60, 4096}, {4096, -1, 4096}},
	 3},
	{"cut and grown: what was there is a hole",
	 {{STEP_WRITE, 0, 9000},
	  {STEP_SAVE, 0, 0},
	  {STEP_TRUNCATE, 20, 0},
	  {STEP_TRUNCATE, 9000, 0}},
	 {{0, 0, 4096}, {5000, -1, 5000}},
	 2},
};

static void run_step(struct rig *r, struct vfs_file *file, const struct step *s)
{
	unsigned char *data;
	struct stat st = {.st_size = (off_t)s->offset}, now;

	switch (s->kind) {
	case STEP_WRITE:
		data = rig_bytes(s->offset, s->length);
		rig_pwrite(r, file, s->offset, data, s->length);
		free(data);
		break;
	case STEP_TRUNCATE:
		assert_int_equal(vfs_setattr(r->f.v,
					     vfs_fixture_find(&r->f, "f"), &st,
					     VFS_SET_SIZE, &now),
				 0);
		break;
	case STEP_ZERO:
		assert_int_equal(vfs_fallocate(r->f.v, file,
					       FALLOC_FL_PUNCH_HOLE |
						       FALLOC_FL_KEEP_SIZE,
					       s->offset, s->length),
				 0);
		break;
	case STEP_SAVE:
		rig_sync(r);
		break;
	case STEP_END:
		break;
	}
}

static void test_seek(void **state)
{
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);

		for (int k = 0; layouts[i].steps[k].kind; k++)
			run_step(r, file, &layouts[i].steps[k]);
		for (unsigned k = 0; k < layouts[i].seek_count; k++) {
			const struct seek *s = &layouts[i].seeks[k];

			if (rig_seek(r, file, s->at, SEEK_DATA) != s->data ||
			    rig_seek(r, file, s->at, SEEK_HOLE) != s->hole)
				fail_msg("%s: from %llu", layouts[i].label,
					 (unsigned long long)s->at);
		}
		vfs_release(r->f.v, file);
		rig_unlink(r, "f");
	}
}

/* Zeros over a saved file, when nothing was ever staged for it. */
static void test_zero_saved(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	char buf[10];

	rig_put_text(r, "f", "0123456789");
	file = rig_open(r, "f", O_RDWR);
	assert_int_equal(
		vfs_fallocate(r->f.v, file,
			      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3),
		0);
	rig_pread(r, file, 0, buf, 10);
	assert_memory_equal(buf, "01\0\0\00056789", 10);
	rig_sync(r);
	rig_holds_bytes(r, "f", "01\0\0\00056789", 10);
	vfs_release(r->f.v, file);
}

struct appender {
	struct rig *r;
	struct vfs_file *file;
	atomic_uint at;
	int rc;
};

#define APPENDED 3000

static void *append(void *arg)
{
	struct appender *a = arg;

	for (unsigned i = 0; i < APPENDED; i++) {
		if (!a->rc)
			a->rc = vfs_write(a->r->f.v, a->file, i, "x", 1);
		atomic_store(&a->at, i + 1);
	}
	return NULL;
}

/* Who makes room in a file takes nothing from others who write on. */
static void test_allocate_beside(void **state)
{
	struct appender a = {.r = *state};
	char buf[APPENDED];
	pthread_t t;

	rig_write(a.r, "f", "");
	a.file = rig_open(a.r, "f", O_RDWR);
	assert_int_equal(pthread_create(&t, NULL, append, &a), 0);
	while (atomic_load(&a.at) < APPENDED)
		assert_int_equal(vfs_fallocate(a.r->f.v, a.file, 0, 0,
					       atomic_load(&a.at) + 1),
				 0);
	pthread_join(t, NULL);
	assert_int_equal(a.rc, 0);
	rig_pread(a.r, a.file, 0, buf, APPENDED);
	for (unsigned i = 0; i < APPENDED; i++)
		if (buf[i] != 'x')
			fail_msg("lost at %u", i);
	vfs_release(a.r->f.v, a.file);
}

static int set_size(struct rig *r, const char *path, off_t size)
{
	struct stat st = {.st_size = size};

	return vfs_setattr(r->f.v, vfs_fixture_find(&r->f, path), &st,
			   VFS_SET_SIZE, &st);
}

/* Whatever makes a file longer; one that others made so stays usable. */
static void test_too_large(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	rig_put_text(r, "theirs", "0123456789ab");
	r->f.config.max_file_bytes = 10;
	rig_restart(r);
	rig_write(r, "f", "01234567");
	file = rig_open(r, "f", O_RDWR);
	assert_int_equal(vfs_write(r->f.v, file, 8, "ab", 2), 0);
	assert_int_equal(vfs_write(r->f.v, file, 9, "ab", 2), -EFBIG);
	assert_int_equal(vfs_write(r->f.v, file, 1 << 20, "a", 1), -EFBIG);
	assert_int_equal(vfs_fallocate(r->f.v, file, 0, 0, 11), -EFBIG);
	assert_int_equal(set_size(r, "f", 11), -EFBIG);
	assert_int_equal(set_size(r, "f", INT64_MAX), -EFBIG);
	vfs_release(r->f.v, file);
	file = rig_open(r, "theirs", O_RDWR);
	assert_int_equal(vfs_write(r->f.v, file, 10, "AB", 2), 0);
	assert_int_equal(vfs_write(r->f.v, file, 11, "AB", 2), -EFBIG);
	assert_int_equal(set_size(r, "theirs", 13), -EFBIG);
	assert_int_equal(set_size(r, "theirs", 11), 0);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", "01234567ab");
	rig_holds(r, "theirs", "0123456789A");
}

/* A file without a name is read and written until its last close. */
static void test_unlinked(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	char buf[8];

	rig_write(r, "f", "before");
	rig_sync(r);
	file = rig_open(r, "f", O_RDWR);
	rig_unlink(r, "f");
	rig_sync(r);
	rig_holds(r, "f", NULL);
	rig_pread(r, file, 0, buf, 6);
	assert_memory_equal(buf, "before", 6);
	rig_pwrite(r, file, 2, "XX", 2);
	rig_forget_requests(r);
	rig_sync(r);
	rig_pread(r, file, 0, buf, 6);
	assert_memory_equal(buf, "beXXre", 6);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_asked(r, "");
	assert_int_equal(rig_there(r, "f"), -ENOENT);
}

/* What was written over goes from the disk, what is staged yet stays. */
static void test_trim(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);
	unsigned char *a = rig_bytes(1, MIB), *b = rig_bytes(2, MIB);
	unsigned char *got = malloc(MIB);
	uint64_t ino = vfs_fixture_find(&r->f, "f");
	struct node *node;

	assert_non_null(got);
	rig_pwrite(r, file, MIB, a, MIB);
	rig_pwrite(r, file, MIB, b, MIB);
	rig_pwrite(r, file, 0, a, MIB);
	assert_int_equal(vfs_fallocate(r->f.v, file,
				       FALLOC_FL_PUNCH_HOLE |
					       FALLOC_FL_KEEP_SIZE,
				       MIB / 2, MIB / 4),
			 0);
	assert_int_equal(node_get(r->f.v->mount->nodes, ino, &node), 0);
	assert_int_equal(content_trim(r->f.v->tree, node), 0);
	node_put(r->f.v->mount->nodes, node);
	assert_true(staging_inode_bytes(r->f.staging, ino) <= 7 * MIB / 4);
	memset(a + MIB / 2, 0, MIB / 4);
	rig_pread(r, file, 0, got, MIB);
	assert_memory_equal(got, a, MIB);
	rig_pread(r, file, MIB, got, MIB);
	assert_memory_equal(got, b, MIB);
	vfs_release(r->f.v, file);
	free(a);
	free(b);
	free(got);
}

/* Whether any of the file's staged bytes stand in the log. */
static bool is_logged(struct rig *r, uint64_t ino, size_t *ret_extents)
{
	uint64_t offset = 0, length = 0, place;
	bool logged = false;

	*ret_extents = 0;
	assert_int_equal(meta_lock(r->f.meta), 0);
	while (!meta_extent_next(r->f.meta, ino, offset + length, &offset,
				 &length, &place)) {
		logged = logged || meta_extent_in_log(place);
		++*ret_extents;
	}
	meta_unlock(r->f.meta);
	return logged;
}

/* Returns when what was queued to be given back has been. */
static void wait_reaped(struct rig *r)
{
	struct journal *j = r->f.v->journal;

	for (int i = 0; i < 2; i++) {
		journal_reap(j, UINT64_MAX); /* it marks a turn */
		while (journal_is_reaping(j, UINT64_MAX))
			usleep(5000);
	}
}

/* Small files stand in the log through all, until they are saved. */
static void test_log(void **state)
{
	struct rig *r = *state;
	size_t extents;

	rig_write(r, "a", "first");
	rig_write(r, "b", "second");
	assert_true(is_logged(r, vfs_fixture_find(&r->f, "a"), &extents));
	assert_int_equal(staging_used_bytes(r->f.staging), 11);
	rig_kill(r);
	rig_is(r, "a", "first");
	rig_write(r, "a", "third");
	assert_int_equal(meta_sync(r->f.meta), 0);
	r->power_lost = true;
	rig_kill(r);
	rig_is(r, "a", "third");
	rig_is(r, "b", "second");
	rig_write(r, "c", "fourth");
	rig_restart(r);
	rig_is(r, "c", "fourth");
	rig_unlink(r, "c");
	rig_sync(r);
	rig_holds(r, "a", "third");
	rig_holds(r, "b", "second");
	wait_reaped(r);
	assert_int_equal(staging_used_bytes(r->f.staging), 0);
}

/* One that grows has a file of its own; the log keeps what is being sent. */
static void test_log_outgrown(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);
	unsigned char *data = rig_bytes(1, MIB), *got = malloc(MIB);
	uint64_t ino = vfs_fixture_find(&r->f, "f");
	pthread_t thread;
	size_t extents, at;

	assert_non_null(got);
	for (at = 0; at < MIB / 4; at += 4096)
		rig_pwrite(r, file, at, data + at, 4096);
	assert_true(is_logged(r, ino, &extents));
	rig_gate(r, "PutObject f", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	for (; at < MIB; at += 4096)
		rig_pwrite(r, file, at, data + at, 4096);
	assert_false(is_logged(r, ino, &extents));
	assert_int_equal(extents, 1);
	wait_reaped(r);
	assert_true(staging_used_bytes(r->f.staging) >= MIB + MIB / 4);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	rig_holds_bytes(r, "f", data, MIB / 4);
	rig_pread(r, file, 0, got, MIB);
	assert_memory_equal(got, data, MIB);
	wait_reaped(r);
	assert_true(staging_used_bytes(r->f.staging) < MIB + MIB / 8);
	vfs_release(r->f.v, file);
	rig_kill(r);
	rig_sync(r);
	rig_holds_bytes(r, "f", data, MIB);
	free(data);
	free(got);
}

/* A write that nothing comes to speak of keeps nothing there. */
static void test_log_refused(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file = rig_open(r, "f", O_CREAT | O_RDWR);
	uint64_t at = 0, ino = vfs_fixture_find(&r->f, "f");

	assert_int_equal(staging_append(r->f.staging, ino, "lost", 4, &at), 0);
	journal_reap(r->f.v->journal, ino);
	wait_reaped(r);
	assert_int_equal(staging_used_bytes(r->f.staging), 0);
	rig_pwrite(r, file, 0, "kept", 4);
	journal_reap(r->f.v->journal, ino);
	wait_reaped(r);
	assert_int_equal(staging_used_bytes(r->f.staging), 4);
	vfs_release(r->f.v, file);
	rig_is(r, "f", "kept");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_zero_saved),
		RIG_TEST(test_seek),
		RIG_TEST(test_too_large),
		RIG_TEST(test_unlinked),
		RIG_TEST(test_random),
		RIG_TEST(test_trim),
		RIG_TEST(test_log),
		RIG_TEST(test_log_outgrown),
		RIG_TEST(test_log_refused),
		RIG_TEST(test_allocate_beside),
		RIG_TEST_UNVERSIONED(test_random),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
