/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl expire: when a file goes by itself. */
#include <errno.h>
#include <string.h>

#include "control_client.h"
#include "ctl.h"
#include "state.h"
#include "target.h"
#include "vers3/util/gitconfig.h"

#define LINE_MAX_BYTES (1 << 16)

static void print_expire(const json_t *e)
{
	const char *text = ctl_text(e, "expire");
	bool dir = json_is_true(json_object_get(e, "directory"));

	if (!strcmp(text, "never"))
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

static int show(const struct ctl_call *c, const char *answer)
{
	json_t *doc = NULL, *e;
	int rc = state_parse(answer, &doc);

	e = rc ? NULL : json_object_get(doc, "expire");
	if (!e)
		rc = ctl_fail("cannot read the answer");
	else if (c->json)
		rc = ctl_print_json(json_incref(e));
	else
		print_expire(e);
	json_decref(doc);
	return rc;
}

int ctl_expire(const struct ctl_call *c)
{
	char reason[CTL_REASON_MAX] = "no memory";
	struct target p = {.root = NULL};
	struct buf line, answer;
	int rc;

	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&answer, TALK_ANSWER_MAX);
	rc = target_find(c->start, c->args[0], &p, reason, sizeof(reason));
	if (!rc)
		rc = buf_puts(&line, "expire ");
	if (!rc)
		rc = gitconfig_quote(&line, *p.path ? p.path : "/");
	if (!rc && c->count > 1)
		rc = buf_putc(&line, ' ');
	if (!rc && c->count > 1)
		rc = gitconfig_quote(&line, c->args[1]);
	if (!rc)
		rc = control_client_command(p.root, line.data, &answer, reason,
					    sizeof(reason));
	rc = rc ? ctl_refuse(rc, reason) : show(c, answer.data);
	buf_release(&answer);
	buf_release(&line);
	target_release(&p);
	return rc;
}
