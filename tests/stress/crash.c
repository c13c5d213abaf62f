/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 of the daemon at random moments. What the next mount brings to the
 * bucket must be one moment of each worker's directory, with everything that
 * had returned.
 */
#include <stdio.h>

#include "rig.h"

static uint64_t random_below(struct rig *r, uint64_t limit)
{
	return model_random(&r->models[0], limit);
}

static const char *random_options(struct rig *r)
{
	static const char *const options[] = {
		"commit=0",  "commit=0", "commit=1", "commit=1,fsync=local",
		"commit=30",
	};

	return options[random_below(r, sizeof(options) / sizeof(*options))];
}

/* One life of the daemon that ends by a kill in the middle of the work. */
static int live_and_die(struct rig *r, const char *options)
{
	int rc = rig_mount(r, &r->live, NULL, r->cache, options);

	if (rc)
		return rc;
	if (!r->models[0].state_count)
		rc = rig_begin(r);
	if (!rc)
		rc = rig_start(r, 0);
	if (rc)
		return rc;
	rig_sleep_ms(100 + random_below(r, 1100));
	rig_end(&r->live);
	/* While it is mounted: below it there is nothing, which is no error. */
	rig_stop(r);
	rig_detach(&r->live);
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		model_certify(&r->models[i], INT64_MAX, 0);
	return rig_check_workers(r, true);
}

/* The next life sends what is left; sometimes it too is cut short. */
static int come_back(struct rig *r, const char *options)
{
	int rc;

	while (random_below(r, 3) == 0) {
		rc = rig_flash(r, &r->live, r->cache, options,
			       random_below(r, 500));
		if (rc)
			return rc;
	}
	rc = rig_mount(r, &r->live, NULL, r->cache, options);
	return rc ? rc : rig_unmount(&r->live);
}

int main(int argc, char **argv)
{
	struct rig r;
	unsigned i;
	int rc = 0;

	rig_init(&r, argc, argv, 8);
	for (i = 0; !rc && i < r.options.rounds; i++) {
		const char *options = random_options(&r);

		rc = live_and_die(&r, options);
		if (!rc)
			rc = come_back(&r, options);
		if (!rc)
			rc = rig_verify(&r);
		if (rc)
			fprintf(stderr, "round %u with %s\n", i, options);
	}
	rc = rig_verdict(&r, rc, i);
	rig_release(&r);
	return rc;
}
