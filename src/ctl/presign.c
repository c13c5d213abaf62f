/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl presign: a URL that needs no credentials. */
#include <string.h>

#include "ctl.h"
#include "target.h"
#include "state.h"
#include "control_client.h"
#include "vers3/util/gitconfig.h"

#define LINE_MAX_BYTES (1 << 16)

/* ` "NAME=TEXT"`; nothing where there is no text. */
static int add_word(struct buf *line, const char *name, const char *text)
{
	struct buf word;
	int rc;

	if (!text)
		return 0;
	buf_init(&word, LINE_MAX_BYTES);
	rc = buf_printf(&word, "%s=%s", name, text);
	if (!rc)
		rc = buf_putc(line, ' ');
	if (!rc)
		rc = gitconfig_quote(line, word.data);
	buf_release(&word);
	return rc;
}

/* presign "PATH" "expires=T" put "version=ID" */
static int make_line(const struct ctl_call *c, const char *path,
		     struct buf *line)
{
	int rc = buf_puts(line, "presign ");

	if (!rc)
		rc = gitconfig_quote(line, *path ? path : "/");
	if (!rc)
		rc = add_word(line, "expires", c->expires);
	if (!rc)
		rc = add_word(line, "version", c->version);
	return !rc && c->put ? buf_puts(line, " put") : rc;
}

static int show(const struct ctl_call *c, const char *answer)
{
	json_t *doc = NULL, *made, *line;
	int rc = state_parse(answer, &doc);
	size_t i;

	made = rc ? NULL : json_object_get(doc, "presign");
	if (!made) {
		rc = ctl_fail("cannot read the answer");
	} else if (c->json) {
		rc = ctl_print_json(json_incref(made));
	} else {
		puts(ctl_text(made, "url"));
		json_array_foreach(json_object_get(made, "warning"), i, line)
			fprintf(stderr, "vers3ctl: %s\n",
				json_string_value(line));
	}
	json_decref(doc);
	return rc;
}

int ctl_presign(const struct ctl_call *c)
{
	char reason[CTL_REASON_MAX] = "no memory";
	struct target p = {.root = NULL};
	struct buf line, answer;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&answer, TALK_ANSWER_MAX);
	rc = target_find(c->start, c->args[0], &p, reason, sizeof(reason));
	if (!rc)
		rc = make_line(c, p.path, &line);
	if (!rc)
		rc = control_client_command(p.root, line.data, &answer, reason,
					    sizeof(reason));
	rc = rc ? ctl_refuse(rc, reason) : show(c, answer.data);
	buf_release(&answer);
	buf_release(&line);
	target_release(&p);
	return rc;
}
