/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store request as the HTTP request of its S3 API action: method, path,
 * query, headers and body, not yet signed.
 */
#ifndef VERS3_S3_REQUEST_H
#define VERS3_S3_REQUEST_H

#include <stdbool.h>

#include "vers3/net/http.h"
#include "vers3/s3/endpoint.h"
#include "vers3/s3/sse.h"
#include "vers3/store/store.h"
#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

struct s3_request {
	const char *method;
	struct buf path; /* encoded, from the server's root */
	struct kvlist query; /* not encoded */
	struct kvlist headers; /* names in lower case; host is among them */
	struct buf doc; /* a body that was made here */
	struct http_body body;
	bool has_body;
	bool is_doc; /* the body is a document: small */
};

/* What all requests to a bucket have in common. Borrowed. */
struct s3_request_config {
	const char *bucket;
	const struct digest *digest;
	bool requester_pays;
	bool no_sums; /* asks for no checks of objects */
	const struct sse *sse; /* NULL: nothing is said of encryption */
	unsigned sse_way; /* sse_way() */
};

/* Whether the checks that are kept of an object are asked for with this. */
bool s3_request_asks_sum(const struct store_request *r);

/*
 * Builds the request; release it, also after a failure. The body may borrow
 * from r. 0, -EINVAL for inputs that no request can be made of, -ENOMEM.
 */
int s3_request_build(const struct s3_request_config *config,
		     const struct endpoint *endpoint,
		     const struct store_request *r,
		     struct s3_request *ret_request);
void s3_request_release(struct s3_request *q);

#endif
