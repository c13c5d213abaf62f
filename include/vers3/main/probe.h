/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of the bucket before anything is mounted, and what its
 * answers mean to the person who mounts it.
 */
#ifndef VERS3_MAIN_PROBE_H
#define VERS3_MAIN_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/store/store.h"

enum probe_versioning {
	PROBE_UNVERSIONED,
	PROBE_SUSPENDED,
	PROBE_VERSIONED,
	PROBE_UNKNOWN, /* not allowed to ask */
};

/* What messages name; all borrowed. */
struct probe_about {
	const char *bucket;
	const char *url; /* where the requests go */
	const char *region; /* in use; "" or NULL: not known */
	const char *ca_file; /* NULL: the system's */
};

/*
 * Asks HeadBucket and GetBucketVersioning. 0, or -errno with one line in
 * reason that says what to do. A clock that is off by more than S3's 15
 * minutes is an error (-ESTALE), also where the server let it pass.
 */
int probe_bucket(struct store *store, const struct probe_about *about,
		 char *reason, size_t size, enum probe_versioning *ret);
/* Sends PutBucketVersioning Enabled. As probe_bucket(). */
int probe_enable_versioning(struct store *store,
			    const struct probe_about *about, char *reason,
			    size_t size);
/*
 * Whether what these returned says that the server cannot be reached, or
 * does not work, for now: it may all be different in a minute.
 */
bool probe_is_outage(int rc);

/* Pure parts. */
/* A VersioningConfiguration document. 0 or -EIO. */
int probe_parse_versioning(const char *doc, size_t len,
			   enum probe_versioning *ret);
/* One line on why a request failed, and what to do. */
void probe_explain(const struct probe_about *about, int rc,
		   const struct store_reply *reply, char *reason, size_t size);
#endif
