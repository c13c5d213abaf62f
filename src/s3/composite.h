/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions that take several requests where a server's own one does not do, or
 * tell, all of it. Private to this folder; any thread. As store_call().
 */
#ifndef VERS3_SRC_S3_COMPOSITE_H
#define VERS3_SRC_S3_COMPOSITE_H

#include "client.h"
#include "vers3/store/store.h"

/* CompleteMultipartUpload, and the ETag where its answer lacks it. */
int composite_complete(struct client *c, struct store_request *r);
/*
 * CopyObject; or, where the server cannot copy what is encrypted, or would not
 * encrypt what it copies, an upload of one part that is copied.
 */
int composite_copy(struct client *c, struct store_request *r);

#endif
