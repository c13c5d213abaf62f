/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child that has the kernel write what is mapped: its start, its limited
 * time, its end.
 */
#include "writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define TIME_MAX_NS (30 * NS_PER_S) /* the kernel keeps 1% of memory dirty */
#define LOOK_NS	    (2 * NS_PER_MS)
#define LOOKS	    25
#define PREFIX	    ".vers3-writeback-" /* and the inode in hexadecimal */

/* One file, as the child calls it. */
struct name {
	char text[sizeof(PREFIX) + 16];
};

/*
 * The child's life. Other threads held locks when it was made, and are not
 * here: nothing but system calls.
 */
static void enter(const char *mountpoint, int fds[2], const struct name *names,
		  size_t count) __attribute__((noreturn));
static void enter(const char *mountpoint, int fds[2], const struct name *names,
		  size_t count)
{
	int fd, file, rc = 0;
	char c;

	/* Until it is known who we are. */
	close(fds[1]);
	while (read(fds[0], &c, 1) < 0 && errno == EINTR)
		;
	/* Without all of them there is no going in. */
	if (close_range(0, ~0U, 0))
		_exit(errno);
	fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd)) /* all of them begin */
		_exit(errno);
	for (size_t i = 0; i < count; i++) {
		file = openat(fd, names[i].text, O_RDONLY | O_CLOEXEC);
		/* What is gone meanwhile needs nothing. */
		if (file < 0 ? errno != ENOENT : fsync(file))
			rc = errno;
		if (file >= 0)
			close(file);
	}
	_exit(rc);
}

static struct name *make_names(const uint64_t *inos, size_t count)
{
	struct name *names = calloc(count ? count : 1, sizeof(*names));

	for (size_t i = 0; names && i < count; i++)
		snprintf(names[i].text, sizeof(names[i].text),
			 PREFIX "%016" PRIx64, inos[i]);
	return names;
}

bool writeback_is_child(struct writeback *w, pid_t pid)
{
	return pid && pid == atomic_load(&w->pid);
}

uint64_t writeback_ino(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX))
		       ? 0
		       : strtoull(name + strlen(PREFIX), NULL, 16);
}

void writeback_start(struct writeback *w, const char *mountpoint,
		     const uint64_t *inos, size_t count)
{
	struct name *names = make_names(inos, count);
	int fds[2];
	pid_t pid;

	w->until_ns = clock_mono_ns() + TIME_MAX_NS;
	if (!names || pipe2(fds, O_CLOEXEC)) {
		log_warning("%s: what is mapped is not written: %s", mountpoint,
			    strerror(errno));
		free(names);
		return;
	}
	pid = fork();
	if (pid == 0)
		enter(mountpoint, fds, names, count);
	if (pid < 0)
		log_warning("%s: what is mapped is not written: %s", mountpoint,
			    strerror(errno));
	else
		atomic_store(&w->pid, pid);
	close(fds[0]);
	close(fds[1]);
	free(names);
}

/* Whether the child has ended by now. */
static bool is_gone(struct writeback *w)
{
	pid_t pid = atomic_load(&w->pid);
	int status = 0;

	if (!pid)
		return true;
	if (waitpid(pid, &status, WNOHANG) == 0)
		return false;
	atomic_store(&w->pid, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		log_warning("what is mapped was perhaps not written: %s",
			    strerror(WEXITSTATUS(status)));
	return true;
}

bool writeback_is_over(struct writeback *w)
{
	struct timespec look = clock_timespec(LOOK_NS);

	for (int i = 0; i < LOOKS; i++) {
		if (is_gone(w))
			return true;
		nanosleep(&look, NULL);
	}
	if (clock_mono_ns() < w->until_ns)
		return false;
	log_warning("what is mapped could not be written in time");
	return true;
}

void writeback_end(struct writeback *w)
{
	pid_t pid = atomic_load(&w->pid);

	if (is_gone(w))
		return;
	/*
	 * In the kernel it goes on until the connection ends, and is left to
	 * whoever inherits it then.
	 */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, WNOHANG);
	atomic_store(&w->pid, 0);
}
