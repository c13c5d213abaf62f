/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trial. Each step sends what must fail with 412 where the condition is
 * known, and looks whether it did:
 *
 *	GetObjectLockConfiguration	does the bucket retain? No more is tried
 *	PUT If-None-Match: *		the object is there now
 *	DELETE that version		allowed? If not, no more is tried
 *	PUT If-None-Match: * twice	the second: 412
 *	PUT If-Match: another ETag	412
 *	PUT If-Match: its ETag		200 (Ceph 16 always answers with 412)
 *	COPY If-Match: another ETag	412
 *	DELETE, ETag: another		412
 *	COPY of a tagged one		has it its tag yet?
 *	PUT, its checksum		200 (Backblaze refuses the header)
 *	PUT, another's checksum		400
 */
#include "vers3/core/caps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/rand.h>

#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/s3/endpoint.h"
#include "vers3/s3/sse.h"
#include "vers3/store/list.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define DAY_NS	     (INT64_C(24) * 3600 * NS_PER_S)
#define LIFE_NS	     DAY_NS
#define SYS_CAPS     "caps2" /* META_SYS: bits */
#define SYS_CAPS_AT  "caps2.at" /* when they were learnt, realtime */
#define SYS_SSE_CAPS "caps2.sse" /* where the store is to encrypt, likewise */
#define SYS_SSE_AT   "caps2.sse.at"
#define SYS_NO_SUM   "caps2.no_whole_sum" /* when that was, realtime */
#define NO_SUM_NS    (30 * DAY_NS) /* then it is tried again */
#define SYS_CLASS    "class." /* and its name: when it was taken, realtime */
#define CLASS_MAX    100 /* a longer one is not remembered */
#define WRONG_ETAG   "00000000000000000000000000000000"
#define KEY_MAX	     1100
#define WRONG_CRC    "AAAAAAAAAAE="
#define VERSIONS_MAX 16 /* more than a trial makes */

struct trial {
	struct store *store; /* borrowed */
	char key[KEY_MAX];
	bool made; /* a PUT was carried out */
	char *etag; /* owned: of the newest PUT */
	char *versions[VERSIONS_MAX]; /* owned: found by the clean-up */
	size_t count;
};

/* 1: carried out; 0: refused because of the condition; else -errno. */
static int verdict(const struct store_request *r, int rc)
{
	if (!rc)
		return 1;
	return rc == -EBUSY && r->reply.status == 412 ? 0 : rc;
}

static int try_put(struct trial *t, const char *if_match,
		   const char *if_none_match, char **ret_version)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_PUT);
	r.key = t->key;
	r.body.mem = "";
	r.if_match = if_match;
	r.if_none_match = if_none_match;
	rc = store_call(t->store, &r);
	if (!rc) {
		t->made = true;
		free(t->etag);
		t->etag = r.reply.object.etag;
		r.reply.object.etag = NULL; /* moved */
	}
	if (!rc && ret_version) {
		*ret_version = r.reply.object.version_id;
		r.reply.object.version_id = NULL; /* moved */
	}
	rc = verdict(&r, rc);
	store_request_release(&r);
	return rc;
}

static int try_copy(struct trial *t)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_COPY);
	r.key = r.source_key = t->key;
	r.replace_meta = true;
	r.if_match = WRONG_ETAG;
	rc = verdict(&r, store_call(t->store, &r));
	store_request_release(&r);
	return rc;
}

static int delete_version(struct trial *t, const char *version)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_DELETE);
	r.key = t->key;
	r.version_id = version;
	rc = store_call(t->store, &r);
	store_request_release(&r);
	return rc == -ENOENT ? 0 : rc;
}

/* By DeleteObjects; a server that has its condition has DeleteObject's. */
static int try_delete(struct trial *t)
{
	struct store_delete item = {.key = t->key, .if_match = WRONG_ETAG};
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_DELETE_MANY);
	r.deletes = &item;
	r.delete_count = 1;
	rc = store_call(t->store, &r);
	if (!rc)
		rc = item.result == -EBUSY ? 0 : item.result ? item.result : 1;
	free(item.marker_version);
	store_request_release(&r);
	return rc;
}

