/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides, with the caller's capabilities and groups out of /proc, what bits
 * go, and takes them by a setattr and a notice to the kernel.
 */
#include "setid.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/fuse.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init_reply.h"
#include "vers3/util/log.h"

#define GROUPS_MAX	  256 /* who is in more may lose the bit */
#define KILLPRIV_V2_MINOR 33 /* of FUSE 7: Linux 5.11 */

void setid_negotiate(struct ops_context *c, struct fuse_conn_info *conn)
{
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
	c->clears_setid =
		fuse_set_feature_flag(conn, FUSE_CAP_HANDLE_KILLPRIV_V2);
#else
	c->clears_setid = conn->proto_minor >= KILLPRIV_V2_MINOR &&
			  init_reply_add(c, FUSE_HANDLE_KILLPRIV_V2);
#endif
}

/* The bits of a regular file's mode that a change takes away. */
static mode_t lost_bits(mode_t mode)
{
	mode_t lost = S_ISUID;

	if (!S_ISREG(mode))
		return 0;
	/* Without the group's execute bit S_ISGID gives nobody rights. */
	if (mode & S_IXGRP)
		lost |= S_ISGID;
	return mode & lost;
}

/* Whether a process lives in our user namespace: others' rights end there. */
static bool same_user_namespace(pid_t pid)
{
	struct stat theirs, ours;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat(path, &theirs) == 0 &&
	       stat("/proc/self/ns/user", &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/*
 * Whether the caller's rights are its process's own. A server in the kernel
 * (nfsd) takes its client's for a call, of which /proc tells nothing.
 */
static bool acts_as_itself(const struct fuse_ctx *ctx)
{
	char path[64], line[128];
	uid_t uid = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)ctx->pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Uid: %*u %*u %*u %u", &uid) == 1;
	if (f)
		fclose(f);
	return found && uid == ctx->uid;
}

/* Whether the caller has CAP_FSETID; when in doubt, not. */
static bool may_keep(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
		.pid = ctx->pid,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	/* Of 0, a process that we cannot see, it would tell our own. */
	if (ctx->pid <= 0 || syscall(SYS_capget, &header, data))
		return false;
	return (data[CAP_TO_INDEX(CAP_FSETID)].effective &
		CAP_TO_MASK(CAP_FSETID)) &&
	       acts_as_itself(ctx) && same_user_namespace(ctx->pid);
}

static bool is_in_group(fuse_req_t req, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int n = fuse_req_getgroups(req, GROUPS_MAX, groups);

	if (fuse_req_ctx(req)->gid == gid)
		return true;
	for (int i = 0; i < n && i < GROUPS_MAX; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

bool setid_may_keep_group(fuse_req_t req, fuse_ino_t ino)
{
	struct stat st;

	if (vfs_getattr(ops_vfs(req), ino, &st) || !(st.st_mode & S_ISGID))
		return true;
	return may_keep(req) || is_in_group(req, st.st_gid);
}

int setid_content(fuse_req_t req, fuse_ino_t ino)
{
	return ops_context(req)->clears_setid ? setid_open(req, ino) : 0;
}

/* Takes away what capabilities a file has; others may have been faster. */
static int drop_caps(const struct ops_context *c, fuse_ino_t ino,
		     mode_t *ret_mode)
{
	bool capable = false;
	int rc = vfs_privileges(c->vfs, ino, ret_mode, &capable);

	if (!rc && capable)
		rc = vfs_removexattr(c->vfs, ino, XATTR_NAME_CAPS);
	return rc == -ENODATA ? 0 : rc;
}

int setid_open(fuse_req_t req, fuse_ino_t ino)
{
	struct ops_context *c = ops_context(req);
	mode_t lost, mode;
	struct stat st;
	int rc;

	if (ino == MOUNT_CONTROL_INO)
		return 0;
	rc = drop_caps(c, ino, &mode);
	if (rc)
		return rc;
	lost = lost_bits(mode);
	if (!lost || may_keep(req))
		return 0;
	st.st_mode = mode & ~lost;
	rc = vfs_setattr(c->vfs, ino, &st, VFS_SET_MODE, &st);
	if (rc)
		return rc;
	/* The kernel must not run it by the old mode. This waits for no page:
	   the offset says attributes only. */
	rc = fuse_lowlevel_notify_inval_inode(c->session, ino, -1, 0);
	if (rc)
		log_debug("inode %llu: its mode may be shown for a while yet",
			  (unsigned long long)ino);
	return 0;
}

int setid_attr(fuse_req_t req, fuse_ino_t ino, int to_set, struct stat *attr,
	       unsigned *set)
{
	const struct ops_context *c = ops_context(req);
	int takes = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
	mode_t lost, mode;
	int rc;

#ifdef FUSE_SET_ATTR_KILL_SUID
	/* Set with a size when the caller lacks the right to keep both. */
	takes |= FUSE_SET_ATTR_KILL_SUID;
#endif
	if (!c->clears_setid || !(to_set & (takes | FUSE_SET_ATTR_SIZE)) ||
	    ino == MOUNT_CONTROL_INO)
		return 0;
	rc = drop_caps(c, ino, &mode);
	if (rc)
		return rc;
	if (!(to_set & takes) || (*set & VFS_SET_MODE))
		return 0;
	lost = lost_bits(mode);
	if (lost) {
		attr->st_mode = mode & ~lost;
		*set |= VFS_SET_MODE;
	}
	return 0;
}
