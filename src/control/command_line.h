/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a command line, of which some may be quoted. */
#ifndef VERS3_SRC_CONTROL_COMMAND_LINE_H
#define VERS3_SRC_CONTROL_COMMAND_LINE_H

#include <stddef.h>

#define WORDS_MAX 64

struct command_line {
	char *items[WORDS_MAX]; /* owned */
	size_t count;
};

/*
 * Splits len bytes at blanks. Quotes and backslashes are those of values in
 * git-config(1): "a b" is one word, and \" \\ \n \t \b stand for the
 * character. 0, -EINVAL with one line in reason (size bytes), -ENOMEM;
 * release it after 0 alone.
 */
int command_line_split(const char *line, size_t len,
		       struct command_line *ret_words, char *reason,
		       size_t size);
void command_line_release(struct command_line *w);

#endif
