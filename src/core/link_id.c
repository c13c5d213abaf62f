/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes, parses and counts a link's id, and makes and compares the digests of
 * a file's names.
 */
#include "vers3/core/link_id.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"
#include "vers3/util/hex.h"

#define ID_LEN	  16 /* hex digits */
#define TOKEN_RAW 12
#define TOKEN_LEN 16 /* of base64 */

bool link_id_is_valid(const char *link_id)
{
	return strspn(link_id, "0123456789abcdef") == ID_LEN &&
	       link_id[ID_LEN] == ':';
}

uint32_t link_id_count(const char *link_id)
{
	unsigned long n;

	if (!link_id_is_valid(link_id))
		return 0;
	n = strtoul(link_id + ID_LEN + 1, NULL, 10);
	return n > LINK_NAMES_MAX ? LINK_NAMES_MAX : (uint32_t)n;
}

void link_id_set_count(struct meta_inode *inode, uint32_t count)
{
	snprintf(inode->link_id + ID_LEN, sizeof(inode->link_id) - ID_LEN,
		 ":%" PRIu32, count);
}

int link_id_make(struct meta_inode *inode)
{
	unsigned char raw[ID_LEN / 2];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return -EIO;
	hex_write(raw, sizeof(raw), inode->link_id);
	link_id_set_count(inode, 1);
	return 0;
}

uint32_t link_count(const struct meta_inode *inode)
{
	uint32_t said = inode->link_id[0] ? link_id_count(inode->link_id) : 0;

	return said > inode->nlink ? said : inode->nlink;
}

/*
 * A name as it is told: a digest, since names are long. Nobody finds another
 * name of the same one.
 */
static int token_of(struct mount *mount, const char *link_id, const char *path,
		    char token[TOKEN_LEN + 1])
{
	char text[ID_LEN + 1 + META_KEY_MAX + 1];
	unsigned char sum[EVP_MAX_MD_SIZE];
	int rc;

	snprintf(text, ID_LEN + 2, "%.16s:", link_id);
	rc = mount_key(mount, path, text + ID_LEN + 1);
	if (rc)
		return rc;
	if (!EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	EVP_EncodeBlock((unsigned char *)token, sum, TOKEN_RAW);
	return 0;
}

static int compare_tokens(const void *a, const void *b)
{
	return memcmp(a, b, TOKEN_LEN);
}

/* The tokens of all names, sorted; "" : too many. */
static int all_tokens(struct mount *mount, const struct meta_inode *inode,
		      char text[LINK_TOLD_MAX * TOKEN_LEN + 1])
{
	struct meta_dentry dentry = {.name = ""};
	char path[META_KEY_MAX + 1];
	size_t count = 0;
	int rc;

	while (!(rc = meta_name_next(mount->meta, inode->ino, dentry.parent,
				     dentry.name, &dentry))) {
		if (count == LINK_TOLD_MAX) {
			*text = '\0';
			return 0;
		}
		rc = meta_path(mount->meta, dentry.parent, dentry.name, path);
		if (rc == -ESTALE)
			continue; /* its directory is going */
		if (!rc)
			rc = token_of(mount, inode->link_id, path,
				      text + TOKEN_LEN * count++);
		if (rc)
			return rc;
	}
	qsort(text, count, TOKEN_LEN, compare_tokens);
	text[TOKEN_LEN * count] = '\0';
	return rc == -ENOENT ? 0 : rc;
}

int link_names_make(struct mount *mount, const struct meta_inode *inode,
		    char **ret_names)
{
	char text[LINK_TOLD_MAX * TOKEN_LEN + 1] = "";
	int rc = 0;

	if (!S_ISDIR(inode->mode) && inode->nlink > 1 &&
	    link_id_is_valid(inode->link_id))
		rc = all_tokens(mount, inode, text);
	if (rc || !*text)
		return rc;
	*ret_names = strdup(text);
	return *ret_names ? 0 : -ENOMEM;
}

static bool has(const char *names, const char *token)
{
	size_t len = strlen(names);

	for (size_t at = 0; at + TOKEN_LEN <= len; at += TOKEN_LEN)
		if (!memcmp(names + at, token, TOKEN_LEN))
			return true;
	return false;
}

int link_names_has_all(struct mount *mount, const struct meta_inode *inode,
		       const char *names)
{
	char text[LINK_TOLD_MAX * TOKEN_LEN + 1] = "",
					      token[TOKEN_LEN + 1] = "";
	int rc = all_tokens(mount, inode, text);

	if (rc || !*text)
		return rc;
	for (const char *at = text; *at; at += TOKEN_LEN) {
		memcpy(token, at, TOKEN_LEN);
		if (!has(names, token))
			return 0;
	}
	return 1;
}

int link_names_has(struct mount *mount, const char *names, const char *link_id,
		   const char *path)
{
	char token[TOKEN_LEN + 1];
	int rc = token_of(mount, link_id, path, token);

	return rc ? rc : has(names, token);
}
