/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache directory of a mount: where it is, that it is ours, and that no
 * other process uses it.
 *
 * DIR/lock is held with flock(2) while a daemon lives, and tells its process
 * id, what it is doing or how it ended, and the identity: a line that names the
 * server, bucket and prefix that the directory belongs to.
 */
#ifndef VERS3_MAIN_CACHEDIR_H
#define VERS3_MAIN_CACHEDIR_H

#include <stdbool.h>
#include <stddef.h>

struct cachedir;

/*
 * The identity of a bucket and prefix at an URL as s3_store_url() gives it.
 * The same for path-style and virtual-host URLs of one server; AWS, where
 * names of buckets are unique, is one server in all its regions. A malloc'd
 * string in *ret_identity. 0, -EINVAL, -ENOMEM.
 */
int cachedir_identity(const char *url, const char *bucket, const char *prefix,
		      char **ret_identity);

/*
 * The directory above the default ones, malloc'd: /var/cache/vers3 for root,
 * $XDG_CACHE_HOME/vers3 or ~/.cache/vers3 for others. 0, -ENOENT when there
 * is no home directory, -ENOMEM.
 */
int cachedir_default_base(char **ret_base);
/*
 * The default directory for an identity: BASE/BUCKET, or BASE/BUCKET-HASH
 * when that one belongs to another identity. One that was given out stays,
 * since it may hold what was not sent yet. Nothing is made. A malloc'd
 * string. 0 or -ENOMEM.
 */
int cachedir_default(const char *base, const char *bucket, const char *identity,
		     char **ret_path);

/* Whether a mount has ever used the directory. */
bool cachedir_used(const char *path);
/*
 * Whether two identities are of one bucket and prefix, and their servers have
 * different names.
 */
bool cachedir_is_renamed(const char *from, const char *to);
/* As what; malloc'd. 0, -ENOENT: it was not used, -ENOMEM. */
int cachedir_recorded(const char *path, char **ret_identity);

/*
 * Makes the directory (0700, with those above it) unless it is there, and
 * takes its lock. While the process that holds it is at its end, having
 * been unmounted, waits up to wait_ms for it. 0, or with one line in reason:
 * -EBUSY in use, -EXDEV of another identity, -ENOTDIR, -EPERM owned by
 * someone else or for others to write, as a directory above it may not be,
 * either (safepath.h), or what the system says.
 */
int cachedir_open(const char *path, const char *identity, unsigned wait_ms,
		  char *reason, size_t size, struct cachedir **ret_dir);
/* It belongs to another identity from now on. 0 or -errno. */
int cachedir_rename(struct cachedir *d, const char *identity);
/* Absolute; borrowed. */
const char *cachedir_path(const struct cachedir *d);
/* Tells those who wait that the mount has ended and only sending is left. */
void cachedir_set_ending(struct cachedir *d);
/* Notes how it ended: whether all is in the bucket. */
void cachedir_set_ended(struct cachedir *d, bool all_sent);
/* Gives the lock back. NULL is fine. */
void cachedir_close(struct cachedir *d);

#endif
