/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: a section of one line is a document (state.h). */
#include "answer_line.h"

#include <errno.h>
#include <string.h>

#include "control_client.h"
#include "state.h"
#include "vers3/util/buf.h"

#define SECTION "line"

int answer_line_value(const char *line, const char *name, char **ret_value)
{
	const json_t *value;
	json_t *doc = NULL;
	struct buf text;
	int rc;

	*ret_value = NULL;
	if (*line == '[')
		return 0;
	buf_init(&text, TALK_ANSWER_MAX);
	rc = buf_printf(&text, "[" SECTION "]\n%s\n", line);
	if (!rc)
		rc = state_parse(text.data, &doc);
	buf_release(&text);
	if (rc)
		return rc;
	value = json_object_get(json_object_get(doc, SECTION), name);
	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (json_is_string(value)) {
		*ret_value = strdup(json_string_value(value));
		rc = *ret_value ? 0 : -ENOMEM;
	}
	json_decref(doc);
	return rc;
}

int answer_line_split(char *text, char **words, int count)
{
	for (int i = 0; i < count - 1; i++) {
		char *blank = strchr(text, ' ');

		if (!blank)
			return -EIO;
		*blank = '\0';
		words[i] = text;
		text = blank + 1;
	}
	words[count - 1] = text;
	return 0;
}
