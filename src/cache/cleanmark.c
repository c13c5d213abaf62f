/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the file `state`: format, boot id, one word; cleanmark.h says why. */
#include "cleanmark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vers3/util/boot.h"

#define FILE_NAME "state"
#define TEMP_NAME "state.new"
#define FORMAT	  "vers3 blocks 1\n"
#define TEXT_SIZE 256

/* The file's text; the empty string when there is none. */
static void read_text(int dir_fd, const char *name, char *text)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, TEXT_SIZE - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

/* What the file says when open (or clean) in this boot. */
static int make_text(bool clean, char *text)
{
	char boot[BOOT_ID_SIZE];
	int n;

	if (boot_id(boot) && !clean)
		return -ENOENT;
	n = snprintf(text, TEXT_SIZE, FORMAT "boot %s\n%s\n", boot,
		     clean ? "clean" : "open");
	return n < TEXT_SIZE ? 0 : -EFBIG;
}

bool cleanmark_trusted(int dir_fd)
{
	char text[TEXT_SIZE], open_here[TEXT_SIZE];
	size_t len;

	read_text(dir_fd, FILE_NAME, text);
	len = strlen(text);
	if (strncmp(text, FORMAT, sizeof(FORMAT) - 1) != 0)
		return false;
	if (len > 7 && strcmp(text + len - 7, "\nclean\n") == 0)
		return true;
	return !make_text(false, open_here) && strcmp(text, open_here) == 0;
}

static int write_text(int dir_fd, const char *text)
{
	int fd = openat(dir_fd, TEMP_NAME,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	size_t len = strlen(text);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		r = -errno;
	else if ((size_t)n < len)
		r = -ENOSPC;
	else if (fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

int cleanmark_set(int dir_fd, bool clean)
{
	char text[TEXT_SIZE];
	int r = make_text(clean, text);

	/* No boot id: the mark says nothing that is ever trusted. */
	if (r == -ENOENT) {
		strcpy(text, FORMAT);
		r = 0;
	}
	if (!r)
		r = write_text(dir_fd, text);
	if (!r && renameat(dir_fd, TEMP_NAME, dir_fd, FILE_NAME))
		r = -errno;
	if (!r && fsync(dir_fd))
		r = -errno;
	return r;
}
