/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the control file as a document. Pure. */
#ifndef VERS3_SRC_CTL_STATE_H
#define VERS3_SRC_CTL_STATE_H

#include <jansson.h>

/*
 * Reads what util/gitconfig.h writes. A section becomes an object, its
 * subsections the objects of an array "rules" in it, each with its name as
 * "id". Numbers and truth values become such, other values strings; what may
 * stand several times is an array. 0, -EIO when it is not understood, or
 * -ENOMEM; the caller drops the reference.
 */
int state_parse(const char *text, json_t **ret_state);

#endif
