/* SPDX-License-Identifier: Apache-2.0 */
/* A sweep: its words, its passes one after the other, its end. */
#include "vers3/upkeep/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify_impl.h"
#include "vers3/history/nowhere.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/hash.h"
#include "vers3/util/pool.h"
#include "vers3/util/urgency.h"

#define RATE_DEFAULT (UINT64_C(32) << 20)

int verify_new(struct mount *mount, struct view *view, const char *path,
	       char *const *words, size_t count, struct verify **ret_verify,
	       char *reason, size_t size)
{
	struct hash_seed drawn;
	struct verify *v;
	int rc;

	if (strlen(path) > META_KEY_MAX) {
		snprintf(reason, size, "%.64s...: the path is too long", path);
		return -EINVAL;
	}
	v = calloc(1, sizeof(*v));
	if (v)
		v->path = strdup(path);
	if (!v || !v->path) {
		snprintf(reason, size, "%s", strerror(ENOMEM));
		free(v);
		return -ENOMEM;
	}
	hash_seed_draw(&drawn);
	v->mount = mount;
	v->view = view;
	v->against[VERIFY_CACHE] = true;
	v->sampling.ppm = SAMPLING_ALL;
	v->sampling.seed = drawn.at[0] >> 33; /* one that people can write */
	v->rate_bytes = RATE_DEFAULT;
	v->began_ns = clock_real_ns();
	rc = verify_take_words(v, words, count, reason, size);
	if (rc) {
		verify_free(v);
		return rc;
	}
	*ret_verify = v;
	return 0;
}

void verify_free(void *verify)
{
	struct verify *v = verify;

	if (!v)
		return;
	free(v->path);
	free(v);
}

static int run_passes(struct verify *v)
{
	static int (*const passes[VERIFY_PASSES])(struct verify *) = {
		[VERIFY_CACHE] = verify_cache,
		[VERIFY_REPLICA] = verify_replica,
	};
	int rc = 0;

	for (int i = (int)v->from_pass; !rc && i < VERIFY_PASSES; i++)
		if (v->against[i])
			rc = passes[i](v);
	return rc;
}

int verify_run(void *verify, struct answer_stream *answer)
{
	/* It may read all there is: who works in the mount goes first. */
	enum urgency before = urgency_enter(URGENCY_BACKGROUND);
	struct verify *v = verify;
	int rc = pool_new("vers3-verify", VERIFY_WIDTH - 1, &v->pool);

	v->answer = answer;
	throttle_init(&v->throttle, v->rate_bytes);
	if (!rc)
		rc = run_passes(v);
	if (!rc && !v->counts.objects && is_nowhere(v->view, v->path))
		rc = answer_stream_fail(answer, -ENOENT,
					"verify: %s: there is no such path",
					v->path);
	if (!rc)
		rc = verify_tell_end(v);
	pool_free(v->pool);
	v->pool = NULL;
	throttle_release(&v->throttle);
	if (rc && !*answer_stream_why(answer))
		answer_stream_fail(answer, rc, "verify: %s: %s",
				   *v->path ? v->path : "/", errtext(rc));
	urgency_enter(before);
	return rc;
}
