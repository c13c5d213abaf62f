/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dirty table: DIRTY has a record under the id of its object key, DUE has
 * the same id again under the time it is due. The two are always changed
 * together.
 *
 * The id is the key itself, so that what is marked in the order of keys (a
 * renamed directory) goes into neighbouring pages, and what is below a path
 * is found by one seek. Keys longer than LMDB's can be have the id
 *
 *	NUL, SHA-256 of the key
 *
 * which no key is equal to, and which sorts before all others.
 */
#include "vers3/meta/dirty.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "vers3/meta/record.h"

#define DUE_NS_SIZE 8
#define ID_MAX	    (META_TABLE_KEY_MAX - DUE_NS_SIZE)
#define HASH_SIZE   32
#define MARKERS_MAX 64 /* passed over by meta_dirty_file_below() */
#define DUE_MAX	    (DUE_NS_SIZE + ID_MAX)

struct id {
	unsigned char data[ID_MAX];
	size_t len;
};

static int id_of(const char *key, struct id *ret)
{
	size_t len = strnlen(key, META_KEY_MAX + 1);

	if (!len || len > META_KEY_MAX)
		return -EINVAL;
	if (len <= ID_MAX) {
		memcpy(ret->data, key, len);
		ret->len = len;
		return 0;
	}
	ret->data[0] = '\0';
	ret->len = 1 + HASH_SIZE;
	if (!EVP_Digest(key, len, ret->data + 1, NULL, EVP_sha256(), NULL))
		return -EIO;
	return 0;
}

/* Times before 1970 sort first: the sign bit is turned over. */
static size_t due_key(unsigned char *ret, int64_t due_ns, const struct id *id)
{
	meta_be64(ret, (uint64_t)due_ns ^ UINT64_C(1) << 63);
	memcpy(ret + DUE_NS_SIZE, id->data, id->len);
	return DUE_NS_SIZE + id->len;
}

static int decode(const struct meta_val *val, struct meta_dirty *ret)
{
	struct record_reader r = record_read(val);

	ret->due_ns = (int64_t)record_get_u64(&r);
	record_get_str(&r, ret->key, sizeof(ret->key));
	record_get_version(&r, &ret->known, ret->key);
	ret->since_ns = (int64_t)record_get_u64(&r);
	ret->seq = record_get_u64(&r);
	ret->fails = record_get_u32(&r);
	ret->error = (int32_t)record_get_u32(&r);
	record_get_str(&r, ret->depends_on, sizeof(ret->depends_on));
	record_get_str(&r, ret->tried, sizeof(ret->tried));
	return record_end(&r);
}

static int read_record(struct meta *m, const struct id *id,
		       struct meta_dirty *ret)
{
	struct meta_val val;
	int rc = meta_get(m, META_DIRTY, id->data, id->len, &val);

	return rc ? rc : decode(&val, ret);
}

int meta_dirty_get(struct meta *m, const char *key, struct meta_dirty *ret)
{
	struct meta_dirty dirty;
	struct id id;
	int rc;

	rc = id_of(key, &id);
	if (rc)
		return rc == -EINVAL ? -ENOENT : rc;
	rc = read_record(m, &id, &dirty);
	if (rc)
		return rc;
	if (strcmp(dirty.key, key))
		return -EIO;
	*ret = dirty;
	return 0;
}

int meta_dirty_due(struct meta *m, const char *key, int64_t *ret_due_ns)
{
	struct record_reader r;
	struct meta_val val;
	struct id id;
	int64_t due_ns;
	int rc = id_of(key, &id);

	if (rc)
		return rc == -EINVAL ? -ENOENT : rc;
	rc = meta_get(m, META_DIRTY, id.data, id.len, &val);
	if (rc)
		return rc;
	r = record_read(&val);
	due_ns = (int64_t)record_get_u64(&r);
	if (r.bad)
		return -EIO;
	*ret_due_ns = due_ns;
	return 0;
}

/* Takes the record with this id out of DUE, unless it is due at due_ns. */
static int forget_due(struct meta *m, const struct id *id,
		      const int64_t *due_ns)
{
	unsigned char due[DUE_MAX];
	struct record_reader r;
	struct meta_val val;
	int64_t old_ns;
	int rc;

	rc = meta_get(m, META_DIRTY, id->data, id->len, &val);
	if (rc)
		return rc;
	r = record_read(&val);
	old_ns = (int64_t)record_get_u64(&r);
	if (r.bad)
		return -EIO;
	if (due_ns && old_ns == *due_ns)
		return 0;
	rc = meta_del(m, META_DUE, due, due_key(due, old_ns, id));
	return rc == -ENOENT ? -EIO : rc;
}

