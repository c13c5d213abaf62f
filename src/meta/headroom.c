/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far LMDB's file is lengthened, and given blocks, ahead of its use; and
 * the word in the log when the disk has no more.
 */
#include "headroom.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/util/log.h"

#define LENGTH_BYTES (UINT64_C(64) << 20) /* the file is longer than used */
#define BLOCKS_BYTES (UINT64_C(16) << 20) /* with blocks, of these */
#define BLOCKS_MOST  (UINT64_C(256) << 20) /* where that was too little */

struct headroom {
	int fd; /* borrowed */
	const char *path; /* borrowed */
	pthread_mutex_t mutex; /* protects both */
	uint64_t taken_bytes; /* all below has blocks */
	uint64_t blocks_bytes; /* ahead of what is used */
	atomic_bool is_short;
};

int headroom_new(int fd, const char *path, struct headroom **ret_headroom)
{
	struct headroom *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->fd = fd;
	h->path = path;
	h->blocks_bytes = BLOCKS_BYTES;
	pthread_mutex_init(&h->mutex, NULL);
	atomic_init(&h->is_short, false);
	*ret_headroom = h;
	return 0;
}

void headroom_free(struct headroom *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->mutex);
	free(h);
}

/*
 * LMDB leaves pages that a transaction took and gave back unwritten, so its
 * file may end before the last page it counts. Keeping the file well ahead
 * of that makes "shorter than it counts" mean damage (see check_length()).
 */
static void keep_length(struct headroom *h, uint64_t used_bytes)
{
	struct stat st;

	if (fstat(h->fd, &st) < 0 ||
	    (uint64_t)st.st_size >= used_bytes + LENGTH_BYTES / 2)
		return;
	if (ftruncate(h->fd, (off_t)(used_bytes + LENGTH_BYTES)) < 0)
		log_debug("%s: cannot grow the file ahead: %s", h->path,
			  strerror(errno));
}

/* Needs the mutex. */
static int keep_blocks(struct headroom *h, uint64_t used_bytes)
{
	uint64_t want = used_bytes + h->blocks_bytes, from = h->taken_bytes;

	if (from >= used_bytes + h->blocks_bytes / 2)
		return 0;
	if (fallocate(h->fd, FALLOC_FL_KEEP_SIZE, (off_t)from,
		      (off_t)(want - from))) {
		if (errno == ENOSPC || errno == EDQUOT)
			return -ENOSPC;
		/* No such call here: the commit meets what there is. */
		log_debug("%s: blocks cannot be taken ahead: %s", h->path,
			  strerror(errno));
	}
	h->taken_bytes = want;
	return 0;
}

static void set_short(struct headroom *h, bool is_short)
{
	if (atomic_exchange(&h->is_short, is_short) == is_short)
		return;
	if (is_short)
		log_error("%s: no room on this disk: changes are refused until "
			  "there is some",
			  h->path);
	else
		log_info("%s: there is room on this disk again", h->path);
}

int headroom_keep(struct headroom *h, uint64_t used_bytes)
{
	int rc;

	pthread_mutex_lock(&h->mutex);
	rc = keep_blocks(h, used_bytes);
	if (!rc)
		keep_length(h, used_bytes);
	set_short(h, rc);
	pthread_mutex_unlock(&h->mutex);
	return rc;
}

bool headroom_is_short(const struct headroom *h)
{
	return atomic_load(&h->is_short);
}

void headroom_set_short(struct headroom *h)
{
	pthread_mutex_lock(&h->mutex);
	/* What was there was not enough: more next time. */
	if (h->blocks_bytes < BLOCKS_MOST)
		h->blocks_bytes *= 2;
	set_short(h, true);
	pthread_mutex_unlock(&h->mutex);
}
