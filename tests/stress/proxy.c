/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int proxy_start(struct proxy *p, const struct rig *r)
{
	const char *port = strrchr(r->endpoint, ':');
	char command[1024];
	bool ok;
	FILE *f;

	p->program = getenv("FAULTPROXY");
	if (!p->program)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "%s/proxy", r->work);
	snprintf(command, sizeof(command),
		 "'%s' start --dir '%s' --upstream %s |"
		 "sed -n 's/^export VERS3_PROXY=//p'",
		 p->program, p->dir, port ? port + 1 : "80");
	f = popen(command, "r");
	if (!f)
		return -1;
	ok = fgets(p->url, sizeof(p->url), f) != NULL;
	pclose(f);
	p->url[strcspn(p->url, "\n")] = '\0';
	return ok ? 0 : -1;
}

void proxy_stop(struct proxy *p)
{
	rig_shell("'%s' stop --dir '%s'", p->program, p->dir);
}

int proxy_fault(const struct proxy *p, const char *what)
{
	if (!rig_shell("'%s' fault --dir '%s' %s", p->program, p->dir, what))
		return 0;
	fprintf(stderr, "the proxy does not take '%s'\n", what);
	return -EIO;
}
