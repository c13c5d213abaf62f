/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathers the facts: asks the server for each document of the bucket, and this
 * machine for what it has. Nothing is changed by it.
 *
 * No lock held. 0; -EINTR when the caller's cancel was set, -ENOMEM.
 */
#ifndef VERS3_SRC_UPKEEP_DOCTOR_GATHER_H
#define VERS3_SRC_UPKEEP_DOCTOR_GATHER_H

#include "doctor_facts.h"

struct mount;

/* What is known of the mount and this machine; sends nothing. */
int doctor_gather_host(struct mount *mount, struct doctor_facts *facts);
/*
 * What the bucket says. facts->silent: nobody has answered, and nothing more
 * was asked; head has the words.
 */
int doctor_gather_bucket(struct mount *mount, struct doctor_facts *facts,
			 struct doctor_answer *head);

#endif
