/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an outage begins and ends, by the last answer that the metrics know of;
 * and a patience, which is a deadline put around a call.
 */
#include "outage.h"

#include <errno.h>
#include <string.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/store/failover.h"
#include "vers3/store/metrics.h"
#include "vers3/store/store.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define OUTAGE_PAUSE_NS (5 * NS_PER_S)

/* Whether the server has answered any request since then. */
static bool has_answered(struct tree *tree, int64_t since_ns)
{
	struct metrics_snapshot m = {.answer_mono_ns = 0};

	if (tree->mount->metrics)
		metrics_store_read(tree->mount->metrics, &m);
	return m.answer_mono_ns > since_ns;
}

bool outage_is_on(struct tree *tree)
{
	struct outage *o = &tree->dirs->outage;
	int_fast64_t since = atomic_load(&o->since);

	if (!since)
		return false;
	if (has_answered(tree, since)) {
		/* Not the end of one that was noted since. */
		if (atomic_compare_exchange_strong(&o->since, &since, 0))
			log_info("the bucket answers again");
		return false;
	}
	return clock_mono_ns() < atomic_load(&o->until);
}

bool outage_holds(struct tree *tree)
{
	struct failover_stats st = {.degraded = false};

	if (outage_is_on(tree))
		return true;
	if (tree->mount->failover)
		failover_store_read(tree->mount->failover, &st);
	return st.degraded;
}

int outage_note(struct tree *tree, int64_t began_ns, int rc)
{
	struct outage *o = &tree->dirs->outage;
	int64_t now = clock_mono_ns();

	if (!store_is_outage(rc) || has_answered(tree, began_ns) ||
	    outage_is_on(tree))
		return rc;
	atomic_store(&o->until, now + OUTAGE_PAUSE_NS);
	/* Once an outage, however often it is looked for the end of it. */
	if (!atomic_exchange(&o->since, now))
		log_warning("bucket not reachable (%s): answering from what is "
			    "known here; changes are kept, and sent when it "
			    "answers again",
			    strerror(-rc));
	return rc;
}

void patience_begin(struct patience *p, int64_t ns)
{
	struct cancel *outer = cancel_current();

	if (ns)
		cancel_init_until(&p->cancel, outer, clock_mono_ns() + ns);
	else
		cancel_init(&p->cancel, outer);
	p->before = cancel_enter(&p->cancel);
}

int patience_end(struct patience *p, int rc)
{
	cancel_enter(p->before);
	if (rc && cancel_is_set(&p->cancel) && !cancel_is_set(p->before))
		return -ETIMEDOUT;
	return rc;
}
