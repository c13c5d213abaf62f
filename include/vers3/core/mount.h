/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every room needs of the mount: its configuration, the stores that it
 * borrows, keys and names in it, the server's time, what the kernel is told.
 * No call waits for the bucket; any lock may be held, but for
 * mount_inval_flush().
 *
 * Any thread. Paths are below the prefix, without a leading '/'; a directory's
 * object has one that ends in '/'.
 */
#ifndef VERS3_CORE_MOUNT_H
#define VERS3_CORE_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "vers3/cache/blocks.h"
#include "vers3/cache/space.h"
#include "vers3/cache/staging.h"
#include "vers3/core/caps.h"
#include "vers3/core/watermark.h"
#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"
#include "vers3/store/store.h"
#include "vers3/util/buf.h"
#include "vers3/util/control_ioctl.h"

#define MOUNT_CONTROL_INO  UINT64_C(2) /* .control */
#define MOUNT_VERSIONS_INO CONTROL_VERSIONS_INO /* .versions at the root */
#define MOUNT_AT_INO	   UINT64_C(4) /* the tree at the instant `at` */
/* Inode numbers of the versions view have this bit set. */
#define MOUNT_VIEW_BIT (UINT64_C(1) << 62)
/* Whether an inode number is one of the versions view. */
static inline bool mount_is_view(uint64_t ino)
{
	return ino == MOUNT_VERSIONS_INO || ino == MOUNT_AT_INO ||
	       (ino & MOUNT_VIEW_BIT);
}
/* Their names, if the configuration has no others. */
#define MOUNT_CONTROL_NAME  ".control"
#define MOUNT_VERSIONS_NAME ".versions"
/* Objects of our own in the root, that nobody sees (overflow.h). */
#define MOUNT_OWN_NAME ".vers3"

enum mount_versions {
	MOUNT_VERSIONS_HIDDEN,
	MOUNT_VERSIONS_VISIBLE,
	MOUNT_VERSIONS_OFF,
	MOUNT_VERSIONS_PURGE, /* hidden, and versions may be removed */
};

/* Constant. Strings are borrowed for the mount's life. */
struct mount_config {
	const char *bucket;
	const char *prefix; /* "" or ends in '/' */
	const char *cache_dir; /* for those who ask; NULL: none is told */
	struct meta_defaults defaults;
	int64_t ttl_ns; /* how old an answer about names may be */
	/*
	 * How long a list may stay unanswered where older names are known,
	 * which then answer; 0: as long as the store takes.
	 */
	int64_t patience_ns;
	/* An answer that takes as long comes from far away; 0: 20 ms. */
	int64_t far_ns;
	int64_t commit_ns; /* quiet time before a change is sent */
	int64_t save_after_ns; /* of a file that is never quiet; 0: never */
	/* How long requests of a mount that was killed may be under way yet. */
	int64_t settle_ns;
	/* How often states are asked for in the background; 0: not at all. */
	int64_t states_ns;
	bool read_only;
	bool sync; /* close waits for the bucket */
	bool fsync_local;
	/* fsync waits for the replica, too, so long at most; 0: not. */
	int64_t fsync_replica_ns;
	uint64_t quota_bytes; /* 0: none */
	uint64_t max_file_bytes; /* no file is made longer; 0: no limit */
	uint64_t copy_max_bytes; /* of one CopyObject; 0: S3's 5 GiB */
	const char *storage_class; /* NULL: the bucket's default */
	/* What new objects are encrypted by, as headers; NULL: nothing said. */
	const struct kvlist *encryption;
	enum mount_versions versions;
	/*
	 * What history and control file are called, and nothing else may be;
	 * NULL: the names above; "" : they are not there.
	 */
	const char *versions_name, *control_name;
	bool versioned; /* the bucket keeps versions */
	bool suspended; /* it did once, or may have */
	struct caps caps; /* what the server can do beside */
	/* The root shows the tree of then, spelled as in .versions; or NULL. */
	const char *at;
	const char *replica_bucket; /* NULL: the mount has no replica */
	uint64_t list_names_max; /* of a directory listed for one; 0: 20,000 */
	uint64_t view_nodes_max; /* see view_bound.h; 0: its default */
};

