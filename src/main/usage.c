/* SPDX-License-Identifier: Apache-2.0 */
/* --help and the manual page's option list, from the table of options. */
#include <ctype.h>
#include <string.h>

#include "optdef.h"

#define NAME_WIDTH 24 /* column of the help text */
#define LINE_WIDTH 79

/* Prints words from column on, going to the next line where they do not fit. */
static void print_wrapped(FILE *out, const char *text, int column)
{
	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > NAME_WIDTH && column + 1 + len > LINE_WIDTH) {
			fprintf(out, "\n%*s", NAME_WIDTH, "");
			column = NAME_WIDTH;
		} else if (column > NAME_WIDTH) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* "help (default: x)" */
static void help_text(const struct optdef *d, char *buf, size_t size)
{
	const char *fallback = d->fallback ? d->fallback : d->shown;

	if (fallback)
		snprintf(buf, size, "%s (default: %s)", d->help, fallback);
	else
		snprintf(buf, size, "%s", d->help);
}

static bool starts_group(size_t i)
{
	return i == 0 || strcmp(optdefs[i].group, optdefs[i - 1].group) != 0;
}

void options_print_help(FILE *out)
{
	fputs("Usage: vers3 [-f] [-d] [-o option[,option]...] "
	      "BUCKET[:PREFIX] MOUNTPOINT\n"
	      "       vers3 --help | --version\n"
	      "\n"
	      "Mounts an S3 bucket, with its history under .versions.\n"
	      "\n"
	      "  -f                    stay in the foreground, log to stderr\n"
	      "  -d                    the same, and log everything\n"
	      "  -o option,...         mount options, listed below\n"
	      "\n"
	      "SIZE takes K, M, G and T; TIME is in seconds and takes s, m, h "
	      "and d.\n"
	      "A comma in a value is written \\,.\n",
	      out);
	for (size_t i = 0; i < optdefs_count; i++) {
		const struct optdef *d = &optdefs[i];
		char value[64], text[256];
		int n;

		if (starts_group(i))
			fprintf(out, "\n%s:\n", d->group);
		optdef_value_text(d, value, sizeof(value));
		help_text(d, text, sizeof(text));
		n = fprintf(out, "  %s%s%s", d->name, *value ? "=" : "", value);
		if (n >= NAME_WIDTH) {
			fputc('\n', out);
			n = 0;
		}
		n += fprintf(out, "%*s", NAME_WIDTH - n, "");
		print_wrapped(out, text, n);
	}
	fputs("\n"
	      "What mount(8) and fstab(5) say to every file system (rw, nosuid, "
	      "nodev, noexec,\n"
	      "noatime, nofail, _netdev, user, x-systemd.*...) is taken too. "
	      "See vers3(8).\n",
	      out);
}

/* Text that troff takes for nothing but text. */
static void roff_text(FILE *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", out);
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '-')
			fputs("\\-", out);
		else if (*s == '~')
			fputs("\\(ti", out);
		else
			fputc(*s, out);
	}
}

void options_print_roff(FILE *out)
{
	for (size_t i = 0; i < optdefs_count; i++) {
		const struct optdef *d = &optdefs[i];
		char value[64], text[256];

		if (starts_group(i))
			fprintf(out, ".SS %s\n", d->group);
		optdef_value_text(d, value, sizeof(value));
		help_text(d, text, sizeof(text));
		fprintf(out, ".TP\n\\fB%s%s\\fP", d->name, *value ? "=" : "");
		if (*value) {
			/* Words to type stand bold, names of values italic. */
			fputs(d->kind == OPT_ENUM ? "\\fB" : "\\fI", out);
			roff_text(out, value);
			fputs("\\fP", out);
		}
		fputc('\n', out);
		text[0] = (char)toupper((unsigned char)text[0]);
		roff_text(out, text);
		fputs(".\n", out);
	}
}
