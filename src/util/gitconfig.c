/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the syntax of git-config(1). */
#include "vers3/util/gitconfig.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/clock.h"

int gitconfig_section(struct buf *b, const char *section, const char *sub)
{
	int err;

	if (!sub)
		return buf_printf(b, "[%s]\n", section);
	err = buf_printf(b, "[%s \"", section);
	for (; !err && *sub; sub++) {
		if (*sub == '"' || *sub == '\\')
			err = buf_putc(b, '\\');
		if (!err)
			err = buf_putc(b, *sub == '\n' ? ' ' : *sub);
	}
	return err ? err : buf_puts(b, "\"]\n");
}

/* What can stand bare on all sides of a line, comments included. */
static int is_plain(const char *value)
{
	if (!*value)
		return 0;
	for (; *value; value++)
		if (!isalnum((unsigned char)*value) &&
		    !strchr("-._/:+@%=,~*", *value))
			return 0;
	return 1;
}

int gitconfig_quote(struct buf *b, const char *value)
{
	int err;

	if (is_plain(value))
		return buf_puts(b, value);
	err = buf_putc(b, '"');
	for (; !err && *value; value++) {
		switch (*value) {
		case '"':
			err = buf_puts(b, "\\\"");
			break;
		case '\\':
			err = buf_puts(b, "\\\\");
			break;
		case '\n':
			err = buf_puts(b, "\\n");
			break;
		case '\t':
			err = buf_puts(b, "\\t");
			break;
		case '\b':
			err = buf_puts(b, "\\b");
			break;
		default:
			err = buf_putc(b, *value);
		}
	}
	return err ? err : buf_putc(b, '"');
}

int gitconfig_value(struct buf *b, const char *name, const char *value)
{
	int err = buf_printf(b, "\t%s = ", name);

	if (!err)
		err = gitconfig_quote(b, value);
	return err ? err : buf_putc(b, '\n');
}

int gitconfig_number(struct buf *b, const char *name, int64_t value)
{
	return buf_printf(b, "\t%s = %" PRId64 "\n", name, value);
}

int gitconfig_time(struct buf *b, const char *name, int64_t ns)
{
	char when[24];

	clock_format_iso8601(ns, when, sizeof(when));
	return gitconfig_value(b, name, when);
}

int gitconfig_bool(struct buf *b, const char *name, int value)
{
	return buf_printf(b, "\t%s = %s\n", name, value ? "true" : "false");
}

int gitconfig_pairs(struct buf *b, const char *name, const struct kvlist *pairs)
{
	int err = 0;

	for (size_t i = 0; !err && i < pairs->count; i++) {
		char *text;

		if (asprintf(&text, "%s=%s", pairs->items[i].name,
			     pairs->items[i].value) < 0)
			return -ENOMEM;
		err = gitconfig_value(b, name, text);
		free(text);
	}
	return err;
}

int gitconfig_say(struct buf *answer, int rc, const char *what, const char *why)
{
	int full = gitconfig_quote(answer, what);

	if (!full)
		full = buf_printf(answer, ": %s\n", why);
	return rc ? rc : full;
}
