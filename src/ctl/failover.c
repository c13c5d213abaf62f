/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl failover and failback: the replica in the place of the bucket. */
#include "errand.h"
#include "listing.h"

int ctl_failover(const struct ctl_call *c)
{
	struct errand e;
	int rc;

	errand_begin(&e, c, c->count ? c->args[0] : NULL, "failover");
	rc = errand_run(&e);
	if (!rc && c->json)
		rc = ctl_print_json(
			json_pack("{s:o}", "answer", ctl_json_text(e.reason)));
	else if (!rc)
		fputs(e.answer.data, stdout);
	errand_end(&e);
	return rc;
}

static void print_conflict(const json_t *o)
{
	printf("conflict: %s: version %s of the bucket stays below what was "
	       "brought back\n",
	       ctl_text(o, "id"), ctl_text(o, "theirs"));
}

static void print_sums(const json_t *s)
{
	char size[16];

	ctl_size_text(ctl_number(s, "bytes"), size, sizeof(size));
	printf("brought back %lld versions, %s, and %lld delete markers of "
	       "%lld names, %lld conflicts; the bucket is used again\n",
	       ctl_number(s, "versions"), size, ctl_number(s, "markers"),
	       ctl_number(s, "keys"), ctl_number(s, "met"));
}

int ctl_failback(const struct ctl_call *c)
{
	struct listing l = {.item = "conflict",
			    .sums = "failback",
			    .list = "conflicts",
			    .json = c->json,
			    .print = print_conflict};
	struct errand e;

	errand_begin(&e, c, c->count ? c->args[0] : NULL, "failback");
	listing_run(&l, &e);
	if (!c->json && l.sums_object)
		print_sums(l.sums_object);
	listing_release(&l);
	errand_end(&e);
	return e.status;
}
