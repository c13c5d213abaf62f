/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as calls on a thread of their own. */
#include "vers3/fs/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define REPEAT_NS (100 * NS_PER_MS)

struct signals {
	pthread_t thread;
	sigset_t set; /* constant */
	pthread_mutex_t mutex; /* protects all below; held during calls */
	bool stopping;
	bool repeat; /* fn asked to be called again */
	bool (*fn)(void *ctx, int sig);
	void *ctx; /* borrowed */
	void (*hangup)(void *ctx);
	void *hangup_ctx; /* borrowed */
};

/* SIGUSR2 is signals_free()'s way to wake the thread. */
static const int caught[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR2};

static void take(struct signals *s, int sig)
{
	if (sig == SIGUSR2)
		return;
	if (sig == SIGHUP) {
		if (s->hangup)
			s->hangup(s->hangup_ctx);
		return;
	}
	if (sig > 0)
		log_info("%s: ending", strsignal(sig));
	if (s->fn)
		s->repeat = s->fn(s->ctx, sig);
	else if (sig > 0)
		_exit(1);
}

static void *signals_main(void *arg)
{
	struct signals *s = arg;
	const struct timespec tick = clock_timespec(REPEAT_NS);
	bool stopping = false, repeat = false;

	while (!stopping) {
		int sig = sigtimedwait(&s->set, NULL, repeat ? &tick : NULL);

		if (sig < 0 && errno != EAGAIN)
			continue;
		pthread_mutex_lock(&s->mutex);
		if (sig > 0)
			take(s, sig);
		else if (s->repeat)
			take(s, 0);
		stopping = s->stopping;
		repeat = s->repeat;
		pthread_mutex_unlock(&s->mutex);
	}
	return NULL;
}

int signals_new(struct signals **ret_signals)
{
	struct signals *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	sigemptyset(&s->set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaddset(&s->set, caught[i]);
	pthread_mutex_init(&s->mutex, NULL);
	rc = -pthread_sigmask(SIG_BLOCK, &s->set, NULL);
	if (!rc)
		rc = -pthread_create(&s->thread, NULL, signals_main, s);
	if (rc) {
		pthread_mutex_destroy(&s->mutex);
		free(s);
		return rc;
	}
	*ret_signals = s;
	return 0;
}

void signals_free(struct signals *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	pthread_mutex_unlock(&s->mutex);
	pthread_kill(s->thread, SIGUSR2);
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

void signals_on_hangup(struct signals *s, void (*fn)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&s->mutex);
	s->hangup = fn;
	s->hangup_ctx = ctx;
	pthread_mutex_unlock(&s->mutex);
}

void signals_attach(struct signals *s, bool (*fn)(void *ctx, int sig),
		    void *ctx)
{
	pthread_mutex_lock(&s->mutex);
	s->fn = fn;
	s->ctx = ctx;
	s->repeat = false;
	pthread_mutex_unlock(&s->mutex);
}
