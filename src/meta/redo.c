/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file: a head of HEAD_BYTES with text, then records, each written by one
 * pwrite(2) over those of earlier transactions.
 *
 *	magic, length of the changes, transaction, place in it, checksum
 *	changes: kind, table, length of key, length of value, key, value
 *
 * Between them stand heads alone: MAGIC_MARK, all records before this place
 * were durable with their data; MAGIC_VOID, the others are not wanted.
 *
 * Reading ends at the first record that is not the next one of the wanted
 * transaction, or that is not whole. Numbers are as this machine has them.
 */
#include "redo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/util/boot.h"
#include "vers3/util/buf.h"
#include "vers3/util/log.h"
#include "vers3/util/minmax.h"
#include "vers3/util/sum.h"

#define HEAD_BYTES   8192
#define MAGIC	     UINT32_C(0x72336f64)
#define MAGIC_MARK   UINT32_C(0x72336d6b)
#define MAGIC_VOID   UINT32_C(0x72337664)
#define RECORD_MAX   (UINT32_C(1) << 30)
#define KEPT_BYTES   (1 << 20) /* of the file, with real blocks */
#define MORE_BYTES   (4 << 20) /* where there is room for them */
#define SHRINK_BYTES (8 << 20) /* a file that grew beyond gives it back */
#define GATHER_KEPT  (1 << 20) /* a larger buffer is not kept */
#define BEGIN	     "vers3 redo 1\nboot "

struct head {
	uint32_t magic;
	uint32_t length; /* of the changes behind it */
	uint64_t txn;
	uint64_t index; /* of the record in its transaction; of a mark: how
			   many it speaks of */
	uint64_t sum; /* of what is above, and of the changes */
};

struct change {
	uint8_t del;
	uint8_t table;
	uint16_t key_len;
	uint32_t val_size;
};

struct redo {
	char *path; /* owned */
	char about[HEAD_BYTES]; /* this boot's head, padded with zeros */
	size_t whose; /* where in it the line begins that says so */
	struct sum *sum; /* owned */
	int fd; /* owned */
	bool can; /* this boot has an id */
	bool begun; /* the file has this head */
	bool unsynced; /* one has failed: the disk may lack any of it */
	bool spoilt; /* what is gathered is not all */
	uint64_t at; /* where the next record goes */
	uint64_t marked_at; /* where the last mark ends */
	uint64_t kept_bytes; /* of the file have blocks, if any have */
	uint64_t index; /* its number in the transaction */
	struct buf gathered; /* a head's room and changes; empty: none */
	atomic_bool whole;
};

static int make_about(struct redo *r, const char *layout, const char *whose)
{
	char boot[BOOT_ID_SIZE];
	int n;

	r->can = !boot_id(boot);
	n = snprintf(r->about, sizeof(r->about), BEGIN "%s\n%s\n%s\n", boot,
		     layout, whose);
	if (n < 0 || n >= (int)sizeof(r->about))
		return -ENAMETOOLONG;
	r->whose = (size_t)n - strlen(whose) - 1;
	return 0;
}

int redo_open(const char *path, const char *layout, const char *whose,
	      struct redo **ret_redo)
{
	struct redo *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->fd = -1;
	buf_init(&r->gathered, RECORD_MAX);
	atomic_init(&r->whole, false);
	rc = make_about(r, layout, whose);
	if (!rc)
		rc = sum_new(&r->sum);
	r->path = strdup(path);
	if (!rc && !r->path)
		rc = -ENOMEM;
	if (rc)
		goto out;
	r->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->fd < 0)
		rc = -errno;
out:
	if (rc)
		redo_close(r);
	else
		*ret_redo = r;
	return rc;
}

void redo_close(struct redo *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	buf_release(&r->gathered);
	sum_free(r->sum);
	free(r->path);
	free(r);
}

/* Reading. */

