/* SPDX-License-Identifier: Apache-2.0 */
/* One request sent, one answer read. Private to this folder. */
#ifndef VERS3_SRC_S3_EXCHANGE_H
#define VERS3_SRC_S3_EXCHANGE_H

#include "client.h"
#include "vers3/s3/cred.h"
#include "vers3/s3/endpoint.h"
#include "vers3/store/store.h"

/*
 * Signs r with cred (NULL: not at all) for endpoint, sends it, and reads the
 * answer into r->reply, which is reset before. no_sums: asks for no checks of
 * objects; way: of sse_way(). As store_call().
 */
int exchange(struct client *c, const struct endpoint *endpoint,
	     const struct cred *cred, bool no_sums, unsigned way,
	     struct store_request *r);

#endif
