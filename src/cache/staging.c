/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns DIR/staging and the descriptors of its files.
 *
 * A node stands for a file while its descriptor is open, while it has data
 * that is not durable, or while it is in use:
 *
 *	node        fd    refs  in list  leaves the state
 *	in use      >= 0  > 0   -        node_put: to idle, or gone when dead
 *	idle        >= 0  0     idle     node_get: to in use; closed when there
 *	                                 are more than MAX_OPEN (oldest first)
 *	closed      -1    0     -        node_get opens it again; only dirty
 *	                                 nodes are kept without a descriptor
 *	dead        >= 0  > 0   -        staging_remove took it while a sync of
 *	                                 another thread still used it
 *
 * A dirty node is also in the dirty list: data was written since the last
 * staging_sync_all(). It enters the list after its write, so that a sync
 * that takes it off the list is certain to find the data.
 *
 * bytes is what the node's file counts for in used_bytes. It is measured with
 * fstat under the lock after every change; after a sync, when the blocks are
 * allocated for good; and when the descriptor is closed, since some file
 * systems give back then what they had allocated ahead.
 */
#include "vers3/cache/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/util/log.h"
#include "vers3/util/map.h"

#define MAX_OPEN   256
#define SYNC_GROUP 64 /* files whose writing out is begun together */
#define SUBDIRS	   256
#define NAME_SIZE  24 /* "xx/0123456789abcdef" */

struct node {
	uint64_t ino;
	int fd;
	unsigned refs;
	bool dead;
	bool dirty; /* in the dirty list */
	bool fresh; /* its directory entry may not be durable yet */
	int sync_error; /* what was written may be lost; for good */
	uint64_t bytes;
	struct node *prev, *next; /* in the idle list */
	struct node *next_dirty;
};

struct staging {
	int dir_fd;
	pthread_mutex_t lock;
	/* protected by lock, as is every node */
	struct map *nodes; /* ino -> node */
	struct node idle; /* ring; oldest at idle.next */
	unsigned open_count;
	struct node *dirty, **dirty_end; /* oldest first */
	int64_t used_bytes;
};

static void file_name(uint64_t ino, char *name)
{
	snprintf(name, NAME_SIZE, "%02x/%016" PRIx64, (unsigned)(ino & 0xff),
		 ino);
}

/* The inode number of a name as file_name() makes it. */
static bool parse_name(const char *name, unsigned subdir, uint64_t *ret_ino)
{
	uint64_t ino;
	char *end;

	if (strlen(name) != 16 || strspn(name, "0123456789abcdef") != 16)
		return false;
	ino = strtoull(name, &end, 16);
	if ((ino & 0xff) != subdir)
		return false;
	*ret_ino = ino;
	return true;
}

/* Nodes. All of these with the lock held. */

static void idle_add(struct staging *s, struct node *n)
{
	n->prev = s->idle.prev;
	n->next = &s->idle;
	n->prev->next = n;
	n->next->prev = n;
}

static void idle_del(struct node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
}

static void set_bytes(struct staging *s, struct node *n, uint64_t bytes)
{
	/* A dead file counts no more. */
	if (!n->dead)
		s->used_bytes += (int64_t)(bytes - n->bytes);
	n->bytes = bytes;
}

static void measure(struct staging *s, struct node *n)
{
	struct stat st;

	if (!fstat(n->fd, &st))
		set_bytes(s, n, (uint64_t)st.st_blocks * 512);
}

static void dirty_add(struct staging *s, struct node *n)
{
	if (n->dirty || n->dead)
		return;
	n->dirty = true;
	n->next_dirty = NULL;
	*s->dirty_end = n;
	s->dirty_end = &n->next_dirty;
}

static void dirty_del(struct staging *s, struct node *n)
{
	struct node **at = &s->dirty;

	if (!n->dirty)
		return;
	while (*at != n)
		at = &(*at)->next_dirty;
	*at = n->next_dirty;
	if (s->dirty_end == &n->next_dirty)
		s->dirty_end = at;
	n->dirty = false;
}

