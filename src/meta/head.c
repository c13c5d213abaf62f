/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata and headers of an inode's object as they came: names and
 * values in turn, each ended by a NUL.
 */
#include "vers3/meta/inode.h"

#include <errno.h>
#include <string.h>

#include "vers3/util/buf.h"

#define HEAD_MAX (1 << 20) /* S3 sends 8 KiB of headers at the most */

/* The string at *at, which moves past it; NULL when no NUL ends it. */
static const char *next_str(const char **at, const char *end)
{
	const char *s = *at;
	const char *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	if (!nul)
		return NULL;
	*at = nul + 1;
	return s;
}

static int decode(const struct meta_val *val, struct kvlist *list)
{
	const char *at = val->data, *end = at + val->size;

	while (at < end) {
		const char *name = next_str(&at, end);
		const char *value = name ? next_str(&at, end) : NULL;
		int rc;

		if (!value)
			return -EIO;
		rc = kvlist_add(list, name, value);
		if (rc)
			return rc == -E2BIG ? -EIO : rc;
	}
	return 0;
}

int meta_head_get(struct meta *m, uint64_t ino, struct kvlist *ret_list)
{
	struct kvlist list;
	unsigned char key[8];
	struct meta_val val;
	int rc;

	meta_be64(key, ino);
	rc = meta_get(m, META_HEAD, key, sizeof(key), &val);
	if (rc)
		return rc;
	kvlist_init(&list);
	rc = decode(&val, &list);
	if (rc) {
		kvlist_release(&list);
		return rc;
	}
	kvlist_release(ret_list);
	*ret_list = list;
	return 0;
}

int meta_head_put(struct meta *m, uint64_t ino, const struct kvlist *list)
{
	unsigned char key[8];
	struct buf b;
	int rc = 0;

	buf_init(&b, HEAD_MAX);
	for (size_t i = 0; !rc && i < list->count; i++) {
		const struct kv *kv = &list->items[i];

		rc = buf_add(&b, kv->name, strlen(kv->name) + 1);
		if (!rc)
			rc = buf_add(&b, kv->value, strlen(kv->value) + 1);
	}
	if (rc)
		goto out;
	meta_be64(key, ino);
	rc = meta_put(m, META_HEAD, key, sizeof(key), b.data, b.len);
out:
	buf_release(&b);
	return rc;
}

int meta_head_del(struct meta *m, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_del(m, META_HEAD, key, sizeof(key));
}
