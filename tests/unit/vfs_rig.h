/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rig of the vfs floor's tests: vfs_fixture.h with every request to the
 * bucket noted, and with requests that can be held or made to fail.
 *
 * A request is noted as one line: the operation's name, a blank, and the key
 * (of a list: the prefix) below the mount's prefix:
 *
 *	PutObject a/b		ListObjectsV2 a/	DeleteObjects 3
 *	CopyObject new<old	(", loose": the source has no version id)
 *	UploadPart big 2	UploadPartCopy big 1
 *
 * Where a call takes a `match`, it is the beginning of such a line.
 */
#ifndef VERS3_TESTS_UNIT_VFS_RIG_H
#define VERS3_TESTS_UNIT_VFS_RIG_H

#include "vfs_fixture.h"

#include <errno.h>
#include <pthread.h>

#include "vers3/sync/syncer.h"

#define RIG_MATCH_MAX 80

enum rig_when {
	RIG_BEFORE, /* the bucket has not seen it */
	RIG_AFTER, /* the bucket has done it, nobody knows the answer */
};

struct rig {
	struct vfs_fixture f; /* first: vfs_fixture_teardown() frees it */
	struct store *bucket; /* borrowed: for others who use the bucket */
	/* As with retry.h: what fails after it was done says that it may be. */
	bool tells_unsure;
	/* As Ceph does: the answer to a copy names no version. */
	bool nameless_copies;
	bool power_lost; /* rig_kill() comes back in another boot */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	/* All below is protected by mutex. */
	char **lines; /* owned */
	size_t line_count, line_size;
	char fail_match[RIG_MATCH_MAX];
	int fail_error; /* -errno; 0: nothing fails */
	unsigned fail_times; /* so many more */
	enum rig_when fail_when;
	char gate_match[RIG_MATCH_MAX]; /* "" : no gate */
	enum rig_when gate_when;
	unsigned gate_held; /* requests that wait at it */
	char hook_match[RIG_MATCH_MAX];
	void (*hook)(struct rig *r); /* NULL: none */
	unsigned hook_times; /* so many more */
};

/* cmocka's setups: a versioned bucket, one that is not. */
int rig_setup(void **state);
int rig_setup_unversioned(void **state);
int rig_teardown(void **state);
#define RIG_TEST(fn)                                                           \
	cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)
#define RIG_TEST_UNVERSIONED(fn)                                               \
	cmocka_unit_test_setup_teardown(fn, rig_setup_unversioned, rig_teardown)

/* Ends the vfs as a kill does (nothing is sent), starts it over the same. */
void rig_restart(struct rig *r);
/* The same as if nothing had been put in order: a kill, or see power_lost. */
void rig_kill(struct rig *r);
/* The same with nothing known: an empty cache directory. */
void rig_forget(struct rig *r);
/* Sends all that is dirty, till its last job has ended; it must succeed. */
void rig_sync(struct rig *r);
/* Sends all that is dirty: what the syncer says; *ret_left may be NULL. */
int rig_try_sync(struct rig *r, uint64_t *ret_left);
/* The same as a thread: its rig; rig_try_sync()'s code, as an intptr_t. */
void *rig_sync_thread(void *rig);
uint64_t rig_dirty(struct rig *r);
/* Whether the syncer sleeps, and will for long. */
bool rig_idle(struct rig *r);

/* The requests since the last call were these, "; " between, any order. */
void rig_asked(struct rig *r, const char *lines);
/* The same for those that change the bucket; the others may be any. */
void rig_changed(struct rig *r, const char *lines);
/* How many of the requests since then begin with match; they stay noted. */
unsigned rig_count(struct rig *r, const char *match);
void rig_forget_requests(struct rig *r);
/*
 * A directory of the root as others' removal leaves it at first: out of the
 * tree, with what is in it. gone_sweep() goes on from there. Returns its inode.
 */
uint64_t rig_detach(struct rig *r, const char *name);

/* The next `times` requests that match end in error (-errno). */
void rig_fail(struct rig *r, const char *match, enum rig_when when, int error,
	      unsigned times);
/* Requests that match wait. NULL opens the gate. */
void rig_gate(struct rig *r, const char *match, enum rig_when when);
/* Returns when one waits there. */
void rig_wait_held(struct rig *r);

/*
 * fn is called after the bucket has done each of the next `times` requests that
 * match, before the answer is known. What it asks for itself does not count.
 */
void rig_hook(struct rig *r, const char *match, void (*fn)(struct rig *r),
	      unsigned times);

