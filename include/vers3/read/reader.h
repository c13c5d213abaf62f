/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading immutable versions through the block cache.
 *
 * A read that misses is parked and answered when the fetch brings its
 * blocks: no thread sleeps on the network for it. All readers of a block
 * share one fetch. Sequential readers are fetched ahead for, and so are those
 * who go through small files in turn; the buffers of all fetches together are
 * bounded.
 *
 * Any thread, no lock held that a done() takes. Offsets and sizes in bytes. S3
 * API: GetObject.
 */
#ifndef VERS3_READ_READER_H
#define VERS3_READ_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vers3/cache/blocks.h"
#include "vers3/meta/inode.h"
#include "vers3/store/store.h"

#define READER_READ_MAX	 (UINT64_C(8) << 20) /* bytes of one reader_read() */
#define READER_WHOLE_MAX (UINT64_C(4) << 20) /* what comes whole */
#define READER_SMALL_MAX (UINT64_C(16) << 10) /* and with its attributes */

struct reader;

/* Of one open file, embedded in it; zeroed at open. Locked by the reader. */
struct reader_stream {
	uint64_t from; /* where he began who reads in sequence */
	uint64_t next; /* where he would go on */
	uint64_t window; /* bytes to fetch ahead */
	uint64_t frontier; /* fetched ahead up to here */
	uint64_t misses; /* jumps to where nothing was cached */
	/* Runs of blocks fetched around them: at once, the next, those left. */
	unsigned around;
	uint64_t around_next, around_left;
};

/* error 0 and the bytes, valid during the call only; or -errno. */
typedef void (*reader_done_fn)(void *arg, int error, const struct iovec *iov,
			       int count);

/*
 * prefix: what stands before a version's key in the bucket (meta_version
 * keys are below the mount's prefix). Borrows all. 0 or -errno.
 */
int reader_new(struct store *store, struct blocks *blocks, const char *prefix,
	       struct reader **ret_reader);
/* Waits for what is under way, which is answered. NULL is fine. */
void reader_free(struct reader *r);

/*
 * Reads [offset, offset + size) of a version, cut at its size; done() is
 * called exactly once, on this thread or another. stream may be NULL (a
 * single read); it is not touched any more once done() is called. A GET
 * names the version id and the ETag (If-Match): bytes of another version are
 * never given; then, or when it is gone, -ESTALE. size is READER_READ_MAX at
 * most, else -EINVAL. The version carries its content id
 * (version_set_content_id()), else -EIO.
 */
void reader_read(struct reader *r, const struct meta_version *version,
		 struct reader_stream *stream, uint64_t offset, size_t size,
		 reader_done_fn done, void *arg);
/*
 * The same, waiting, of any size: fills buf. 0 or -errno; a short read is
 * -EIO. Not from a done().
 */
int reader_read_sync(struct reader *r, const struct meta_version *version,
		     uint64_t offset, void *buf, size_t size);
/*
 * Reads on behalf of a cancel (cancel.h) that is set are answered with
 * -EINTR at once, whatever they wait for; what is fetched for them is kept.
 * Whoever sets a cancel calls this then.
 */
void reader_give_up(struct reader *r);
/*
 * Fetches a version of READER_WHOLE_MAX bytes at most, which somebody is likely
 * to read soon, unless it is cached. Whatever is waited for goes before it.
 * Returns at once: false when there is no room for such guesses now.
 */
bool reader_fetch_ahead(struct reader *r, const struct meta_version *version);
/*
 * Whether an object of that size, whose attributes are to be asked for, is to
 * be fetched instead: its content is about to be wanted, as small files are
 * being read, and there is room for it. True counts as one more; reader_keep()
 * is for what has come.
 */
bool reader_guesses_whole(struct reader *r, uint64_t size);
/*
 * Keeps the content of a version that came so: size bytes, which are all of it.
 * data is the caller's; the version carries its content id.
 */
void reader_keep(struct reader *r, const struct meta_version *version,
		 const void *data, size_t size);
/*
 * A range of a version will be read: begins to fetch what of it is not cached,
 * as far as there is room for reading ahead. Returns at once; the version
 * carries its content id, else nothing is done.
 */
void reader_expect(struct reader *r, const struct meta_version *version,
		   uint64_t offset, uint64_t size);
struct reader_stats {
	uint64_t gets; /* sent so far */
	uint64_t fetched_bytes; /* asked for by them */
	uint64_t failed_gets;
	uint64_t buffer_bytes; /* of all fetches, now */
	uint64_t buffer_peak_bytes;
	/* Files fetched before they were asked for: all, and how they fared. */
	uint64_t ahead_files, ahead_used, ahead_wasted;
	uint64_t ahead_wasted_bytes;
};
void reader_read_stats(struct reader *r, struct reader_stats *ret);

#endif
