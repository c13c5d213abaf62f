/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses and writes the two lines of a lock file; who holds the lock itself is
 * not known here.
 */
#include "vers3/util/lock_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Parses "PID STATE\nIDENTITY\n". */
int lock_record_read_fd(int fd, struct lock_record *ret)
{
	char text[LOCK_RECORD_MAX];
	char *line, *end;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	memset(ret, 0, sizeof(*ret));
	if (n <= 0)
		return -ENOENT;
	text[n] = '\0';
	line = strchr(text, '\n');
	if (!line)
		return -ENOENT;
	*line++ = '\0';
	end = strchr(line, '\n');
	if (!end || sscanf(text, "%ld %15s", &ret->pid, ret->state) != 2)
		return -ENOENT;
	*end = '\0';
	snprintf(ret->identity, sizeof(ret->identity), "%s", line);
	return 0;
}

int lock_record_read(const char *path, struct lock_record *ret)
{
	char *name = NULL;
	int fd, rc;

	if (asprintf(&name, "%s/" LOCK_RECORD_NAME, path) < 0)
		return -ENOMEM;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	rc = fd < 0 ? -errno : lock_record_read_fd(fd, ret);
	free(name);
	if (fd >= 0)
		close(fd);
	return rc;
}

int lock_record_write(int fd, const char *state, const char *identity)
{
	char text[LOCK_RECORD_MAX];
	int len = snprintf(text, sizeof(text), "%ld %s\n%s\n", (long)getpid(),
			   state, identity);

	if (len >= (int)sizeof(text))
		return -ENAMETOOLONG;
	if (pwrite(fd, text, (size_t)len, 0) != len || ftruncate(fd, len))
		return errno ? -errno : -EIO;
	return 0;
}

int lock_record_outcome(const char *path, long pid)
{
	struct lock_record record;
	int rc = lock_record_read(path, &record);

	if (rc)
		return rc;
	if (record.pid != pid)
		return -ENOENT;
	return strcmp(record.state, LOCK_SENT) == 0;
}
