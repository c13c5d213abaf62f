/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control file: what its parts share.
 *
 * Any thread, no lock held. The mutex is taken before meta_lock() and not held
 * over requests. Texts are appended to the caller's buffer. Times monotonic, in
 * ns.
 */
#ifndef VERS3_CONTROL_CONTROL_STATE_H
#define VERS3_CONTROL_CONTROL_STATE_H

#include <pthread.h>

#include "vers3/core/bucket_config.h"
#include "vers3/tree/replication_census.h"
#include "vers3/util/buf.h"

struct long_command;
struct long_commands;
struct reader;
struct syncer;
struct tree;
struct view;

#define CONTROL_TEXT_MAX   (16 << 20)
#define CONTROL_REASON_MAX 320

#define CONTROL_ERROR_MAX 512

struct control {
	struct mount *mount; /* borrowed */
	struct meta *meta; /* borrowed: the mount's */
	struct reader *reader; /* borrowed, as the next three */
	struct tree *tree;
	struct syncer *syncer;
	struct view *view;
	struct long_commands *long_commands; /* owned */
	_Atomic uint64_t expire_uses; /* files that were told to expire */
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	struct replication_census census; /* the last one taken */
	int64_t census_ns; /* monotonic, when; 0: never */
	int64_t census_took_ns;
	char last_error[CONTROL_ERROR_MAX]; /* of a command; "" : none */
	int64_t last_error_mono_ns;
};

/* Appends the state of the mount in git-config syntax. 0 or -errno. */
int control_state_write(struct control *control, struct buf *out);

/*
 * Carries out one line and appends its answer, which on failure is one line
 * that says why. 0 or -errno. A long command is not carried out: when its
 * words are good, command is what it is to do.
 */
int control_command_run(struct control *control, const char *line, size_t len,
			struct buf *answer, struct long_command *command);
#endif
