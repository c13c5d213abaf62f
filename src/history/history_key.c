/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of what walks have found: hashes of paths, so that any path fits. */
#include "history_key.h"

#include <string.h>
#include <openssl/evp.h>

void history_key_dir_of(struct history_key *k, const char *path, size_t len,
			uint64_t walk)
{
	unsigned char md[EVP_MAX_MD_SIZE], text[META_KEY_MAX + 1 + 8];
	unsigned md_len = 0;

	memcpy(text, path, len);
	if (walk) {
		text[len] = '\0';
		meta_be64(text + len + 1, walk);
		len += 9;
	}
	EVP_Digest(text, len, md, &md_len, EVP_sha256(), NULL);
	memcpy(k->at, md, HISTORY_DIR_HASH);
	k->len = HISTORY_DIR_HASH;
}

void history_key_add(struct history_key *k, const void *data, size_t len)
{
	if (k->len + len <= sizeof(k->at)) {
		memcpy(k->at + k->len, data, len);
		k->len += len;
	}
}

void history_key_stamp(struct history_key *k, const char *dir, size_t dir_len,
		       char kind, const char *name)
{
	history_key_dir_of(k, dir, dir_len, 0);
	history_key_add(k, &kind, 1);
	if (name)
		history_key_add(k, name, strlen(name));
}

void history_key_found(struct history_key *k, const char *dir, size_t dir_len,
		       uint64_t walk, char kind, const char *name)
{
	history_key_dir_of(k, dir, dir_len, walk);
	history_key_add(k, &kind, 1);
	history_key_add(k, name, strlen(name) + (kind == 'n' ? 1 : 0));
}

void history_key_walk(struct history_key *k, uint64_t walk)
{
	unsigned char number[8];

	k->len = 0;
	history_key_add(k, HISTORY_WALK_KEY, sizeof(HISTORY_WALK_KEY));
	meta_be64(number, walk);
	history_key_add(k, number, sizeof(number));
}
