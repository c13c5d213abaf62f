/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the records in META_HISTORY (history.c says which there are). */
#ifndef VERS3_SRC_HISTORY_HISTORY_KEY_H
#define VERS3_SRC_HISTORY_HISTORY_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"

#define HISTORY_DIR_HASH  16 /* bytes of D and of W */
#define HISTORY_WALK_SIZE (HISTORY_DIR_HASH + 8) /* of a walk's own record */
#define HISTORY_WALK_KEY  "walk" /* with its NUL */

struct history_key {
	unsigned char at[HISTORY_DIR_HASH + 1 + META_NAME_MAX + 1 + 8];
	size_t len;
};

/* D of a path of len bytes, or W of one of its walks (0: none). */
void history_key_dir_of(struct history_key *k, const char *path, size_t len,
			uint64_t walk);
/* What follows; what does not fit is left out: no name is as long. */
void history_key_add(struct history_key *k, const void *data, size_t len);
/* D kind [name] */
void history_key_stamp(struct history_key *k, const char *dir, size_t dir_len,
		       char kind, const char *name);
/* W kind name [NUL] */
void history_key_found(struct history_key *k, const char *dir, size_t dir_len,
		       uint64_t walk, char kind, const char *name);
/* "walk" NUL number */
void history_key_walk(struct history_key *k, uint64_t walk);

#endif
