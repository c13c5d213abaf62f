/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of other writers share. */
#ifndef VERS3_TESTS_UNIT_SYNC_CONFLICT_RIG_H
#define VERS3_TESTS_UNIT_SYNC_CONFLICT_RIG_H

#include "../vfs_rig.h"

#include "../git_config.h"
#include "vers3/core/caps.h"
#include "vers3/sync/conflict.h"

static const struct caps no_caps;

static const struct caps all_caps = CAPS_ALL;

static inline void use(struct rig *r, const struct caps *caps, int64_t ttl_ns)
{
	r->f.config.caps = *caps;
	r->f.config.ttl_ns = ttl_ns;
	rig_restart(r);
}

/* What the control file says, as git reads it; "" : nothing. */
static inline void says(struct rig *r, const char *key, const char *wanted)
{
	char value[256];
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(conflict_write(r->f.v->syncer, &text), 0);
	if (git_config_get(text.data, key, value, sizeof(value)) >= 0)
		assert_string_equal(value, wanted);
	buf_release(&text);
}

/* A list of the root, as another process brings it about. */
static inline void look(struct rig *r)
{
	char names[256];

	assert_int_equal(rig_list(r, "", false, names, sizeof(names)), 0);
}

/* The state before: "base" is in the bucket, and known. */
static inline void base(struct rig *r, const char *name)
{
	rig_write(r, name, "base");
	rig_sync(r);
}

/* The record of a key says what was sent, as if the answer never came. */
static inline void note_sent(struct rig *r, const char *key, const char *etag)
{
	struct meta_dirty dirty;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_dirty_get(r->f.meta, key, &dirty), 0);
	meta_tried_add(dirty.tried, etag);
	assert_int_equal(meta_dirty_put(r->f.meta, &dirty), 0);
	meta_unlock(r->f.meta);
}

#define MD5_OURS "abdc793c700a0f9110566c092398985f"

#endif
