/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing beyond an errand: the way of a command; see errand.h. */
#include "errand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"
#include "vers3/util/gitconfig.h"

#define LINE_MAX_BYTES (1 << 16)

void errand_begin(struct errand *e, const struct ctl_call *c, const char *path,
		  const char *verb)
{
	int rc;

	memset(e, 0, sizeof(*e));
	strcpy(e->reason, "no memory");
	buf_init(&e->line, LINE_MAX_BYTES);
	buf_init(&e->answer, TALK_ANSWER_MAX);
	rc = target_find(c->start, path ? path : ".", &e->target, e->reason,
			 sizeof(e->reason));
	if (!rc)
		rc = buf_puts(&e->line, verb);
	if (rc)
		e->status = ctl_refuse(rc, e->reason);
}

void errand_end(struct errand *e)
{
	buf_release(&e->answer);
	buf_release(&e->line);
	target_release(&e->target);
}

void errand_word(struct errand *e, const char *word)
{
	if (e->status || !word)
		return;
	if (buf_putc(&e->line, ' ') || gitconfig_quote(&e->line, word))
		e->status = ctl_misuse("%s: too long", word);
}

void errand_pair(struct errand *e, const char *name, const char *text)
{
	struct buf word;

	if (e->status || !text)
		return;
	buf_init(&word, LINE_MAX_BYTES);
	if (buf_printf(&word, "%s=%s", name, text))
		e->status = ctl_misuse("%s: too long", text);
	else
		errand_word(e, word.data);
	buf_release(&word);
}

void errand_path(struct errand *e)
{
	char *whole = NULL;

	if (e->status)
		return;
	/* From the root: other words of a command do not begin so. */
	if (asprintf(&whole, "/%s", e->target.path) < 0) {
		e->status = ctl_fail("%s", strerror(ENOMEM));
		return;
	}
	errand_word(e, whole);
	free(whole);
}

int errand_run(struct errand *e)
{
	int rc;

	if (e->status)
		return e->status;
	rc = control_client_command(e->target.root, e->line.data, &e->answer,
				    e->reason, sizeof(e->reason));
	if (rc)
		e->status = ctl_refuse(rc, e->reason);
	return e->status;
}

int errand_lines(struct errand *e, control_client_line_fn fn, void *ctx)
{
	bool refused = false;
	int rc;

	if (e->status)
		return e->status;
	rc = control_client_stream(e->target.root, e->line.data, fn, ctx,
				   e->reason, sizeof(e->reason), &refused);
	if (rc && refused)
		e->status = ctl_misuse("%s", e->reason);
	else if (rc)
		e->status = ctl_refuse(rc, e->reason);
	return e->status;
}

static int on_line(void *ctx, const char *line)
{
	int rc = buf_puts(ctx, line);

	return rc ? rc : buf_putc(ctx, '\n');
}

int errand_stream(struct errand *e)
{
	return errand_lines(e, on_line, &e->answer);
}

int errand_document(struct errand *e, const char *section, json_t **ret_doc)
{
	*ret_doc = NULL;
	if (e->status)
		return e->status;
	if (state_parse(e->answer.data, ret_doc) ||
	    !json_object_get(*ret_doc, section)) {
		json_decref(*ret_doc);
		*ret_doc = NULL;
		e->status = ctl_fail("cannot read the answer");
	}
	return e->status;
}
