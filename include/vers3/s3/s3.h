/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The S3 client: the last layer of the object store, over libcurl, with
 * Signature Version 4. See the Amazon S3 API reference.
 */
#ifndef VERS3_S3_S3_H
#define VERS3_S3_S3_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/s3/sse.h"
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
	struct sse_config sse; /* sse.h */
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
/* What is known of the keys, without them. */
struct s3_identity {
	bool anonymous;
	bool temporary; /* there is a session token */
	const char *source; /* for good; as in struct cred; NULL: anonymous */
	int64_t until_ns; /* since the epoch; 0: not told */
	char *file; /* owned by the caller; NULL: in none */
};
/* Sends nothing; keys that end within minutes are loaded anew. 0, -ENOMEM. */
int s3_store_identity(struct store *s, struct s3_identity *ret);
/*
 * What new objects are encrypted by, as headers that tell one setting from
 * another; borrowed.
 */
const struct kvlist *s3_store_encryption(struct store *s);

#define S3_PRESIGN_MAX_S 604800 /* Signature Version 4 allows no more */

/* What a presigned URL lets whoever has it do. */
struct s3_presign {
	const char *key;
	const char *version_id; /* NULL: the current one */
	bool put; /* PUT of a new version, else GET */
	unsigned seconds; /* 1 to S3_PRESIGN_MAX_S */
};

struct s3_presigned {
	char *url; /* owned by the caller */
	int64_t until_ns; /* since the epoch, by the server's clock */
	int64_t cred_until_ns; /* when its credentials end; 0: not known */
	bool bucket_sse; /* a PUT by it is not encrypted as we would */
};

/*
 * Makes such a URL. Sends nothing, but credentials that end within minutes are
 * loaded anew. 0, -EINVAL, -EACCES without credentials to sign with,
 * -EOPNOTSUPP where it would need a key of SSE-C, -ENOMEM.
 * S3 API: "Authenticating Requests: Using Query Parameters".
 */
int s3_store_presign(struct store *s, const struct s3_presign *what,
		     struct s3_presigned *ret);
/*
 * Appends the URL of an object, or of one version of it (NULL: the current
 * one), with no signature. 0, -EINVAL, -ENOMEM.
 */
int s3_store_object_url(struct store *s, const char *key,
			const char *version_id, struct buf *url);

#endif