static void node_close(struct staging *s, struct node *n)
{
	char name[NAME_SIZE];
	struct stat st;

	if (n->fd < 0)
		return;
	close(n->fd);
	n->fd = -1;
	s->open_count--;
	file_name(n->ino, name);
	if (!n->dead && !fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		set_bytes(s, n, (uint64_t)st.st_blocks * 512);
}

static void node_forget(struct staging *s, struct node *n)
{
	map_del(s->nodes, &n->ino, sizeof(n->ino));
	free(n);
}

static void close_oldest(struct staging *s)
{
	while (s->open_count > MAX_OPEN && s->idle.next != &s->idle) {
		struct node *n = s->idle.next;

		idle_del(n);
		node_close(s, n);
		if (!n->dirty)
			node_forget(s, n);
	}
}

/*
 * Opens a node's file. A new node's file was counted when it was last closed,
 * or by the sweep; one that was kept (dirty) may have been allocated since.
 */
static int open_file(struct staging *s, struct node *n, bool create,
		     bool counted)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	char name[NAME_SIZE];
	struct stat st;

	file_name(n->ino, name);
	n->fd = openat(s->dir_fd, name, flags);
	if (n->fd < 0 && errno == ENOENT && create) {
		n->fd = openat(s->dir_fd, name, flags | O_CREAT | O_EXCL, 0600);
		n->fresh = true;
	}
	if (n->fd < 0)
		return -errno;
	s->open_count++;
	if (counted && !fstat(n->fd, &st))
		n->bytes = (uint64_t)st.st_blocks * 512;
	else
		measure(s, n);
	return 0;
}

/*
 * The node of an inode with its descriptor open, to be put back. Opening
 * happens under the lock: it is rare, local, and must not happen twice.
 */
static int node_get_locked(struct staging *s, uint64_t ino, bool create,
			   struct node **ret_node)
{
	struct node *n = map_get(s->nodes, &ino, sizeof(ino));
	bool made = false;
	int r = 0;

	if (!n) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return -ENOMEM;
		made = true;
		n->ino = ino;
		n->fd = -1;
		r = map_put(s->nodes, &ino, sizeof(ino), n);
		if (r) {
			free(n);
			return r;
		}
	}
	if (n->fd < 0) {
		r = open_file(s, n, create, made);
		if (r) {
			if (made)
				node_forget(s, n);
			return r;
		}
	} else if (!n->refs) {
		idle_del(n);
	}
	n->refs++;
	close_oldest(s);
	*ret_node = n;
	return 0;
}

static int node_get(struct staging *s, uint64_t ino, bool create,
		    struct node **ret_node)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = node_get_locked(s, ino, create, ret_node);
	pthread_mutex_unlock(&s->lock);
	return r;
}

static void node_put_locked(struct staging *s, struct node *n)
{
	if (--n->refs)
		return;
	if (n->dead) {
		node_close(s, n);
		free(n);
		return;
	}
	idle_add(s, n);
	close_oldest(s);
}

static void node_put(struct staging *s, struct node *n)
{
	pthread_mutex_lock(&s->lock);
	node_put_locked(s, n);
	pthread_mutex_unlock(&s->lock);
}

/* As node_put, after the file was changed, successfully or in part. */
static void node_put_changed(struct staging *s, struct node *n)
{
	pthread_mutex_lock(&s->lock);
	measure(s, n);
	dirty_add(s, n);
	node_put_locked(s, n);
	pthread_mutex_unlock(&s->lock);
}

/* The directory. */

