/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the file of SSE-C keys, and looks who else may. */
#include "vers3/s3/sse_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define FILE_MAX 4096 /* a page of keys and words about them */
#define OTHERS	 (S_IRWXG | S_IRWXO)

static int put_key(const unsigned char raw[SSE_KEY_BYTES],
		   const struct digest *digest, struct sse_keys *keys)
{
	struct sse_key *key = &keys->at[keys->count];
	int rc;

	if (keys->count == SSE_KEYS_MAX)
		return -E2BIG;
	rc = digest_md5(digest, raw, SSE_KEY_BYTES, key->md5);
	if (rc)
		return rc;
	EVP_EncodeBlock((unsigned char *)key->base64, raw, SSE_KEY_BYTES);
	keys->count++;
	return 0;
}

/* One line without its end. What decodes must encode to the same again. */
static int take_line(const char *line, size_t len, const struct digest *digest,
		     struct sse_keys *keys)
{
	unsigned char raw[SSE_KEY_BYTES + 1] = {0};
	char text[SSE_KEY_BASE64_SIZE] = "";
	int rc = -EINVAL;

	if (len != SSE_KEY_BASE64_SIZE - 1)
		return -EINVAL;
	if (EVP_DecodeBlock(raw, (const unsigned char *)line, (int)len) ==
	    SSE_KEY_BYTES + 1)
		EVP_EncodeBlock((unsigned char *)text, raw, SSE_KEY_BYTES);
	if (!memcmp(text, line, len))
		rc = put_key(raw, digest, keys);
	OPENSSL_cleanse(raw, sizeof(raw));
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

/* *ret_line: the one that is wrong. */
static int take_lines(const char *text, size_t size,
		      const struct digest *digest, struct sse_keys *keys,
		      unsigned *ret_line)
{
	const char *end = text + size;
	int rc = 0;

	for (*ret_line = 0; !rc && text < end;) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((nl ? nl : end) - text);
		const char *next = nl ? nl + 1 : end;

		++*ret_line;
		while (len && strchr(" \t\r", text[len - 1]))
			len--;
		if (len && *text != '#')
			rc = take_line(text, len, digest, keys);
		text = next;
	}
	return rc;
}

static int take_text(const char *path, const char *text, size_t len,
		     const struct digest *digest, struct sse_keys *keys,
		     char *reason, size_t size)
{
	unsigned line = 0;
	int rc;

	if (len == SSE_KEY_BYTES)
		rc = put_key((const unsigned char *)text, digest, keys);
	else
		rc = take_lines(text, len, digest, keys, &line);
	if (!rc && keys->count)
		return 0;
	if (!rc)
		snprintf(reason, size,
			 "sse_c_key_file=%s holds no key: it takes 32 bytes, "
			 "or their base64, one key a line",
			 path);
	else if (rc == -ENOTSUP)
		snprintf(reason, size,
			 "sse_c_key_file=: SSE-C needs MD5, which this "
			 "OpenSSL lacks (FIPS)");
	else if (rc == -E2BIG)
		snprintf(reason, size, "sse_c_key_file=%s: %d keys at most",
			 path, SSE_KEYS_MAX);
	else
		snprintf(reason, size,
			 "sse_c_key_file=%s: line %u is no key: it takes 32 "
			 "bytes, or their base64, one key a line",
			 path, line);
	return rc == -ENOTSUP ? rc : -EINVAL;
}

/* Whose file it is, and who may read it. */
static int check_file(const char *path, const struct stat *st, char *reason,
		      size_t size)
{
	if (!S_ISREG(st->st_mode))
		snprintf(reason, size, "sse_c_key_file=%s is no plain file",
			 path);
	else if (st->st_uid && st->st_uid != geteuid())
		snprintf(reason, size,
			 "sse_c_key_file=%s belongs to another user: make it "
			 "your own, or root's",
			 path);
	else if (st->st_mode & OTHERS)
		snprintf(reason, size,
			 "sse_c_key_file=%s is open to others (mode %03o): "
			 "chmod 600 it",
			 path, (unsigned)st->st_mode & 0777);
	else if (st->st_size > FILE_MAX)
		snprintf(reason, size,
			 "sse_c_key_file=%s is larger than %d bytes: it takes "
			 "keys alone",
			 path, FILE_MAX);
	else
		return 0;
	return -EINVAL;
}

static int read_all(int fd, char text[FILE_MAX], size_t *ret_len)
{
	size_t have = 0;

	while (have < FILE_MAX) {
		ssize_t got = read(fd, text + have, FILE_MAX - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		have += (size_t)got;
	}
	*ret_len = have;
	return 0;
}

int sse_keys_read(const char *path, const struct digest *digest,
		  struct sse_keys *ret, char *reason, size_t size)
{
	/* A pipe in its place must not make this wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[FILE_MAX];
	struct stat st;
	size_t len = 0;
	int rc = 0;

	ret->count = 0;
	if (fd < 0 || fstat(fd, &st))
		rc = -errno;
	if (!rc) {
		rc = check_file(path, &st, reason, size);
		if (rc)
			goto out;
		rc = read_all(fd, text, &len);
	}
	if (rc)
		snprintf(reason, size, "sse_c_key_file=%s cannot be read: %s",
			 path, strerror(-rc));
	else
		rc = take_text(path, text, len, digest, ret, reason, size);
out:
	OPENSSL_cleanse(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return rc;
}

void sse_keys_wipe(struct sse_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
