/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads of this mount that are on no record yet: their ids come with the
 * server's answer, and a list of others may show them before.
 *
 * Any thread; takes the syncer's mutex.
 */
#ifndef VERS3_SRC_SYNC_UPLOAD_OWNER_H
#define VERS3_SRC_SYNC_UPLOAD_OWNER_H

#include <sys/queue.h>

struct syncer;

/* One that is being begun; of the thread that begins it. */
struct upload_beginning {
	LIST_ENTRY(upload_beginning)
	entry; /* protected by the syncer's mutex */
	const char *key; /* borrowed: in the bucket */
};

/* Before the request goes out. */
void upload_beginning_add(struct syncer *s, struct upload_beginning *b,
			  const char *key);
/* When the upload is on record, or there is none. */
void upload_beginning_remove(struct syncer *s, struct upload_beginning *b);

#endif
