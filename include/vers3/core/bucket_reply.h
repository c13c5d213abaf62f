/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server says of the bucket's own configuration, in words.
 *
 * Any thread; pure. reason is the caller's, of size bytes, and ends in NUL.
 */
#ifndef VERS3_CORE_BUCKET_REPLY_H
#define VERS3_CORE_BUCKET_REPLY_H

#include "vers3/store/store.h"

/*
 * The answer to op as one line: the server's words, else the errno's, the
 * request's id, and the right that is missing where that is why.
 */
void bucket_explain(enum store_op op, const struct store_reply *reply, int rc,
		    char *reason, size_t size);

#endif
