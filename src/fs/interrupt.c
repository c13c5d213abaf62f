/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks: libfuse's of a request before the mutex here. interrupt_end() waits
 * for a callback under way in fuse_req_interrupt_func(), without the mutex.
 */
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/vfs/vfs.h"

struct interrupts {
	struct vfs *vfs; /* borrowed */
	struct cancel all; /* when the session ends */
	pthread_t thread; /* looks at the processes */

	pthread_mutex_t mutex; /* protects the rest */
	pthread_cond_t wake; /* the list is not empty, or stop */
	LIST_HEAD(, interrupt) watched; /* borrowed */
	bool stop;
};

/* Does this line of /proc/PID/status tell of a SIGKILL that is pending? */
static bool tells_of_kill(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line && (strtoull(line + strlen(name), NULL, 16) &
			(1ULL << (SIGKILL - 1)));
}

/*
 * Whatever kills a process without a dump is a SIGKILL to each of its threads.
 * Of one that we cannot see nothing is known: it waits.
 */
static bool is_killed(pid_t pid)
{
	char path[64], status[4096];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	got = read(fd, status, sizeof(status) - 1);
	close(fd);
	if (got <= 0)
		return false;
	status[got] = '\0';
	return tells_of_kill(status, "\nSigPnd:") ||
	       tells_of_kill(status, "\nShdPnd:");
}

/* With the mutex held. True when some request is given up. */
static bool look_at_all(struct interrupts *s)
{
	struct interrupt *i;
	bool any = false;

	LIST_FOREACH(i, &s->watched, entry) {
		if (cancel_is_set(&i->cancel) ||
		    !is_killed(fuse_req_ctx(i->req)->pid))
			continue;
		cancel_set(&i->cancel);
		any = true;
	}
	return any;
}

static void *interrupts_main(void *arg)
{
	struct interrupts *s = arg;

	pthread_mutex_lock(&s->mutex);
	while (!s->stop) {
		int64_t until = clock_mono_ns() + CANCEL_POLL_MS * NS_PER_MS;

		if (LIST_EMPTY(&s->watched)) {
			pthread_cond_wait(&s->wake, &s->mutex);
			continue;
		}
		if (look_at_all(s)) {
			pthread_mutex_unlock(&s->mutex);
			vfs_give_up_reads(s->vfs);
			pthread_mutex_lock(&s->mutex);
		}
		while (!s->stop && clock_cond_wait_until(&s->wake, &s->mutex,
							 until) != -ETIMEDOUT)
			;
	}
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}

int interrupts_new(struct vfs *vfs, struct interrupts **ret_interrupts)
{
	struct interrupts *s = calloc(1, sizeof(*s));
	sigset_t all, old;
	int rc;

	if (!s)
		return -ENOMEM;
	s->vfs = vfs;
	cancel_init(&s->all, NULL);
	pthread_mutex_init(&s->mutex, NULL);
	rc = clock_cond_init(&s->wake);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!rc)
		rc = -pthread_create(&s->thread, NULL, interrupts_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		pthread_mutex_destroy(&s->mutex);
		free(s);
		return rc;
	}
	pthread_setname_np(s->thread, "vers3-intr");
	*ret_interrupts = s;
	return 0;
}

void interrupts_free(struct interrupts *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mutex);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

void interrupts_end(struct interrupts *s)
{
	cancel_set(&s->all);
	vfs_give_up_reads(s->vfs);
}

/* The kernel tells of a signal; on one of libfuse's threads. */
static void on_interrupt(fuse_req_t req, void *data)
{
	struct interrupt *i = data;
	struct interrupts *s = i->owner;

	(void)req;
	pthread_mutex_lock(&s->mutex);
	if (!i->watched) {
		i->watched = true;
		LIST_INSERT_HEAD(&s->watched, i, entry);
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->mutex);
}

void interrupt_begin(struct interrupt *i, struct interrupts *s, fuse_req_t req,
		     bool lasting)
{
	i->owner = s;
	i->req = req;
	i->watched = false;
	cancel_init(&i->cancel, lasting ? NULL : &s->all);
	fuse_req_interrupt_func(req, on_interrupt, i);
}

void interrupt_end(struct interrupt *i)
{
	struct interrupts *s = i->owner;

	fuse_req_interrupt_func(i->req, NULL, NULL);
	pthread_mutex_lock(&s->mutex);
	if (i->watched)
		LIST_REMOVE(i, entry);
	pthread_mutex_unlock(&s->mutex);
}