static int read_all(int fd, char *to, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pread(fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		to += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* Whether a head is this one, but for the boot that it names. */
static bool is_ours(const struct redo *r, const char *head)
{
	size_t skip = strlen(BEGIN);
	const char *theirs, *ours;

	if (head[HEAD_BYTES - 1] || memcmp(head, r->about, skip))
		return false;
	theirs = strchr(head + skip, '\n');
	ours = strchr(r->about + skip, '\n');
	return theirs && ours && !strcmp(theirs, ours);
}

static bool is_of_this_boot(const struct redo *r, const char *head)
{
	const char *end = strchr(r->about + strlen(BEGIN), '\n');

	return r->can && end && !strncmp(head, r->about, end + 1 - r->about);
}

/*
 * Whether it is of the same owner, in a layout that this vers3 does not know.
 * A newer one may have a head of another kind, too; its tables have another
 * format then.
 */
static bool is_foreign(const struct redo *r, const char *head)
{
	size_t skip = strlen(BEGIN), whose = strlen(r->about + r->whose), len;

	if (head[HEAD_BYTES - 1] || memcmp(head, r->about, skip))
		return false;
	len = strlen(head);
	return len > skip + whose && head[len - whose - 1] == '\n' &&
	       !strcmp(head + len - whose, r->about + r->whose);
}

/*
 * The whole file, for the caller to free; NULL for one that says nothing, or
 * is of others.
 */
static int read_log(struct redo *r, char **ret_data, size_t *ret_size,
		    bool *ret_foreign)
{
	char *data = NULL;
	struct stat st;
	size_t size;
	int rc;

	*ret_data = NULL;
	if (fstat(r->fd, &st))
		return -errno;
	if (st.st_size < HEAD_BYTES)
		return 0;
	size = (size_t)st.st_size;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	rc = read_all(r->fd, data, size, 0);
	*ret_foreign = !rc && !is_ours(r, data) && is_foreign(r, data);
	if (rc || !(is_ours(r, data) || *ret_foreign)) {
		free(data);
		return rc;
	}
	*ret_data = data;
	*ret_size = size;
	return 0;
}

static int sum_record(struct redo *r, const struct head *h, const void *changes,
		      uint64_t *ret_sum)
{
	return sum_compute(r->sum, h, offsetof(struct head, sum), changes,
			   h->length, ret_sum);
}

/* The next change; false at the end, or where there is none. */
static bool take_change(const char **at, const char *end, struct redo_op *op)
{
	size_t left = (size_t)(end - *at);
	struct change c;

	if (left < sizeof(c))
		return false;
	memcpy(&c, *at, sizeof(c));
	left -= sizeof(c);
	if (left < c.key_len || left - c.key_len < c.val_size)
		return false;
	op->del = c.del;
	op->table = c.table;
	op->key = *at + sizeof(c);
	op->key_len = c.key_len;
	op->val = *at + sizeof(c) + c.key_len;
	op->val_size = c.val_size;
	*at += sizeof(c) + c.key_len + c.val_size;
	return true;
}

static int replay_record(const char *changes, size_t length,
			 int (*fn)(void *ctx, const struct redo_op *op),
			 void *ctx)
{
	const char *end = changes + length;
	struct redo_op op;
	int rc = 0;

	while (!rc && take_change(&changes, end, &op))
		rc = fn(ctx, &op);
	return rc;
}

/* What a log has of a transaction. */
struct found {
	uint64_t records; /* that are whole */
	uint64_t marked; /* of these, which were durable with their data */
	bool is_void; /* the others are not wanted */
};

/*
 * Walks what a log has of transaction txn. Calls fn (unless it is NULL) with
 * the changes of the first `most` records.
 */
static int walk(struct redo *r, const char *data, size_t size, uint64_t txn,
		uint64_t most, int (*fn)(void *ctx, const struct redo_op *op),
		void *ctx, struct found *ret_found)
{
	struct found found = {0};
	size_t at = HEAD_BYTES;
	struct head h;
	uint64_t sum;
	int rc = 0;

	while (!rc && size - at >= sizeof(h)) {
		memcpy(&h, data + at, sizeof(h));
		at += sizeof(h);
		if (h.txn != txn || h.length > size - at ||
		    sum_record(r, &h, data + at, &sum) || sum != h.sum)
			break;
		if (h.magic == MAGIC_MARK && h.index <= found.records) {
			found.marked = h.index;
			continue;
		}
		if (h.magic == MAGIC_VOID)
			found.is_void = true;
		if (h.magic != MAGIC || h.index != found.records)
			break;
		if (fn && found.records < most)
			rc = replay_record(data + at, h.length, fn, ctx);
		at += h.length;
		found.records++;
	}
	*ret_found = found;
	return rc;
}

int redo_replay(struct redo *r, uint64_t txn,
		int (*fn)(void *ctx, const struct redo_op *op), void *ctx,
		uint64_t *ret_records)
{
	struct found found = {0};
	char *data = NULL;
	size_t size = 0;
	bool foreign = false;
	int rc = read_log(r, &data, &size, &foreign);

	if (!rc && data)
		rc = walk(r, data, size, txn, 0, NULL, NULL, &found);
	/*
	 * After a loss of power, records may be here whose data is not: only
	 * the marked ones count.
	 */
	if (!rc && data && (found.is_void || !is_of_this_boot(r, data)))
		found.records = found.marked;
	/* They would be lost: by who can read them they are not. */
	if (!rc && found.records && foreign)
		rc = -EPROTO;
	if (!rc && found.records)
		rc = walk(r, data, size, txn, found.records, fn, ctx,
			  &(struct found){0});
	free(data);
	if (!rc)
		*ret_records = found.records;
	return rc;
}

/* Writing. */

static int write_all(int fd, const char *from, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pwrite(fd, from, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		from += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/*
 * Real blocks for what is common between two commits, so that a full disk
 * does not get in the way; without them a record may meet one, which is seen
 * when it is written. They are written with zeros, and that is made durable:
 * what then comes over them changes nothing that the file system's journal has
 * to note, so a sync is of the blocks alone. (Blocks that were only taken are
 * noted as written after they were. Where the journal of ext4 ends for an error
 * in between, fdatasync(2) may have given 0, and they read as zeros.)
 */
static void keep_blocks(struct redo *r, uint64_t bytes)
{
	static const char zeros[64 << 10];
	uint64_t at = r->kept_bytes;

	if (fallocate(r->fd, 0, (off_t)at, (off_t)(bytes - at)) &&
	    errno != EOPNOTSUPP)
		return;
	for (; at < bytes; at += sizeof(zeros))
		if (write_all(r->fd, zeros, sizeof(zeros), at))
			return;
	if (!fdatasync(r->fd))
		r->kept_bytes = bytes;
}

/* The file of this boot, without records. */
static int begin(struct redo *r)
{
	if (!r->can)
		return -ENOENT;
	if (ftruncate(r->fd, 0))
		return -errno;
	r->kept_bytes = 0;
	r->unsynced = false;
	keep_blocks(r, KEPT_BYTES);
	return write_all(r->fd, r->about, HEAD_BYTES, 0);
}

void redo_begin(struct redo *r)
{
	int rc = begin(r);

	if (rc)
		log_warning("%s: %s: each change waits for the disk", r->path,
			    strerror(-rc));
	r->begun = !rc;
	redo_restart(r);
}

void redo_restart(struct redo *r)
{
	struct stat st;

	r->at = r->marked_at = HEAD_BYTES;
	r->index = 0;
	/* What a sync has failed for is not tried again: so the head, too. */
	if (!r->begun || r->unsynced)
		r->begun = !begin(r);
	/* All in it is durable in the tables. */
	else if (!fstat(r->fd, &st) && st.st_size > SHRINK_BYTES)
		(void)!ftruncate(r->fd,
				 (off_t)max_u64(r->kept_bytes, KEPT_BYTES));
	atomic_store(&r->whole, r->begun);
}

static void gather(struct redo *r, const struct change *c, const void *key,
		   const void *val)
{
	static const struct head none;
	int rc = 0;

	if (!atomic_load(&r->whole) || r->spoilt)
		return;
	if (!r->gathered.len)
		rc = buf_add(&r->gathered, &none, sizeof(none));
	if (!rc)
		rc = buf_add(&r->gathered, c, sizeof(*c));
	if (!rc)
		rc = buf_add(&r->gathered, key, c->key_len);
	if (!rc && c->val_size)
		rc = buf_add(&r->gathered, val, c->val_size);
	r->spoilt = rc;
}

void redo_put(struct redo *r, unsigned table, const void *key, size_t len,
	      const void *val, size_t size)
{
	struct change c = {.table = (uint8_t)table,
			   .key_len = (uint16_t)len,
			   .val_size = (uint32_t)size};

	if (size > RECORD_MAX)
		r->spoilt = true;
	else
		gather(r, &c, key, val);
}

void redo_del(struct redo *r, unsigned table, const void *key, size_t len)
{
	struct change c = {
		.del = true, .table = (uint8_t)table, .key_len = (uint16_t)len};

	gather(r, &c, key, NULL);
}

void redo_record(struct redo *r, uint64_t txn)
{
	struct head h = {.magic = MAGIC, .txn = txn, .index = r->index};
	size_t size = r->gathered.len;
	int rc = r->spoilt ? -ENOMEM : 0;

	/* Has a sync failed since the first change, the others are not here. */
	if (!atomic_load(&r->whole)) {
		redo_forget(r);
		return;
	}
	if (!size && !rc)
		return;
	if (!rc) {
		h.length = (uint32_t)(size - sizeof(h));
		rc = sum_record(r, &h, r->gathered.data + sizeof(h), &h.sum);
	}
	if (!rc) {
		memcpy(r->gathered.data, &h, sizeof(h));
		rc = write_all(r->fd, r->gathered.data, size, r->at);
	}
	redo_forget(r);
	if (rc) {
		log_debug("%s: %s", r->path, strerror(-rc));
		atomic_store(&r->whole, false);
		return;
	}
	r->at += size;
	r->index++;
}

void redo_forget(struct redo *r)
{
	r->spoilt = false;
	if (r->gathered.size > GATHER_KEPT)
		buf_release(&r->gathered);
	else
		buf_reset(&r->gathered);
}

/* Writes a head that stands alone. */
static int write_head(struct redo *r, struct head *h)
{
	int rc = sum_record(r, h, "", &h->sum);

	if (!rc)
		rc = write_all(r->fd, (const char *)h, sizeof(*h), r->at);
	if (!rc)
		r->at += sizeof(*h);
	return rc;
}

int redo_mark(struct redo *r, uint64_t txn, uint64_t records)
{
	struct head h = {.magic = MAGIC_MARK, .txn = txn, .index = records};
	int rc = write_head(r, &h);

	if (!rc)
		r->marked_at = r->at;
	return rc;
}

int redo_sync(struct redo *r)
{
	int rc = fdatasync(r->fd) ? -errno : 0;

	/* See keep_blocks(): one that begins after such an error fails. */
	if (!rc && r->marked_at > r->kept_bytes)
		rc = fdatasync(r->fd) ? -errno : 0;
	/* The kernel tells it once: the next sync would say all is well. */
	if (rc) {
		r->unsynced = true;
		atomic_store(&r->whole, false);
	}
	return rc;
}

void redo_void(struct redo *r, uint64_t txn)
{
	struct head h = {.magic = MAGIC_VOID, .txn = txn, .index = r->index};

	redo_forget(r);
	/* One that is not recorded cannot be replayed: so much for the rest. */
	atomic_store(&r->whole, false);
	if (r->begun && write_head(r, &h)) {
		r->begun = false;
		(void)!ftruncate(r->fd, (off_t)r->marked_at);
	}
}

bool redo_is_large(const struct redo *r, unsigned times)
{
	return r->at >= max_u64(r->kept_bytes, KEPT_BYTES) / 4 * 3 * times;
}

void redo_take_more(struct redo *r)
{
	if (r->begun && r->kept_bytes == KEPT_BYTES)
		keep_blocks(r, MORE_BYTES);
}

bool redo_is_whole(const struct redo *r)
{
	return atomic_load(&r->whole);
}

uint64_t redo_records(const struct redo *r)
{
	return r->index;
}
