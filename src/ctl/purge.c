/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl purge: old versions go for good. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"

/* "TIME SIZE ID PATH" in its parts, which stay in text. */
static bool split(char *text, char *parts[4])
{
	for (int i = 0; i < 3; i++) {
		char *blank = strchr(text, ' ');

		if (!blank)
			return false;
		*blank = '\0';
		parts[i] = text;
		text = blank + 1;
	}
	parts[3] = text;
	return true;
}

/* One version or marker that would go, as an object. */
static json_t *item_of(char *parts[4])
{
	bool deleted = !strcmp(parts[1], "deleted");

	return json_pack("{s:s, s:I, s:b, s:o, s:o}", "time", parts[0], "size",
			 (json_int_t)(deleted ? 0 : atoll(parts[1])), "deleted",
			 deleted, "versionId", ctl_json_text(parts[2]), "path",
			 ctl_json_text(parts[3]));
}

/* Prints what would go, or puts objects in the place of the lines. */
static int show_items(json_t *state, bool json)
{
	json_t *lines = json_object_get(state, "items"), *line;
	json_t *list = json_array();
	size_t i;
	int rc = list ? 0 : -ENOMEM;

	json_array_foreach(lines, i, line)
	{
		char *text = strdup(json_string_value(line)), *parts[4];
		char size[16];

		if (!text || !split(text, parts)) {
			rc = text ? -EIO : -ENOMEM;
		} else if (json) {
			rc = json_array_append_new(list, item_of(parts))
				     ? -ENOMEM
				     : 0;
		} else {
			ctl_size_text(atoll(parts[1]), size, sizeof(size));
			printf("%s  %10s  %s  %s\n", parts[0],
			       strcmp(parts[1], "deleted") ? size : "deleted",
			       parts[2], parts[3]);
		}
		free(text);
		if (rc)
			break;
	}
	if (!rc && json_object_set(state, "items", list))
		rc = -ENOMEM;
	json_decref(list);
	return rc;
}

static void show_kept(const json_t *state, const char *name, const char *why)
{
	long long count = ctl_number(state, name);

	if (count)
		printf("kept %lld %s\n", count, why);
}

static void show_counts(const json_t *state, bool dry_run)
{
	char size[16];

	ctl_size_text(ctl_number(state, "bytes"), size, sizeof(size));
	printf("%s %lld versions, %s, and %lld delete markers\n",
	       dry_run ? "would remove" : "removed",
	       ctl_number(state, "versions"), size,
	       ctl_number(state, "markers"));
	show_kept(state, "pointed", "that named points show");
	show_kept(state, "busy", "that are in use");
	show_kept(state, "refused", "that the server does not let go");
}

static int show(const struct ctl_call *c, json_t *state)
{
	int rc = show_items(state, c->json);

	if (rc)
		rc = ctl_fail("cannot print: %s", strerror(-rc));
	else if (c->json)
		rc = ctl_print_json(json_incref(state));
	else
		show_counts(state, c->dry_run);
	if (!rc && ctl_number(state, "refused"))
		rc = CTL_FAILED;
	return rc;
}

/* purge "PATH" "older=AGE" "keep=N" preview */
int ctl_purge(const struct ctl_call *c)
{
	struct errand e;
	json_t *doc = NULL;
	int rc;

	if (!c->older && !c->keep)
		return ctl_misuse("purge wants --older AGE, --keep N or both");
	errand_begin(&e, c, c->args[0], "purge");
	if (!e.status)
		target_leave_history(&e.target);
	errand_path(&e);
	errand_pair(&e, "older", c->older);
	errand_pair(&e, "keep", c->keep);
	errand_word(&e, c->dry_run ? "preview" : NULL);
	errand_run(&e);
	rc = errand_document(&e, "purge", &doc);
	if (!rc)
		rc = show(c, json_object_get(doc, "purge"));
	json_decref(doc);
	errand_end(&e);
	return rc;
}
