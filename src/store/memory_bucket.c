/* SPDX-License-Identifier: Apache-2.0 */
/* The data of the in-memory store. See memory_bucket.h for who locks. */
#include "memory_bucket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/hex.h"

#define MD5_SIZE 16

struct mem_blob *mem_blob_new(uint64_t size)
{
	struct mem_blob *b;

	if (size > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + (size_t)size);
	if (!b)
		return NULL;
	b->refs = 1;
	b->size = size;
	return b;
}

struct mem_blob *mem_blob_ref(struct mem_blob *b)
{
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
	return b;
}

void mem_blob_unref(struct mem_blob *b)
{
	if (b && !__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL))
		free(b);
}

int mem_blob_read(const struct store_body *body, struct mem_blob **ret_blob)
{
	struct mem_blob *b = mem_blob_new(body->length);
	uint64_t done = 0;

	if (!b)
		return -ENOMEM;
	if (body->mem || !body->length) {
		if (body->length)
			memcpy(b->data, body->mem, (size_t)body->length);
		*ret_blob = b;
		return 0;
	}
	while (done < body->length) {
		ssize_t n = pread(body->fd, b->data + done,
				  (size_t)(body->length - done),
				  (off_t)(body->offset + done));

		if (n <= 0) {
			int err = n < 0 ? -errno : -EIO;

			if (err == -EINTR)
				continue;
			mem_blob_unref(b);
			return err;
		}
		done += (uint64_t)n;
	}
	*ret_blob = b;
	return 0;
}

static int md5(const void *data, size_t len, unsigned char *digest)
{
	unsigned int size = MD5_SIZE;

	return EVP_Digest(data, len, digest, &size, EVP_md5(), NULL) == 1
		       ? 0
		       : -EIO;
}

int mem_blob_etag(const struct mem_blob *b, char *etag)
{
	unsigned char digest[MD5_SIZE];
	int err = md5(b->data, (size_t)b->size, digest);

	if (!err)
		hex_write(digest, MD5_SIZE, etag);
	return err;
}

int mem_parts_etag(const struct mem_part *const *parts, size_t count,
		   char *etag)
{
	unsigned char *all = malloc(count * MD5_SIZE);
	unsigned char digest[MD5_SIZE];
	int err = all ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < count; i++)
		err = md5(parts[i]->blob->data, (size_t)parts[i]->blob->size,
			  all + i * MD5_SIZE);
	if (!err)
		err = md5(all, count * MD5_SIZE, digest);
	free(all);
	if (err)
		return err;
	hex_write(digest, MD5_SIZE, etag);
	snprintf(etag + 2 * MD5_SIZE, MEM_ETAG_SIZE - 2 * MD5_SIZE, "-%zu",
		 count);
	return 0;
}

struct mem_version *mem_version_new(void)
{
	struct mem_version *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	kvlist_init(&v->meta);
	kvlist_init(&v->headers);
	v->modified_ns = clock_real_ns() / NS_PER_MS * NS_PER_MS;
	return v;
}

void mem_version_free(struct mem_version *v)
{
	if (!v)
		return;
	mem_blob_unref(v->blob);
	kvlist_release(&v->meta);
	kvlist_release(&v->headers);
	free(v->tagging);
	free(v);
}

