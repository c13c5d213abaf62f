/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner over one line; how errors in it are told stands here, too. */
#include "command_line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the line is being read. */
struct scan {
	const char *at, *end; /* borrowed */
	char *reason;
	size_t size;
};

static int refuse(const struct scan *s, const char *why)
{
	snprintf(s->reason, s->size, "%s", why);
	return -EINVAL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The character after a backslash. */
static int unescape(struct scan *s, char *ret)
{
	static const char names[] = "\"\\ntb", values[] = "\"\\\n\t\b";
	const char *p = s->at < s->end && *s->at ? strchr(names, *s->at) : NULL;

	if (!p)
		return refuse(s, "after a backslash there is one of \" \\ n t "
				 "b");
	s->at++;
	*ret = values[p - names];
	return 0;
}

/* Reads one word into buf, which has room for all that is left. */
static int scan_word(struct scan *s, char *buf)
{
	bool quoted = false;
	int rc = 0;

	while (!rc && s->at < s->end && (quoted || !is_blank(*s->at))) {
		char c = *s->at++;

		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (!c)
			return refuse(s, "a NUL byte in the line");
		if (c == '\\')
			rc = unescape(s, &c);
		*buf++ = c;
	}
	*buf = '\0';
	if (!rc && quoted)
		return refuse(s, "a quote is not closed");
	return rc;
}

int command_line_split(const char *line, size_t len,
		       struct command_line *ret_words, char *reason,
		       size_t size)
{
	struct scan s = {line, line + len, reason, size};
	struct command_line w = {.count = 0};
	int rc = 0;

	for (;;) {
		char *word;

		while (s.at < s.end && is_blank(*s.at))
			s.at++;
		if (s.at == s.end)
			break;
		if (w.count == WORDS_MAX) {
			rc = refuse(&s, "too many words");
			break;
		}
		word = malloc((size_t)(s.end - s.at) + 1);
		if (!word) {
			rc = -ENOMEM;
			break;
		}
		w.items[w.count++] = word;
		rc = scan_word(&s, word);
		if (rc)
			break;
	}
	if (rc)
		command_line_release(&w);
	else
		*ret_words = w;
	return rc;
}

void command_line_release(struct command_line *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->items[i]);
	w->count = 0;
}
