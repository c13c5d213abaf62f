/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4 for S3, as functions without state: the same
 * inputs give the same bytes. See "Authenticating Requests (AWS Signature
 * Version 4)" of the Amazon S3 API reference.
 */
#ifndef VERS3_S3_SIGV4_H
#define VERS3_S3_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/s3/digest.h"
#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

#define SIGV4_UNSIGNED	"UNSIGNED-PAYLOAD"
#define SIGV4_DATE_SIZE 17 /* "20130524T000000Z" */

/* Who signs, when and where. All borrowed. */
struct sigv4_signer {
	const struct digest *digest;
	const char *access_key;
	const char *region;
	int64_t time_ns; /* since the epoch */
	uint8_t key[DIGEST_BYTES]; /* of sigv4_key() */
};

/* What is signed. All borrowed. */
struct sigv4_request {
	const char *method;
	const char *path; /* encoded once, as it stands in the URL */
	const char *query; /* as uri_query() writes it; "" for none */
	const struct kvlist *headers; /* each of them is signed */
	const char *payload; /* SHA-256 in hexadecimal, or SIGV4_UNSIGNED */
};

/*
 * The signing key of the signer's day and region, into signer->key, from the
 * secret. The key holds for all requests of that (UTC) day. 0 or -ENOMEM.
 */
int sigv4_key(struct sigv4_signer *signer, const char *secret_key);
/*
 * Appends the canonical request, and the names of its headers to
 * signed_headers. 0 or -ENOMEM, -EFBIG.
 */
int sigv4_canonical(const struct sigv4_request *r, struct buf *ret_text,
		    struct buf *ret_signed_headers);
/* Appends the string to sign for a canonical request. Errors likewise. */
int sigv4_string_to_sign(const struct sigv4_signer *signer,
			 const struct buf *canonical, struct buf *ret_text);
/*
 * Appends the value of the Authorization header. The headers already carry
 * host, x-amz-date and x-amz-content-sha256. Errors likewise.
 */
int sigv4_authorization(const struct sigv4_signer *signer,
			const struct sigv4_request *r, struct buf *ret_value);
/*
 * Appends the query of a presigned URL: r's parameters (r->query is not
 * looked at) with the signature's. r->headers is usually host alone;
 * seconds is at most 604,800 and session_token may be NULL. Errors likewise.
 */
int sigv4_presign(const struct sigv4_signer *signer,
		  const struct sigv4_request *r, const struct kvlist *params,
		  const char *session_token, unsigned seconds,
		  struct buf *ret_query);

#endif
