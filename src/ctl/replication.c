/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl replication: whether the other region has it, and waiting for it. */
#include <string.h>

#include "errand.h"
#include "replication.h"
#include "state.h"

/* A value as it was written: a path may look like a number. */
static json_t *as_text(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	char text[32];

	if (json_is_integer(value)) {
		snprintf(text, sizeof(text), "%lld",
			 (long long)json_integer_value(value));
		return json_string(text);
	}
	if (json_is_boolean(value))
		return json_string(json_is_true(value) ? "true" : "false");
	return ctl_json_text(ctl_text(object, name));
}

static void print_one(const json_t *v)
{
	json_t *path = as_text(v, "path");
	char age[24];

	ctl_age_text(ctl_number(v, "ageSeconds"), age, sizeof(age));
	printf("%-11s  %8s  %s%s  %s", ctl_text(v, "state"), age,
	       ctl_text(v, "id"),
	       json_is_true(json_object_get(v, "marker")) ? " (delete marker)"
							  : "",
	       path ? json_string_value(path) : "");
	if (*ctl_text(v, "why"))
		printf(": %s", ctl_text(v, "why"));
	putchar('\n');
	json_decref(path);
}

/* {"result": ..., "versions": N, ..., "listed": [...]} */
static int print_json(json_t *sums, json_t *list)
{
	json_t *v;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, v)
	{
		if (json_object_set_new(v, "path", as_text(v, "path")))
			rc = -1;
	}
	if (rc || json_object_set(sums, "listed", list))
		return ctl_fail("cannot print: no memory");
	return ctl_print_json(json_incref(sums));
}

static void print_check(const json_t *s)
{
	char size[16], age[24];

	ctl_size_text(ctl_number(s, "bytes"), size, sizeof(size));
	printf("%s: %lld versions, %lld of them delete markers, %s: %lld the "
	       "same, %lld missing",
	       ctl_text(s, "result"), ctl_number(s, "versions"),
	       ctl_number(s, "markers"), size, ctl_number(s, "same"),
	       ctl_number(s, "missing"));
	if (ctl_number(s, "missing")) {
		ctl_age_text(ctl_number(s, "oldestMissingSeconds"), age,
			     sizeof(age));
		printf(" (the oldest is %s old)", age);
	}
	printf(", %lld different, %lld unknown; %lld are in the replica "
	       "alone\n",
	       ctl_number(s, "different"), ctl_number(s, "unknown"),
	       ctl_number(s, "extra"));
}

static void print_wait(const json_t *s)
{
	/* What is missing was said when the command failed. */
	if (!strcmp(ctl_text(s, "result"), "PASS"))
		printf("all %lld versions are in the other region\n",
		       ctl_number(s, "versions"));
}

/* What was answered, if it is whole; also where the command has failed. */
static int show(const struct ctl_call *c, const struct errand *e,
		const char *section)
{
	json_t *doc = NULL, *sums, *list, *v;
	size_t i;
	int rc = CTL_OK;

	if (state_parse(e->answer.data, &doc))
		return e->status ? e->status
				 : ctl_fail("cannot read the answer");
	sums = json_object_get(doc, section);
	list = json_object_get(json_object_get(doc, "version"), "rules");
	list = list ? json_incref(list) : json_array();
	if (!sums && !e->status)
		rc = ctl_fail("cannot read the answer");
	else if (sums && c->json)
		rc = print_json(sums, list);
	if (sums && !c->json) {
		json_array_foreach(list, i, v) print_one(v);
		if (!strcmp(section, "check"))
			print_check(sums);
		else
			print_wait(sums);
	}
	if (!rc && strcmp(ctl_text(sums, "result"), "PASS") != 0)
		rc = CTL_FAILED;
	json_decref(list);
	json_decref(doc);
	return e->status ? e->status : rc;
}

static int check(const struct ctl_call *c)
{
	struct errand e;
	int rc;

	errand_begin(&e, c, c->count > 1 ? c->args[1] : NULL,
		     "replication check");
	if (c->count > 1)
		errand_path(&e);
	else
		errand_word(&e, "/");
	errand_word(&e, c->quick ? "quick" : NULL);
	errand_stream(&e);
	rc = show(c, &e, "check");
	errand_end(&e);
	return rc;
}

int replication_wait(const struct ctl_call *c, const char *path,
		     const char *verb)
{
	struct errand e;
	int rc;

	errand_begin(&e, c, path, verb);
	if (path)
		errand_path(&e);
	else
		errand_word(&e, "/");
	errand_pair(&e, "timeout", c->timeout);
	errand_stream(&e);
	rc = show(c, &e, "wait");
	errand_end(&e);
	return rc;
}

int ctl_replication(const struct ctl_call *c)
{
	const char *verb = c->count ? c->args[0] : "list";

	if (!strcmp(verb, "list") && c->count <= 1 && !c->timeout && !c->quick)
		return ctl_replication_list(c);
	if (!strcmp(verb, "check") && !c->timeout)
		return check(c);
	if (!strcmp(verb, "wait") && !c->quick)
		return replication_wait(c, c->count > 1 ? c->args[1] : NULL,
					"replication wait");
	return ctl_misuse("usage: vers3ctl replication " CTL_REPLICATION_USAGE);
}
