/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dirty table: DIRTY has a record under the SHA-256 of its object key,
 * DUE has the same hash again under the time it is due. The two are always
 * changed together.
 */
#include "vers3/meta/dirty.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "vers3/meta/record.h"

#define HASH_SIZE 32
#define DUE_SIZE  (8 + HASH_SIZE)

static int hash_key(const char *key, unsigned char *ret_hash)
{
	size_t len = strnlen(key, META_KEY_MAX + 1);

	if (!len || len > META_KEY_MAX)
		return -EINVAL;
	if (!EVP_Digest(key, len, ret_hash, NULL, EVP_sha256(), NULL))
		return -EIO;
	return 0;
}

/* Times before 1970 sort first: the sign bit is turned over. */
static void due_key(unsigned char *ret, int64_t due_ns,
		    const unsigned char *hash)
{
	meta_be64(ret, (uint64_t)due_ns ^ UINT64_C(1) << 63);
	memcpy(ret + 8, hash, HASH_SIZE);
}

static int read_record(struct meta *m, const unsigned char *hash,
		       struct meta_dirty *ret)
{
	struct record_reader r;
	struct meta_val val;
	struct meta_dirty d;
	int rc;

	rc = meta_get(m, META_DIRTY, hash, HASH_SIZE, &val);
	if (rc)
		return rc;
	r = record_read(&val);
	record_get_str(&r, d.key, sizeof(d.key));
	record_get_version(&r, &d.known, d.key);
	d.since_ns = (int64_t)record_get_u64(&r);
	d.due_ns = (int64_t)record_get_u64(&r);
	d.seq = record_get_u64(&r);
	d.fails = record_get_u32(&r);
	d.error = (int32_t)record_get_u32(&r);
	record_get_str(&r, d.after, sizeof(d.after));
	d.unsure = record_get_u32(&r) != 0;
	record_get_str(&r, d.tried, sizeof(d.tried));
	rc = record_end(&r);
	if (!rc)
		*ret = d;
	return rc;
}

int meta_dirty_get(struct meta *m, const char *key, struct meta_dirty *ret)
{
	unsigned char hash[HASH_SIZE];
	struct meta_dirty d;
	int rc;

	rc = hash_key(key, hash);
	if (rc)
		return rc == -EINVAL ? -ENOENT : rc;
	rc = read_record(m, hash, &d);
	if (rc)
		return rc;
	if (strcmp(d.key, key))
		return -EIO;
	*ret = d;
	return 0;
}

/* Takes the record with this hash out of DUE, unless it is due at due_ns. */
static int forget_due(struct meta *m, const unsigned char *hash,
		      const int64_t *due_ns)
{
	unsigned char due[DUE_SIZE];
	struct meta_dirty old;
	int rc;

	rc = read_record(m, hash, &old);
	if (rc || (due_ns && old.due_ns == *due_ns))
		return rc;
	due_key(due, old.due_ns, hash);
	rc = meta_del(m, META_DUE, due, sizeof(due));
	return rc == -ENOENT ? -EIO : rc;
}

int meta_dirty_put(struct meta *m, const struct meta_dirty *d)
{
	unsigned char hash[HASH_SIZE], due[DUE_SIZE];
	struct record_writer w;
	int rc;

	w.len = 0;
	w.bad = false;
	record_put_str(&w, d->key, sizeof(d->key));
	record_put_version(&w, &d->known, d->key);
	record_put_u64(&w, (uint64_t)d->since_ns);
	record_put_u64(&w, (uint64_t)d->due_ns);
	record_put_u64(&w, d->seq);
	record_put_u32(&w, d->fails);
	record_put_u32(&w, (uint32_t)d->error);
	record_put_str(&w, d->after, sizeof(d->after));
	record_put_u32(&w, d->unsure);
	record_put_str(&w, d->tried, sizeof(d->tried));
	if (w.bad)
		return -EINVAL;
	rc = hash_key(d->key, hash);
	if (rc)
		return rc;
	rc = forget_due(m, hash, &d->due_ns);
	if (rc && rc != -ENOENT)
		return rc;
	due_key(due, d->due_ns, hash);
	rc = meta_put(m, META_DUE, due, sizeof(due), "", 0);
	if (rc)
		return rc;
	return meta_put(m, META_DIRTY, hash, sizeof(hash), w.data, w.len);
}

int meta_dirty_del(struct meta *m, const char *key)
{
	unsigned char hash[HASH_SIZE];
	int rc;

	rc = hash_key(key, hash);
	if (rc)
		return rc == -EINVAL ? -ENOENT : rc;
	rc = forget_due(m, hash, NULL);
	if (rc)
		return rc;
	return meta_del(m, META_DIRTY, hash, sizeof(hash));
}

int meta_dirty_next(struct meta *m, struct meta_dirty_cursor *cursor,
		    struct meta_dirty *ret)
{
	unsigned char due[META_KEY_BUF];
	size_t len;
	int rc;

	if (cursor->len > sizeof(cursor->at))
		return -EINVAL;
	rc = meta_seek(m, META_DUE, cursor->at, cursor->len, 0, true, due, &len,
		       NULL);
	if (rc)
		return rc;
	if (len != DUE_SIZE)
		return -EIO;
	rc = read_record(m, due + 8, ret);
	if (rc)
		return rc == -ENOENT ? -EIO : rc;
	memcpy(cursor->at, due, DUE_SIZE);
	cursor->len = DUE_SIZE;
	return 0;
}

uint64_t meta_dirty_count(struct meta *m)
{
	return meta_count(m, META_DIRTY);
}
