/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl uploads: those that nobody has finished. */
#include <string.h>

#include "errand.h"
#include "listing.h"

static void print_upload(const json_t *u)
{
	char size[16], age[24];

	ctl_size_text(ctl_number(u, "bytes"), size, sizeof(size));
	ctl_age_text(ctl_number(u, "ageSeconds"), age, sizeof(age));
	printf("%s  %8s  %10s  %-3s  %s  %s  %s\n", ctl_text(u, "started"), age,
	       size, json_is_true(json_object_get(u, "own")) ? "own" : "-",
	       *ctl_text(u, "owner") ? ctl_text(u, "owner") : "-",
	       ctl_text(u, "id"), ctl_text(u, "path"));
}

static void print_sums(const json_t *sums, bool abort)
{
	char size[16];

	ctl_size_text(ctl_number(sums, "bytes"), size, sizeof(size));
	printf("%s%lld uploads, %s\n", abort ? "aborted " : "",
	       ctl_number(sums, "count"), size);
	if (abort && ctl_number(sums, "own"))
		printf("kept %lld of this mount\n", ctl_number(sums, "own"));
}

/* uploads list "PATH", uploads abort "older=AGE" "PATH" */
static int run(const struct ctl_call *c, bool abort)
{
	struct listing l = {.item = "upload",
			    .sums = "uploads",
			    .list = "uploads",
			    .json = c->json,
			    .print = print_upload};
	struct errand e;

	errand_begin(&e, c, c->count > 1 ? c->args[1] : NULL,
		     abort ? "uploads abort" : "uploads list");
	errand_pair(&e, "older", c->older);
	if (c->count > 1 && !e.status && *e.target.path)
		errand_path(&e);
	listing_run(&l, &e);
	if (!c->json && l.sums_object)
		print_sums(l.sums_object, abort);
	listing_release(&l);
	errand_end(&e);
	return e.status;
}

int ctl_uploads(const struct ctl_call *c)
{
	const char *verb = c->count ? c->args[0] : "list";

	if (!strcmp(verb, "list") && !c->older)
		return run(c, false);
	if (!strcmp(verb, "abort") && c->older)
		return run(c, true);
	return ctl_misuse("usage: vers3ctl uploads [list [PATH] | abort "
			  "--older AGE [PATH]]");
}
