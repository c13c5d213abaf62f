/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to such objects, and sending, reading and looking for one;
 * nobody's bytes are believed before their digest is right.
 */
#include "vers3/object/overflow.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "objxattr.h"
#include "vers3/core/etag.h"
#include "vers3/core/refusal.h"
#include "vers3/core/texts.h"
#include "vers3/core/version.h"
#include "vers3/net/uri.h"
#include "vers3/object/acl.h"
#include "vers3/util/hex.h"
#include "vers3/util/log.h"

#define PLACE	     MOUNT_OWN_NAME "/xattrs/"
#define VERSION_WORD "?versionId="
#define RIGHTS_WORD  ";rights"
#define ANY_DIGEST                                                             \
	"0000000000000000000000000000000000000000000000000000000000000000"
#define VERSION_MOST 64 /* a longer id is left out: the digest will do */

struct ref {
	char key[META_KEY_MAX + 1];
	char version_id[META_VERSION_MAX + 1]; /* "" : not known */
	const char *digest; /* in key */
	bool rights;
};

static int digest_of(const struct buf *text, char digest[TEXTS_DIGEST + 1])
{
	unsigned char sum[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(text->data, text->len, sum, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	hex_write(sum, TEXTS_DIGEST / 2, digest);
	return 0;
}

/* ---- references ---- */

static int key_of(const struct mount *mount, const char *digest, char *key)
{
	int n = snprintf(key, META_KEY_MAX + 1, "%s" PLACE "%s",
			 mount->config.prefix, digest);

	return n > META_KEY_MAX ? -ENAMETOOLONG : 0;
}

static int decode(const char *text, size_t len, size_t max, char *to)
{
	struct buf b;
	int rc;

	buf_init(&b, max);
	rc = uri_decode(&b, text, len, false);
	if (!rc && strlen(b.data) != b.len)
		rc = -EINVAL;
	if (!rc)
		memcpy(to, b.data, b.len + 1);
	buf_release(&b);
	return rc == -ENOMEM ? rc : rc ? -EINVAL : 0;
}

/*
 * Others may have written it: it leads to nothing but objects of this kind,
 * whose bytes have to be those that their name tells.
 */
static int ref_read(const char *text, struct ref *ret)
{
	size_t tail = strlen(PLACE) + TEXTS_DIGEST, len = strlen(text);
	size_t rights = strlen(RIGHTS_WORD);
	const char *word;
	int rc = 0;

	memset(ret, 0, sizeof(*ret));
	ret->rights = len > rights && !strcmp(text + len - rights, RIGHTS_WORD);
	len -= ret->rights ? rights : 0;
	word = strstr(text, VERSION_WORD);
	if (word) {
		const char *id = word + strlen(VERSION_WORD);

		rc = decode(id, (size_t)(text + len - id), META_VERSION_MAX,
			    ret->version_id);
		len = (size_t)(word - text);
	}
	if (!rc)
		rc = decode(text, len, META_KEY_MAX, ret->key);
	len = strlen(ret->key);
	if (rc || len < tail)
		return rc ? rc : -EINVAL;
	ret->digest = ret->key + len - TEXTS_DIGEST;
	return !strncmp(ret->key + len - tail, PLACE, strlen(PLACE)) &&
			       strspn(ret->digest, "0123456789abcdef") ==
				       TEXTS_DIGEST
		       ? 0
		       : -EINVAL;
}

bool overflow_is_ref(const char *text)
{
	struct ref ref;

	return !ref_read(text, &ref);
}

bool overflow_has_rights(const char *text)
{
	struct ref ref;

	return !ref_read(text, &ref) && ref.rights;
}

static int ref_write(const char *key, const char *version_id, bool rights,
		     char **ret_text)
{
	struct buf b;
	int rc;

	buf_init(&b, 4 * META_KEY_MAX);
	rc = uri_encode(&b, key, strlen(key), true);
	if (!rc && meta_is_version_id(version_id) &&
	    strlen(version_id) <= VERSION_MOST) {
		rc = buf_puts(&b, VERSION_WORD);
		if (!rc)
			rc = uri_encode(&b, version_id, strlen(version_id),
					false);
	}
	if (!rc && rights)
		rc = buf_puts(&b, RIGHTS_WORD);
	if (!rc) {
		*ret_text = buf_detach(&b);
		rc = *ret_text ? 0 : -ENOMEM;
	}
	buf_release(&b);
	return rc;
}

size_t overflow_ref_bytes(const struct mount *mount)
{
	size_t len = SIZE_MAX;
	char key[META_KEY_MAX + 1];
	struct buf b;

	buf_init(&b, 3 * META_KEY_MAX);
	if (key_of(mount, ANY_DIGEST, key))
		return len; /* a key of that length there is none */
	if (!uri_encode(&b, mount->config.prefix, strlen(mount->config.prefix),
			true))
		len = b.len +
		      strlen(OVERFLOW_META PLACE VERSION_WORD RIGHTS_WORD) +
		      TEXTS_DIGEST + 3 * VERSION_MOST;
	buf_release(&b);
	return len;
}

/* ---- sending ---- */

static bool has_rights(const struct objattr_xattrs *x)
{
	for (size_t i = 0; i < x->count; i++)
		if (acl_is_right(x->items[i].name))
			return true;
	return false;
}

static void take_id(const struct store_object *o, char *version_id)
{
	char etag[META_ETAG_MAX + 1];

	version_ids(o, etag, version_id);
}

/* Whether an object's ETag is an MD5, and not that of these bytes. */
static bool is_damaged(const struct store_object *o, const struct buf *text)
{
	unsigned char md5[ETAG_MD5_BYTES], has[ETAG_MD5_BYTES];

	if (o->size_bytes != text->len)
		return true;
	return etag_md5(o->etag, &o->headers, has) &&
	       EVP_Digest(text->data, text->len, md5, NULL, EVP_md5(), NULL) &&
	       memcmp(md5, has, sizeof(md5)) != 0;
}

/* Whether the bucket has it: 0, -ENOENT, -errno. */
static int look(struct mount *mount, const char *key, const struct buf *text,
		char *version_id)
{
	struct store_request r;
	int rc;

	rc = store_head(mount->store, &r, key, NULL);
	/* Who may write and not look writes it once more. */
	if (refusal_is(rc) || (!rc && is_damaged(&r.reply.object, text)))
		rc = -ENOENT;
	if (!rc)
		take_id(&r.reply.object, version_id);
	store_request_release(&r);
	return rc;
}

static int put(struct mount *mount, const char *key, const struct buf *text,
	       char *version_id)
{
	struct kvlist headers;
	struct store_request r;
	struct kvlist meta;
	int rc;

	kvlist_init(&headers);
	kvlist_init(&meta);
	rc = kvlist_add(&headers, "content-type", "text/plain");
	/* Who mounts more of the bucket has a file there: no secret of ours. */
	if (!rc)
		rc = kvlist_add(&meta, "file-permissions", "0100600");
	store_request_init(&r, STORE_PUT);
	r.key = key;
	r.meta = &meta;
	r.headers = &headers;
	r.body.mem = text->data;
	r.body.length = text->len;
	r.sum = caps_sum(&mount->config.caps);
	if (!rc)
		rc = store_call(mount->store, &r);
	if (!rc)
		take_id(&r.reply.object, version_id);
	else if (rc != -EINTR)
		log_warning("cannot save extended attributes as %s: %s", key,
			    strerror(-rc));
	store_request_release(&r);
	kvlist_release(&headers);
	kvlist_release(&meta);
	return rc;
}

static int look_and_put(struct mount *mount, const char *key,
			const struct buf *text, char *version_id)
{
	int rc = look(mount, key, text, version_id);

	if (rc != -ENOENT)
		return rc;
	rc = put(mount, key, text, version_id);
	/* Some servers leave the id out of their answers. */
	if (!rc && mount->config.versioned && !version_id[0] &&
	    look(mount, key, text, version_id))
		version_id[0] = '\0';
	return rc;
}

/*
 * Several names of a file are saved at once, and have to tell the same, the
 * version's id included: so one sends, and the others find it.
 */
static int send_text(struct mount *mount, const struct buf *text,
		     const char *digest, bool rights, char **ret_ref)
{
	char key[META_KEY_MAX + 1], version_id[META_VERSION_MAX + 1] = "";
	struct texts_sender sender = {.digest = digest};
	int rc = key_of(mount, digest, key);

	if (rc)
		return rc;
	texts_begin_send(mount->texts, &sender);
	if (!texts_is_there(mount->texts, digest, mount->config.ttl_ns,
			    version_id)) {
		rc = look_and_put(mount, key, text, version_id);
		if (!rc)
			texts_note(mount->texts, digest, version_id, text);
	}
	texts_end_send(mount->texts, &sender);
	return rc ? rc : ref_write(key, version_id, rights, ret_ref);
}

/*
 * Whether the reference that the object has will do as it is. Of another place,
 * where names are longer, it might leave no room for what has to stay
 * (xsplit.c). One of our own place that names no version is of an object that
 * others may have removed: it is looked for, and sent again.
 */
static bool is_good(const struct mount *mount, const char *known,
		    const char *digest)
{
	char own[META_KEY_MAX + 1];
	struct ref ref;

	if (ref_read(known, &ref) || strcmp(ref.digest, digest) != 0 ||
	    strlen(OVERFLOW_META) + strlen(known) > overflow_ref_bytes(mount))
		return false;
	return ref.version_id[0] || key_of(mount, digest, own) ||
	       strcmp(own, ref.key) != 0;
}

int overflow_send(struct mount *mount, const struct objattr_xattrs *x,
		  const char *known, char **ret_ref)
{
	char digest[TEXTS_DIGEST + 1];
	struct buf text;
	int rc;

	buf_init(&text, TEXTS_MAX);
	rc = objxattr_pack(x, &text);
	if (!rc)
		rc = digest_of(&text, digest);
	if (rc)
		goto out;
	if (known && is_good(mount, known, digest)) {
		*ret_ref = strdup(known);
		rc = *ret_ref ? 0 : -ENOMEM;
	} else {
		rc = send_text(mount, &text, digest, has_rights(x), ret_ref);
	}
out:
	buf_release(&text);
	return rc;
}

/* ---- reading ---- */

static int take_bytes(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct buf *text = ctx;

	if (!offset)
		buf_reset(text);
	return offset == text->len ? buf_add(text, data, len) : -EIO;
}

/* 0, -EIO when it is not what its name tells, -errno. */
static int get(struct mount *mount, const char *key, const char *version_id,
	       const char *digest, struct buf *text)
{
	char has[TEXTS_DIGEST + 1] = "";
	struct store_request r;
	int rc;

	buf_reset(text);
	store_request_init(&r, STORE_GET);
	r.key = key;
	r.version_id = version_id;
	r.pinned = version_id; /* its name tells what it must be */
	r.sink = take_bytes;
	r.sink_ctx = text;
	rc = store_call(mount->store, &r);
	store_request_release(&r);
	if (!rc)
		rc = digest_of(text, has);
	return rc || !strcmp(has, digest) ? rc : -EIO;
}

/* What the server has said: once more it would say the same. */
static bool is_answer(int rc)
{
	static const int answers[] = {ENOENT, EACCES, EINVAL, EREMOTE,
				      EOPNOTSUPP};

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (rc == -answers[i])
			return true;
	return false;
}

/* Not where it is not to be reached. */
static bool may_be_elsewhere(int rc)
{
	return is_answer(rc) || rc == -EIO;
}

/*
 * The version that is named, and where a copy of a bucket has other ids, or a
 * rule has taken it, the present one; then the one of this mount's own place,
 * where a tree was copied from another one's.
 */
static int get_any(struct mount *mount, const struct ref *ref, struct buf *text)
{
	char own[META_KEY_MAX + 1];
	int rc = -ENOENT;

	if (ref->version_id[0])
		rc = get(mount, ref->key, ref->version_id, ref->digest, text);
	if (may_be_elsewhere(rc))
		rc = get(mount, ref->key, NULL, ref->digest, text);
	if (may_be_elsewhere(rc) && !key_of(mount, ref->digest, own) &&
	    strcmp(own, ref->key) != 0)
		rc = get(mount, own, NULL, ref->digest, text);
	return rc;
}

static void tell(struct mount *mount, const struct ref *ref, int rc)
{
	if (texts_miss(mount->texts, ref->digest, is_answer(rc)))
		log_warning("the object %s with a file's extended attributes "
			    "cannot be read: %s",
			    ref->key, strerror(-rc));
}

int overflow_read(struct mount *mount, const char *text,
		  struct objattr_xattrs *x)
{
	struct buf bytes;
	struct ref ref;
	int rc = ref_read(text, &ref);

	if (rc)
		return rc == -EINVAL ? -EIO : rc;
	buf_init(&bytes, TEXTS_MAX);
	if (!texts_get(mount->texts, ref.digest, &bytes)) {
		/* Asked for all the time, in the bucket once in ttl. */
		if (texts_is_missed(mount->texts, ref.digest,
				    mount->config.ttl_ns)) {
			buf_release(&bytes);
			return -EIO;
		}
		rc = get_any(mount, &ref, &bytes);
		if (!rc)
			texts_note(mount->texts, ref.digest, NULL, &bytes);
	}
	if (!rc)
		rc = objxattr_unpack(bytes.data, x);
	buf_release(&bytes);
	if (!rc || rc == -ENOMEM || rc == -EINTR)
		return rc;
	tell(mount, &ref, rc);
	return -EIO;
}

static int ask(struct mount *mount, const char *key, const char *version_id)
{
	struct store_request r;
	int rc;

	rc = store_head(mount->store, &r, key, version_id);
	store_request_release(&r);
	return rc;
}

/*
 * An id of the bucket that this one was copied from is refused as none. The
 * answer speaks of the id, since the key without one was answered before.
 */
static bool is_version_gone(struct mount *mount, const struct ref *ref)
{
	int rc;

	if (!ref->version_id[0])
		return true;
	rc = ask(mount, ref->key, ref->version_id);
	return rc == -ENOENT || rc == -EINVAL;
}

bool overflow_is_gone(struct mount *mount, const char *text)
{
	char own[META_KEY_MAX + 1];
	struct ref ref;

	return !ref_read(text, &ref) && ask(mount, ref.key, NULL) == -ENOENT &&
	       is_version_gone(mount, &ref) &&
	       (key_of(mount, ref.digest, own) || !strcmp(own, ref.key) ||
		ask(mount, own, NULL) == -ENOENT);
}
