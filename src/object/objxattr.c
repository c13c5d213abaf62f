/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes as object metadata, one value each:
 *
 *	vers3-xattr-0: user.colour=Ymx1ZQ==
 *
 * The name percent-encoded (its '=' too, so the first '=' ends it), the value
 * in base64. The numbers only keep the metadata names apart. What has no room
 * there are lines of an object of its own (overflow.h).
 */
#include "objxattr.h"

#include <errno.h>
#include <linux/xattr.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/net/uri.h"
#include "vers3/object/acl.h"
#include "vers3/object/objattr.h"
#include "vers3/util/array.h"
#include "vers3/util/buf.h"

#define XATTR_PREFIX   "vers3-xattr-"
#define XATTR_NAME_MAX 255 /* Linux's own limits, limits.h */
#define XATTR_SIZE_MAX 65536

static bool is_xattr(const char *meta_name)
{
	return strncasecmp(meta_name, XATTR_PREFIX, strlen(XATTR_PREFIX)) == 0;
}

void objattr_xattrs_release(struct objattr_xattrs *x)
{
	for (size_t i = 0; i < x->count; i++) {
		free(x->items[i].name);
		free(x->items[i].value);
	}
	free(x->items);
	x->items = NULL;
	x->count = 0;
}

int objattr_xattrs_add(struct objattr_xattrs *x, char *name, void *value,
		       size_t size)
{
	if (name && value && !array_room_for_one(x->items, x->count)) {
		x->items[x->count++] =
			(struct objattr_xattr){name, value, size};
		return 0;
	}
	free(name);
	free(value);
	return -ENOMEM;
}

const struct objattr_xattr *objattr_xattrs_find(const struct objattr_xattrs *x,
						const char *name)
{
	for (size_t i = 0; i < x->count; i++)
		if (!strcmp(x->items[i].name, name))
			return &x->items[i];
	return NULL;
}

/*
 * security.selinux is the kernel's own business, as on other file systems
 * that have no labels: of another machine it would say nothing here.
 */
bool objattr_xattr_ok(const char *name)
{
	static const char *const spaces[] = {
		XATTR_USER_PREFIX, XATTR_TRUSTED_PREFIX, XATTR_SECURITY_PREFIX};

	if (strlen(name) > XATTR_NAME_MAX || !strcmp(name, XATTR_NAME_SELINUX))
		return false;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		size_t len = strlen(spaces[i]);

		if (!strncmp(name, spaces[i], len) && name[len])
			return true;
	}
	return acl_is(name);
}

static bool name_ok(const struct buf *name)
{
	return name->len && strlen(name->data) == name->len &&
	       objattr_xattr_ok(name->data);
}

/* 0, -EINVAL, -ENOMEM. */
static int base64_read(const char *s, void **ret_value, size_t *ret_size)
{
	size_t len = strlen(s), pad = 0;
	unsigned char *value;
	int n;

	if (len % 4 || len > XATTR_SIZE_MAX / 3 * 4 + 4)
		return -EINVAL;
	while (pad < len && s[len - 1 - pad] == '=')
		pad++;
	if (pad > 2 || strcspn(s, "=") != len - pad)
		return -EINVAL;
	value = malloc(len / 4 * 3 + 1);
	if (!value)
		return -ENOMEM;
	n = EVP_DecodeBlock(value, (const unsigned char *)s, (int)len);
	/* Less than full length: it skipped blanks, which we never write. */
	if (n < 0 || (size_t)n != len / 4 * 3) {
		free(value);
		return -EINVAL;
	}
	*ret_value = value;
	*ret_size = (size_t)n - pad;
	return 0;
}

/* Adds what one metadata value holds, if it holds one. 0 or -ENOMEM. */
static int xattr_read(const char *text, struct objattr_xattrs *x)
{
	const char *equals = strchr(text, '=');
	struct buf name;
	void *value = NULL;
	size_t size = 0;
	int rc = 0;

	buf_init(&name, XATTR_NAME_MAX);
	if (!equals)
		goto out;
	rc = uri_decode(&name, text, (size_t)(equals - text), false);
	if (rc || !name_ok(&name) || objattr_xattrs_find(x, name.data))
		goto out;
	rc = base64_read(equals + 1, &value, &size);
	if (rc || (acl_is(name.data) && acl_check(value, size)))
		goto out;
	rc = objattr_xattrs_add(x, buf_detach(&name), value, size);
	value = NULL;
out:
	free(value);
	buf_release(&name);
	return rc == -ENOMEM ? rc : 0;
}

/* Appends name=value. */
static int text_write(const struct objattr_xattr *x, struct buf *b)
{
	size_t len = (x->size + 2) / 3 * 4;
	char *base64;
	int rc;

	if (x->size > XATTR_SIZE_MAX)
		return -ENOSPC;
	base64 = malloc(len + 1);
	if (!base64)
		return -ENOMEM;
	EVP_EncodeBlock((unsigned char *)base64, x->value, (int)x->size);
	rc = uri_encode(b, x->name, strlen(x->name), false);
	if (!rc)
		rc = buf_printf(b, "=%s", base64);
	free(base64);
	return rc == -EFBIG ? -ENOSPC : rc;
}

/* Appends vers3-xattr-<n>. */
static int xattr_write(const struct objattr_xattr *x, size_t n,
		       struct kvlist *meta)
{
	char meta_name[sizeof(XATTR_PREFIX) + 20];
	struct buf b;
	int rc;

	buf_init(&b, 3 * XATTR_NAME_MAX + XATTR_SIZE_MAX * 2);
	rc = text_write(x, &b);
	snprintf(meta_name, sizeof(meta_name), XATTR_PREFIX "%zu", n);
	if (!rc)
		rc = kvlist_add(meta, meta_name, b.data);
	buf_release(&b);
	return rc;
}

int objxattr_pack(const struct objattr_xattrs *x, struct buf *text)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < x->count; i++) {
		rc = text_write(&x->items[i], text);
		if (!rc)
			rc = buf_putc(text, '\n');
	}
	return rc == -EFBIG ? -ENOSPC : rc;
}

int objxattr_unpack(char *text, struct objattr_xattrs *x)
{
	char *line;
	int rc = 0;

	while (!rc && (line = strsep(&text, "\n")))
		rc = xattr_read(line, x);
	return rc;
}

int objxattr_read(const struct kvlist *meta, struct objattr_xattrs *ret_xattrs)
{
	struct objattr_xattrs x = {0};
	int rc = 0;

	for (size_t i = 0; i < meta->count && !rc; i++) {
		if (is_xattr(meta->items[i].name))
			rc = xattr_read(meta->items[i].value, &x);
	}
	if (rc)
		objattr_xattrs_release(&x);
	else
		*ret_xattrs = x;
	return rc;
}

int objxattr_write(const struct objattr_xattrs *x, struct kvlist *meta)
{
	size_t i = 0;
	int rc = 0;

	while (i < meta->count) {
		if (is_xattr(meta->items[i].name))
			kvlist_del(meta, meta->items[i].name);
		else
			i++;
	}
	for (i = 0; x && i < x->count && !rc; i++)
		rc = xattr_write(&x->items[i], i, meta);
	return rc;
}
