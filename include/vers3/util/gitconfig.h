/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the syntax of git-config(1) ("CONFIGURATION FILE", "Syntax"), which
 * `git config -f` reads back. Appends to a buffer; 0, or what the buffer
 * returned (-ENOMEM, -EFBIG), with the buffer's end then undefined.
 */
#ifndef VERS3_UTIL_GITCONFIG_H
#define VERS3_UTIL_GITCONFIG_H

#include <stdint.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/*
 * "[section]", or with a subsection `[section "sub"]`. section is letters,
 * digits, "-" and "."; sub is any text. A line feed, which no subsection can
 * hold, becomes a blank.
 */
int gitconfig_section(struct buf *b, const char *section, const char *sub);
/*
 * "\tname = value". name is letters, digits and "-", a letter first; value
 * is any text, quoted where it needs to be. The same name may be written
 * again: the value is then a list (`git config --get-all`).
 */
int gitconfig_value(struct buf *b, const char *name, const char *value);
int gitconfig_number(struct buf *b, const char *name, int64_t value);
/* An instant in UTC, in whole seconds: "2026-11-21T23:50:08Z". */
int gitconfig_time(struct buf *b, const char *name, int64_t ns);
/* "true" or "false". */
int gitconfig_bool(struct buf *b, const char *name, int value);
/* "name = KEY=VALUE" for each pair: a list of values. */
int gitconfig_pairs(struct buf *b, const char *name,
		    const struct kvlist *pairs);
/* The value alone, quoted where it needs to be. */
int gitconfig_quote(struct buf *b, const char *value);
/*
 * A command's answer: what it is about, whatever is in it, and a word on it,
 * in one line. Returns rc, or why there was no room.
 */
int gitconfig_say(struct buf *answer, int rc, const char *what,
		  const char *why);

#endif