/* Whether a copy with new metadata keeps tags; false: not known, too. */
static bool try_tags(struct trial *t)
{
	struct store_request r;
	struct kvlist tags;
	bool kept = false;
	int rc;

	kvlist_init(&tags);
	rc = kvlist_add(&tags, "probe", "1");
	if (!rc)
		rc = tagset_put(t->store, t->key, NULL, &tags);
	kvlist_release(&tags);
	if (rc)
		return false;
	store_request_init(&r, STORE_COPY);
	r.key = r.source_key = t->key;
	r.replace_meta = true;
	rc = store_call(t->store, &r);
	store_request_release(&r);
	kvlist_init(&tags);
	if (!rc)
		rc = tagset_get(t->store, t->key, NULL, &tags);
	kept = !rc && kvlist_get(&tags, "probe");
	kvlist_release(&tags);
	return kept;
}

/* A PUT with a check of its body, or with `wrong`. True: a PUT was made. */
static bool put_checked(struct trial *t, const struct kvlist *wrong,
			int *ret_status)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_PUT);
	r.key = t->key;
	r.body.mem = "x";
	r.body.length = 1;
	r.headers = wrong;
	r.sum = wrong ? STORE_SUM_NONE : STORE_SUM_CRC64NVME;
	r.trial = true;
	rc = store_call(t->store, &r);
	*ret_status = r.reply.status;
	store_request_release(&r);
	t->made = t->made || !rc;
	return !rc;
}

/*
 * Whether a check that is wrong is found out. Who takes none that is right
 * either refuses the header as such, and would refuse each save.
 */
static bool try_checksum(struct trial *t)
{
	struct kvlist wrong;
	int status, rc;
	bool found;

	kvlist_init(&wrong);
	rc = kvlist_add(&wrong, "x-amz-sdk-checksum-algorithm", "CRC64NVME");
	if (!rc)
		rc = kvlist_add(&wrong, "x-amz-checksum-crc64nvme", WRONG_CRC);
	found = !rc && put_checked(t, NULL, &status) &&
		!put_checked(t, &wrong, &status) && status == 400;
	kvlist_release(&wrong);
	return found;
}

/* 1: what is written is locked at once; 0: it is not; else why not known. */
static int ask_retention(struct store *store)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET_OBJECT_LOCK);
	r.trial = true;
	rc = store_call(store, &r);
	store_request_release(&r);
	if (!rc)
		return 1;
	/* Many do not know it, or do not tell everybody. */
	return rc == -ENODATA || rc == -EOPNOTSUPP || rc == -EACCES ||
			       rc == -EINVAL
		       ? 0
		       : rc;
}

static int note_version(void *ctx, const struct store_entry *e)
{
	struct trial *t = ctx;

	if (strcmp(e->key, t->key) || t->count == VERSIONS_MAX)
		return 0;
	t->versions[t->count] = strdup(e->version_id);
	return t->versions[t->count++] ? 0 : -ENOMEM;
}

/* Deletes what the trial has left, markers too: answers do not name all. */
static void clean_up(struct trial *t)
{
	struct store_list list;
	int rc;

	store_list_init(&list, STORE_LIST_VERSIONS, t->key, NULL);
	list.on_entry = note_version;
	list.ctx = t;
	rc = store_list_page(t->store, &list);
	for (size_t i = 0; !rc && i < t->count; i++)
		rc = delete_version(t, t->versions[i]);
	/* Not allowed, or no versions here: at least it is not current. */
	if (rc)
		rc = delete_version(t, NULL);
	if (rc)
		log_warning("cannot delete the scratch object %s: %s", t->key,
			    strerror(-rc));
	for (size_t i = 0; i < t->count; i++)
		free(t->versions[i]);
	store_list_release(&list);
	free(t->etag);
}

/* The first version comes and goes again: else the trial would leave more. */
static int check_allowed(struct trial *t)
{
	char *version = NULL;
	int rc = try_put(t, NULL, "*", &version);

	if (rc == 1)
		rc = delete_version(t, version);
	else if (rc == 0)
		rc = -EEXIST; /* a key that nobody can have */
	free(version);
	return rc;
}

static int random_key(const char *prefix, const char *dir, char *key)
{
	unsigned char raw[8];
	uint64_t number;

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return -EIO;
	memcpy(&number, raw, sizeof(number));
	if (snprintf(key, KEY_MAX, "%s%s/probe-%016" PRIx64, prefix, dir,
		     number) > 1024)
		return -ENAMETOOLONG;
	return 0;
}

