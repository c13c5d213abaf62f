/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace layer: one debug line a request: operation, key, status, time,
 * bytes and the server's request id. Asks the log level first.
 */
#ifndef VERS3_STORE_TRACE_H
#define VERS3_STORE_TRACE_H

#include "vers3/store/store.h"

/* Takes *below over, also on failure. 0 or -ENOMEM. */
int trace_store_new(struct store **below, struct store **ret_store);

#endif
