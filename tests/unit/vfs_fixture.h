/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vfs over real tables, blocks and staging in a directory of its own, and
 * over a bucket in memory that can fall silent.
 */
#ifndef VERS3_TESTS_UNIT_VFS_FIXTURE_H
#define VERS3_TESTS_UNIT_VFS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../../src/vfs/vfs_impl.h"
#include "read_result.h"
#include "remove_tree.h"
#include "work_dir.h"
#include "vers3/core/mount.h"
#include "vers3/core/pins.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/check.h"
#include "vers3/store/fault.h"
#include "vers3/store/memory.h"
#include "vers3/store/metrics.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/vfs/vfs.h"

#define VFS_FIXTURE_PREFIX "pre/"

struct vfs_fixture {
	char dir[64];
	struct mount_config config; /* of the next start */
	atomic_bool silent; /* the bucket refuses everything */
	struct store *store;
	struct store *replica; /* borrowed: of the next start; NULL: none */
	struct meta *meta;
	struct blocks *blocks;
	struct staging *staging;
	struct space *space;
	struct vfs *v;
	bool damaged; /* by the test: the namespace need not agree */
};

static const struct vfs_caller vfs_fixture_caller = {.uid = 7, .gid = 8};

static inline struct fault_decision
vfs_fixture_fault(void *ctx, const struct store_request *r)
{
	struct vfs_fixture *f = ctx;
	struct fault_decision d = {.kind = FAULT_NONE};

	(void)r;
	if (atomic_load(&f->silent))
		d.kind = FAULT_REFUSE;
	return d;
}

static const struct mount_config vfs_fixture_config = {
	.bucket = "bucket",
	.prefix = VFS_FIXTURE_PREFIX,
	.defaults = {.uid = 1, .gid = 2, .file_mode = 0644, .dir_mode = 0755},
	.ttl_ns = 0,
	.commit_ns = 600 * NS_PER_S, /* when someone waits for it */
	.versioned = true,
	.caps = CAPS_ALL,
};

static inline void vfs_fixture_start(struct vfs_fixture *f)
{
	struct mount_parts parts;
	char reason[512];

	assert_int_equal(meta_open(f->dir, "identity", reason, sizeof(reason),
				   &f->meta),
			 0);
	assert_int_equal(blocks_open(f->dir, 8 << 20, reason, sizeof(reason),
				     &f->blocks),
			 0);
	assert_int_equal(staging_open(f->dir, &f->staging), 0);
	assert_int_equal(space_new(f->dir, 0, 0, &f->space), 0);
	parts = (struct mount_parts){.meta = f->meta,
				     .blocks = f->blocks,
				     .staging = f->staging,
				     .space = f->space,
				     .store = f->store,
				     .metrics = f->store,
				     .replica = f->replica};
	assert_int_equal(vfs_new(&f->config, &parts, &f->v), 0);
}

/* What has to hold at rest (check.h); not of one that has failed. */
static inline void vfs_fixture_check(struct vfs_fixture *f)
{
	char words[1200];

	if (f->damaged || meta_lock(f->meta))
		return;
	meta_unlock(f->meta);
	if (meta_check(f->meta, words, sizeof(words)))
		fail_msg("%s", words);
}

/* Ends the vfs; nothing is under way then, whatever the test has done. */
static inline void vfs_fixture_end(struct vfs_fixture *f)
{
	const char *words;

	if (!f->v)
		return;
	vfs_end(f->v);
	words = syncer_check(f->v->syncer);
	if (!words)
		words = journal_check(f->v->journal);
	if (!words)
		words = pins_check(f->v->mount->pins);
	vfs_drop(f->v);
	f->v = NULL;
	if (words)
		fail_msg("%s", words);
}

static inline void vfs_fixture_stop(struct vfs_fixture *f)
{
	vfs_fixture_end(f);
	vfs_fixture_check(f);
	space_free(f->space);
	meta_close(f->meta);
	staging_close(f->staging);
	blocks_close(f->blocks);
}

/* The free hook of a store of the test's own that was malloc'd. */
static inline void vfs_fixture_free_layer(struct store *s)
{
	store_free(s->below);
	free(s);
}

/*
 * Puts a store of the test's own over the bucket, which is freed with it, and
 * starts anew.
 */
