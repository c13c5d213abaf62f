/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static bool take_url(struct proxy *p, FILE *f)
{
	static const char word[] = "export VERS3_PROXY=";
	char line[256];
	bool found = false;

	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, word, strlen(word)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(p->url, sizeof(p->url), "%s", line + strlen(word));
		found = true;
	}
	return found;
}

int proxy_start(struct proxy *p, const struct rig *r)
{
	const char *port = strrchr(r->endpoint, ':');
	char command[1024];
	int status;
	bool ok;
	FILE *f;

	p->program = getenv("FAULTPROXY");
	if (!p->program) {
		fprintf(stderr, "FAULTPROXY is not set\n");
		return 1;
	}
	snprintf(p->dir, sizeof(p->dir), "%s/proxy", r->work);
	snprintf(command, sizeof(command),
		 "'%s' start --dir '%s' --upstream %s", p->program, p->dir,
		 port ? port + 1 : "80");
	f = popen(command, "r");
	if (!f) {
		perror("popen");
		return 1;
	}
	ok = take_url(p, f);
	status = pclose(f);
	if (WIFEXITED(status) && WEXITSTATUS(status) == RIG_SKIP) {
		printf("SKIP: no fault proxy\n");
		return RIG_SKIP;
	}
	return ok && !status ? 0 : 1;
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
