/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all requests of one S3 store share and some of them change: the
 * endpoint, the credentials, the clock's skew. Private to this folder.
 *
 * Every function may be called by any thread.
 */
#ifndef VERS3_SRC_S3_CLIENT_H
#define VERS3_SRC_S3_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/s3/cred.h"
#include "vers3/s3/endpoint.h"
#include "vers3/s3/s3.h"
#include "vers3/s3/sigv4.h"

struct client;

/* As s3_store_new(). */
int client_new(const struct s3_config *config, char *reason, size_t size,
	       struct client **ret_client);
/* No request may be under way. NULL is fine. */
void client_free(struct client *c);

struct http *client_http(struct client *c);
const struct s3_request_config *client_request_config(const struct client *c);
/* What is said of encryption; borrowed. */
struct sse *client_sse(struct client *c);
/* Valid until client_free(), also after another has taken its place. */
const struct endpoint *client_endpoint(struct client *c);
/* Was the region given or confirmed, rather than assumed? */
bool client_region_known(struct client *c);
void client_confirm_region(struct client *c);
/*
 * Uses another region from now on. 0; -EALREADY when `used` is no longer the
 * endpoint in use (someone else was faster); -EINVAL, -ENOMEM.
 */
int client_set_region(struct client *c, const struct endpoint *used,
		      const char *region);

/*
 * The credentials to sign with, to be unref'ed; NULL: requests are anonymous.
 * Those about to expire are loaded anew first.
 */
struct cred *client_cred(struct client *c);
/*
 * Loads the credentials again, unless they are no longer `used` (NULL: in any
 * case). True when others than `used` are there to try. reason may be NULL.
 */
bool client_reload(struct client *c, const struct cred *used, int *ret_err);

/* Whether the server takes requests that ask for checks of objects. */
enum client_sums {
	CLIENT_SUMS_UNKNOWN, /* they are sent, to see */
	CLIENT_SUMS_TAKEN,
	CLIENT_SUMS_REFUSED,
};
enum client_sums client_sums(struct client *c);
/* A request with, or without, was carried out; the first one counts. */
void client_note_sums(struct client *c, enum client_sums sums);

/* The time, as the server sees it. */
int64_t client_now_ns(struct client *c);
void client_set_skew(struct client *c, int64_t skew_ns);
/* Fills in a signer for this moment, which borrows from cred and endpoint. */
int client_signer(struct client *c, const struct cred *cred,
		  const struct endpoint *endpoint, struct sigv4_signer *ret);

#endif