/* Calls fn for each file; its result that is not 0 ends the walk. */
static int walk_subdir(struct staging *s, unsigned subdir,
		       int (*fn)(void *ctx, int dir_fd, const char *name,
				 uint64_t ino),
		       void *ctx)
{
	char name[3];
	struct dirent *e;
	uint64_t ino;
	DIR *d;
	int fd, r = 0;

	snprintf(name, sizeof(name), "%02x", subdir & 0xff);
	fd = openat(s->dir_fd, name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(fd);
	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	for (errno = 0; !r && (e = readdir(d)); errno = 0)
		if (parse_name(e->d_name, subdir, &ino))
			r = fn(ctx, fd, e->d_name, ino);
	if (!r && errno)
		r = -errno;
	closedir(d);
	return r;
}

static int add_bytes(void *ctx, int dir_fd, const char *name, uint64_t ino)
{
	struct staging *s = ctx;
	struct stat st;

	(void)ino;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	s->used_bytes += (int64_t)st.st_blocks * 512;
	return 0;
}

static int make_subdir(struct staging *s, unsigned subdir)
{
	char name[3];

	snprintf(name, sizeof(name), "%02x", subdir & 0xff);
	if (mkdirat(s->dir_fd, name, 0700) && errno != EEXIST)
		return -errno;
	return 0;
}

static int open_dir(struct staging *s, const char *dir)
{
	unsigned i;
	char *path;
	int r = 0;

	if (asprintf(&path, "%s/staging", dir) < 0)
		return -ENOMEM;
	if (mkdir(path, 0700) && errno != EEXIST)
		r = -errno;
	if (!r) {
		s->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
					       O_NOFOLLOW);
		if (s->dir_fd < 0)
			r = -errno;
	}
	free(path);
	for (i = 0; i < SUBDIRS && !r; i++) {
		r = make_subdir(s, i);
		if (!r)
			r = walk_subdir(s, i, add_bytes, s);
	}
	if (!r && fsync(s->dir_fd))
		r = -errno;
	return r;
}

int staging_open(const char *dir, struct staging **ret_staging)
{
	struct staging *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dir_fd = -1;
	s->idle.prev = s->idle.next = &s->idle;
	s->dirty_end = &s->dirty;
	pthread_mutex_init(&s->lock, NULL);
	r = map_new(&s->nodes);
	if (!r)
		r = open_dir(s, dir);
	if (r)
		staging_close(s);
	else
		*ret_staging = s;
	return r;
}

static void free_node(void *ctx, const void *key, size_t len, void *value)
{
	struct node *n = value;

	(void)ctx;
	(void)key;
	(void)len;
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}

