/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request, sent again with what its answer shows to be wrong: the region,
 * the time, the credentials, the key of SSE-C. Private to this folder; any
 * thread.
 */
#ifndef VERS3_SRC_S3_REPAIR_H
#define VERS3_SRC_S3_REPAIR_H

#include "client.h"
#include "vers3/store/store.h"

/* As store_call(). */
int repair_call(struct client *c, struct store_request *r);

#endif
