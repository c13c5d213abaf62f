/* SPDX-License-Identifier: Apache-2.0 */
/* What a server itself says of when an object expires. Any thread. */
#ifndef VERS3_SRC_UPKEEP_EXPIRATION_H
#define VERS3_SRC_UPKEEP_EXPIRATION_H

#include <stdint.h>

#include "vers3/store/store.h"

struct expiration {
	int64_t when_ns; /* 0: it says nothing */
	char rule[256];
};

/*
 * Reads x-amz-expiration: expiry-date="Fri, 21 Dec 2012 00:00:00 GMT",
 * rule-id="a%20rule". 0 or -EINVAL. Pure.
 */
int expiration_parse(const char *text, struct expiration *ret_expiration);
/*
 * Asks for it of a key's current version (S3 API: HeadObject): 0, also where it
 * says nothing that is understood, or there is no such object; or -errno.
 */
int expiration_ask(struct store *store, const char *key,
		   struct expiration *ret_expiration);

#endif