size_t mem_key_index(const struct memory_store *ms, const char *name)
{
	size_t low = 0, high = ms->key_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(ms->keys[mid]->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct mem_key *mem_key_find(const struct memory_store *ms, const char *name)
{
	size_t i = mem_key_index(ms, name);

	if (i < ms->key_count && !strcmp(ms->keys[i]->name, name))
		return ms->keys[i];
	return NULL;
}

struct mem_version *mem_key_current(const struct mem_key *k)
{
	if (!k || k->versions[0]->marker)
		return NULL;
	return k->versions[0];
}

struct mem_version *mem_key_version(const struct mem_key *k, const char *id)
{
	for (size_t i = 0; k && i < k->count; i++)
		if (!strcmp(k->versions[i]->id, id))
			return k->versions[i];
	return NULL;
}

static void key_free(struct mem_key *k)
{
	free(k->name);
	free(k->versions);
	free(k);
}

/* A key without a version, in its place among the keys. */
static struct mem_key *key_insert(struct memory_store *ms, const char *name)
{
	size_t i = mem_key_index(ms, name);
	struct mem_key *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->name = strdup(name);
	if (!k->name || array_room(ms->keys, ms->key_count, ms->key_size)) {
		key_free(k);
		return NULL;
	}
	memmove(ms->keys + i + 1, ms->keys + i,
		(ms->key_count - i) * sizeof(struct mem_key *));
	ms->keys[i] = k;
	ms->key_count++;
	return k;
}

int mem_key_push(struct memory_store *ms, const char *name,
		 struct mem_version *v)
{
	struct mem_key *k = mem_key_find(ms, name);
	struct mem_version *old;
	bool made = !k;

	if (!k)
		k = key_insert(ms, name);
	if (!k) {
		mem_version_free(v);
		return -ENOMEM;
	}
	if (array_room(k->versions, k->count, k->size)) {
		if (made)
			mem_key_remove(ms, k, NULL);
		mem_version_free(v);
		return -ENOMEM;
	}
	v->seq = ++ms->seq;
	if (ms->versioning == MEM_ENABLED)
		mem_id_format(v->seq, v->id);
	else
		snprintf(v->id, sizeof(v->id), "null");
	old = ms->versioning == MEM_ENABLED ? NULL : mem_key_version(k, "null");
	memmove(k->versions + 1, k->versions,
		k->count * sizeof(struct mem_version *));
	k->versions[0] = v;
	k->count++;
	if (old)
		mem_key_remove(ms, k, old);
	return 0;
}

void mem_key_remove(struct memory_store *ms, struct mem_key *k,
		    struct mem_version *v)
{
	size_t i;

	for (i = 0; i < k->count; i++) {
		if (k->versions[i] != v)
			continue;
		/* Compared by address: a null id may be there twice. */
		memmove(k->versions + i, k->versions + i + 1,
			(k->count - i - 1) * sizeof(struct mem_version *));
		k->count--;
		mem_version_free(v);
		break;
	}
	if (k->count)
		return;
	i = mem_key_index(ms, k->name);
	memmove(ms->keys + i, ms->keys + i + 1,
		(ms->key_count - i - 1) * sizeof(struct mem_key *));
	ms->key_count--;
	key_free(k);
}

/* Any odd number and any mask: both are undone by mem_id_parse(). */
#define ID_MASK UINT64_C(0x5bd1e9955bd1e995)

static uint64_t scramble(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

void mem_id_format(uint64_t seq, char *id)
{
	uint64_t front = scramble(seq);

	/* The front half is what sorting and prefixes see. */
	snprintf(id, MEM_ID_SIZE, "%016" PRIx64 "%016" PRIx64, front,
		 seq ^ front ^ ID_MASK);
}

bool mem_id_parse(const char *id, uint64_t *ret_seq)
{
	uint64_t front, back;
	int end = 0;

	if (strlen(id) != 32 ||
	    sscanf(id, "%16" SCNx64 "%16" SCNx64 "%n", &front, &back, &end) !=
		    2 ||
	    end != 32 || scramble(back ^ front ^ ID_MASK) != front)
		return false;
	*ret_seq = back ^ front ^ ID_MASK;
	return true;
}

void mem_upload_free(struct mem_upload *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->part_count; i++)
		mem_blob_unref(u->parts[i].blob);
	free(u->parts);
	free(u->key);
	mem_version_free(u->draft);
	free(u);
}

int mem_fail(struct store_request *r, int err, int status, const char *code)
{
	r->reply.status = status;
	snprintf(r->reply.code, sizeof(r->reply.code), "%s", code);
	snprintf(r->reply.message, sizeof(r->reply.message), "%s", code);
	return err;
}

bool mem_is_cold(const struct mem_version *v)
{
	const char *class = kvlist_get(&v->headers, "x-amz-storage-class");

	return (class && (!strcmp(class, "GLACIER") ||
			  !strcmp(class, "DEEP_ARCHIVE"))) ||
	       kvlist_get(&v->headers, MEM_ARCHIVED);
}

bool mem_is_thawing(const struct mem_version *v)
{
	const char *restore = kvlist_get(&v->headers, MEM_RESTORE);

	return restore && !strcmp(restore, MEM_UNDER_WAY);
}

bool mem_is_archived(const struct mem_version *v)
{
	return mem_is_cold(v) &&
	       (mem_is_thawing(v) || !kvlist_get(&v->headers, MEM_RESTORE));
}
