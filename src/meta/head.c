/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata and headers of an inode's object as they came, and tags that it
 * is to have again.
 */
#include "vers3/meta/inode.h"

#include "vers3/meta/record.h"
#include "vers3/util/buf.h"

#define HEAD_MAX (1 << 20) /* S3 sends 8 KiB of headers at the most */

static int get_pairs(struct meta *m, enum meta_table t, uint64_t ino,
		     struct kvlist *ret_list)
{
	struct kvlist list;
	unsigned char key[8];
	struct meta_val val;
	int rc;

	meta_be64(key, ino);
	rc = meta_get(m, t, key, sizeof(key), &val);
	if (rc)
		return rc;
	kvlist_init(&list);
	rc = record_decode_pairs(&val, &list);
	if (rc) {
		kvlist_release(&list);
		return rc;
	}
	kvlist_release(ret_list);
	*ret_list = list;
	return 0;
}

static int put_pairs(struct meta *m, enum meta_table t, uint64_t ino,
		     const struct kvlist *list)
{
	unsigned char key[8];
	struct buf b;
	int rc;

	buf_init(&b, HEAD_MAX);
	rc = record_encode_pairs(list, &b);
	if (rc)
		goto out;
	meta_be64(key, ino);
	rc = meta_put(m, t, key, sizeof(key), b.data, b.len);
out:
	buf_release(&b);
	return rc;
}

static int del_pairs(struct meta *m, enum meta_table t, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_del(m, t, key, sizeof(key));
}

int meta_head_get(struct meta *m, uint64_t ino, struct kvlist *ret_list)
{
	return get_pairs(m, META_HEAD, ino, ret_list);
}

int meta_head_put(struct meta *m, uint64_t ino, const struct kvlist *list)
{
	return put_pairs(m, META_HEAD, ino, list);
}

int meta_head_del(struct meta *m, uint64_t ino)
{
	return del_pairs(m, META_HEAD, ino);
}

int meta_tags_get(struct meta *m, uint64_t ino, struct kvlist *ret_list)
{
	return get_pairs(m, META_TAGS, ino, ret_list);
}

int meta_tags_put(struct meta *m, uint64_t ino, const struct kvlist *list)
{
	return put_pairs(m, META_TAGS, ino, list);
}

int meta_tags_del(struct meta *m, uint64_t ino)
{
	return del_pairs(m, META_TAGS, ino);
}
