/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials: where they come from, and their safe end. Constant once
 * loaded, counted, shared by threads. Their memory is overwritten at the end.
 *
 * Looked for in this order: the keys of a profile that was asked for by name;
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the profile
 * AWS_PROFILE, else "default". In a profile: its keys, else the output of its
 * credential_process.
 */
#ifndef VERS3_S3_CRED_H
#define VERS3_S3_CRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/util/kv.h"

struct cred {
	char *access_key;
	char *secret_key; /* never logged */
	char *session_token; /* NULL: none. Never logged */
	int64_t expires_ns; /* since the epoch; 0: not told */
	const char *source; /* for the log: "environment"... */
	unsigned refs; /* atomic */
};

/*
 * Loads them. profile NULL: none was asked for. settings (initialised by the
 * caller) gets those of the profile whatever the keys' source: region,
 * endpoint_url and so on; release them with profile_release(). 0; -ENOKEY
 * when there are none, -EINVAL when a file is not understood, -ENOMEM: then
 * reason (size bytes) has one line that says what to do.
 */
int cred_load(const char *profile, struct kvlist *settings, struct cred **ret,
	      char *reason, size_t size);
/*
 * Credentials from what a credential_process prints: version 1 of the JSON
 * document in "Sourcing credentials with an external process" of the AWS CLI
 * guide. 0, -EINVAL, -ENOMEM.
 */
int cred_parse_process(const char *json, size_t len, struct cred **ret);
/* The settings of the profile alone, for anonymous use. Errors likewise. */
int cred_settings(const char *profile, struct kvlist *settings, char *reason,
		  size_t size);
struct cred *cred_ref(struct cred *c);
/* Drops a reference; the last one wipes them. NULL is fine. */
void cred_unref(struct cred *c);
/* The same keys and token? */
bool cred_equal(const struct cred *a, const struct cred *b);

#endif
