/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child that calls syncfs(2) on the mount: its start, its limited time,
 * its end.
 */
#include "writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define TIME_MAX_NS (30 * NS_PER_S) /* the kernel keeps 1% of memory dirty */
#define LOOK_NS	    (2 * NS_PER_MS)
#define LOOKS	    25

/*
 * The child's life. Other threads held locks when it was made, and are not
 * here: nothing but system calls.
 */
static void enter(const char *mountpoint, int fds[2]) __attribute__((noreturn));
static void enter(const char *mountpoint, int fds[2])
{
	char c;
	int fd;

	/* Until it is known who we are. */
	close(fds[1]);
	while (read(fds[0], &c, 1) < 0 && errno == EINTR)
		;
	/* Without all of them there is no going in. */
	if (close_range(0, ~0U, 0))
		_exit(errno);
	fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd))
		_exit(errno);
	_exit(0);
}

void writeback_start(struct writeback *w, const char *mountpoint)
{
	int fds[2];
	pid_t pid;

	w->until_ns = clock_mono_ns() + TIME_MAX_NS;
	if (pipe2(fds, O_CLOEXEC)) {
		log_warning("%s: %s", mountpoint, strerror(errno));
		return;
	}
	pid = fork();
	if (pid == 0)
		enter(mountpoint, fds);
	if (pid < 0)
		log_warning("%s: what is mapped is not written: %s", mountpoint,
			    strerror(errno));
	else
		atomic_store(&w->pid, pid);
	close(fds[0]);
	close(fds[1]);
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
