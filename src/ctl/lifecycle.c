/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl lifecycle: rules changed, and what they do to a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"
#include "listing.h"

/* The lines of an answer behind its first. */
static json_t *notes_of(const char *answer)
{
	json_t *notes = json_array();
	const char *at = answer + strcspn(answer, "\n");

	while (notes && *at && *++at) {
		size_t len = strcspn(at, "\n");
		char *line = strndup(at, len);

		if (!line ||
		    json_array_append_new(notes, ctl_json_text(line))) {
			json_decref(notes);
			notes = NULL;
		}
		free(line);
		at += len;
	}
	return notes;
}

static int print_change_json(const struct errand *e, bool dry_run)
{
	if (dry_run)
		return ctl_print_json(json_pack("{s:o}", "diff",
						ctl_json_text(e->answer.data)));
	return ctl_print_json(json_pack("{s:o, s:o}", "answer",
					ctl_json_text(e->reason), "notes",
					notes_of(e->answer.data)));
}

/* Sends the words as they are to the mount. */
static int change_rules(const struct ctl_call *c)
{
	struct errand e;
	int rc;

	errand_begin(&e, c, NULL, "lifecycle");
	for (int i = 0; i < c->count; i++)
		errand_word(&e, c->args[i]);
	errand_word(&e, c->dry_run ? "dry-run" : NULL);
	rc = errand_run(&e);
	if (!rc && c->json)
		rc = print_change_json(&e, c->dry_run);
	else if (!rc)
		fputs(e.answer.data, stdout);
	errand_end(&e);
	return rc;
}

/* "DATE ACTION RULE" in its parts, which stay in text; NULL: it is not that. */
static char *split(char *text, char **ret_action)
{
	char *action = strchr(text, ' ');
	char *rule = action ? strchr(action + 1, ' ') : NULL;

	if (!rule)
		return NULL;
	*action = '\0';
	*rule = '\0';
	*ret_action = action + 1;
	return rule + 1;
}

/* The same as an object; a text that is none of these stays. */
static json_t *act_of(const char *line)
{
	char *text = strdup(line), *action, *rule;
	json_t *act;

	if (!text)
		return NULL;
	rule = split(text, &action);
	act = rule ? json_pack("{s:s, s:s, s:o}", "date", text, "action",
			       action, "rule", ctl_json_text(rule))
		   : json_string(line);
	free(text);
	return act;
}

static int make_acts(json_t *version)
{
	json_t *lines = json_object_get(version, "acts"), *line;
	json_t *acts = json_array();
	size_t i;
	int rc = acts ? 0 : -ENOMEM;

	json_array_foreach(lines, i, line)
	{
		if (!rc && json_array_append_new(
				   acts, act_of(json_string_value(line))))
			rc = -ENOMEM;
	}
	if (!rc && json_object_set(version, "acts", acts))
		rc = -ENOMEM;
	json_decref(acts);
	if (!rc && json_object_set_new(version, "next",
				       act_of(ctl_text(version, "next"))))
		rc = -ENOMEM;
	return rc;
}

static int print_explained_json(json_t *file, json_t *versions)
{
	json_t *version;
	size_t i;
	int rc = 0;

	json_array_foreach(versions, i, version)
	{
		if (!rc)
			rc = make_acts(version);
	}
	if (rc)
		return ctl_fail("%s", strerror(-rc));
	return ctl_print_json(
		json_pack("{s:O, s:O}", "file", file, "versions", versions));
}

static void print_act(const char *line)
{
	char *text = strdup(line), *action, *rule;

	rule = text ? split(text, &action) : NULL;
	if (rule && !strncmp(action, "move:", 5))
		printf("    %s  goes to %s, by rule %s\n", text, action + 5,
		       rule);
	else if (rule)
		printf("    %s  %s, by rule %s\n", text,
		       !strcmp(action, "expire") ? "expires"
						 : "is removed for good",
		       rule);
	free(text);
}

