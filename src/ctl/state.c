/* SPDX-License-Identifier: Apache-2.0 */
/* A parser for the lines of git-config that makes JSON of them. */
#include "state.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "vers3/util/buf.h"

#define VALUE_MAX (1 << 20)

/* Values that are text even if they look like a number. */
static const char *const texts[] = {
	"bucket",	"prefix",	"region",     "url",	"error",
	"lastError",	"lastErrorKey", "version",    "status", "storageClass",
	"expireDate",	"bucketPrefix", "path",	      "date",	"currency",
	"uploadsError", "key",		"serverRule", "next",	"rule",
	"until",	"owner",	"ours",	      "theirs", "until",
	"sample",	"reason",	"resume",
};

/* What may stand several times. */
static const char *const lists[] = {
	"tags",	     "transitions", "noncurrentTransitions",
	"failedKey", "items",	    "warning",
	"biggest",   "most",	    "unpriced",
	"acts",	     "idle",	    "day",
};

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

#define IS_AMONG(names, name)                                                  \
	is_among(names, sizeof(names) / sizeof(*(names)), name)

/*
 * Reads a value, or the rest of a section's line, up to an unquoted stop
 * character or the line's end. *ret_quoted: some of it was in quotes.
 */
static int read_value(const char **at, char stop, struct buf *out,
		      bool *ret_quoted)
{
	static const char names[] = "ntb", values[] = "\n\t\b";
	bool quoted = false;
	int rc = 0;

	*ret_quoted = false;
	for (; !rc && **at && **at != '\n'; (*at)++) {
		const char *name;
		char c = **at;

		if (c == stop && !quoted)
			break;
		if (c == '"') {
			quoted = !quoted;
			*ret_quoted = true;
			continue;
		}
		if (c == '\\') {
			c = *++*at;
			if (!c)
				return -EIO;
			name = strchr(names, c);
			c = name ? values[name - names] : c;
		}
		rc = buf_putc(out, c);
	}
	return rc ? rc : quoted ? -EIO : 0;
}

static json_t *make_value(const char *name, const char *text, bool quoted)
{
	char *end;
	long long n;

	if (quoted || IS_AMONG(texts, name) || IS_AMONG(lists, name))
		return ctl_json_text(text);
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return json_boolean(*text == 't');
	errno = 0;
	n = strtoll(text, &end, 10);
	if (!errno && end > text && !*end)
		return json_integer(n);
	return ctl_json_text(text);
}

/* "\tname = value" */
static int parse_value(const char **at, json_t *section)
{
	char name[64];
	struct buf text;
	bool quoted;
	json_t *value, *list;
	size_t len;
	int rc;

	while (isblank((unsigned char)**at))
		(*at)++;
	len = strspn(*at, "abcdefghijklmnopqrstuvwxyz"
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
	if (!section || !len || len >= sizeof(name))
		return -EIO;
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len;
	/* People write it with fewer blanks. */
	*at += strspn(*at, " \t");
	if (**at != '=')
		return -EIO;
	(*at)++;
	*at += strspn(*at, " \t");
	buf_init(&text, VALUE_MAX);
	rc = read_value(at, '\0', &text, &quoted);
	value = rc ? NULL : make_value(name, text.data, quoted);
	buf_release(&text);
	if (rc)
		return rc;
	if (!IS_AMONG(lists, name))
		return json_object_set_new(section, name, value) ? -ENOMEM : 0;
	list = json_object_get(section, name);
	if (!list) {
		list = json_array();
		if (json_object_set_new(section, name, list)) {
			json_decref(value);
			return -ENOMEM;
		}
	}
	return json_array_append_new(list, value) ? -ENOMEM : 0;
}

/* The object of a section, made when it is not there. Borrowed. */
static json_t *get_section(json_t *state, const char *name)
{
	json_t *section = json_object_get(state, name);

	if (section)
		return section;
	section = json_object();
	return json_object_set_new(state, name, section) ? NULL : section;
}

/* One more object of an array "rules". Borrowed. */
static json_t *add_rule(json_t *section, const char *id)
{
	json_t *rules = json_object_get(section, "rules");
	json_t *rule = json_object();

	if (!json_is_array(rules)) {
		rules = json_array();
		if (json_object_set_new(section, "rules", rules)) {
			json_decref(rule);
			return NULL;
		}
	}
	if (json_array_append_new(rules, rule) ||
	    json_object_set_new(rule, "id", ctl_json_text(id)))
		return NULL;
	return rule;
}

/* "[name]" or "[name \"id\"]" */
static int parse_section(const char **at, json_t *state, json_t **ret_section)
{
	size_t len = strcspn(++*at, " ]\n");
	struct buf id;
	char name[64];
	bool sub;
	int rc;

	if (!len || len >= sizeof(name))
		return -EIO;
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len;
	if (**at == ' ')
		(*at)++;
	buf_init(&id, VALUE_MAX);
	rc = read_value(at, ']', &id, &sub);
	if (!rc && **at != ']')
		rc = -EIO;
	if (!rc) {
		(*at)++;
		*ret_section = get_section(state, name);
		if (*ret_section && sub)
			*ret_section = add_rule(*ret_section, id.data);
		rc = *ret_section ? 0 : -ENOMEM;
	}
	buf_release(&id);
	return rc;
}

/* A count of rules where there are none is an array where there are some. */
static void empty_rules(json_t *state)
{
	const char *name;
	json_t *section;

	json_object_foreach(state, name, section)
	{
		json_t *rules = json_object_get(section, "rules");

		if (json_is_integer(rules))
			json_object_set_new(section, "rules", json_array());
	}
}

int state_parse(const char *text, json_t **ret_state)
{
	json_t *state = json_object(), *section = NULL;
	const char *at = text;
	int rc = state ? 0 : -ENOMEM;

	while (!rc && *at) {
		at += strspn(at, " \t\r\n");
		/* A comment: progress, or what somebody wrote in a file. */
		if (*at == '#' || *at == ';')
			at += strcspn(at, "\n");
		if (!*at || *at == '\n')
			continue;
		rc = *at == '[' ? parse_section(&at, state, &section)
				: parse_value(&at, section);
		if (!rc && *at && *at != '\n')
			rc = -EIO;
	}
	if (rc) {
		json_decref(state);
		return rc;
	}
	empty_rules(state);
	*ret_state = state;
	return 0;
}
