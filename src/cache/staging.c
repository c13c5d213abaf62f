/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns DIR/staging: its subdirectories, all made at once when it is opened so
 * that a new file needs no more than its own directory synced, what is done
 * with the files, and whose bytes go to the log (stagelog.c) instead. The
 * files' descriptors are kept by stagefile.c, their durability by stagesync.c.
 */
#include "vers3/cache/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/meta/extent.h"
#include "vers3/util/map.h"

#include "stagefile.h"
#include "stagelog.h"

/* The inode number of a name as stagefile_name() makes it. */
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
	for (i = 0; i < STAGEFILE_SUBDIRS && !r; i++) {
		r = make_subdir(s, i);
		if (!r)
			r = walk_subdir(s, i, add_bytes, s);
	}
	if (!r)
		r = stagelog_open(s->dir_fd, &s->log);
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
	TAILQ_INIT(&s->idle);
	TAILQ_INIT(&s->dirty);
	pthread_mutex_init(&s->lock, NULL);
	r = map_new(&s->files);
	if (!r)
		r = open_dir(s, dir);
	if (r)
		staging_close(s);
	else
		*ret_staging = s;
	return r;
}

static void free_file(void *ctx, const void *key, size_t len, void *value)
{
	struct stagefile *f = value;

	(void)ctx;
	(void)key;
	(void)len;
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

void staging_close(struct staging *s)
{
	if (!s)
		return;
	if (s->files)
		map_each(s->files, free_file, NULL);
	map_free(s->files);
	stagelog_close(s->log);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Reading and writing. */

int staging_append_own(struct staging *s, uint64_t ino, const void *data,
		       size_t len, uint64_t *ret_at)
{
	struct stagefile *f;
	struct stat st;
	int r = stagefile_get(s, ino, true, &f);

	if (r)
		return r;
	r = fstat(f->fd, &st) ? -errno : 0;
	if (!r)
		r = stagelog_write(f->fd, data, len, (uint64_t)st.st_size);
	if (!r)
		*ret_at = (uint64_t)st.st_size;
	stagefile_put_changed(s, f);
	return r;
}

int staging_append(struct staging *s, uint64_t ino, const void *data,
		   size_t len, uint64_t *ret_at)
{
	if (stagelog_fits(s->log, ino, len) && !stagefile_exists(s, ino))
		return stagelog_append(s->log, ino, data, len, ret_at);
	return staging_append_own(s, ino, data, len, ret_at);
}

bool staging_outgrows(struct staging *s, uint64_t ino, size_t len)
{
	return stagelog_inode_bytes(s->log, ino) &&
	       !stagelog_fits(s->log, ino, len) && !stagefile_exists(s, ino);
}

int staging_read(struct staging *s, uint64_t ino, uint64_t offset, void *data,
		 size_t len)
{
	char *to = data;
	struct stagefile *f;
	int r;

	if (meta_extent_in_log(offset))
		return stagelog_read(s->log, offset, data, len);
	r = stagefile_get(s, ino, false, &f);
	if (r)
		return r;
	while (len && !r) {
		ssize_t done = pread(f->fd, to, len, (off_t)offset);

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
	stagefile_put(s, f);
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
	struct stagefile *f;
	int r;

	if (!length)
		return 0;
	r = stagefile_get(s, ino, false, &f);
	if (r)
		return r == -ENOENT ? 0 : r;
	if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)offset, (off_t)length))
		r = errno == EOPNOTSUPP ? write_zeros(f->fd, offset, length)
					: -errno;
	stagefile_put_changed(s, f);
	return r;
}

int staging_remove(struct staging *s, uint64_t ino)
{
	char name[STAGEFILE_NAME_SIZE];
	struct stagefile *f;
	struct stat st;
	uint64_t bytes = 0;
	int r = 0;

	stagelog_release(s->log, ino);
	stagefile_name(ino, name);
	pthread_mutex_lock(&s->lock);
	f = map_get(s->files, &ino, sizeof(ino));
	if (f)
		bytes = f->bytes;
	else if (!fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		bytes = (uint64_t)st.st_blocks * 512;
	if (unlinkat(s->dir_fd, name, 0) && errno != ENOENT) {
		r = -errno;
		goto out;
	}
	s->used_bytes -= (int64_t)bytes;
	if (f)
		stagefile_kill(s, f);
out:
	pthread_mutex_unlock(&s->lock);
	return r;
}

static bool stat_file(struct staging *s, uint64_t ino, struct stat *st)
{
	char name[STAGEFILE_NAME_SIZE];

	stagefile_name(ino, name);
	return !fstatat(s->dir_fd, name, st, AT_SYMLINK_NOFOLLOW);
}

uint64_t staging_inode_bytes(struct staging *s, uint64_t ino)
{
	struct stat st;

	return stagelog_inode_bytes(s->log, ino) +
	       (stat_file(s, ino, &st) ? (uint64_t)st.st_blocks * 512 : 0);
}

int staging_dup(struct staging *s, uint64_t ino, uint64_t place, int *ret_fd,
		uint64_t *ret_offset)
{
	char name[STAGEFILE_NAME_SIZE];
	int fd;

	if (meta_extent_in_log(place))
		return stagelog_dup(s->log, place, ret_fd, ret_offset);
	stagefile_name(ino, name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	*ret_offset = place;
	return 0;
}

int staging_scratch(struct staging *s, int *ret_fd)
{
	int fd = openat(s->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int staging_scratch_write(int fd, uint64_t offset, const void *data, size_t len)
{
	return stagelog_write(fd, data, len, offset);
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

	for (i = 0; i < STAGEFILE_SUBDIRS && !r; i++)
		r = walk_subdir(s, i, call_each, &each);
	return r;
}

uint64_t staging_used_bytes(struct staging *s)
{
	int64_t bytes;

	pthread_mutex_lock(&s->lock);
	bytes = s->used_bytes;
	pthread_mutex_unlock(&s->lock);
	return (bytes > 0 ? (uint64_t)bytes : 0) + stagelog_used_bytes(s->log);
}

/* The log. */

int staging_claim(struct staging *s, uint64_t ino, uint64_t place,
		  uint64_t length)
{
	return stagelog_claim(s->log, ino, place, length);
}

void staging_begin(struct staging *s)
{
	stagelog_begin(s->log);
	stagelog_tidy(s->log, false);
}

void staging_leave_log(struct staging *s, uint64_t ino)
{
	stagelog_release(s->log, ino);
}

void staging_tidy(struct staging *s, bool hurried)
{
	stagelog_tidy(s->log, hurried);
}
