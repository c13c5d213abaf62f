/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the threads of long commands, and knows those that have not ended. */
#include "long_command.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "vers3/util/errtext.h"
#include "vers3/util/pool.h"

/* One that has not ended. */
struct work {
	LIST_ENTRY(work) entry; /* protected by the owner's mutex */
	unsigned looked_at; /* likewise: the look that has seen it */
	struct long_commands *owner; /* borrowed */
	struct long_command command;
	struct answer_stream *stream; /* counted */
};

struct long_commands {
	long_command_ended_fn ended;
	void *ctx; /* borrowed */
	struct pool *pool;
	struct cancel all; /* at the end of the mount */
	pthread_mutex_t mutex; /* protects the rest; a leaf */
	LIST_HEAD(, work) works; /* owned by their threads */
	unsigned count; /* of them */
	unsigned looks;
};

void long_command_release(struct long_command *c)
{
	if (c->run)
		c->release(c->arg);
	*c = (struct long_command){.name = NULL};
}

int long_commands_new(long_command_ended_fn ended, void *ctx,
		      struct long_commands **ret_commands)
{
	struct long_commands *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	rc = pool_new("vers3-long", LONG_COMMANDS_MAX, &l->pool);
	if (rc) {
		free(l);
		return rc;
	}
	l->ended = ended;
	l->ctx = ctx;
	cancel_init(&l->all, NULL);
	pthread_mutex_init(&l->mutex, NULL);
	LIST_INIT(&l->works);
	*ret_commands = l;
	return 0;
}

void long_commands_free(struct long_commands *l)
{
	if (!l)
		return;
	cancel_set(&l->all);
	pool_free(l->pool);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

static void work_free(struct work *w)
{
	long_command_release(&w->command);
	answer_stream_unref(w->stream);
	free(w);
}

/* Among those that have not ended from now on; -EBUSY: there are enough. */
static int work_add(struct work *w)
{
	struct long_commands *l = w->owner;
	int rc = 0;

	pthread_mutex_lock(&l->mutex);
	if (l->count == LONG_COMMANDS_MAX) {
		rc = -EBUSY;
	} else {
		w->looked_at = l->looks;
		LIST_INSERT_HEAD(&l->works, w, entry);
		l->count++;
	}
	pthread_mutex_unlock(&l->mutex);
	return rc;
}

static void work_remove(struct work *w)
{
	struct long_commands *l = w->owner;

	pthread_mutex_lock(&l->mutex);
	LIST_REMOVE(w, entry);
	l->count--;
	pthread_mutex_unlock(&l->mutex);
}

static void work_run(void *arg)
{
	struct work *w = arg;
	struct long_commands *l = w->owner;
	struct cancel *cancel = answer_stream_cancel_of(w->stream);
	int rc = -EINTR;

	cancel_enter(cancel);
	if (!cancel_is_set(cancel))
		rc = w->command.run(w->command.arg, w->stream);
	if (rc && !*answer_stream_why(w->stream))
		answer_stream_fail(w->stream, rc, "%s: %s", w->command.name,
				   errtext(rc));
	l->ended(l->ctx, rc, answer_stream_why(w->stream));
	cancel_enter(NULL);
	answer_stream_end(w->stream, rc);
	work_remove(w);
	work_free(w);
}

int long_commands_begin(struct long_commands *l, struct long_command *command,
			struct answer_stream **ret_stream)
{
	struct answer_stream *stream = NULL;
	struct work *w = calloc(1, sizeof(*w));
	int rc = w ? answer_stream_new(&l->all, &stream) : -ENOMEM;

	if (rc) {
		long_command_release(command);
		free(w);
		return rc;
	}
	w->owner = l;
	w->command = *command;
	*command = (struct long_command){.name = NULL};
	w->stream = answer_stream_ref(stream);
	rc = work_add(w);
	if (!rc) {
		rc = pool_submit(l->pool, work_run, w);
		if (rc)
			work_remove(w);
	}
	if (rc) {
		work_free(w);
		answer_stream_unref(stream);
		return rc;
	}
	*ret_stream = stream;
	return 0;
}

/* A stream that this look has not seen, counted; or NULL. */
static struct answer_stream *next_of(struct long_commands *l, unsigned look)
{
	struct answer_stream *stream = NULL;
	struct work *w;

	pthread_mutex_lock(&l->mutex);
	LIST_FOREACH(w, &l->works, entry) {
		if ((int)(look - w->looked_at) <= 0)
			continue;
		w->looked_at = look;
		stream = answer_stream_ref(w->stream);
		break;
	}
	pthread_mutex_unlock(&l->mutex);
	return stream;
}

void long_commands_give_up(struct long_commands *l)
{
	struct answer_stream *stream;
	unsigned look;

	pthread_mutex_lock(&l->mutex);
	look = ++l->looks;
	pthread_mutex_unlock(&l->mutex);
	/* A reader is told with no lock held: it may well come back here. */
	while ((stream = next_of(l, look))) {
		answer_stream_give_up(stream);
		answer_stream_unref(stream);
	}
}