/* Tells the kernel; queued, never blocks. Borrowed strings are copied. */
struct mount_notify {
	void (*inval_inode)(void *ctx, uint64_t ino);
	void (*inval_entry)(void *ctx, uint64_t parent, const char *name);
	/* Waits a while until the kernel knows; see mount_inval_flush(). */
	void (*flush)(void *ctx);
	/*
	 * Has the kernel write what it holds of an inode, and waits a while for
	 * it: whether it has.
	 */
	bool (*write_back)(void *ctx, uint64_t ino);
	/*
	 * What was agreed upon with the kernel, as one line, and what of what
	 * is wanted it does not have, with ", " between. Each of size bytes.
	 */
	void (*features)(void *ctx, char *agreed, char *lacks, size_t size);
	/* Whether the kernel lets nobody change anything: remounted so. */
	bool (*read_only)(void *ctx);
	void *ctx;
	bool forgets; /* what is looked up is forgotten: vfs_forget() */
};

struct bucket_config;
struct key_journal;
struct nodes;
struct pins;
struct texts;

/* Made once; its pointers are constant while it is mounted. */
struct mount {
	struct mount_config config;
	int64_t began_ns; /* realtime */
	int64_t at_ns; /* what config.at spells; 0: the root shows now */
	struct meta *meta; /* borrowed, as those up to journal */
	struct blocks *blocks;
	struct staging *staging;
	struct space *space;
	struct store *store; /* top of the stack */
	struct store *metrics; /* the metrics layer, or NULL */
	struct store *s3; /* the last layer, or NULL */
	/*
	 * The same three of the bucket config.replica_bucket, which holds the
	 * same keys in another region; NULL where replica= names none, and then
	 * nothing is ever asked there. It may be away at any time.
	 */
	struct store *replica, *replica_metrics, *replica_s3;
	struct store *failover; /* the layer of store that reads there */
	/* The one that has it stand in, and what was written there since. */
	struct store *standby;
	struct key_journal *journal;
	struct mount_notify notify; /* set before the session runs */
	struct nodes *nodes; /* owned: what is open */
	struct pins *pins; /* owned */
	struct bucket_config *bucket; /* owned: its documents */
	struct texts *texts; /* owned */
	struct watermark_told watermarks;
};

/* Borrows what is given, but copies config. 0 or -ENOMEM. */
struct mount_parts {
	struct meta *meta;
	struct blocks *blocks;
	struct staging *staging;
	struct space *space;
	struct store *store, *metrics, *s3;
	struct store *replica, *replica_metrics, *replica_s3, *failover;
	struct store *standby;
	struct key_journal *journal;
};
int mount_new(const struct mount_config *config,
	      const struct mount_parts *parts, struct mount **ret_mount);
void mount_free(struct mount *mount);

/* The kernel's copies are stale; nothing where notify is not set. */
void mount_inval_inode(struct mount *mount, uint64_t ino);
void mount_inval_entry(struct mount *mount, uint64_t parent, const char *name);
/* Whether it was mounted for that, and is (mount -o remount,ro). */
bool mount_takes_changes(const struct mount *mount);
/*
 * Whether the replica is asked in the place of the bucket: there are no two
 * to compare then.
 */
bool mount_replica_stands_in(const struct mount *mount);
/*
 * Whether a copy that ended in rc may have failed only since the other of
 * bucket and replica has its source: what is written around a failover has a
 * base there, which pinned reads find (store/standby.h).
 */
bool mount_source_is_elsewhere(const struct mount *mount, int rc);
/* Whether a name is that of a .versions, of the .control at the root. */
bool mount_is_versions_name(const struct mount *mount, const char *name);
bool mount_is_control_name(const struct mount *mount, const char *name);
/* Whether it is one that names nothing at the root, or none of these files. */
bool mount_is_own_name(const struct mount *mount, const char *name);
/*
 * Whether a name from a key can stand in a directory; mount: in the root,
 * where ours cannot; else NULL.
 */
bool mount_name_ok(const struct mount *mount, const char *name);
/* Whether a path is below one of these at the root: no file's, then. */
bool mount_is_history(const struct mount *mount, const char *path);
/*
 * Waits until the kernel knows of the invalidations so far, for a second at
 * most. Only from a request that holds no directory: a write, say.
 */
void mount_inval_flush(struct mount *mount);
/* A name's path in the directory at path `dir`: 0 or -ENAMETOOLONG. */
int mount_child_path(const char *dir, const char *name, char *buf);
/*
 * Now by the server's clock, which is the one that versions are dated by. It
 * is known to a second and the time of an answer: so much is no difference.
 */
int64_t mount_server_now_ns(struct mount *mount);
/* Whole object key: prefix + path; buf of META_KEY_MAX + 1 bytes. */
int mount_key(const struct mount *mount, const char *path, char *buf);
/*
 * Appends the URL of the object at a path, or of one version of it (NULL or
 * "": the present one), with no signature. 0, -ENODATA where there is none.
 */
int mount_url(const struct mount *mount, const char *path,
	      const char *version_id, struct buf *url);

#endif
