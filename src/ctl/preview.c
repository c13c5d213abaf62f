/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl lifecycle preview: what the rules will do within some days. */
#include <errno.h>
#include <string.h>

#include "errand.h"
#include "listing.h"

/* "DATE COUNT BYTES" */
struct day_line {
	char date[16];
	long long count, bytes;
};

static bool read_day(const char *text, struct day_line *ret)
{
	return sscanf(text, "%15s %lld %lld", ret->date, &ret->count,
		      &ret->bytes) == 3;
}

/* "move:GLACIER" as people say it. */
static const char *action_text(const char *action)
{
	static const char *const texts[][2] = {
		{"expire", "expire"},
		{"remove", "are removed for good"},
		{"abort", "unfinished uploads are aborted"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!strcmp(action, texts[i][0]))
			return texts[i][1];
	return NULL;
}

static void print_day(const char *date, long long count, long long bytes)
{
	char size[16];

	ctl_size_text(bytes, size, sizeof(size));
	printf("    %-10s %10lld %11s\n", date, count, size);
}

static void print_planned(const json_t *planned)
{
	const char *action = ctl_text(planned, "action");
	const char *text = action_text(action);
	const json_t *line;
	char size[16];
	size_t i;

	ctl_size_text(ctl_number(planned, "bytes"), size, sizeof(size));
	printf("rule %s: %lld, %s, ", ctl_text(planned, "rule"),
	       ctl_number(planned, "count"), size);
	if (text)
		puts(text);
	else
		printf("go to %s\n", action + strcspn(action, ":") +
					     (strchr(action, ':') != NULL));
	if (ctl_number(planned, "overdue"))
		print_day("overdue", ctl_number(planned, "overdue"),
			  ctl_number(planned, "overdueBytes"));
	json_array_foreach(json_object_get(planned, "day"), i, line)
	{
		struct day_line day;

		if (read_day(json_string_value(line), &day))
			print_day(day.date, day.count, day.bytes);
	}
}

static void print_due(const json_t *due)
{
	char size[16];

	ctl_size_text(ctl_number(due, "bytes"), size, sizeof(size));
	printf("%s  %-7s %11s  %s  %s\n", ctl_text(due, "date"),
	       ctl_text(due, "action"), size, ctl_text(due, "rule"),
	       ctl_text(due, "path"));
}

static void print_end(const json_t *preview, size_t planned)
{
	if (!ctl_number(preview, "ruleCount"))
		puts("the bucket has no lifecycle rules");
	else if (!planned)
		printf("nothing happens until %s: %lld versions looked at\n",
		       ctl_text(preview, "until"),
		       ctl_number(preview, "versions"));
	else
		printf("until %s, of %lld versions looked at\n",
		       ctl_text(preview, "until"),
		       ctl_number(preview, "versions"));
	if (ctl_number(preview, "tagsUnknown"))
		printf("the tags of %lld could not be read: without rules "
		       "that want tags\n",
		       ctl_number(preview, "tagsUnknown"));
	if (*ctl_text(preview, "uploadsError"))
		printf("unfinished uploads: %s\n",
		       ctl_text(preview, "uploadsError"));
}

/* Objects in the place of the lines. */
static int expand_days(json_t *planned)
{
	json_t *lines = json_object_get(planned, "day"), *line;
	json_t *list = json_array();
	size_t i;

	json_array_foreach(lines, i, line)
	{
		struct day_line day;

		if (!read_day(json_string_value(line), &day) ||
		    json_array_append_new(
			    list, json_pack("{s:s, s:I, s:I}", "date", day.date,
					    "count", (json_int_t)day.count,
					    "bytes", (json_int_t)day.bytes))) {
			json_decref(list);
			return -EIO;
		}
	}
	json_object_del(planned, "day");
	json_object_del(planned, "id");
	return json_object_set_new(planned, "days", list) ? -ENOMEM : 0;
}

/* lifecycle preview "/PATH" "days=N" names */
int ctl_preview(const struct ctl_call *c)
{
	struct listing l = {.item = "due",
			    .sums = "preview",
			    .list = "due",
			    .json = c->json,
			    .print = print_due,
			    .kept = "planned",
			    .print_kept = print_planned,
			    .shape_kept = expand_days};
	struct errand e;

	errand_begin(&e, c, c->count > 1 ? c->args[1] : NULL,
		     "lifecycle preview");
	if (!e.status && c->count > 1)
		target_leave_history(&e.target);
	/* Without a path it is the whole mount. */
	if (c->count > 1)
		errand_path(&e);
	else
		errand_word(&e, "/");
	errand_pair(&e, "days", c->days);
	errand_word(&e, c->names ? "names" : NULL);
	listing_run(&l, &e);
	if (!e.status && !c->json)
		print_end(l.sums_object, json_array_size(l.kept_items));
	listing_release(&l);
	errand_end(&e);
	return e.status;
}