void staging_close(struct staging *s)
{
	if (!s)
		return;
	if (s->nodes)
		map_each(s->nodes, free_node, NULL);
	map_free(s->nodes);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Reading and writing. */

int staging_write(struct staging *s, uint64_t ino, uint64_t offset,
		  const void *data, size_t len)
{
	const char *from = data;
	struct node *n;
	int r = node_get(s, ino, true, &n);

	if (r)
		return r;
	while (len && !r) {
		ssize_t done = pwrite(n->fd, from, len, (off_t)offset);

		if (done < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		from += done;
		offset += (uint64_t)done;
		len -= (size_t)done;
	}
	node_put_changed(s, n);
	return r;
}

int staging_read(struct staging *s, uint64_t ino, uint64_t offset, void *data,
		 size_t len)
{
	char *to = data;
	struct node *n;
	int r = node_get(s, ino, false, &n);

	if (r)
		return r;
	while (len && !r) {
		ssize_t done = pread(n->fd, to, len, (off_t)offset);

		if (done < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (!done) {
			memset(to, 0, len);
			break;
		}
		to += done;
		offset += (uint64_t)done;
		len -= (size_t)done;
	}
	node_put(s, n);
	return r;
}

int staging_truncate(struct staging *s, uint64_t ino, uint64_t size_bytes)
{
	struct node *n;
	struct stat st;
	int r = node_get(s, ino, false, &n);

	if (r)
		return r == -ENOENT ? 0 : r;
	if (fstat(n->fd, &st))
		r = -errno;
	else if ((uint64_t)st.st_size > size_bytes &&
		 ftruncate(n->fd, (off_t)size_bytes))
		r = -errno;
	node_put_changed(s, n);
	return r;
}

/* For file systems without holes. Nothing past the file's end is written. */
static int write_zeros(int fd, uint64_t offset, uint64_t length)
{
	static const char zeros[65536];
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (offset >= (uint64_t)st.st_size)
		return 0;
	if (length > (uint64_t)st.st_size - offset)
		length = (uint64_t)st.st_size - offset;
	while (length) {
		size_t len = length < sizeof(zeros) ? length : sizeof(zeros);
		ssize_t done = pwrite(fd, zeros, len, (off_t)offset);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			offset += (uint64_t)done;
			length -= (uint64_t)done;
		}
	}
	return 0;
}

int staging_punch(struct staging *s, uint64_t ino, uint64_t offset,
		  uint64_t length)
{
	struct node *n;
	int r;

	if (!length)
		return 0;
	r = node_get(s, ino, false, &n);
	if (r)
		return r == -ENOENT ? 0 : r;
	if (fallocate(n->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)offset, (off_t)length))
		r = errno == EOPNOTSUPP ? write_zeros(n->fd, offset, length)
					: -errno;
	node_put_changed(s, n);
	return r;
}

int staging_remove(struct staging *s, uint64_t ino)
{
	char name[NAME_SIZE];
	struct node *n;
	struct stat st;
	uint64_t bytes = 0;
	int r = 0;

	file_name(ino, name);
	pthread_mutex_lock(&s->lock);
	n = map_get(s->nodes, &ino, sizeof(ino));
	if (n)
		bytes = n->bytes;
	else if (!fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		bytes = (uint64_t)st.st_blocks * 512;
	if (unlinkat(s->dir_fd, name, 0) && errno != ENOENT) {
		r = -errno;
		goto out;
	}
	s->used_bytes -= (int64_t)bytes;
	if (!n)
		goto out;
	dirty_del(s, n);
	map_del(s->nodes, &ino, sizeof(ino));
	n->dead = true;
	if (n->refs)
		goto out;
	if (n->fd >= 0)
		idle_del(n);
	node_close(s, n);
	free(n);
out:
	pthread_mutex_unlock(&s->lock);
	return r;
}

bool staging_exists(struct staging *s, uint64_t ino)
{
	char name[NAME_SIZE];
	struct stat st;

	file_name(ino, name);
	return !fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW);
}

int staging_dup(struct staging *s, uint64_t ino, int *ret_fd)
{
	char name[NAME_SIZE];
	int fd;

	file_name(ino, name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Durability. */

static int sync_subdir(struct staging *s, unsigned subdir)
{
	char name[3];
	int fd, r = 0;

	snprintf(name, sizeof(name), "%02x", subdir & 0xff);
	fd = openat(s->dir_fd, name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

/* What is known before a sync of nodes: their errors, and which are fresh. */
static void read_nodes(struct staging *s, struct node **nodes, unsigned count,
		       int *ret, bool *ret_fresh)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < count; i++) {
		ret[i] = nodes[i]->sync_error;
		ret_fresh[i] = nodes[i]->fresh;
	}
	pthread_mutex_unlock(&s->lock);
}

static void set_error(struct staging *s, struct node *n, int error)
{
	pthread_mutex_lock(&s->lock);
	n->sync_error = error;
	pthread_mutex_unlock(&s->lock);
}

/* Ends the sync of a directory with new files. */
static void set_listed(struct staging *s, struct node **nodes, unsigned count,
		       unsigned subdir)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < count; i++)
		if ((nodes[i]->ino & 0xff) == subdir)
			nodes[i]->fresh = false;
	pthread_mutex_unlock(&s->lock);
}

/*
 * Makes the data of nodes in use durable, then their directory entries, each
 * directory once. ret[i] is how it went for nodes[i].
 *
 * The kernel reports a failed write once and takes the pages for clean from
 * then on, so a second fdatasync() would say that all is well. The first
 * error therefore stays with the node.
 */
static void sync_nodes(struct staging *s, struct node **nodes, unsigned count,
		       int *ret)
{
	int dir_results[SUBDIRS];
	bool done[SUBDIRS] = {false}, fresh[SYNC_GROUP];
	unsigned i;

	read_nodes(s, nodes, count, ret, fresh);
	for (i = 0; i < count; i++) {
		if (ret[i] || !fdatasync(nodes[i]->fd))
			continue;
		ret[i] = -errno;
		set_error(s, nodes[i], ret[i]);
	}
	for (i = 0; i < count; i++) {
		unsigned subdir = (unsigned)(nodes[i]->ino & 0xff);

		if (!fresh[i])
			continue;
		if (!done[subdir]) {
			done[subdir] = true;
			dir_results[subdir] = sync_subdir(s, subdir);
			if (!dir_results[subdir])
				set_listed(s, nodes, count, subdir);
		}
		if (!ret[i])
			ret[i] = dir_results[subdir];
	}
}

int staging_sync(struct staging *s, uint64_t ino)
{
	struct node *n;
	int r = node_get(s, ino, false, &n), ret;

	if (r)
		return r;
	sync_nodes(s, &n, 1, &ret);
	pthread_mutex_lock(&s->lock);
	measure(s, n);
	node_put_locked(s, n);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

/*
 * Takes up to SYNC_GROUP nodes off the dirty list, opened, and counts in
 * *left how many of this round remain. A node that cannot be opened stays,
 * but for a file that is gone: it would stay for ever.
 */
static unsigned take_dirty(struct staging *s, unsigned *left,
			   struct node **group, int *ret_error)
{
	unsigned count = 0;

	pthread_mutex_lock(&s->lock);
	while (s->dirty && *left && count < SYNC_GROUP) {
		struct node *n = s->dirty;
		int r;

		dirty_del(s, n);
		(*left)--;
		r = node_get_locked(s, n->ino, false, &group[count]);
		if (!r) {
			count++;
			continue;
		}
		if (r == -ENOENT) {
			log_error("staging file of inode %" PRIu64 " is gone",
				  n->ino);
			node_forget(s, n);
		} else {
			dirty_add(s, n);
		}
		if (!*ret_error)
			*ret_error = r;
	}
	pthread_mutex_unlock(&s->lock);
	return count;
}

int staging_sync_all(struct staging *s)
{
	struct node *group[SYNC_GROUP], *n;
	unsigned left = 0, count, i;
	int results[SYNC_GROUP], ret = 0;

	pthread_mutex_lock(&s->lock);
	for (n = s->dirty; n; n = n->next_dirty)
		left++;
	pthread_mutex_unlock(&s->lock);
	while (left && (count = take_dirty(s, &left, group, &ret))) {
		/* All on their way first: the waits overlap then. */
		for (i = 0; i < count; i++)
			sync_file_range(group[i]->fd, 0, 0,
					SYNC_FILE_RANGE_WRITE);
		sync_nodes(s, group, count, results);
		pthread_mutex_lock(&s->lock);
		for (i = 0; i < count; i++) {
			/* A removed file is no one's concern any more. */
			if (results[i] && !group[i]->dead) {
				dirty_add(s, group[i]);
				if (!ret)
					ret = results[i];
			}
			measure(s, group[i]);
			node_put_locked(s, group[i]);
		}
		pthread_mutex_unlock(&s->lock);
	}
	return ret;
}

struct each {
	int (*fn)(void *ctx, uint64_t ino);
	void *ctx;
};

static int call_each(void *ctx, int dir_fd, const char *name, uint64_t ino)
{
	struct each *each = ctx;

	(void)dir_fd;
	(void)name;
	return each->fn(each->ctx, ino);
}

int staging_each(struct staging *s, int (*fn)(void *ctx, uint64_t ino),
		 void *ctx)
{
	struct each each = {fn, ctx};
	unsigned i;
	int r = 0;

	for (i = 0; i < SUBDIRS && !r; i++)
		r = walk_subdir(s, i, call_each, &each);
	return r;
}

uint64_t staging_used_bytes(struct staging *s)
{
	int64_t bytes;

	pthread_mutex_lock(&s->lock);
	bytes = s->used_bytes;
	pthread_mutex_unlock(&s->lock);
	return bytes > 0 ? (uint64_t)bytes : 0;
}
