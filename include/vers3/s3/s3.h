/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The S3 client: the last layer of the object store, over libcurl, with
 * Signature Version 4. See the Amazon S3 API reference.
 */
#ifndef VERS3_S3_S3_H
#define VERS3_S3_S3_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/store/store.h"

/* Strings are copied by s3_store_new(). NULL: the default. */
struct s3_config {
	const char *bucket;
	const char *endpoint; /* URL; NULL: AWS's for the region */
	const char *region; /* NULL: from profile/env, else discovered */
	const char *profile; /* NULL: AWS_PROFILE, else "default" */
	const char *ca_file; /* PEM; NULL: AWS_CA_BUNDLE, else the system's */
	bool path_style; /* also taken for IP hosts and dotted buckets */
	bool no_sign_request; /* anonymous */
	bool requester_pays;
	unsigned connect_timeout_s; /* 0: 5 */
	unsigned read_timeout_s; /* without a byte either way; 0: 30 */
	unsigned max_connections; /* 0: 64 */
};

/*
 * Makes the client; sends nothing yet. 0, -ENOKEY when no credentials are
 * found, -EINVAL for a bad endpoint or config file, -ENOMEM. On failure
 * reason (size bytes) gets one line that says what to do.
 */
int s3_store_new(const struct s3_config *config, char *reason, size_t size,
		 struct store **ret_store);
/*
 * Ends all that is under way, and what comes later, with -ESHUTDOWN. Any
 * thread; does not wait.
 */
void s3_store_end(struct store *s);
/* Reads the credentials again, as `reload` and an expired token ask. */
int s3_store_reload(struct store *s);
/* The region in use, borrowed; "" while it is not known. */
const char *s3_store_region(struct store *s);
/* The URL of the bucket as requests see it, borrowed. */
const char *s3_store_url(struct store *s);
/*
 * A URL that lets anyone GET the object (version_id NULL: the current one)
 * for that many seconds, 604,800 at most. Sends nothing. The caller frees
 * *ret_url. 0, -EINVAL, -EACCES without credentials to sign with, -ENOMEM.
 */
int s3_store_presign(struct store *s, const char *key, const char *version_id,
		     unsigned seconds, char **ret_url);

#endif
