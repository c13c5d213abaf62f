/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at an object: its HEAD, what that calls for, and the RestoreObject
 * where one is called for. Each item is one thread's at a time.
 */
#include "thaw_batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thaw_verdict.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"

#define AT_ONCE	     8
#define FAILURES_MAX 10 /* of one object, by the server */
#define DOCUMENT_MAX 1024

int thaw_batch_add(struct thaw_batch *b, const char *key,
		   const char *version_id)
{
	struct thaw_item *it;

	if (array_room(b->items, b->count, b->size))
		return -ENOMEM;
	it = &b->items[b->count];
	*it = (struct thaw_item){.key = strdup(key)};
	if (version_id)
		it->version_id = strdup(version_id);
	if (!it->key || (version_id && !it->version_id)) {
		free(it->key);
		free(it->version_id);
		return -ENOMEM;
	}
	b->count++;
	return 0;
}

static void fail(struct thaw_item *it, const struct store_request *r, int rc)
{
	it->state = THAW_IS_FAILED;
	it->error = rc;
	it->failures++;
	store_describe(r, rc, it->why, sizeof(it->why));
}

/* Sends the request for the version that the HEAD was of. */
static int send_request(struct thaw_batch *b, const struct thaw_item *it,
			const struct archive *a, const char *version_id,
			struct store_request *r)
{
	struct buf doc;
	int rc;

	buf_init(&doc, DOCUMENT_MAX);
	store_request_init(r, STORE_RESTORE);
	rc = archive_write_request(a->for_good ? 0 : b->days, b->tier, &doc);
	r->key = it->key;
	r->version_id = version_id;
	r->trial = true; /* it is told here */
	r->body = (struct store_body){
		.mem = doc.data, .fd = -1, .length = doc.len};
	if (!rc)
		rc = store_call(b->mount->store, r);
	buf_release(&doc);
	return rc;
}

static void ask(struct thaw_batch *b, struct thaw_item *it,
		const struct archive *a, const char *version_id)
{
	struct store_request r;
	int rc;

	if (it->asks == THAW_ASKS_MAX) {
		it->state = THAW_IS_FAILED;
		it->error = -EREMOTE;
		snprintf(it->why, sizeof(it->why),
			 "asked for %d times, and is archived again",
			 THAW_ASKS_MAX);
		return;
	}
	it->asks++;
	rc = send_request(b, it, a, version_id, &r);
	switch (thaw_read_outcome(rc, r.reply.status, r.reply.code, a->state)) {
	case THAW_ACCEPTED:
		it->state = THAW_IS_ASKED;
		break;
	case THAW_EXTENDED:
		it->state = THAW_IS_EXTENDED;
		break;
	case THAW_IN_PROGRESS:
		it->state = THAW_IS_UNDER_WAY;
		break;
	case THAW_NOT_ARCHIVED:
		it->state = THAW_IS_OPEN;
		break;
	case THAW_GONE:
		it->state = THAW_IS_GONE;
		break;
	case THAW_UNSUPPORTED:
		atomic_store(&b->vain, true);
		fail(it, &r, -EOPNOTSUPP);
		break;
	case THAW_FAILED:
		fail(it, &r, rc);
		break;
	}
	store_request_release(&r);
}

static void act(struct thaw_batch *b, struct thaw_item *it,
		const struct store_object *o)
{
	const char *class = kvlist_get(&o->headers, "x-amz-storage-class");
	struct archive a;

	archive_read(&o->headers, &a);
	it->size_bytes = o->size_bytes;
	it->until_ns = a.until_ns;
	snprintf(it->storage_class, sizeof(it->storage_class), "%s",
		 class ? class : "");
	switch (thaw_choose(&a, mount_server_now_ns(b->mount), b->days)) {
	case THAW_NOTHING:
		it->state = a.state == ARCHIVE_RESTORED ? THAW_IS_RESTORED
							: THAW_IS_OPEN;
		break;
	case THAW_WAIT:
		it->state = THAW_IS_UNDER_WAY;
		break;
	case THAW_ASK:
	case THAW_EXTEND:
		/* Not what may have come in its place meanwhile. */
		ask(b, it, &a, o->version_id ? o->version_id : it->version_id);
		break;
	}
}

static bool is_settled(const struct thaw_item *it)
{
	switch (it->state) {
	case THAW_IS_UNKNOWN:
	case THAW_IS_ASKED:
	case THAW_IS_UNDER_WAY:
		return false;
	case THAW_IS_FAILED:
		/* A server that is away is waited for; one that fails, not. */
		return !store_is_unanswered(it->error) &&
		       (it->error != -EIO || it->failures >= FAILURES_MAX);
	default:
		return true;
	}
}

static int look(void *ctx, unsigned i)
{
	struct thaw_batch *b = ctx;
	struct thaw_item *it = &b->items[i];
	struct store_request r;
	int rc;

	if (is_settled(it) || atomic_load(&b->vain))
		return 0;
	if (cancel_asked())
		return -EINTR;
	rc = store_head(b->mount->store, &r, it->key, it->version_id);
	if (!rc)
		act(b, it, &r.reply.object);
	else if (rc == -ENOENT)
		it->state = THAW_IS_GONE;
	else
		fail(it, &r, rc);
	store_request_release(&r);
	return cancel_asked() ? -EINTR : 0;
}

int thaw_batch_look(struct thaw_batch *b)
{
	int rc = pool_each(b->pool, AT_ONCE, (unsigned)b->count, look, b);

	return !rc && atomic_load(&b->vain) ? -EOPNOTSUPP : rc;
}

size_t thaw_batch_pending(const struct thaw_batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->count; i++)
		n += !is_settled(&b->items[i]);
	return n;
}

void thaw_batch_clear(struct thaw_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->items[i].key);
		free(b->items[i].version_id);
	}
	b->count = 0;
}

void thaw_batch_release(struct thaw_batch *b)
{
	thaw_batch_clear(b);
	free(b->items);
	b->items = NULL;
	b->size = 0;
}
