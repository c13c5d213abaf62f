/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns one size class: its environment and the records in it; see size_class.h.
 */
#include "size_class.h"

#include <endian.h>
#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vers3/util/log.h"
#include "vers3/util/sum.h"

#include "blockcheck.h"
#include "blockenv.h"
#include "lmdb_run.h"

#define TXN_DELETES 256 /* blocks taken away in one transaction */

/*
 * Stands before the bytes of a block; host byte order, as LMDB's own. Of one
 * that is nothing but zeros it is all there is, and the sum is of `zeros`.
 */
struct head {
	uint64_t sum;
	uint32_t size;
	uint32_t zeros; /* that the block is; then size is 0 */
};

static const char zeros[BLOCK_SIZE];

static const struct class
{
	const char *name;
	size_t max_bytes; /* at least this much fits */
} classes[SIZE_CLASS_COUNT] = {
	/* LMDB keeps a node on its page up to about half of 4 KiB. */
	{"tiny", 1984}, {"4k", 4096},	  {"16k", 16384},
	{"64k", 65536}, {"256k", 262144}, {"1m", BLOCK_SIZE},
};

struct size_class {
	char *path; /* owned */
	size_t value_bytes; /* of a record; 0 in the class without padding */
	size_t capacity; /* of a block */
	size_t page_bytes;
	uint64_t map_bytes; /* the writer's */
	MDB_txn *txn; /* the writer's open transaction, or NULL */
	atomic_ullong count;
	pthread_mutex_t lock;
	struct blockenv *env; /* counted; changed by the writer under lock */
};

struct key_bytes {
	unsigned char bytes[SIZE_CLASS_KEY_SIZE];
};

static struct key_bytes key_encode(const struct blocks_key *key)
{
	struct key_bytes k;
	uint64_t number = htobe64(key->number);

	memcpy(k.bytes, key->id, BLOCK_ID_SIZE);
	memcpy(k.bytes + BLOCK_ID_SIZE, &number, sizeof(number));
	return k;
}

static MDB_val val(const void *data, size_t size)
{
	return (MDB_val){.mv_size = size, .mv_data = (void *)data};
}

static uint64_t stamp_decode(const MDB_val *v)
{
	uint64_t be;

	memcpy(&be, v->mv_data, sizeof(be));
	return be64toh(be);
}

/* Bytes of the pages that a padded value of the class fills. */
static size_t run_bytes(unsigned class)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = classes[class].max_bytes + sizeof(struct head) +
		       LMDB_PAGE_HEAD + page - 1;

	return bytes - bytes % page;
}

/* Bytes of a block that fit: in a padded one, up to its last page's end. */
static size_t capacity(unsigned class)
{
	if (class == 0)
		return classes[0].max_bytes;
	return run_bytes(class) - LMDB_PAGE_HEAD - sizeof(struct head);
}

unsigned size_class_of(size_t size)
{
	unsigned i;

	for (i = 0; i < SIZE_CLASS_COUNT - 1 && size > capacity(i); i++)
		;
	return i;
}

