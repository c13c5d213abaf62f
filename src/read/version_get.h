/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ranged GET that gives bytes of one version, or fails.
 */
#ifndef VERS3_SRC_READ_VERSION_GET_H
#define VERS3_SRC_READ_VERSION_GET_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/store/store.h"
#include "vers3/util/crc.h"

struct version_get {
	const struct meta_version *version; /* borrowed */
	uint64_t offset, length; /* inside the version, length > 0 */
	store_sink_fn sink; /* must count: a body may end early */
	void *sink_ctx;
	bool told; /* out: what follows is known; before the first byte */
	bool md5_etag; /* out: the ETag is the body's MD5, as far as is told */
	/* out: the body's check, as far as is told; text "" : none */
	enum crc_kind crc;
	char crc_text[CRC_TEXT_SIZE];
};

/*
 * Blocks. 0 when the server says that it answered from this very version;
 * -ESTALE when it has that version no more, or gives another one; -ETIMEDOUT,
 * -EACCES, -EREMOTE, -ENOMEM; all else is -EIO. What failed is logged.
 */
int version_get(struct store *store, const char *prefix, struct version_get *g);
/*
 * The check of a whole body that an answer tells, for an object with that ETag;
 * false: none. What was put together of parts may have a check of their checks
 * instead, which no body has. Pure.
 */
bool version_crc(const char *etag, const struct store_object *o,
		 enum crc_kind *ret_kind, char text[CRC_TEXT_SIZE]);

#endif
