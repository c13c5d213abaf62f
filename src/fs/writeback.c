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
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/hex.h"
#include "vers3/util/log.h"

#define TIME_MAX_NS (30 * NS_PER_S) /* the kernel keeps 1% of memory dirty */
#define LOOK_NS	    (2 * NS_PER_MS)
#define LOOKS	    25
#define PREFIX	    ".vers3-writeback-" /* the secret, '-', the inode in hex */
#define SECRET_LEN  (2 * WRITEBACK_SECRET_SIZE)

/* One file, as the child calls it. */
struct name {
	char text[sizeof(PREFIX) + SECRET_LEN + 1 + 16];
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
	bool begun = false;
	char c;

	/* Until it is known who we are. */
	close(fds[1]);
	while (read(fds[0], &c, 1) < 0 && errno == EINTR)
		;
	/* Without all of them there is no going in. */
	if (close_range(0, ~0U, 0))
		_exit(errno);
	fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		_exit(errno);
	for (size_t i = 0; i < count; i++) {
		file = openat(fd, names[i].text, O_RDONLY | O_CLOEXEC);
		/* All of them begin. */
		if (file >= 0 && !begun && syncfs(file))
			rc = errno;
		begun = begun || file >= 0;
		/* What is gone meanwhile needs nothing. */
		if (file < 0 ? errno != ENOENT : fsync(file))
			rc = errno;
		if (file >= 0)
			close(file);
	}
	_exit(rc);
}

static int make_secret(struct writeback *w)
{
	unsigned char bytes[WRITEBACK_SECRET_SIZE];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	hex_write(bytes, sizeof(bytes), w->secret);
	return 0;
}

static struct name *make_names(const struct writeback *w, const uint64_t *inos,
			       size_t count)
{
	struct name *names = calloc(count, sizeof(*names));

	for (size_t i = 0; names && i < count; i++)
		snprintf(names[i].text, sizeof(names[i].text),
			 PREFIX "%s-%016" PRIx64, w->secret, inos[i]);
	return names;
}

uint64_t writeback_ino(struct writeback *w, const char *name, pid_t pid)
{
	size_t skip = strlen(PREFIX);

	if (strncmp(name, PREFIX, skip) != 0 || !atomic_load(&w->pid) ||
	    strncmp(name + skip, w->secret, SECRET_LEN) != 0 ||
	    name[skip + SECRET_LEN] != '-')
		return 0;
	atomic_store(&w->seen, pid);
	return strtoull(name + skip + SECRET_LEN + 1, NULL, 16);
}

bool writeback_is_child(struct writeback *w, pid_t pid)
{
	return pid && pid == atomic_load(&w->seen);
}

void writeback_start(struct writeback *w, const char *mountpoint,
		     const uint64_t *inos, size_t count)
{
	struct name *names;
	int fds[2];
	pid_t pid;

	w->until_ns = clock_mono_ns() + TIME_MAX_NS;
	if (!count)
		return;
	names = make_secret(w) ? NULL : make_names(w, inos, count);
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

/* Nobody is the child any more. Before its number can be another's. */
static void forget(struct writeback *w)
{
	atomic_store(&w->pid, 0);
	atomic_store(&w->seen, 0);
}

/* Whether the child has ended by now. */
static bool is_gone(struct writeback *w)
{
	pid_t pid = atomic_load(&w->pid);
	siginfo_t end = {.si_pid = 0};

	if (!pid)
		return true;
	if (!waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) &&
	    !end.si_pid)
		return false;
	forget(w);
	waitpid(pid, NULL, WNOHANG);
	if (end.si_code != CLD_EXITED)
		log_warning("what is mapped was perhaps not written");
	else if (end.si_status)
		log_warning("what is mapped was perhaps not written: %s",
			    strerror(end.si_status));
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
	forget(w);
	waitpid(pid, NULL, WNOHANG);
}
