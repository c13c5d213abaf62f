/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl thaw: what is archived, to be read again. */
#include <string.h>

#include "errand.h"
#include "listing.h"

static void print_object(const json_t *o)
{
	const char *state = ctl_text(o, "state");
	const char *class = ctl_text(o, "storageClass");
	const char *until = ctl_text(o, "until");
	char size[16];

	ctl_size_text(ctl_number(o, "bytes"), size, sizeof(size));
	printf("%-9s %10s  %-12s  %-20s  %s\n",
	       strcmp(state, "underWay") != 0 ? state : "under way", size,
	       *class ? class : "-", *until ? until : "-", ctl_text(o, "path"));
}

static void print_sums(const json_t *s)
{
	char size[16];

	ctl_size_text(ctl_number(s, "bytes"), size, sizeof(size));
	if (!ctl_number(s, "archived"))
		printf("nothing is archived, of %lld objects\n",
		       ctl_number(s, "objects"));
	else
		printf("%lld archived of %lld objects, %s: %lld asked for, "
		       "%lld under way, %lld can be read, %lld failed\n",
		       ctl_number(s, "archived"), ctl_number(s, "objects"),
		       size, ctl_number(s, "asked"), ctl_number(s, "underWay"),
		       ctl_number(s, "restored") + ctl_number(s, "extended"),
		       ctl_number(s, "failed"));
}

/* thaw "PATH" "days=N" "tier=T" "wait" */
int ctl_thaw(const struct ctl_call *c)
{
	struct listing l = {.item = "object",
			    .sums = "thaw",
			    .list = "items",
			    .json = c->json,
			    .print = print_object};
	struct errand e;

	errand_begin(&e, c, c->args[0], "thaw");
	errand_path(&e);
	errand_pair(&e, "days", c->days);
	errand_pair(&e, "tier", c->tier);
	errand_word(&e, c->wait ? "wait" : NULL);
	listing_run(&l, &e);
	if (!c->json && l.sums_object)
		print_sums(l.sums_object);
	listing_release(&l);
	errand_end(&e);
	return e.status;
}
