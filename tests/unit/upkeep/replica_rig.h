/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount whose bucket has a replica in memory, too. Versions have the ids of
 * their order, so what is done in both in one order is the same version.
 */
#ifndef VERS3_TESTS_UNIT_UPKEEP_REPLICA_RIG_H
#define VERS3_TESTS_UNIT_UPKEEP_REPLICA_RIG_H

#include "../vfs_rig.h"

#include "../control_rig.h"
#include "vers3/store/memory.h"

#define TEXT_MAX (256 << 10)

struct replica_rig {
	struct rig *r; /* owned */
	struct store *replica; /* owned */
	char answer[TEXT_MAX]; /* of the last command */
};

static inline int replica_rig_begin(void **state, bool versioned)
{
	struct replica_rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	if (versioned)
		rig_setup((void **)&g->r);
	else
		rig_setup_unversioned((void **)&g->r);
	assert_int_equal(memory_store_new(versioned, &g->replica), 0);
	g->r->f.v->mount->replica = g->replica;
	g->r->f.v->mount->config.replica_bucket = "there";
	*state = g;
	return 0;
}

static inline int replica_rig_setup(void **state)
{
	return replica_rig_begin(state, true);
}

static inline int replica_rig_teardown(void **state)
{
	struct replica_rig *g = *state;
	void *r = g->r;

	rig_teardown(&r);
	store_free(g->replica);
	free(g);
	return 0;
}

#define REPLICA_TEST(fn)                                                       \
	cmocka_unit_test_setup_teardown(fn, replica_rig_setup,                 \
					replica_rig_teardown)

/* text NULL: a delete marker. What store_call() said. */
static inline int replica_rig_do(struct store *s, const char *key,
				 const char *text, const struct kvlist *meta)
{
	char whole[META_KEY_MAX + 1];
	struct store_request q;
	int rc;

	snprintf(whole, sizeof(whole), VFS_FIXTURE_PREFIX "%s", key);
	store_request_init(&q, text ? STORE_PUT : STORE_DELETE);
	q.key = whole;
	q.meta = meta;
	if (text)
		q.body = (struct store_body){.mem = text,
					     .length = strlen(text)};
	rc = store_call(s, &q);
	store_request_release(&q);
	return rc;
}

static inline void own(struct replica_rig *g, const char *key, const char *text)
{
	assert_int_equal(replica_rig_do(g->r->bucket, key, text, NULL), 0);
}

static inline void there(struct replica_rig *g, const char *key,
			 const char *text)
{
	assert_int_equal(replica_rig_do(g->replica, key, text, NULL), 0);
}

static inline void both(struct replica_rig *g, const char *key,
			const char *text)
{
	own(g, key, text);
	there(g, key, text);
}

/* Carries a line out, and reads its answer to the end: what that says. */
static inline int replica_rig_run(struct replica_rig *g, const char *line)
{
	struct control_session *s;
	size_t len = 0, got = 0;
	int rc;

	assert_int_equal(control_open(g->r->f.v->control, &s), 0);
	rc = control_write(s, line, strlen(line));
	if (!rc)
		rc = control_flush(s);
	while (len < TEXT_MAX - 4096) {
		int end = control_read_now(s, len, g->answer + len, 4096, &got);

		rc = rc ? rc : end;
		if (end || !got)
			break;
		len += got;
	}
	g->answer[len] = '\0';
	control_close(s);
	return rc;
}

/* The line ends with rc, and each of the texts is in its answer. */
static inline void says(struct replica_rig *g, const char *line, int rc,
			const char *const *wants)
{
	int got = replica_rig_run(g, line);

	if (got != rc)
		fail_msg("%s: %d, not %d: %s", line, got, rc, g->answer);
	for (; *wants; wants++)
		if (!strstr(g->answer, *wants))
			fail_msg("%s: no \"%s\" in\n%s", line, *wants,
				 g->answer);
}

#define SAYS(g, line, rc, ...)                                                 \
	says(g, line, rc, (const char *const[]){__VA_ARGS__, NULL})

#endif
