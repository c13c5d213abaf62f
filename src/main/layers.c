/* SPDX-License-Identifier: Apache-2.0 */
/* The composition of an object store, layer by layer. */
#include "layers.h"

#include <stdio.h>

#include "vers3/store/limit.h"
#include "vers3/store/metrics.h"
#include "vers3/store/trace.h"

#define UNLIMITED 16 /* connections for what goes past the limit: probes */

/* Each takes the one below over, also on failure. */
int layers_new(const struct s3_config *s3, const struct retry_config *retry,
	       char *reason, size_t size, struct layers *layers)
{
	struct layers l = {.top = NULL};
	struct s3_config config = *s3;
	int rc;

	*layers = l;
	if (!config.max_connections)
		config.max_connections = LIMIT_MAX + UNLIMITED;
	rc = s3_store_new(&config, reason, size, &l.s3);
	if (rc)
		return rc;
	snprintf(reason, size, "no memory");
	l.top = l.s3;
	rc = metrics_store_new(&l.top, &l.top);
	if (rc)
		return rc;
	l.metrics = l.top;
	rc = trace_store_new(&l.top, &l.top);
	if (rc)
		return rc;
	l.probe = l.top;
	rc = limit_store_new(&l.top, &l.top);
	if (rc)
		return rc;
	rc = retry_store_new(retry, &l.top, &l.top);
	if (rc)
		return rc;
	l.retry = l.top;
	*layers = l;
	return 0;
}

void layers_end(struct layers *layers)
{
	if (!layers->top)
		return;
	retry_store_set_mood(layers->retry, RETRY_NEVER);
	s3_store_end(layers->s3);
}

void layers_release(struct layers *layers)
{
	store_free(layers->top);
	*layers = (struct layers){.top = NULL};
}
