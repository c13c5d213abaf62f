/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl verify: an integrity sweep, its report and its exit status. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errand.h"
#include "state.h"
#include "sweep_part.h"

#define RESUME "\tresume = "

/* What comes: findings are kept, a checkpoint replaces the one before. */
struct sweep {
	struct buf answer;
	struct sweep_part part; /* file NULL: no report is written */
	bool checkpoint; /* the lines are one's */
	bool kept; /* the part has one */
};

/* Kept as it was written: in a key there may be the end of a line. */
static int take_checkpoint(struct sweep *s, const char *line)
{
	if (strncmp(line, RESUME, strlen(RESUME)) != 0)
		return 0;
	s->kept = true;
	return sweep_part_checkpoint(&s->part, line + strlen(RESUME));
}

/* The word of a checkpoint, in git-config's syntax. */
static void add_resume(struct errand *e, const char *value)
{
	json_t *doc = NULL;
	char *text;

	if (asprintf(&text, "[checkpoint]\n" RESUME "%s\n", value) < 0) {
		e->status = ctl_fail("%s", strerror(ENOMEM));
		return;
	}
	if (state_parse(text, &doc))
		e->status = ctl_fail("cannot read the checkpoint");
	else
		errand_pair(e, "resume",
			    ctl_text(json_object_get(doc, "checkpoint"),
				     "resume"));
	json_decref(doc);
	free(text);
}

static int on_line(void *ctx, const char *line)
{
	struct sweep *s = ctx;
	int rc;

	if (*line == '[')
		s->checkpoint = !strcmp(line, "[checkpoint]");
	if (s->checkpoint)
		return take_checkpoint(s, line);
	rc = buf_puts(&s->answer, line);
	if (!rc)
		rc = buf_putc(&s->answer, '\n');
	return rc ? rc : sweep_part_add(&s->part, line);
}

static json_t *take_list(const json_t *doc, const char *name)
{
	json_t *list = json_object_get(json_object_get(doc, name), "rules");
	json_t *item;
	size_t i;

	if (!list)
		return json_array();
	json_array_foreach(list, i, item) json_object_del(item, "id");
	return json_incref(list);
}

/* The report: the counts, and what was found. NULL: it is none. */
static json_t *make_report(const struct sweep *s)
{
	json_t *doc = NULL, *report;

	if (state_parse(s->answer.data, &doc))
		return NULL;
	report = json_object_get(doc, "verify");
	if (report) {
		json_incref(report);
		json_object_set_new(
			report, "mismatchRate",
			json_real(strtod(ctl_text(report, "mismatchRate"),
					 NULL)));
		/* "unclear" is how many there are, "unclearList" which. */
		json_object_set_new(report, "mismatches",
				    take_list(doc, "mismatch"));
		json_object_set_new(report, "unclearList",
				    take_list(doc, "unclear"));
	}
	json_decref(doc);
	return report;
}

/* Beside it first, so that there is no half of one. */
static int write_report(const char *path, const json_t *report)
{
	char *beside;
	int rc = 0;

	if (asprintf(&beside, "%s.new", path) < 0)
		return ctl_fail("no memory");
	if (json_dump_file(report, beside, JSON_INDENT(2) | CTL_JSON_DIGITS))
		rc = ctl_fail("%s: cannot be written: %s", beside,
			      strerror(errno));
	else if (rename(beside, path))
		rc = ctl_fail("%s: %s", path, strerror(errno));
	if (rc)
		unlink(beside);
	free(beside);
	return rc;
}

static void print_findings(const json_t *list, const char *what)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
	{
		const char *reason = ctl_text(f, "reason");
		const char *error = ctl_text(f, "error");

		printf("%-10s %-8s %s%s%s%s%s\n",
		       json_is_true(json_object_get(f, "repaired")) ? "repaired"
								    : what,
		       ctl_text(f, "against"), ctl_text(f, "path"),
		       *reason ? ": " : "", reason, *error ? ": " : "", error);
	}
}

static void print_report(const json_t *r)
{
	char size[16];

	print_findings(json_object_get(r, "mismatches"), "differs");
	print_findings(json_object_get(r, "unclearList"), "unclear");
	ctl_size_text(ctl_number(r, "bytes"), size, sizeof(size));
	printf("%s: %lld of %lld objects looked at, %lld differ (%.4f %%), "
	       "%lld repaired, %lld unclear, %s read\n",
	       ctl_text(r, "result"), ctl_number(r, "sampled"),
	       ctl_number(r, "objects"), ctl_number(r, "mismatched"),
	       100 * json_real_value(json_object_get(r, "mismatchRate")),
	       ctl_number(r, "repaired"), ctl_number(r, "unclear"), size);
}

static int status_of(const json_t *report)
{
	const char *result = ctl_text(report, "result");

	return !strcmp(result, "PASS")	 ? CTL_OK
	       : !strcmp(result, "FAIL") ? CTL_FAILED
					 : CTL_USAGE;
}

static int show(const struct ctl_call *c, struct sweep *s)
{
	json_t *report = make_report(s);
	int rc = CTL_USAGE, printed = CTL_OK;

	if (!report) {
		ctl_fail("cannot read the answer");
		return rc;
	}
	if (c->report)
		printed = write_report(c->report, report);
	if (!printed && c->json)
		printed = ctl_print_json(json_incref(report));
	else if (!printed)
		print_report(report);
	if (!printed) {
		rc = status_of(report);
		sweep_part_remove(&s->part);
	}
	json_decref(report);
	return rc;
}

/* verify "PATH" "sample=1%" "against=replica" deep ... */
static void make_words(const struct ctl_call *c, struct errand *e)
{
	errand_path(e);
	errand_pair(e, "sample", c->sample);
	errand_pair(e, "against", c->against);
	errand_word(e, c->deep ? "deep" : NULL);
	errand_word(e, c->repair ? "repair" : NULL);
	errand_pair(e, "threshold", c->threshold);
	errand_pair(e, "rate", c->rate);
	errand_pair(e, "seed", c->seed);
}

/* Goes on where an earlier one with the same words has stopped. */
static void open_part(const struct ctl_call *c, struct errand *e,
		      struct sweep *s)
{
	if (e->status || !c->report)
		return;
	if (sweep_part_open(&s->part, c->report, e->line.data, &s->answer,
			    e->reason, sizeof(e->reason)))
		e->status = ctl_misuse("%s", e->reason);
	s->kept = s->part.resume;
	if (s->kept)
		add_resume(e, s->part.resume);
	if (!e->status && s->part.resume)
		fprintf(stderr, "vers3ctl: %s: goes on where it stopped\n",
			s->part.path);
}

int ctl_verify(const struct ctl_call *c)
{
	struct sweep s = {.checkpoint = false};
	struct errand e;
	int rc;

	buf_init(&s.answer, TALK_ANSWER_MAX);
	errand_begin(&e, c, c->count ? c->args[0] : NULL, "verify");
	if (!e.status && c->count)
		target_leave_history(&e.target);
	/* Without a path it is the whole mount. */
	if (!c->count && !e.status)
		e.target.path[0] = '\0';
	make_words(c, &e);
	open_part(c, &e, &s);
	/* What could not be looked at is told by 2; 1 is a mismatch. */
	rc = errand_lines(&e, on_line, &s) ? CTL_USAGE : show(c, &s);
	/* Of what has not begun, nothing stays. */
	if (e.status && !s.kept)
		sweep_part_remove(&s.part);
	sweep_part_close(&s.part);
	errand_end(&e);
	buf_release(&s.answer);
	return rc;
}
