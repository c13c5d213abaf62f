/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failover layer: what the bucket's server cannot answer, its replica does.
 *
 * Only for requests that are `pinned` (store.h): a version that is immutable is
 * the same in both, so no older content can come under a newer name. Lists,
 * names without a version and all that changes something go to the bucket
 * alone. The replica's answer counts if it says the same version id, or, where
 * a copy has ids of its own, the same ETag; sizes and checksums are the
 * caller's to compare, as with any answer.
 *
 * Once the server could not be had, a circuit breaker
 * (martinfowler.com/bliki/CircuitBreaker.html) asks the replica first, and a
 * thread looks whether the server is back; the first answer it gives to anybody
 * closes the breaker.
 */
#ifndef VERS3_STORE_FAILOVER_H
#define VERS3_STORE_FAILOVER_H

#include "vers3/store/store.h"

struct failover_config {
	/* Both borrowed. The replica outlives the layer. */
	struct store *replica;
	struct store *probe; /* a layer below, which sends nothing again */
	int64_t probe_ns; /* between two looks; 0: 5 s */
};

struct failover_stats {
	bool degraded; /* the replica is asked first */
	int64_t since_mono_ns; /* likewise: since then */
	uint64_t reads; /* that the replica has answered */
	uint64_t missing; /* that neither could answer */
};

/*
 * Takes *below, the stack of the bucket, over, also on failure. 0, -ENOMEM, or
 * what a thread could not be started for.
 */
int failover_store_new(const struct failover_config *config,
		       struct store **below, struct store **ret_store);
/* s: the layer. Any thread. */
void failover_store_read(struct store *s, struct failover_stats *ret);

#endif
