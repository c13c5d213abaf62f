/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the bounded set of open descriptors; states in stagefile.h. */
#include "stagefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/util/map.h"

#define MAX_OPEN 256

void stagefile_name(uint64_t ino, char *name)
{
	snprintf(name, STAGEFILE_NAME_SIZE, "%02x/%016" PRIx64,
		 (unsigned)(ino & 0xff), ino);
}

bool stagefile_exists(struct staging *s, uint64_t ino)
{
	char name[STAGEFILE_NAME_SIZE];
	struct stagefile *f;
	struct stat st;

	pthread_mutex_lock(&s->lock);
	f = map_get(s->files, &ino, sizeof(ino));
	pthread_mutex_unlock(&s->lock);
	stagefile_name(ino, name);
	return f || !fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW);
}

static void set_bytes(struct staging *s, struct stagefile *f, uint64_t bytes)
{
	/* A dead file counts no more. */
	if (!f->dead)
		s->used_bytes += (int64_t)(bytes - f->bytes);
	f->bytes = bytes;
}

void stagefile_measure(struct staging *s, struct stagefile *f)
{
	struct stat st;

	if (!fstat(f->fd, &st))
		set_bytes(s, f, (uint64_t)st.st_blocks * 512);
}

void stagefile_mark(struct staging *s, struct stagefile *f)
{
	if (f->dirty || f->dead)
		return;
	f->dirty = true;
	TAILQ_INSERT_TAIL(&s->dirty, f, dirty_entry);
}

void stagefile_unmark(struct staging *s, struct stagefile *f)
{
	if (!f->dirty)
		return;
	TAILQ_REMOVE(&s->dirty, f, dirty_entry);
	f->dirty = false;
}

static void close_file(struct staging *s, struct stagefile *f)
{
	char name[STAGEFILE_NAME_SIZE];
	struct stat st;

	if (f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
	s->open_count--;
	stagefile_name(f->ino, name);
	if (!f->dead && !fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		set_bytes(s, f, (uint64_t)st.st_blocks * 512);
}

void stagefile_forget(struct staging *s, struct stagefile *f)
{
	map_del(s->files, &f->ino, sizeof(f->ino));
	free(f);
}

static void close_oldest(struct staging *s)
{
	struct stagefile *f;

	while (s->open_count > MAX_OPEN && (f = TAILQ_FIRST(&s->idle))) {
		TAILQ_REMOVE(&s->idle, f, idle_entry);
		close_file(s, f);
		if (!f->dirty)
			stagefile_forget(s, f);
	}
}

/*
 * Opens a file. One not known before was counted when it was last closed,
 * or by the sweep; one that was kept (dirty) may have been allocated since.
 */
static int open_file(struct staging *s, struct stagefile *f, bool create,
		     bool counted)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	char name[STAGEFILE_NAME_SIZE];
	struct stat st;

	stagefile_name(f->ino, name);
	f->fd = openat(s->dir_fd, name, flags);
	if (f->fd < 0 && errno == ENOENT && create) {
		f->fd = openat(s->dir_fd, name, flags | O_CREAT | O_EXCL, 0600);
		f->unlisted = true;
	}
	if (f->fd < 0)
		return -errno;
	s->open_count++;
	if (counted && !fstat(f->fd, &st))
		f->bytes = (uint64_t)st.st_blocks * 512;
	else
		stagefile_measure(s, f);
	return 0;
}

/* Opening happens under the lock: it is rare and must not happen twice. */
int stagefile_get_locked(struct staging *s, uint64_t ino, bool create,
			 struct stagefile **ret_file)
{
	struct stagefile *f = map_get(s->files, &ino, sizeof(ino));
	bool made = false;
	int r = 0;

	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return -ENOMEM;
		made = true;
		f->ino = ino;
		f->fd = -1;
		r = map_put(s->files, &ino, sizeof(ino), f);
		if (r) {
			free(f);
			return r;
		}
	}
	if (f->fd < 0) {
		r = open_file(s, f, create, made);
		if (r) {
			if (made)
				stagefile_forget(s, f);
			return r;
		}
	} else if (!f->refs) {
		TAILQ_REMOVE(&s->idle, f, idle_entry);
	}
	f->refs++;
	close_oldest(s);
	*ret_file = f;
	return 0;
}

int stagefile_get(struct staging *s, uint64_t ino, bool create,
		  struct stagefile **ret_file)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = stagefile_get_locked(s, ino, create, ret_file);
	pthread_mutex_unlock(&s->lock);
	return r;
}

void stagefile_put_locked(struct staging *s, struct stagefile *f)
{
	if (--f->refs)
		return;
	if (f->dead) {
		close_file(s, f);
		free(f);
		return;
	}
	TAILQ_INSERT_TAIL(&s->idle, f, idle_entry);
	close_oldest(s);
}

void stagefile_put(struct staging *s, struct stagefile *f)
{
	pthread_mutex_lock(&s->lock);
	stagefile_put_locked(s, f);
	pthread_mutex_unlock(&s->lock);
}

void stagefile_put_changed(struct staging *s, struct stagefile *f)
{
	pthread_mutex_lock(&s->lock);
	stagefile_measure(s, f);
	stagefile_mark(s, f);
	stagefile_put_locked(s, f);
	pthread_mutex_unlock(&s->lock);
}

void stagefile_kill(struct staging *s, struct stagefile *f)
{
	stagefile_unmark(s, f);
	map_del(s->files, &f->ino, sizeof(f->ino));
	f->dead = true;
	if (f->refs)
		return;
	if (f->fd >= 0)
		TAILQ_REMOVE(&s->idle, f, idle_entry);
	close_file(s, f);
	free(f);
}
