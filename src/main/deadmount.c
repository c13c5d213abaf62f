/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what is mounted on top of a path that cannot be looked at, and
 * detaches it: as root itself, else through fusermount3.
 */
#include "vers3/main/deadmount.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vers3/util/env.h"
#include "vers3/util/mounts.h"

#define STACK_MAX 16 /* one upon the other */

int deadmount_path(const char *path, char **ret_path)
{
	size_t len = strlen(path);
	char *copy, *slash, *dir = NULL;
	int rc = 0;

	while (len > 1 && path[len - 1] == '/')
		len--;
	copy = strndup(path, len);
	if (!copy)
		return -ENOMEM;
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	dir = realpath(!slash ? "." : *copy ? copy : "/", NULL);
	if (!dir)
		rc = -errno;
	else if (asprintf(ret_path, "%s/%s", strcmp(dir, "/") ? dir : "",
			  slash ? slash + 1 : copy) < 0)
		rc = -ENOMEM;
	free(dir);
	free(copy);
	return rc;
}

bool deadmount_is_dead(const char *mountpoint)
{
	struct statx st;

	/* What the kernel remembers would look alive. */
	return statx(AT_FDCWD, mountpoint, AT_STATX_FORCE_SYNC, STATX_MODE,
		     &st) &&
	       errno == ENOTCONN;
}

bool deadmount_is_ours(const char *mountpoint, const char *source)
{
	struct mounts_entry e;
	bool ours;

	if (mounts_find(MOUNTS_TABLE, mountpoint, &e))
		return false;
	ours = mounts_is_ours(&e) && !strcmp(e.source, source);
	mounts_release(&e);
	return ours;
}

/* By the set-user-id helper, which says itself what is wrong. */
static int detach_as_user(const char *mountpoint)
{
	char *const argv[] = {(char *)"fusermount3", (char *)"-uz",
			      (char *)"--", (char *)mountpoint, NULL};
	char **env = env_without_keys(NULL);
	int status, rc;
	pid_t pid;

	if (!env)
		return -ENOMEM;
	rc = posix_spawnp(&pid, argv[0], NULL, NULL, argv, env);
	free(env);
	if (rc)
		return -rc;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPERM;
}

static int detach(const char *mountpoint)
{
	if (geteuid() != 0)
		return detach_as_user(mountpoint);
	/* Processes that stand in it have lost it already. */
	return umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) ? -errno : 0;
}

int deadmount_clear(const char *mountpoint, const char *source)
{
	int rc = 0;

	for (int i = 0; !rc && i < STACK_MAX; i++) {
		if (!deadmount_is_dead(mountpoint))
			return 0;
		rc = deadmount_is_ours(mountpoint, source) ? detach(mountpoint)
							   : -ENOTCONN;
	}
	return rc;
}
