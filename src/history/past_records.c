/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of META_PAST, D being a hash of an instant and a directory's path,
 * W one of these and a walk's number:
 *
 *	D '0'        the directory's names are known: stamp, with the number
 *	W 'n' name   what stood there (filed.h); whether it is a directory, and
 *	             one that never had an object of its own
 *
 * The stamp comes last, so that names under a stamp are all of them.
 */
#include "past_records.h"

#include <errno.h>
#include <string.h>
#include <openssl/evp.h>

#include "filed.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "view_node.h"

#define HEAD_LEN    (PAST_HASH + 1)
#define KEY_MAX	    (HEAD_LEN + META_NAME_MAX)
#define RECORDS_MAX 500000
#define BATCH	    1000 /* records removed under one hold of the lock */
#define OVER_NS	    (10 * NS_PER_S) /* clocks may differ by so much */

struct pkey {
	unsigned char at[KEY_MAX];
	size_t len;
};

/* Removes all records, in any order: no stamp among them counts meanwhile. */
static int remove_all(struct view *view)
{
	unsigned char key[META_KEY_BUF];
	size_t len;
	int rc = 0;

	while (!rc) {
		rc = meta_lock(view->meta);
		if (rc)
			return rc;
		for (int i = 0; !rc && i < BATCH; i++) {
			rc = meta_seek(view->meta, META_PAST, "", 0, 0, false,
				       key, &len, NULL);
			if (!rc)
				rc = meta_del(view->meta, META_PAST, key, len);
		}
		meta_unlock(view->meta);
	}
	return rc == -ENOENT ? 0 : rc;
}

int past_records_init(struct view *view, struct past_records *r)
{
	atomic_init(&r->mark, (uint64_t)clock_real_ns());
	atomic_init(&r->walks, 0);
	atomic_init(&r->removing, false);
	pthread_mutex_init(&r->bounding, NULL);
	atomic_init(&r->max, RECORDS_MAX);
	return remove_all(view);
}

void past_records_release(struct past_records *r)
{
	pthread_mutex_destroy(&r->bounding);
}

void past_records_forget(struct past_records *r)
{
	atomic_fetch_add(&r->mark, 1);
}

static int count_records(struct view *view, uint64_t *ret_count)
{
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	*ret_count = meta_count(view->meta, META_PAST);
	meta_unlock(view->meta);
	return 0;
}

int past_records_bound(struct view *view, struct past_records *r)
{
	uint64_t records = 0;
	int rc = cancel_lock(&r->bounding);

	if (rc)
		return rc;
	rc = count_records(view, &records);
	if (!rc && records > atomic_load(&r->max)) {
		atomic_store(&r->removing, true);
		past_records_forget(r);
		rc = remove_all(view);
		/* Of what was filed meanwhile a part has gone, too. */
		past_records_forget(r);
		atomic_store(&r->removing, false);
	}
	pthread_mutex_unlock(&r->bounding);
	return rc;
}

uint64_t past_records_number(struct past_records *r)
{
	return atomic_fetch_add(&r->walks, 1) + 1;
}

void past_id_make(struct past_id *id, int64_t at_ns, const char *path,
		  uint64_t walk)
{
	char text[8 + 8 + META_KEY_MAX];
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned md_len = 0;
	size_t len = strlen(path);

	meta_be64(text, (uint64_t)at_ns);
	meta_be64(text + 8, walk);
	memcpy(text + 16, path, len);
	EVP_Digest(text, 16 + len, md, &md_len, EVP_sha256(), NULL);
	memcpy(id->at, md, PAST_HASH);
}

static void key_make(struct pkey *k, const struct past_id *id, char kind,
		     const char *name)
{
	size_t len = strlen(name);

	memcpy(k->at, id->at, PAST_HASH);
	k->at[PAST_HASH] = (unsigned char)kind;
	memcpy(k->at + HEAD_LEN, name, len);
	k->len = HEAD_LEN + len;
}

bool past_was_over(int64_t at_ns, int64_t asked_ns)
{
	return asked_ns > at_ns && asked_ns - at_ns > OVER_NS;
}

int past_put_entry(struct view *view, const struct past_id *id,
		   const char *name, const struct past_entry *e)
{
	const uint8_t marks[FILED_MARKS] = {e->dir, e->bare};
	char val[FILED_MAX];
	struct pkey k;

	key_make(&k, id, 'n', name);
	return meta_put(view->meta, META_PAST, k.at, k.len, val,
			filed_pack(&e->version, marks, val));
}

