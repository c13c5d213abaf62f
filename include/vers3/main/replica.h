/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica of a mount's bucket, as replica= and its kin name it: a bucket
 * that holds the same keys and versions, in another region or at another
 * server. It has layers of its own, as the mount's bucket has.
 *
 * One that is away does not hinder a mount; a name that is wrong does, so that
 * whoever mounts hears of it.
 */
#ifndef VERS3_MAIN_REPLICA_H
#define VERS3_MAIN_REPLICA_H

#include <stddef.h>

#include "vers3/main/options.h"
#include "vers3/s3/s3.h"
#include "vers3/store/store.h"

struct replica;

/*
 * Makes its store; sends nothing. Borrows the options, in which replica= is
 * set; own_url is that of the mount's bucket (s3_store_url()), which cannot be
 * its own replica. 0 or -errno with one line in reason (size bytes).
 */
int replica_new(const struct options *o, const char *own_url, char *reason,
		size_t size, struct replica **ret_replica);
/*
 * Asks whether the bucket is there, and keeps versions; no longer than for
 * connect_timeout= and a second. 0; 0 with a warning in reason, where it is
 * away for now or keeps no versions; or -errno with one line on what is wrong.
 */
int replica_probe(struct replica *r, char *reason, size_t size);
/* Borrowed, until replica_free(): the top, the metrics, the last layer. */
struct store *replica_store(struct replica *r);
struct store *replica_metrics(struct replica *r);
struct store *replica_s3(struct replica *r);
/* Reads the credentials again; any thread. */
void replica_reload(struct replica *r);
/* As the mount ends: no long tries any more; then none at all. NULL is fine. */
void replica_set_ending(struct replica *r);
void replica_end(struct replica *r);
/* NULL is fine. */
void replica_free(struct replica *r);

/*
 * Pure: the text of a message about a server, with each option in it by the
 * name that it has for the replica ("replica_region=" for "region=").
 */
void replica_name_options(const char *text, char *buf, size_t size);

#endif
