/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket's history, judged by the models. */
#ifndef VERS3_TESTS_STRESS_HISTORY_H
#define VERS3_TESTS_STRESS_HISTORY_H

#include "rig.h"

/*
 * Lists all versions. Each must hold a content that its name once had;
 * versions and markers that repeat the one before them are counted in the
 * rig. Says what is wrong. 0, -EUCLEAN or -errno.
 */
int history_verify(struct rig *r);

#endif
