/* SPDX-License-Identifier: Apache-2.0 */
/* The list of uploads that are being begun, and whose an upload is. */
#include "upload_owner.h"

#include <string.h>

#include "syncer_impl.h"
#include "upload_record.h"
#include "vers3/core/mount.h"

void upload_beginning_add(struct syncer *s, struct upload_beginning *b,
			  const char *key)
{
	b->key = key;
	pthread_mutex_lock(&s->mutex);
	LIST_INSERT_HEAD(&s->beginnings, b, entry);
	pthread_mutex_unlock(&s->mutex);
}

void upload_beginning_remove(struct syncer *s, struct upload_beginning *b)
{
	pthread_mutex_lock(&s->mutex);
	LIST_REMOVE(b, entry);
	pthread_mutex_unlock(&s->mutex);
}

static bool is_begun(struct syncer *s, const char *key)
{
	const struct upload_beginning *b;
	bool begun = false;

	pthread_mutex_lock(&s->mutex);
	LIST_FOREACH(b, &s->beginnings, entry) {
		begun = begun || !strcmp(b->key, key);
	}
	pthread_mutex_unlock(&s->mutex);
	return begun;
}

/*
 * What is being begun is looked at before the records: when it is none of the
 * first any more, it is one of the second already. A key that is worked on may
 * have an upload that a request is made of (s3/composite.c).
 */
bool syncer_owns_upload(struct syncer *s, const char *key,
			const char *upload_id)
{
	bool owns;

	if (is_begun(s, key) ||
	    sync_busy_is(s, key + strlen(s->mount->config.prefix)))
		return true;
	/* Where it cannot be known it may be. */
	if (meta_lock(s->meta))
		return true;
	owns = !upload_record_is_ended(s->meta, upload_id);
	meta_unlock(s->meta);
	return owns;
}
