/* SPDX-License-Identifier: Apache-2.0 */
/* The control file: what its parts share. */
#ifndef VERS3_VFS_CONTROL_STATE_INTERNAL_H
#define VERS3_VFS_CONTROL_STATE_INTERNAL_H

#include <pthread.h>

#include "bucket_config.h"
#include "census.h"
#include "vers3/util/buf.h"
#include "vers3/vfs/vfs.h"

#define CONTROL_TEXT_MAX   (16 << 20)
#define CONTROL_REASON_MAX 320

#define CONTROL_ERROR_MAX 512

struct control {
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	struct census census; /* the last one taken */
	int64_t census_ns; /* monotonic, when; 0: never */
	int64_t census_took_ns;
	char last_error[CONTROL_ERROR_MAX]; /* of a command; "" : none */
	int64_t last_error_mono_ns;
};

/* Appends the state of the mount in git-config syntax. 0 or -errno. */
int control_state_write(struct vfs *v, struct buf *out);

/*
 * Carries out one line and appends its answer, which on failure is one line
 * that says why. 0 or -errno.
 */
int control_command_run(struct vfs *v, const char *line, size_t len,
			struct buf *answer);

#endif
