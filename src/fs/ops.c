/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on names and attributes, and the table of all. */
#include "ops.h"

#include <errno.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <linux/limits.h>

#include "setid.h"

#include "vers3/util/buf.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define MAX_WRITE	(1U << 20)
#define MAX_READAHEAD	(16U << 20)
#define MAX_BACKGROUND	64
#define CONGESTION	48
#define NEGATIVE_TTL_NS NS_PER_S
#define FORGETS		64 /* under one hold of the lock */

/* What is asked of the kernel where it has it, and what is declined. */
static const unsigned wanted =
	FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS |
	FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ATOMIC_O_TRUNC |
	FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_CACHE_SYMLINKS |
	/* Lists of who may do what are handed down in place of the umask. */
	FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK;
static const unsigned declined =
	/* Copying is faster than pipes at requests of 1 MiB. */
	FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
	/* Staging must see a write when it is made. */
	FUSE_CAP_WRITEBACK_CACHE |
	/*
	 * The kernel drops no page that was read while such a write went on,
	 * and shows it ever after.
	 */
	FUSE_CAP_ASYNC_DIO |
	/* The vfs says itself when pages are old; mtimes alone do not. */
	FUSE_CAP_AUTO_INVAL_DATA |
	/* Whole-file and record locks stay local. */
	FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_POSIX_LOCKS |
	/* Of the two ways to leave set-id bits to us, setid.h has the other. */
	FUSE_CAP_HANDLE_KILLPRIV;

/* libfuse 3.17 has the flags in wider fields beside the old ones. */
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
#define CAPABLE capable_ext
#define WANT	want_ext
#else
#define CAPABLE capable
#define WANT	want
#endif

void ops_features(const struct ops_context *c, char *agreed, char *lacks,
		  size_t size)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{FUSE_CAP_ASYNC_READ, "reads at once"},
		{FUSE_CAP_PARALLEL_DIROPS, "parallel look-ups"},
		{FUSE_CAP_READDIRPLUS, "lists with attributes"},
		{FUSE_CAP_ATOMIC_O_TRUNC, "atomic truncation"},
		{FUSE_CAP_EXPORT_SUPPORT, "export by NFS"},
		{FUSE_CAP_CACHE_SYMLINKS, "cached links"},
		{FUSE_CAP_POSIX_ACL, "access control lists"},
	};

	snprintf(agreed, size, "%u.%u, libfuse %s", c->proto_major,
		 c->proto_minor, fuse_pkgversion());
	*lacks = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t len = strlen(lacks);

		if (c->lacks & names[i].flag)
			snprintf(lacks + len, size - len, "%s%s",
				 len ? ", " : "", names[i].name);
	}
}

static void ops_init(void *userdata, struct fuse_conn_info *conn)
{
	struct ops_context *c = userdata;

	conn->WANT |= conn->CAPABLE & wanted;
	conn->WANT &= ~(uint64_t)declined;
	setid_negotiate(c, conn);
	conn->max_write = MAX_WRITE;
	conn->max_readahead = MAX_READAHEAD;
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = CONGESTION;
	conn->time_gran = 1;
	c->can_expire = conn->capable & FUSE_CAP_EXPIRE_ONLY;
	c->proto_major = conn->proto_major;
	c->proto_minor = conn->proto_minor;
	c->lacks = wanted & ~(unsigned)conn->CAPABLE;
	log_debug("kernel's FUSE %u.%u, capabilities %#llx, in use %#llx",
		  conn->proto_major, conn->proto_minor,
		  (unsigned long long)conn->CAPABLE,
		  (unsigned long long)conn->WANT);
	if (c->on_ready)
		c->on_ready(c->ready_ctx);
}

/* Ends a request that answers with an entry. */
static void reply_entry(fuse_req_t req, int rc, const struct vfs_entry *entry)
{
	struct fuse_entry_param e;

	if (rc) {
		fuse_reply_err(req, -rc);
		return;
	}
	e = ops_entry(req, entry);
	fuse_reply_entry(req, &e);
}

