/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a FUSE file system can do: a pass-through of a local file or
 * directory, what cached reads and the accepting of files are measured by.
 *
 *	b_pass SOURCE MOUNTPOINT [FUSE-OPTION]...
 *
 * MOUNTPOINT is a regular file where SOURCE is one.
 */
#define FUSE_USE_VERSION 31

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SOURCE: what stands before each path. */
static const char *top;

/* The path below SOURCE; SOURCE alone is the root. */
static const char *there(const char *path, char *buf)
{
	snprintf(buf, PATH_MAX, "%s%s", top, strcmp(path, "/") ? path : "");
	return buf;
}

static int result(int rc)
{
	return rc < 0 ? -errno : 0;
}

static int pass_getattr(const char *path, struct stat *st,
			struct fuse_file_info *fi)
{
	char buf[PATH_MAX];

	if (fi)
		return result(fstat((int)fi->fh, st));
	return result(lstat(there(path, buf), st));
}

static int pass_readdir(const char *path, void *to, fuse_fill_dir_t fill,
			off_t offset, struct fuse_file_info *fi,
			enum fuse_readdir_flags flags)
{
	char buf[PATH_MAX];
	DIR *d = opendir(there(path, buf));
	struct dirent *e;

	(void)offset;
	(void)fi;
	(void)flags;
	if (!d)
		return -errno;
	while ((e = readdir(d)))
		fill(to, e->d_name, NULL, 0, 0);
	closedir(d);
	return 0;
}

static int opened(int fd, struct fuse_file_info *fi)
{
	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	return 0;
}

static int pass_open(const char *path, struct fuse_file_info *fi)
{
	char buf[PATH_MAX];

	return opened(open(there(path, buf), fi->flags | O_CLOEXEC), fi);
}

static int pass_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	char buf[PATH_MAX];

	return opened(open(there(path, buf), fi->flags | O_CLOEXEC, mode), fi);
}

static int pass_read(const char *path, char *buf, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	ssize_t n = pread((int)fi->fh, buf, size, offset);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int pass_write(const char *path, const char *buf, size_t size,
		      off_t offset, struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, buf, size, offset);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int pass_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return result(close((int)fi->fh));
}

static int pass_mkdir(const char *path, mode_t mode)
{
	char buf[PATH_MAX];

	return result(mkdir(there(path, buf), mode));
}

static int pass_unlink(const char *path)
{
	char buf[PATH_MAX];

	return result(unlink(there(path, buf)));
}

static int pass_rmdir(const char *path)
{
	char buf[PATH_MAX];

	return result(rmdir(there(path, buf)));
}

static int pass_rename(const char *from, const char *to, unsigned flags)
{
	char a[PATH_MAX], b[PATH_MAX];

	if (flags)
		return -EINVAL;
	return result(rename(there(from, a), there(to, b)));
}

static int pass_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	char buf[PATH_MAX];

	(void)fi;
	return result(chmod(there(path, buf), mode));
}

static int pass_chown(const char *path, uid_t uid, gid_t gid,
		      struct fuse_file_info *fi)
{
	char buf[PATH_MAX];

	(void)fi;
	return result(lchown(there(path, buf), uid, gid));
}

static int pass_truncate(const char *path, off_t size,
			 struct fuse_file_info *fi)
{
	char buf[PATH_MAX];

	if (fi)
		return result(ftruncate((int)fi->fh, size));
	return result(truncate(there(path, buf), size));
}

static int pass_utimens(const char *path, const struct timespec times[2],
			struct fuse_file_info *fi)
{
	char buf[PATH_MAX];

	(void)fi;
	return result(utimensat(AT_FDCWD, there(path, buf), times,
				AT_SYMLINK_NOFOLLOW));
}

static const struct fuse_operations operations = {
	.getattr = pass_getattr,
	.readdir = pass_readdir,
	.open = pass_open,
	.create = pass_create,
	.read = pass_read,
	.write = pass_write,
	.release = pass_release,
	.mkdir = pass_mkdir,
	.unlink = pass_unlink,
	.rmdir = pass_rmdir,
	.rename = pass_rename,
	.chmod = pass_chmod,
	.chown = pass_chown,
	.truncate = pass_truncate,
	.utimens = pass_utimens,
};

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr,
			"usage: b_pass SOURCE MOUNTPOINT [OPTION]...\n");
		return 2;
	}
	top = realpath(argv[1], NULL);
	if (!top) {
		perror(argv[1]);
		return 1;
	}
	umask(0);
	argv[1] = argv[0];
	return fuse_main(argc - 1, argv + 1, &operations, NULL);
}