/* The bytes of a record: what forget_due() needs comes first. */
static int encode(struct record_writer *w, const struct meta_dirty *dirty)
{
	w->len = 0;
	w->bad = false;
	record_put_u64(w, (uint64_t)dirty->due_ns);
	record_put_str(w, dirty->key, sizeof(dirty->key));
	record_put_version(w, &dirty->known, dirty->key);
	record_put_u64(w, (uint64_t)dirty->since_ns);
	record_put_u64(w, dirty->seq);
	record_put_u32(w, dirty->fails);
	record_put_u32(w, (uint32_t)dirty->error);
	record_put_str(w, dirty->depends_on, sizeof(dirty->depends_on));
	record_put_str(w, dirty->tried, sizeof(dirty->tried));
	return w->bad ? -EINVAL : 0;
}

static int put(struct meta *m, const struct meta_dirty *dirty, bool is_new)
{
	unsigned char due[DUE_MAX];
	struct record_writer w;
	struct id id;
	int rc = encode(&w, dirty);

	if (!rc)
		rc = id_of(dirty->key, &id);
	if (rc)
		return rc;
	rc = is_new ? 0 : forget_due(m, &id, &dirty->due_ns);
	if (rc && rc != -ENOENT)
		return rc;
	rc = meta_put(m, META_DUE, due, due_key(due, dirty->due_ns, &id), "",
		      0);
	if (rc)
		return rc;
	return meta_put(m, META_DIRTY, id.data, id.len, w.data, w.len);
}

int meta_dirty_put(struct meta *m, const struct meta_dirty *dirty)
{
	return put(m, dirty, false);
}

int meta_dirty_add(struct meta *m, const struct meta_dirty *dirty)
{
	return put(m, dirty, true);
}

int meta_dirty_del(struct meta *m, const char *key)
{
	struct id id;
	int rc;

	rc = id_of(key, &id);
	if (rc)
		return rc == -EINVAL ? -ENOENT : rc;
	rc = forget_due(m, &id, NULL);
	if (rc)
		return rc;
	return meta_del(m, META_DIRTY, id.data, id.len);
}

int meta_dirty_next(struct meta *m, struct meta_dirty_cursor *cursor,
		    struct meta_dirty *ret)
{
	unsigned char due[META_KEY_BUF];
	struct id id;
	size_t len;
	int rc;

	if (cursor->len > sizeof(cursor->at))
		return -EINVAL;
	rc = meta_seek(m, META_DUE, cursor->at, cursor->len, 0, true, due, &len,
		       NULL);
	if (rc)
		return rc;
	if (len <= DUE_NS_SIZE || len > DUE_MAX)
		return -EIO;
	id.len = len - DUE_NS_SIZE;
	memcpy(id.data, due + DUE_NS_SIZE, id.len);
	rc = read_record(m, &id, ret);
	if (rc)
		return rc == -ENOENT ? -EIO : rc;
	memcpy(cursor->at, due, len);
	cursor->len = (unsigned)len;
	return 0;
}

/* Whether a key with a hashed id is below prefix. There are few, if any. */
static int any_hashed_below(struct meta *m, const char *prefix, size_t len)
{
	unsigned char key[META_KEY_BUF] = {'\0'};
	size_t key_len = 1;
	struct meta_dirty dirty;
	struct meta_val val;
	int rc;

	while (!(rc = meta_seek(m, META_DIRTY, key, key_len, 1, true, key,
				&key_len, &val))) {
		rc = decode(&val, &dirty);
		if (rc)
			return rc;
		if (!strncmp(dirty.key, prefix, len))
			return 1;
	}
	return rc == -ENOENT ? 0 : rc;
}

int meta_dirty_any_below(struct meta *m, const char *prefix)
{
	size_t len = strlen(prefix);
	int rc;

	if (len <= ID_MAX) {
		rc = meta_seek(m, META_DIRTY, prefix, len, len, false, NULL,
			       NULL, NULL);
		if (rc != -ENOENT)
			return rc ? rc : 1;
	}
	return any_hashed_below(m, prefix, len);
}

