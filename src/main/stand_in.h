/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mount uses its replica for: reads that the bucket's server cannot
 * answer, and, from a failover to the failback, all there is. The layers that
 * do so, and the journal that outlives the mount.
 */
#ifndef VERS3_SRC_MAIN_STAND_IN_H
#define VERS3_SRC_MAIN_STAND_IN_H

#include <stddef.h>

#include "layers.h"
#include "vers3/main/options.h"
#include "vers3/main/replica.h"
#include "vers3/store/key_journal.h"

/* Zeroed where there is no replica. */
struct stand_in {
	struct store *failover; /* borrowed: of the layers; NULL: none */
	struct store *standby; /* likewise */
	struct key_journal *journal; /* owned */
};

/* Each takes the layers' top over. 0 or -errno with one line in reason. */
int stand_in_reads(struct stand_in *in, struct replica *replica,
		   struct layers *layers, char *reason, size_t size);
/*
 * cache_path: the mount's cache directory, which has the journal. replica may
 * be NULL: -EXDEV where one stands in since an earlier mount, as with another.
 */
int stand_in_writes(struct stand_in *in, const struct options *o,
		    const char *cache_path, struct replica *replica,
		    struct layers *layers, char *reason, size_t size);
/* After the layers were released. */
void stand_in_release(struct stand_in *in);

#endif
