/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl lifecycle preview: what the rules will do within some days. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control_client.h"
#include "ctl.h"
#include "state.h"
#include "target.h"
#include "vers3/util/gitconfig.h"

#define LINE_MAX_BYTES	  8000 /* what an ioctl(2) takes */
#define SECTION_MAX_BYTES (1 << 20)

/* The answer, taken section by section: names may be many. */
struct shown {
	bool json;
	struct buf section; /* what came of one */
	json_t *due, *planned; /* owned; arrays */
	json_t *preview; /* owned; NULL until it comes */
};

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

/* Takes the objects of a kind that came: at most one, as sections go. */
static int take(struct shown *s, json_t *doc, const char *kind, json_t *list)
{
	json_t *items = json_object_get(json_object_get(doc, kind), "rules");
	json_t *item;
	size_t i;
	int rc = 0;

	json_array_foreach(items, i, item)
	{
		bool due = list == s->due;

		if (!s->json && due)
			print_due(item);
		else if (!s->json)
			print_planned(item);
		else if (!due)
			rc = expand_days(item);
		if (!rc && (s->json || !due) && json_array_append(list, item))
			rc = -ENOMEM;
	}
	return rc;
}

static int end_section(struct shown *s)
{
	json_t *doc = NULL, *preview;
	int rc = s->section.len ? state_parse(s->section.data, &doc) : 0;

	if (!rc)
		rc = take(s, doc, "due", s->due);
	if (!rc)
		rc = take(s, doc, "planned", s->planned);
	preview = json_object_get(doc, "preview");
	if (!rc && preview && !s->preview)
		s->preview = json_incref(preview);
	json_decref(doc);
	buf_release(&s->section);
	buf_init(&s->section, SECTION_MAX_BYTES);
	return rc;
}

static int on_line(void *ctx, const char *line)
{
	struct shown *s = ctx;
	int rc = *line == '[' ? end_section(s) : 0;

	if (!rc)
		rc = buf_puts(&s->section, line);
	return rc ? rc : buf_putc(&s->section, '\n');
}

static int show_end(const struct ctl_call *c, struct shown *s)
{
	int rc = end_section(s);

	if (!rc && !s->preview)
		rc = -EIO;
	if (rc)
		return ctl_fail("cannot read the answer: %s", strerror(-rc));
	if (!c->json) {
		print_end(s->preview, json_array_size(s->planned));
		return CTL_OK;
	}
	if (json_object_set(s->preview, "planned", s->planned) ||
	    (c->names && json_object_set(s->preview, "due", s->due)))
		return ctl_fail("cannot print: no memory");
	return ctl_print_json(json_incref(s->preview));
}

/* lifecycle preview "/PATH" days=N names */
static int make_line(const struct ctl_call *c, const char *path,
		     struct buf *line)
{
	char *whole = NULL;
	int rc = asprintf(&whole, "/%s", path) < 0 ? -ENOMEM : 0;

	if (!rc)
		rc = buf_puts(line, "lifecycle preview ");
	if (!rc)
		rc = gitconfig_quote(line, whole);
	if (!rc && c->days)
		rc = buf_puts(line, " days=");
	if (!rc && c->days)
		rc = gitconfig_quote(line, c->days);
	if (!rc && c->names)
		rc = buf_puts(line, " names");
	free(whole);
	return rc ? ctl_misuse("%s: too long", path) : 0;
}

int ctl_preview(const struct ctl_call *c)
{
	char reason[CTL_REASON_MAX] = "no memory";
	struct shown s = {
		.json = c->json, .due = json_array(), .planned = json_array()};
	struct target p = {.root = NULL};
	bool refused = false;
	struct buf line;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&s.section, SECTION_MAX_BYTES);
	if (target_find(c->start, c->count > 1 ? c->args[1] : ".", &p, reason,
			sizeof(reason))) {
		rc = ctl_fail("%s", reason);
		goto out;
	}
	target_leave_history(&p);
	/* Without a path it is the whole mount. */
	rc = make_line(c, c->count > 1 ? p.path : "", &line);
	if (rc)
		goto out;
	if (control_client_stream(p.root, line.data, on_line, &s, reason,
				  sizeof(reason), &refused))
		rc = refused ? ctl_misuse("%s", reason)
			     : ctl_fail("%s", reason);
	else
		rc = show_end(c, &s);
out:
	json_decref(s.due);
	json_decref(s.planned);
	json_decref(s.preview);
	buf_release(&s.section);
	buf_release(&line);
	target_release(&p);
	return rc;
}
