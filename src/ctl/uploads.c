/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl uploads: those that nobody has finished. */
#include <string.h>

#include "errand.h"

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

/* {"uploads": [...], "count": N, ...} */
static int print_json(json_t *list, json_t *sums)
{
	if (json_object_set(sums, "uploads", list))
		return ctl_fail("cannot print: no memory");
	return ctl_print_json(json_incref(sums));
}

static int show(const struct ctl_call *c, bool abort, const json_t *doc)
{
	json_t *sums = json_object_get(doc, "uploads"), *list, *u;
	char size[16];
	size_t i;
	int rc = CTL_OK;

	list = json_object_get(json_object_get(doc, "upload"), "rules");
	list = list ? json_incref(list) : json_array();
	if (c->json) {
		rc = print_json(list, sums);
	} else {
		json_array_foreach(list, i, u) print_upload(u);
		ctl_size_text(ctl_number(sums, "bytes"), size, sizeof(size));
		printf("%s%lld uploads, %s\n", abort ? "aborted " : "",
		       ctl_number(sums, "count"), size);
		if (abort && ctl_number(sums, "own"))
			printf("kept %lld of this mount\n",
			       ctl_number(sums, "own"));
	}
	json_decref(list);
	return rc;
}

/* uploads list "PATH", uploads abort "older=AGE" "PATH" */
static int run(const struct ctl_call *c, bool abort)
{
	struct errand e;
	json_t *doc = NULL;
	int rc;

	errand_begin(&e, c, c->count > 1 ? c->args[1] : NULL,
		     abort ? "uploads abort" : "uploads list");
	errand_pair(&e, "older", c->older);
	if (c->count > 1 && !e.status && *e.target.path)
		errand_path(&e);
	errand_stream(&e);
	rc = errand_document(&e, "uploads", &doc);
	if (!rc)
		rc = show(c, abort, doc);
	json_decref(doc);
	errand_end(&e);
	return rc;
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
