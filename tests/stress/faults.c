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
#include <string.h>

#include "rig.h"

#define OUTAGE_MS 10000
#define FAULT_MS  2500

static const char *proxy_program;
static char proxy_dir[256], proxy_url[64];

static int start_proxy(struct rig *r)
{
	const char *port = strrchr(r->endpoint, ':');
	char command[1024];
	FILE *f;

	snprintf(proxy_dir, sizeof(proxy_dir), "%s/proxy", r->work);
	snprintf(command, sizeof(command),
		 "'%s' start --dir '%s' --upstream %s |"
		 "sed -n 's/^export VERS3_PROXY=//p'",
		 proxy_program, proxy_dir, port ? port + 1 : "80");
	f = popen(command, "r");
	if (!f || !fgets(proxy_url, sizeof(proxy_url), f)) {
		if (f)
			pclose(f);
		return -1;
	}
	proxy_url[strcspn(proxy_url, "\n")] = '\0';
	pclose(f);
	return 0;
}

static void fault(const char *what)
{
	if (rig_shell("'%s' fault --dir '%s' %s", proxy_program, proxy_dir,
		      what))
		fprintf(stderr, "the proxy does not take '%s'\n", what);
}

static int check_workers(struct rig *r)
{
	int rc = 0;

	for (unsigned i = 0; i < RIG_WORKERS; i++) {
		const struct model *m = &r->models[i];

		if (!m->error)
			continue;
		fprintf(stderr, "%s: %s: %s\n", m->config.top, m->error_call,
			strerror(m->error));
		rc = -1;
	}
	return rc;
}

/* Gives each worker's last state as the only one that may be there. */
static void all_is_certain(struct rig *r)
{
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		r->models[i].certain = r->models[i].state_count - 1;
}

static int one_round(struct rig *r, unsigned round, const char *what,
		     unsigned ms)
{
	static const char *const options[] = {"commit=0,fsync=local",
					      "commit=1,fsync=local"};
	int rc;

	printf("round %u: %s\n", round, what);
	fflush(stdout);
	fault("none");
	rc = rig_mount(r, &r->live, proxy_url, r->cache, options[round % 2]);
	if (!rc && !round)
		rc = rig_begin(r);
	fault(what);
	if (!rc)
		rc = rig_start(r, 150);
	if (rc)
		return rc;
	rig_sleep_ms(ms);
	rig_stop(r);
	fault("none");
	rc = check_workers(r);
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
	struct rig r;
	unsigned i;
	int rc = 0;

	proxy_program = getenv("FAULTPROXY");
	rig_init(&r, argc, argv, count + 1);
	if (!proxy_program || start_proxy(&r)) {
		printf("SKIP: no fault proxy\n");
		return RIG_SKIP;
	}
	for (i = 0; !rc && i < r.options.rounds; i++) {
		bool outage = i % (count + 1) == count;

		rc = one_round(&r, i,
			       outage ? "reset" : faults[i % (count + 1)],
			       !outage		 ? FAULT_MS
			       : r.options.large ? 6 * OUTAGE_MS
						 : OUTAGE_MS);
	}
	rig_shell("'%s' stop --dir '%s'", proxy_program, proxy_dir);
	printf("%s: %u rounds, %llu versions, %llu extra, %llu extra markers\n",
	       rc || r.extra_versions || r.extra_markers ? "FAIL" : "PASS", i,
	       (unsigned long long)r.versions,
	       (unsigned long long)r.extra_versions,
	       (unsigned long long)r.extra_markers);
	rc = rc || r.extra_versions || r.extra_markers;
	rig_release(&r);
	return rc;
}
