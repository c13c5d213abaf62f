/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns DIR/staging/log: its segments, and who has bytes in them. Room in it is
 * given back by stageroom.c.
 */
#include "stagelog.h"

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

#include "stagelog_impl.h"
#include "vers3/meta/extent.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/minmax.h"

#define LOG_DIR	   "log"
#define NUMBER_MAX ((UINT32_C(1) << 29) - 1) /* below META_HOLE_AT */
#define OPEN_MAX   64 /* descriptors kept of sealed segments */

static uint64_t place_of(const struct segment *g, uint32_t offset)
{
	return META_LOG_AT + ((uint64_t)g->number << 32) + offset;
}

static struct segment *find(struct stagelog *l, uint64_t place)
{
	uint32_t number = (uint32_t)((place - META_LOG_AT) >> 32);
	struct segment *g;

	TAILQ_FOREACH_REVERSE(g, &l->all, segments, entry)
	if (g->number == number)
		return g;
	return NULL;
}

void stagelog_seal(struct stagelog *l, struct segment *g)
{
	g->sealed = true;
	if (l->current == g)
		l->current = NULL;
}

/* Descriptors. */

void stagelog_name(uint32_t number, char *name)
{
	snprintf(name, STAGELOG_NAME_SIZE, "%08" PRIx32, number);
}

