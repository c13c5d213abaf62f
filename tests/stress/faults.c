/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work over a bad network: refusals, resets, broken bodies, answers that are
 * lost after the server did the work, stalls, and an outage. At the end the
 * bucket holds what the workers did, no call failed, and the history holds
 * each save once.
 *
 * Needs contrib/faultproxy (nginx with its Lua module); FAULTPROXY names it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proxy.h"
#include "rig.h"

#define OUTAGE_MS 10000 /* at most: it ends at any stage of things */
#define FAULT_MS  2500

/* Gives each worker's last state as the only one that may be there. */
static void all_is_certain(struct rig *r)
{
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		r->models[i].certain = r->models[i].state_count - 1;
}

static int one_round(struct rig *r, struct proxy *p, unsigned round,
		     const char *what, unsigned ms)
{
	static const char *const options[] = {"commit=0,fsync=local",
					      "commit=1,fsync=local"};
	int rc;

	printf("round %u: %s\n", round, what);
	fflush(stdout);
	rc = proxy_fault(p, "none");
	if (!rc)
		rc = rig_mount(r, &r->live, p->url, r->cache,
			       options[round % 2]);
	if (!rc && !round)
		rc = rig_begin(r);
	if (!rc)
		rc = proxy_fault(p, what);
	if (!rc)
		rc = rig_start(r, 150);
	if (rc)
		return rc;
	rig_sleep_ms(ms);
	rig_stop(r);
	rc = proxy_fault(p, "none");
	if (!rc)
		rc = rig_check_workers(r, false);
	all_is_certain(r);
	if (!rc)
		rc = rig_unmount(&r->live);
	if (!rc)
		rc = rig_verify(r);
	if (r->extra_versions + r->extra_markers)
		printf("   %llu extra, %llu extra markers so far\n",
		       (unsigned long long)r->extra_versions,
		       (unsigned long long)r->extra_markers);
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const faults[] = {
		"slowdown pct=10",
		"lost pct=10",
		"reset pct=10",
		"cut pct=10 at=0",
		"error pct=10",
		"delay pct=5 ms=5000",
		"lost pct=50 match='^PUT'",
		"lost pct=50 match='^POST'",
		"lost pct=50 match='^DELETE'",
	};
	const unsigned count = sizeof(faults) / sizeof(*faults);
	struct proxy p;
	struct rig r;
	unsigned i;
	int rc = 0;

	rig_init(&r, argc, argv, count + 1);
	srandom((unsigned)r.options.seed);
	rc = proxy_start(&p, &r);
	if (rc)
		return rc;
	for (i = 0; !rc && i < r.options.rounds; i++) {
		bool outage = i % (count + 1) == count;
		unsigned most = r.options.large ? 6 * OUTAGE_MS : OUTAGE_MS;

		rc = one_round(
			&r, &p, i, outage ? "reset" : faults[i % (count + 1)],
			outage ? 1000 + (unsigned)(random() % most) : FAULT_MS);
	}
	proxy_stop(&p);
	rc = rig_verdict(&r, rc, i);
	rig_release(&r);
	return rc;
}
