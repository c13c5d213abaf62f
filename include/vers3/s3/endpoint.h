/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a bucket is: the URL that its requests go to, and the region that
 * they are signed for. Constant once made.
 */
#ifndef VERS3_S3_ENDPOINT_H
#define VERS3_S3_ENDPOINT_H

#include <stdbool.h>

struct endpoint_config {
	const char *bucket;
	const char *url; /* of the server; NULL: AWS's for the region */
	const char *region;
	bool path_style; /* also taken where a host name cannot do it */
};

struct endpoint {
	struct endpoint *older; /* for the owner's own list */
	char *region;
	char *authority; /* the Host header */
	char *base; /* path before a key's '/', encoded: "", "/bucket" */
	char *url; /* of the bucket: scheme, authority and base */
	bool tls;
};

/* 0, -EINVAL for a bad URL, -ENOMEM. */
int endpoint_new(const struct endpoint_config *config,
		 struct endpoint **ret_endpoint);
/* NULL is fine. */
void endpoint_free(struct endpoint *e);
/*
 * Can this be a bucket's name? The rules of S3, less strict where servers
 * are: 1 to 255 of letters, digits, '.', '-' and '_'.
 */
bool endpoint_bucket_ok(const char *bucket);
/* Whether a URL is of Amazon's own S3. Pure. */
bool endpoint_is_amazon(const char *url);

#endif
