/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl doctor: what is wrong, or will be, and how it is mended. */
#include "errand.h"

static json_t *findings_of(const json_t *doc)
{
	return json_object_get(json_object_get(doc, "finding"), "rules");
}

/* {"findings": [{"check": ..., "severity": ...}, ...], "errors": N, ...} */
static int print_json(const json_t *doc)
{
	json_t *sums = json_object_get(doc, "doctor");
	json_t *list = findings_of(doc), *f;
	size_t i;

	list = list ? json_incref(list) : json_array();
	json_array_foreach(list, i, f)
	{
		json_object_set(f, "check", json_object_get(f, "id"));
		json_object_del(f, "id");
	}
	if (json_object_set_new(sums, "findings", list))
		return ctl_fail("cannot print: no memory");
	return ctl_print_json(json_incref(sums));
}

static void print_text(const json_t *doc)
{
	const json_t *sums = json_object_get(doc, "doctor");
	const json_t *list = findings_of(doc), *f;
	size_t i;

	json_array_foreach(list, i, f)
	{
		printf("%-7s  %s: %s\n", ctl_text(f, "severity"),
		       ctl_text(f, "id"), ctl_text(f, "what"));
		if (*ctl_text(f, "why"))
			printf("         %s\n", ctl_text(f, "why"));
		if (*ctl_text(f, "mend"))
			printf("         mend: %s\n", ctl_text(f, "mend"));
	}
	printf("%lld errors, %lld warnings, %lld infos, %lld ok\n",
	       ctl_number(sums, "errors"), ctl_number(sums, "warnings"),
	       ctl_number(sums, "infos"), ctl_number(sums, "ok"));
}

int ctl_doctor(const struct ctl_call *c)
{
	struct errand e;
	json_t *doc = NULL, *sums;
	int rc;

	errand_begin(&e, c, c->count ? c->args[0] : NULL, "doctor");
	errand_stream(&e);
	rc = errand_document(&e, "doctor", &doc);
	if (!rc && c->json)
		rc = print_json(doc);
	else if (!rc)
		print_text(doc);
	sums = json_object_get(doc, "doctor");
	if (!rc && ctl_number(sums, "errors"))
		rc = CTL_ERRORS;
	else if (!rc && ctl_number(sums, "warnings"))
		rc = CTL_WARNINGS;
	json_decref(doc);
	errand_end(&e);
	return rc;
}
