/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl expire: when a file goes by itself. */
#include <string.h>

#include "errand.h"

static void print_expire(const json_t *e)
{
	const char *text = ctl_text(e, "expire");
	bool dir = json_is_true(json_object_get(e, "directory"));

	if (json_is_true(json_object_get(e, "pending")))
		printf("%s: %s from its next save on; if it was saved since, "
		       "the log says what was in the way\n",
		       ctl_text(e, "path"), text);
	else if (!strcmp(text, "never"))
		printf("%s: %s\n", ctl_text(e, "path"),
		       dir ? "what is made in it does not expire by itself"
			   : "does not expire by itself");
	else if (!*ctl_text(e, "rule"))
		printf("%s: %s, but no rule carries that out: set it again\n",
		       ctl_text(e, "path"), text);
	else
		printf("%s: %s %s after its last save, by rule %s\n",
		       ctl_text(e, "path"),
		       dir ? "what is made in it expires" : "expires", text,
		       ctl_text(e, "rule"));
}

/* expire "/PATH" "AGE" */
int ctl_expire(const struct ctl_call *c)
{
	json_t *doc = NULL, *expire;
	struct errand e;
	int rc;

	errand_begin(&e, c, c->args[0], "expire");
	errand_path(&e);
	errand_word(&e, c->count > 1 ? c->args[1] : NULL);
	errand_run(&e);
	rc = errand_document(&e, "expire", &doc);
	expire = json_object_get(doc, "expire");
	if (!rc && c->json)
		rc = ctl_print_json(json_incref(expire));
	else if (!rc)
		print_expire(expire);
	json_decref(doc);
	errand_end(&e);
	return rc;
}
