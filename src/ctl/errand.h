/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command for the control file: the mount that it is for, its words one
 * by one, and what the mount answers. What goes wrong is said once, where it
 * goes wrong; every step after that does nothing.
 */
#ifndef VERS3_SRC_CTL_ERRAND_H
#define VERS3_SRC_CTL_ERRAND_H

#include <jansson.h>

#include "control_client.h"
#include "ctl.h"
#include "target.h"
#include "vers3/util/buf.h"

struct errand {
	struct target target;
	struct buf line, answer; /* the answer's text, when it was run */
	/* What went wrong; else the answer's first line. */
	char reason[CTL_REASON_MAX];
	int status; /* of what went wrong, and was said; CTL_OK */
};

/*
 * Finds the mount of path (NULL: of the directory where paths start) and has
 * the line begin with verb. To be ended whatever comes.
 */
void errand_begin(struct errand *e, const struct ctl_call *c, const char *path,
		  const char *verb);
void errand_end(struct errand *e);

/* Adds a word, quoted where it must be; NULL: nothing. */
void errand_word(struct errand *e, const char *word);
/* The same of NAME=TEXT. */
void errand_pair(struct errand *e, const char *name, const char *text);
/* The path of the place, from the mount's root on: "/a/b". */
void errand_path(struct errand *e);

/*
 * Has the mount carry it out. An exit status: CTL_USAGE where what was asked
 * for is wrong or not there.
 */
int errand_run(struct errand *e);
/* The same of a command that answers while it works. */
int errand_stream(struct errand *e);
/* The same with the lines for fn (control_client_stream()), not kept. */
int errand_lines(struct errand *e, control_client_line_fn fn, void *ctx);
/*
 * The answer as state.h makes it, whose section must be there; the caller
 * drops the reference. An exit status.
 */
int errand_document(struct errand *e, const char *section, json_t **ret_doc);

#endif
