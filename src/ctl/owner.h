/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user who made a mount: without allow_other, the kernel lets nobody else
 * look into it, not even root.
 */
#ifndef VERS3_SRC_CTL_OWNER_H
#define VERS3_SRC_CTL_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

struct owner {
	uid_t uid;
	gid_t gid;
};

/* Of the mount on top of a mount point. 0, -ENOENT, -errno. */
int owner_find(const char *root, struct owner *ret_owner);

/* What was asked in the user's name. */
struct owner_answer {
	int rc; /* 0 or -errno */
	long pid; /* of the process behind the mount; 0: not known */
};

/*
 * Has ask(ctx) called in a child that is that user in all ways, so that root
 * is let in, and waits for its end. All that comes back may be of the user's
 * making. 0 or -errno.
 */
int owner_ask(const struct owner *o, struct owner_answer (*ask)(void *),
	      void *ctx, struct owner_answer *ret_answer);

/* Whether a process runs as that user. */
bool owner_runs(const struct owner *o, long pid);

#endif