/* The kernel may remember for a while that a name is not there. */
static void reply_negative(fuse_req_t req)
{
	int64_t ttl_ns = ops_context(req)->ttl_ns;
	struct fuse_entry_param e = {.ino = 0};

	if (ttl_ns <= 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	e.entry_timeout = ops_seconds(
		ttl_ns < NEGATIVE_TTL_NS ? ttl_ns : NEGATIVE_TTL_NS);
	fuse_reply_entry(req, &e);
}

/* One of the files that writeback.h's child looks for. */
static void lookup_open(fuse_req_t req, uint64_t ino)
{
	struct vfs_entry entry = {.ino = ino};

	reply_entry(req, vfs_known_attr(ops_vfs(req), ino, &entry.st), &entry);
}

static void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct interrupt turn;
	struct vfs *v = ops_vfs(req);
	struct vfs_entry entry = {.ino = parent};
	uint64_t open = writeback_ino(&ops_context(req)->writeback, name,
				      fuse_req_ctx(req)->pid);
	int rc;

	if (open) {
		lookup_open(req, open);
		return;
	}
	ops_begin(req, &turn);
	/* A server of NFS asks so for an inode whose number it has, */
	if (strcmp(name, ".") == 0)
		rc = vfs_getattr(v, parent, &entry.st);
	/* and so for a directory's way up to the root. */
	else if (strcmp(name, "..") == 0)
		rc = vfs_parent(v, parent, &entry);
	else
		rc = vfs_lookup(v, parent, name, &entry);
	ops_end(&turn);
	/* A save makes names in the history, of which the kernel hears not. */
	if (rc == -ENOENT && !mount_is_view(parent))
		reply_negative(req);
	else
		reply_entry(req, rc, &entry);
}

static void ops_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	uint64_t one = ino;

	/* It comes when the kernel drops the inode, with all its look-ups. */
	(void)count;
	vfs_forget(ops_vfs(req), &one, 1);
	fuse_reply_none(req);
}

static void ops_forget_multi(fuse_req_t req, size_t count,
			     struct fuse_forget_data *forgets)
{
	uint64_t inos[FORGETS];

	while (count) {
		size_t n = count < FORGETS ? count : FORGETS;

		for (size_t i = 0; i < n; i++)
			inos[i] = forgets[i].ino;
		vfs_forget(ops_vfs(req), inos, n);
		forgets += n;
		count -= n;
	}
	fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, int rc, fuse_ino_t ino,
		       const struct stat *st)
{
	int64_t ttl_ns = ops_context(req)->ttl_ns;

	if (rc) {
		fuse_reply_err(req, -rc);
		return;
	}
	ttl_ns = ino == MOUNT_CONTROL_INO
			 ? 0
			 : vfs_attr_ttl_ns(ops_vfs(req), ino, st, ttl_ns);
	fuse_reply_attr(req, st, ops_seconds(ttl_ns));
}

static void ops_getattr(fuse_req_t req, fuse_ino_t ino,
			struct fuse_file_info *fi)
{
	struct interrupt turn;
	struct stat st;
	int rc;

	(void)fi;
	ops_begin(req, &turn);
	rc = vfs_getattr(ops_vfs(req), ino, &st);
	ops_end(&turn);
	reply_attr(req, rc, ino, &st);
}

static unsigned setattr_bits(int to_set)
{
	static const struct {
		int fuse;
		unsigned vfs;
	} bits[] = {
		{FUSE_SET_ATTR_MODE, VFS_SET_MODE},
		{FUSE_SET_ATTR_UID, VFS_SET_UID},
		{FUSE_SET_ATTR_GID, VFS_SET_GID},
		{FUSE_SET_ATTR_SIZE, VFS_SET_SIZE},
		{FUSE_SET_ATTR_ATIME, VFS_SET_ATIME},
		{FUSE_SET_ATTR_MTIME, VFS_SET_MTIME},
		{FUSE_SET_ATTR_ATIME_NOW, VFS_SET_ATIME_NOW},
		{FUSE_SET_ATTR_MTIME_NOW, VFS_SET_MTIME_NOW},
	};
	unsigned set = 0;

	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		if (to_set & bits[i].fuse)
			set |= bits[i].vfs;
	}
	/* The kernel sends both where it means now. */
	if (set & VFS_SET_ATIME_NOW)
		set &= ~(unsigned)VFS_SET_ATIME;
	if (set & VFS_SET_MTIME_NOW)
		set &= ~(unsigned)VFS_SET_MTIME;
	return set;
}

static void ops_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
			int to_set, struct fuse_file_info *fi)
{
	struct interrupt turn;
	unsigned set = setattr_bits(to_set);
	struct stat st;
	int rc;

	(void)fi;
	ops_begin(req, &turn);
	rc = setid_attr(req, ino, to_set, attr, &set);
	if (!rc)
		rc = vfs_setattr(ops_vfs(req), ino, attr, set, &st);
	ops_end(&turn);
	reply_attr(req, rc, ino, &st);
}

static void ops_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct interrupt turn;
	struct buf target;
	int rc;

	buf_init(&target, PATH_MAX);
	ops_begin(req, &turn);
	rc = vfs_readlink(ops_vfs(req), ino, &target);
	ops_end(&turn);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_readlink(req, target.data);
	buf_release(&target);
}

static void ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, dev_t rdev)
{
	struct interrupt turn;
	struct vfs_caller who = ops_caller(req);
	struct vfs_entry entry;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_mknod(ops_vfs(req), parent, name, mode, rdev, &who, &entry);
	ops_end(&turn);
	reply_entry(req, rc, &entry);
}