int caps_probe(struct store *store, const char *prefix, const char *dir,
	       struct caps *ret)
{
	struct trial t = {.store = store};
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = random_key(prefix, dir, t.key);
	if (!rc)
		rc = ask_retention(store);
	if (rc == 1)
		ret->retains = true;
	if (rc)
		return rc < 0 ? rc : 0;
	rc = check_allowed(&t);
	if (!rc) {
		ret->if_none_match = try_put(&t, NULL, "*", NULL) == 1 &&
				     try_put(&t, NULL, "*", NULL) == 0;
		ret->if_match = t.etag &&
				try_put(&t, WRONG_ETAG, NULL, NULL) == 0 &&
				try_put(&t, t.etag, NULL, NULL) == 1;
		ret->copy = try_copy(&t) == 0;
		ret->remove = try_delete(&t) == 0;
		ret->keeps_tags = try_tags(&t);
		ret->checksum = try_checksum(&t);
	}
	if (t.made)
		clean_up(&t);
	return rc;
}

/* Begins an upload and aborts it: nothing is left. r: its begin. */
static int try_upload(struct store *store, struct store_request *r)
{
	struct store_request end;
	int rc = store_call(store, r);

	if (rc || !r->reply.upload_id)
		return rc;
	store_request_init(&end, STORE_ABORT_UPLOAD);
	end.key = r->key;
	end.upload_id = r->reply.upload_id;
	if (store_call(store, &end))
		log_warning("cannot abort the upload of the scratch object %s",
			    r->key);
	store_request_release(&end);
	return 0;
}

/* NULL: of no class. */
static int try_class(struct store *store, const char *key, const char *class)
{
	struct store_request r;
	struct kvlist headers;
	int rc;

	kvlist_init(&headers);
	store_request_init(&r, STORE_CREATE_UPLOAD);
	rc = class ? kvlist_add(&headers, "x-amz-storage-class", class) : 0;
	r.key = key;
	r.headers = &headers;
	r.trial = true;
	if (!rc)
		rc = try_upload(store, &r);
	store_request_release(&r);
	kvlist_release(&headers);
	return rc;
}

/* Whether a refusal is of the encryption, not of the right to write. */
static bool is_of_encryption(const struct store_reply *reply, int rc)
{
	if (rc == -EACCES)
		return strcasestr(reply->message, "kms") ||
		       strcasestr(reply->message, "sse-c") ||
		       strcasestr(reply->message, "encrypt");
	return rc == -EINVAL || rc == -EOPNOTSUPP;
}

int caps_encryption(struct store *store, const char *prefix, char *why,
		    size_t size)
{
	char key[KEY_MAX];
	struct store_request r;
	int rc;

	if (random_key(prefix, MOUNT_VERSIONS_NAME, key))
		return 0;
	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = key;
	r.trial = true;
	rc = try_upload(store, &r);
	if (!rc && !sse_is_done(&r.reply.object)) {
		snprintf(why, size, "the server does not do it");
		rc = -EINVAL;
	} else if (rc && is_of_encryption(&r.reply, rc)) {
		snprintf(why, size, "the server refuses it: %d %s%s%s",
			 r.reply.status, r.reply.code,
			 r.reply.message[0] ? ": " : "", r.reply.message);
		if (r.reply.request_id[0])
			snprintf(why + strlen(why), size - strlen(why),
				 " (request %s)", r.reply.request_id);
		rc = -EINVAL;
	} else {
		rc = 0;
	}
	store_request_release(&r);
	return rc;
}

/* Whether a time that is kept by this name was less than life_ns ago. */
static bool is_young(struct meta *meta, const char *name, int64_t life_ns)
{
	uint64_t at;
	int64_t age;
	bool young = false;

	if (meta_lock(meta))
		return false;
	if (!meta_sys_get_u64(meta, name, &at)) {
		age = clock_real_ns() - (int64_t)at;
		young = age >= 0 && age < life_ns;
	}
	meta_unlock(meta);
	return young;
}

static void note_now(struct meta *meta, const char *name)
{
	if (meta_lock(meta))
		return;
	meta_sys_put_u64(meta, name, (uint64_t)clock_real_ns());
	meta_unlock(meta);
}

bool caps_no_whole_sum(struct meta *meta)
{
	return is_young(meta, SYS_NO_SUM, NO_SUM_NS);
}

void caps_note_no_whole_sum(struct meta *meta)
{
	note_now(meta, SYS_NO_SUM);
}