static void print_version(const json_t *version)
{
	const char *state = ctl_text(version, "state");
	json_t *line;
	char size[16];
	size_t i;

	if (!strcmp(state, "unsent"))
		printf("unsent, judged as if it were sent now");
	else
		printf("%s  %s  %s", ctl_text(version, "time"), state,
		       ctl_text(version, "id"));
	if (json_object_get(version, "size")) {
		ctl_size_text(ctl_number(version, "size"), size, sizeof(size));
		printf("  %s  %s", size, ctl_text(version, "storageClass"));
	}
	putchar('\n');
	json_array_foreach(json_object_get(version, "acts"), i, line)
		print_act(json_string_value(line));
	if (!json_array_size(json_object_get(version, "acts")))
		puts("    stays");
	json_array_foreach(json_object_get(version, "idle"), i, line)
		printf("    not by rule %s\n", json_string_value(line));
}

static void print_explained(const json_t *file, const json_t *versions)
{
	json_t *version;
	size_t i;

	if (json_is_true(json_object_get(file, "directory")))
		puts("a directory: this is of its own object; what is in it "
		     "is taken file by file");
	if (!ctl_number(file, "ruleCount"))
		puts("the bucket has no lifecycle rules");
	json_array_foreach(versions, i, version) print_version(version);
	if (json_is_true(json_object_get(file, "more")))
		puts("there are more versions, older than these");
	if (!*ctl_text(file, "serverExpires"))
		return;
	printf("the server says: expires %s, by rule %s%s\n",
	       ctl_text(file, "serverExpires"), ctl_text(file, "serverRule"),
	       json_is_true(json_object_get(file, "serverAgrees"))
		       ? ""
		       : "; that is not what the rules say");
}

static int show_explained(const struct ctl_call *c, const json_t *doc)
{
	json_t *file = json_object_get(doc, "file");
	json_t *versions =
		json_object_get(json_object_get(doc, "version"), "rules");

	if (!versions)
		return ctl_fail("cannot read the answer");
	if (c->json)
		return print_explained_json(file, versions);
	print_explained(file, versions);
	return CTL_OK;
}

static int explain(const struct ctl_call *c)
{
	struct errand e;
	json_t *doc = NULL;
	int rc;

	errand_begin(&e, c, c->args[1], "lifecycle explain");
	if (!e.status)
		target_leave_history(&e.target);
	errand_path(&e);
	errand_run(&e);
	rc = errand_document(&e, "file", &doc);
	if (!rc)
		rc = show_explained(c, doc);
	json_decref(doc);
	errand_end(&e);
	return rc;
}

static void print_tidied(const json_t *rule)
{
	printf("%-8s %6s  %s\n", ctl_text(rule, "state"),
	       ctl_text(rule, "expire"), ctl_text(rule, "id"));
}

static int tidy(const struct ctl_call *c)
{
	struct listing l = {.item = "rule",
			    .sums = "tidy",
			    .list = "rules",
			    .json = c->json,
			    .print = print_tidied};
	struct errand e;

	errand_begin(&e, c, NULL, "lifecycle tidy");
	if (c->dry_run)
		errand_word(&e, "dry-run");
	listing_run(&l, &e);
	if (!c->json && l.sums_object)
		printf("removed %lld rules; %lld versions asked\n",
		       ctl_number(l.sums_object, "removed"),
		       ctl_number(l.sums_object, "versions"));
	listing_release(&l);
	errand_end(&e);
	return e.status;
}

int ctl_lifecycle(const struct ctl_call *c)
{
	const char *verb = c->count ? c->args[0] : "list";
	bool preview = !strcmp(verb, "preview");

	if (preview && c->count <= 2 && !c->dry_run)
		return ctl_preview(c);
	if (preview || c->days || c->names)
		return ctl_misuse(
			"usage: vers3ctl lifecycle " CTL_LIFECYCLE_USAGE);
	if (!strcmp(verb, "list") && c->count <= 1 && !c->dry_run)
		return ctl_lifecycle_list(c);
	if (!strcmp(verb, "explain") && c->count == 2 && !c->dry_run)
		return explain(c);
	if (!strcmp(verb, "tidy") && c->count == 1)
		return tidy(c);
	if ((!strcmp(verb, "set") && c->count >= 3) ||
	    (!strcmp(verb, "remove") && c->count == 2))
		return change_rules(c);
	return ctl_misuse("usage: vers3ctl lifecycle " CTL_LIFECYCLE_USAGE);
}
