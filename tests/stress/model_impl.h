/* SPDX-License-Identifier: Apache-2.0 */
/* What the model's halves share: states (model.c) and calls (work.c). */
#ifndef VERS3_TESTS_STRESS_MODEL_IMPL_H
#define VERS3_TESTS_STRESS_MODEL_IMPL_H

#include "model.h"

/* Adds the state that the nodes are in now, before its call is made. */
int model_note(struct model *m, const char *what);
/* The call that leads to the newest state has returned. */
void model_done(struct model *m);
void model_sort(struct model *m);
void model_md5(const void *data, size_t size, unsigned char *md5);

#endif