int caps_class(struct meta *meta, struct store *store, const char *prefix,
	       const char *class)
{
	char key[KEY_MAX], name[sizeof(SYS_CLASS) + CLASS_MAX];
	bool known = strlen(class) <= CLASS_MAX;
	int rc;

	snprintf(name, sizeof(name), SYS_CLASS "%.*s", CLASS_MAX, class);
	if (known && is_young(meta, name, LIFE_NS))
		return 0;
	/* It never becomes an object: any name will do. */
	if (random_key(prefix, MOUNT_VERSIONS_NAME, key))
		return 0;
	rc = try_class(store, key, class);
	if (!rc && known)
		note_now(meta, name);
	if (rc != -EINVAL)
		return 0;
	/* Servers have no code of their own for it: is it this? */
	return try_class(store, key, NULL) ? 0 : -EINVAL;
}

bool caps_known(const char *url, struct caps *ret)
{
	bool known = endpoint_is_amazon(url);

	if (known)
		*ret = (struct caps){.if_none_match = true,
				     .if_match = true,
				     .remove = true,
				     .checksum = true,
				     .keeps_tags = true};
	return known;
}

enum bit {
	BIT_IF_NONE_MATCH = 1 << 0,
	BIT_IF_MATCH = 1 << 1,
	BIT_COPY = 1 << 2,
	BIT_REMOVE = 1 << 3,
	BIT_CHECKSUM = 1 << 4,
	BIT_RETAINS = 1 << 5,
	BIT_KEEPS_TAGS = 1 << 6,
};

/*
 * Copies that are to be encrypted may be uploads (s3/composite.c), which know
 * conditions and keep tags where a CopyObject does not.
 */
struct names {
	const char *bits, *at;
};

static const struct names plain_names = {SYS_CAPS, SYS_CAPS_AT};
static const struct names sse_names = {SYS_SSE_CAPS, SYS_SSE_AT};

static void recall(struct meta *meta, const struct names *names,
		   struct caps *ret, bool *ret_young)
{
	uint64_t bits = 0;

	*ret_young = is_young(meta, names->at, LIFE_NS);
	if (meta_lock(meta))
		return;
	if (meta_sys_get_u64(meta, names->bits, &bits))
		*ret_young = false;
	meta_unlock(meta);
	ret->if_none_match = bits & BIT_IF_NONE_MATCH;
	ret->if_match = bits & BIT_IF_MATCH;
	ret->copy = bits & BIT_COPY;
	ret->remove = bits & BIT_REMOVE;
	ret->checksum = bits & BIT_CHECKSUM;
	ret->retains = bits & BIT_RETAINS;
	ret->keeps_tags = bits & BIT_KEEPS_TAGS;
}

static void remember(struct meta *meta, const struct names *names,
		     const struct caps *caps)
{
	uint64_t bits = (caps->if_none_match ? BIT_IF_NONE_MATCH : 0) |
			(caps->if_match ? BIT_IF_MATCH : 0) |
			(caps->copy ? BIT_COPY : 0) |
			(caps->remove ? BIT_REMOVE : 0) |
			(caps->checksum ? BIT_CHECKSUM : 0) |
			(caps->retains ? BIT_RETAINS : 0) |
			(caps->keeps_tags ? BIT_KEEPS_TAGS : 0);

	if (meta_lock(meta))
		return;
	if (!meta_sys_put_u64(meta, names->bits, bits))
		meta_sys_put_u64(meta, names->at, (uint64_t)clock_real_ns());
	meta_unlock(meta);
}

void caps_learn(struct meta *meta, struct store *store, const char *prefix,
		const char *dir, bool encrypts, struct caps *ret)
{
	const struct names *names = encrypts ? &sse_names : &plain_names;
	struct caps found;
	bool young;
	int rc;

	memset(ret, 0, sizeof(*ret));
	recall(meta, names, ret, &young);
	if (young || !store)
		return;
	rc = caps_probe(store, prefix, dir, &found);
	/* What was known before is better than nothing, but for a refusal. */
	if (rc && rc != -EACCES && rc != -EOPNOTSUPP && rc != -EINVAL) {
		log_info("what the server can do is not known: %s",
			 strerror(-rc));
		return;
	}
	*ret = found;
	remember(meta, names, ret);
}

enum store_sum caps_sum(const struct caps *caps)
{
	if (caps->checksum)
		return STORE_SUM_CRC64NVME;
	return caps->retains ? STORE_SUM_MD5 : STORE_SUM_NONE;
}
