/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares versions by id or ETag, and hashes one into the id that the block
 * cache files it under.
 */
#include "vers3/core/version.h"

#include <string.h>
#include <openssl/evp.h>

bool version_has_content_id(const struct meta_version *version)
{
	static const unsigned char none[META_ID_SIZE];

	return memcmp(version->id, none, sizeof(none)) != 0;
}

/* One that was cut off would name another, or none. */
static void copy_id(const char *id, size_t max, char *to)
{
	size_t len = id ? strnlen(id, max + 1) : 0;

	if (len > max)
		len = 0;
	memcpy(to, id ? id : "", len);
	to[len] = '\0';
}

void version_ids(const struct store_object *o, char etag[META_ETAG_MAX + 1],
		 char version_id[META_VERSION_MAX + 1])
{
	copy_id(o->etag, META_ETAG_MAX, etag);
	copy_id(o->version_id, META_VERSION_MAX, version_id);
}

void version_set_content_id(struct meta_version *version)
{
	unsigned char numbers[16], sum[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned len = 0;
	bool ok;

	meta_be64(numbers, version->size_bytes);
	meta_be64(numbers + 8, (uint64_t)version->last_modified_ns);
	/* Each string goes with its NUL, so no two versions run together. */
	ok = md && EVP_DigestInit_ex2(md, EVP_sha256(), NULL) &&
	     EVP_DigestUpdate(md, version->key, strlen(version->key) + 1) &&
	     EVP_DigestUpdate(md, version->version_id,
			      strlen(version->version_id) + 1) &&
	     EVP_DigestUpdate(md, version->etag, strlen(version->etag) + 1) &&
	     EVP_DigestUpdate(md, numbers, sizeof(numbers)) &&
	     EVP_DigestFinal_ex(md, sum, &len);
	EVP_MD_CTX_free(md);
	memset(version->id, 0, sizeof(version->id));
	if (ok)
		memcpy(version->id, sum, sizeof(version->id));
}

bool version_is_same(const struct meta_version *a, const struct meta_version *b)
{
	if (!a->key[0] || strcmp(a->key, b->key) != 0)
		return false;
	if (a->version_id[0] && b->version_id[0] &&
	    (strcmp(a->version_id, b->version_id) != 0 ||
	     meta_is_version_id(a->version_id)))
		return !strcmp(a->version_id, b->version_id);
	return a->etag[0] && strcmp(a->etag, b->etag) == 0;
}