/* Without the lock, where no other can know of the segment. */
static int open_segment(const struct stagelog *l, uint32_t number, int flags)
{
	char name[STAGELOG_NAME_SIZE];
	int fd;

	stagelog_name(number, name);
	fd = openat(l->fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int stagelog_get(struct stagelog *l, struct segment *g)
{
	if (g->fd < 0) {
		int fd = open_segment(l, g->number, O_RDWR);

		if (fd < 0)
			return fd;
		g->fd = fd;
		l->open_count++;
	}
	g->refs++;
	return 0;
}

static void close_segment(struct stagelog *l, struct segment *g)
{
	if (g->fd < 0)
		return;
	close(g->fd);
	g->fd = -1;
	l->open_count--;
}

void stagelog_put(struct stagelog *l, struct segment *g)
{
	if (!--g->refs && g->sealed && g->synced == g->written &&
	    l->open_count > OPEN_MAX)
		close_segment(l, g);
}

void stagelog_free_segment(struct stagelog *l, struct segment *g)
{
	close_segment(l, g);
	stageclaims_release(&g->claims);
	free(g);
}

/* Life. */

static struct segment *add_segment(struct stagelog *l, uint32_t number)
{
	struct segment *g = calloc(1, sizeof(*g)), *before;

	if (!g)
		return NULL;
	g->number = number;
	g->fd = -1;
	g->punched_bytes = UINT64_MAX;
	TAILQ_FOREACH_REVERSE(before, &l->all, segments, entry)
	if (before->number < number)
		break;
	if (before)
		TAILQ_INSERT_AFTER(&l->all, before, g, entry);
	else
		TAILQ_INSERT_HEAD(&l->all, g, entry);
	l->next = (uint32_t)max_u64(l->next, number + UINT64_C(1));
	return g;
}

/* One of a mount before: nothing more is written to it. */
static int take_file(struct stagelog *l, const char *name)
{
	struct segment *g;
	struct stat st;
	uint64_t number;

	if (strlen(name) != STAGELOG_NAME_SIZE - 1 ||
	    strspn(name, "0123456789abcdef") != STAGELOG_NAME_SIZE - 1)
		return 0;
	number = strtoull(name, NULL, 16);
	if (number > NUMBER_MAX)
		return 0;
	if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	g = add_segment(l, (uint32_t)number);
	if (!g)
		return -ENOMEM;
	g->sealed = true;
	g->at = (uint32_t)min_u64((uint64_t)st.st_size, UINT32_MAX);
	g->held_bytes = (uint64_t)st.st_blocks * 512;
	return 0;
}

static int take_files(struct stagelog *l)
{
	int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct dirent *e;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	for (errno = 0; !r && (e = readdir(d)); errno = 0)
		r = take_file(l, e->d_name);
	if (!r && errno)
		r = -errno;
	closedir(d);
	return r;
}

int stagelog_open(int dir_fd, struct stagelog **ret_log)
{
	struct stagelog *l = calloc(1, sizeof(*l));
	int r = 0;

	if (!l)
		return -ENOMEM;
	l->fd = -1;
	TAILQ_INIT(&l->all);
	pthread_mutex_init(&l->lock, NULL);
	clock_cond_init(&l->synced);
	if (mkdirat(dir_fd, LOG_DIR, 0700) && errno != EEXIST)
		r = -errno;
	if (!r)
		l->fd = openat(dir_fd, LOG_DIR,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (!r && l->fd < 0)
		r = -errno;
	if (!r)
		r = take_files(l);
	if (r)
		stagelog_close(l);
	else
		*ret_log = l;
	return r;
}

void stagelog_close(struct stagelog *l)
{
	struct segment *g;

	if (!l)
		return;
	/* Nobody has bytes in it: see stagelog_release(). */
	if (l->begun && l->current && !l->current->claims.count)
		(void)!ftruncate(l->current->fd, 0);
	while ((g = TAILQ_FIRST(&l->all))) {
		TAILQ_REMOVE(&l->all, g, entry);
		stagelog_free_segment(l, g);
	}
	if (l->fd >= 0)
		close(l->fd);
	pthread_cond_destroy(&l->synced);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

int stagelog_claim(struct stagelog *l, uint64_t ino, uint64_t place,
		   uint64_t length)
{
	uint32_t offset = (uint32_t)place;
	struct segment *g;
	int r = -EIO;

	pthread_mutex_lock(&l->lock);
	g = find(l, place);
	if (g && length && length <= UINT32_MAX - offset)
		r = stageclaims_add(&g->claims, ino, offset, (uint32_t)length);
	pthread_mutex_unlock(&l->lock);
	return r;
}

void stagelog_begin(struct stagelog *l)
{
	pthread_mutex_lock(&l->lock);
	l->begun = true;
	pthread_mutex_unlock(&l->lock);
}

/* Reading and writing. */

bool stagelog_fits(struct stagelog *l, uint64_t ino, size_t len)
{
	uint64_t bytes = 0, count = 0;
	struct segment *g;
	bool fits;

	if (!len || len > STAGELOG_APPEND_MAX)
		return false;
	pthread_mutex_lock(&l->lock);
	fits = l->current || l->next <= NUMBER_MAX;
	TAILQ_FOREACH(g, &l->all, entry) {
		struct stageclaim *c = stageclaims_find(&g->claims, ino);

		bytes += c ? c->bytes : 0;
		count += c ? c->count : 0;
	}
	pthread_mutex_unlock(&l->lock);
	return fits && bytes + len <= STAGELOG_INODE_MAX &&
	       count < STAGELOG_APPENDS_MAX;
}

/* Makes the next segment the current one. It is listed at its first sync. */
static int begin_segment(struct stagelog *l)
{
	struct segment *g;
	int fd;

	if (l->next > NUMBER_MAX)
		return -ENOSPC;
	fd = open_segment(l, l->next, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	g = add_segment(l, l->next);
	if (!g) {
		close(fd);
		l->next++; /* the name is taken */
		return -ENOMEM;
	}
	g->fd = fd;
	g->unlisted = true;
	l->open_count++;
	l->current = g;
	return 0;
}

/* Takes room for the bytes, and claims it; *ret_segment is to be put back. */
static int reserve(struct stagelog *l, uint64_t ino, uint32_t len,
		   struct segment **ret_segment, uint32_t *ret_offset)
{
	struct segment *g = l->current;
	int r = 0;

	if (g && len > STAGELOG_SEGMENT_MAX - g->at) {
		stagelog_seal(l, g);
		g = NULL;
	}
	if (!g)
		r = begin_segment(l);
	if (r)
		return r;
	g = l->current;
	r = stageclaims_add(&g->claims, ino, g->at, len);
	if (r)
		return r;
	g->refs++;
	*ret_segment = g;
	*ret_offset = g->at;
	g->at += len;
	g->held_bytes += len;
	if (g->punched_bytes < UINT64_MAX)
		g->punched_bytes += len;
	return 0;
}

int stagelog_write(int fd, const char *from, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t done = pwrite(fd, from, len, (off_t)offset);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			from += done;
			offset += (uint64_t)done;
			len -= (size_t)done;
		}
	}
	return 0;
}

int stagelog_append(struct stagelog *l, uint64_t ino, const void *data,
		    size_t len, uint64_t *ret_at)
{
	struct segment *g;
	uint32_t offset;
	int r;

	if (!len || len > STAGELOG_APPEND_MAX)
		return -EINVAL;
	pthread_mutex_lock(&l->lock);
	r = reserve(l, ino, (uint32_t)len, &g, &offset);
	pthread_mutex_unlock(&l->lock);
	if (r)
		return r;
	r = stagelog_write(g->fd, data, len, offset);
	pthread_mutex_lock(&l->lock);
	/* After the write: a sync that sees it is certain to find the data. */
	if (!r)
		g->written++;
	else
		stageclaims_take_back(&g->claims, ino, (uint32_t)len);
	if (!r)
		*ret_at = place_of(g, offset);
	stagelog_put(l, g);
	pthread_mutex_unlock(&l->lock);
	return r;
}

static int read_all(int fd, char *to, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t done = pread(fd, to, len, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		/* What an extent speaks of was written before. */
		if (done <= 0)
			return done ? -errno : -EIO;
		to += done;
		offset += (uint64_t)done;
		len -= (size_t)done;
	}
	return 0;
}

int stagelog_read(struct stagelog *l, uint64_t place, void *data, size_t len)
{
	struct segment *g;
	int r;

	pthread_mutex_lock(&l->lock);
	g = find(l, place);
	r = g ? stagelog_get(l, g) : -ENOENT;
	pthread_mutex_unlock(&l->lock);
	/* Whoever reads has a claim. */
	if (r == -ENOENT) {
		log_error("a segment of the staging log is gone");
		return -EIO;
	}
	if (r)
		return r;
	r = read_all(g->fd, data, len, (uint32_t)place);
	pthread_mutex_lock(&l->lock);
	stagelog_put(l, g);
	pthread_mutex_unlock(&l->lock);
	return r;
}

int stagelog_dup(struct stagelog *l, uint64_t place, int *ret_fd,
		 uint64_t *ret_offset)
{
	int fd = open_segment(l, (uint32_t)((place - META_LOG_AT) >> 32),
			      O_RDONLY);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	*ret_offset = (uint32_t)place;
	return 0;
}

/* Durability. */

/*
 * One sync, for all who wait; with the lock held, but for the time of it. The
 * kernel reports a failed write once and takes the pages for clean then, so
 * the error stays. What is appended from now on has a page of its own: one
 * that is durable is not written again.
 */
static int sync_once(struct stagelog *l, struct segment *g)
{
	uint64_t seen = g->written;
	bool unlisted = g->unlisted;
	int data, dir = 0;

	g->syncing = true;
	if (!g->sealed)
		g->at = (g->at + STAGELOG_PAGE - 1) / STAGELOG_PAGE *
			STAGELOG_PAGE;
	pthread_mutex_unlock(&l->lock);
	data = fdatasync(g->fd) ? -errno : 0;
	if (!data && unlisted)
		dir = fsync(l->fd) ? -errno : 0;
	pthread_mutex_lock(&l->lock);
	g->syncing = false;
	if (data) {
		g->error = data;
		stagelog_seal(l, g);
	} else if (!dir) {
		g->unlisted = false;
		g->synced = seen;
	}
	pthread_cond_broadcast(&l->synced);
	return data ? data : dir;
}

/* With the lock held. */
static int sync_segment(struct stagelog *l, struct segment *g)
{
	uint64_t want = g->written;
	int r = stagelog_get(l, g);

	if (r)
		return r;
	while (!r && !g->error && g->synced < want)
		if (g->syncing)
			clock_cond_wait(&l->synced, &l->lock);
		else
			r = sync_once(l, g);
	r = g->error ? g->error : r;
	stagelog_put(l, g);
	return r;
}

int stagelog_sync(struct stagelog *l, uint64_t ino)
{
	struct segment *g;
	uint32_t end;
	int ret = 0;

	pthread_mutex_lock(&l->lock);
	end = l->next;
	TAILQ_FOREACH(g, &l->all, entry) {
		int r = 0;

		if (g->number >= end)
			break;
		/* What nobody claims is no one's concern any more. */
		if (ino ? !!stageclaims_find(&g->claims, ino)
			: g->claims.count > 0)
			if (g->error || g->synced < g->written) {
				/* Held, it stays in the list. */
				r = sync_segment(l, g);
			}
		ret = ret ? ret : r;
	}
	pthread_mutex_unlock(&l->lock);
	return ret;
}

/* Counting. */

uint64_t stagelog_inode_bytes(struct stagelog *l, uint64_t ino)
{
	uint64_t bytes = 0;
	struct segment *g;

	pthread_mutex_lock(&l->lock);
	TAILQ_FOREACH(g, &l->all, entry) {
		struct stageclaim *c = stageclaims_find(&g->claims, ino);

		bytes += c ? c->bytes : 0;
	}
	pthread_mutex_unlock(&l->lock);
	return bytes;
}

uint64_t stagelog_used_bytes(struct stagelog *l)
{
	uint64_t bytes = 0;
	struct segment *g;

	pthread_mutex_lock(&l->lock);
	TAILQ_FOREACH(g, &l->all, entry)
		bytes += g->claims.bytes;
	pthread_mutex_unlock(&l->lock);
	return bytes;
}
