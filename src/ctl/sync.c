/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl sync. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "target.h"
#include "control_client.h"
#include "replication.h"
#include "unmount.h"
#include "vers3/util/clock.h"
#include "vers3/util/gitconfig.h"

#define LOOK_NS	  (200 * NS_PER_MS) /* between two looks at what is left */
#define BAR_WIDTH 40

/* A sync that runs on a thread of its own while the bar is drawn. */
struct sync_job {
	const char *root; /* borrowed, as line */
	const char *line;
	struct buf answer;
	char reason[CTL_REASON_MAX];
	int rc;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	bool done; /* protected by mutex */
};

static void *run_sync(void *arg)
{
	struct sync_job *j = arg;

	j->rc = control_client_command(j->root, j->line, &j->answer, j->reason,
				       sizeof(j->reason));
	pthread_mutex_lock(&j->mutex);
	j->done = true;
	pthread_cond_signal(&j->ended);
	pthread_mutex_unlock(&j->mutex);
	return NULL;
}

/* Waits for the end of the job or of the time; true when it has ended. */
static bool wait_end(struct sync_job *j)
{
	int64_t until = clock_mono_ns() + LOOK_NS;
	bool done;

	pthread_mutex_lock(&j->mutex);
	while (!j->done &&
	       clock_cond_wait_until(&j->ended, &j->mutex, until) != -ETIMEDOUT)
		;
	done = j->done;
	pthread_mutex_unlock(&j->mutex);
	return done;
}

static void draw_bar(long long left, long long total)
{
	long long done = total - left;
	int width = total ? (int)(done * BAR_WIDTH / total) : 0;

	fprintf(stderr, "\r[%-*.*s] %lld of %lld sent\033[K", BAR_WIDTH, width,
		"########################################", done, total);
	fflush(stderr);
}

static void watch(struct sync_job *j)
{
	char reason[CTL_REASON_MAX];
	long long total = 0, left;
	bool drawn = false;
	json_t *state;

	while (!wait_end(j)) {
		if (control_client_state(j->root, &state, reason,
					 sizeof(reason)))
			continue;
		left = ctl_number(json_object_get(state, "sync"), "dirty");
		json_decref(state);
		total = left > total ? left : total;
		draw_bar(left, total);
		drawn = true;
	}
	if (drawn)
		fputs("\r\033[K", stderr);
}

static int start_watched(struct sync_job *j)
{
	pthread_t thread;
	int rc = clock_cond_init(&j->ended);

	if (rc)
		return rc;
	pthread_mutex_init(&j->mutex, NULL);
	rc = -pthread_create(&thread, NULL, run_sync, j);
	if (!rc) {
		watch(j);
		pthread_join(thread, NULL);
		rc = j->rc;
	}
	pthread_mutex_destroy(&j->mutex);
	pthread_cond_destroy(&j->ended);
	return rc;
}

int sync_place(const struct target *p, const char *path, char *reason,
	       size_t size)
{
	struct sync_job j = {.root = p->root, .reason = "no memory"};
	struct buf line, whole;
	int rc;

	buf_init(&line, 1 << 16);
	buf_init(&whole, 1 << 15);
	buf_init(&j.answer, TALK_ANSWER_MAX);
	rc = buf_puts(&line, "sync ");
	/* From the root: `sync replica` is another command. */
	if (!rc && *path)
		rc = buf_printf(&whole, "/%s", path);
	if (!rc && *path)
		rc = gitconfig_quote(&line, whole.data);
	j.line = line.data;
	if (!rc && isatty(STDERR_FILENO))
		rc = start_watched(&j);
	else if (!rc)
		rc = control_client_command(j.root, j.line, &j.answer, j.reason,
					    sizeof(j.reason));
	snprintf(reason, size, "%s", j.reason);
	buf_release(&j.answer);
	buf_release(&whole);
	buf_release(&line);
	return rc;
}

int ctl_sync(const struct ctl_call *c)
{
	char reason[CTL_REASON_MAX];
	struct target p;
	int rc;

	if (c->replica)
		return replication_wait(c, c->count ? c->args[0] : NULL,
					"sync replica");
	if (c->timeout)
		return ctl_misuse("sync: --timeout goes with --replica");
	rc = target_find(c->start, c->count ? c->args[0] : ".", &p, reason,
			 sizeof(reason));
	if (rc)
		return ctl_refuse(rc, reason);
	/* Without a PATH it is the mount, not the current directory. */
	rc = sync_place(&p, c->count ? p.path : "", reason, sizeof(reason));
	target_release(&p);
	if (rc)
		return ctl_refuse(rc, reason);
	if (c->json)
		return ctl_print_json(json_pack("{s:b}", "synced", 1));
	if (isatty(STDOUT_FILENO))
		puts(reason);
	return CTL_OK;
}
