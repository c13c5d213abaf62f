/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground that the stress tests stand on: a daemon that is started, ended
 * and killed, workers with a model each, and the bucket seen without it.
 *
 * The environment says where: VERS3 (the program), WORK (a directory),
 * ENDPOINT, BUCKET, and the credentials in AWS_*. VERS3_OPTIONS, if set, is
 * added to the mount options (log_level=debug).
 */
#ifndef VERS3_TESTS_STRESS_RIG_H
#define VERS3_TESTS_STRESS_RIG_H

#include <pthread.h>
#include <sys/types.h>

#include "model.h"
#include "vers3/store/store.h"

#define RIG_WORKERS 3
#define RIG_SKIP    77 /* exit status: something is not here */

struct rig_options {
	uint64_t seed;
	unsigned rounds;
	bool large; /* files of several parts among the others */
};

struct daemon {
	pid_t pid; /* 0: none */
	char mnt[200];
	char log[200];
};

struct rig {
	struct rig_options options;
	const char *program, *work, *endpoint, *bucket;
	struct daemon live, check; /* the one tested; one with no cache */
	char cache[200];
	struct store *store; /* owned; never through a proxy */
	struct model models[RIG_WORKERS];
	pthread_t threads[RIG_WORKERS];
	struct map *seen; /* version ids that were judged */
	uint64_t versions; /* judged so far */
	uint64_t extra_versions, extra_markers; /* that changed nothing */
	pthread_t disk_thread;
	atomic_bool disk_stop;
	_Atomic int64_t disk_ns; /* the slowest sync of late; see rig_slack */
};

/*
 * Reads `-s SEED -n ROUNDS -l` and the environment, prints the seed. Exits
 * with a message when that cannot be.
 */
void rig_init(struct rig *r, int argc, char **argv, unsigned rounds);
void rig_release(struct rig *r);

/* Mounts with these options at d->mnt; endpoint NULL: the rig's. 0/-errno. */
int rig_mount(struct rig *r, struct daemon *d, const char *endpoint,
	      const char *cache, const char *options);
/* Begins to mount, and is killed after so long, wherever it is by then. */
int rig_flash(struct rig *r, struct daemon *d, const char *cache,
	      const char *options, uint64_t ms);
/* Unmounts, and waits until the daemon has drained and ended well. */
int rig_unmount(struct daemon *d);
/* kill -9, and the dead mount out of the way. */
void rig_kill(struct daemon *d);
/* The two halves of that: what uses the mount is stopped in between. */
void rig_end(struct daemon *d);
void rig_detach(struct daemon *d);

/*
 * A promise of so many milliseconds is kept by a disk that keeps up. How much
 * longer a commit may take now, by what small syncs beside it have taken in
 * the last seconds.
 */
int64_t rig_slack_ns(struct rig *r);

/* Directories of the workers, on the live mount. 0 or -errno. */
int rig_begin(struct rig *r);
/* Starts the workers. calls as model_run() has it. 0 or -errno. */
int rig_start(struct rig *r, uint64_t calls);
/* Has them end, and waits. */
void rig_stop(struct rig *r);
/*
 * Compares what a mount without a cache shows, and every version that the
 * bucket holds, with the models. Says what is wrong. 0 or -EUCLEAN/-errno.
 */
int rig_verify(struct rig *r);

/*
 * Says which worker met an error. dead: the daemon or its disk was taken
 * from under them, so that errors of that are as they should be. 0 or -EIO.
 */
int rig_check_workers(struct rig *r, bool dead);
/* Prints the verdict; the exit status. */
int rig_verdict(struct rig *r, int rc, unsigned rounds);

void rig_sleep_ms(uint64_t ms);
/* Removes a directory with all below it. 0 or an exit status. */
int rig_remove(const char *dir);
/* Runs a shell command; its exit status. */
int rig_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
