/* SPDX-License-Identifier: Apache-2.0 */
/* HEADs to the replica, ever more rarely. */
#include "vers3/core/replica_look.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vers3/meta/inode.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#define FIRST_PAUSE_NS (20 * NS_PER_MS)
#define LAST_PAUSE_NS  (1 * NS_PER_S)

/*
 * A version is copied whole or not at all, and may have another ETag where it
 * is encrypted with another key. What has no id of its own, which "null" is
 * not either, is told by its ETag.
 */
static enum replica_look judge(const struct replica_version *v,
			       const struct store_object *o)
{
	bool same = o->size_bytes == v->size_bytes;

	if (meta_is_version_id(v->version_id))
		return same ? REPLICA_LOOK_HAS : REPLICA_LOOK_OTHER;
	if (*v->etag)
		same = same && o->etag && !strcmp(o->etag, v->etag);
	/* Else an older one stands there yet. */
	return same ? REPLICA_LOOK_HAS : REPLICA_LOOK_LACKS;
}

int replica_look(struct mount *mount, const struct replica_version *v,
		 int64_t until_ns, enum replica_look *ret_look, char *why,
		 size_t size)
{
	struct cancel enough, *before = cancel_current();
	struct store_request r;
	int rc;

	cancel_init_until(&enough, before, until_ns);
	cancel_enter(&enough);
	rc = store_head(mount->replica, &r, v->key, v->version_id);
	cancel_enter(before);
	if (rc && !cancel_is_set(before) && cancel_is_set(&enough))
		rc = -ETIMEDOUT;
	if (!rc)
		*ret_look = judge(v, &r.reply.object);
	if (rc == -ENOENT) {
		/* By its id that is a delete marker: no version comes there. */
		*ret_look = meta_is_version_id(v->version_id) &&
					    r.reply.object.delete_marker
				    ? REPLICA_LOOK_OTHER
				    : REPLICA_LOOK_LACKS;
		rc = 0;
	}
	if (rc && why)
		store_describe(&r, rc, why, size);
	store_request_release(&r);
	return rc;
}

int replica_wait(struct mount *mount, const struct replica_version *v,
		 int64_t until_ns)
{
	int64_t pause_ns = FIRST_PAUSE_NS;

	for (;;) {
		enum replica_look look = REPLICA_LOOK_LACKS;
		int rc = replica_look(mount, v, until_ns, &look, NULL, 0);
		int64_t left_ns = until_ns - clock_mono_ns();

		if (!rc && look == REPLICA_LOOK_HAS)
			return 0;
		if (!rc && look == REPLICA_LOOK_OTHER)
			return -EUCLEAN;
		if (rc && rc != -ETIMEDOUT && !store_is_outage(rc))
			return rc;
		if (left_ns <= 0)
			return -ETIMEDOUT;
		rc = cancel_sleep(pause_ns < left_ns ? pause_ns : left_ns);
		if (rc)
			return rc;
		pause_ns *= 2;
		if (pause_ns > LAST_PAUSE_NS)
			pause_ns = LAST_PAUSE_NS;
	}
}
