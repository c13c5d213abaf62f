/* SPDX-License-Identifier: Apache-2.0 */
/* From an HTTP answer to a store request's reply. */
#ifndef VERS3_S3_REPLY_H
#define VERS3_S3_REPLY_H

#include "vers3/net/http.h"
#include "vers3/store/store.h"
#include "vers3/util/buf.h"

/*
 * Fills r->reply, which is empty, from a whole answer; doc is its body where
 * that did not go to the sink. Lists are handed to r->on_entry from here, on
 * the caller's thread. What store_call() returns.
 */
int s3_reply_read(struct store_request *r, const struct http_request *http,
		  const struct buf *doc);
/*
 * Hands what the headers of a GET's answer say to r->head; what that returns.
 */
int s3_reply_head(const struct store_request *r,
		  const struct http_request *http);

#endif
