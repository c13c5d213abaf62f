/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart uploads that nobody wants any more: their end in the bucket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "upload_record.h"
#include "stream.h"
#include "syncer_impl.h"
#include "upload_impl.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"

#define LEFTOVERS_MAX 256 /* looked at by one mount */

static int abort_upload(struct syncer *s, const char *key, const char *id)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_ABORT_UPLOAD);
	r.key = key;
	r.upload_id = id;
	rc = store_call(s->mount->store, &r);
	store_request_release(&r);
	if (!rc || rc == -ENOENT)
		upload_record_ended(s, id);
	return rc;
}

/* What earlier mounts began and did not end; one block, owned by its job. */
struct leftovers {
	struct uploader *u;
	size_t count;
	struct leftover {
		char id[META_KEY_BUF], key[META_KEY_MAX + 1];
	} items[LEFTOVERS_MAX];
};

static void run_leftovers(void *arg)
{
	struct leftovers *l = arg;

	for (size_t i = 0; i < l->count && !l->u->ending; i++) {
		const struct leftover *at = &l->items[i];
		int rc = abort_upload(l->u->s, at->key, at->id);

		log_info("aborted an unfinished upload of %s: %s", at->key,
			 strerror(-rc));
	}
	free(l);
}

/*
 * They are looked for before this mount begins any itself, and aborted beside
 * all else: nothing waits for it.
 */
void upload_abort_leftovers(struct uploader *u)
{
	struct leftovers *l = calloc(1, sizeof(*l));
	char id[META_KEY_BUF] = "";

	if (!l)
		return; /* the next mount sees to it */
	l->u = u;
	while (l->count < LEFTOVERS_MAX &&
	       !upload_record_next_leftover(u->s, id, l->items[l->count].key))
		strcpy(l->items[l->count++].id, id);
	if (!l->count || pool_submit(u->parts, run_leftovers, l))
		free(l);
}

void upload_ending(struct uploader *u)
{
	u->ending = true;
}

struct abandoned {
	struct uploader *u;
	uint64_t ino;
	struct upload_record o;
};

static void run_abandon(void *arg)
{
	struct abandoned *a = arg;

	/* A part that is taken after the abort may stay, where nobody sees. */
	streams_wait_forgotten(a->u->streams, a->ino);
	/* If that fails, the next mount sees to it. */
	abort_upload(a->u->s, a->o.key, a->o.upload_id);
	upload_record_release(&a->o);
	free(a);
}

/* Takes o over. */
static void submit_abandon(struct uploader *u, uint64_t ino,
			   struct upload_record *o)
{
	struct abandoned *a = malloc(sizeof(*a));

	if (a) {
		a->u = u;
		a->ino = ino;
		a->o = *o;
		if (!pool_submit(u->parts, run_abandon, a))
			return;
		free(a);
	}
	upload_record_release(o); /* the next mount sees to it */
}

int upload_abandon_locked(struct uploader *u, uint64_t ino)
{
	struct upload_record o;
	int rc;

	streams_forget(u->streams, ino);
	upload_record_init(&o);
	rc = upload_record_read_locked(u->s->meta, ino, &o);
	if (!rc)
		rc = upload_record_forget_locked(u->s->meta, ino);
	if (!rc && !upload_record_is_ended(u->s->meta, o.upload_id))
		submit_abandon(u, ino, &o);
	else
		upload_record_release(&o);
	return rc == -ENOENT ? 0 : rc;
}