static int open_env(struct size_class *s)
{
	struct blockenv *env;
	int r = blockenv_open(s->path, s->map_bytes, &env);

	if (r == -EUCLEAN) {
		r = blockenv_unlink(s->path);
		if (!r)
			r = blockenv_open(s->path, s->map_bytes, &env);
	}
	if (r)
		return r;
	pthread_mutex_lock(&s->lock);
	s->env = env;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Sets the count from the transaction that is about to end well. */
static int read_count(struct size_class *s, MDB_txn *txn)
{
	MDB_stat st;
	int rc = mdb_stat(txn, s->env->block, &st);

	if (!rc)
		atomic_store(&s->count, st.ms_entries);
	return blockenv_errno(rc);
}

static int open_old(struct size_class *s, bool *ret_wiped)
{
	size_t min = s->value_bytes ? s->value_bytes : sizeof(struct head);
	size_t max = min + (s->value_bytes ? 0 : s->capacity);
	struct blockenv_reader *reader;
	int r;

	/* No file: what a kill left of its making goes. */
	if (access(s->path, F_OK))
		return errno == ENOENT ? blockenv_unlink(s->path) : -errno;
	r = blockcheck(s->path, s->map_bytes, min, max);
	if (!r)
		r = open_env(s);
	if (!r)
		r = blockenv_take(s->env, &reader);
	if (!r) {
		r = read_count(s, reader->txn);
		blockenv_give(reader);
	}
	if (!r)
		return 0;
	log_warning("block cache: %s is made anew: %s", s->path,
		    r == -EUCLEAN ? "it was damaged" : strerror(-r));
	*ret_wiped = true;
	size_class_wipe(s);
	return access(s->path, F_OK) ? 0 : -EUCLEAN;
}

static int class_path(const char *dir, unsigned class, char **ret_path)
{
	char *path;

	if (asprintf(&path, "%s/%s.mdb", dir, classes[class].name) < 0)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

int size_class_remove(const char *dir, unsigned class)
{
	char *path;
	int r = class_path(dir, class, &path);

	if (r)
		return r;
	r = blockenv_unlink(path);
	free(path);
	return r;
}

int size_class_new(const char *dir, unsigned class, uint64_t map_bytes,
		   struct size_class **ret_size_class, bool *ret_wiped)
{
	struct size_class *s = calloc(1, sizeof(*s));
	bool wiped = false;
	int r;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->map_bytes = map_bytes;
	s->capacity = capacity(class);
	s->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	if (class > 0)
		s->value_bytes = run_bytes(class) - LMDB_PAGE_HEAD;
	r = class_path(dir, class, &s->path);
	if (!r)
		r = open_old(s, &wiped);
	if (r) {
		size_class_free(s);
		return r;
	}
	*ret_size_class = s;
	*ret_wiped = wiped;
	return 0;
}

void size_class_free(struct size_class *s)
{
	if (!s)
		return;
	size_class_abort(s);
	blockenv_unref(s->env);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

/* -ENOENT while there is no environment, or none to be trusted. */
static int take_reader(struct size_class *s,
		       struct blockenv_reader **ret_reader)
{
	int r = -ENOENT;

	if (!atomic_load_explicit(&s->count, memory_order_relaxed))
		return r;
	pthread_mutex_lock(&s->lock);
	if (s->env && !atomic_load(&s->env->damaged))
		r = blockenv_take(s->env, ret_reader);
	pthread_mutex_unlock(&s->lock);
	return r;
}

/*
 * Brings a value into memory when a part of it is not: a page at a time, as
 * it would be touched, costs ten times as much. *ret_cold tells that it came
 * from the disk.
 */
static int warm_up(const struct size_class *s, const MDB_val *value,
		   bool *ret_cold)
{
	unsigned char resident[BLOCK_SIZE / 4096 + 2];
	uintptr_t from = (uintptr_t)value->mv_data;
	size_t lead = from % s->page_bytes, i, pages;
	void *start = (void *)(from - lead);

	pages = (lead + value->mv_size + s->page_bytes - 1) / s->page_bytes;
	if (pages > sizeof(resident) ||
	    mincore(start, pages * s->page_bytes, resident))
		return -EIO;
	for (i = 0; i < pages && resident[i] & 1; i++)
		;
	if (i == pages)
		return 0;
	madvise(start, pages * s->page_bytes, MADV_WILLNEED);
#ifdef MADV_POPULATE_READ
	/* Where a bad sector is an error code and not yet a SIGBUS. */
	if (madvise(start, pages * s->page_bytes, MADV_POPULATE_READ) &&
	    (errno == EFAULT || errno == EHWPOISON))
		return -EIO;
#endif
	*ret_cold = true;
	return 0;
}

static int verify(struct blockenv_reader *reader, const struct key_bytes *key,
		  const struct head *head, const void *data)
{
	const void *of = head->zeros ? &head->zeros : data;
	size_t size = head->zeros ? sizeof(head->zeros) : head->size;
	uint64_t sum;
	int r = 0;

	if (!reader->sum)
		r = sum_new(&reader->sum);
	if (!r)
		r = sum_compute(reader->sum, key->bytes, sizeof(key->bytes), of,
				size, &sum);
	if (r)
		return r;
	return sum == head->sum ? 0 : -EUCLEAN;
}

/* Finds and checks; the reader is still held in every case. */
static int find(struct size_class *s, struct blockenv_reader *reader,
		const struct blocks_key *key, bool known,
		struct blocks_hit *hit)
{
	struct key_bytes k = key_encode(key);
	MDB_val mkey = val(k.bytes, sizeof(k.bytes)), value;
	bool cold = false;
	struct head head;
	int r;

	r = blockenv_errno(
		mdb_get(reader->txn, reader->env->block, &mkey, &value));
	if (r)
		return r;
	if (value.mv_size < sizeof(head) ||
	    (s->value_bytes && value.mv_size != s->value_bytes))
		return -EUCLEAN;
	/* The smallest lie on the page just read to find them. */
	if (s->value_bytes && warm_up(s, &value, &cold))
		return -EUCLEAN;
	memcpy(&head, value.mv_data, sizeof(head));
	if (head.size > value.mv_size - sizeof(head) ||
	    head.size > s->capacity ||
	    (head.zeros && (head.size || head.zeros > sizeof(zeros))))
		return -EUCLEAN;
	hit->data =
		head.zeros ? zeros : (const char *)value.mv_data + sizeof(head);
	hit->size = head.zeros ? head.zeros : head.size;
	hit->txn = reader;
	return known && !cold ? 0 : verify(reader, &k, &head, hit->data);
}

int size_class_get(struct size_class *s, const struct blocks_key *key,
		   bool known, struct blocks_hit *ret_hit)
{
	struct blockenv_reader *reader;
	struct blocks_hit hit;
	int r = take_reader(s, &reader);

	if (r)
		return r;
	r = find(s, reader, key, known, &hit);
	if (r == -EUCLEAN)
		atomic_store(&reader->env->damaged, true);
	if (r)
		blockenv_give(reader);
	else
		*ret_hit = hit;
	return r;
}

void size_class_release(struct blocks_hit *hit)
{
	blockenv_give(hit->txn);
}

bool size_class_has(struct size_class *s, const struct blocks_key *key)
{
	struct key_bytes k = key_encode(key);
	MDB_val mkey = val(k.bytes, sizeof(k.bytes)), value;
	struct blockenv_reader *reader;
	int r = take_reader(s, &reader);

	if (r)
		return false;
	r = mdb_get(reader->txn, reader->env->stamp, &mkey, &value);
	blockenv_give(reader);
	return !r;
}

uint64_t size_class_count(const struct size_class *s)
{
	return atomic_load(&s->count);
}

bool size_class_damaged(struct size_class *s)
{
	return s->env && atomic_load(&s->env->damaged);
}

uint64_t size_class_block_bytes(const struct size_class *s)
{
	if (!s->value_bytes)
		return s->page_bytes;
	return s->value_bytes + LMDB_PAGE_HEAD;
}

uint64_t size_class_disk_bytes(const struct size_class *s)
{
	return s->env ? blockenv_disk_bytes(s->env) : 0;
}

void size_class_set_map(struct size_class *s, uint64_t map_bytes)
{
	s->map_bytes = map_bytes;
}

int size_class_begin(struct size_class *s)
{
	int r = 0;

	if (!s->env)
		r = open_env(s);
	if (!r)
		r = blockenv_errno(
			mdb_txn_begin(s->env->mdb, NULL, 0, &s->txn));
	return r;
}

int size_class_commit(struct size_class *s)
{
	int r = read_count(s, s->txn);

	if (r) {
		size_class_abort(s);
		return r;
	}
	r = blockenv_errno(mdb_txn_commit(s->txn));
	s->txn = NULL;
	return r;
}

void size_class_abort(struct size_class *s)
{
	if (s->txn)
		mdb_txn_abort(s->txn);
	s->txn = NULL;
}

/* Replaces the stamp of a key that has the old one (NULL: none). */
static int set_stamp(struct size_class *s, const struct key_bytes *k,
		     MDB_val *old, uint64_t stamp)
{
	uint64_t be = htobe64(stamp), old_be;
	MDB_val mkey = val(k->bytes, sizeof(k->bytes));
	MDB_val mstamp = val(&be, sizeof(be));
	int rc = 0;

	if (old) {
		/* A copy: LMDB moves what it points to while it changes. */
		memcpy(&old_be, old->mv_data, sizeof(old_be));
		*old = val(&old_be, sizeof(old_be));
		rc = mdb_del(s->txn, s->env->age, old, NULL);
	}
	if (!rc)
		rc = mdb_put(s->txn, s->env->stamp, &mkey, &mstamp, 0);
	if (!rc)
		rc = mdb_put(s->txn, s->env->age, &mstamp, &mkey, 0);
	/* A stamp without its age: the tables contradict each other. */
	return rc == MDB_NOTFOUND ? -EUCLEAN : blockenv_errno(rc);
}

int size_class_touch(struct size_class *s, const struct blocks_key *key,
		     uint64_t stamp)
{
	struct key_bytes k = key_encode(key);
	MDB_val mkey = val(k.bytes, sizeof(k.bytes)), old;
	int r = blockenv_errno(mdb_get(s->txn, s->env->stamp, &mkey, &old));

	if (r)
		return r;
	if (old.mv_size != SIZE_CLASS_STAMP_SIZE)
		return -EUCLEAN;
	return set_stamp(s, &k, &old, stamp);
}

int size_class_put(struct size_class *s, struct sum *sum,
		   const struct blocks_key *key, const void *data, size_t size,
		   uint64_t stamp)
{
	struct key_bytes k = key_encode(key);
	MDB_val mkey = val(k.bytes, sizeof(k.bytes)), value;
	struct head head = {.size = data ? (uint32_t)size : 0,
			    .zeros = data ? 0 : (uint32_t)size};
	size_t used = sizeof(head) + head.size;
	int fd, r = size_class_touch(s, key, stamp);
	char *at;

	if (r != -ENOENT)
		return r;
	r = sum_compute(sum, k.bytes, sizeof(k.bytes),
			data ? data : &head.zeros,
			data ? size : sizeof(head.zeros), &head.sum);
	if (r)
		return r;
	value = val(NULL, s->value_bytes ? s->value_bytes : used);
	r = blockenv_errno(mdb_put(s->txn, s->env->block, &mkey, &value,
				   MDB_RESERVE | MDB_NOOVERWRITE));
	if (r)
		return r;
	at = value.mv_data;
	memcpy(at, &head, sizeof(head));
	if (head.size)
		memcpy(at + sizeof(head), data, head.size);
	memset(at + used, 0, value.mv_size - used);
	if (s->value_bytes && !mdb_env_get_fd(s->env->mdb, &fd))
		lmdb_run_cut(fd, &value, s->page_bytes);
	return set_stamp(s, &k, NULL, stamp);
}

static int edge_stamp(struct size_class *s, MDB_cursor_op edge,
		      uint64_t *ret_stamp)
{
	struct blockenv_reader *reader;
	MDB_cursor *cursor = NULL;
	MDB_val stamp, key;
	int r = take_reader(s, &reader);

	if (r)
		return r;
	r = blockenv_errno(
		mdb_cursor_open(reader->txn, reader->env->age, &cursor));
	if (!r)
		r = blockenv_errno(mdb_cursor_get(cursor, &stamp, &key, edge));
	if (!r && stamp.mv_size != SIZE_CLASS_STAMP_SIZE)
		r = -EUCLEAN;
	if (!r)
		*ret_stamp = stamp_decode(&stamp);
	mdb_cursor_close(cursor);
	blockenv_give(reader);
	return r;
}

int size_class_oldest(struct size_class *s, uint64_t *ret_stamp)
{
	return edge_stamp(s, MDB_FIRST, ret_stamp);
}

int size_class_newest(struct size_class *s, uint64_t *ret_stamp)
{
	return edge_stamp(s, MDB_LAST, ret_stamp);
}

/* Deletes a record and its two entries of age; both must be there. */
static int record_delete(struct size_class *s, const MDB_val *key,
			 const MDB_val *stamp)
{
	unsigned char k[SIZE_CLASS_KEY_SIZE], t[SIZE_CLASS_STAMP_SIZE];
	MDB_val mkey = val(k, sizeof(k)), mstamp = val(t, sizeof(t)), value;
	int rc;

	if (key->mv_size != sizeof(k) || stamp->mv_size != sizeof(t))
		return -EUCLEAN;
	memcpy(k, key->mv_data, sizeof(k));
	memcpy(t, stamp->mv_data, sizeof(t));
	rc = mdb_get(s->txn, s->env->block, &mkey, &value);
	if (!rc && s->value_bytes &&
	    !lmdb_run_is_whole(&value, s->value_bytes, s->page_bytes))
		return -EUCLEAN;
	if (!rc)
		rc = mdb_del(s->txn, s->env->block, &mkey, NULL);
	if (!rc)
		rc = mdb_del(s->txn, s->env->stamp, &mkey, NULL);
	if (!rc)
		rc = mdb_del(s->txn, s->env->age, &mstamp, NULL);
	return rc == MDB_NOTFOUND ? -EUCLEAN : blockenv_errno(rc);
}

/* One transaction's worth of eviction; loss is counted when it is committed. */
static int evict_some(struct size_class *s, uint64_t until_stamp,
		      uint64_t bytes, struct size_class_loss *loss)
{
	MDB_cursor *cursor = NULL;
	MDB_val stamp, key;
	int r = blockenv_errno(mdb_cursor_open(s->txn, s->env->age, &cursor));

	while (!r && loss->bytes < bytes && loss->blocks < TXN_DELETES) {
		r = blockenv_errno(
			mdb_cursor_get(cursor, &stamp, &key, MDB_FIRST));
		if (r == -ENOENT) {
			r = 0;
			break;
		}
		if (!r && stamp.mv_size != SIZE_CLASS_STAMP_SIZE)
			r = -EUCLEAN;
		if (!r && stamp_decode(&stamp) > until_stamp)
			break;
		if (!r)
			r = record_delete(s, &key, &stamp);
		loss->blocks++;
		/* Two of the smallest lie on a page, of any size up to half. */
		loss->bytes +=
			size_class_block_bytes(s) / (s->value_bytes ? 1 : 2);
	}
	mdb_cursor_close(cursor);
	return r;
}

/* Ends a transaction well or not, by the result so far. */
static int finish(struct size_class *s, int r)
{
	if (!r)
		return size_class_commit(s);
	size_class_abort(s);
	return r;
}

int size_class_evict(struct size_class *s, uint64_t until_stamp, uint64_t bytes,
		     struct size_class_loss *loss)
{
	struct size_class_loss here = {0};
	int r = size_class_begin(s);

	if (!r)
		r = finish(s, evict_some(s, until_stamp, bytes, &here));
	if (!r) {
		loss->blocks += here.blocks;
		loss->bytes += here.bytes;
	}
	return r;
}

static int drop_some(struct size_class *s, const unsigned char *id,
		     bool *ret_more)
{
	unsigned char from[SIZE_CLASS_KEY_SIZE] = {0};
	MDB_val key, stamp;
	MDB_cursor *cursor = NULL;
	unsigned n;
	int r;

	memcpy(from, id, BLOCK_ID_SIZE);
	r = blockenv_errno(mdb_cursor_open(s->txn, s->env->stamp, &cursor));
	*ret_more = true;
	for (n = 0; !r && n < TXN_DELETES; n++) {
		key = val(from, sizeof(from));
		r = blockenv_errno(
			mdb_cursor_get(cursor, &key, &stamp, MDB_SET_RANGE));
		if (r == -ENOENT ||
		    (!r && memcmp(key.mv_data, id, BLOCK_ID_SIZE) != 0)) {
			*ret_more = false;
			r = 0;
			break;
		}
		if (!r)
			r = record_delete(s, &key, &stamp);
	}
	mdb_cursor_close(cursor);
	return r;
}

int size_class_drop(struct size_class *s, const unsigned char *id)
{
	bool more = true;
	int r = 0;

	if (!s->env)
		return 0;
	while (!r && more) {
		r = size_class_begin(s);
		if (!r)
			r = finish(s, drop_some(s, id, &more));
	}
	return r;
}

void size_class_wipe(struct size_class *s)
{
	struct blockenv *env;
	int r;

	size_class_abort(s);
	pthread_mutex_lock(&s->lock);
	env = s->env;
	s->env = NULL;
	atomic_store(&s->count, 0);
	pthread_mutex_unlock(&s->lock);
	r = blockenv_unlink(s->path);
	if (r)
		log_error("block cache: cannot remove %s: %s", s->path,
			  strerror(-r));
	blockenv_unref(env);
}

int size_class_punch(struct size_class *s)
{
	return s->env ? blockenv_punch(s->env) : 0;
}

int size_class_sync(struct size_class *s)
{
	return s->env ? blockenv_sync(s->env) : 0;
}
