/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a long answer, read while the others come. Pure. */
#ifndef VERS3_SRC_CTL_ANSWER_LINE_H
#define VERS3_SRC_CTL_ANSWER_LINE_H

/*
 * The value of a line "name = value", malloc'd; NULL: it has another name, or
 * begins a section. 0, -EIO when it is not understood, or -ENOMEM.
 */
int answer_line_value(const char *line, const char *name, char **ret_value);
/*
 * Splits a text at its blanks: count words, of which the last is the rest, into
 * it. 0, or -EIO when there are fewer.
 */
int answer_line_split(char *text, char **words, int count);

#endif
