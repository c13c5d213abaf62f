/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version as the records of META_HISTORY and META_PAST hold it: numbers as
 * this machine has them, then the version id and the ETag, each with its NUL.
 */
#ifndef VERS3_SRC_HISTORY_FILED_H
#define VERS3_SRC_HISTORY_FILED_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/history/history.h"
#include "vers3/meta/meta.h"

#define FILED_HEAD  24
#define FILED_MARKS 2 /* what else it is, as its table says */
#define FILED_MAX   (FILED_HEAD + META_VERSION_MAX + 1 + META_ETAG_MAX + 1)

/* Returns how many of the FILED_MAX bytes at val it takes. */
size_t filed_pack(const struct history_entry *e,
		  const uint8_t marks[FILED_MARKS], char *val);
/*
 * 0, or -EIO for what cannot be understood. The fields of ret that are not
 * filed stay as they are.
 */
int filed_unpack(const struct meta_val *val, struct history_entry *ret,
		 uint8_t ret_marks[FILED_MARKS]);

#endif