static int unpack(const struct meta_val *val, struct past_entry *ret)
{
	uint8_t marks[FILED_MARKS];
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = filed_unpack(val, &ret->version, marks);
	if (!rc) {
		ret->dir = marks[0];
		ret->bare = marks[1];
	}
	return rc;
}

int past_get_entry(struct view *view, const struct past_id *id,
		   const char *name, struct past_entry *ret)
{
	struct meta_val val;
	struct pkey k;
	int rc;

	key_make(&k, id, 'n', name);
	rc = meta_get(view->meta, META_PAST, k.at, k.len, &val);
	return rc ? rc : unpack(&val, ret);
}

int past_next_entry(struct view *view, const struct past_id *id,
		    const char *after, char *name, struct past_entry *ret)
{
	unsigned char at[META_KEY_BUF];
	struct meta_val val;
	struct pkey k;
	size_t len;
	int rc;

	key_make(&k, id, 'n', after);
	rc = meta_seek(view->meta, META_PAST, k.at, k.len, HEAD_LEN, *after, at,
		       &len, &val);
	if (!rc)
		rc = unpack(&val, ret);
	if (!rc && len - HEAD_LEN > META_NAME_MAX)
		rc = -EIO;
	if (!rc) {
		memcpy(name, at + HEAD_LEN, len - HEAD_LEN);
		name[len - HEAD_LEN] = '\0';
	}
	return rc;
}

/* What the stamp of a directory says, of whatever mount. */
static bool read_stamp(struct view *view, int64_t at_ns, const char *path,
		       struct pkey *k, struct past_stamp *ret)
{
	struct meta_val val;
	struct past_id id;

	past_id_make(&id, at_ns, path, 0);
	key_make(k, &id, '0', "");
	if (meta_get(view->meta, META_PAST, k->at, k->len, &val) ||
	    val.size != sizeof(*ret))
		return false;
	memcpy(ret, val.data, sizeof(*ret));
	return true;
}

int past_put_stamp(struct view *view, int64_t at_ns, const char *path,
		   const struct past_stamp *st, uint64_t *ret_old)
{
	struct past_stamp before;
	struct pkey k;

	*ret_old = 0;
	if (read_stamp(view, at_ns, path, &k, &before) &&
	    before.walk != st->walk)
		*ret_old = before.walk;
	return meta_put(view->meta, META_PAST, k.at, k.len, st, sizeof(*st));
}

/* With meta_lock() held: 0, and there may be more; -ENOENT. */
static int drop_some(struct view *view, const struct past_id *id)
{
	unsigned char key[META_KEY_BUF];
	size_t len;
	int rc = 0;

	for (int i = 0; !rc && i < BATCH; i++) {
		rc = meta_seek(view->meta, META_PAST, id->at, PAST_HASH,
			       PAST_HASH, false, key, &len, NULL);
		if (!rc)
			rc = meta_del(view->meta, META_PAST, key, len);
	}
	return rc;
}

void past_drop_names(struct view *view, int64_t at_ns, const char *path,
		     uint64_t walk)
{
	struct past_id id;
	int rc = 0;

	past_id_make(&id, at_ns, path, walk);
	while (walk && !rc && !meta_lock(view->meta)) {
		rc = drop_some(view, &id);
		meta_unlock(view->meta);
	}
}

bool past_has_other(struct view *view, int64_t at_ns, const char *path,
		    uint64_t walk)
{
	struct past_stamp st;
	struct pkey k;

	return read_stamp(view, at_ns, path, &k, &st) && st.walk != walk;
}

bool past_has_names(struct view *view, const struct past_records *r,
		    int64_t at_ns, const char *path, struct past_stamp *ret)
{
	struct pkey k;

	return !atomic_load(&r->removing) &&
	       read_stamp(view, at_ns, path, &k, ret) &&
	       ret->mark == atomic_load(&r->mark);
}

bool past_is_known(struct view *view, const struct past_records *r,
		   int64_t at_ns, const char *path, struct past_stamp *ret)
{
	int64_t age;

	if (!past_has_names(view, r, at_ns, path, ret))
		return false;
	age = mount_server_now_ns(view->mount) - ret->walked_ns;
	if (age < 0)
		return false;
	if (past_was_over(at_ns, ret->walked_ns))
		return age < PAST_KEEP_NS;
	return age < view->mount->config.ttl_ns &&
	       ret->saves == journal_saves(view->journal);
}
