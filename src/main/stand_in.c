/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the journal of a failover; puts the layers of a replica together. */
#include "stand_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/s3/s3.h"
#include "vers3/store/failover.h"
#include "vers3/store/standby.h"

#define JOURNAL_NAME "failover"

int stand_in_reads(struct stand_in *in, struct replica *replica,
		   struct layers *layers, char *reason, size_t size)
{
	const struct failover_config config = {
		.replica = replica_store(replica),
		.probe = layers->probe,
	};
	int rc = failover_store_new(&config, &layers->top, &layers->top);

	if (rc)
		snprintf(reason, size, "%s", strerror(-rc));
	else
		in->failover = layers->top;
	return rc;
}

/* The journal, if there is one or may be one; in->journal is NULL else. */
static int open_journal(struct stand_in *in, const struct options *o,
			const char *path, struct replica *replica, char *reason,
			size_t size)
{
	const char *place = replica ? s3_store_url(replica_s3(replica)) : "";
	int rc;

	if (!replica && access(path, F_OK) && errno == ENOENT)
		return 0;
	rc = key_journal_open(path, place, &in->journal);
	if (rc == -EXDEV)
		snprintf(reason, size,
			 "a replica stands in for bucket %s since a failover, "
			 "and what was written there is to be brought back: "
			 "mount with the replica= of then, and run vers3ctl "
			 "failback",
			 o->bucket);
	else if (rc)
		snprintf(reason, size, "%s: %s", path,
			 rc == -EILSEQ ? "this is no journal of a failover"
				       : strerror(-rc));
	return rc;
}

int stand_in_writes(struct stand_in *in, const struct options *o,
		    const char *cache_path, struct replica *replica,
		    struct layers *layers, char *reason, size_t size)
{
	char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/" JOURNAL_NAME, cache_path) < 0) {
		snprintf(reason, size, "no memory");
		return -ENOMEM;
	}
	rc = open_journal(in, o, path, replica, reason, size);
	free(path);
	/* Who only reads can begin none, but goes on with one that is on. */
	if (rc || !replica ||
	    (o->read_only && !key_journal_is_begun(in->journal)))
		return rc;
	rc = standby_store_new(replica_store(replica), in->journal,
			       &layers->top, &layers->top);
	if (rc)
		snprintf(reason, size, "%s", strerror(-rc));
	else
		in->standby = layers->top;
	return rc;
}

void stand_in_release(struct stand_in *in)
{
	key_journal_free(in->journal);
	*in = (struct stand_in){.journal = NULL};
}