static inline void vfs_fixture_cover(struct vfs_fixture *f, struct store *top,
				     const struct store_ops *ops)
{
	vfs_fixture_stop(f);
	top->ops = ops;
	top->below = f->store;
	f->store = top;
	assert_int_equal(metrics_store_new(&f->store, &f->store), 0);
	vfs_fixture_start(f);
}

static inline int vfs_fixture_setup(void **state)
{
	struct vfs_fixture *f = calloc(1, sizeof(*f));

	alarm(120);
	log_set_level(LOG_LEVEL_ERROR);
	assert_non_null(f);
	f->config = vfs_fixture_config;
	assert_int_equal(make_work_dir(f->dir, sizeof(f->dir), "t_vfs"), 0);
	assert_int_equal(memory_store_new(true, &f->store), 0);
	assert_int_equal(
		fault_store_new(vfs_fixture_fault, f, &f->store, &f->store), 0);
	assert_int_equal(metrics_store_new(&f->store, &f->store), 0);
	vfs_fixture_start(f);
	*state = f;
	return 0;
}

/* The same with a store of the test's own over the bucket. */
static inline int vfs_fixture_setup_over(void **state, struct store *top,
					 const struct store_ops *ops)
{
	int rc = vfs_fixture_setup(state);

	if (!rc)
		vfs_fixture_cover(*state, top, ops);
	return rc;
}

static inline int vfs_fixture_teardown(void **state)
{
	struct vfs_fixture *f = *state;

	vfs_fixture_stop(f);
	store_free(f->store);
	remove_tree(f->dir);
	free(f);
	return 0;
}

#define VFS_FIXTURE_TEST(fn)                                                   \
	cmocka_unit_test_setup_teardown(fn, vfs_fixture_setup,                 \
					vfs_fixture_teardown)

/* The inode of a path below the root, 0 when there is none. */
static inline uint64_t vfs_fixture_find(struct vfs_fixture *f, const char *path)
{
	char copy[1024], *name, *rest = NULL;
	struct vfs_entry e = {.ino = META_ROOT_INO};

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &rest); name;
	     name = strtok_r(NULL, "/", &rest))
		if (vfs_lookup(f->v, e.ino, name, &e))
			return 0;
	return e.ino;
}

/* The directory of a path; *ret_name is its last name. */
static inline uint64_t vfs_fixture_parent(struct vfs_fixture *f,
					  const char *path,
					  const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[1024] = "";

	*ret_name = slash ? slash + 1 : path;
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return vfs_fixture_find(f, dir);
}

/* Replaces a file's content, as a shell's ">" does. */
static inline void vfs_fixture_write(struct vfs_fixture *f, const char *path,
				     const char *text)
{
	const char *name;
	uint64_t parent = vfs_fixture_parent(f, path, &name);
	struct vfs_file *file;
	struct vfs_open how;
	struct vfs_entry e;

	assert_int_equal(vfs_create(f->v, parent, name, 0640,
				    O_WRONLY | O_TRUNC, &vfs_fixture_caller, &e,
				    &file, &how),
			 0);
	assert_int_equal(vfs_write(f->v, file, 0, text, strlen(text)), 0);
	vfs_release(f->v, file);
}

/* Reads at most size - 1 bytes of an open file into buf, as a string. */
static inline int vfs_fixture_pread(struct vfs_fixture *f,
				    struct vfs_file *file, uint64_t offset,
				    char *buf, size_t size)
{
	struct read_result r;
	size_t got;
	int rc;

	read_result_begin(&r, buf, size - 1);
	vfs_read(f->v, file, offset, size - 1, read_result_done, &r);
	rc = read_result_end(&r, &got);
	buf[got] = '\0';
	return rc;
}

/* The content of a file; "" with a failed test when it cannot be read. */
static inline void vfs_fixture_is(struct vfs_fixture *f, const char *path,
				  const char *text)
{
	uint64_t ino = vfs_fixture_find(f, path);
	struct vfs_file *file;
	struct vfs_open how;
	char buf[4096];

	assert_int_not_equal(ino, 0);
	assert_int_equal(vfs_open(f->v, ino, O_RDONLY, &file, &how), 0);
	assert_int_equal(vfs_fixture_pread(f, file, 0, buf, sizeof(buf)), 0);
	vfs_release(f->v, file);
	assert_string_equal(buf, text);
}

#endif
