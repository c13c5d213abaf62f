/* SPDX-License-Identifier: Apache-2.0 */
/* A list of findings, and how one is written. */
#include "finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "vers3/util/gitconfig.h"

const char *severity_name(enum severity s)
{
	static const char *const names[SEVERITIES] = {
		[SEVERITY_OK] = "ok",
		[SEVERITY_INFO] = "info",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};

	return names[s];
}

void findings_init(struct findings *f)
{
	*f = (struct findings){.items = NULL};
}

void findings_release(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].check);
		free(f->items[i].what);
		free(f->items[i].mend);
	}
	free(f->items);
	findings_init(f);
}

void finding_add(struct findings *f, enum severity severity, const char *check,
		 const char *why, const char *what, ...)
{
	struct finding new = {.severity = severity, .why = why};
	va_list ap;
	int len;

	va_start(ap, what);
	len = vasprintf(&new.what, what, ap);
	va_end(ap);
	if (len < 0)
		new.what = NULL;
	new.check = strdup(check);
	if (!new.what || !new.check || array_room_for_one(f->items, f->count)) {
		free(new.what);
		free(new.check);
		f->error = -ENOMEM;
		return;
	}
	f->items[f->count++] = new;
}

void finding_mend(struct findings *f, const char *mend, ...)
{
	char *text = NULL;
	va_list ap;
	int len;

	va_start(ap, mend);
	len = vasprintf(&text, mend, ap);
	va_end(ap);
	/* After a failed add the last one is another's. */
	if (len < 0 || f->error || !f->count) {
		if (len >= 0)
			free(text);
		f->error = -ENOMEM;
		return;
	}
	free(f->items[f->count - 1].mend);
	f->items[f->count - 1].mend = text;
}

size_t findings_count(const struct findings *f, enum severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += f->items[i].severity == severity;
	return n;
}

int finding_write(const struct finding *f, struct buf *out)
{
	int rc = gitconfig_section(out, "finding", f->check);

	if (!rc)
		rc = gitconfig_value(out, "severity",
				     severity_name(f->severity));
	if (!rc)
		rc = gitconfig_value(out, "what", f->what);
	if (!rc && f->why)
		rc = gitconfig_value(out, "why", f->why);
	if (!rc && f->mend)
		rc = gitconfig_value(out, "mend", f->mend);
	return rc;
}
