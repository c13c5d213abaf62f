/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl uploads: those that nobody has finished. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "target.h"
#include "state.h"
#include "control_client.h"
#include "vers3/util/gitconfig.h"

#define LINE_MAX_BYTES (1 << 16)

static int make_line(const struct ctl_call *c, bool abort, const char *path,
		     struct buf *line)
{
	char word[256];
	int rc = buf_puts(line, abort ? "uploads abort" : "uploads list");

	if (!rc && abort) {
		snprintf(word, sizeof(word), "older=%s", c->older);
		rc = buf_putc(line, ' ');
		if (!rc)
			rc = gitconfig_quote(line, word);
	}
	if (!rc && *path)
		rc = buf_putc(line, ' ');
	return !rc && *path ? gitconfig_quote(line, path) : rc;
}

static int on_line(void *ctx, const char *line)
{
	int rc = buf_puts(ctx, line);

	return rc ? rc : buf_putc(ctx, '\n');
}

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

static int show(const struct ctl_call *c, bool abort, const char *answer)
{
	json_t *doc = NULL, *list, *sums, *u;
	int rc = state_parse(answer, &doc);
	char size[16];
	size_t i;

	sums = rc ? NULL : json_object_get(doc, "uploads");
	if (!sums) {
		rc = ctl_fail("cannot read the answer");
		goto out;
	}
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
out:
	json_decref(doc);
	return rc;
}

static int run(const struct ctl_call *c, bool abort)
{
	char reason[CTL_REASON_MAX] = "no memory";
	struct target p = {.root = NULL};
	struct buf line, answer;
	bool refused = false;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&answer, TALK_ANSWER_MAX);
	rc = target_find(c->start, c->count > 1 ? c->args[1] : ".", &p, reason,
			 sizeof(reason));
	if (!rc)
		rc = make_line(c, abort, c->count > 1 ? p.path : "", &line);
	if (!rc)
		rc = control_client_stream(p.root, line.data, on_line, &answer,
					   reason, sizeof(reason), &refused);
	if (rc)
		rc = refused ? ctl_misuse("%s", reason)
			     : ctl_fail("%s", reason);
	else
		rc = show(c, abort, answer.data);
	buf_release(&answer);
	buf_release(&line);
	target_release(&p);
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
