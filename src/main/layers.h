/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers of one object store, as a mount has it for its bucket, and once
 * more for its replica:
 *
 *	retry → limit → trace → metrics → S3
 *
 * Metrics stand right above S3, so that each try is counted, and its time is
 * the server's; who pauses before another try has no turn meanwhile. Made and
 * ended by one thread; the stores take calls from any.
 */
#ifndef VERS3_SRC_MAIN_LAYERS_H
#define VERS3_SRC_MAIN_LAYERS_H

#include <stddef.h>

#include "vers3/s3/s3.h"
#include "vers3/store/retry.h"
#include "vers3/store/store.h"

struct layers {
	struct store *top; /* owned; NULL: none were made */
	struct store *probe; /* borrowed, as all below: under the limit layer */
	struct store *metrics, *s3, *retry;
};

/*
 * Sends nothing. 0 or -errno with one line in reason (size bytes); *layers is
 * zeroed on failure. Borrows the configurations for the call.
 */
int layers_new(const struct s3_config *s3, const struct retry_config *retry,
	       char *reason, size_t size, struct layers *layers);
/* What is asked for from now on is wanted by nobody. Any thread. */
void layers_end(struct layers *layers);
/* Frees and zeroes; fine where there are none. */
void layers_release(struct layers *layers);

#endif