/* What others do in the bucket; key below the mount's prefix. */
void rig_put(struct rig *r, const char *key, const void *data, size_t size);
void rig_put_meta(struct rig *r, const char *key, const void *data, size_t size,
		  const struct kvlist *meta);
void rig_put_text(struct rig *r, const char *key, const char *text);
void rig_put_mode(struct rig *r, const char *key, const char *text,
		  const char *permissions);
/* Of a storage class; tier: of an archive that has any, or NULL. */
void rig_put_class(struct rig *r, const char *key, const char *text,
		   const char *class, const char *tier);
/*
 * Begins an upload, with a part for each word. The key is whole: it may be
 * outside of what is mounted.
 */
void rig_put_upload(struct rig *r, const char *whole_key, const char *words);
/* The bucket's lifecycle rules. */
void rig_set_rules(struct rig *r, const char *document);
void rig_remove(struct rig *r, const char *key);
/* Several of both: keys with a blank between, '-' before those removed. */
void rig_run_keys(struct rig *r, const char *script);
/* What the bucket holds at a key; NULL: nothing. */
void rig_holds(struct rig *r, const char *key, const char *text);
/* The bytes of the bucket's object; size is its length too. */
void rig_holds_bytes(struct rig *r, const char *key, const void *data,
		     size_t size);
/* The same, to be looked at; *ret_data is owned by the caller. */
void rig_get_bytes(struct rig *r, const char *key, unsigned char **ret_data,
		   size_t *ret_size);
/* A metadata value of the bucket's object; owned by the caller, or NULL. */
char *rig_meta(struct rig *r, const char *key, const char *name);
/* It is that; NULL: there is none. */
void rig_meta_is(struct rig *r, const char *key, const char *name,
		 const char *value);
/* Of its permissions, written as "0100644". */
void rig_mode_is(struct rig *r, const char *key, const char *mode);
/* How many versions and delete markers a key has. */
unsigned rig_versions(struct rig *r, const char *key);
unsigned rig_markers(struct rig *r, const char *key);
unsigned rig_uploads(struct rig *r);
/* Aborts them all, as others may. */
void rig_abort_uploads(struct rig *r);

/* How many conflicts are listed. */
unsigned rig_conflicts(struct rig *r);

/* What users do; paths below the root. Each but the try_ ones succeeds. */
struct vfs_file *rig_open(struct rig *r, const char *path, int flags);
void rig_pwrite(struct rig *r, struct vfs_file *file, uint64_t offset,
		const void *data, size_t size);
/* Reads exactly size bytes. */
void rig_pread(struct rig *r, struct vfs_file *file, uint64_t offset, void *buf,
	       size_t size);
/* What SEEK_DATA or SEEK_HOLE finds from there; -1: nothing. */
int64_t rig_seek(struct rig *r, struct vfs_file *file, uint64_t at, int whence);
void rig_write(struct rig *r, const char *path, const char *text);
void rig_write_bytes(struct rig *r, const char *path, const void *data,
		     size_t size);
void rig_is(struct rig *r, const char *path, const char *text);
void rig_mkdir(struct rig *r, const char *path);
void rig_unlink(struct rig *r, const char *path);
int rig_try_rename(struct rig *r, const char *from, const char *to,
		   unsigned flags);
void rig_rename(struct rig *r, const char *from, const char *to);
void rig_chmod(struct rig *r, const char *path, uint32_t mode);
void rig_utimens(struct rig *r, const char *path, int64_t mtime_ns);
int rig_lookup(struct rig *r, const char *path, struct vfs_entry *ret);
/* The inode of what is there. */
uint64_t rig_ino(struct rig *r, const char *path);
/* 0 or -errno of a lookup: -ENOENT for a name that is not there. */
int rig_there(struct rig *r, const char *path);
/*
 * The names of a directory, sorted, with a blank between and a '/' after
 * those of directories (no "." and ".."); plus: as readdirplus.
 */
int rig_list(struct rig *r, const char *path, bool plus, char *buf,
	     size_t size);
void rig_lists(struct rig *r, const char *path, const char *names);
/* For vfs_readdir(): its ctx, an unsigned, is one more each time. */
int rig_count_name(void *ctx, const struct vfs_dirent *d);

/* Pseudo-random numbers of a seed. */
uint64_t rig_random(uint64_t *seed);
/* size bytes that are the same for the same seed; malloc'd. */
unsigned char *rig_bytes(uint64_t seed, size_t size);

#endif
