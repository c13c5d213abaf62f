/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dirty table: each object key whose state in the bucket differs, or may
 * differ, from the namespace, with what the bucket is known to hold there.
 * Ordered a second time by when it is due. All calls need meta_lock().
 *
 * A key is the path below the mount's prefix; a directory's marker ends in
 * '/'. It may be longer than LMDB's keys can be: then the record is filed under
 * a SHA-256 of it.
 */
#ifndef VERS3_META_DIRTY_H
#define VERS3_META_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"

#define META_TRIED_MAX	   (4 * (META_ETAG_MAX + 1))
#define META_TRIED_NOTHING "-"
#define META_TRIED_UNKNOWN "?"

struct meta_dirty {
	char key[META_KEY_MAX + 1];
	struct meta_version known; /* what the bucket holds; key "" : nothing */
	int64_t since_ns; /* realtime of the first change */
	int64_t due_ns; /* realtime: not to be sent before */
	uint64_t seq; /* meta_next_id() at the oldest change not yet sent */
	uint32_t fails; /* failed tries since the last mark */
	int32_t error; /* errno of the last failure */
	char depends_on[META_KEY_MAX +
			1]; /* not before this key is clean; "" */
	/*
	 * What requests may have made of the key whose outcome is not known,
	 * noted before they go out: ETags, META_TRIED_NOTHING for a delete,
	 * META_TRIED_UNKNOWN, each with a blank behind it. "" : none is open.
	 */
	char tried[META_TRIED_MAX + 1];
};

/*
 * Adds to such a list what is not in it yet (etag "" : not known); the oldest
 * goes where there is no room. Any thread; no lock.
 */
void meta_tried_add(char tried[META_TRIED_MAX + 1], const char *etag);
/* Whether one of them made this; what is not known made nothing. */
bool meta_tried_has(const char *tried, const char *etag);

/* 0, -ENOENT, -EIO. */
int meta_dirty_get(struct meta *m, const char *key, struct meta_dirty *ret);
/* When it is due alone: a fraction of what reading all costs. */
int meta_dirty_due(struct meta *m, const char *key, int64_t *ret_due_ns);
/* Adds or replaces, keeping the order by due_ns right. */
int meta_dirty_put(struct meta *m, const struct meta_dirty *d);
/* The same for a key that has no record, as the caller has just seen. */
int meta_dirty_add(struct meta *m, const struct meta_dirty *d);
/* 0, -ENOENT, -EIO. */
int meta_dirty_del(struct meta *m, const char *key);
/*
 * The first record in order of (due_ns, key) after the position in
 * *cursor; start with META_DIRTY_START. 0 (cursor moved), -ENOENT.
 */
struct meta_dirty_cursor {
	unsigned char at[META_KEY_BUF];
	unsigned len;
};
#define META_DIRTY_START ((struct meta_dirty_cursor){{0}, 0})
int meta_dirty_next(struct meta *m, struct meta_dirty_cursor *cursor,
		    struct meta_dirty *ret);
/*
 * The first key, in the order of their bytes, from `from` on (behind it, with
 * `behind`) that begins with prefix, as `from` does; into ret_key, of
 * META_KEY_MAX + 1 bytes. 0, -ENOENT, -EIO.
 */
int meta_dirty_from(struct meta *m, const char *from, bool behind,
		    const char *prefix, char *ret_key);
/* 1 when a key begins with prefix, 0 when none does, -EIO. */
int meta_dirty_any_below(struct meta *m, const char *prefix);
/*
 * The same for keys of files: 0 also when dozens of directories' come first,
 * or when only keys too long for the table's order are there.
 */
int meta_dirty_file_below(struct meta *m, const char *prefix);
uint64_t meta_dirty_count(struct meta *m);

#endif