static void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode)
{
	struct interrupt turn;
	struct vfs_caller who = ops_caller(req);
	struct vfs_entry entry;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_mkdir(ops_vfs(req), parent, name, mode, &who, &entry);
	ops_end(&turn);
	reply_entry(req, rc, &entry);
}

static void ops_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
			const char *name)
{
	struct interrupt turn;
	struct vfs_caller who = ops_caller(req);
	struct vfs_entry entry;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_symlink(ops_vfs(req), parent, name, target, &who, &entry);
	ops_end(&turn);
	reply_entry(req, rc, &entry);
}

static void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent,
		     const char *new_name)
{
	struct interrupt turn;
	struct vfs_entry entry;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_link(ops_vfs(req), ino, new_parent, new_name, &entry);
	ops_end(&turn);
	reply_entry(req, rc, &entry);
}

static void ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct interrupt turn;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_unlink(ops_vfs(req), parent, name);
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

static void ops_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct interrupt turn;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_rmdir(ops_vfs(req), parent, name);
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

static void ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		       fuse_ino_t new_parent, const char *new_name,
		       unsigned flags)
{
	struct interrupt turn;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_rename(ops_vfs(req), parent, name, new_parent, new_name,
			flags);
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

static void ops_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int rc;

	(void)ino;
	rc = vfs_statfs(ops_vfs(req), &st);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_statfs(req, &st);
}

/* A size of 0 asks how much there is; too small a one is an error. */
static void reply_sized(fuse_req_t req, int rc, const struct buf *b,
			size_t size)
{
	if (rc)
		fuse_reply_err(req, -rc);
	else if (size == 0)
		fuse_reply_xattr(req, b->len);
	else if (b->len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, b->data, b->len);
}

static void ops_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			 size_t size)
{
	struct interrupt turn;
	struct buf value;
	int rc;

	buf_init(&value, XATTR_SIZE_MAX);
	ops_begin(req, &turn);
	rc = vfs_getxattr(ops_vfs(req), ino, name, &value);
	ops_end(&turn);
	reply_sized(req, rc, &value, size);
	buf_release(&value);
}

/* As on other file systems: trusted.* is shown to administrators alone. */
static void drop_trusted(struct buf *names)
{
	size_t kept = 0;

	for (size_t at = 0, size; at < names->len; at += size) {
		const char *name = names->data + at;

		size = strlen(name) + 1;
		if (!strncmp(name, XATTR_TRUSTED_PREFIX,
			     XATTR_TRUSTED_PREFIX_LEN))
			continue;
		memmove(names->data + kept, name, size);
		kept += size;
	}
	names->len = kept;
}

static void ops_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct interrupt turn;
	struct buf names;
	int rc;

	buf_init(&names, XATTR_LIST_MAX);
	ops_begin(req, &turn);
	rc = vfs_listxattr(ops_vfs(req), ino, &names);
	ops_end(&turn);
	if (fuse_req_ctx(req)->uid)
		drop_trusted(&names);
	reply_sized(req, rc, &names, size);
	buf_release(&names);
}

static void ops_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			 const char *value, size_t size, int flags)
{
	struct interrupt turn;
	int rc;

	ops_begin(req, &turn);
	if (!strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) &&
	    !setid_may_keep_group(req, ino))
		flags |= VFS_XATTR_KILL_SGID;
	rc = vfs_setxattr(ops_vfs(req), ino, name, value, size, flags);
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

static void ops_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct interrupt turn;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_removexattr(ops_vfs(req), ino, name);
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

const struct fuse_lowlevel_ops ops_table = {
	.init = ops_init,
	.lookup = ops_lookup,
	.forget = ops_forget,
	.forget_multi = ops_forget_multi,
	.getattr = ops_getattr,
	.setattr = ops_setattr,
	.readlink = ops_readlink,
	.mknod = ops_mknod,
	.mkdir = ops_mkdir,
	.unlink = ops_unlink,
	.rmdir = ops_rmdir,
	.symlink = ops_symlink,
	.rename = ops_rename,
	.link = ops_link,
	.statfs = ops_statfs,
	.setxattr = ops_setxattr,
	.getxattr = ops_getxattr,
	.listxattr = ops_listxattr,
	.removexattr = ops_removexattr,
	.open = ops_open,
	.create = ops_create,
	.read = ops_read,
	.write = ops_write,
	.flush = ops_flush,
	.fsync = ops_fsync,
	.release = ops_release,
	.ioctl = ops_ioctl,
	.fallocate = ops_fallocate,
	.lseek = ops_lseek,
	.copy_file_range = ops_copy_file_range,
	.opendir = ops_opendir,
	.readdir = ops_readdir,
	.readdirplus = ops_readdirplus,
	.fsyncdir = ops_fsyncdir,
	.releasedir = ops_releasedir,
};
