/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl presign: a URL that needs no credentials. */
#include "errand.h"

static int show(const struct ctl_call *c, json_t *made)
{
	json_t *line;
	size_t i;

	if (c->json)
		return ctl_print_json(json_incref(made));
	puts(ctl_text(made, "url"));
	json_array_foreach(json_object_get(made, "warning"), i, line)
		fprintf(stderr, "vers3ctl: %s\n", json_string_value(line));
	return CTL_OK;
}

/* presign "PATH" "expires=T" "version=ID" put */
int ctl_presign(const struct ctl_call *c)
{
	struct errand e;
	json_t *doc = NULL;
	int rc;

	errand_begin(&e, c, c->args[0], "presign");
	errand_path(&e);
	errand_pair(&e, "expires", c->expires);
	errand_pair(&e, "version", c->version);
	errand_word(&e, c->put ? "put" : NULL);
	errand_run(&e);
	rc = errand_document(&e, "presign", &doc);
	if (!rc)
		rc = show(c, json_object_get(doc, "presign"));
	json_decref(doc);
	errand_end(&e);
	return rc;
}
