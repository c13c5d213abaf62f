/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How what was staged becomes durable: of one inode, or all that was written;
 * in files of their own, and in the log.
 */
#include "vers3/cache/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "vers3/util/log.h"

#include "stagefile.h"
#include "stagelog.h"

#define SYNC_GROUP 64 /* files whose writing out is begun together */

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

/* What is known before a sync of files: their errors, and who is unlisted. */
static void read_files(struct staging *s, struct stagefile **files,
		       unsigned count, int *ret, bool *ret_unlisted)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < count; i++) {
		ret[i] = files[i]->sync_error;
		ret_unlisted[i] = files[i]->unlisted;
	}
	pthread_mutex_unlock(&s->lock);
}

static void set_error(struct staging *s, struct stagefile *f, int error)
{
	pthread_mutex_lock(&s->lock);
	f->sync_error = error;
	pthread_mutex_unlock(&s->lock);
}

/* Ends the sync of a directory with new files. */
static void set_listed(struct staging *s, struct stagefile **files,
		       unsigned count, unsigned subdir)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < count; i++)
		if ((files[i]->ino & 0xff) == subdir)
			files[i]->unlisted = false;
	pthread_mutex_unlock(&s->lock);
}

/*
 * Makes the data of files in use durable, then their directory entries, each
 * directory once. ret[i] is how it went for files[i].
 *
 * The kernel reports a failed write once and takes the pages for clean from
 * then on, so a second fdatasync() would say that all is well. The first
 * error therefore stays with the file.
 */
static void sync_files(struct staging *s, struct stagefile **files,
		       unsigned count, int *ret)
{
	int dir_results[STAGEFILE_SUBDIRS];
	bool done[STAGEFILE_SUBDIRS] = {false}, unlisted[SYNC_GROUP];
	unsigned i;

	read_files(s, files, count, ret, unlisted);
	for (i = 0; i < count; i++) {
		if (ret[i] || !fdatasync(files[i]->fd))
			continue;
		ret[i] = -errno;
		set_error(s, files[i], ret[i]);
	}
	for (i = 0; i < count; i++) {
		unsigned subdir = (unsigned)(files[i]->ino & 0xff);

		if (!unlisted[i])
			continue;
		if (!done[subdir]) {
			done[subdir] = true;
			dir_results[subdir] = sync_subdir(s, subdir);
			if (!dir_results[subdir])
				set_listed(s, files, count, subdir);
		}
		if (!ret[i])
			ret[i] = dir_results[subdir];
	}
}

static int sync_file(struct staging *s, uint64_t ino)
{
	struct stagefile *f;
	int r = stagefile_get(s, ino, false, &f), ret;

	if (r)
		return r;
	sync_files(s, &f, 1, &ret);
	pthread_mutex_lock(&s->lock);
	if (ret)
		stagefile_mark(s, f);
	stagefile_measure(s, f);
	stagefile_put_locked(s, f);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int staging_sync(struct staging *s, uint64_t ino)
{
	bool logged = stagelog_inode_bytes(s->log, ino) > 0;
	int in_log = logged ? stagelog_sync(s->log, ino) : 0;
	int r = sync_file(s, ino);

	if (r == -ENOENT && logged)
		r = 0;
	return in_log ? in_log : r;
}

/*
 * Takes up to SYNC_GROUP files off the dirty list, opened, and counts in
 * *left how many of this round remain. One that cannot be opened stays,
 * but for one that is gone: it would stay for ever.
 */
static unsigned take_dirty(struct staging *s, unsigned *left,
			   struct stagefile **group, int *ret_error)
{
	unsigned count = 0;

	pthread_mutex_lock(&s->lock);
	while (*left && count < SYNC_GROUP && !TAILQ_EMPTY(&s->dirty)) {
		struct stagefile *f = TAILQ_FIRST(&s->dirty);
		int r;

		stagefile_unmark(s, f);
		(*left)--;
		r = stagefile_get_locked(s, f->ino, false, &group[count]);
		if (!r) {
			count++;
			continue;
		}
		if (r == -ENOENT) {
			log_error("staging file of inode %" PRIu64 " is gone",
				  f->ino);
			s->used_bytes -= (int64_t)f->bytes;
			stagefile_forget(s, f);
		} else {
			stagefile_mark(s, f);
		}
		if (!*ret_error)
			*ret_error = r;
	}
	pthread_mutex_unlock(&s->lock);
	return count;
}

int staging_sync_all(struct staging *s)
{
	struct stagefile *group[SYNC_GROUP], *f;
	unsigned left = 0, count, i;
	int results[SYNC_GROUP], ret = stagelog_sync(s->log, 0);

	pthread_mutex_lock(&s->lock);
	TAILQ_FOREACH(f, &s->dirty, dirty_entry)
		left++;
	pthread_mutex_unlock(&s->lock);
	while (left && (count = take_dirty(s, &left, group, &ret))) {
		/* All on their way first: the waits overlap then. */
		for (i = 0; i < count; i++)
			sync_file_range(group[i]->fd, 0, 0,
					SYNC_FILE_RANGE_WRITE);
		sync_files(s, group, count, results);
		pthread_mutex_lock(&s->lock);
		for (i = 0; i < count; i++) {
			/* A removed file is no one's concern any more. */
			if (results[i] && !group[i]->dead) {
				stagefile_mark(s, group[i]);
				if (!ret)
					ret = results[i];
			}
			stagefile_measure(s, group[i]);
			stagefile_put_locked(s, group[i]);
		}
		pthread_mutex_unlock(&s->lock);
	}
	return ret;
}
