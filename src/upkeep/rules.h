/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket's lifecycle rules as they are now, with what the server says
 * beside them. Any thread, no lock held.
 */
#ifndef VERS3_SRC_UPKEEP_RULES_H
#define VERS3_SRC_UPKEEP_RULES_H

#include <stddef.h>

#include "vers3/s3/lifecycle.h"
#include "vers3/store/store.h"

/* Objects that are too small to change their class. */
enum lifecycle_minimum {
	MINIMUM_NONE, /* a server that has no such thing */
	MINIMUM_ALL, /* below 128 KiB nothing moves */
	MINIMUM_BY_CLASS, /* but to GLACIER and DEEP_ARCHIVE it does */
};

struct rules {
	struct lifecycle lifecycle;
	enum lifecycle_minimum minimum;
};

/*
 * Asks for them (S3 API: GetBucketLifecycleConfiguration); none are no error.
 * 0; or -errno with one line in reason (size bytes). Release them after 0.
 */
int rules_ask(struct store *store, struct rules *ret_rules, char *reason,
	      size_t size);
void rules_release(struct rules *rules);

#endif
