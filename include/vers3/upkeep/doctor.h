/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for what is wrong, or will be: with the keys and their rights, the
 * clock, how the bucket is configured, the rules for it, and this machine. It
 * asks for each, changes nothing, and answers with a finding for each check.
 *
 * Any thread, no lock held. 0 or -errno.
 */
#ifndef VERS3_UPKEEP_DOCTOR_H
#define VERS3_UPKEEP_DOCTOR_H

#include "vers3/util/answer_stream.h"

struct mount;
struct doctor;

/* Borrows the mount. 0 or -ENOMEM. */
int doctor_new(struct mount *mount, struct doctor **ret_doctor);
/* Looks and answers: a run of struct long_command; doctor is one of those. */
int doctor_run(void *doctor, struct answer_stream *answer);
void doctor_free(void *doctor);

#endif
