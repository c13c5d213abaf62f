/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a FUSE file system can do for a read: a pass-through of one
 * local file, what the cached reads are measured by.
 *
 *	b_pass FILE MOUNTPOINT [FUSE-OPTION]...
 *
 * MOUNTPOINT is a regular file: the mount is FILE there.
 */
#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int source(void)
{
	return *(int *)fuse_get_context()->private_data;
}

static int pass_getattr(const char *path, struct stat *st,
			struct fuse_file_info *fi)
{
	(void)fi;
	if (strcmp(path, "/"))
		return -ENOENT;
	return fstat(source(), st) ? -errno : 0;
}

static int pass_open(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	(void)fi;
	return 0;
}

static int pass_read(const char *path, char *buf, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	ssize_t n = pread(source(), buf, size, offset);

	(void)path;
	(void)fi;
	return n < 0 ? -errno : (int)n;
}

static const struct fuse_operations operations = {
	.getattr = pass_getattr,
	.open = pass_open,
	.read = pass_read,
};

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3) {
		fprintf(stderr, "usage: b_pass FILE MOUNTPOINT [OPTION]...\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	argv[1] = argv[0];
	return fuse_main(argc - 1, argv + 1, &operations, &fd);
}