int meta_dirty_file_below(struct meta *m, const char *prefix)
{
	unsigned char key[META_KEY_BUF];
	size_t len = strlen(prefix), key_len = len;
	int rc = -ENOENT;

	if (len > ID_MAX)
		return 0;
	memcpy(key, prefix, len);
	for (int i = 0; i < MARKERS_MAX; i++) {
		rc = meta_seek(m, META_DIRTY, key, key_len, len, i > 0, key,
			       &key_len, NULL);
		if (rc)
			break;
		if (key[key_len - 1] != '/')
			return 1;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* The same among keys whose ids are their own. */
static int own_from(struct meta *m, const char *from, bool behind,
		    const char *prefix, char *ret_key)
{
	size_t len = strlen(from), key_len, prefix_len = strlen(prefix);
	unsigned char key[META_KEY_BUF];
	int rc;

	if (prefix_len > ID_MAX)
		return -ENOENT;
	/* No such key is between a longer one and its beginning. */
	behind = behind || len > ID_MAX;
	key_len = len < ID_MAX ? len : ID_MAX;
	memcpy(key, from, key_len);
	/* Behind all hashed ones. */
	if (!key_len)
		key[key_len++] = '\1';
	rc = meta_seek(m, META_DIRTY, key, key_len, prefix_len, behind, key,
		       &key_len, NULL);
	if (rc)
		return rc;
	if (key_len > META_KEY_MAX)
		return -EIO;
	memcpy(ret_key, key, key_len);
	ret_key[key_len] = '\0';
	return 0;
}

/* There are few hashed ones, if any: all are looked at. */
static int hashed_from(struct meta *m, const char *from, bool behind,
		       const char *prefix, char *ret_key)
{
	unsigned char key[META_KEY_BUF] = {'\0'};
	struct meta_dirty dirty;
	struct meta_val val;
	size_t key_len = 1;
	bool found = false;
	int rc, order;

	while (!(rc = meta_seek(m, META_DIRTY, key, key_len, 1, true, key,
				&key_len, &val))) {
		rc = decode(&val, &dirty);
		if (rc)
			return rc;
		order = strcmp(dirty.key, from);
		if (order < 0 || (!order && behind) ||
		    strncmp(dirty.key, prefix, strlen(prefix)) != 0 ||
		    (found && strcmp(dirty.key, ret_key) >= 0))
			continue;
		strcpy(ret_key, dirty.key);
		found = true;
	}
	return rc == -ENOENT && found ? 0 : rc;
}

int meta_dirty_from(struct meta *m, const char *from, bool behind,
		    const char *prefix, char *ret_key)
{
	char own[META_KEY_MAX + 1], hashed[META_KEY_MAX + 1];
	int rc = own_from(m, from, behind, prefix, own), hashed_rc;

	if (rc && rc != -ENOENT)
		return rc;
	hashed_rc = hashed_from(m, from, behind, prefix, hashed);
	if (hashed_rc && hashed_rc != -ENOENT)
		return hashed_rc;
	if (rc && hashed_rc)
		return -ENOENT;
	strcpy(ret_key,
	       rc || (!hashed_rc && strcmp(hashed, own) < 0) ? hashed : own);
	return 0;
}

/* Where an ETag stands in such a list; NULL. */
static const char *tried_find(const char *tried, const char *etag)
{
	size_t len = strlen(etag);

	for (const char *at = tried; *at; at += strcspn(at, " ") + 1)
		if (strcspn(at, " ") == len && !strncasecmp(at, etag, len))
			return at;
	return NULL;
}

void meta_tried_add(char tried[META_TRIED_MAX + 1], const char *etag)
{
	size_t len, have = strlen(tried);

	if (!*etag || strchr(etag, ' ') || strlen(etag) > META_ETAG_MAX)
		etag = META_TRIED_UNKNOWN;
	if (tried_find(tried, etag))
		return;
	len = strlen(etag);
	while (have + len + 1 > META_TRIED_MAX) {
		size_t first = strcspn(tried, " ") + 1;

		memmove(tried, tried + first, have - first + 1);
		have -= first;
	}
	memcpy(tried + have, etag, len);
	strcpy(tried + have + len, " ");
}

bool meta_tried_has(const char *tried, const char *etag)
{
	return *etag && strcmp(etag, META_TRIED_UNKNOWN) != 0 &&
	       tried_find(tried, etag);
}

uint64_t meta_dirty_count(struct meta *m)
{
	return meta_count(m, META_DIRTY);
}
